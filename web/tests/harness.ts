// What the tests of the page share: the real server on a port and a folder of its own, Debian's Chromium,
// and the checks that every page has to pass.
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

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
    this.process = spawn(PROGRAM, args, { stdio: ["ignore", log, log] });
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

  async remove() {
    await this.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async ask<T>(path: string, init?: RequestInit): Promise<T> {
    const r = await fetch(this.url + path, init);
    if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`);
    return (await r.json()) as T;
  }
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
