// The whole video on one canvas: errors by stretch, confidence, a bar for each track, and where we are.
// Dragging over it shows that stretch alone; a click goes there.
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type PointerEvent } from "react";

import { IconButton } from "../ui/Button";
import { clockText, type FrameClock } from "./clock";
import type { FrameStore } from "./frame";
import type { TimelineAnswer } from "./protocol";

const RULER = 18;
const DENSITY = 56;
const STRIP = 10;
const LANE = 7;
const GAP = 5;
const OVERVIEW = 8;
export const MAX_LANES = 14;

interface Props {
  answer: TimelineAnswer | null;
  frames: number;
  clock: FrameClock;
  store: FrameStore;
  from: number;
  to: number; // one beyond
  hasOutcomes: boolean;
  onView: (range: [number, number] | null) => void;
  onGo: (frame: number) => void;
  onWidth: (bins: number) => void;
}

function heightOf(lanes: number): number {
  return RULER + DENSITY + GAP + STRIP + GAP + lanes * LANE + GAP + OVERVIEW;
}

const nice = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

interface Colors {
  text: string;
  line: string;
  surface: string;
  accent: string;
  tp: string;
  fp: string;
  fn: string;
  info: string;
}

function colorsOf(e: Element): Colors {
  const s = getComputedStyle(e);
  const v = (name: string) => s.getPropertyValue(name).trim();
  return { text: v("--faint"), line: v("--line"), surface: v("--sunken"), accent: v("--text"), tp: v("--tp"),
    fp: v("--fp"), fn: v("--fn"), info: v("--info") }; // prettier-ignore
}

export function Timeline(p: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [brush, setBrush] = useState<[number, number] | null>(null);
  const pressed = useRef<{ x: number; isBrush: boolean } | null>(null);
  const [theme, setTheme] = useState(0);
  const { answer, from, to, clock, frames } = p;
  // Filters come and go; the picture above must not move with them.
  const [lanes, setLanes] = useState(0);
  if (answer && answer.bars.lanes > lanes) setLanes(answer.bars.lanes);
  const height = heightOf(lanes);

  useLayoutEffect(() => {
    const e = box.current!;
    const seen = new ResizeObserver(() => setWidth(e.clientWidth));
    seen.observe(e);
    const themed = new MutationObserver(() => setTheme((n) => n + 1));
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      seen.disconnect();
      themed.disconnect();
    };
  }, []);
  useEffect(() => {
    if (width > 0) p.onWidth(Math.max(1, Math.min(Math.floor(width / 3), to - from)));
  }, [width, from, to]); // eslint-disable-line

  const xOf = useCallback(
    (frame: number) => ((frame - from) / Math.max(1, to - from)) * width,
    [from, to, width],
  );
  const frameAt = (x: number) =>
    Math.max(0, Math.min(frames - 1, Math.floor(from + (x / width) * (to - from))));

  useEffect(() => {
    const c = canvas.current?.getContext("2d");
    if (!c || width === 0) return;
    const dpr = window.devicePixelRatio || 1;
    c.canvas.width = Math.round(width * dpr);
    c.canvas.height = Math.round(height * dpr);
    c.setTransform(dpr, 0, 0, dpr, 0, 0);
    draw(c, { answer, from, to, clock, frames, width, height, xOf, colors: colorsOf(c.canvas) });
  }, [answer, from, to, clock, frames, width, height, xOf, theme]);

  // The playhead moves at the pace of the video: past React.
  useEffect(() => {
    const put = () => {
      const frame = p.store.get().frame;
      const e = head.current!;
      const x = xOf(frame + 0.5);
      e.style.transform = `translateX(${x}px)`;
      e.style.visibility = x < 0 || x > width ? "hidden" : "visible";
      const slider = box.current!;
      slider.setAttribute("aria-valuenow", String(frame));
      slider.setAttribute(
        "aria-valuetext",
        `frame ${frame}, ${clockText(clock.secondsOf(clock.clamp(frame)))}`,
      );
    };
    put();
    return p.store.subscribe(put);
  }, [p.store, xOf, clock, width]);

  const xIn = (e: PointerEvent) => e.clientX - box.current!.getBoundingClientRect().left;
  const down = (e: PointerEvent) => {
    if (e.button !== 0) return;
    box.current!.setPointerCapture(e.pointerId);
    const y = e.clientY - box.current!.getBoundingClientRect().top;
    pressed.current = { x: xIn(e), isBrush: false };
    // On the ruler the pointer takes the picture along; below, it chooses a stretch.
    if (y < RULER) {
      pressed.current = null;
      p.onGo(frameAt(xIn(e)));
    }
  };
  const move = (e: PointerEvent) => {
    const x = xIn(e);
    if (e.buttons === 1 && !pressed.current) p.onGo(frameAt(x));
    if (!pressed.current || (!pressed.current.isBrush && Math.abs(x - pressed.current.x) < 5)) return;
    pressed.current.isBrush = true;
    setBrush([Math.max(0, Math.min(pressed.current.x, x)), Math.min(width, Math.max(pressed.current.x, x))]);
  };
  const up = (e: PointerEvent) => {
    const was = pressed.current;
    pressed.current = null;
    setBrush(null);
    if (!was) return;
    if (!was.isBrush) {
      p.onGo(frameAt(xIn(e)));
      return;
    }
    const [a, b] = [frameAt(Math.min(was.x, xIn(e))), frameAt(Math.max(was.x, xIn(e)))];
    if (b - a >= 4) p.onView([a, b]);
  };
  const zoom = (factor: number) => {
    const middle = p.store.get().frame;
    const size = Math.max(10, Math.round((to - from) * factor));
    if (size >= frames) p.onView(null);
    else {
      const a = Math.max(0, Math.min(frames - size, Math.round(middle - size / 2)));
      p.onView([a, Math.min(frames - 1, a + size - 1)]);
    }
  };
  const isWhole = from === 0 && to >= frames;
  return (
    <section className="rv-timeline" aria-label="Timeline">
      <div className="rv-timeline-tools">
        <span className="tiny faint">{p.hasOutcomes ? "Errors" : "Detections"}</span>
        <span className="tiny faint" style={{ top: RULER + DENSITY + GAP }}>
          Conf.
        </span>
        <div className="rv-zoom">
          <IconButton small icon="plus" label="Show a shorter stretch of time" onClick={() => zoom(0.5)} />
          <button
            type="button"
            className="button ghost small"
            disabled={isWhole}
            onClick={() => p.onView(null)}
            aria-label="Show the whole video in the timeline"
          >
            All
          </button>
        </div>
      </div>
      <div
        className="rv-strip"
        ref={box}
        role="slider"
        tabIndex={0}
        aria-label="Place in the video"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, frames - 1)}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onDoubleClick={() => p.onView(null)}
        style={{ height }}
      >
        <canvas ref={canvas} style={{ width, height }} />
        {brush && <div className="rv-brush" style={{ left: brush[0], width: brush[1] - brush[0] }} />}
        <div className="rv-head" ref={head} />
      </div>
    </section>
  );
}

interface Drawing {
  answer: TimelineAnswer | null;
  from: number;
  to: number;
  clock: FrameClock;
  frames: number;
  width: number;
  height: number;
  xOf: (frame: number) => number;
  colors: Colors;
}

function draw(c: CanvasRenderingContext2D, d: Drawing) {
  c.clearRect(0, 0, d.width, d.height);
  ruler(c, d);
  c.fillStyle = d.colors.surface;
  c.fillRect(0, RULER, d.width, DENSITY);
  c.fillRect(0, RULER + DENSITY + GAP, d.width, STRIP);
  if (d.answer) {
    density(c, d, d.answer);
    strip(c, d, d.answer);
    bars(c, d, d.answer);
  }
  const y = d.height - OVERVIEW + 2;
  c.fillStyle = d.colors.line;
  c.fillRect(0, y, d.width, 4);
  c.fillStyle = d.colors.text;
  const all = Math.max(1, d.frames);
  c.fillRect((d.from / all) * d.width, y, Math.max(3, ((d.to - d.from) / all) * d.width), 4);
}

function ruler(c: CanvasRenderingContext2D, d: Drawing) {
  const { clock } = d;
  if (clock.n === 0) return;
  const a = clock.secondsOf(clock.clamp(d.from));
  const b = Math.max(a + 0.001, clock.secondsOf(clock.clamp(d.to - 1)));
  const step = nice.find((s) => ((b - a) / s) * 70 < d.width) ?? 7200;
  c.font = "10.5px Inter, system-ui, sans-serif";
  c.textBaseline = "middle";
  c.fillStyle = d.colors.text;
  c.strokeStyle = d.colors.line;
  for (let s = Math.ceil(a / step) * step; s <= b; s += step) {
    const x = Math.round(d.xOf(clock.frameShownAt((clock.times[0]! + clock.offset) / 1e6 + s))) + 0.5;
    c.beginPath();
    c.moveTo(x, RULER - 5);
    c.lineTo(x, RULER);
    c.stroke();
    const text = s >= 60 ? clockText(s).replace(/\.\d+$/, "") : `${s} s`;
    if (x + 4 < d.width - 30) c.fillText(text, x + 3, RULER / 2);
  }
}

/** Errors stand on each other, what was found lies behind them; a root, so that one error is seen beside hundreds. */
function density(c: CanvasRenderingContext2D, d: Drawing, { bins }: TimelineAnswer) {
  let most = 1;
  for (let k = 0; k < bins.n; k++) {
    const errors = bins.fp[k]! + bins.fn[k]!;
    most = Math.max(most, errors, bins.tp[k]! + bins.detections[k]!);
  }
  const scale = (v: number) => Math.sqrt(v / most) * (DENSITY - 3);
  const floor = RULER + DENSITY;
  for (let k = 0; k < bins.n; k++) {
    const x0 = d.xOf(bins.from + (k / bins.n) * (bins.to - bins.from));
    const x1 = d.xOf(bins.from + ((k + 1) / bins.n) * (bins.to - bins.from));
    const w = Math.max(1, x1 - x0 - (x1 - x0 > 3 ? 1 : 0));
    const found = bins.tp[k]! + bins.detections[k]!;
    if (found > 0) {
      c.globalAlpha = 0.3;
      c.fillStyle = bins.tp[k]! > 0 ? d.colors.tp : d.colors.info;
      c.fillRect(x0, floor - scale(found), w, scale(found));
      c.globalAlpha = 1;
    }
    const errors = bins.fp[k]! + bins.fn[k]!;
    if (errors === 0) continue;
    const h = Math.max(3, scale(errors));
    const hMiss = (h * bins.fn[k]!) / errors;
    c.fillStyle = d.colors.fn;
    c.fillRect(x0, floor - hMiss, w, hMiss);
    c.fillStyle = d.colors.fp;
    c.fillRect(x0, floor - h, w, h - hMiss);
  }
}

function strip(c: CanvasRenderingContext2D, d: Drawing, { bins }: TimelineAnswer) {
  c.fillStyle = d.colors.info;
  for (let k = 0; k < bins.n; k++) {
    const v = bins.confidence[k]!;
    if (Number.isNaN(v)) continue;
    const x0 = d.xOf(bins.from + (k / bins.n) * (bins.to - bins.from));
    const x1 = d.xOf(bins.from + ((k + 1) / bins.n) * (bins.to - bins.from));
    c.globalAlpha = 0.08 + 0.92 * v * v;
    c.fillRect(x0, RULER + DENSITY + GAP, Math.max(1, x1 - x0 + 0.5), STRIP);
  }
  c.globalAlpha = 1;
}

function bars(c: CanvasRenderingContext2D, d: Drawing, { bars: b }: TimelineAnswer) {
  const top = RULER + DENSITY + GAP + STRIP + GAP;
  for (let i = 0; i < b.n; i++) {
    const x0 = Math.max(-2, d.xOf(b.first[i]!));
    const x1 = Math.min(d.width + 2, d.xOf(b.last[i]! + 1));
    const y = top + b.lane[i]! * LANE;
    const isMiss = b.isTruth[i] === 1;
    c.fillStyle = isMiss ? d.colors.fn : d.colors.tp;
    c.globalAlpha = isMiss ? 1 : 0.75;
    if (!isMiss) c.fillRect(x0, y, Math.max(1.5, x1 - x0 - 1), LANE - 2);
    // Missed tracks are thin: shape as well as colour.
    else c.fillRect(x0, y + 1.5, Math.max(1.5, x1 - x0 - 1), 2);
  }
  c.globalAlpha = 1;
}
