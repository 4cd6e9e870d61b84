// A model's page: a picture that is dropped on it, its speed on this machine, its calibration to int8.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";

import {
  axe,
  canRun,
  DATA,
  dropFiles,
  FASTEST,
  settle,
  setUp,
  shoot,
  still,
  VTEST,
  VTEST_TRUTH,
} from "./harness";

const BUS = join(DATA, "photos/bus.jpg");

describe.skipIf(!canRun)("a model's page", () => {
  let model: string;
  const at = setUp(async (server) => {
    await server.start();
    const project = await server.project("Crossing");
    model = (await server.give("/api/v1/models?name=fastest", FASTEST)).id;
    const { id } = await server.give(`/api/v1/videos?project_id=${project}&name=vtest.mp4`, VTEST);
    await server.give(`/api/v1/videos/${id}/truth?name=gt.txt`, VTEST_TRUTH, {}, "PUT");
    await server.becomes(`/api/v1/videos/${id}`, "ready");
  });
  const { server } = at;
  let page: Page;
  beforeAll(async () => {
    page = at.page;
    await page.goto(`/models/${model}`);
    await page.getByRole("heading", { level: 1, name: "fastest" }).waitFor();
  });

  test("the list in a narrow window: nothing is left out, nothing has to be scrolled to", async () => {
    await page.goto("/models");
    const row = page.getByRole("row", { name: /^fastest/ });
    const brief = row.getByText(/^352 × 352 · 80 classes · [\d.]+ [kM]B · used \d+ times? · added /);
    for (const [theme, width] of [
      ["light", 1440],
      ["dark", 1440],
      ["dark", 820],
      ["light", 820],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: theme });
      await still(page, theme);
      await row.getByRole("link", { name: "fastest", exact: true }).waitFor();
      expect(await brief.isVisible()).toBe(width === 820);
      expect(await row.getByRole("cell", { name: "352 × 352", exact: true }).isVisible()).toBe(
        width === 1440,
      );
      expect(await row.getByRole("button", { name: /^(Load|Unload)$/ }).isVisible()).toBe(true);
      const over = await page
        .getByRole("region", { name: "Models" })
        .evaluate((e) => e.scrollWidth - e.clientWidth);
      expect(over).toBeLessThanOrEqual(0);
      await shoot(page, `models-${theme}-${width}`);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto(`/models/${model}`);
    await page.getByRole("heading", { level: 1, name: "fastest" }).waitFor();
  });

  test("a picture that is dropped shows what the server sees in it", async () => {
    await dropFiles(page, "[data-testid=try]", [BUS]);
    await page.getByText(/^\d+ detections? in/).waitFor({ timeout: 20_000 });
    const seen = await server.ask<{ detections: { label: string; confidence: number }[] }>(
      `/api/v1/inference/image?model=${model}&confidence=0.05`,
      { method: "POST", body: readFileSync(BUS), headers: { "Content-Type": "image/jpeg" } },
    );
    const above = (floor: number) => seen.detections.filter((d) => d.confidence >= floor).length;
    expect(above(0.25)).toBeGreaterThan(0);
    expect(await page.locator(".try rect").count()).toBe(above(0.25));
    await page.getByLabel(/Confidence ≥/).fill("0.6");
    expect(await page.locator(".try rect").count()).toBe(above(0.6));
    await page.getByLabel(/Confidence ≥/).fill("0.25");
    expect.soft(await axe(page)).toEqual([]);
    await settle(page);
    await shoot(page, "model-try-dark-1440");
  });

  test("what is no picture is refused with its cause", async () => {
    await dropFiles(page, "[data-testid=try]", [VTEST_TRUTH]);
    await page
      .getByRole("alert")
      .getByText(/JPEG|picture|image/i)
      .first()
      .waitFor();
    await dropFiles(page, "[data-testid=try]", [BUS]);
    await page.getByText(/^\d+ detections? in/).waitFor({ timeout: 20_000 });
  });

  test("its speed is measured for each engine and precision", async () => {
    await page.getByRole("button", { name: "Measure", exact: true }).click();
    await page.getByRole("progressbar", { name: "Measurement" }).waitFor();
    const table = page.getByRole("region", { name: "Speed" });
    await table.waitFor({ timeout: 150_000 });
    const engines = await table.getByRole("rowheader").allTextContents();
    expect(new Set(engines).size).toBeGreaterThan(1);
    expect(await table.getByRole("cell", { name: "fp32" }).count()).toBeGreaterThan(1);
    expect.soft(await axe(page)).toEqual([]);
  }, 180_000);

  test("it is calibrated to int8, and its loss is measured", async () => {
    await page.getByRole("button", { name: "Calibrate" }).click();
    await page.getByRole("progressbar", { name: "Calibration" }).waitFor();
    const loss = page.locator(".stat", { hasText: "Loss" });
    await loss.waitFor({ timeout: 150_000 });
    const tasks = await server.ask<{ items: { kind: string; result: { loss: number; frames: number } }[] }>(
      "/api/v1/tasks?limit=20",
    );
    const { result } = tasks.items.find((t) => t.kind === "quantize")!;
    const points = Number((await loss.locator(".value").textContent())!.replace(/[^\d.]/g, ""));
    expect(points).toBeCloseTo(Math.abs(result.loss * 100), 1);
    expect(await loss.textContent()).toContain(`over ${result.frames} frames`);
    await settle(page);
    expect.soft(await axe(page)).toEqual([]);
    await shoot(page, "model-measured-dark-1440");
    await page.setViewportSize({ width: 820, height: 900 });
    await shoot(page, "model-measured-dark-820");
    expect(at.tab.complaints).toEqual([]);
  }, 180_000);
});
