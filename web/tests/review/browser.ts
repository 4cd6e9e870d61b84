// What the tests of the review page share: Debian's Chromium, and what tests/system/test_review.py has made.
import { readFileSync } from "node:fs";

import { chromium, type Browser, type Page } from "playwright-core";

export interface Made {
  url: string;
  project: string;
  clips: Record<
    string,
    // unit: pixels of the video for one of review_data.picture()
    { video: string; session: string; frames: number; width?: number; height?: number; unit?: number }
  >;
}

/** null: not run by tests/system/test_review.py. */
export const made: Made | null = process.env["ASSAY_REVIEW"]
  ? (JSON.parse(readFileSync(process.env["ASSAY_REVIEW"], "utf8")) as Made)
  : null;

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--autoplay-policy=no-user-gesture-required",
      "--enable-precise-memory-info",
      "--js-flags=--expose-gc",
    ],
  });
}

export function address(m: Made, clip: string, more = ""): string {
  const c = m.clips[clip]!;
  return `${m.url}/projects/${m.project}/videos/${c.video}/review?session=${c.session}${more}`;
}

/** A page that fails the test with whatever it complains of. */
export async function open(browser: Browser, url: string, complaints: string[]): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: "dark" });
  page.on("pageerror", (e) => complaints.push(e.message));
  page.on("console", (m) => {
    if (m.type() === "error") complaints.push(m.text());
  });
  await page.goto(url);
  await page.waitForSelector(".rv-stage canvas[data-frame]");
  await page.waitForSelector(".rv-row[data-row]");
  return page;
}

export const shownFrame = (page: Page) =>
  page.evaluate(() =>
    Number(document.querySelector<HTMLCanvasElement>(".rv-stage canvas")!.dataset["frame"]),
  );

export async function untilFrame(page: Page, frame: number, source?: string) {
  await page.waitForFunction(
    ([f, s]) => {
      const d = document.querySelector<HTMLCanvasElement>(".rv-stage canvas")!.dataset;
      return d["frame"] === String(f) && (!s || d["source"] === s);
    },
    [frame, source ?? ""] as const,
    { timeout: 15_000 },
  );
}

/** Paused, and the frame that was asked for is there, from the server. */
export async function untilSettled(page: Page) {
  await page.waitForFunction(
    () => {
      const d = document.querySelector<HTMLCanvasElement>(".rv-stage canvas")!.dataset;
      return d["frame"] === d["wanted"] && d["source"] === "server";
    },
    null,
    { timeout: 15_000 },
  );
}
