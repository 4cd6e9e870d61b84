// How numbers, times and sizes are written: the same everywhere. What is not known is an en dash.

export const NONE = "–";

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

function known(v: number | null | undefined): v is number {
  return typeof v === "number" && Number.isFinite(v);
}

export function formatCount(v: number | null | undefined): string {
  return known(v) ? whole.format(v) : NONE;
}

/** 12,345 → "12.3 k"; for figures in little room. */
export function formatShort(v: number | null | undefined): string {
  if (!known(v)) return NONE;
  for (const [limit, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e4, "k"],
  ] as const) {
    if (Math.abs(v) >= limit) {
      const x = v / (unit === "k" ? 1e3 : limit);
      return `${x.toFixed(Math.abs(x) < 100 ? 1 : 0)} ${unit}`;
    }
  }
  return whole.format(v);
}

/** Of 0..1, as the field writes it: 0.839 → "83.9 %". */
export function formatPercent(v: number | null | undefined, digits = 1): string {
  return known(v) ? `${(v * 100).toFixed(digits)} %` : NONE;
}

/** A difference of percentages, with its sign: "+1.2 pp". */
export function formatPoints(v: number | null | undefined, digits = 1): string {
  if (!known(v)) return NONE;
  const x = (v * 100).toFixed(digits);
  const zero = Number(x) === 0;
  return `${zero ? "±" : v > 0 ? "+" : "−"}${x.replace(/^-/, "")} pp`;
}

export function formatNumber(v: number | null | undefined, digits = 2): string {
  return known(v) ? v.toFixed(digits).replace(/^-/, "−") : NONE;
}

export function formatBytes(v: number | null | undefined): string {
  if (!known(v)) return NONE;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let i = 0;
  let x = v;
  while (Math.abs(x) >= 999.5 && i < units.length - 1) {
    x /= 1000;
    i++;
  }
  return `${i === 0 ? x.toFixed(0) : x.toFixed(x < 10 ? 2 : x < 100 ? 1 : 0)} ${units[i]}`;
}

/** A length of time: "1:23:45", "4:07", "12.3 s", "840 ms". */
export function formatDuration(seconds: number | null | undefined): string {
  if (!known(seconds)) return NONE;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  const h = Math.floor(s / 3600);
  const m = Math.floor((s % 3600) / 60);
  const two = (x: number) => String(x).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** A place in a video: "0:04.200", "1:02:03.000". */
export function formatTimecode(us: number | null | undefined): string {
  if (!known(us)) return NONE;
  const ms = Math.round(us / 1000);
  const sign = ms < 0 ? "−" : "";
  const abs = Math.abs(ms);
  const h = Math.floor(abs / 3_600_000);
  const m = Math.floor((abs % 3_600_000) / 60_000);
  const s = ((abs % 60_000) / 1000).toFixed(3).padStart(6, "0");
  return h > 0 ? `${sign}${h}:${String(m).padStart(2, "0")}:${s}` : `${sign}${m}:${s}`;
}

/** "just now", "4 min ago", "3 h ago", "12 Nov", "12 Nov 2025". */
export function formatAgo(text: string | null | undefined, now = Date.now()): string {
  if (!text) return NONE;
  const t = Date.parse(text);
  if (Number.isNaN(t)) return NONE;
  const s = (now - t) / 1000;
  if (s < 45) return "just now";
  if (s < 3600) return `${Math.max(1, Math.round(s / 60))} min ago`;
  if (s < 86_400) return `${Math.round(s / 3600)} h ago`;
  const d = new Date(t);
  const year = d.getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
  return d.toLocaleDateString("en-GB", { day: "numeric", month: "short", year });
}

export function formatTime(text: string | null | undefined): string {
  if (!text) return NONE;
  const d = new Date(text);
  return Number.isNaN(d.getTime())
    ? NONE
    : d.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

/** A time of day to the millisecond, of lines of a log: "14:03:07.250". */
export function formatClock(text: string): string {
  const d = new Date(text);
  if (Number.isNaN(d.getTime())) return NONE;
  return `${d.toLocaleTimeString("en-GB")}.${String(d.getMilliseconds()).padStart(3, "0")}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}
