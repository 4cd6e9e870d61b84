// The overlay lies over the picture to the pixel and is of its frame, whatever the picture's size and however it is
// turned: 2160 lines, rotation in the file, a phone's portrait, and a video that is shown through a preview.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { address, launch, made, open, shownFrame, untilFrame, untilSettled } from "./browser";
import { edgesOf, play, watch, wrongOf, type Seen } from "./watch";

/** The bright mark in the picture against the box that is drawn around it. */
async function offset(page: Page) {
  for (const key of ["l", "t"]) await page.keyboard.press(key); // names and corners of the truth are bright too
  await page.keyboard.press("2");
  await page.waitForFunction(
    () => document.querySelector<HTMLElement>(".rv-stage canvas")!.dataset["objects"] === "1",
  );
  const mark = await edgesOf(page, "white");
  await page.keyboard.press("2");
  await page.waitForFunction(
    () => document.querySelector<HTMLElement>(".rv-stage canvas")!.dataset["objects"] === "2",
  );
  const box = await edgesOf(page, "pink");
  for (const key of ["l", "t"]) await page.keyboard.press(key);
  // The line is three pixels wide and goes along the edge: half of it lies outside.
  const apart = [box.left + 1.5 - mark.left, mark.right - (box.right - 1.5), box.top + 1.5 - mark.top, mark.bottom - (box.bottom - 1.5)]; // prettier-ignore
  return { apart, size: mark.right - mark.left };
}

describe.runIf(made)("pictures of every size and turn", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  it.each(["even", "large", "turned", "overhead", "portrait", "foreign"])(
    "%s",
    async (clip) => {
      const complaints: string[] = [];
      const known = made!.clips[clip]!;
      const page = await open(browser, address(made!, clip, "&frame=7"), complaints);
      await untilFrame(page, 7, "server");
      const fit = await offset(page);
      expect(fit.size).toBeGreaterThan(10);
      expect(Math.max(...fit.apart.map(Math.abs)), `${fit.apart.join(" ")}`).toBeLessThanOrEqual(2);
      // Enlarged about the mark, where a fault in scale or place would grow as well.
      const canvas = (await page.locator(".rv-stage canvas").boundingBox())!;
      const scale = Math.min(canvas.width / known.width!, canvas.height / known.height!) * known.unit!;
      await page.mouse.move(
        canvas.x + (canvas.width - (known.width! / known.unit!) * scale) / 2 + 39 * scale,
        canvas.y + (canvas.height - (known.height! / known.unit!) * scale) / 2 + 180 * scale,
      );
      for (let i = 0; i < 3; i++) await page.mouse.wheel(0, -150);
      await page.waitForFunction(() => /zoom=2/.test(location.search));
      await untilSettled(page);
      await page.waitForTimeout(400); // the sharper picture is asked for after the last turn
      await untilSettled(page);
      const near = await offset(page);
      expect(near.size).toBeGreaterThan(fit.size * 1.8);
      expect(Math.max(...near.apart.map(Math.abs)), `${near.apart.join(" ")}`).toBeLessThanOrEqual(3);
      await page.keyboard.press("0");
      await page.waitForSelector(".rv-unzoom", { state: "detached" });
      await page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))); // drawn whole again
      await untilSettled(page);

      await watch(page, known);
      for (const [
        keys,
        times,
      ] of [["ArrowRight", 3], ["Shift+ArrowRight", 2], ["ArrowLeft", 4], ["Control+ArrowRight", 1], ["Home", 1]] as const) // prettier-ignore
        for (let i = 0; i < times; i++) {
          await page.keyboard.press(keys);
          await untilSettled(page);
        }
      await play(page, known.frames - 1, 8, 0);
      const at = await shownFrame(page);
      const seen = await page.evaluate(() => (window as unknown as { seen: Seen[] }).seen);
      console.log(`${clip}: ${seen.length} pictures, ${seen.filter((s) => s.source === "video").length} of the video; stopped at ${at}; `
        + `the box is ${fit.apart.map((a) => a.toFixed(1)).join(" ")} pixels from the mark, enlarged ${near.apart.map((a) => a.toFixed(1)).join(" ")}`); // prettier-ignore
      // Where a pixel of the canvas is more than a frame's step of the mark, the box is read to the next frame only.
      expect(wrongOf(seen, scale < 1 ? 1 : 0)).toEqual([]);
      expect(seen.length).toBeGreaterThan(15);
      expect(complaints).toEqual([]);
      await page.close();
    },
    90_000,
  );

  it("a crop of the list is the object's own part of the picture", async () => {
    for (const clip of ["large", "turned", "portrait"]) {
      const complaints: string[] = [];
      const page = await open(browser, address(made!, clip, "&result=fn&sort=-time&frame=59"), complaints);
      // The mark fills the middle of the crop, and the background is seen around it.
      await page.waitForFunction(() => {
        const all = [...document.querySelectorAll<HTMLCanvasElement>(".rv-crop")].slice(0, 6);
        return all.length === 6 && all.every((c) => {
          const at = (x: number, y: number) => c.getContext("2d")!.getImageData(x, y, 1, 1).data[0]!;
          return at(44, 40) > 240 && at(4, 40) < 160 && at(84, 40) < 160 && at(44, 12) > 240 && at(44, 68) > 240;
        });
      }, null, { timeout: 20_000 }); // prettier-ignore
      const asked = await page.evaluate(() =>
        performance.getEntriesByType("resource").filter((r) => r.name.includes("crop=")).length); // prettier-ignore
      expect(asked).toBeGreaterThan(3);
      expect(complaints).toEqual([]);
      await page.close();
    }
  }, 60_000);
});
