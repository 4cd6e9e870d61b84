import { describe, expect, it } from "vitest";

import { FrameClock, clockText } from "./clock";

const even = FrameClock.fromSteps(0, [40000, 9]);
const uneven = new FrameClock(new Float64Array([0, 10000, 500000, 510000, 2000000]));

describe("frames and times", () => {
  it("are read from steps", () => {
    expect([...FrameClock.fromSteps(-5, [33366, 1, 33367, 2]).times]).toEqual([-5, 33361, 66728, 100095]);
    expect(FrameClock.fromSteps(7, []).n).toBe(1);
  });

  it.each([0, 1, 5, 9])("come back to frame %d from the middle of it, and from its own time", (i) => {
    expect(even.frameShownAt(even.seekTo(i))).toBe(i);
    expect(even.frameAtExactly(even.times[i]! / 1e6)).toBe(i);
  });

  it.each([0, 1, 2, 3, 4])("of a variable rate come back to frame %d", (i) => {
    expect(uneven.frameShownAt(uneven.seekTo(i))).toBe(i);
    for (const off of [-2, 0, 2]) expect(uneven.frameAtExactly((uneven.times[i]! + off) / 1e6)).toBe(i);
  });

  it("follow a player that begins at another time", () => {
    const c = FrameClock.fromSteps(1400000, [40000, 3]);
    c.offset = -1400000;
    expect(c.frameAtExactly(0.08)).toBe(2);
    expect(c.frameShownAt(c.seekTo(3))).toBe(3);
  });

  it.each<[number, number, number]>([
    [0, 1, 3],
    [0, -1, 0],
    [4, -1, 3],
    [3, 1, 4],
    [2, 0.001, 3],
    [4, 1, 4],
  ])("from frame %d, %f seconds on is frame %d", (from, seconds, to) => {
    expect(uneven.stepSeconds(from, seconds)).toBe(to);
  });

  it("before the first and after the last are those", () => {
    expect(even.frameShownAt(-1)).toBe(0);
    expect(even.frameShownAt(100)).toBe(9);
    expect(even.frameAtExactly(-1)).toBe(0);
    expect(even.clamp(99)).toBe(9);
  });

  it("last as long as the last one is shown too", () => expect(even.durationSeconds).toBeCloseTo(0.4));
});

it.each([
  [0, "0:00.000"],
  [61.5, "1:01.500"],
  [3723.0004, "1:02:03.000"],
  [59.9996, "1:00.000"],
])("%f seconds are written %s", (s, text) => expect(clockText(s)).toBe(text));
