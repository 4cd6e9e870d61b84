// What the page makes of a session's results: figures with their intervals, the order of labels in a
// matrix, where a link into review leads.
import type { Schemas } from "../../api/client";
import type { Metrics, Results } from "../../api/queries";

export interface Figure {
  value: number | null;
  low: number | null;
  high: number | null;
}

export type Moment = Schemas["Moment"];

/** The server lists them by video and time. */
export function worstMoments(r: Results): Moment[] | null {
  const own = r.more?.worst_moments;
  return own ? [...own].sort(worseFirst) : null;
}

/** null: there was nothing to judge, or it was judged by timed events, which have no boxes. */
export function metricsOf(r: Results): Metrics | null {
  return "coco" in r.metrics && r.metrics.coco ? r.metrics : null;
}

export type EventMetrics = Schemas["EventMetrics"];

export function eventMetricsOf(r: Results): EventMetrics | null {
  return "coco" in r.metrics ? null : r.metrics;
}

export function noticesOf(r: Results): string[] {
  return "notices" in r.metrics ? r.metrics.notices : [];
}

/** A headline figure; its interval from the resampling of the session, else from a criterion of the verdict. */
export function figureOf(r: Results, name: string, value: number | null): Figure {
  const own = r.more?.intervals?.figures[name as keyof Schemas["Intervals"]["figures"]];
  if (own) return { value, low: own.low, high: own.high };
  const criterion = r.judgement?.verdict.criteria.find((c) => c.metric === name);
  return { value, low: criterion?.low ?? null, high: criterion?.high ?? null };
}

const METRIC_WORDS: Record<string, string> = {
  precision: "Precision",
  recall: "Recall",
  f1: "F1",
  AP: "AP",
  AP50: "AP50",
  AP75: "AP75",
  AR100: "AR100",
  false_positive_rate: "False positive rate",
  detections: "Detections",
  latency_ms: "Mean time to detection",
  latency_p95_ms: "Time to detection, p95",
  time_recall: "Recall over time",
};

export function metricName(metric: string): string {
  return METRIC_WORDS[metric] ?? metric.replace(/_/g, " ");
}

export function isMilliseconds(metric: string): boolean {
  return metric.endsWith("_ms");
}

export function formatMetric(metric: string, v: number | null | undefined): string {
  if (v === null || v === undefined) return "–";
  if (isMilliseconds(metric)) return `${Math.round(v)} ms`;
  if (metric === "detections") return String(v);
  return v.toFixed(3);
}

export interface ReviewLink {
  project: string;
  video: string;
  session?: string | undefined;
  other?: string | undefined;
  frame?: number | undefined;
  result?: string | undefined;
  label?: string | undefined;
  confidence?: number | undefined;
}

/** The parameters are those of review/address.ts. */
export function reviewLink(l: ReviewLink): string {
  const p = new URLSearchParams();
  if (l.session) p.set("session", l.session);
  if (l.other) p.set("other", l.other);
  if (l.frame) p.set("frame", String(l.frame));
  if (l.confidence) p.set("confidence", String(l.confidence));
  if (l.result) p.set("result", l.result);
  if (l.label) p.append("label", l.label);
  const text = p.toString();
  return `/projects/${l.project}/videos/${l.video}/review${text ? `?${text}` : ""}`;
}

export interface Matrix {
  labels: string[];
  /** [truth][detection], the last of each the background. */
  counts: number[][];
  total: number;
  hidden: number;
}

export const BACKGROUND = "(background)";

/** With the truth in rows, whichever way it came; of many labels the *most* with most errors. */
export function confusion(
  c: NonNullable<Metrics["confusion_matrix"]>,
  kind: "supervision" | "ultralytics",
  most: number,
): Matrix {
  const m = c[kind];
  const n = c.labels.length;
  const at = (t: number, d: number) => (m.rows === "truth" ? m.counts[t]?.[d] : m.counts[d]?.[t]) ?? 0;
  const classes = Array.from({ length: n - 1 }, (_, i) => i);
  const weight = (i: number) => {
    let errors = 0;
    let all = 0;
    for (let j = 0; j < n; j++) {
      all += at(i, j) + (j === i ? 0 : at(j, i));
      if (j !== i) errors += at(i, j) + at(j, i);
    }
    return { errors, all };
  };
  const present = classes.map((i) => ({ i, ...weight(i) })).filter((x) => x.all > 0);
  const kept =
    present.length > most
      ? new Set(
          [...present]
            .sort((a, b) => b.errors - a.errors || b.all - a.all)
            .slice(0, most)
            .map((x) => x.i),
        )
      : new Set(present.map((x) => x.i));
  const order = [...classes.filter((i) => kept.has(i)), n - 1];
  const counts = order.map((t) => order.map((d) => at(t, d)));
  return {
    labels: order.map((i) => c.labels[i]!),
    counts,
    total: counts.flat().reduce((a, b) => a + b, 0),
    hidden: present.length - kept.size,
  };
}

/** What a cell of the matrix holds, as outcomes of review. */
export function cellMeaning(
  truth: string,
  detection: string,
): { words: string; result: "tp" | "fp" | "fn"; label: string } {
  if (truth === BACKGROUND)
    return { words: `false alarms of “${detection}”`, result: "fp", label: detection };
  if (detection === BACKGROUND) return { words: `missed “${truth}”`, result: "fn", label: truth };
  if (truth === detection) return { words: `“${truth}” found`, result: "tp", label: truth };
  return { words: `“${truth}” taken for “${detection}”`, result: "fn", label: truth };
}

/** Errors gathered by frame, the worst first: for results that carry no worst moments. */
export function groupMoments(
  video: string,
  outcomes: readonly { frame: number; pts_us: number; result: "tp" | "fp" | "fn"; confidence?: number }[],
  atConfidence: number,
): Moment[] {
  const frames = new Map<number, Moment>();
  for (const o of outcomes) {
    if (o.result === "fp" && (o.confidence ?? 0) < atConfidence) continue;
    let m = frames.get(o.frame);
    if (!m)
      frames.set(
        o.frame,
        (m = { video_id: video, frame: o.frame, pts_us: null, found: 0, missed: 0, false_alarms: 0 }),
      );
    if (o.result === "fn") m.missed++;
    else if (o.result === "fp") m.false_alarms++;
    else m.found++;
    if (o.pts_us > 0) m.pts_us = o.pts_us;
  }
  return [...frames.values()].sort(worseFirst);
}

export function worseFirst(a: Moment, b: Moment): number {
  return b.missed * 2 + b.false_alarms - (a.missed * 2 + a.false_alarms) || a.frame - b.frame;
}

/** Notices speak of videos by their ids; people by their names. */
export function readable(notice: string, names: Map<string, string>): string {
  return notice.replace(/[0-9A-HJKMNP-TV-Z]{26}/g, (id) => names.get(id) ?? id);
}
