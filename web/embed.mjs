// embed.mjs OUTPUT.c DEPFILE - builds the page and writes it as a C source: a table of its files, each
// as it is, as gzip and as brotli, over one .incbin of them all.
//
// Nothing is built where a build of exactly these sources stands in the user's cache
// ($XDG_CACHE_HOME/assay/page): other build directories and sanitizers' builds share it. node_modules is
// filled by `npm ci` only when package-lock.json has changed; `embed.mjs --modules` does just that, for tests.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const NOT_BUILT_FROM = new Set(["node_modules", "dist", "tests", "test-output"]);
const KEPT_BUILDS = 8;

const TYPES = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  woff2: "font/woff2",
  wasm: "application/wasm",
  webmanifest: "application/manifest+json",
};

function fail(message) {
  process.stderr.write(`page: ${message}\n`);
  process.exit(1);
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Every source's path, and every folder's, so that a new file is seen too. */
function sources(folder, found = { files: [], folders: [] }) {
  found.folders.push(folder);
  for (const e of readdirSync(folder, { withFileTypes: true })) {
    if (NOT_BUILT_FROM.has(e.name)) continue;
    const path = join(folder, e.name);
    if (e.isDirectory()) sources(path, found);
    else if (e.isFile()) found.files.push(path);
  }
  return found;
}

function run(program, args, env = {}) {
  try {
    execFileSync(program, args, {
      cwd: here,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      maxBuffer: 1 << 26,
    });
    return null;
  } catch (e) {
    return `${e.stdout ?? ""}${e.stderr ?? ""}` || e.message;
  }
}

function installModules(lock) {
  const mark = join(here, "node_modules", ".assay-lock");
  if (existsSync(mark) && readFileSync(mark, "utf8") === lock) return;
  const trouble = run("npm", [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--loglevel=error",
  ]);
  if (trouble)
    fail(
      `npm could not fetch what the page is built with: check the network and npm's registry and proxy settings, or build without the page (meson configure -Dpage=disabled)\n${trouble}`,
    );
  writeFileSync(mark, lock);
}

function listFiles(folder, under = folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((e) =>
      e.isDirectory() ? listFiles(join(folder, e.name), under) : [relative(under, join(folder, e.name))],
    );
}

/** Builds into *folder*: page.bin and page.json, the places of each file in it. */
function build(folder) {
  const dist = join(folder, "dist");
  const vite = join(here, "node_modules", "vite", "bin", "vite.js");
  const trouble = run(process.execPath, [vite, "build", "--logLevel", "warn"], {
    ASSAY_PAGE_OUT: dist,
    NODE_ENV: "production",
  });
  if (trouble) fail(`the page does not build\n${trouble}`);
  const parts = [];
  let at = 0;
  const put = (bytes) => {
    const place = { at, n: bytes.length };
    parts.push(bytes);
    at += bytes.length;
    return place;
  };
  const files = listFiles(dist).map((path) => {
    const bytes = readFileSync(join(dist, path));
    const type = TYPES[path.split(".").pop()];
    if (!type) fail(`${path}: no media type is known for this ending (web/embed.mjs)`);
    const gzip = gzipSync(bytes, { level: 9 });
    const brotli = brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    });
    const smaller = (packed) => (packed.length < bytes.length * 0.95 ? put(packed) : null);
    return {
      path,
      type,
      etag: sha256(bytes).slice(0, 24),
      bytes: put(bytes),
      gzip: smaller(gzip),
      brotli: smaller(brotli),
    };
  });
  rmSync(dist, { recursive: true });
  writeFileSync(join(folder, "page.bin"), Buffer.concat(parts));
  writeFileSync(join(folder, "page.json"), JSON.stringify(files));
}

function prune(cache) {
  const builds = readdirSync(cache)
    .map((name) => ({ path: join(cache, name), time: statSync(join(cache, name)).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const old of builds.slice(KEPT_BUILDS)) rmSync(old.path, { recursive: true, force: true });
}

/** The folder of a build of these sources. */
function built(hash, lock) {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "assay", "page");
  const folder = join(cache, hash);
  if (existsSync(join(folder, "page.json"))) {
    utimesSync(folder, new Date(), new Date());
    return folder;
  }
  installModules(lock);
  mkdirSync(cache, { recursive: true });
  const making = mkdtempSync(join(cache, ".new-"));
  try {
    build(making);
    renameSync(making, folder);
  } catch (e) {
    rmSync(making, { recursive: true, force: true });
    if (!existsSync(join(folder, "page.json"))) throw e; // another build was first
  }
  prune(cache);
  return folder;
}

function writeSource(output, from) {
  const bin = resolve(output.replace(/\.c$/, ".bin"));
  const bytes = readFileSync(join(from, "page.bin"));
  const files = JSON.parse(readFileSync(join(from, "page.json"), "utf8"));
  const place = (p) => (p ? `{${p.at}, ${p.n}}` : "{0, 0}");
  writeFileSync(bin, bytes);
  writeFileSync(
    output,
    `// made by web/embed.mjs
#include "api/page.h"

__asm__(".section .rodata\\n"
        ".balign 64\\n"
        ".global page_bytes\\n"
        ".hidden page_bytes\\n"
        "page_bytes:\\n"
        ".incbin \\"${bin.replace(/[\\"]/g, "\\\\\\$&")}\\"\\n"
        ".byte 0\\n"
        ".set page_sum_${sha256(bytes).slice(0, 16)}, 0\\n" // so that a compiler's cache sees another file
        ".text\\n");

const struct page_file page_files[] = {
${files
  .map(
    (f) =>
      `    {"${f.path}", "${f.type}", "${f.etag}", ${place(f.bytes)}, ${place(f.gzip)}, ${place(f.brotli)}},`,
  )
  .join("\n")}
    {0},
};
`,
  );
}

const lock = sha256(readFileSync(join(here, "package-lock.json")));
const [output, depfile] = process.argv.slice(2);
if (output === "--modules") {
  installModules(lock);
  process.exit(0);
}
if (!depfile) fail("usage: embed.mjs OUTPUT.c DEPFILE");
const { files, folders } = sources(here);
const hash = createHash("sha256");
for (const path of files.sort()) hash.update(`${relative(here, path)}\0${sha256(readFileSync(path))}\n`);
writeSource(output, built(hash.digest("hex").slice(0, 32), lock));
const quote = (path) => path.replace(/[ #$\\]/g, "\\$&");
writeFileSync(depfile, `${basename(output)}: ${[...files, ...folders].map(quote).join(" \\\n ")}\n`);
