import { describe, expect, it } from "vitest";

import { makeBars, makeBins } from "./bins";
import { FN, FP, TP } from "./columns";
import {
  Orders,
  figures,
  floatKeys,
  labelCounts,
  nextError,
  noFilter,
  radixOrder,
  select,
  type Filter,
} from "./query";
import { DETECTION, outcomeAt } from "./table";
import { manyRows, table } from "./testing";

const some = table([
  { frame: 0, outcome: TP, confidence: 0.9, track: 1, w: 10, h: 10, iou: 0.8 },
  { frame: 0, outcome: FP, confidence: 0.3, label: 1, w: 100, h: 100 },
  { frame: 1, outcome: TP, confidence: 0.4, track: 1, iou: 0.6 },
  { frame: 2, outcome: FN, track: 2 },
  { frame: 9, outcome: FP, confidence: 0.7, track: 3 },
]);

function rows(f: Partial<Filter>, sort: Parameters<typeof select>[2] = "time", down = false, t = some) {
  const s = select(t, { ...noFilter, ...f }, sort, down, new Orders());
  return [...s.rows.subarray(0, s.n)];
}

describe("a threshold", () => {
  it.each([
    [TP, 0.5, 0.5, TP],
    [TP, 0.4, 0.5, FN],
    [FP, 0.4, 0.5, 0],
    [FN, 0, 0.5, FN],
    [0, 0.6, 0.5, DETECTION],
    [0, 0.4, 0.5, 0],
  ])("makes of outcome %d at confidence %f and threshold %f outcome %d", (outcome, confidence, least, is) => {
    expect(outcomeAt(outcome, confidence, least)).toBe(is);
  });
});

describe("selecting", () => {
  it.each<[string, Partial<Filter>, number[]]>([
    ["nothing chosen", {}, [0, 1, 2, 3, 4]],
    ["misses: a pair below the threshold is one", { confidence: 0.5, outcomes: 1 << FN }, [2, 3]],
    ["false alarms", { outcomes: 1 << FP }, [1, 4]],
    ["a label", { labels: ["car"] }, [1]],
    ["no label", { labels: [] }, []],
    ["a label that there is not", { labels: ["dog"] }, []],
    ["small ones", { maxSize: 32 }, [0, 2, 3, 4]],
    ["large ones", { minSize: 96 }, [1]],
    ["frames", { from: 1, to: 2 }, [2, 3]],
    ["a word", { search: " CA" }, [1]],
    ["a track", { search: "#1" }, [0, 2]],
    ["a frame", { search: "@9" }, [4]],
  ])("%s", (_, f, expected) => expect(rows(f)).toEqual(expected));

  it.each<[Parameters<typeof select>[2], boolean, number[]]>([
    ["time", true, [4, 3, 2, 1, 0]],
    ["confidence", true, [0, 4, 2, 1, 3]],
    ["confidence", false, [3, 1, 2, 4, 0]],
    ["size", false, [0, 2, 3, 4, 1]],
    ["label", false, [1, 0, 2, 3, 4]],
    ["iou", true, [0, 2, 4, 3, 1]],
  ])("in the order of %s, falling: %s", (sort, down, expected) =>
    expect(rows({}, sort, down)).toEqual(expected),
  );

  it("counts all outcomes, also those not chosen", () => {
    const s = select(some, { ...noFilter, outcomes: 1 << FN, confidence: 0.35 }, "time", false, new Orders());
    expect(s.counts).toEqual({ tp: 2, fp: 1, fn: 1, detections: 0 });
    expect([...labelCounts(some, { ...noFilter, labels: ["car"] })]).toEqual([4, 1]);
  });

  it("of an empty table is empty", () => expect(rows({}, "confidence", true, table([]))).toEqual([]));

  it("with an order in use follows a table that has grown", () => {
    const t = table([{ confidence: 0.5 }]);
    const orders = new Orders();
    select(t, noFilter, "confidence", false, orders);
    t.add({ ...t.row(0), confidence: 0.1 });
    const s = select(t, noFilter, "confidence", false, orders);
    expect([...s.rows.subarray(0, s.n)]).toEqual([1, 0]);
  });

  it("sorts many as the language does", () => {
    const t = manyRows(5000);
    const s = select(t, noFilter, "confidence", false, new Orders());
    const expected = [...t.confidence.keys()].sort((a, b) => t.confidence[a]! - t.confidence[b]! || a - b);
    expect([...s.rows.subarray(0, s.n)]).toEqual(expected);
  });

  it("sorts floats of both signs", () => {
    const v = new Float32Array([3, -1, 0, -2.5, Infinity, 1e-30, -1e-30]);
    expect([...radixOrder(floatKeys(v))].map((i) => v[i])).toEqual([...v].sort((a, b) => a - b));
  });
});

describe("the next error", () => {
  it.each<[string, number, number, 1 | -1, Partial<Filter>, number]>([
    ["within the frame, from a row", 0, 0, 1, {}, 1],
    ["in a later frame", 1, 0, 1, {}, 3],
    ["from a frame without a row", -1, 0, 1, {}, 3],
    ["backwards", 4, 9, -1, {}, 3],
    ["backwards from a frame", -1, 2, -1, {}, 1],
    ["none left", 4, 9, 1, {}, -1],
    ["none before", 1, 0, -1, {}, -1],
    ["a pair that the threshold broke", -1, 0, 1, { confidence: 0.5 }, 2],
    ["false alarms only", -1, 0, 1, { outcomes: 1 << FP }, 4],
    ["a chosen row of another frame does not count", 4, 0, 1, {}, 3],
    ["outside the range", -1, 0, 1, { from: 3, to: 8 }, -1],
    ["before the range, onwards", -1, 0, 1, { from: 3, to: 9 }, 4],
    ["matches chosen only: errors all the same", -1, 0, 1, { outcomes: 1 << TP }, 3],
  ])("%s", (_, row, frame, direction, f, expected) => {
    expect(nextError(some, { ...noFilter, ...f }, row, frame, direction)).toBe(expected);
  });

  it("of detections that nobody judged is the next detection", () => {
    const t = table([
      { frame: 1, confidence: 0.5 },
      { frame: 4, confidence: 0.5 },
    ]);
    expect(nextError(t, noFilter, -1, 1, 1)).toBe(1);
  });
});

describe("figures", () => {
  it.each([
    [{ tp: 3, fp: 1, fn: 3, detections: 0 }, 0.75, 0.5, 0.6],
    [{ tp: 0, fp: 0, fn: 2, detections: 0 }, null, 0, 0],
    [{ tp: 0, fp: 0, fn: 0, detections: 5 }, null, null, null],
  ])("of %o", (c, precision, recall, f1) => expect(figures(c)).toEqual({ precision, recall, f1 }));
});

describe("the timeline", () => {
  it("counts by stretch what the filter shows, whatever time is chosen", () => {
    const b = makeBins(some, { ...noFilter, confidence: 0.35, from: 2, to: 3 }, 0, 10, 5);
    expect([...b.tp]).toEqual([2, 0, 0, 0, 0]);
    expect([...b.fn]).toEqual([0, 1, 0, 0, 0]);
    expect([...b.fp]).toEqual([0, 0, 0, 0, 1]);
    expect(b.confidence[0]).toBeCloseTo(0.65);
    expect(b.confidence[1]).toBeNaN();
  });

  it("of a part counts that part only", () => {
    const b = makeBins(some, noFilter, 1, 3, 2);
    expect([[...b.tp], [...b.fn], [...b.fp]]).toEqual([
      [1, 0],
      [0, 1],
      [0, 0],
    ]);
  });

  it("loses nothing with more bins than frames, or fewer", () => {
    const t = manyRows(1000);
    for (const n of [1, 7, 1000]) {
      const b = makeBins(t, noFilter, 0, 100, n);
      const sum = (a: Uint32Array) => a.reduce((x, y) => x + y, 0);
      expect(sum(b.tp) + sum(b.fp) + sum(b.fn)).toBe(1000);
    }
  });

  it("breaks a track's bar where it is away, and keeps its lane", () => {
    const t = table([0, 1, 2, 50, 51].map((frame) => ({ frame, track: 1, confidence: 0.5 })));
    const b = makeBars(t, noFilter, 0, 100, 10, 8);
    expect([...b.first]).toEqual([0, 50]);
    expect([...b.last]).toEqual([2, 51]);
    expect([...b.lane]).toEqual([0, 0]);
  });

  it("puts tracks of one time in lanes, and says how many found none", () => {
    const t = table([1, 2, 3].flatMap((track) => [{ frame: 0, track, outcome: FP, confidence: 0.5 }]));
    const b = makeBars(t, noFilter, 0, 10, 10, 2);
    expect([b.lanes, b.n, b.hidden]).toEqual([2, 2, 1]);
  });
});
