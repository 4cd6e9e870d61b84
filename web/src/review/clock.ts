// Frames and times: which frame a time of the player means, and which time shows a frame.

/** The time of each frame, in microseconds from the stream's start, rising. */
export class FrameClock {
  /** What the player's time is ahead of the container's; found at the first frame that it shows. */
  offset = 0;

  constructor(readonly times: Float64Array) {}

  /** *steps*: pairs of distance and count, as the server gives them. */
  static fromSteps(first: number, steps: ArrayLike<number>): FrameClock {
    let n = 1;
    for (let i = 1; i < steps.length; i += 2) n += steps[i]!;
    const times = new Float64Array(n);
    let at = first;
    let k = 0;
    times[k++] = at;
    for (let i = 0; i + 1 < steps.length; i += 2) {
      for (let c = 0; c < steps[i + 1]!; c++) times[k++] = at += steps[i]!;
    }
    return new FrameClock(times);
  }

  get n() {
    return this.times.length;
  }

  /** The frame whose time is nearest to *seconds* of the player: for times that are a frame's own. */
  frameAtExactly(seconds: number): number {
    const t = seconds * 1e6 - this.offset;
    const i = this.lastAtOrBefore(t);
    const next = this.times[i + 1];
    return next !== undefined && next - t < t - this.times[i]! ? i + 1 : Math.max(0, i);
  }

  /** The frame that is shown at *seconds* of the player: the last one that has begun. */
  frameShownAt(seconds: number): number {
    return Math.max(0, this.lastAtOrBefore(seconds * 1e6 - this.offset + 0.5));
  }

  private lastAtOrBefore(t: number): number {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (this.times[mid]! <= t) low = mid + 1;
      else high = mid;
    }
    return low - 1;
  }

  clamp(frame: number): number {
    return Math.max(0, Math.min(this.n - 1, Math.round(frame)));
  }

  /** Microseconds that frame *i* is shown; the last one as long as the one before it. */
  durationOf(i: number): number {
    const t = this.times;
    if (t.length < 2) return 40000;
    return i + 1 < t.length ? t[i + 1]! - t[i]! : t[t.length - 1]! - t[t.length - 2]!;
  }

  /** Where to seek to, in seconds of the player, so that frame *i* and no neighbour is shown. */
  seekTo(i: number): number {
    return Math.max(0, (this.times[i]! + this.durationOf(i) / 2 + this.offset) / 1e6);
  }

  /** Seconds from the first frame. */
  secondsOf(i: number): number {
    return (this.times[i]! - this.times[0]!) / 1e6;
  }

  /** The frame *seconds* after (or before) frame *i*, and never *i* itself where there is another. */
  stepSeconds(i: number, seconds: number): number {
    const wanted = this.times[i]! + seconds * 1e6;
    let to = Math.max(0, this.lastAtOrBefore(wanted + 0.5));
    if (to === i) to = this.clamp(i + Math.sign(seconds));
    return to;
  }

  get durationSeconds() {
    return this.n === 0 ? 0 : (this.times[this.n - 1]! - this.times[0]! + this.durationOf(this.n - 1)) / 1e6;
  }
}

/** 1:02:03.456, hours where there are any. */
export function clockText(seconds: number): string {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const s = Math.floor(ms / 1000);
  const two = (v: number) => String(v).padStart(2, "0");
  const rest = `${two(s % 60)}.${String(ms % 1000).padStart(3, "0")}`;
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`;
}
