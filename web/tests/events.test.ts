// Two systems that report timed events, compared on the page: rates and times apart, each event that
// changed sides, and what is better said by what it is: later is worse.
import { describe, expect, test } from "vitest";

import { axe, canRun, setUp, settle, shoot, still, VTEST } from "./harness";

describe.skipIf(!canRun)("sessions that report events", () => {
  const ids = { a: "", b: "" };
  const times = Array.from({ length: 50 }, (_, i) => 1500 * (i + 1));
  const events = (late: number, has: (i: number) => boolean) => ({
    events: times.filter((_, i) => has(i)).map((t) => ({ label: "gate", time_ms: t + late })),
  });
  const at = setUp(async (server) => {
    await server.start();
    const project = await server.project("Gate");
    const video = (await server.give(`/api/v1/videos?project_id=${project}&name=gate.mp4`, VTEST)).id;
    const truth = events(0, () => true);
    await server.make(`/api/v1/videos/${video}/truth?name=t.json`, truth, {}, "PUT");
    await server.becomes(`/api/v1/videos/${video}`, "ready");
    for (const [key, name, found] of [
      ["a", "Camera 7", events(20, () => true)],
      ["b", "Camera 9", events(60, (i) => i % 2 === 0)],
    ] as const) {
      const about = { project_id: project, source: "external", model: name, name, video_ids: [video] };
      ids[key] = (await server.make("/api/v1/sessions", about)).id;
      const path = `/api/v1/sessions/${ids[key]}`;
      await server.make(`${path}/play`, { video_id: video });
      await server.make(`${path}/detections`, found);
      await server.ask(`${path}/finish`, { method: "POST" });
      await server.becomes(path, "succeeded");
    }
  });

  test("differences, verdicts, and events that changed sides", async () => {
    const { page, tab } = at;
    await page.goto(`/compare?a=${ids.a}&b=${ids.b}`);
    await page.getByText("B is worse, beyond noise.").waitFor();
    await settle(page);
    const row = (table: string, name: string) =>
      page
        .getByRole("region", { name: table })
        .getByRole("row", { name: new RegExp(`^${name}`) })
        .innerText();
    expect(await row("Rates", "Recall")).toMatch(/1\.000\s+0\.500\s+−0\.500[\s\S]*worse/);
    // More milliseconds are worse, though the number rises.
    expect(await row("Times in milliseconds", "Latency, median")).toMatch(
      /20\.0\s+60\.0\s+\+40\.0[\s\S]*worse/,
    );
    const lost = page.getByRole("region", { name: "Lost by B" }).locator("tbody tr");
    expect(await lost.count()).toBe(25);
    expect((await lost.first().innerText()).replace(/\s+/g, " ")).toBe("gate gate.mp4 3.000 3.020 – 1.00");
    await page.getByRole("button", { name: /New false alarms/ }).click();
    await page.getByText("None", { exact: true }).waitFor();
    for (const [theme, width] of [
      ["dark", 1440],
      ["light", 820],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: theme });
      await still(page, theme);
      await shoot(page, `compare-events-${theme}-${width}`);
      expect(await axe(page)).toEqual([]);
      expect(
        await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        ),
      ).toBeLessThanOrEqual(0);
    }
    expect(tab.complaints).toEqual([]);
  });
});
