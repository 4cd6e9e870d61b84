// What is seen, in the address: a link shows a colleague the same thing.
import { FN, FP, TP } from "./columns";
import { ALL_OUTCOMES, noFilter, type Filter, type SortKey } from "./query";
import { DETECTION } from "./table";

export interface View {
  session: string | null;
  /** A second session whose objects are laid over. */
  other: string | null;
  /** A processing task, where no session is meant. */
  task: string | null;
  /** Of the truth, where no session is meant and it is not edited; null: the newest. */
  version: number | null;
  frame: number;
  /** The row chosen; -1: none. */
  row: number;
  filter: Filter;
  sort: SortKey;
  descending: boolean;
  /** Of the picture: times the fit, and the picture's point in the middle, from 0 to 1. */
  zoom: number;
  centreX: number;
  centreY: number;
  /** Frames that the timeline shows; null: all. */
  from: number | null;
  to: number | null;
  /** How fast it plays: one of RATES. */
  rate: number;
  trails: boolean;
  names: boolean;
  truth: boolean;
  editing: boolean;
}

/** The operating point of sessions: what is seen first is what was judged. */
export const USUAL_CONFIDENCE = 0.25;

export const RATES = [0.1, 0.25, 0.5, 1, 2, 4, 8];

export const noView: View = {
  session: null,
  other: null,
  task: null,
  version: null,
  frame: 0,
  row: -1,
  filter: { ...noFilter, confidence: USUAL_CONFIDENCE },
  sort: "time",
  descending: false,
  zoom: 1,
  centreX: 0.5,
  centreY: 0.5,
  from: null,
  to: null,
  rate: 1,
  trails: false,
  names: true,
  truth: true,
  editing: false,
};

const sorts: SortKey[] = ["time", "confidence", "size", "label", "iou"];
const names = { tp: TP, fp: FP, fn: FN, det: DETECTION } as const;

function whole(text: string | null, least: number): number | null {
  return text !== null && /^\d{1,15}$/.test(text) && Number(text) >= least ? Number(text) : null;
}

function within(text: string | null, low: number, high: number): number | null {
  const v = text === null || text.trim() === "" ? NaN : Number(text);
  return v >= low && v <= high ? v : null;
}

function range(text: string | null): [number, number] | null {
  const m = /^(\d{1,15})-(\d{1,15})$/.exec(text ?? "");
  return m && Number(m[1]) <= Number(m[2]) ? [Number(m[1]), Number(m[2])] : null;
}

function outcomesOf(text: string | null): number {
  if (text === null) return ALL_OUTCOMES;
  let bits = 0;
  for (const word of text.split(",")) if (word in names) bits |= 1 << names[word as keyof typeof names];
  return bits || ALL_OUTCOMES;
}

/** What cannot be read is as if it were not there. */
export function readView(p: URLSearchParams): View {
  const sort = (p.get("sort") ?? "").replace(/^-/, "") as SortKey;
  const zoom = (p.get("zoom") ?? "").split(",");
  const timeline = range(p.get("view"));
  const time = range(p.get("time"));
  const size = /^(\d*)-(\d*)$/.exec(p.get("size") ?? "");
  const labels = p.getAll("label");
  return {
    session: p.get("session") || null,
    other: p.get("other") || null,
    task: p.get("task") || null,
    version: p.get("edit") === "1" ? null : whole(p.get("version"), 1), // the newest is edited
    frame: whole(p.get("frame"), 0) ?? 0,
    row: whole(p.get("row"), 0) ?? -1,
    filter: {
      confidence: within(p.get("confidence"), 0, 1) ?? USUAL_CONFIDENCE,
      outcomes: outcomesOf(p.get("result")),
      labels: labels.length > 0 ? labels : null,
      minSize: size?.[1] ? Number(size[1]) : 0,
      maxSize: size?.[2] ? Number(size[2]) : null,
      from: time?.[0] ?? null,
      to: time?.[1] ?? null,
      search: p.get("search") ?? "",
    },
    sort: sorts.includes(sort) ? sort : "time",
    descending: (p.get("sort") ?? "").startsWith("-"),
    zoom: within(zoom[0] ?? null, 1, 64) ?? 1,
    centreX: within(zoom[1] ?? null, 0, 1) ?? 0.5,
    centreY: within(zoom[2] ?? null, 0, 1) ?? 0.5,
    from: timeline?.[0] ?? null,
    to: timeline?.[1] ?? null,
    rate: RATES.find((r) => String(r) === p.get("rate")) ?? 1,
    trails: p.get("trails") === "1",
    names: p.get("names") !== "0",
    truth: p.get("truth") !== "0",
    editing: p.get("edit") === "1",
  };
}

/** Only what differs from the ordinary is written. */
export function writeView(v: View): string {
  const p = new URLSearchParams();
  const set = (key: string, value: string | number | null, usual: string | number | null) => {
    if (value !== usual && value !== null) p.set(key, String(value));
  };
  set("session", v.session, null);
  set("other", v.other, null);
  set("task", v.task, null);
  set("version", v.version, null);
  set("frame", v.frame, 0);
  set("row", v.row, -1);
  set("confidence", v.filter.confidence, USUAL_CONFIDENCE);
  if (v.filter.outcomes !== ALL_OUTCOMES) {
    const words = Object.entries(names).filter(([, o]) => v.filter.outcomes & (1 << o));
    p.set("result", words.map(([w]) => w).join(","));
  }
  for (const l of v.filter.labels ?? []) p.append("label", l);
  if (v.filter.minSize > 0 || v.filter.maxSize !== null)
    p.set("size", `${v.filter.minSize || ""}-${v.filter.maxSize ?? ""}`);
  if (v.filter.from !== null && v.filter.to !== null) p.set("time", `${v.filter.from}-${v.filter.to}`);
  set("search", v.filter.search, "");
  if (v.sort !== "time" || v.descending) p.set("sort", (v.descending ? "-" : "") + v.sort);
  if (v.zoom !== 1) p.set("zoom", [v.zoom, v.centreX, v.centreY].map((n) => +n.toFixed(4)).join(","));
  if (v.from !== null && v.to !== null) p.set("view", `${v.from}-${v.to}`);
  set("rate", v.rate, 1);
  if (v.trails) p.set("trails", "1");
  if (!v.names) p.set("names", "0");
  if (!v.truth) p.set("truth", "0");
  if (v.editing) p.set("edit", "1");
  const text = p.toString();
  return text ? `?${text}` : "";
}
