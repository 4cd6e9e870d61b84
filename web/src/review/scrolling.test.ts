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

const picture = { width: 640, height: 360 };

it("a crop holds the object in its own proportions", () => {
  const c = cropOf({ x: 200, y: 100, w: 200, h: 50 }, 1.5, picture);
  expect(c.w / c.h).toBeCloseTo(1.5, 1);
  expect(c.x).toBeLessThan(200);
  expect(c.x + c.w).toBeGreaterThan(400);
});

it.each([
  [{ x: -20, y: -9, w: 30, h: 30 }],
  [{ x: 620, y: 340, w: 40, h: 40 }],
  [{ x: 0, y: 0, w: 640, h: 360 }],
  [{ x: 10.4, y: 0, w: 0.2, h: 359.7 }],
  [{ x: 0, y: 170, w: 639.5, h: 3 }],
])("a crop is of whole pixels within the picture: %o", (o) => {
  const c = cropOf(o, 1.1, picture);
  expect(Object.values(c).every(Number.isInteger)).toBe(true);
  expect(Math.min(c.x, c.y, c.w - 1, c.h - 1)).toBeGreaterThanOrEqual(0);
  expect(c.x + c.w).toBeLessThanOrEqual(640);
  expect(c.y + c.h).toBeLessThanOrEqual(360);
});
