// All rows of one video as typed arrays: what the worker keeps, filters, sorts and counts.
import { FN, FP, TP, UNSET, type Block, type Label } from "./columns";

type Numbers = Float32Array | Int32Array | Uint16Array | Uint8Array;

const FIRST_ROWS = 4096;
const STEP_ROWS = 1 << 18; // growth of large tables: doubling would waste half

function grown<T extends Numbers>(old: T, rows: number): T {
  const make = old.constructor as new (n: number) => T;
  const next = new make(rows);
  next.set(old.subarray(0, Math.min(old.length, rows)) as never);
  return next;
}

/** One object of the picture: a detection, a truth, or a pair of both. */
export interface Row {
  frame: number;
  x: number;
  y: number;
  w: number;
  h: number;
  confidence: number;
  label: number;
  outcome: number;
  track: number;
  truthX: number;
  truthY: number;
  truthW: number;
  truthH: number;
  iou: number;
}

export class Table {
  n = 0;
  /** True once a block brought outcomes: rows are pairs, false alarms and misses. */
  hasOutcomes = false;
  hasTracks = false;
  labels: Label[] = [];
  frame = new Int32Array(0);
  x = new Float32Array(0);
  y = new Float32Array(0);
  w = new Float32Array(0);
  h = new Float32Array(0);
  confidence = new Float32Array(0);
  label = new Uint16Array(0);
  outcome = new Uint8Array(0);
  track = new Int32Array(0);
  truthX = new Float32Array(0);
  truthY = new Float32Array(0);
  truthW = new Float32Array(0);
  truthH = new Float32Array(0);
  iou = new Float32Array(0);
  /** The frames that were looked at, with or without objects, and when each is shown. */
  nFrames = 0;
  frames = new Int32Array(0);
  times = new Float64Array(0);

  private capacity = 0;
  private isSorted = true;
  private labelIndex = new Map<string, number>();

  get bytes() {
    const rows = [this.frame, this.x, this.y, this.w, this.h, this.confidence, this.label, this.outcome,
      this.track, this.truthX, this.truthY, this.truthW, this.truthH, this.iou]; // prettier-ignore
    let sum = this.frames.byteLength + this.times.byteLength;
    for (const a of rows) sum += a.byteLength;
    return sum;
  }

  labelOf(classId: number, text: string): number {
    const key = `${classId} ${text}`;
    const known = this.labelIndex.get(key);
    if (known !== undefined) return known;
    this.labels.push({ classId, text });
    this.labelIndex.set(key, this.labels.length - 1);
    return this.labels.length - 1;
  }

  reserve(rows: number) {
    if (rows <= this.capacity) return;
    const least =
      this.capacity < STEP_ROWS ? Math.max(FIRST_ROWS, this.capacity * 2) : this.capacity + STEP_ROWS;
    this.resize(Math.max(rows, least));
  }

  private resize(rows: number) {
    this.capacity = rows;
    this.frame = grown(this.frame, rows);
    this.x = grown(this.x, rows);
    this.y = grown(this.y, rows);
    this.w = grown(this.w, rows);
    this.h = grown(this.h, rows);
    this.confidence = grown(this.confidence, rows);
    this.label = grown(this.label, rows);
    this.outcome = grown(this.outcome, rows);
    if (this.hasTracks) this.track = grown(this.track, rows);
    if (!this.hasOutcomes) return;
    this.truthX = grown(this.truthX, rows);
    this.truthY = grown(this.truthY, rows);
    this.truthW = grown(this.truthW, rows);
    this.truthH = grown(this.truthH, rows);
    this.iou = grown(this.iou, rows);
  }

  /** Columns that only some sets have are made when they first come. */
  private widen(hasTracks: boolean, hasOutcomes: boolean) {
    if ((!hasTracks || this.hasTracks) && (!hasOutcomes || this.hasOutcomes)) return;
    this.hasTracks ||= hasTracks;
    this.hasOutcomes ||= hasOutcomes;
    this.resize(this.capacity);
  }

  add(row: Row) {
    this.widen(row.track !== 0, row.outcome !== UNSET);
    this.reserve(this.n + 1);
    const i = this.n++;
    if (i > 0 && row.frame < this.frame[i - 1]!) this.isSorted = false;
    this.frame[i] = row.frame;
    this.x[i] = row.x;
    this.y[i] = row.y;
    this.w[i] = row.w;
    this.h[i] = row.h;
    this.confidence[i] = row.confidence;
    this.label[i] = row.label;
    this.outcome[i] = row.outcome;
    if (this.hasTracks) this.track[i] = row.track;
    if (!this.hasOutcomes) return;
    this.truthX[i] = row.truthX;
    this.truthY[i] = row.truthY;
    this.truthW[i] = row.truthW;
    this.truthH[i] = row.truthH;
    this.iou[i] = row.iou;
  }

  addFrame(frame: number, time: number) {
    if (this.nFrames === this.frames.length) {
      const cap = Math.max(1024, this.nFrames * 2);
      const times = new Float64Array(cap);
      times.set(this.times);
      this.times = times;
      this.frames = grown(this.frames, cap);
    }
    this.frames[this.nFrames] = frame;
    this.times[this.nFrames++] = time;
  }

  append(b: Block) {
    this.widen(b.track !== null, b.outcome !== null);
    this.reserve(this.n + b.n);
    const at = this.n;
    this.x.set(b.x, at);
    this.y.set(b.y, at);
    this.w.set(b.w, at);
    this.h.set(b.h, at);
    this.confidence.set(b.confidence, at);
    if (b.track) this.track.set(b.track, at);
    if (b.outcome && b.truthX && b.truthY && b.truthW && b.truthH && b.iou) {
      this.outcome.set(b.outcome, at);
      this.truthX.set(b.truthX, at);
      this.truthY.set(b.truthY, at);
      this.truthW.set(b.truthW, at);
      this.truthH.set(b.truthH, at);
      this.iou.set(b.iou, at);
    }
    const map = new Uint16Array(b.labels.map((l) => this.labelOf(l.classId, l.text)));
    for (let i = 0; i < b.n; i++) this.label[at + i] = map[b.label[i]!]!;
    let row = at;
    for (let i = 0; i < b.frames.length; i++) {
      const frame = b.frames[i]!;
      if (row > 0 && b.counts[i]! > 0 && frame < this.frame[row - 1]!) this.isSorted = false;
      this.frame.fill(frame, row, row + b.counts[i]!);
      this.addFrame(frame, b.times[i]!);
      row += b.counts[i]!;
    }
    // A miss has no box of its own: its truth's stands in, so that size and place mean something.
    for (let i = at; b.outcome && i < at + b.n; i++) {
      if (this.outcome[i] !== FN) continue;
      this.x[i] = this.truthX[i]!;
      this.y[i] = this.truthY[i]!;
      this.w[i] = this.truthW[i]!;
      this.h[i] = this.truthH[i]!;
    }
    this.n = at + b.n;
  }

  /** Gives spare memory back; rows of sets that were posted in pieces are put in the order of time. */
  finish() {
    if (!this.isSorted) this.sortByFrame();
    this.resize(this.n);
  }

  private sortByFrame() {
    const order = new Uint32Array(this.n);
    for (let i = 0; i < this.n; i++) order[i] = i;
    order.sort((a, b) => this.frame[a]! - this.frame[b]! || a - b);
    const place = <T extends Numbers>(a: T): T => {
      if (a.length === 0) return a;
      const out = new (a.constructor as new (n: number) => T)(this.n);
      for (let i = 0; i < this.n; i++) out[i] = a[order[i]!]!;
      return out;
    };
    this.frame = place(this.frame);
    this.x = place(this.x);
    this.y = place(this.y);
    this.w = place(this.w);
    this.h = place(this.h);
    this.confidence = place(this.confidence);
    this.label = place(this.label);
    this.outcome = place(this.outcome);
    this.track = place(this.track);
    this.truthX = place(this.truthX);
    this.truthY = place(this.truthY);
    this.truthW = place(this.truthW);
    this.truthH = place(this.truthH);
    this.iou = place(this.iou);
    this.isSorted = true;
  }

  /** The first row of *frame* or of one after it. */
  firstOf(frame: number): number {
    let low = 0;
    let high = this.n;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (this.frame[mid]! < frame) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  row(i: number): Row {
    return {
      frame: this.frame[i]!, x: this.x[i]!, y: this.y[i]!, w: this.w[i]!, h: this.h[i]!,
      confidence: this.confidence[i]!, label: this.label[i]!, outcome: this.outcome[i]!,
      track: this.track[i] ?? 0, truthX: this.truthX[i] ?? 0, truthY: this.truthY[i] ?? 0,
      truthW: this.truthW[i] ?? 0, truthH: this.truthH[i] ?? 0, iou: this.iou[i] ?? 0,
    }; // prettier-ignore
  }
}

/**
 * What row *i* is when detections below *least* are not counted; 0: not there at all.
 * Matching goes by falling confidence, so what stands above a threshold never depends on what lies
 * below it: a pair whose detection falls away leaves a miss, a false alarm leaves nothing.
 */
export function outcomeAt(outcome: number, confidence: number, least: number): number {
  if (outcome === FN) return FN;
  if (confidence >= least) return outcome === UNSET ? DETECTION : outcome;
  return outcome === TP ? FN : 0;
}

/** A detection that nobody has judged. */
export const DETECTION = 4;

export const OUTCOMES = [TP, FP, FN, DETECTION] as const;
