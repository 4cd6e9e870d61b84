// How quick and how large the page is with many objects. The figures depend on the machine: what is asserted
// is what does not (all rows are there, the DOM stays small, filters act), and with ASSAY_REVIEW_LIMITS=1 the
// limits themselves. bench/review.py prints the figures.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { address, launch, made } from "./browser";

interface Figures {
  objects: number;
  fcp: number;
  listed: number;
  complete: number;
  heap: number;
  arrays: number;
  filters: number[];
  searches: number[];
  longWhileLoading: number[];
  longWhileUsed: number[];
  nodes: number;
}

const MB = 1e6;
const median = (v: number[]) => [...v].sort((a, b) => a - b)[Math.floor(v.length / 2)]!;

async function measure(browser: Browser, clip: string): Promise<Figures> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.addInitScript(() => {
    const w = window as unknown as { long: number[] };
    w.long = [];
    new PerformanceObserver((l) => w.long.push(...l.getEntries().map((e) => Math.round(e.duration)))).observe(
      {
        type: "longtask",
        buffered: true,
      },
    );
  });
  await page.goto(address(made!, clip), { waitUntil: "commit" });
  await page.waitForSelector('.rv[data-done="true"]', { timeout: 60_000 });
  await page.waitForSelector(".rv-stage canvas[data-frame]");
  const times = await page.evaluate(() => ({
    fcp: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN,
    listed: performance.getEntriesByName("review: listed")[0]?.startTime ?? NaN,
    complete: performance.getEntriesByName("review: complete")[0]?.startTime ?? NaN,
  }));
  await page.waitForTimeout(500);
  const objects = await page.evaluate(() =>
    Number(document.querySelector<HTMLElement>(".rv-rows")!.dataset["rows"]),
  );
  const longWhileLoading = await takeLong(page);
  const filters = await filter(page);
  await scroll(page);
  const searches = await search(page);
  const longWhileUsed = await takeLong(page);
  await page.evaluate(() => (window as unknown as { gc?: () => void }).gc?.());
  const rest = await page.evaluate(() => ({
    heap: (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
    arrays: Number(document.querySelector<HTMLElement>(".rv")!.dataset["bytes"]),
    nodes: document.querySelectorAll("*").length,
  }));
  await page.close();
  return { ...times, ...rest, objects, filters, searches, longWhileLoading, longWhileUsed };
}

function takeLong(page: Page): Promise<number[]> {
  return page.evaluate(() => {
    const w = window as unknown as { long: number[] };
    const seen = w.long;
    w.long = [];
    return seen;
  });
}

/** Each change waits for its answer, as somebody would. */
async function acted(page: Page, act: () => Promise<unknown>): Promise<number> {
  const before = await page.evaluate(() => performance.getEntriesByName("review: filter").length);
  await act();
  await page.waitForFunction((n) => performance.getEntriesByName("review: filter").length > n, before);
  return page.evaluate(() => performance.getEntriesByName("review: filter").at(-1)!.duration);
}

async function filter(page: Page): Promise<number[]> {
  const taken: number[] = [];
  for (const key of ["ArrowRight", "ArrowRight", "PageUp", "ArrowLeft", "PageDown"])
    taken.push(await acted(page, () => page.press("#rv-confidence", key)));
  for (const chip of [".rv-chip.o1", ".rv-chip.o1", ".rv-sort.confidence", ".rv-sort.size", ".rv-sort.time"])
    taken.push(await acted(page, () => page.click(chip)));
  return taken;
}

async function search(page: Page): Promise<number[]> {
  const taken: number[] = [];
  for (const text of ["p", "pe", "#7", ""])
    taken.push(await acted(page, () => page.fill(".rv-search input", text)));
  return taken;
}

/** The wheel, the bar and the keys: rows come as they are needed. */
async function scroll(page: Page) {
  await page.hover(".rv-rows");
  for (let i = 0; i < 25; i++) {
    await page.mouse.wheel(0, 700);
    await page.waitForTimeout(16);
  }
  for (let i = 1; i <= 10; i++) {
    await page.evaluate((part) => {
      const e = document.querySelector(".rv-rows")!;
      e.scrollTop = (e.scrollHeight - e.clientHeight) * part;
    }, i / 10);
    await page.waitForTimeout(30);
  }
  await page.waitForFunction(() => {
    const all = [...document.querySelectorAll(".rv-row[data-row]")];
    const n = Number(document.querySelector<HTMLElement>(".rv-rows")!.dataset["rows"]);
    return n === 0 || all.some((e) => e.getAttribute("aria-posinset") === String(n));
  });
}

describe.runIf(made)("many objects", () => {
  let browser: Browser;
  const all: Record<string, Figures> = {};
  const sizes = Object.keys(made?.clips ?? {})
    .filter((k) => /^\d+$/.test(k))
    .map(Number);
  const hasLimits = process.env["ASSAY_REVIEW_LIMITS"] === "1";
  beforeAll(async () => {
    browser = await launch();
    if (made!.clips["empty"]) {
      await measureEmpty(browser); // the browser's own first start is not the page's
      all["empty"] = await measureEmpty(browser);
    }
  });
  afterAll(async () => {
    await browser.close();
    for (const [name, f] of Object.entries(all))
      console.log(
        `FIGURES ${name} fcp=${f.fcp.toFixed(0)} listed=${f.listed.toFixed(0)} complete=${f.complete.toFixed(0)} ` +
          `heap=${(f.heap / MB).toFixed(1)} arrays=${(f.arrays / MB).toFixed(1)} filter=${median(f.filters).toFixed(1)}/` +
          `${Math.max(...f.filters).toFixed(1)} search=${median(f.searches).toFixed(1)}/${Math.max(...f.searches).toFixed(1)} ` +
          `longLoading=${f.longWhileLoading.length}:${Math.max(0, ...f.longWhileLoading)} ` +
          `longUsed=${f.longWhileUsed.length}:${Math.max(0, ...f.longWhileUsed)} nodes=${f.nodes}`,
      );
  });

  async function measureEmpty(b: Browser): Promise<Figures> {
    const page = await b.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(address(made!, "empty"));
    await page.waitForSelector('.rv[data-done="true"]');
    await page.waitForTimeout(1000);
    await page.evaluate(() => (window as unknown as { gc?: () => void }).gc?.());
    const f = await page.evaluate(() => ({
      heap: (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
      arrays: Number(document.querySelector<HTMLElement>(".rv")!.dataset["bytes"]),
      fcp: performance.getEntriesByName("first-contentful-paint")[0]!.startTime,
      nodes: document.querySelectorAll("*").length,
    }));
    await page.close();
    return {
      objects: 0,
      listed: NaN,
      complete: NaN,
      filters: [0],
      searches: [0],
      longWhileLoading: [],
      longWhileUsed: [],
      ...f,
    };
  }

  it.each(sizes)(
    "%d of them",
    async (n) => {
      const f = (all[String(n)] = await measure(browser, String(n)));
      expect(f.objects).toBe(n);
      expect(f.nodes).toBeLessThan(1500);
      if (!hasLimits) return;
      if (n <= 10_000) {
        expect(f.fcp).toBeLessThan(300);
        expect(f.listed).toBeLessThan(1000);
        expect(f.heap + f.arrays - all["empty"]!.heap).toBeLessThan(50 * MB);
      } else if (n <= 100_000) {
        expect(f.complete).toBeLessThan(2000);
        expect(Math.max(...f.filters, ...f.searches)).toBeLessThan(100);
      } else {
        expect(f.longWhileUsed.filter((ms) => ms > 50)).toEqual([]);
        expect(f.heap + f.arrays).toBeLessThan(300 * MB);
      }
    },
    120_000,
  );
});
