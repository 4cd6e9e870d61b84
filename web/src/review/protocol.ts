// What the page and its worker say to each other. Arrays are handed over, not copied.
import type { Bars, Bins } from "./bins";
import type { Label } from "./columns";
import type { TruthBox } from "./match";
import type { Counts, Filter, SortKey } from "./query";

/** Where the objects of a video come from. */
export interface Source {
  /** Of the API. */
  url: string;
  /** Detections alone are judged here by this truth (COCO), where there is any; null: not. */
  truthUrl: string | null;
  /** No model may have looked yet: then everything in the truth was missed. */
  mayBeMissing: boolean;
}

export interface Progress {
  rows: number;
  frames: number;
  lastFrame: number;
  done: boolean;
  hasOutcomes: boolean;
  hasTracks: boolean;
  /** No model has looked at the video. */
  isUnseen: boolean;
  /** Who matched: the session, this page, or nobody. */
  judge: "session" | "page" | "nobody";
  labels: Label[];
  /** Of typed arrays in the worker. */
  bytes: number;
  /** Frames where the truth was not looked at, so that nothing could be judged. */
  unjudged: number;
}

/** Some rows: plain columns of the same length. */
export interface Pack {
  n: number;
  row: Uint32Array;
  frame: Int32Array;
  x: Float32Array;
  y: Float32Array;
  w: Float32Array;
  h: Float32Array;
  confidence: Float32Array;
  label: Uint16Array;
  outcome: Uint8Array;
  track: Int32Array;
  truthX: Float32Array;
  truthY: Float32Array;
  truthW: Float32Array;
  truthH: Float32Array;
  iou: Float32Array;
}

export interface QueryAnswer {
  /** Of this answer; rows are asked for with it. */
  version: number;
  n: number;
  counts: Counts;
  labelCounts: Uint32Array;
  ms: number;
}

export interface TimelineAnswer {
  bins: Bins;
  bars: Bars;
}

export interface Questions {
  open: [Source, void];
  /** What a session did not judge: its detections below *least*, from this address. */
  rest: [{ url: string; least: number }, void];
  truth: [{ boxes: TruthBox[]; looked: number[]; labels: string[] }, void];
  query: [{ filter: Filter; sort: SortKey; descending: boolean }, QueryAnswer];
  rows: [{ version: number; from: number; to: number }, Pack | null];
  frames: [{ from: number; to: number }, Pack];
  timeline: [
    { filter: Filter; from: number; to: number; bins: number; gap: number; lanes: number },
    TimelineAnswer,
  ];
  next: [{ filter: Filter; row: number; frame: number; direction: 1 | -1 }, Pack];
  /** Where a row stands in the answer; -1: it is not in it. */
  place: [{ version: number; row: number }, number];
  /** In an answer by time: the places of a frame's rows, or of the next frame that has some. */
  placeOfFrame: [{ version: number; frame: number; descending: boolean }, [first: number, last: number]];
  stop: [null, void];
}

export type Kind = keyof Questions;

export type ToWorker = { [K in Kind]: { id: number; kind: K; ask: Questions[K][0] } }[Kind];

export type FromWorker =
  | { type: "answer"; id: number; answer: unknown }
  | { type: "failed"; id: number; message: string }
  | { type: "progress"; progress: Progress };
