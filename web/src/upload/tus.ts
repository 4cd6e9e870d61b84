// One file on its way to the server by tus 1.0: in one PATCH while the connection holds; after a break the
// server is asked how far it came. The address of an unfinished upload is kept, so that the same file
// dropped again, even after the browser was closed, goes on where it was.
import { ApiError, errorOf, LOGGED_IN, session } from "../api/client";

export const TUS = "1.0.0";
const KEY = "assay.upload.";
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 20_000;
const STALLED_MS = 45_000; // without a byte on its way: a connection that died in silence

export interface Place {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
}

export const browserPlace: Place = {
  get: (k) => {
    try {
      return localStorage.getItem(k);
    } catch {
      return null;
    }
  },
  set: (k, v) => {
    try {
      localStorage.setItem(k, v);
    } catch {
      // full or forbidden: no resuming after a reload, that is all
    }
  },
  remove: (k) => {
    try {
      localStorage.removeItem(k);
    } catch {
      // likewise
    }
  },
};

export interface TusOptions {
  file: File;
  /** kind, project_id, video_id ... : what the server makes of the file. */
  metadata: Record<string, string>;
  place?: Place;
  onProgress: (sent: number) => void;
  /** The connection broke; tried again after so many milliseconds. */
  onWaiting: (ms: number, error: ApiError) => void;
}

function base64(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

export function encodeMetadata(metadata: Record<string, string>): string {
  return Object.entries(metadata)
    .filter(([, v]) => v !== "")
    .map(([k, v]) => `${k} ${base64(v)}`)
    .join(",");
}

export function fingerprint(
  file: { name: string; size: number; lastModified: number },
  metadata: Record<string, string>,
): string {
  return `${KEY}${metadata["project_id"] ?? ""}/${metadata["video_id"] ?? ""}/${file.name}/${file.size}/${file.lastModified}`;
}

export class Paused extends Error {}

/** Of the errors, those after which it is worth trying again by itself. */
export function isPassing(e: ApiError): boolean {
  return (
    e.status === 0 ||
    e.status === 401 || // until somebody logs in again
    e.code === "CSRF" ||
    e.status === 408 ||
    e.status === 409 ||
    e.status === 423 ||
    e.status === 429 ||
    e.status === 503
  );
}

function headers(more: Record<string, string>): Record<string, string> {
  return { "Tus-Resumable": TUS, ...(session.csrf ? { "X-CSRF-Token": session.csrf } : {}), ...more };
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  let r: Response;
  try {
    r = await fetch(url, { credentials: "same-origin", ...init });
  } catch (e) {
    if (init.signal?.aborted) throw new Paused();
    throw new ApiError(0, "UNREACHABLE", "no answer from the server");
  }
  if (r.ok) return r;
  throw await errorOf(r, new URL(url, location.href).pathname);
}

/** PATCHes the rest; XHR, because fetch tells nothing of how far a body has gone. */
function patch(
  url: string,
  file: File,
  offset: number,
  signal: AbortSignal,
  onProgress: (sent: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    x.open("PATCH", url);
    for (const [k, v] of Object.entries(
      headers({ "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" }),
    ))
      x.setRequestHeader(k, v);
    let alive = Date.now();
    let isStalled = false;
    const watch = setInterval(() => {
      if (Date.now() - alive < STALLED_MS) return;
      isStalled = true;
      x.abort();
    }, 1000);
    x.upload.onprogress = (e) => {
      alive = e.loaded >= e.total ? Infinity : Date.now(); // all is sent: the server may take its time
      onProgress(offset + e.loaded);
    };
    const abort = () => x.abort();
    signal.addEventListener("abort", abort);
    const end = (call: () => void) => {
      signal.removeEventListener("abort", abort);
      clearInterval(watch);
      call();
    };
    x.onabort = () =>
      end(() => reject(isStalled ? new ApiError(0, "UNREACHABLE", "the connection died") : new Paused()));
    x.onerror = () => end(() => reject(new ApiError(0, "UNREACHABLE", "the connection broke")));
    x.onload = () =>
      end(() => {
        if (x.status >= 200 && x.status < 300) return resolve();
        let said: { error?: string; message?: string } = {};
        try {
          said = JSON.parse(x.responseText) as typeof said;
        } catch {
          // the status has to do
        }
        reject(
          new ApiError(
            x.status,
            said.error ?? `HTTP_${x.status}`,
            said.message ?? x.statusText,
            x.getResponseHeader("X-Request-ID"),
          ),
        );
      });
    x.send(offset === 0 ? file : file.slice(offset));
  });
}

async function create(o: TusOptions, signal: AbortSignal): Promise<string> {
  const r = await ask("/api/v1/uploads", {
    method: "POST",
    signal,
    headers: headers({ "Upload-Length": String(o.file.size), "Upload-Metadata": encodeMetadata(o.metadata) }),
  });
  const where = r.headers.get("Location");
  if (!where) throw new ApiError(502, "NO_LOCATION", "the server named no address for the upload");
  return new URL(where, location.href).pathname;
}

/** How many bytes the server has; null: it knows nothing of this upload any more. */
async function offsetOf(url: string, signal: AbortSignal): Promise<number | null> {
  try {
    const r = await ask(url, { method: "HEAD", signal, headers: headers({}), cache: "no-store" });
    const n = Number(r.headers.get("Upload-Offset"));
    return Number.isSafeInteger(n) ? n : null;
  } catch (e) {
    if (e instanceof ApiError && (e.status === 404 || e.status === 410 || e.status === 403)) return null;
    throw e;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = new AbortController(); // takes the listeners away
    const end = (then: () => void) => {
      clearTimeout(t);
      over.abort();
      then();
    };
    const t = setTimeout(() => end(resolve), ms);
    const how = { once: true, signal: over.signal };
    for (const event of ["online", LOGGED_IN]) globalThis.addEventListener?.(event, () => end(resolve), how);
    signal.addEventListener("abort", () => end(() => reject(new Paused())), how);
  });
}

/**
 * Sends the file and gives the id of what it became. Throws Paused when *signal* is aborted (call again
 * to go on), ApiError when the server refuses it.
 */
export async function tusUpload(o: TusOptions, signal: AbortSignal): Promise<string> {
  const place = o.place ?? browserPlace;
  const key = fingerprint(o.file, o.metadata);
  let wait = FIRST_WAIT_MS;
  let last = -1;
  for (;;) {
    try {
      let url = place.get(key);
      let offset = url ? await offsetOf(url, signal) : null;
      if (!url || offset === null) {
        url = await create(o, signal);
        offset = 0;
        place.set(key, url);
      }
      o.onProgress(offset);
      if (offset > last) wait = FIRST_WAIT_MS; // it went on: begin with short waits again
      last = offset;
      if (offset < o.file.size || o.file.size === 0) await patch(url, o.file, offset, signal, o.onProgress);
      place.remove(key);
      o.onProgress(o.file.size);
      return url.split("/").pop()!;
    } catch (e) {
      if (signal.aborted) throw new Paused();
      if (!(e instanceof ApiError) || !isPassing(e)) {
        if (e instanceof ApiError && e.status >= 400 && e.status < 500) place.remove(key);
        throw e;
      }
      if (e.status === 401) session.onLoggedOut?.();
      if (e.code === "CSRF") await session.renew?.().catch(() => undefined);
      o.onWaiting(wait, e);
      await pause(wait, signal);
      wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    }
  }
}

/** Tells the server that the rest will not come. */
export async function tusForget(file: File, metadata: Record<string, string>, place: Place = browserPlace) {
  const key = fingerprint(file, metadata);
  const url = place.get(key);
  place.remove(key);
  if (url) await fetch(url, { method: "DELETE", headers: headers({}) }).catch(() => undefined);
}
