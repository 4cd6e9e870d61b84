import { describe, expect, it } from "vitest";

import {
  MAX_PIXELS,
  barOf,
  clampTop,
  innerHeight,
  reveal,
  topOf,
  visible,
  type Scrolling,
} from "./scrolling";
import { cropOf } from "./thumbs";

const few: Scrolling = { rows: 100, rowHeight: 50, window: 400 };
const many: Scrolling = { rows: 1_000_000, rowHeight: 50, window: 400 };

describe("a list that scrolls", () => {
  it("of few rows is as high as they are", () => {
    expect(innerHeight(few)).toBe(5000);
    expect(topOf(few, 123)).toBe(123);
    expect(barOf(few, 123)).toBe(123);
  });

  it("of a million rows stays below what browsers can show, and reaches the last row", () => {
    expect(innerHeight(many)).toBe(MAX_PIXELS);
    expect(topOf(many, 0)).toBe(0);
    expect(topOf(many, MAX_PIXELS - 400)).toBe(50_000_000 - 400);
    expect(topOf(many, barOf(many, 31_234_567))).toBeCloseTo(31_234_567, 3);
    expect(visible(many, topOf(many, MAX_PIXELS), 0)[1]).toBe(1_000_000);
  });

  it.each([
    [0, 0, [0, 8]],
    [25, 0, [0, 9]],
    [4600, 3, [89, 100]],
  ])("at %d with %d more shows rows %o", (top, more, rows) => expect(visible(few, top, more)).toEqual(rows));

  it.each([
    [0, 3, 0],
    [0, 8, 50],
    [1000, 3, 150],
    [1000, 99, 4600],
  ])("from %d, row %d is seen at %d", (top, row, at) => expect(reveal(few, top, row)).toBe(at));

  it("of no rows is at its beginning", () => expect(clampTop({ ...few, rows: 0 }, 99)).toBe(0));
});

it("a crop holds the object in its own proportions", () => {
  const c = cropOf({ x: 100, y: 100, w: 200, h: 50 }, 1.5);
  expect(c.w / c.h).toBeCloseTo(1.5);
  expect(c.x).toBeLessThan(100);
  expect(c.x + c.w).toBeGreaterThan(300);
});
