// Filtering, sorting, counting and finding the next error, over all rows of a table.
import { FN, FP, TP, UNSET } from "./columns";
import { DETECTION, type Table } from "./table";

export type SortKey = "time" | "confidence" | "size" | "label" | "iou";

export interface Filter {
  /** Detections below are not counted. */
  confidence: number;
  /** Bit 1 << outcome. */
  outcomes: number;
  /** Texts of the labels to show; null: all. */
  labels: string[] | null;
  /** Pixels, the root of the area; 0 and null: no limit. */
  minSize: number;
  maxSize: number | null;
  /** Frames, the last one included; null: no limit. */
  from: number | null;
  to: number | null;
  /** Part of a label, "#7" for a track, "@120" for a frame. */
  search: string;
}

export const ALL_OUTCOMES = (1 << TP) | (1 << FP) | (1 << FN) | (1 << DETECTION);

export const noFilter: Filter = {
  confidence: 0,
  outcomes: ALL_OUTCOMES,
  labels: null,
  minSize: 0,
  maxSize: null,
  from: null,
  to: null,
  search: "",
};

export interface Counts {
  tp: number;
  fp: number;
  fn: number;
  detections: number;
}

/** The filter made ready for rows: labels as a table, sizes as areas, frames as rows. */
export interface Plan {
  first: number;
  last: number; // one beyond
  confidence: number;
  outcomes: number;
  allowed: Uint8Array; // by label
  minArea: number;
  maxArea: number;
  track: number; // -1: any
}

export function plan(t: Table, f: Filter): Plan {
  const search = f.search.trim().toLowerCase();
  const track = /^#(\d+)$/.exec(search);
  const frame = /^@(\d+)$/.exec(search);
  const isWord = search !== "" && !search.startsWith("#") && !search.startsWith("@");
  const allowed = new Uint8Array(Math.max(1, t.labels.length));
  t.labels.forEach((l, i) => {
    const isChosen = !f.labels || f.labels.includes(l.text);
    allowed[i] = isChosen && (!isWord || l.text.toLowerCase().includes(search)) ? 1 : 0;
  });
  const from = frame ? Number(frame[1]) : f.from;
  const to = frame ? Number(frame[1]) : f.to;
  return {
    first: from === null ? 0 : t.firstOf(from),
    last: to === null ? t.n : t.firstOf(to + 1),
    confidence: f.confidence,
    outcomes: f.outcomes,
    allowed,
    minArea: f.minSize * f.minSize,
    maxArea: f.maxSize === null ? Infinity : f.maxSize * f.maxSize,
    track: track ? Number(track[1]) : -1,
  };
}

/** What row *i* counts as under the plan, whatever outcomes are chosen; 0: it does not pass. */
export function passes(t: Table, p: Plan, i: number): number {
  const was = t.outcome[i]!;
  let is = was;
  if (was !== FN) {
    if (t.confidence[i]! >= p.confidence) is = was === UNSET ? DETECTION : was;
    else if (was === TP) is = FN;
    else return 0;
  }
  if (p.allowed[t.label[i]!] === 0) return 0;
  const area = t.w[i]! * t.h[i]!;
  if (area < p.minArea || area > p.maxArea) return 0;
  if (p.track >= 0 && t.track[i] !== p.track) return 0;
  return is;
}

// ---- order

/** Rows by rising key, equal keys as they were: two passes over 16 bits each. */
export function radixOrder(keys: Uint32Array): Uint32Array {
  const n = keys.length;
  let from = new Uint32Array(n);
  let to = new Uint32Array(n);
  for (let i = 0; i < n; i++) from[i] = i;
  for (let shift = 0; shift < 32; shift += 16) {
    const at = new Uint32Array(65537);
    for (let i = 0; i < n; i++) at[((keys[i]! >>> shift) & 0xffff) + 1]!++;
    for (let i = 0; i < 65536; i++) at[i + 1]! += at[i]!;
    for (let i = 0; i < n; i++) {
      const row = from[i]!;
      to[at[(keys[row]! >>> shift) & 0xffff]!++] = row;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Floats as whole numbers of the same order. */
export function floatKeys(values: Float32Array): Uint32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const keys = new Uint32Array(values.length);
  for (let i = 0; i < keys.length; i++) {
    const b = bits[i]!;
    keys[i] = b >>> 31 ? ~b : b | 0x80000000;
  }
  return keys;
}

function keysOf(t: Table, key: SortKey): Uint32Array {
  switch (key) {
    case "confidence":
      return floatKeys(t.confidence.slice(0, t.n));
    case "iou":
      return floatKeys(t.iou.length ? t.iou.slice(0, t.n) : new Float32Array(t.n));
    case "size": {
      const area = new Float32Array(t.n);
      for (let i = 0; i < t.n; i++) area[i] = t.w[i]! * t.h[i]!;
      return floatKeys(area);
    }
    case "label": {
      const names = t.labels.map((l, i) => ({ text: l.text, i })).sort((a, b) => (a.text < b.text ? -1 : 1));
      const rank = new Uint32Array(names.length);
      names.forEach((l, place) => (rank[l.i] = place));
      const keys = new Uint32Array(t.n);
      for (let i = 0; i < t.n; i++) keys[i] = rank[t.label[i]!]!;
      return keys;
    }
    case "time":
      return Uint32Array.from(t.frame.subarray(0, t.n));
  }
}

/** Keeps the one order that is in use: a million rows' is four megabytes. */
export class Orders {
  private key: SortKey | null = null;
  private n = -1;
  private order: Uint32Array | null = null;

  /** null: the rows as they lie. */
  get(t: Table, key: SortKey): Uint32Array | null {
    if (key === "time") return null;
    if (this.key !== key || this.n !== t.n || !this.order) {
      this.order = radixOrder(keysOf(t, key));
      this.key = key;
      this.n = t.n;
    }
    return this.order;
  }

  get bytes() {
    return this.order?.byteLength ?? 0;
  }

  clear() {
    this.key = this.order = null;
  }
}

export interface Selection {
  /** Rows that pass, in the order asked for; the rest of the array is spare. */
  rows: Uint32Array;
  n: number;
  /** Of all outcomes, chosen or not. */
  counts: Counts;
}

export function select(
  t: Table,
  f: Filter,
  sort: SortKey,
  descending: boolean,
  orders: Orders,
  into?: Uint32Array,
): Selection {
  // prettier-ignore
  const p = plan(t, f);
  const order = orders.get(t, sort);
  const rows = into && into.length >= t.n ? into : new Uint32Array(t.n);
  const seen = new Uint32Array(5);
  let n = 0;
  const size = order ? t.n : p.last - p.first;
  for (let k = 0; k < size; k++) {
    const at = descending ? size - 1 - k : k;
    const i = order ? order[at]! : p.first + at;
    if (order && (i < p.first || i >= p.last)) continue;
    const is = passes(t, p, i);
    if (is === 0) continue;
    seen[is]!++;
    if (p.outcomes & (1 << is)) rows[n++] = i;
  }
  return { rows, n, counts: { tp: seen[TP]!, fp: seen[FP]!, fn: seen[FN]!, detections: seen[DETECTION]! } };
}

/** How many rows of each label pass, its own choice aside; for the list of classes. */
export function labelCounts(t: Table, f: Filter): Uint32Array {
  const p = plan(t, { ...f, labels: null });
  const counts = new Uint32Array(Math.max(1, t.labels.length));
  for (let i = p.first; i < p.last; i++) {
    const is = passes(t, p, i);
    if (is !== 0 && p.outcomes & (1 << is)) counts[t.label[i]!]!++;
  }
  return counts;
}

/**
 * The next error (or, with all outcomes unjudged, detection) that the filter shows: after row *row*
 * where one is chosen, else in a frame after *frame*. -1: there is none.
 */
export function nextError(t: Table, f: Filter, row: number, frame: number, direction: 1 | -1): number {
  const p = plan(t, f);
  const errors = t.hasOutcomes ? (1 << FP) | (1 << FN) : 1 << DETECTION;
  const wanted = p.outcomes & errors || errors;
  let i: number;
  if (row >= 0 && t.frame[row] === frame) i = row + direction;
  else i = direction > 0 ? t.firstOf(frame + 1) : t.firstOf(frame) - 1;
  if (direction > 0) i = Math.max(i, p.first);
  else i = Math.min(i, p.last - 1);
  for (; i >= p.first && i < p.last; i += direction) {
    const is = passes(t, p, i);
    if (is !== 0 && wanted & (1 << is)) return i;
  }
  return -1;
}

export interface Figures {
  precision: number | null;
  recall: number | null;
  f1: number | null;
}

export function figures(c: Counts): Figures {
  const precision = c.tp + c.fp > 0 ? c.tp / (c.tp + c.fp) : null;
  const recall = c.tp + c.fn > 0 ? c.tp / (c.tp + c.fn) : null;
  const f1 = c.tp + c.fp + c.fn > 0 ? (2 * c.tp) / (2 * c.tp + c.fp + c.fn) : null;
  return { precision, recall, f1 };
}
