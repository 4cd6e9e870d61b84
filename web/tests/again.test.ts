// A video that was not read: who may have it read again, and what is seen of that.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { axe, canRun, enter, open, setUp, settle, shoot, still, VTEST, walk, type Made } from "./harness";

const PASSWORD = "correct horse battery";

describe.skipIf(!canRun)("a video that was not read", () => {
  let project = "";
  let video = "";
  const at = setUp(async (server) => {
    server.user("add", "root", PASSWORD, "--role", "admin");
    server.user("add", "anna", PASSWORD, "--role", "editor");
    server.user("add", "bob", PASSWORD, "--role", "viewer");
    await server.start("--workers", "0", "--login-rate", "0"); // so that nothing is read yet
    const anna = await server.as("anna", PASSWORD);
    project = await server.project("Crossing", anna);
    video = (await server.give(`/api/v1/videos?project_id=${project}&name=vtest.mp4`, VTEST, anna)).id;
    const broken = join(server.folder, "broken.mp4");
    writeFileSync(broken, "this is no video\n".repeat(100));
    await server.give(`/api/v1/videos?project_id=${project}&name=broken.mp4`, broken, anna);
    const probes = await server.ask<{ items: { task_id: string }[] }>(
      `/api/v1/tasks?video_id=${video}&kind=probe`,
      anna,
    );
    await server.make(`/api/v1/tasks/${probes.items[0]!.task_id}/cancel`, {}, anna);
  });
  const row = (name: string) => at.page.getByRole("row", { name: new RegExp(name) });
  const again = (name: string) => at.page.getByRole("button", { name: `Read ${name} again` });
  const probe = `**/api/v1/videos/*/probe`;

  test("its row says why, and has the button; one that is to be read has none", async () => {
    const { page } = at;
    await page.goto(`/projects/${project}`);
    await enter(page, "anna", PASSWORD);
    await row("vtest.mp4").getByText("its probe was cancelled").waitFor();
    await again("vtest.mp4").waitFor();
    await row("broken.mp4").getByText("Being read", { exact: true }).waitFor();
    expect(await again("broken.mp4").count()).toBe(0);
    for (const [theme, width] of [
      ["light", 820],
      ["dark", 1440],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: theme });
      await still(page, theme);
      await settle(page);
      await shoot(page, `read-again-${theme}-${width}`);
      expect.soft(await axe(page)).toEqual([]);
    }
    expect.soft(await walk(page)).toEqual([]);
  });

  test("whoever may only look has no button", async () => {
    const bob = await open(at.browser, at.server);
    await bob.page.goto(`/projects/${project}`);
    await enter(bob.page, "bob", PASSWORD);
    await bob.page.getByText("its probe was cancelled").waitFor();
    await bob.page.goto(`/projects/${project}/videos/${video}/review`);
    await bob.page.getByRole("heading", { name: "vtest.mp4 was not read" }).waitFor();
    expect(await bob.page.getByRole("button", { name: "Read vtest.mp4 again" }).count()).toBe(0);
    await bob.context.close();
  });

  test("pressed: busy until it is known; refused: said, and the button is there again", async () => {
    const { page } = at;
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    await page.route(probe, async (r) => {
      await held;
      await r.abort();
    });
    await again("vtest.mp4").click();
    await page.locator("[aria-busy=true][aria-label='Read vtest.mp4 again']").waitFor();
    expect(await again("vtest.mp4").isDisabled()).toBe(true);
    go();
    await page.getByText(/vtest\.mp4 could not be read again/).waitFor();
    await page.unroute(probe);
    await page.getByRole("button", { name: "Dismiss" }).click();
    await again("vtest.mp4").click();
    await row("vtest.mp4").getByText("Being read", { exact: true }).waitFor();
    expect(await again("vtest.mp4").count()).toBe(0);
  });

  test("once the server works on, it is read; what is no video fails, and can be tried again in review", async () => {
    const { page, server } = at;
    await server.stop();
    await server.start("--login-rate", "0");
    await row("vtest.mp4").getByText("480 × 360").waitFor({ timeout: 120_000 });
    await again("broken.mp4").waitFor();
    const anna = await server.as("anna", PASSWORD);
    const { items } = await server.ask<{ items: (Made & { name: string })[] }>(
      `/api/v1/projects/${project}/videos`,
      anna,
    );
    const broken = items.find((v) => v.name === "broken.mp4")!;
    await page.goto(`/projects/${project}/videos/${broken.id}/review`);
    await page.getByRole("heading", { name: "broken.mp4 was not read" }).waitFor();
    const before = await server.ask<{ items: unknown[] }>(`/api/v1/tasks?video_id=${broken.id}`, anna);
    await again("broken.mp4").click();
    await expect
      .poll(
        async () => {
          const now = await server.ask<{ items: Made[] }>(`/api/v1/tasks?video_id=${broken.id}`, anna);
          return [now.items.length - before.items.length, now.items[0]!.status];
        },
        { timeout: 60_000 },
      )
      .toEqual([1, "failed"]);
    await again("broken.mp4").waitFor(); // told by the WebSocket
    await settle(page);
    await shoot(page, "read-again-review-dark-1440");
    expect.soft(await axe(page)).toEqual([]);
  }, 240_000);

  test("its task shows the last lines of its log: read by eyes and keys, and copied", async () => {
    const { page, tab } = at;
    const anna = await at.server.as("anna", PASSWORD);
    const { items } = await at.server.ask<{ items: { task_id: string }[] }>(
      "/api/v1/tasks?kind=probe&status=failed",
      anna,
    );
    const { log } = await at.server.ask<{ log: { lines: { level: string; message: string }[] } }>(
      `/api/v1/tasks/${items[0]!.task_id}`,
      anna,
    );
    expect(log.lines.length).toBeGreaterThan(0);
    await tab.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto("/tasks?status=failed");
    await page.getByRole("button", { name: "Read video" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Read video" });
    await dialog.getByRole("heading", { name: "Last lines of its log" }).waitFor();
    const shown = await dialog.getByTestId("log").innerText();
    for (const l of log.lines) expect(shown).toContain(`${l.level} ${l.message}`);
    for (const [theme, width] of [
      ["light", 820],
      ["dark", 1440],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: theme });
      await still(page, theme);
      await shoot(page, `task-log-${theme}-${width}`);
      expect.soft(await axe(page)).toEqual([]);
    }
    expect.soft(await walk(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Copy" }).click();
    await page.getByText("The log is on the clipboard.").waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied.trim().split("\n")).toHaveLength(log.lines.length);
    expect(copied).toContain(log.lines[0]!.message);
    expect(at.tab.complaints.filter((c) => !/WebSocket|ERR_|disconnected|401/.test(c))).toEqual([]);
  });
});
