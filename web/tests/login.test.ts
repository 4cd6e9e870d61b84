// Accounts: who is let in, what happens to what one was doing when a login ends, and who may what where.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";

import {
  axe,
  canRun,
  enter,
  hash,
  open,
  Server,
  settle,
  setUp,
  shoot,
  until,
  VTEST,
  walk,
  type Tab,
} from "./harness";

const FIRST = "correct horse battery";
const SECOND = "staple correct horse";

describe.skipIf(!canRun)("logging in", () => {
  let anna: RequestInit;
  let project: string;
  let other: string;
  let video: string;
  const at = setUp(async (server) => {
    server.user("add", "anna", FIRST, "--role", "admin");
    await server.start("--login-rate", "0");
    anna = await server.as("anna", FIRST);
    project = await server.project("Crossing", anna);
    other = await server.project("Harbour", anna);
    for (const [name, role] of [
      ["bob", "editor"],
      ["cara", "none"],
    ])
      await server.make("/api/v1/users", { name, role, password: FIRST }, anna);
    await server.make(`/api/v1/projects/${project}/members/cara`, { role: "editor" }, anna, "PUT");
    video = (await server.give(`/api/v1/videos?project_id=${project}&name=vtest.mp4`, VTEST, anna)).id;
  });
  const { server } = at;
  let tab: Tab;
  let page: Page;
  beforeAll(() => {
    ({ tab, page } = at);
  });
  const asked = (t: Tab) => {
    const paths: string[] = [];
    t.page.on("request", (r) => paths.push(new URL(r.url()).pathname));
    t.page.on("websocket", (w) => paths.push(new URL(w.url()).pathname));
    return paths;
  };

  test("before it nothing of the page is asked for", async () => {
    const paths = asked(tab);
    await page.goto(`/projects/${project}?x=1`);
    await page.getByRole("heading", { name: "Log in to Assay" }).waitFor();
    expect(new URL(page.url()).searchParams.get("to")).toBe(`/projects/${project}?x=1`);
    await settle(page);
    expect(
      paths.filter((p) => (p.startsWith("/api/") || p.startsWith("/ws/")) && p !== "/api/v1/vitals"),
    ).toEqual(["/api/v1/me"]);
    expect.soft(await axe(page)).toEqual([]);
    expect.soft(await walk(page)).toEqual([]);
    await shoot(page, "login-dark-1440");
  });

  test("a wrong password is said; five lock the name, and the page says for how long", async () => {
    await enter(page, "bob", "not this one at all");
    await page.getByRole("alert").getByText("The name or the password is wrong.").waitFor();
    for (let i = 0; i < 6; i++) {
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByRole("button", { name: "Log in", disabled: false }).waitFor();
    }
    await page.getByText(/Locked after too many failures\. Try again in \d+ s\./).waitFor();
    expect.soft(await axe(page)).toEqual([]);
    await shoot(page, "login-locked-dark-1440");
    // The right one does not help now; an admin's does, from the shell.
    await enter(page, "bob", FIRST);
    await page.getByText(/Locked after too many failures/).waitFor();
    server.user("password", "bob", SECOND);
    await enter(page, "bob", SECOND);
    await page.getByRole("heading", { level: 1, name: "Crossing" }).waitFor({ timeout: 20_000 });
    expect(page.url()).toContain(`/projects/${project}?x=1`);
  });

  test("a login that ends in the middle of an edit: asked for over the page, nothing is lost", async () => {
    await page.getByText("480 × 360").waitFor({ timeout: 30_000 });
    await page.getByRole("link", { name: "vtest.mp4", exact: true }).click();
    await page.getByRole("button", { name: "Edit truth" }).click();
    await page.getByText("0 boxes").waitFor();
    await page.waitForSelector(".rv-stage canvas[data-source=server]");
    const box = (await page.locator(".rv-stage canvas").boundingBox())!;
    const drag = async (x: number, y: number) => {
      await page.mouse.move(box.x + box.width * x, box.y + box.height * y);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * (x + 0.1), box.y + box.height * (y + 0.2), { steps: 3 });
      await page.mouse.up();
    };
    await drag(0.3, 0.3);
    await page.getByText("1 boxes").waitFor();
    server.user("password", "bob", FIRST); // ends all logins
    // Told at once, by the WebSocket's end.
    const dialog = page.getByRole("dialog", { name: "Your login has ended" });
    await dialog.waitFor();
    expect.soft(await axe(page)).toEqual([]);
    expect.soft(await walk(page)).toEqual([]);
    await shoot(page, "login-ended-dark-1440");
    for (let i = 0; i < 3; i++) await page.keyboard.press("Escape"); // no way around it
    await dialog.waitFor();
    expect(await dialog.getByLabel("Name").inputValue()).toBe("bob");
    await dialog.getByLabel("Password").fill("wrong again");
    await page.keyboard.press("Enter");
    await dialog.getByText("The name or the password is wrong.").waitFor();
    await dialog.getByLabel("Password").fill(FIRST);
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.getByText("1 boxes").waitFor();
    await drag(0.6, 0.3);
    await page.getByText("2 boxes").waitFor();
    await page.keyboard.press("Control+s");
    await page.getByText("Saved as version 1 of the truth").first().waitFor();
    await page.getByText(/version 1, just now by bob/).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
  });

  test("a login that ends in the middle of an upload: it goes on after the next one, not a byte is lost", async () => {
    const bytes = new Uint8Array(12 * 1024 * 1024).map((_, i) => (i * 2654435761) >>> 24);
    const file = join(server.folder, "large.mp4");
    writeFileSync(file, bytes);
    await page.goto(`/projects/${project}`);
    await page.getByRole("heading", { level: 1, name: "Crossing" }).waitFor();
    const line = await tab.context.newCDPSession(page);
    const speed = (uploadThroughput: number) =>
      line.send("Network.emulateNetworkConditions", {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput,
      });
    await speed(2 * 1024 * 1024);
    await page.getByTestId("files").setInputFiles(file);
    const bar = page.getByRole("progressbar", { name: "Upload of large.mp4" });
    await until("some bytes", async () => Number(await bar.getAttribute("aria-valuenow")) >= 10);
    await page.getByRole("button", { name: "Pause large.mp4" }).click();
    await page.getByText(/paused at/).waitFor();
    server.user("password", "bob", SECOND);
    const dialog = page.getByRole("dialog", { name: "Your login has ended" });
    await dialog.waitFor();
    await page.evaluate(() =>
      document.querySelector<HTMLElement>("[aria-label='Resume large.mp4']")!.click(),
    );
    await page.getByText(/Your login has ended; goes on once you are logged in, at \d+ %/).waitFor();
    await shoot(page, "login-ended-upload-dark-1440");
    await dialog.getByLabel("Password").fill(SECOND);
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await speed(-1);
    await page.getByText(/, stored/).waitFor({ timeout: 30_000 });
    const all = await server.ask<{ items: { name: string; sha256: string }[] }>(
      `/api/v1/projects/${project}/videos`,
      anna,
    );
    expect(all.items.find((v) => v.name === "large.mp4")!.sha256).toBe(hash(bytes));
  });

  test("two people edit one truth: the second is told who was first, and loses nothing", async () => {
    const address = `/projects/${project}/videos/${video}/review?edit=1`;
    const second = await open(at.browser, server);
    await second.page.goto(address);
    await second.page.getByRole("heading", { name: "Log in to Assay" }).waitFor();
    await enter(second.page, "anna", FIRST);
    const edit = async (p: Page, x: number) => {
      await p.getByText(/^2 boxes/).waitFor();
      await p.waitForSelector(".rv-stage canvas[data-source=server]");
      const box = (await p.locator(".rv-stage canvas").boundingBox())!;
      await p.mouse.move(box.x + box.width * x, box.y + box.height * 0.6);
      await p.mouse.down();
      await p.mouse.move(box.x + box.width * (x + 0.05), box.y + box.height * 0.8, { steps: 3 });
      await p.mouse.up();
      await p.getByText(/^3 boxes/).waitFor();
    };
    await page.goto(address);
    await edit(second.page, 0.3);
    await edit(page, 0.7);
    await page.keyboard.press("Control+s");
    await page.getByText("Saved as version 2 of the truth").first().waitFor();
    await second.page.keyboard.press("Control+s");
    const dialog = second.page.getByRole("dialog", { name: "The truth has changed meanwhile" });
    await dialog.getByText(/Version 2 was saved just now by bob/).waitFor();
    expect.soft(await axe(second.page)).toEqual([]);
    expect.soft(await walk(second.page)).toEqual([]);
    await shoot(second.page, "truth-conflict-dark-1440");
    await dialog.getByRole("button", { name: "Lay my edits over theirs" }).click();
    await second.page.getByText(/^4 boxes/).waitFor();
    await second.page.keyboard.press("Control+s");
    await second.page.getByText("Saved as version 3 of the truth").first().waitFor();
    expect(second.complaints.filter((c) => !/412|401/.test(c))).toEqual([]);
    await second.context.close();
  });

  test("a link into a review is gone on with after the login, with all that it says", async () => {
    const link =
      `/projects/${project}/videos/${video}/review?frame=40&confidence=0.4&label=traffic+light&label=a%2Cb` +
      "&search=%234+%26+more&sort=-size&rate=0.5&names=0";
    const guest = await open(at.browser, server);
    await guest.page.goto(link);
    await guest.page.getByText("Log in to go on where you were.").waitFor();
    await enter(guest.page, "cara", "not this one at all");
    await guest.page.getByText("The name or the password is wrong.").waitFor();
    await enter(guest.page, "cara", FIRST);
    await guest.page.waitForSelector(".rv-stage canvas[data-frame='40'][data-source=server]");
    expect(await guest.page.getByLabel("Speed").inputValue()).toBe("0.5");
    expect(await guest.page.inputValue("#rv-confidence")).toBe("0.4");
    await guest.page.waitForTimeout(600); // the page has written its address by itself
    const sorted = (url: string) => [...new URL(url, server.url).searchParams].map(String).sort();
    expect(new URL(guest.page.url()).pathname).toBe(link.split("?")[0]);
    expect(sorted(guest.page.url())).toEqual(sorted(link));
    await guest.page.goBack(); // the login is no place to come back to
    expect(guest.page.url()).toBe("about:blank");
    await guest.context.close();
  });

  test.each(["//example.com/x", "https://example.com/", "/\\example.com", "/login"])(
    "a login leads to this server's pages only: %s",
    async (to) => {
      const guest = await open(at.browser, server);
      await guest.page.goto(`/login?to=${encodeURIComponent(to)}`);
      await enter(guest.page, "cara", FIRST);
      await guest.page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
      expect(new URL(guest.page.url()).pathname).toBe("/");
      await guest.context.close();
    },
  );

  test("a role in one project is a role there, and nowhere else", async () => {
    const cara = await open(at.browser, server);
    await cara.page.goto("/projects");
    await enter(cara.page, "cara", FIRST);
    await cara.page.getByRole("link", { name: /Crossing/ }).click();
    await cara.page.getByRole("button", { name: "Upload" }).waitFor();
    await cara.page.getByRole("button", { name: "Change the project" }).waitFor();
    expect(await cara.page.getByRole("button", { name: "Delete the project" }).count()).toBe(0);
    await cara.page.getByRole("link", { name: "vtest.mp4", exact: true }).click();
    await cara.page.getByRole("button", { name: "Edit truth" }).waitFor();
    await cara.page.goto("/models");
    await cara.page.getByText("No model yet").waitFor();
    expect(await cara.page.getByRole("button", { name: "Add a model" }).count()).toBe(0);
    await cara.page.goto(`/projects/${other}`);
    await cara.page.getByText("It does not exist (any more)").first().waitFor();
    await cara.context.close();
  });

  test("members: an admin gives and takes roles in a project", async () => {
    const admin = await open(at.browser, server);
    await admin.page.goto(`/projects/${other}`);
    await enter(admin.page, "anna", FIRST);
    await admin.page.getByRole("button", { name: "Members of the project" }).click();
    const dialog = admin.page.getByRole("dialog", { name: "Members of the project" });
    await dialog.getByLabel("Role of anna").waitFor(); // who made it
    await dialog.getByLabel("Name of the user").fill("nobody of that name");
    await dialog.getByRole("button", { name: "Add" }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("Name of the user").fill("cara");
    await dialog.getByLabel("Role", { exact: true }).selectOption("viewer");
    await dialog.getByRole("button", { name: "Add" }).click();
    await dialog.getByLabel("Role of cara").selectOption("editor");
    await until("her role", async () => {
      const all = await server.ask<{ items: { name: string; role: string }[] }>(
        `/api/v1/projects/${other}/members`,
        anna,
      );
      return all.items.find((m) => m.name === "cara")?.role === "editor";
    });
    await settle(admin.page);
    expect.soft(await axe(admin.page)).toEqual([]);
    expect.soft(await walk(admin.page)).toEqual([]);
    await shoot(admin.page, "members-dark-1440");
    await dialog.getByRole("button", { name: "Take cara out" }).click();
    await dialog.getByLabel("Role of cara").waitFor({ state: "detached" });
    await admin.context.close();
  });

  test("an unused login ends by itself, and the page says so without being touched", async () => {
    const brief = new Server();
    brief.user("add", "anna", FIRST, "--role", "admin");
    await brief.start("--login-minutes", "0.15");
    const t = await open(at.browser, brief);
    try {
      await t.page.goto("/settings/about");
      await enter(t.page, "anna", FIRST);
      await t.page.getByText("Schema of the database").waitFor();
      await t.page.getByRole("dialog", { name: "Your login has ended" }).waitFor({ timeout: 25_000 });
      await t.page.getByText("Schema of the database").waitFor();
    } finally {
      await t.context.close();
      await brief.remove();
    }
  });

  test("logging out ends it for this browser", async () => {
    await page.goto("/");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Log in to Assay" }).waitFor();
    await page.goto("/models");
    await page.getByRole("heading", { name: "Log in to Assay" }).waitFor();
    expect(new URL(page.url()).searchParams.get("to")).toBe("/models");
    expect(tab.complaints.filter((c) => !/WebSocket|40\d|412|429/.test(c))).toEqual([]);
    expect(tab.strangers).toEqual([]);
  });
});
