import { describe, expect, test } from "vitest";

import * as f from "./format";

describe("numbers", () => {
  test.each([
    [0, "0"],
    [12345, "12,345"],
    [null, "–"],
    [NaN, "–"],
  ])("count %s", (v, text) => expect(f.formatCount(v)).toBe(text));
  test.each([
    [9999, "9,999"],
    [12345, "12.3 k"],
    [3_456_789, "3.5 M"],
  ])("short %s", (v, text) => expect(f.formatShort(v)).toBe(text));
  test.each([
    [0.8394, "83.9 %"],
    [1, "100.0 %"],
    [undefined, "–"],
  ])("percent %s", (v, text) => expect(f.formatPercent(v)).toBe(text));
  test.each([
    [0.012, "+1.2 pp"],
    [-0.2, "−20.0 pp"],
    [0.0001, "±0.0 pp"],
    [-0.0001, "±0.0 pp"],
  ])("points %s", (v, text) => expect(f.formatPoints(v)).toBe(text));
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [3_396_560, "3.40 MB"],
    [999_600, "1.00 MB"],
    [64e9, "64.0 GB"],
  ])("bytes %s", (v, text) => expect(f.formatBytes(v)).toBe(text));
});

describe("times", () => {
  test.each([
    [0.84, "840 ms"],
    [12.34, "12.3 s"],
    [247, "4:07"],
    [5025, "1:23:45"],
  ])("duration %s", (v, text) => expect(f.formatDuration(v)).toBe(text));
  test.each([
    [0, "0:00.000"],
    [4_200_000, "0:04.200"],
    [3_723_000_000, "1:02:03.000"],
    [-40_000, "−0:00.040"],
  ])("timecode %s", (v, text) => expect(f.formatTimecode(v)).toBe(text));
  test.each([
    ["2026-11-21T12:00:00.250000Z", /^\d\d:00:00\.250$/],
    ["nonsense", /^–$/],
  ])("clock %s", (v, text) => expect(f.formatClock(v)).toMatch(text));
  const now = Date.parse("2026-11-21T12:00:00Z");
  test.each([
    ["2026-11-21T11:59:50Z", "just now"],
    ["2026-11-21T11:56:00Z", "4 min ago"],
    ["2026-11-21T09:00:00Z", "3 h ago"],
    ["2025-11-12T09:00:00Z", "12 Nov 2025"],
    [null, "–"],
    ["nonsense", "–"],
  ])("ago %s", (v, text) => expect(f.formatAgo(v, now)).toBe(text));
});
