// Which detection found which truth, where no session has said so: COCO's way at one overlap.
import { FN, FP, TP } from "./columns";
import type { Table } from "./table";

export const MATCH_IOU = 0.5;

export interface TruthBox {
  frame: number;
  x: number;
  y: number;
  w: number;
  h: number;
  label: string;
  track: number;
  /** Crowds and regions that are not judged. */
  isIgnored: boolean;
}

export function iouOf(
  ax: number,
  ay: number,
  aw: number,
  ah: number,
  bx: number,
  by: number,
  bw: number,
  bh: number,
): number {
  // prettier-ignore
  const w = Math.min(ax + aw, bx + bw) - Math.max(ax, bx);
  const h = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  if (w <= 0 || h <= 0) return 0;
  const both = w * h;
  const all = aw * ah + bw * bh - both;
  return all > 0 ? both / all : 0;
}

/** Of an ignored region counts how much of the detection lies in it, as COCO has it for crowds. */
function coverage(t: Table, i: number, b: TruthBox): number {
  const w = Math.min(t.x[i]! + t.w[i]!, b.x + b.w) - Math.max(t.x[i]!, b.x);
  const h = Math.min(t.y[i]! + t.h[i]!, b.y + b.h) - Math.max(t.y[i]!, b.y);
  const area = t.w[i]! * t.h[i]!;
  return w > 0 && h > 0 && area > 0 ? (w * h) / area : 0;
}

/**
 * Rows of *detections* (no outcomes, by frame) judged by *truth*: a new table with outcomes.
 * *judged*: the labels that the truth knows; detections of others are left out, as an evaluation does.
 * *looked*: the frames that the truth speaks of, also where it has nothing; the others are not judged and left out.
 */
export function matchTruth(
  detections: Table,
  truth: TruthBox[],
  looked: ReadonlySet<number>,
  judged: ReadonlySet<string>,
  make: () => Table,
  iou = MATCH_IOU,
): Table {
  // prettier-ignore
  const out = make();
  out.hasOutcomes = true;
  out.hasTracks = detections.hasTracks;
  for (const l of detections.labels) out.labelOf(l.classId, l.text);
  const byText = new Map<string, number>();
  detections.labels.forEach((l, i) => byText.set(l.text, i));
  const labelOf = (text: string) => {
    let l = byText.get(text);
    if (l === undefined) byText.set(text, (l = out.labelOf(-1, text)));
    return l;
  };
  const isJudged = detections.labels.map((l) => judged.has(l.text));
  const sorted = [...truth].sort((a, b) => a.frame - b.frame);
  for (let k = 0; k < detections.nFrames; k++) out.addFrame(detections.frames[k]!, detections.times[k]!);
  let d = 0;
  let g = 0;
  while (d < detections.n || g < sorted.length) {
    const frame = Math.min(d < detections.n ? detections.frame[d]! : Infinity, sorted[g]?.frame ?? Infinity);
    let dEnd = d;
    while (dEnd < detections.n && detections.frame[dEnd] === frame) dEnd++;
    let gEnd = g;
    while (gEnd < sorted.length && sorted[gEnd]!.frame === frame) gEnd++;
    if (looked.has(frame))
      matchFrame(detections, d, dEnd, sorted.slice(g, gEnd), labelOf, out, iou, frame, isJudged);
    d = dEnd;
    g = gEnd;
  }
  out.finish();
  return out;
}

function matchFrame(
  t: Table,
  first: number,
  last: number,
  truth: TruthBox[],
  labelOf: (s: string) => number,
  out: Table,
  iou: number,
  frame: number,
  isJudged: boolean[],
) {
  // prettier-ignore
  const order: number[] = [];
  for (let i = first; i < last; i++) if (isJudged[t.label[i]!]) order.push(i);
  order.sort((a, b) => t.confidence[b]! - t.confidence[a]! || a - b);
  const labels = truth.map((b) => labelOf(b.label));
  const taken = new Uint8Array(truth.length);
  for (const i of order) {
    let best = -1;
    let most = iou;
    for (let k = 0; k < truth.length; k++) {
      const b = truth[k]!;
      if (taken[k] || b.isIgnored || labels[k] !== t.label[i]) continue;
      const v = iouOf(t.x[i]!, t.y[i]!, t.w[i]!, t.h[i]!, b.x, b.y, b.w, b.h);
      if (v >= most) {
        most = v;
        best = k;
      }
    }
    const b = truth[best];
    if (b) taken[best] = 1;
    else if (truth.some((r, k) => r.isIgnored && labels[k] === t.label[i] && coverage(t, i, r) >= iou))
      continue;
    const own = t.row(i);
    out.add({
      ...own,
      outcome: b ? TP : FP,
      iou: b ? most : 0,
      truthX: b?.x ?? 0,
      truthY: b?.y ?? 0,
      truthW: b?.w ?? 0,
      truthH: b?.h ?? 0,
    });
  }
  truth.forEach((b, k) => {
    if (taken[k] || b.isIgnored) return;
    out.add({
      frame, x: b.x, y: b.y, w: b.w, h: b.h, confidence: 0, label: labels[k]!, outcome: FN, track: b.track,
      truthX: b.x, truthY: b.y, truthW: b.w, truthH: b.h, iou: 0,
    }); // prettier-ignore
  });
}

/**
 * A session judges what is at or above its operating point. The rest of its detections go on from
 * there: by falling confidence they take what truth is left, and a miss becomes a pair.
 * *rest*: the session's detections, all of them; those at or above *least* are known already.
 */
export function matchRest(
  judged: Table,
  rest: Table,
  least: number,
  make: () => Table,
  iou = MATCH_IOU,
): Table {
  const out = make();
  out.hasOutcomes = true;
  out.hasTracks = judged.hasTracks || rest.hasTracks;
  for (const l of judged.labels) out.labelOf(l.classId, l.text);
  const byText = new Map<string, number>();
  judged.labels.forEach((l, i) => byText.set(l.text, i));
  const labels = rest.labels.map((l) => byText.get(l.text) ?? -1); // -1: of a class that is not judged
  for (let k = 0; k < judged.nFrames; k++) out.addFrame(judged.frames[k]!, judged.times[k]!);
  const looked = new Set(judged.frames.subarray(0, judged.nFrames));
  let j = 0;
  let r = 0;
  while (j < judged.n || r < rest.n) {
    const frame = Math.min(
      j < judged.n ? judged.frame[j]! : Infinity,
      r < rest.n ? rest.frame[r]! : Infinity,
    );
    let jEnd = j;
    while (jEnd < judged.n && judged.frame[jEnd] === frame) jEnd++;
    const low: number[] = [];
    for (; r < rest.n && rest.frame[r] === frame; r++)
      if (rest.confidence[r]! < least && labels[rest.label[r]!]! >= 0) low.push(r);
    if (looked.has(frame)) restOfFrame(judged, j, jEnd, rest, low, labels, out, iou);
    j = jEnd;
  }
  out.finish();
  return out;
}

function restOfFrame(
  judged: Table,
  first: number,
  last: number,
  rest: Table,
  low: number[],
  labels: number[],
  out: Table,
  iou: number,
) {
  // prettier-ignore
  low.sort((a, b) => rest.confidence[b]! - rest.confidence[a]! || a - b);
  const taken = new Map<number, { row: number; iou: number }>();
  const alarms: number[] = [];
  for (const i of low) {
    let best = -1;
    let most = iou;
    for (let k = first; k < last; k++) {
      if (judged.outcome[k] !== FN || taken.has(k) || judged.label[k] !== labels[rest.label[i]!]) continue;
      const v = iouOf(rest.x[i]!, rest.y[i]!, rest.w[i]!, rest.h[i]!, judged.truthX[k]!, judged.truthY[k]!,
        judged.truthW[k]!, judged.truthH[k]!); // prettier-ignore
      if (v >= most) {
        most = v;
        best = k;
      }
    }
    if (best >= 0) taken.set(best, { row: i, iou: most });
    else alarms.push(i);
  }
  for (let k = first; k < last; k++) {
    const own = judged.row(k);
    const pair = taken.get(k);
    if (!pair) {
      out.add(own);
      continue;
    }
    const d = rest.row(pair.row);
    out.add({ ...d, label: own.label, outcome: TP, iou: pair.iou, truthX: own.truthX, truthY: own.truthY,
      truthW: own.truthW, truthH: own.truthH }); // prettier-ignore
  }
  for (const i of alarms) {
    const d = rest.row(i);
    out.add({ ...d, label: labels[d.label]!, outcome: FP });
  }
}
