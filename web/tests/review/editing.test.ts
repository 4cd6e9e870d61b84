// Truth is edited in two pages at once, with pointer and keyboard: what is saved is on the server, whoever saves
// second is told and loses nothing.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { address, launch, made, open, untilFrame } from "./browser";

interface Coco {
  images: { id: number; frame: number }[];
  annotations: { image_id: number; bbox: [number, number, number, number]; track_id?: number }[];
}

async function truthOf(page: Page, video: string): Promise<Coco | null> {
  const reply = await page.request.get(`${made!.url}/api/v1/videos/${video}/truth`);
  return reply.ok() ? ((await reply.json()) as Coco) : null;
}

const boxes = (t: Coco, frame: number) => {
  const image = t.images.find((i) => i.frame === frame);
  return t.annotations.filter((a) => a.image_id === image?.id).map((a) => a.bbox.map(Math.round));
};

/** A point of the 640 by 360 picture on the screen. */
async function at(page: Page, x: number, y: number) {
  const box = (await page.locator(".rv-stage canvas").boundingBox())!;
  const scale = Math.min(box.width / 640, box.height / 360);
  return {
    x: box.x + (box.width - 640 * scale) / 2 + x * scale,
    y: box.y + (box.height - 360 * scale) / 2 + y * scale,
  };
}

async function drag(page: Page, from: [number, number], to: [number, number]) {
  const a = await at(page, ...from);
  const b = await at(page, ...to);
  await page.mouse.move(a.x, a.y);
  await page.mouse.down();
  await page.mouse.move((a.x + b.x) / 2, (a.y + b.y) / 2);
  await page.mouse.move(b.x, b.y);
  await page.mouse.up();
}

async function save(page: Page, version: number) {
  await page.keyboard.press("Control+s");
  await page.getByText(`Saved as version ${version} of the truth`).first().waitFor({ timeout: 15_000 });
}

describe.runIf(made)("editing the truth", () => {
  let browser: Browser;
  const complaints: string[] = [];
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  it("draws, moves, resizes, undoes, interpolates, saves; the second to save is told and loses nothing", async () => {
    const clip = "even";
    const { video } = made!.clips[clip]!;
    const one = await open(browser, address(made!, clip, "&frame=10&edit=1"), complaints);
    await one.getByText("0 boxes").waitFor();
    await untilFrame(one, 10, "server");
    await one.fill(".rv-label", "person");
    await one.press(".rv-label", "Enter");
    await drag(one, [300, 120], [360, 240]);
    await one.getByText("1 boxes").waitFor();
    await drag(one, [330, 180], [350, 190]); // moved
    await drag(one, [380, 250], [400, 260]); // its corner
    await one.keyboard.press("Control+z");
    await one.keyboard.press("Control+Shift+Z");
    await one.keyboard.press("Alt+ArrowLeft");
    // The same track four frames on, then what lies between.
    const track = await one.inputValue(".rv-track");
    for (let i = 0; i < 4; i++) await one.keyboard.press("ArrowRight");
    await untilFrame(one, 14, "server");
    await drag(one, [340, 130], [400, 250]);
    await one.fill(".rv-track", track);
    await one.press(".rv-track", "Enter");
    for (let i = 0; i < 4; i++) await one.keyboard.press("ArrowLeft");
    await untilFrame(one, 10, "server");
    await one.focus(".rv-stage canvas");
    await one.keyboard.press("Tab");
    await one.keyboard.press("i");
    await one.getByText("5 boxes").waitFor();
    await save(one, 1);
    const first = (await truthOf(one, video))!;
    const [b] = boxes(first, 10);
    expect(b!.map((v, i) => Math.abs(v - [319, 130, 80, 130][i]!) <= 2)).toEqual([true, true, true, true]);
    expect([10, 11, 12, 13, 14].map((f) => boxes(first, f).length)).toEqual([1, 1, 1, 1, 1]);
    expect(new Set(first.annotations.map((a) => a.track_id)).size).toBe(1);

    // Two pages from the same version.
    const two = await open(browser, address(made!, clip, "&frame=10&edit=1"), complaints);
    await two.getByText("5 boxes").waitFor();
    await untilFrame(two, 10, "server");
    await drag(one, [100, 200], [150, 300]);
    await save(one, 2);
    await drag(two, [500, 200], [560, 300]);
    await two.keyboard.press("Control+s");
    await two.getByText("The truth has changed meanwhile").waitFor({ timeout: 15_000 });
    expect(boxes((await truthOf(two, video))!, 10).length).toBe(2);
    await two.getByRole("button", { name: "Lay my edits over theirs" }).click();
    await two.getByText("7 boxes").waitFor();
    await save(two, 3);
    expect(boxes((await truthOf(two, video))!, 10).length).toBe(3);

    // An edit that was not saved outlives the page.
    await drag(two, [200, 200], [230, 300]);
    await two.getByText("8 boxes").waitFor();
    await two.evaluate(() => (window.onbeforeunload = null));
    two.on("dialog", (d) => void d.accept());
    await two.reload();
    await two.getByText("8 boxes").waitFor({ timeout: 15_000 });
    expect(complaints.filter((c) => !c.includes("412") && !c.includes("404"))).toEqual([]);
    await one.close();
    await two.close();
  }, 120_000);

  it("reaches every tool by keyboard", async () => {
    const page = await open(browser, address(made!, "uneven"), complaints);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("1");
    await page.waitForSelector('.rv-chip.o2[aria-pressed="false"]');
    await page.keyboard.press("]");
    await page.waitForFunction(
      () => document.querySelector<HTMLInputElement>("#rv-confidence")!.value === "0.3",
    );
    await page.keyboard.press("/");
    await page.keyboard.type("car");
    await page.waitForFunction(
      () => document.querySelector<HTMLElement>(".rv-rows")!.dataset["rows"] === "300",
    );
    await page.keyboard.press("Escape");
    await page.keyboard.press("t");
    await page.keyboard.press("r");
    await page.waitForFunction(
      () => location.search.includes("truth=0") && location.search.includes("trails=1"),
    );
    await page.keyboard.press("+");
    await page.waitForSelector(".rv-unzoom");
    await page.keyboard.press("0");
    await page.waitForSelector(".rv-unzoom", { state: "detached" });
    await page.focus(".rv-rows");
    await page.keyboard.press("End");
    await untilFrame(page, 299, "server");
    await page.close();
  }, 60_000);
});
