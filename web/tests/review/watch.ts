// Reads from the canvas's pixels which frame is in the picture and which one the overlay belongs to.
import type { Page } from "playwright-core";

import { shownFrame, untilFrame, untilSettled } from "./browser";

export interface Seen {
  said: number;
  picture: number;
  inverse: number;
  overlay: number;
  source: string;
}

export interface Shape {
  width?: number;
  height?: number;
  unit?: number;
}

/** Reads the canvas whenever it has shown another frame. */
export function watch(page: Page, { width = 640, height = 360, unit = 1 }: Shape) {
  return page.evaluate(
    ({ width, height, unit }) => {
      const seen: Seen[] = [];
      (window as unknown as { seen: Seen[] }).seen = seen;
      const canvas = document.querySelector<HTMLCanvasElement>(".rv-stage canvas")!;
      const c = canvas.getContext("2d")!;
      let last = "";
      const look = () => {
        requestAnimationFrame(look);
        const { frame, source, objects } = canvas.dataset;
        const now = `${frame} ${source} ${objects}`;
        if (now === last || objects === "") return;
        last = now;
        const fit = Math.min(canvas.width / width, canvas.height / height);
        const scale = fit * unit;
        const x0 = (canvas.width - width * fit) / 2;
        const y0 = (canvas.height - height * fit) / 2;
        const read = (y: number) => {
          let n = 0;
          for (let bit = 0; bit < 12; bit++) {
            const p = c.getImageData(
              Math.round(x0 + (100 + bit * 40) * scale),
              Math.round(y0 + y * scale),
              1,
              1,
            ).data;
            n = n * 2 + (p[0]! > 128 ? 1 : 0);
          }
          return n;
        };
        // The left edge of what is pink: the missed object's box.
        const top = Math.round(y0 + 150 * scale);
        const area = c.getImageData(0, top, canvas.width, Math.round(60 * scale));
        let left = canvas.width;
        for (let i = 0; i < area.data.length; i += 4) {
          const [r, g, b] = [area.data[i]!, area.data[i + 1]!, area.data[i + 2]!];
          if (r > 200 && g < 150 && b > 150) left = Math.min(left, (i / 4) % canvas.width);
        }
        const x = (left + 1.5 - x0) / scale;
        seen.push({
          said: Number(frame),
          picture: read(20),
          inverse: 4095 - read(60),
          overlay: Math.round((x - 10) / 2),
          source: source!,
        });
      };
      look();
    },
    { width, height, unit },
  );
}

export function wrongOf(seen: Seen[], slack = 0): Seen[] {
  return seen.filter(
    (s) => s.picture !== s.said || s.inverse !== s.said || Math.abs(s.overlay - (s.said % 290)) > slack,
  );
}

export interface Edges {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Where what is pink (the box) or white (the mark in the picture) ends, in pixels of the canvas. */
export function edgesOf(page: Page, what: "pink" | "white"): Promise<Edges> {
  return page.evaluate((what) => {
    const canvas = document.querySelector<HTMLCanvasElement>(".rv-stage canvas")!;
    const { data, width, height } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    const columns = new Uint32Array(width);
    const rows = new Uint32Array(height);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const i = (y * width + x) * 4;
        const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
        const is = what === "pink" ? r > 200 && g < 150 && b > 150 : Math.min(r, g, b) > 195;
        if (!is) continue;
        columns[x]!++;
        rows[y]!++;
      }
    // A line of the box or a side of the mark, no speck or letter: they are the longest there are.
    const isLong = (a: Uint32Array) => {
      const least = Math.max(6, a.reduce((most, n) => Math.max(most, n), 0) / 2);
      return (n: number) => n >= least;
    };
    const first = (a: Uint32Array) => a.findIndex(isLong(a));
    const last = (a: Uint32Array) => a.length - 1 - a.slice().reverse().findIndex(isLong(a));
    return { left: first(columns), right: last(columns), top: first(rows), bottom: last(rows) };
  }, what);
}

async function stop(page: Page) {
  // The video may end between the look and the key, which then begins it anew: looked at again.
  while (await page.locator('.rv-play[aria-label^="Pause"]').count()) {
    await page.keyboard.press("Space");
    await page.waitForSelector('.rv-play[aria-label^="Play"]', { timeout: 3000 }).catch(() => null);
  }
  await untilSettled(page);
}

/** Plays for *ms* and until *pictures* of the video have been looked at, however slow the machine is; then pauses. */
export async function play(page: Page, last: number, pictures: number, ms: number) {
  const count = () =>
    page.evaluate(
      () => (window as unknown as { seen: Seen[] }).seen.filter((s) => s.source === "video").length,
    );
  const wanted = (await count()) + pictures;
  while ((await count()) < wanted) {
    if ((await shownFrame(page)) > last - 20) {
      await page.keyboard.press("Home");
      await untilFrame(page, 0, "server");
    }
    await page.keyboard.press("Space");
    await page.waitForFunction(
      ([n, end]) => {
        const { seen } = window as unknown as { seen: Seen[] };
        const frame = Number(document.querySelector<HTMLCanvasElement>(".rv-stage canvas")!.dataset["frame"]);
        return frame >= end || seen.filter((s) => s.source === "video").length >= n;
      },
      [wanted, last] as const,
      { timeout: 30_000 },
    );
    await page.waitForTimeout(ms);
    await stop(page);
  }
}
