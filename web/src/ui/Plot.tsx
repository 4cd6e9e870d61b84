// Lines over a continuous x, drawn by uPlot: crosshair with a readout, no React work per move of the
// pointer, colours of the theme.
import "uplot/dist/uPlot.min.css";

import { useEffect, useRef } from "react";
import uPlot from "uplot";

import { token, useShownTheme } from "./theme";

export interface Series {
  label: string;
  /** A custom property: "--series-1". */
  colour: string;
  values: (number | null)[];
  dash?: number[];
  fill?: boolean;
}

export interface Marker {
  x: number;
  y: number;
  colour: string;
  label: string;
}

export interface PlotProps {
  /** What is to be seen, for those who do not see it. */
  description: string;
  x: number[];
  xLabel: string;
  series: Series[];
  markers?: Marker[];
  height?: number;
  xRange?: [number, number];
  yRange?: [number, number];
  format?: (v: number) => string;
  /** Further words of the readout at a point. */
  readout?: (index: number) => string;
}

const plain = (v: number) => v.toFixed(3);

function axis(label: string | undefined, isX: boolean, line: string, text: string): uPlot.Axis {
  return {
    ...(label ? { label, labelSize: 20, labelGap: 2, labelFont: "12px Inter, system-ui, sans-serif" } : {}),
    stroke: text,
    font: "11px Inter, system-ui, sans-serif",
    size: isX ? 26 : 44,
    gap: 6,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  };
}

export function Plot(p: PlotProps) {
  const theme = useShownTheme();
  const box = useRef<HTMLDivElement>(null);
  const words = useRef<HTMLParagraphElement>(null);
  const latest = useRef(p);
  latest.current = p;
  useEffect(() => {
    const el = box.current!;
    const say = (index: number | null | undefined) => {
      const { x, xLabel, series, format = plain, readout } = latest.current;
      if (!words.current) return;
      if (index === null || index === undefined || x[index] === undefined) {
        words.current.textContent = " ";
        return;
      }
      const parts = series.map(
        (s) => `${s.label} ${s.values[index] == null ? "–" : format(s.values[index]!)}`,
      );
      words.current.textContent = [`${xLabel} ${format(x[index]!)}`, ...parts, readout?.(index)]
        .filter(Boolean)
        .join("   ");
    };
    const drawMarkers = (u: uPlot) => {
      const ratio = devicePixelRatio || 1;
      for (const m of latest.current.markers ?? []) {
        const cx = u.valToPos(m.x, "x", true);
        const cy = u.valToPos(m.y, "y", true);
        u.ctx.save();
        u.ctx.beginPath();
        u.ctx.arc(cx, cy, 5 * ratio, 0, 2 * Math.PI);
        u.ctx.fillStyle = token(m.colour);
        u.ctx.fill();
        u.ctx.lineWidth = 2 * ratio;
        u.ctx.strokeStyle = token("--surface");
        u.ctx.stroke();
        u.ctx.restore();
      }
    };
    const build = (width: number) =>
      new uPlot(
        {
          width,
          height: p.height ?? 260,
          legend: { show: false },
          padding: [10, 12, 0, 0],
          cursor: { y: false, points: { size: 7 } },
          scales: {
            x: { time: false, ...(p.xRange ? { range: p.xRange } : {}) },
            y: p.yRange ? { range: p.yRange } : {},
          },
          axes: [
            axis(p.xLabel, true, token("--grid"), token("--muted")),
            axis(undefined, false, token("--grid"), token("--muted")),
          ],
          series: [
            {},
            ...p.series.map((s) => ({
              label: s.label,
              stroke: token(s.colour),
              width: 2,
              ...(s.dash ? { dash: s.dash } : {}),
              ...(s.fill ? { fill: `${token(s.colour)}22` } : {}),
              points: { show: false },
            })),
          ],
          hooks: { setCursor: [(u) => say(u.cursor.idx)], draw: [drawMarkers] },
        },
        [p.x, ...p.series.map((s) => s.values)] as uPlot.AlignedData,
        el,
      );
    let plot = build(el.clientWidth || 400);
    const look = new ResizeObserver(() => {
      if (el.clientWidth > 0) plot.setSize({ width: el.clientWidth, height: p.height ?? 260 });
    });
    look.observe(el);
    say(null);
    return () => {
      look.disconnect();
      plot.destroy();
      plot = null as unknown as uPlot;
    };
    // The data of a judged session do not change while it is shown; another one has other arrays.
  }, [theme, p.x, p.series.length, p.height]);
  return (
    <figure className="stack tight">
      <div className="legend" aria-hidden="true">
        {p.series.map((s) => (
          <span key={s.label}>
            <i style={{ background: `var(${s.colour})` }} />
            {s.label}
          </span>
        ))}
        {(p.markers ?? []).map((m) => (
          <span key={m.label}>
            <i className="dot" style={{ background: `var(${m.colour})` }} />
            {m.label}
          </span>
        ))}
      </div>
      <div ref={box} className="plot" role="img" aria-label={p.description} />
      <p ref={words} className="tiny muted readout" aria-hidden="true">
        {" "}
      </p>
    </figure>
  );
}
