// The picture bears its own number in blocks, and the box of the missed object stands where its frame says:
// both are read from the canvas's pixels, each time it is drawn, while the page is stepped, sought and played.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { address, launch, made, open, shownFrame, untilFrame, untilSettled } from "./browser";
import { play, watch, wrongOf, type Seen } from "./watch";

function random(seed: number) {
  return () => (seed = (seed * 16807) % 2147483647) / 2147483647;
}

describe.runIf(made)("what is drawn over the picture is of the picture's frame", () => {
  let browser: Browser;
  const complaints: string[] = [];
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  it.each(["even", "uneven"])(
    "at 50 random seeks, steps, plays and pauses: %s rate",
    async (clip) => {
      const page = await open(browser, address(made!, clip), complaints);
      const n = made!.clips[clip]!.frames;
      const next = random(clip.length);
      await watch(page, made!.clips[clip]!);
      let at = await shownFrame(page);
      const sources = { video: 0, server: 0 };
      for (let k = 0; k < 50; k++) {
        const kind = Math.floor(next() * 6);
        if (kind === 0) {
          const to = Math.floor(next() * n);
          await page.fill(".rv-readout input", String(to));
          await page.press(".rv-readout input", "Enter");
          at = to;
        } else if (kind === 1 || kind === 2) {
          const key = ["ArrowLeft", "ArrowRight", "Shift+ArrowLeft", "Shift+ArrowRight"][
            Math.floor(next() * 4)
          ]!;
          await page.keyboard.press(key);
          const by = (key.startsWith("Shift") ? 10 : 1) * (key.endsWith("Left") ? -1 : 1);
          at = Math.max(0, Math.min(n - 1, at + by));
        } else if (kind === 3) {
          // Many steps at once: only the last one counts.
          const by = next() < 0.5 ? -1 : 1;
          for (let i = 0; i < 6; i++) await page.keyboard.press(by < 0 ? "ArrowLeft" : "ArrowRight");
          for (let i = 0; i < 6; i++) at = Math.max(0, Math.min(n - 1, at + by));
        } else if (kind === 4) {
          await page.keyboard.press(next() < 0.5 ? "Control+ArrowRight" : "Control+ArrowLeft");
          await untilSettled(page);
          at = await shownFrame(page);
        } else {
          await play(page, n - 1, 3, next() * 500);
          at = await shownFrame(page);
        }
        if (next() < 0.4) await untilFrame(page, at, "server");
      }
      await untilFrame(page, at, "server");
      const seen = await page.evaluate(() => (window as unknown as { seen: Seen[] }).seen);
      for (const s of seen) sources[s.source as "video" | "server"]++;
      console.log(
        `${clip}: ${seen.length} pictures looked at, ${sources.video} of the video, ${sources.server} of the server`,
      );
      expect(wrongOf(seen)).toEqual([]);
      expect(seen.length).toBeGreaterThan(50);
      expect(sources.video).toBeGreaterThan(20);
      expect(sources.server).toBeGreaterThan(20);
      expect(complaints).toEqual([]);
      await page.close();
    },
    120_000,
  );

  it("what the address says is shown, and what is shown is in the address", async () => {
    const page = await open(
      browser,
      address(made!, "uneven", "&frame=123&row=246&confidence=0.4&sort=-size"),
      complaints,
    );
    await untilFrame(page, 123, "server");
    expect(await page.inputValue("#rv-confidence")).toBe("0.4");
    expect(await page.getAttribute(".rv-sort.size", "aria-pressed")).toBe("true");
    expect(await page.getAttribute("#rv-row-246", "aria-selected")).toBe("true");
    await page.keyboard.press("n");
    await untilFrame(page, 124, "server");
    await page.waitForFunction(
      () => location.search.includes("frame=124") && location.search.includes("row=248"),
    );
    await page.keyboard.press("p");
    await untilFrame(page, 123);
    await page.waitForFunction(() => location.search.includes("frame=123"));
    // How fast it plays, too; a rate that there is none of is the ordinary one.
    const rateOf = (of: Page) => of.locator("video").evaluate((v: HTMLVideoElement) => v.playbackRate);
    await page.getByLabel("Speed").selectOption("0.5");
    await page.locator(".rv-stage canvas").press(",");
    await page.waitForFunction(() => location.search.includes("rate=0.25"));
    const slow = await open(browser, page.url(), complaints);
    expect(await slow.getByLabel("Speed").inputValue()).toBe("0.25");
    await expect.poll(() => rateOf(slow)).toBe(0.25);
    await slow.locator(".rv-stage canvas").press(".");
    await slow.locator(".rv-stage canvas").press(".");
    await slow.waitForFunction(() => !location.search.includes("rate="));
    await expect.poll(() => rateOf(slow)).toBe(1);
    await slow.close();
    const wrong = await open(browser, address(made!, "even", "&rate=3"), complaints);
    expect(await wrong.getByLabel("Speed").inputValue()).toBe("1");
    expect(await rateOf(wrong)).toBe(1);
    await wrong.close();
    // Of a link that names a frame alone, the list is at that frame.
    const linked = await open(browser, address(made!, "even", "&frame=200"), complaints);
    await linked.getByRole("option", { name: "frame 200" }).first().waitFor();
    await linked.close();
    const later = await open(browser, page.url(), complaints);
    await untilFrame(later, 123, "server");
    expect(complaints).toEqual([]);
    await later.close();
    await page.close();
  });
});
