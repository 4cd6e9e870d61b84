// What the timeline draws: errors and confidence by stretch of frames, and a bar for each track.
import { FN, FP, TP } from "./columns";
import { passes, plan, type Filter } from "./query";
import { DETECTION, type Table } from "./table";

export interface Bins {
  from: number;
  to: number; // one beyond
  n: number;
  tp: Uint32Array;
  fp: Uint32Array;
  fn: Uint32Array;
  detections: Uint32Array;
  /** Mean confidence of what was detected; NaN: nothing was. */
  confidence: Float32Array;
}

/** The time range of the filter does not count: the timeline is where it is chosen. */
export function makeBins(t: Table, f: Filter, from: number, to: number, n: number): Bins {
  const p = plan(t, { ...f, from: null, to: null });
  const b: Bins = {
    from, to, n,
    tp: new Uint32Array(n), fp: new Uint32Array(n), fn: new Uint32Array(n),
    detections: new Uint32Array(n), confidence: new Float32Array(n),
  }; // prettier-ignore
  const seen = new Uint32Array(n);
  const scale = n / Math.max(1, to - from);
  const first = Math.max(p.first, t.firstOf(from));
  const last = Math.min(p.last, t.firstOf(to));
  for (let i = first; i < last; i++) {
    const is = passes(t, p, i);
    if (is === 0 || !(p.outcomes & (1 << is))) continue;
    const k = Math.min(n - 1, Math.floor((t.frame[i]! - from) * scale));
    if (is === TP) b.tp[k]!++;
    else if (is === FP) b.fp[k]!++;
    else if (is === FN) b.fn[k]!++;
    else if (is === DETECTION) b.detections[k]!++;
    if (is === FN) continue;
    b.confidence[k]! += t.confidence[i]!;
    seen[k]!++;
  }
  for (let k = 0; k < n; k++) b.confidence[k] = seen[k] ? b.confidence[k]! / seen[k]! : NaN;
  return b;
}

export interface Bars {
  n: number;
  lanes: number;
  /** Tracks that found no lane. */
  hidden: number;
  track: Int32Array;
  label: Uint16Array;
  /** 1: the track of truth that was missed. */
  isTruth: Uint8Array;
  first: Int32Array;
  last: Int32Array;
  lane: Uint16Array;
}

interface Stretch {
  track: number;
  label: number;
  isTruth: number;
  first: number;
  last: number;
}

/** Bars break where a track is away for longer than *gap* frames. */
export function makeBars(t: Table, f: Filter, from: number, to: number, gap: number, maxLanes: number): Bars {
  const p = plan(t, { ...f, from: null, to: null });
  const done: Stretch[] = [];
  const open = new Map<number, Stretch>();
  const last = t.hasTracks ? Math.min(p.last, t.firstOf(to)) : 0;
  for (let i = Math.max(p.first, t.firstOf(from)); i < last; i++) {
    const track = t.track[i]!;
    if (track === 0) continue;
    const is = passes(t, p, i);
    if (is === 0 || !(p.outcomes & (1 << is))) continue;
    const isTruth = t.outcome[i] === FN ? 1 : 0;
    const key = track * 2 + isTruth;
    const frame = t.frame[i]!;
    const s = open.get(key);
    if (s && frame - s.last <= gap) {
      s.last = frame;
      continue;
    }
    if (s) done.push(s);
    open.set(key, { track, label: t.label[i]!, isTruth, first: frame, last: frame });
  }
  done.push(...open.values());
  return layOut(done, maxLanes);
}

/** Each bar in the first lane that is free: a track keeps its lane where it can. */
function layOut(stretches: Stretch[], maxLanes: number): Bars {
  stretches.sort((a, b) => a.first - b.first || a.track - b.track);
  const ends: number[] = [];
  const lanes = new Uint16Array(stretches.length);
  const kept: Stretch[] = [];
  const usual = new Map<number, number>();
  let hidden = 0;
  for (const s of stretches) {
    const key = s.track * 2 + s.isTruth;
    const before = usual.get(key);
    let lane = before !== undefined && ends[before]! < s.first ? before : ends.findIndex((e) => e < s.first);
    if (lane < 0 && ends.length < maxLanes) lane = ends.push(-1) - 1;
    if (lane < 0) {
      hidden++;
      continue;
    }
    ends[lane] = s.last;
    usual.set(key, lane);
    lanes[kept.length] = lane;
    kept.push(s);
  }
  return {
    n: kept.length,
    lanes: ends.length,
    hidden,
    track: Int32Array.from(kept, (s) => s.track),
    label: Uint16Array.from(kept, (s) => s.label),
    isTruth: Uint8Array.from(kept, (s) => s.isTruth),
    first: Int32Array.from(kept, (s) => s.first),
    last: Int32Array.from(kept, (s) => s.last),
    lane: lanes.slice(0, kept.length),
  };
}
