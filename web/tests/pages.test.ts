// Every page and its dialogs with real data on a server with accounts: nothing serious for axe in dark and
// light, wide and narrow; nothing wider than the window; every action reached by Tab, and seen where it is.
// With ASSAY_SHOTS=FOLDER pictures of all.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";

import {
  axe,
  canRun,
  enter,
  FASTEST,
  settle,
  setUp,
  SHOTS,
  shoot,
  VTEST,
  VTEST_TRUTH,
  still,
  walk,
  YOLOX,
  type Tab,
} from "./harness";

const PASSWORD = "correct horse battery";

describe.skipIf(!canRun)("every page", () => {
  const ids = { project: "", video: "", model: "", a: "", b: "" };
  const findings: string[] = [];
  const at = setUp(async (server) => {
    server.user("add", "anna", PASSWORD, "--role", "admin");
    await server.start();
    const anna = await server.as("anna", PASSWORD);
    ids.project = await server.project("Crossing, camera 3", anna);
    await server.make(
      "/api/v1/projects",
      { name: "Harbour, north gate", description: "Ships and cranes" },
      anna,
    );
    const videos = `/api/v1/videos?project_id=${ids.project}`;
    ids.video = (await server.give(`${videos}&name=vtest.mp4`, VTEST, anna)).id;
    const broken = join(server.folder, "broken.mp4");
    writeFileSync(broken, "this is no video\n".repeat(100));
    await server.give(`${videos}&name=broken.mp4`, broken, anna);
    await server.give(`/api/v1/videos/${ids.video}/truth?name=gt.txt`, VTEST_TRUTH, anna, "PUT");
    ids.model = (await server.give("/api/v1/models?name=yolox_nano_416", YOLOX, anna)).id;
    await server.give("/api/v1/models?name=FastestDet_352", FASTEST, anna);
    await server.make("/api/v1/users", { name: "bob", role: "viewer", password: PASSWORD }, anna);
    await server.make("/api/v1/keys", { name: "nightly gate", role: "editor" }, anna);
    await server.becomes(`/api/v1/videos/${ids.video}`, "ready", anna);
    for (const [key, model, name] of [
      ["a", "yolox_nano_416", "Baseline"],
      ["b", "FastestDet_352", "Candidate"],
    ] as const) {
      const settings = { max_frames: 80, classes: "person" };
      const of = { project_id: ids.project, video_ids: [ids.video], profile: "default" };
      ids[key] = (await server.make("/api/v1/sessions", { ...of, model, name, settings }, anna)).id;
      await server.becomes(`/api/v1/sessions/${ids[key]}`, "succeeded", anna);
    }
  });
  const { server } = at;
  let tab: Tab;
  let page: Page;
  beforeAll(async () => {
    ({ tab, page } = at);
    await page.goto("/login");
    await enter(page, "anna", PASSWORD);
    await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
  });

  const judge = async (name: string, onlyFirst = false) => {
    for (const [theme, width, isJudged] of [
      ["dark", 1440, true],
      ["dark", 820, false],
      ["light", 820, true],
      ["light", 1440, false],
    ] as const) {
      if ((!isJudged && !SHOTS) || (onlyFirst && width !== 1440)) continue;
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: theme });
      await still(page, theme);
      await shoot(page, `${name}-${theme}-${width}`);
      if (isJudged) for (const f of await axe(page)) findings.push(`${name} ${theme} ${width}: ${f}`);
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (over > 0) findings.push(`${name} ${width}: wider than the window by ${over} px`);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.emulateMedia({ colorScheme: "dark" });
    for (const f of await walk(page)) findings.push(`${name} by keyboard: ${f}`);
  };
  const said = () => findings.splice(0, findings.length);

  const pages: [string, () => string][] = [
    ["dashboard", () => "/"],
    ["projects", () => "/projects"],
    ["project", () => `/projects/${ids.project}`],
    ["sessions", () => `/sessions?selected=${ids.a}`],
    ["session", () => `/sessions/${ids.a}?cell=person|(background)`],
    ["compare", () => `/compare?a=${ids.a}&b=${ids.b}`],
    ["models", () => "/models"],
    ["model", () => `/models/${ids.model}`],
    ["tasks", () => "/tasks"],
    ["about", () => "/settings"],
    ["storage", () => "/settings/storage"],
    ["limits", () => "/settings/limits"],
    ["keys", () => "/settings/keys"],
    ["users", () => "/settings/users"],
    ["audit", () => "/settings/audit"],
    ["nowhere", () => "/projects/01AAAAAAAAAAAAAAAAAAAAAAAA"],
  ];
  test.each(pages)("%s", async (name, address) => {
    await page.goto(address());
    await page.getByRole("heading").first().waitFor();
    await settle(page);
    await judge(name);
    expect(said()).toEqual([]);
  });

  test.each([
    ["review", ""],
    ["review-editing", "&edit=1"],
    ["review-both", "&other=B"],
  ])("%s", async (name, more) => {
    const address = `/projects/${ids.project}/videos/${ids.video}/review?session=${ids.a}&frame=40${more.replace("B", ids.b)}`;
    await page.goto(address);
    await page.waitForSelector(".rv-stage canvas[data-frame='40']");
    await page.waitForSelector(".rv-row[data-row]");
    await settle(page);
    await judge(name);
    expect(said()).toEqual([]);
  });

  const dialogs: [string, () => string, () => Promise<unknown>][] = [
    ["new-project", () => "/", () => page.getByRole("button", { name: "New project" }).click()],
    [
      "change-project",
      () => `/projects/${ids.project}`,
      () => page.getByRole("button", { name: "Change the project" }).click(),
    ],
    [
      "new-session",
      () => `/projects/${ids.project}`,
      async () => {
        await page.getByRole("checkbox", { name: "Select vtest.mp4" }).check();
        await page.getByRole("button", { name: "Start a session on 1 video" }).click();
      },
    ],
    [
      "delete-video",
      () => `/projects/${ids.project}`,
      () => page.getByRole("button", { name: "Delete vtest.mp4" }).click(),
    ],
    ["task", () => "/tasks", () => page.getByRole("button", { name: "Read video" }).last().click()],
    ["new-key", () => "/settings/keys", () => page.getByRole("button", { name: "New key" }).click()],
    ["new-user", () => "/settings/users", () => page.getByRole("button", { name: "New user" }).click()],
    [
      "review-keys",
      () => `/projects/${ids.project}/videos/${ids.video}/review`,
      () => page.keyboard.press("?"),
    ],
  ];
  test.each(dialogs)("the dialog %s", async (name, address, press) => {
    await page.goto(address());
    await page.getByRole("heading").first().waitFor();
    await settle(page);
    if (name === "review-keys") await page.waitForSelector(".rv-stage canvas[data-frame]");
    await press();
    await page.getByRole("dialog").waitFor();
    await settle(page);
    await judge(`dialog-${name}`, !SHOTS);
    // Escape closes it, and the focus goes back to what opened it.
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    if (name !== "review-keys")
      expect(await page.evaluate(() => document.activeElement?.tagName), "the focus goes back").toBe(
        "BUTTON",
      );
    expect(said()).toEqual([]);
  });

  test("the menu of exports: opened, walked and closed by keyboard; each format is a file that is not empty", async () => {
    await page.goto(`/projects/${ids.project}`);
    await page.getByRole("button", { name: "Export the truth of vtest.mp4" }).focus();
    await page.keyboard.press("Enter");
    const menu = page.getByRole("list", { name: "Export the truth of vtest.mp4" });
    await menu.waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    await expect.poll(focused).toContain("COCO"); // once the menu has been drawn
    await page.keyboard.press("Tab");
    expect(await focused()).toContain("MOT");
    for (const f of await axe(page)) findings.push(f);
    await shoot(page, "menu-export-dark-1440");
    const links = menu.getByRole("link");
    expect(await links.count()).toBe(11);
    for (let i = 0; i < 11; i++) {
      const got = await page.request.get((await links.nth(i).getAttribute("href"))!);
      expect(got.status(), await links.nth(i).innerText()).toBe(200);
      expect((await got.body()).length).toBeGreaterThan(10_000);
    }
    const download = page.waitForEvent("download");
    await menu.getByRole("link", { name: /YOLO/ }).click();
    expect((await download).suggestedFilename()).toBe("vtest.yolo.tar");
    await menu.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Export the truth of vtest.mp4" }).press("Enter");
    await menu.waitFor();
    await page.keyboard.press("Escape");
    await menu.waitFor({ state: "hidden" });
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe(
      "Export the truth of vtest.mp4",
    );
    expect(said()).toEqual([]);
  });

  test("a key is shown once", async () => {
    await page.goto("/settings/keys");
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByLabel("Name", { exact: true }).fill("gate of main");
    await page.keyboard.press("Enter");
    const key = (await page.getByTestId("key").textContent())!;
    const got = await fetch(`${server.url}/api/v1/projects`, { headers: { Authorization: `Bearer ${key}` } });
    expect(got.status).toBe(200);
    await judge("dialog-key-made", !SHOTS);
    await page.getByRole("button", { name: "I have kept it" }).click();
    await page.getByRole("row", { name: /gate of main/ }).waitFor();
    expect(await page.content()).not.toContain(key);
    expect(said()).toEqual([]);
  });

  test("nothing was complained of, and nobody else was asked", () => {
    expect(tab.complaints).toEqual([]);
    expect(tab.strangers).toEqual([]);
  });
});
