// The whole story of somebody who comes for the first time: from an empty server to the frame that was missed.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  axe,
  canRun,
  FASTEST,
  hash,
  launch,
  open,
  Server,
  settle,
  SHOTS,
  shoot,
  until,
  VTEST,
  VTEST_TRUTH,
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
  const server = new Server();
  let browser: Browser;
  let tab: Tab;
  let page: Page;

  beforeAll(async () => {
    await server.start();
    browser = await launch();
    tab = await open(browser, server);
    page = tab.page;
  });
  afterAll(async () => {
    await browser?.close();
    await server.remove();
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

  test("a video and its truth, uploaded together", async () => {
    await page.getByTestId("files").setInputFiles([VTEST, VTEST_TRUTH]);
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

  test("tasks: all that was done, and what one of them says", async () => {
    await place(/^Tasks/).click();
    await page.getByRole("button", { name: "Judge session" }).first().click();
    await page.getByRole("dialog", { name: "Judge session" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Failed" }).click();
    expect(new URL(page.url()).searchParams.get("status")).toBe("failed");
  });

  test("every page: nothing serious for axe, dark and light, wide and narrow; pictures of all", async () => {
    const [b, a] = await sessions();
    const models = (await server.ask<{ items: { id: string }[] }>("/api/v1/models")).items;
    const addresses: [string, string][] = [
      ["dashboard", "/"],
      ["projects", "/projects"],
      ["project", `/projects/${a!.project_id}`],
      ["sessions", "/sessions"],
      ["session", `/sessions/${a!.id}`],
      ["compare", `/compare?a=${a!.id}&b=${b!.id}`],
      ["models", "/models"],
      ["model", `/models/${models[0]!.id}`],
      ["tasks", "/tasks"],
      ["settings", "/settings"],
      ["storage", "/settings/storage"],
      ["keys", "/settings/keys"],
      ["nowhere", "/projects/01AAAAAAAAAAAAAAAAAAAAAAAA"],
    ];
    const findings: string[] = [];
    const t = await open(browser, server, 1440, "dark");
    for (const [name, address] of addresses) {
      await t.page.setViewportSize({ width: 1440, height: 900 });
      await t.page.emulateMedia({ colorScheme: "dark" });
      await t.page.goto(address);
      await t.page.getByRole("heading").first().waitFor();
      await settle(t.page);
      for (const [theme, width, isJudged] of [
        ["dark", 1440, true],
        ["dark", 820, false],
        ["light", 820, true],
        ["light", 1440, false],
      ] as const) {
        if (!isJudged && !SHOTS) continue;
        await t.page.setViewportSize({ width, height: 900 });
        await t.page.emulateMedia({ colorScheme: theme });
        await t.page.waitForTimeout(300); // colours change within 140 ms
        await shoot(t.page, `${name}-${theme}-${width}`);
        if (isJudged) for (const f of await axe(t.page)) findings.push(`${name} ${theme} ${width}: ${f}`);
        const over = (await t.page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        )) as number;
        if (over > 0) findings.push(`${name} ${width}: wider than the window by ${over} px`);
      }
    }
    findings.push(...t.complaints.map((c) => `console: ${c}`));
    await t.context.close();
    expect(findings).toEqual([]);
  }, 240_000);

  test("a killed server: the page says so, keeps what it shows, and comes back by itself", async () => {
    await page.goto("/sessions");
    await page.getByRole("link", { name: "Baseline" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await server.stop("SIGKILL");
    await page.getByText("Connection lost").waitFor();
    await page.getByRole("link", { name: "Baseline" }).waitFor();
    await place("Models").click();
    await server.start();
    await page.getByText("Live", { exact: true }).waitFor({ timeout: 30_000 });
    await page.getByRole("link", { name: "yolox_nano_416" }).waitFor({ timeout: 20_000 });
  });

  test("nothing was complained of, and nobody else was asked", () => {
    expect(tab.complaints.filter((c) => !/WebSocket|ERR_CONNECTION/.test(c))).toEqual([]);
    expect(tab.strangers).toEqual([]);
  });
});
