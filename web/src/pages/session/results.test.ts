import { describe, expect, test } from "vitest";

import type { Results } from "../../api/queries";
import {
  BACKGROUND,
  cellMeaning,
  confusion,
  figureOf,
  formatMetric,
  groupMoments,
  reviewLink,
} from "./results";

const matrix = (rows: "truth" | "detection", counts: number[][]) => ({
  confidence_above: 0.3,
  iou_above: 0.5,
  rows,
  columns: rows === "truth" ? ("detection" as const) : ("truth" as const),
  detections_on_ignored: 0,
  counts,
});

describe("confusion", () => {
  const labels = ["car", "person", "dog", BACKGROUND];
  const counts = [
    [5, 1, 0, 2],
    [0, 9, 0, 4],
    [0, 0, 0, 0],
    [3, 0, 0, 0],
  ];
  const c = {
    labels,
    supervision: matrix("truth", counts),
    ultralytics: matrix(
      "detection",
      counts[0]!.map((_, i) => counts.map((r) => r[i]!)),
    ),
  };
  test("leaves out labels that never occur, and keeps the background last", () => {
    const m = confusion(c, "supervision", 10);
    expect(m.labels).toEqual(["car", "person", BACKGROUND]);
    expect(m.counts).toEqual([
      [5, 1, 2],
      [0, 9, 4],
      [3, 0, 0],
    ]);
    expect(m.total).toBe(24);
  });
  test("turns the other convention round", () => {
    expect(confusion(c, "ultralytics", 10).counts).toEqual(confusion(c, "supervision", 10).counts);
  });
  test("of many labels those with most errors", () => {
    const m = confusion(c, "supervision", 1);
    expect(m.labels).toEqual(["car", BACKGROUND]);
    expect(m.hidden).toBe(1);
  });
});

test.each([
  ["person", BACKGROUND, "fn", "person"],
  [BACKGROUND, "car", "fp", "car"],
  ["car", "car", "tp", "car"],
  ["car", "person", "fn", "car"],
])("cell %s / %s", (truth, detection, result, label) => {
  expect(cellMeaning(truth, detection)).toMatchObject({ result, label });
});

test("worst frames first; what is below the operating point is no false alarm", () => {
  const m = groupMoments(
    "v",
    [
      { frame: 1, pts_us: 0, result: "fp", confidence: 0.1 },
      { frame: 2, pts_us: 80, result: "fp", confidence: 0.9 },
      { frame: 3, pts_us: 0, result: "fn" },
      { frame: 3, pts_us: 120, result: "fn" },
      { frame: 3, pts_us: 0, result: "tp", confidence: 0.9 },
    ],
    0.25,
  );
  expect(m.map((x) => [x.frame, x.missed, x.false_alarms, x.found, x.pts_us])).toEqual([
    [3, 2, 0, 1, 120],
    [2, 0, 1, 0, 80],
  ]);
});

test("links into review say only what is needed", () => {
  expect(reviewLink({ project: "p", video: "v" })).toBe("/projects/p/videos/v/review");
  expect(reviewLink({ project: "p", video: "v", session: "s", frame: 12, result: "fn", label: "a b" })).toBe(
    "/projects/p/videos/v/review?session=s&frame=12&result=fn&label=a+b",
  );
});

test("an interval comes from the resampling, else from the verdict's criterion", () => {
  const r = {
    judgement: {
      verdict: {
        profile: "x",
        outcome: "FAIL",
        criteria: [{ metric: "recall", min: 0.8, value: 0.7, low: 0.6, high: 0.8, outcome: "FAIL" }],
      },
    },
  } as unknown as Results;
  expect(figureOf(r, "recall", 0.7)).toEqual({ value: 0.7, low: 0.6, high: 0.8 });
  expect(figureOf(r, "AP", 0.3)).toEqual({ value: 0.3, low: null, high: null });
  const more = {
    ...r,
    more: { intervals: { figures: { AP: { value: 0.3, low: 0.2, high: 0.4 } } } },
  } as unknown as Results;
  expect(figureOf(more, "AP", 0.3).high).toBe(0.4);
});

test.each([
  ["recall", 0.81234, "0.812"],
  ["latency_ms", 99.6, "100 ms"],
  ["AP", null, "–"],
])("%s %s", (metric, v, text) => expect(formatMetric(metric, v)).toBe(text));
