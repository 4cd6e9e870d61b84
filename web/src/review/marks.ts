// How objects look on the picture. Each outcome has a colour that colour-blind eyes tell apart, a kind of
// line of its own, and a word; a dark line lies under each, so that it is seen on any picture.
import { FN, FP, TP } from "./columns";
import type { Place } from "./player";
import type { Pack } from "./protocol";
import type { Filter } from "./query";
import { DETECTION, outcomeAt } from "./table";

export interface Mark {
  name: string;
  short: string;
  color: string;
  dash: number[];
  width: number;
}

export const marks: Record<number, Mark> = {
  [TP]: { name: "Found", short: "TP", color: "#2fd3ae", dash: [], width: 2 },
  [FP]: { name: "False alarm", short: "FP", color: "#ffa62b", dash: [9, 4], width: 2.5 },
  [FN]: { name: "Missed", short: "FN", color: "#ff6fbe", dash: [2, 3], width: 3 },
  [DETECTION]: { name: "Detection", short: "Det", color: "#6ebbff", dash: [], width: 2 },
};
const CROWD = 250; // objects of a picture
export const TRUTH_COLOR = "#e9edf2";

export interface Look {
  filter: Filter;
  labels: string[];
  names: boolean;
  truth: boolean;
  trails: boolean;
  /** -1: none. */
  row: number;
  /** Of a second session: dimmed, and dashed twice. */
  isOther: boolean;
}

/** The filter for a handful of rows. */
export function shownAs(p: Pack, i: number, look: Look): number {
  const f = look.filter;
  const is = outcomeAt(p.outcome[i]!, p.confidence[i]!, f.confidence);
  if (is === 0 || !(f.outcomes & (1 << is))) return 0;
  const label = look.labels[p.label[i]!] ?? "";
  if (f.labels && !f.labels.includes(label)) return 0;
  const area = p.w[i]! * p.h[i]!;
  if (area < f.minSize * f.minSize || (f.maxSize !== null && area > f.maxSize * f.maxSize)) return 0;
  const search = f.search.trim().toLowerCase();
  if (search.startsWith("#")) return /^#\d+$/.test(search) && p.track[i] !== Number(search.slice(1)) ? 0 : is;
  if (search !== "" && !search.startsWith("@") && !label.toLowerCase().includes(search)) return 0;
  return is;
}

type Box = [x: number, y: number, w: number, h: number];

function stroke(
  c: CanvasRenderingContext2D,
  place: Place,
  [x, y, w, h]: Box,
  color: string,
  width: number,
  dash: number[],
  isPlain = false,
) {
  const d = place.dpr;
  const r: Box = [place.x + x * place.scale, place.y + y * place.scale, w * place.scale, h * place.scale];
  if (r[0] > place.width || r[1] > place.height || r[0] + r[2] < 0 || r[1] + r[3] < 0) return;
  if (!isPlain) {
    c.lineWidth = (width + 2) * d;
    c.strokeStyle = "rgba(0,0,0,.55)";
    c.strokeRect(...r);
  }
  if (!isPlain || dash.length > 0) c.setLineDash(dash.map((n) => n * d));
  c.lineWidth = width * d;
  c.strokeStyle = color;
  c.strokeRect(...r);
  if (dash.length > 0) c.setLineDash([]);
}

/** Only the corners: where the truth of a found object lies. */
function corners(c: CanvasRenderingContext2D, place: Place, [x, y, w, h]: Box, color: string) {
  const x0 = place.x + x * place.scale;
  const y0 = place.y + y * place.scale;
  const x1 = x0 + w * place.scale;
  const y1 = y0 + h * place.scale;
  const n = Math.min(10 * place.dpr, (x1 - x0) / 3, (y1 - y0) / 3);
  c.beginPath();
  for (const [cx, cy, sx, sy] of [
    [x0, y0, 1, 1],
    [x1, y0, -1, 1],
    [x1, y1, -1, -1],
    [x0, y1, 1, -1],
  ] as const) {
    // prettier-ignore
    c.moveTo(cx + sx * n, cy);
    c.lineTo(cx, cy);
    c.lineTo(cx, cy + sy * n);
  }
  for (const [style, width] of [
    ["rgba(0,0,0,.6)", 3.5],
    [color, 1.5],
  ] as const) {
    // prettier-ignore
    c.strokeStyle = style;
    c.lineWidth = width * place.dpr;
    c.stroke();
  }
}

function tag(
  c: CanvasRenderingContext2D,
  place: Place,
  [x, y, , h]: Box,
  text: string,
  color: string,
  below: boolean,
) {
  const d = place.dpr;
  c.font = `${11 * d}px Inter, system-ui, sans-serif`;
  const w = c.measureText(text).width + 8 * d;
  const height = 16 * d;
  const left = Math.max(0, Math.min(place.width - w, place.x + x * place.scale - d));
  let top = below ? place.y + (y + h) * place.scale + d : place.y + y * place.scale - height - d;
  top = Math.max(0, Math.min(place.height - height, top));
  c.fillStyle = color;
  c.fillRect(left, top, w, height);
  c.fillStyle = "#0a0d11";
  c.textBaseline = "middle";
  c.fillText(text, left + 4 * d, top + height / 2 + 0.5 * d);
}

export function wordsOf(p: Pack, i: number, is: number, labels: string[]): string {
  const label = labels[p.label[i]!] ?? "?";
  const track = p.track[i]! > 0 ? ` #${p.track[i]!}` : "";
  if (is === FN) return `missed ${label}${track}`;
  return `${is === FP ? "false " : ""}${label} ${p.confidence[i]!.toFixed(2)}${track}`;
}

export function drawObjects(
  c: CanvasRenderingContext2D,
  place: Place,
  p: Pack,
  first: number,
  last: number,
  look: Look,
): number {
  // prettier-ignore
  let n = 0;
  let chosen = -1;
  // Hundreds of objects in one picture: names would cover it, and it must stay quick.
  const isCrowd = last - first > CROWD;
  if (isCrowd) look = { ...look, names: false, truth: false };
  for (let i = first; i < last; i++) {
    const is = shownAs(p, i, look);
    if (is === 0) continue;
    n++;
    if (p.row[i] === look.row) chosen = i;
    drawOne(c, place, p, i, is, look, false, isCrowd);
  }
  if (chosen >= 0) drawOne(c, place, p, chosen, shownAs(p, chosen, look), look, true, false);
  return n;
}

function drawOne(
  c: CanvasRenderingContext2D,
  place: Place,
  p: Pack,
  i: number,
  is: number,
  look: Look,
  isChosen: boolean,
  isPlain: boolean,
) {
  // prettier-ignore
  const m = marks[is]!;
  const isMiss = is === FN;
  const truth: Box = [p.truthX[i]!, p.truthY[i]!, p.truthW[i]!, p.truthH[i]!];
  const own: Box = isMiss ? truth : [p.x[i]!, p.y[i]!, p.w[i]!, p.h[i]!];
  if (look.truth && is === TP && !look.isOther) corners(c, place, truth, TRUTH_COLOR);
  const dash = look.isOther ? [1, 6] : m.dash;
  stroke(c, place, own, m.color, isChosen ? m.width + 1.5 : isPlain ? 1.5 : m.width, dash, isPlain);
  if (isChosen) {
    const pad = 5 / place.scale;
    stroke(c, place, [own[0] - pad, own[1] - pad, own[2] + 2 * pad, own[3] + 2 * pad], "#ffffff", 1, []);
  }
  const [left, top] = [place.x + own[0] * place.scale, place.y + own[1] * place.scale];
  const isOutside =
    left > place.width ||
    top > place.height ||
    left + own[2] * place.scale < 0 ||
    top + own[3] * place.scale < 0;
  if (isOutside) return;
  const isLarge = own[3] * place.scale > 24 * place.dpr || isChosen;
  if ((look.names && isLarge) || isChosen) {
    const words = `${look.isOther ? "B: " : ""}${wordsOf(p, i, is, look.labels)}`;
    tag(c, place, own, words, m.color, look.isOther);
  }
}

/** Where the feet of each track were: *steps* of [pack, first, last], the newest first. */
export function drawTrails(
  c: CanvasRenderingContext2D,
  place: Place,
  steps: [Pack, number, number][],
  look: Look,
) {
  const before = new Map<number, { x: number; y: number; is: number }>();
  c.lineCap = "round";
  steps.forEach(([p, first, last], age) => {
    for (let i = first; i < last; i++) {
      const track = p.track[i]!;
      const is = shownAs(p, i, look);
      if (track === 0 || is === 0) continue;
      const key = track * 2 + (p.outcome[i] === FN ? 1 : 0);
      const x = place.x + (p.x[i]! + p.w[i]! / 2) * place.scale;
      const y = place.y + (p.y[i]! + p.h[i]!) * place.scale;
      const from = before.get(key);
      if (!from && age > 0) continue; // gone by now: no trail of it
      if (from) {
        c.globalAlpha = Math.max(0.1, 1 - age / steps.length);
        c.strokeStyle = marks[from.is]!.color;
        c.lineWidth = 2 * place.dpr;
        c.beginPath();
        c.moveTo(from.x, from.y);
        c.lineTo(x, y);
        c.stroke();
      }
      before.set(key, { x, y, is });
    }
  });
  c.globalAlpha = 1;
  c.lineCap = "butt";
}

/** The row under a point of the picture: the smallest. -1: none. */
export function hitRow(p: Pack, first: number, last: number, x: number, y: number, look: Look): number {
  let best = -1;
  let least = Infinity;
  for (let i = first; i < last; i++) {
    if (shownAs(p, i, look) === 0) continue;
    const [bx, by, bw, bh] = [p.x[i]!, p.y[i]!, p.w[i]!, p.h[i]!];
    if (x < bx || y < by || x > bx + bw || y > by + bh || bw * bh >= least) continue;
    least = bw * bh;
    best = p.row[i]!;
  }
  return best;
}
