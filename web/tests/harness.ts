// What the tests of the page share: the real server on a port and a folder of its own, Debian's Chromium,
// and the checks that every page has to pass.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";

export const PROGRAM = process.env["ASSAY_PROGRAM"] ?? "";
export const DATA = process.env["ASSAY_TEST_DATA"] ?? "";
/** Where pictures of every page go; empty: none are taken. */
export const SHOTS = process.env["ASSAY_SHOTS"] ?? "";

export const VTEST = join(DATA, "video_with_gt/vtest_PETS09-S2L1/vtest.mp4");
export const VTEST_TRUTH = join(DATA, "video_with_gt/vtest_PETS09-S2L1/gt_480x360.txt");
export const YOLOX = join(DATA, "models/yolox_nano_416.onnx");
export const FASTEST = join(DATA, "models/FastestDet_352.onnx");

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.once("error", reject);
    s.listen(0, "127.0.0.1", () => {
      const address = s.address();
      s.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

export class Server {
  private process: ChildProcess | null = null;
  private disk: ChildProcess | null = null;
  readonly folder = mkdtempSync(join(tmpdir(), "assay-page-"));
  readonly data = join(this.folder, "data");
  port = 0;

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }
  get log() {
    return readFileSync(join(this.folder, "log"), "utf8");
  }

  async start(...options: string[]) {
    this.port ||= await freePort();
    const log = openSync(join(this.folder, "log"), "a");
    const args = ["serve", "--data", this.data, "--listen", `127.0.0.1:${this.port}`, ...options];
    this.process = this.disk
      ? spawn("nsenter", ["-t", String(this.disk.pid), "-m", PROGRAM, ...args], {
          stdio: ["ignore", log, log],
        })
      : spawn(PROGRAM, args, { stdio: ["ignore", log, log] });
    for (let i = 0; i < 200; i++) {
      if (
        await fetch(`${this.url}/health/live`).then(
          (r) => r.ok,
          () => false,
        )
      )
        return this;
      if (this.process.exitCode !== null) break;
      await sleep(50);
    }
    throw new Error(`the server did not start:\n${this.log}`);
  }

  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const p = this.process;
    this.process = null;
    if (!p || p.exitCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      p.once("exit", () => resolve());
      p.kill(signal);
    });
  }

  /** Its data on a small disk of its own; false where none can be mounted here. */
  async useSmallDisk(size: string): Promise<boolean> {
    mkdirSync(this.data);
    const script = `mount --make-rprivate / && mount -t tmpfs -o size=${size} tmpfs ${this.data} && echo ready && exec sleep 900`;
    const keeper = spawn("unshare", ["-m", "sh", "-c", script], { stdio: ["ignore", "pipe", "ignore"] });
    const said = await new Promise<string>((resolve) => {
      keeper.stdout.once("data", (d: Buffer) => resolve(d.toString()));
      keeper.once("error", () => resolve(""));
      keeper.once("exit", () => resolve(""));
    });
    if (!said.startsWith("ready")) return false;
    this.disk = keeper;
    return true;
  }

  /** Fills the small disk, but for so many bytes; null: makes room again. */
  fill(leave: number | null) {
    const root = `/proc/${this.disk!.pid}/root${this.data}`;
    rmSync(join(root, "filler"), { force: true });
    if (leave === null) return;
    const f = statfsSync(root);
    writeFileSync(join(root, "filler"), new Uint8Array(Math.max(0, f.bavail * f.bsize - leave)));
  }

  /** `assay user`: beside the server or without one. */
  user(...args: string[]) {
    const [verb, name, password, ...rest] = args;
    const done = spawnSync(PROGRAM, ["user", verb!, name!, ...rest, "--data", this.data], {
      input: `${password}\n`,
      encoding: "utf8",
    });
    if (done.status !== 0) throw new Error(`assay user ${verb}: ${done.stderr}`);
  }

  /** Cookie and token for requests of the test itself, as that user. */
  async as(name: string, password: string): Promise<RequestInit> {
    const r = await fetch(`${this.url}/api/v1/login`, {
      method: "POST",
      body: JSON.stringify({ name, password }),
      headers: { "Content-Type": "application/json" },
    });
    if (!r.ok) throw new Error(`login of ${name}: ${r.status} ${await r.text()}`);
    const me = (await r.json()) as { csrf_token: string };
    return {
      headers: {
        Cookie: r.headers.get("set-cookie")!.split(";")[0]!,
        "X-CSRF-Token": me.csrf_token,
      },
    };
  }

  async remove() {
    await this.stop("SIGKILL");
    this.disk?.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async ask<T>(path: string, init?: RequestInit): Promise<T> {
    const r = await fetch(this.url + path, init);
    if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`);
    return (await r.json()) as T;
  }

  /** Sends JSON; *who*: what as() gave. */
  make<T = Made>(path: string, json: unknown, who: RequestInit = {}, method = "POST"): Promise<T> {
    const headers = { "Content-Type": "application/json", ...who.headers };
    return this.ask<T>(path, { method, body: JSON.stringify(json), headers });
  }

  /** Sends a file as it is. */
  give<T = Made>(path: string, file: string, who: RequestInit = {}, method = "POST"): Promise<T> {
    return this.ask<T>(path, { ...who, method, body: readFileSync(file) });
  }

  async project(name: string, who?: RequestInit): Promise<string> {
    return (await this.make("/api/v1/projects", { name }, who)).id;
  }

  /** Until what is at *path* is in that state. */
  becomes(path: string, status: string, who?: RequestInit) {
    return until(`${path} ${status}`, async () => (await this.ask<Made>(path, who)).status === status, 150);
  }
}

export interface Made {
  id: string;
  status: string;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export async function until<T>(
  what: string,
  ask: () => Promise<T | null | undefined | false>,
  seconds = 30,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const got = await ask();
    if (got) return got;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(100);
  }
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

export interface Tab {
  context: BrowserContext;
  page: Page;
  /** What the console complained of, and what the policy forbade; a test ends with none. */
  complaints: string[];
  /** Hosts that were asked for anything, but the server's. */
  strangers: string[];
}

export async function open(
  browser: Browser,
  server: Server,
  width = 1440,
  theme: "dark" | "light" = "dark",
): Promise<Tab> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: theme,
    baseURL: server.url,
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const strangers: string[] = [];
  page.on("console", (m) => {
    if (m.type() === "error" && !/Failed to load resource/.test(m.text())) complaints.push(m.text());
  });
  page.on("pageerror", (e) => complaints.push(e.message));
  page.on("request", (r) => {
    const u = new URL(r.url());
    if (/^(http|ws)/.test(u.protocol) && u.host !== `127.0.0.1:${server.port}`) strangers.push(u.href);
  });
  return { context, page, complaints, strangers };
}

export interface SetUp {
  server: Server;
  browser: Browser;
  tab: Tab;
  page: Page;
}

/** A server, a browser and a tab of the tests around: there before the first of them, gone after the last. */
export function setUp(prepare: (server: Server) => Promise<unknown> = (server) => server.start()): SetUp {
  const s = { server: new Server() } as SetUp;
  beforeAll(async () => {
    await prepare(s.server);
    s.browser = await launch();
    s.tab = await open(s.browser, s.server);
    s.page = s.tab.page;
  }, 180_000);
  afterAll(async () => {
    await s.browser?.close();
    await s.server.remove();
  });
  return s;
}

/** Fills in the login form that is shown. */
export async function enter(page: Page, name: string, password: string) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Serious and critical findings, in words. */
export async function axe(page: Page): Promise<string[]> {
  // Through the debugger: the page's own policy would not let a script in.
  if (!(await page.evaluate("typeof window.axe === 'object'")))
    await page.evaluate(readFileSync(axePath, "utf8"));
  const found = (await page.evaluate(
    "axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})",
  )) as {
    violations: {
      id: string;
      impact: string;
      help: string;
      nodes: { target: string[]; failureSummary: string }[];
    }[];
  };
  return found.violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map(
      (v) =>
        `${v.id}: ${v.help}\n${v.nodes
          .slice(0, 4)
          .map((n) => `    ${n.target.join(" ")}: ${n.failureSummary.split("\n").pop()}`)
          .join("\n")}`,
    );
}

export async function shoot(page: Page, name: string) {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}

/** What the page asked for is there, and the fonts are; for pictures also what is loaded late. */
export async function settle(page: Page) {
  await page.locator(".skeleton, [aria-busy=true]").first().waitFor({ state: "detached", timeout: 10_000 });
  await page.evaluate("document.fonts.ready.then(() => null)");
  if (SHOTS) await page.waitForLoadState("networkidle", { timeout: 4000 }).catch(() => undefined);
}

export function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export const canRun = PROGRAM !== "" && existsSync(VTEST);

/** What a mouse does that lets files go over an element. */
export async function dropFiles(page: Page, selector: string, paths: string[]) {
  const files = paths.map((p) => ({ name: basename(p), base64: readFileSync(p).toString("base64") }));
  const transfer = await page.evaluateHandle((all) => {
    const t = new DataTransfer();
    for (const f of all)
      t.items.add(new File([Uint8Array.from(atob(f.base64), (c) => c.charCodeAt(0))], f.name));
    return t;
  }, files);
  for (const type of ["dragenter", "dragover", "drop"])
    await page.dispatchEvent(selector, type, { dataTransfer: transfer });
}

/** Colours have changed to the theme's, and nothing moves any more. */
export async function still(page: Page, theme?: string) {
  if (theme) await page.waitForFunction((t) => document.documentElement.dataset["theme"] === t, theme);
  await sleep(50);
  await page.waitForFunction(() =>
    document
      .getAnimations()
      .every((a) => a.playState !== "running" || a.effect?.getComputedTiming().iterations === Infinity),
  );
}

const focused = () => {
  const e = document.activeElement as HTMLElement;
  const r = e.getBoundingClientRect();
  const s = getComputedStyle(e);
  const cx = r.x + r.width / 2;
  const cy = r.y + r.height / 2;
  return {
    n: Number(e.dataset["walk"] ?? -1),
    name: `${e.tagName.toLowerCase()} “${(e.getAttribute("aria-label") ?? e.textContent ?? "").trim().slice(0, 50)}”`,
    isSeen: cx >= 0 && cy >= 0 && cx <= innerWidth && cy <= innerHeight,
    isMarked: (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none",
  };
};

/**
 * Presses Tab through all of a page (or of the dialog over it) and says what cannot be reached, what is
 * reached and cannot be seen, and where the focus does not show.
 */
export async function walk(page: Page): Promise<string[]> {
  const wanted = await page.evaluate(() => {
    const dialogs = document.querySelectorAll("dialog[open]");
    const root = dialogs[dialogs.length - 1] ?? document.body;
    const all = root.querySelectorAll<HTMLElement>(
      "a[href], button, input, select, textarea, summary, [tabindex]",
    );
    let n = 0;
    for (const e of all) {
      const isOff =
        e.matches(":disabled, [hidden], [tabindex='-1']") ||
        e.closest("[hidden], [popover]:not(:popover-open)");
      const r = e.getBoundingClientRect();
      if (isOff || r.width === 0 || r.height === 0 || !e.checkVisibility({ visibilityProperty: true }))
        continue;
      e.dataset["walk"] = String(n++);
    }
    (document.activeElement as HTMLElement | null)?.blur();
    if (root === document.body) window.getSelection()?.removeAllRanges();
    return n;
  });
  const seen = new Set<number>();
  const faults: string[] = [];
  let idle = 0;
  for (let i = 0; i < wanted * 2 + 20 && idle < 12; i++) {
    await page.keyboard.press("Tab");
    let at = await page.evaluate(focused);
    if (!at.isSeen || !at.isMarked) {
      await still(page); // what moves where the focus is has moved
      at = await page.evaluate(focused);
    }
    if (at.n < 0 || seen.has(at.n)) {
      idle++;
      continue;
    }
    idle = 0;
    seen.add(at.n);
    if (!at.isSeen) faults.push(`${at.name} has the focus out of sight`);
    if (!at.isMarked) faults.push(`${at.name} does not show its focus`);
  }
  if (seen.size < wanted)
    faults.push(
      ...(await page.evaluate(
        (known) =>
          [...document.querySelectorAll<HTMLElement>("[data-walk]")]
            .filter((e) => !known.includes(Number(e.dataset["walk"])))
            .slice(0, 8)
            .map((e) => `no Tab reaches ${e.outerHTML.slice(0, 140)}`),
        [...seen],
      )),
    );
  await page.evaluate(() => {
    for (const e of document.querySelectorAll<HTMLElement>("[data-walk]")) delete e.dataset["walk"];
  });
  return faults;
}
