import { describe, expect, it } from "vitest";

import { FN, FP, TP } from "./columns";
import { iouOf, matchRest, matchTruth, type TruthBox } from "./match";
import { Table } from "./table";
import { table } from "./testing";

const truth = (frame: number, x: number, more: Partial<TruthBox> = {}): TruthBox => ({
  frame, x, y: 0, w: 10, h: 10, label: "person", track: 0, isIgnored: false, ...more,
}); // prettier-ignore
const known = new Set(["person", "car", "dog"]);
const detection = (frame: number, x: number, confidence: number, label = 0) => ({
  frame, x, y: 0, w: 10, h: 10, confidence, label,
}); // prettier-ignore

function outcomes(t: Table) {
  return [...Array(t.n).keys()].map((i) => [t.frame[i], t.outcome[i], t.confidence[i]!.toFixed(2)]);
}

describe("overlap", () => {
  it.each([
    [0, 1],
    [5, 1 / 3],
    [10, 0],
    [20, 0],
  ])("of squares of ten, %d apart, is %f", (dx, iou) => {
    expect(iouOf(0, 0, 10, 10, dx, 0, 10, 10)).toBeCloseTo(iou);
  });
});

describe("matching", () => {
  it("gives a truth to the surest detection, not to the nearest", () => {
    const t = table([detection(0, 0, 0.5), detection(0, 2, 0.9)]);
    const m = matchTruth(t, [truth(0, 0)], new Set([0]), known, () => new Table());
    expect(outcomes(m)).toEqual([
      [0, TP, "0.90"],
      [0, FP, "0.50"],
    ]);
    expect(m.iou[0]).toBeCloseTo(8 / 12);
  });

  it("takes the best overlap of those that are free", () => {
    const t = table([detection(0, 1, 0.9), detection(0, 1, 0.8)]);
    const m = matchTruth(t, [truth(0, 0), truth(0, 1)], new Set([0]), known, () => new Table());
    expect([...m.truthX]).toEqual([1, 0]);
  });

  it("goes class by class, keeps misses, and adds labels that only the truth has", () => {
    const t = table([detection(3, 0, 0.9, 1)]);
    const m = matchTruth(
      t,
      [truth(3, 0), truth(5, 0, { label: "dog", track: 4 })],
      new Set([3, 5]),
      known,
      () => new Table(),
    );
    expect(outcomes(m)).toEqual([
      [3, FP, "0.90"],
      [3, FN, "0.00"],
      [5, FN, "0.00"],
    ]);
    expect(m.labels[m.label[2]!]!.text).toBe("dog");
    expect(m.track[2]).toBe(4);
  });

  it("leaves out what is in an ignored region, and frames that the truth does not speak of", () => {
    const t = table([detection(0, 0, 0.9), detection(1, 0, 0.9)]);
    const ignored = truth(0, -50, { w: 100, h: 100, isIgnored: true });
    expect(matchTruth(t, [ignored], new Set([0]), known, () => new Table()).n).toBe(0);
  });

  it("leaves out classes that the truth does not know", () => {
    const m = matchTruth(
      table([detection(0, 0, 0.9, 1)]),
      [],
      new Set([0]),
      new Set(["person"]),
      () => new Table(),
    );
    expect(m.n).toBe(0);
  });

  it("of a frame without truth that was looked at makes false alarms", () => {
    const m = matchTruth(table([detection(1, 0, 0.9)]), [], new Set([1]), known, () => new Table());
    expect(outcomes(m)).toEqual([[1, FP, "0.90"]]);
  });
});

describe("what a session left below its operating point", () => {
  it("goes on where its matching stopped, and so agrees with matching all at once", () => {
    let seed = 7;
    const next = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const boxes: TruthBox[] = [];
    const all: ReturnType<typeof detection>[] = [];
    for (let frame = 0; frame < 40; frame++) {
      for (let k = 0; k < 6; k++) {
        const x = k * 12 + next() * 6;
        boxes.push(truth(frame, x));
        for (let j = 0; j < 3; j++) if (next() < 0.6) all.push(detection(frame, x + next() * 6 - 3, next()));
      }
    }
    const looked = new Set(boxes.map((b) => b.frame));
    const whole = matchTruth(table(all), boxes, looked, known, () => new Table());
    const high = table(all.filter((d) => Math.fround(d.confidence) >= 0.25));
    const judged = matchTruth(high, boxes, looked, known, () => new Table());
    for (let f = 0; f < 40; f++) judged.addFrame(f, 0);
    const joined = matchRest(judged, table(all), 0.25, () => new Table());
    const sorted = (t: Table) => outcomes(t).map(String).sort();
    expect(sorted(joined)).toEqual(sorted(whole));
  });

  it("of classes that were not judged stays out", () => {
    const judged = table([{ frame: 0, outcome: FN, label: 0 }], ["person"]);
    expect(matchRest(judged, table([detection(0, 400, 0.1, 1)]), 0.25, () => new Table()).n).toBe(1);
  });

  it("in frames that were not judged stays out", () => {
    const judged = table([{ frame: 0, outcome: FN }]);
    const joined = matchRest(judged, table([detection(5, 0, 0.1)]), 0.25, () => new Table());
    expect(joined.n).toBe(1);
  });
});
