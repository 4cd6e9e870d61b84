// Rows of one height in a window that scrolls. Browsers cut elements off at some 33 million pixels: beyond a
// limit the bar stands for the whole, and the wheel moves by rows.

export const MAX_PIXELS = 8_000_000;

export interface Scrolling {
  rows: number;
  rowHeight: number;
  window: number; // pixels
}

export function innerHeight(s: Scrolling): number {
  return Math.min(s.rows * s.rowHeight, MAX_PIXELS);
}

/** The place in pixels of all rows that the bar's place means. */
export function topOf(s: Scrolling, bar: number): number {
  const all = s.rows * s.rowHeight;
  const inner = innerHeight(s);
  if (all === inner) return bar;
  const room = inner - s.window;
  return room <= 0 ? 0 : (Math.min(bar, room) / room) * (all - s.window);
}

export function barOf(s: Scrolling, top: number): number {
  const all = s.rows * s.rowHeight;
  const inner = innerHeight(s);
  if (all === inner) return top;
  return (top / Math.max(1, all - s.window)) * (inner - s.window);
}

export function clampTop(s: Scrolling, top: number): number {
  return Math.max(0, Math.min(s.rows * s.rowHeight - s.window, top));
}

/** First and last row (one beyond) that are to be there. */
export function visible(s: Scrolling, top: number, more: number): [number, number] {
  const first = Math.max(0, Math.floor(top / s.rowHeight) - more);
  return [first, Math.min(s.rows, Math.ceil((top + s.window) / s.rowHeight) + more)];
}

/** The place at which row *i* is seen whole, moving as little as may be. */
export function reveal(s: Scrolling, top: number, i: number): number {
  const at = i * s.rowHeight;
  if (at < top) return clampTop(s, at);
  if (at + s.rowHeight > top + s.window) return clampTop(s, at + s.rowHeight - s.window);
  return top;
}
