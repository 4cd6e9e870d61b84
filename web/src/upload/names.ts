// What a dropped file is, and which video a truth file means by its name.

export type FileKind = "video" | "truth" | "model";

const VIDEO =
  /\.(mp4|m4v|mov|mkv|webm|avi|ts|m2ts|mts|mpg|mpeg|wmv|flv|ogv|3gp|y4m|gif|h264|h265|hevc|ivf|mxf)$/i;
const TRUTH = /\.(json|jsonl|ndjson|txt|csv|xml)$/i;
const MODEL = /\.onnx$/i;

/** By the name alone; the server looks into it. What nothing is known of may be a video. */
export function kindOf(name: string): FileKind {
  if (MODEL.test(name)) return "model";
  if (TRUTH.test(name) && !VIDEO.test(name)) return "truth";
  return "video";
}

const WORDS = new Set([
  "gt",
  "truth",
  "groundtruth",
  "ground",
  "annotations",
  "annotation",
  "labels",
  "label",
  "coco",
  "mot",
  "cvat",
  "instances",
  "annotated",
]);

function words(name: string): string[] {
  let stem = name.split("/").pop()!;
  while (VIDEO.test(stem) || TRUTH.test(stem)) stem = stem.replace(/\.[^.]+$/, "");
  return stem
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
}

/** "Gate_3.mp4", "gate-3.coco.json" and "gt_gate_3.txt" are all "gate 3". */
export function plainName(name: string): string {
  const all = words(name);
  const kept = all.filter((w) => !WORDS.has(w));
  return (kept.length ? kept : all).join(" ");
}

/** The one video that a truth file means; null where none or several may be meant. */
export function matchTruth<T extends { name: string }>(truth: string, videos: readonly T[]): T | null {
  const wanted = plainName(truth);
  const same = videos.filter((v) => plainName(v.name) === wanted);
  if (same.length === 1) return same[0]!;
  if (same.length > 1) return null;
  const within = videos.filter((v) => {
    const n = plainName(v.name);
    return n.length > 0 && ` ${wanted} `.includes(` ${n} `);
  });
  return within.length === 1 ? within[0]! : null;
}
