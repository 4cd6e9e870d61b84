// What befalls a page: no network, a server that is killed, a full disk, files that nobody can read.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";

import { axe, canRun, DATA, hash, setUp, settle, shoot, until, VTEST } from "./harness";

const HOSTILE = join(DATA, "hostile_media");

const live = (page: Page) => page.getByText("Live", { exact: true });

describe.skipIf(!canRun)("a connection that is lost", () => {
  const at = setUp(async (s) => {
    await s.start();
    await s.project("Before");
  });
  const { server } = at;
  let page: Page;
  beforeAll(() => {
    page = at.page;
  });

  test("no network: said at once, what is shown stays, what is done says why it is not; fresh when it is back", async () => {
    await page.goto("/projects");
    await page.getByRole("link", { name: /Before/ }).waitFor();
    await live(page).waitFor();
    // The other pages' code has come as well.
    await page.waitForFunction(() =>
      performance.getEntriesByType("resource").some((r) => /ModelsPage/.test(r.name)),
    );
    await at.tab.context.setOffline(true);
    await page.getByText("Connection lost").waitFor();
    await page.getByRole("link", { name: /Before/ }).waitFor();
    expect.soft(await axe(page)).toEqual([]);
    await page.getByRole("button", { name: "New project" }).click();
    const dialog = page.getByRole("dialog", { name: "New project" });
    await dialog.getByLabel("Name").fill("Made offline");
    await page.keyboard.press("Enter");
    await dialog.getByRole("alert").waitFor();
    await shoot(page, "offline-dark-1440");
    await server.project("Meanwhile"); // by somebody else
    await at.tab.context.setOffline(false);
    await live(page).waitFor({ timeout: 25_000 });
    expect(await dialog.getByLabel("Name").inputValue()).toBe("Made offline"); // nothing was lost
    await dialog.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { level: 1, name: "Made offline" }).waitFor();
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Projects" }).click();
    await page.getByRole("link", { name: /Meanwhile/ }).waitFor();
  });

  test("a killed server: said, not an empty page; by itself live and fresh when it is there again", async () => {
    await live(page).waitFor();
    await server.stop("SIGKILL");
    await page.getByText("Connection lost").waitFor();
    await page.getByRole("link", { name: /Meanwhile/ }).waitFor();
    // A page that was not loaded yet says what is wrong, and has a way to try again.
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Models" }).click();
    await page.getByText("The server cannot be reached").waitFor({ timeout: 20_000 });
    await page.getByRole("button", { name: "Try again" }).waitFor();
    await settle(page);
    expect.soft(await axe(page)).toEqual([]);
    await shoot(page, "killed-dark-1440");
    await page.goBack();
    await page.getByRole("link", { name: /Meanwhile/ }).waitFor();
    await server.start();
    await server.project("After the kill");
    await page.getByRole("button", { name: "Connect again now" }).click();
    await live(page).waitFor({ timeout: 25_000 });
    // No reload: the list is asked for anew.
    await page.getByRole("link", { name: /After the kill/ }).waitFor();
    expect(at.tab.complaints.filter((c) => !/WebSocket|ERR_|disconnected/.test(c))).toEqual([]);
  });
});

describe.skipIf(!canRun)("a full disk", () => {
  let hasDisk = false;
  const at = setUp(async (s) => {
    hasDisk = await s.useSmallDisk("48m");
    await s.start("--keep-free", "1");
  });

  test("an upload says so and what to do, and comes whole once there is room; nothing is lost", async (t) => {
    if (!hasDisk) return t.skip();
    const { page, server } = at;
    const id = await server.project("Little room");
    await page.goto(`/projects/${id}`);
    await page.getByText("Drop videos here").waitFor();
    server.fill(2_500_000);
    await page.getByTestId("files").setInputFiles(VTEST);
    const failed = page
      .getByRole("alert")
      .getByText(/^No space is left: .*Then try again: it goes on where it stopped\.$/);
    await failed.waitFor({ timeout: 20_000 });
    expect.soft(await axe(page)).toEqual([]);
    await settle(page);
    await shoot(page, "full-disk-upload-dark-1440");
    // Rows cannot be written either; what was typed stays in its field.
    server.fill(0);
    await page.goto("/projects");
    await page.getByRole("button", { name: "New project" }).click();
    const dialog = page.getByRole("dialog", { name: "New project" });
    let name = "";
    for (let i = 0; i < 400; i++) {
      name = `Project ${i} ${"x".repeat(150)}`;
      await server.project(name).catch(() => (i = 1000));
    }
    await dialog.getByLabel("Name").fill("One more");
    await page.keyboard.press("Enter");
    await dialog
      .getByRole("alert")
      .getByText(/full|space|free/)
      .waitFor();
    await shoot(page, "full-disk-project-dark-1440");
    await page.goto("/");
    await page.getByText("Free on the disk").waitFor();
    await page.getByText(/Almost full/).waitFor({ timeout: 60_000 }); // asked for anew twice a minute
    await settle(page);
    await shoot(page, "full-disk-dashboard-dark-1440");
    // Room again, though the page was left in between. (Its size was refused before a byte: that an upload
    // goes on from its offset is shown in uploads.test.ts.)
    server.fill(null);
    await page.goto(`/projects/${id}`);
    await page.getByTestId("files").setInputFiles(VTEST);
    await page.getByText(/, stored/).waitFor({ timeout: 30_000 });
    const { items } = await server.ask<{ items: { sha256: string }[] }>(`/api/v1/projects/${id}/videos`);
    expect(items.map((v) => v.sha256)).toEqual([hash(readFileSync(VTEST))]);
    expect(at.tab.complaints).toEqual([]);
  }, 180_000);
});

describe.skipIf(!canRun)("files that are refused", () => {
  const at = setUp();
  const { server } = at;
  let page: Page;
  let id: string;
  beforeAll(async () => {
    page = at.page;
    id = await server.project("Refused");
    await page.goto(`/projects/${id}`);
    await page.getByText("Drop videos here").waitFor();
  });

  test("hostile media: each ends as what can be read, or says in its row why it cannot", async () => {
    const files = readdirSync(HOSTILE)
      .map((n) => join(HOSTILE, n))
      .filter((p) => statSync(p).isFile() && statSync(p).size > 0)
      .slice(0, 10);
    await page.getByTestId("files").setInputFiles(files);
    const areRead = async () => {
      const { items } = await server.ask<{ items: { status: string }[] }>(
        `/api/v1/projects/${id}/videos?limit=100`,
      );
      return items.length === files.length && items.every((v) => v.status !== "uploaded");
    };
    await until("all are looked at", areRead, 90);
    const { items } = await server.ask<{ items: { name: string; status: string; error: string | null }[] }>(
      `/api/v1/projects/${id}/videos?limit=100`,
    );
    const failed = items.filter((v) => v.status === "failed");
    expect(failed.length).toBeGreaterThan(3);
    for (const v of failed) {
      const row = page.getByRole("row", { name: new RegExp(v.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) });
      await row.getByText("Failed").waitFor();
      expect(await row.textContent()).toContain(v.error!.trim().split("\n")[0]!.slice(0, 40));
      expect(await row.getByRole("checkbox").isDisabled()).toBe(true);
    }
    await page.getByRole("button", { name: "Clear finished" }).click();
    expect.soft(await axe(page)).toEqual([]);
    await settle(page);
    await shoot(page, "refused-dark-1440");
  }, 150_000);

  test("an empty file, and a truth that is none, say why beside their names", async () => {
    const empty = join(server.folder, "empty.mp4");
    writeFileSync(empty, "");
    await page.getByTestId("files").setInputFiles(empty);
    const line = page.getByRole("listitem").filter({ hasText: "empty.mp4" });
    await line.getByRole("alert").waitFor();
    expect((await line.getByRole("alert").textContent())!.length).toBeGreaterThan(10);
    await line.getByRole("button", { name: /Cancel empty\.mp4/ }).click();
    await page.getByTestId("files").setInputFiles(VTEST);
    await page.getByText("480 × 360").waitFor({ timeout: 60_000 });
    const none = join(server.folder, "vtest.json");
    writeFileSync(none, '{"annotations": [{"image_id": 1}]');
    await page.getByTestId("files").setInputFiles(none);
    const said = page.getByRole("listitem").filter({ hasText: "vtest.json" });
    await said.getByRole("alert").waitFor();
    expect(await said.getByRole("alert").textContent()).toMatch(/JSON|line|annotation|format/i);
    await said.getByRole("button", { name: "Try again: vtest.json" }).waitFor();
    await shoot(page, "refused-truth-dark-1440");
  }, 100_000);
});
