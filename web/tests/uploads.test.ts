// A large file over a bad connection: paused, broken off by a killed server, gone on, and whole in the end.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { canRun, hash, setUp, sleep, until } from "./harness";

const BYTES = 24 * 1024 * 1024;

describe.skipIf(!canRun)("uploads", () => {
  const at = setUp();

  test("pause, resume, a killed server: not a byte is lost", async () => {
    const { page, server } = at;
    const id = await server.project("uploads");
    const bytes = new Uint8Array(BYTES);
    for (let i = 0, x = 1; i < BYTES; i++) {
      x = (Math.imul(x, 1103515245) + 12345) >>> 0;
      bytes[i] = x >>> 24;
    }
    const file = join(server.folder, "large.mp4");
    writeFileSync(file, bytes);

    await page.goto(`/projects/${id}`);
    await page.getByText("Drop videos here").waitFor();
    const line = await at.tab.context.newCDPSession(page);
    const speed = (uploadThroughput: number) =>
      line.send("Network.emulateNetworkConditions", {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput,
      });
    await speed(3 * 1024 * 1024);
    const offsets: number[] = []; // at which each piece of the upload began
    page.on("request", (r) => {
      if (r.method() === "PATCH") offsets.push(Number(r.headers()["upload-offset"]));
    });
    await page.getByTestId("files").setInputFiles(file);
    const bar = page.getByRole("progressbar", { name: "Upload of large.mp4" });
    const sent = async () => Number(await bar.getAttribute("aria-valuenow"));
    await until("the first bytes", async () => (await sent()) >= 8);

    await page.getByRole("button", { name: "Pause large.mp4" }).click();
    await page.getByText(/paused at/).waitFor();
    const stood = await sent();
    await sleep(700);
    expect(await sent()).toBe(stood);
    const beforePause = offsets.length;
    await page.getByRole("button", { name: "Resume large.mp4" }).click();
    await until("more than before the pause", async () => (await sent()) > stood + 4);

    await server.stop("SIGKILL");
    await page.getByText(/goes on by itself/).waitFor();
    const beforeKill = offsets.length;
    await server.start();
    await speed(-1);
    await page.getByText(/, stored/).waitFor({ timeout: 60_000 });
    // Each time from what the server had, not from the start.
    expect(offsets[0]).toBe(0);
    expect(offsets[beforePause]).toBeGreaterThan(0);
    const afterKill = offsets.slice(beforeKill);
    expect(afterKill.length).toBeGreaterThan(0);
    expect(Math.min(...afterKill)).toBeGreaterThanOrEqual(offsets[beforePause]!);

    const { items } = await server.ask<{ items: { sha256: string; bytes: number }[] }>(
      `/api/v1/projects/${id}/videos`,
    );
    expect(items).toHaveLength(1);
    expect(items[0]!.bytes).toBe(BYTES);
    expect(items[0]!.sha256).toBe(hash(bytes));
  }, 180_000);
});
