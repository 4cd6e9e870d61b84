// The page's side of the worker: questions as promises, and the objects of the frames around the one shown.
import type { FromWorker, Kind, Pack, Progress, Questions, Source, ToWorker } from "./protocol";

const WINDOW = 64; // frames that are asked for at once
const MAX_WINDOWS = 12;
const ROW_BYTES = 4 * 13 + 3; // of a pack
const MAX_WINDOW_ROWS = 200_000; // of all that are held

interface Waiting {
  resolve: (v: never) => void;
  reject: (e: Error) => void;
}

export class ReviewData {
  private worker: Worker;
  private nextId = 1;
  private waiting = new Map<number, Waiting>();
  private windows = new Map<number, Pack>();
  private asked = new Set<number>();
  private generation = 0;
  private doneAt = 0; // frames that had come when a window was made
  progress: Progress | null = null;
  onProgress: (p: Progress) => void = () => {};
  /** Objects of more frames have come. */
  onWindow: () => void = () => {};

  constructor(
    make: () => Worker = () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }),
  ) {
    this.worker = make();
    this.worker.onmessage = (e: MessageEvent<FromWorker>) => this.hear(e.data);
    this.worker.onerror = () => this.fail(new Error("the page's worker stopped: load the page again"));
  }

  open(source: Source): Promise<void> {
    return this.ask("open", source);
  }

  ask<K extends Kind>(kind: K, ask: Questions[K][0]): Promise<Questions[K][1]> {
    const id = this.nextId++;
    const done = new Promise<Questions[K][1]>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
    });
    this.worker.postMessage({ id, kind, ask } as ToWorker);
    return done;
  }

  /** The rows of a frame as [pack, first, last); null: they are on their way. */
  at(frame: number): [Pack, number, number] | null {
    const w = Math.floor(frame / WINDOW);
    const p = this.windows.get(w);
    if (!p) {
      void this.fetchWindow(w);
      return null;
    }
    this.windows.delete(w);
    this.windows.set(w, p); // the newest last
    const first = lowerBound(p.frame, frame);
    return [p, first, lowerBound(p.frame, frame + 1)];
  }

  /** Asks ahead of playing and stepping. */
  prefetch(frame: number) {
    const w = Math.floor(frame / WINDOW);
    for (const k of [w, w + 1, w - 1]) if (k >= 0 && !this.windows.has(k)) void this.fetchWindow(k);
  }

  private async fetchWindow(w: number) {
    if (this.asked.has(w)) return;
    this.asked.add(w);
    const generation = this.generation;
    try {
      const p = await this.ask("frames", { from: w * WINDOW, to: (w + 1) * WINDOW });
      if (generation !== this.generation) return;
      this.windows.set(w, p);
      this.trim();
      this.onWindow();
    } catch {
      // told by whoever opened
    } finally {
      if (generation === this.generation) this.asked.delete(w);
    }
  }

  /** Of the arrays that are held on this side. */
  get bytes(): number {
    let n = 0;
    for (const p of this.windows.values()) n += p.n * ROW_BYTES;
    return n;
  }

  private trim() {
    let rows = 0;
    for (const p of this.windows.values()) rows += p.n;
    for (const [w, p] of this.windows) {
      if (this.windows.size <= 3 || (this.windows.size <= MAX_WINDOWS && rows <= MAX_WINDOW_ROWS)) break;
      this.windows.delete(w);
      rows -= p.n;
    }
  }

  private hear(m: FromWorker) {
    if (m.type === "progress") {
      // What has come since may belong to frames that are held.
      const before = this.progress;
      this.progress = m.progress;
      if (!before || before.rows !== m.progress.rows || before.judge !== m.progress.judge || m.progress.done)
        this.forgetWindows(
          before && before.judge === m.progress.judge && !m.progress.done ? this.doneAt : -1,
        );
      this.doneAt = m.progress.lastFrame;
      this.onProgress(m.progress);
      return;
    }
    const w = this.waiting.get(m.id);
    this.waiting.delete(m.id);
    if (m.type === "failed") w?.reject(new Error(m.message));
    else w?.resolve(m.answer as never);
  }

  /** Those that reach beyond *frame*; -1: all. */
  private forgetWindows(frame: number) {
    this.generation++;
    this.asked.clear();
    for (const w of [...this.windows.keys()]) if ((w + 1) * WINDOW > frame) this.windows.delete(w);
    this.onWindow();
  }

  private fail(e: Error) {
    for (const w of this.waiting.values()) w.reject(e);
    this.waiting.clear();
  }

  close() {
    this.worker.terminate();
    this.fail(new Error("closed"));
  }
}

export function lowerBound(values: Int32Array, wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (values[mid]! < wanted) low = mid + 1;
    else high = mid;
  }
  return low;
}

/** Lets one question run at a time and keeps only the newest that waits: for sliders. */
export function latest<A>(run: (a: A) => Promise<void>): (a: A) => void {
  let isBusy = false;
  let next: { a: A } | null = null;
  const go = async (a: A) => {
    isBusy = true;
    try {
      await run(a);
    } finally {
      isBusy = false;
      const waiting = next;
      next = null;
      if (waiting) void go(waiting.a);
    }
  };
  return (a) => {
    if (isBusy) next = { a };
    else void go(a);
  };
}
