// The whole story of somebody who comes for the first time: from an empty server to the frame that was missed.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";

import {
  axe,
  canRun,
  dropFiles,
  FASTEST,
  hash,
  settle,
  setUp,
  shoot,
  until,
  VTEST,
  VTEST_TRUTH,
  walk,
  YOLOX,
  type Tab,
} from "./harness";

interface SessionRow {
  id: string;
  status: string;
  AP50: number;
  name: string;
  project_id: string;
}

describe.skipIf(!canRun)("the story", () => {
  const at = setUp();
  const { server } = at;
  let tab: Tab;
  let page: Page;
  beforeAll(() => {
    ({ tab, page } = at);
  });

  const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name });
  const place = (name: string | RegExp) =>
    page.getByRole("navigation", { name: "Main" }).getByRole("link", { name });
  const sessions = async () => (await server.ask<{ items: SessionRow[] }>("/api/v1/sessions")).items;

  test("an empty server says what to do next", async () => {
    await page.goto("/");
    await page.getByRole("heading", { name: "Start here" }).waitFor();
    expect.soft(await axe(page)).toEqual([]);
    await settle(page);
    await shoot(page, "first-start-dark-1440");
    await place("Models").click();
    await page.getByText("No model yet").waitFor();
    await place(/^Tasks/).click();
    await page.getByText("No task yet").waitFor();
  });

  test("a project, by keyboard alone", async () => {
    await page.goto("/");
    await page.getByRole("heading", { name: "Start here" }).waitFor();
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate("document.activeElement.textContent.trim() === 'Create a project'")) break;
    }
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("Crossing, camera 3");
    expect.soft(await axe(page)).toEqual([]);
    await page.keyboard.press("Enter");
    await heading("Crossing, camera 3").waitFor();
    expect(await page.title()).toBe("Crossing, camera 3 · Assay");
  });

  test("a video and its truth, dropped together", async () => {
    await page.getByText("Drop videos here").waitFor();
    await dropFiles(page, ".drop-zone", [VTEST, VTEST_TRUTH]);
    await page.getByText(/objects in 795 frames/).waitFor({ timeout: 30_000 });
    await page.getByText("4,650 objects", { exact: true }).waitFor();
    await page.getByText("480 × 360 · 10 fps · h264").waitFor();
    const [video] = (
      await server.ask<{ items: { id: string; sha256: string }[] }>(
        `/api/v1${new URL(page.url()).pathname}/videos`,
      )
    ).items;
    expect(video!.sha256).toBe(hash(readFileSync(VTEST)));
    await page.getByRole("button", { name: "Clear finished" }).click();
  });

  test("a file that is no video says so in its row", async () => {
    const fake = join(server.folder, "broken.mp4");
    writeFileSync(fake, "this is no video\n".repeat(1000));
    await page.getByTestId("files").setInputFiles(fake);
    const row = page.getByRole("row", { name: /broken\.mp4/ });
    await row.getByText("Failed").waitFor({ timeout: 20_000 });
    expect(await row.getByRole("checkbox").isDisabled()).toBe(true);
    await row.getByRole("button", { name: "Delete broken.mp4" }).click();
    await page.getByRole("button", { name: "Delete video" }).click();
    await row.waitFor({ state: "detached" });
  });

  test("models: one is refused with its cause, two are recognised and say why", async () => {
    await place("Models").click();
    const fake = join(server.folder, "broken.onnx");
    writeFileSync(fake, "this is no model");
    await page.getByTestId("models").setInputFiles(fake);
    await page.getByRole("alert").getByText("was refused").waitFor();
    await page.getByRole("button", { name: "Dismiss" }).first().click();
    await page.getByTestId("models").setInputFiles(FASTEST);
    await heading("FastestDet_352").waitFor({ timeout: 20_000 });
    await place("Models").click();
    await page.getByTestId("models").setInputFiles(YOLOX);
    await heading("yolox_nano_416").waitFor({ timeout: 20_000 });
    await page.getByRole("heading", { name: "Recognised as yolox" }).waitFor();
    await page.getByText("pixels by YOLOX's rule").waitFor();
    await page.getByRole("button", { name: "Load" }).click();
    await page.getByRole("button", { name: "Unload" }).waitFor({ timeout: 20_000 });
  });

  const startSession = async (name: string, model: RegExp) => {
    await place("Projects").click();
    await page.getByRole("link", { name: /Crossing, camera 3/ }).click();
    await page.getByRole("checkbox", { name: "Select vtest.mp4" }).check();
    await page.getByRole("button", { name: "Start a session on 1 video" }).click();
    const dialog = page.getByRole("dialog");
    const option = await dialog.getByRole("option", { name: model }).textContent();
    await dialog.getByLabel("Model", { exact: true }).selectOption({ label: option! });
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByLabel("Classes").fill("person");
    await dialog.getByLabel("At most frames").fill("80");
    await dialog.getByRole("button", { name: "Start on 1 video" }).click();
    await heading(name).waitFor();
  };

  test("a session: its progress, then its verdict and figures", async () => {
    await startSession("Baseline", /yolox/);
    await page.getByRole("progressbar", { name: "Progress of the session" }).waitFor({ timeout: 5000 });
    // No reload and no look again: the end comes over the WebSocket.
    await page.getByRole("region", { name: "Verdict" }).waitFor({ timeout: 45_000 });
    const [s] = await sessions();
    expect(s!.status).toBe("succeeded");
    const shown = await page.locator(".stat", { hasText: "AP50" }).first().locator(".value").textContent();
    expect(shown).toBe(s!.AP50.toFixed(3));
    await page.getByRole("heading", { name: "Worst moments" }).waitFor();
    await page.getByRole("img", { name: /Precision against recall/ }).waitFor();
  });

  test("a cell of the confusion matrix shows its examples, and the address holds it", async () => {
    await page.getByRole("button", { name: /times missed “person”/ }).click();
    await page.getByRole("heading", { name: "Examples: missed “person”" }).waitFor();
    await until("crops", async () => (await page.locator(".crop").count()) > 0);
    expect(new URL(page.url()).searchParams.get("cell")).toBe("person|(background)");
    await page.reload();
    await page.getByRole("heading", { name: "Examples: missed “person”" }).waitFor();
  });

  test("the worst moment opens in review at its frame", async () => {
    const moment = page.locator("a.moment").first();
    const frame = /frame (\d+)$/.exec((await moment.locator(".tiny.muted").first().textContent())!)![1];
    await moment.click();
    await page.waitForURL(/\/review\?/);
    const at = new URL(page.url()).searchParams;
    expect(at.get("session")).toBe((await sessions())[0]!.id);
    expect(at.get("frame") ?? "0").toBe(frame);
    await page.goBack();
    await heading("Baseline").waitFor();
  });

  test("in review: frames are stepped exactly, filters act at once, and the address holds it all", async () => {
    await page.locator("a.moment").first().click();
    await page.waitForURL(/\/review\?/);
    const canvas = page.locator(".rv-stage canvas");
    const shown = async () => Number(await canvas.getAttribute("data-frame"));
    const exactly = (frame: number) =>
      page.waitForFunction((f) => {
        const d = document.querySelector<HTMLElement>(".rv-stage canvas")!.dataset;
        return d["frame"] === String(f) && d["source"] === "server";
      }, frame);
    await page.waitForSelector(".rv-stage canvas[data-source=server]");
    await page.waitForSelector(".rv-row[data-row]");
    const first = await shown();
    await page.keyboard.press("ArrowRight");
    await exactly(first + 1);
    await page.keyboard.press("Shift+ArrowRight");
    await exactly(first + 11);
    await page.keyboard.press("Control+ArrowLeft"); // a second, at 10 a second
    await exactly(first + 1);
    await page.getByRole("button", { name: "One frame back (←)" }).click();
    await exactly(first);
    await page.keyboard.press("n");
    await page.waitForSelector(".rv-row[aria-selected=true]");
    const rows = async () => Number(await page.locator(".rv-rows").getAttribute("data-rows"));
    const all = await rows();
    await page.getByRole("button", { name: /^Missed/ }).click();
    await until("misses alone", async () => (await rows()) < all);
    const [s] = await sessions();
    const missed = await server.ask<{ items: unknown[] }>(
      `/api/v1/sessions/${s!.id}/detections?result=fn&limit=1000`,
    );
    const left = await rows();
    expect([missed.items.length, all - missed.items.length]).toContain(left);
    await page.waitForURL(/[?&]result=/);
    await page.reload();
    await page.waitForSelector(".rv-row[data-row]");
    await until("the same list", async () => (await rows()) === left);
    await page.goto(`/sessions/${s!.id}`);
    await heading("Baseline").waitFor();
  });

  test("the report and the figures are handed out", async () => {
    const link = page.getByRole("link", { name: "Report" });
    const report = await page.request.get((await link.getAttribute("href"))!);
    expect(report.status()).toBe(200);
    expect(await report.text()).toMatch(/<html/);
    expect(await link.getAttribute("download")).toBe("Baseline.html");
    await page.getByRole("link", { name: "JSON" }).waitFor();
  });

  test("a second session is compared with the first", async () => {
    await startSession("Candidate", /FastestDet/);
    await page.getByRole("region", { name: "Verdict" }).waitFor({ timeout: 45_000 });
    await place("Sessions").click();
    await page.getByRole("checkbox", { name: "Compare Baseline" }).check();
    await page.getByRole("checkbox", { name: "Compare Candidate" }).check();
    await page.getByRole("button", { name: /Compare 2 of 2/ }).click();
    const row = page.getByRole("row", { name: /^AP50/ });
    await row.waitFor({ timeout: 30_000 });
    const [b, a] = await sessions();
    const cells = await row.getByRole("cell").allTextContents();
    const given = new URL(page.url()).searchParams;
    const first = given.get("a") === a!.id ? a! : b!;
    expect(cells[0]).toBe(first.AP50.toFixed(3));
  });

  test("a box of the truth is edited and saved as a new version, and the truth is exported", async () => {
    await place("Projects").click();
    await page.getByRole("link", { name: /Crossing, camera 3/ }).click();
    await page.getByRole("link", { name: "vtest.mp4", exact: true }).click();
    await page.getByRole("button", { name: "Edit truth" }).click();
    await page.getByText(/^4,650 boxes/).waitFor();
    await page.waitForSelector(".rv-stage canvas[data-source=server]");
    const box = (await page.locator(".rv-stage canvas").boundingBox())!;
    const scale = Math.min(box.width / 480, box.height / 360);
    const at = (x: number, y: number): [number, number] => [
      box.x + (box.width - 480 * scale) / 2 + x * scale,
      box.y + (box.height - 360 * scale) / 2 + y * scale,
    ];
    const drag = async (from: [number, number], to: [number, number]) => {
      await page.mouse.move(...at(...from));
      await page.mouse.down();
      await page.mouse.move(...at(...to), { steps: 4 });
      await page.mouse.up();
    };
    await drag([40, 300], [80, 350]); // on the lawn, where nobody walks
    await page.getByText(/^4,651 boxes/).waitFor();
    await drag([60, 325], [70, 325]); // moved
    await page.keyboard.press("Control+z");
    await page.keyboard.press("Control+Shift+Z");
    await page.keyboard.press("Control+s");
    await page.getByText("Saved as version 2 of the truth").first().waitFor();
    const truth = await server.ask<{ annotations: { bbox: number[] }[] }>(
      `/api/v1/videos/${/videos\/(\w+)/.exec(page.url())![1]}/truth`,
    );
    expect(truth.annotations).toHaveLength(4651);
    expect(
      truth.annotations.some((a) => Math.abs(a.bbox[0]! - 50) < 3 && Math.abs(a.bbox[1]! - 300) < 3),
    ).toBe(true);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export the truth of vtest.mp4" }).click();
    await page.getByRole("link", { name: /^MOT Challenge/ }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe("vtest.mot.txt");
    expect(
      readFileSync(await file.path(), "utf8")
        .trim()
        .split("\n"),
    ).toHaveLength(4651);
    await shoot(page, "story-edited-dark-1440");
  });

  test("the versions of the truth: an older one is opened, and taken as a file", async () => {
    const video = /videos\/(\w+)/.exec(page.url())![1]!;
    await place("Projects").click();
    await page.getByRole("link", { name: /Crossing, camera 3/ }).click();
    await page.getByRole("button", { name: "4,651 objects" }).click();
    const dialog = page.getByRole("dialog", { name: "Truth of vtest.mp4" });
    await dialog.getByRole("row", { name: /^2 newest 4,651 objects/ }).waitFor();
    await dialog.getByRole("row", { name: /^1 4,650 objects in 795 frames/ }).waitFor();
    await settle(page);
    expect.soft(await axe(page)).toEqual([]);
    expect.soft(await walk(page)).toEqual([]);
    await shoot(page, "truth-versions-dark-1440");
    const download = page.waitForEvent("download");
    await dialog.getByRole("button", { name: "Export version 1 of the truth of vtest.mp4" }).click();
    await page.getByRole("link", { name: /^JSON lines/ }).click();
    expect(readFileSync(await (await download).path(), "utf8").length).toBeGreaterThan(1000);
    await dialog.getByRole("link", { name: "Open version 1 in review" }).click();
    const asked = page.waitForRequest((r) => r.url().endsWith(`/videos/${video}/truth?version=1`));
    await page.reload();
    await asked;
    await page.getByText("Version 1 of the truth").waitFor();
    await page.waitForSelector(".rv-row[data-row]");
    await page.getByRole("button", { name: "Show the newest version" }).click();
    await page.waitForFunction(() => !location.search.includes("version"));
  }, 150_000);

  test("tasks: all that was done, and what one of them says", async () => {
    await place(/^Tasks/).click();
    await page.getByRole("button", { name: "Judge session" }).first().click();
    await page.getByRole("dialog", { name: "Judge session" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Failed" }).click();
    expect(new URL(page.url()).searchParams.get("status")).toBe("failed");
  });

  test("nothing was complained of, and nobody else was asked", () => {
    expect(tab.complaints.filter((c) => !/WebSocket|ERR_CONNECTION/.test(c))).toEqual([]);
    expect(tab.strangers).toEqual([]);
  });
});
