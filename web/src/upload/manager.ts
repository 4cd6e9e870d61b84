// All files on their way, whatever page is shown: a few at a time, each with its state.
import { useSyncExternalStore } from "react";

import { ApiError, LOGGED_IN, session } from "../api/client";
import { actions } from "../api/queries";
import { queryClient } from "../live/use";
import { describeError } from "../ui/states";
import { Paused, tusForget, tusUpload } from "./tus";

export type UploadState = "queued" | "sending" | "waiting" | "paused" | "done" | "failed" | "unmatched";

export interface Upload {
  id: number;
  project: string;
  kind: "video" | "truth";
  file: File;
  /** Of a truth: whose it is. */
  videoId: string | null;
  state: UploadState;
  sent: number;
  bytesPerSecond: number | null;
  error: string | null;
  /** Of a truth that was taken: what came out of it. */
  note: string | null;
}

const AT_ONCE = 2;
let uploads: Upload[] = [];
let nextId = 1;
const listeners = new Set<() => void>();
const running = new Map<number, AbortController>();
let hasTus: boolean | null = null; // of this server, once known

function publish(next: Upload[]) {
  uploads = next;
  for (const l of listeners) l();
}

function change(id: number, patch: Partial<Upload>) {
  publish(uploads.map((u) => (u.id === id ? { ...u, ...patch } : u)));
}

function get(id: number) {
  return uploads.find((u) => u.id === id);
}

export function useUploads(project?: string): Upload[] {
  const all = useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    () => uploads,
  );
  return project ? all.filter((u) => u.project === project) : all;
}

export function addUpload(u: Pick<Upload, "project" | "kind" | "file" | "videoId">) {
  const state = u.kind === "truth" && !u.videoId ? "unmatched" : "queued";
  publish([
    ...uploads,
    { ...u, id: nextId++, state, sent: 0, bytesPerSecond: null, error: null, note: null },
  ]);
  pump();
}

export function assignTruth(id: number, videoId: string) {
  change(id, { videoId, state: "queued", error: null });
  pump();
}

/** Truth that came before its video: looks again, now that there are others. */
export function matchWaiting(project: string, match: (name: string) => { id: string } | null) {
  for (const u of uploads.filter((x) => x.project === project && x.state === "unmatched")) {
    const video = match(u.file.name);
    if (video) assignTruth(u.id, video.id);
  }
}

/** Whether files are still on their way whose rows the server does not have yet. */
export function hasVideosOnTheWay(project: string): boolean {
  return uploads.some(
    (u) => u.project === project && u.kind === "video" && u.state !== "done" && u.state !== "failed",
  );
}

export function pauseUpload(id: number) {
  change(id, { state: "paused", bytesPerSecond: null });
  running.get(id)?.abort();
}

export function resumeUpload(id: number) {
  change(id, { state: "queued", error: null });
  pump();
}

/** Takes it from the list; what the server has of it is deleted there. */
export function dropUpload(id: number) {
  const u = get(id);
  running.get(id)?.abort();
  publish(uploads.filter((x) => x.id !== id));
  if (u && u.state !== "done" && u.kind === "video") void tusForget(u.file, metadata(u));
}

export function clearDone(project: string) {
  publish(uploads.filter((u) => u.project !== project || u.state !== "done"));
}

function metadata(u: Upload): Record<string, string> {
  return { kind: "video", project_id: u.project, filename: u.file.name, filetype: u.file.type };
}

function pump() {
  for (const u of uploads) {
    if (running.size >= AT_ONCE) return;
    if (u.state === "queued" && !running.has(u.id)) void run(u.id);
  }
}

/** The server's whole-file form, where it has no tus: it cannot go on after a break. */
function sendWhole(u: Upload, signal: AbortSignal, onProgress: (n: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    x.open(
      "POST",
      `/api/v1/videos?project_id=${encodeURIComponent(u.project)}&name=${encodeURIComponent(u.file.name)}`,
    );
    x.setRequestHeader("Content-Type", u.file.type || "application/octet-stream");
    x.upload.onprogress = (e) => onProgress(e.loaded);
    signal.addEventListener("abort", () => x.abort());
    x.onabort = () => reject(new Paused());
    x.onerror = () => reject(new ApiError(0, "UNREACHABLE", "the connection broke"));
    x.onload = () => {
      if (x.status < 300) return resolve();
      let said: { error?: string; message?: string } = {};
      try {
        said = JSON.parse(x.responseText) as typeof said;
      } catch {
        // the status has to do
      }
      reject(new ApiError(x.status, said.error ?? "", said.message ?? x.statusText));
    };
    x.send(u.file);
  });
}

/** Why a file waits, and until when. */
function waitWords(e: ApiError): string {
  return e.status === 401
    ? "Your login has ended; goes on once you are logged in"
    : `${describeError(e).title}; goes on by itself`;
}

/** Why a file was not taken, and what can be done. */
function failWords(e: unknown): string {
  const d = describeError(e);
  if (!(e instanceof ApiError) || e.status === 0) return d.title;
  return e.status === 507
    ? `${d.title}: ${d.detail} Then try again: it goes on where it stopped.`
    : e.message;
}

async function sendVideo(u: Upload, signal: AbortSignal) {
  let from = { at: performance.now(), sent: 0 };
  const onProgress = (sent: number) => {
    const now = performance.now();
    const patch: Partial<Upload> = { sent, state: "sending", error: null };
    if (sent < from.sent) from = { at: now, sent };
    if (now - from.at > 800) {
      patch.bytesPerSecond = ((sent - from.sent) * 1000) / (now - from.at);
      from = { at: now, sent };
    }
    if (get(u.id)?.state !== "paused") change(u.id, patch);
  };
  if (hasTus !== false) {
    try {
      await tusUpload(
        {
          file: u.file,
          metadata: metadata(u),
          onProgress,
          onWaiting: (_, e) => change(u.id, { state: "waiting", bytesPerSecond: null, error: waitWords(e) }),
        },
        signal,
      );
      hasTus = true;
      return;
    } catch (e) {
      if (!(e instanceof ApiError && e.isMissingRoute)) throw e;
      hasTus = false;
    }
  }
  await sendWhole(u, signal, onProgress);
}

async function run(id: number) {
  const u = get(id)!;
  const stop = new AbortController();
  running.set(id, stop);
  change(id, { state: "sending", error: null });
  try {
    if (u.kind === "video") await sendVideo(u, stop.signal);
    else {
      const t = await actions.attachTruth(u.videoId!, u.file);
      change(id, { note: `${t.format} · ${t.objects} objects in ${t.frames} frames` });
      void queryClient.invalidateQueries({ queryKey: ["truths", u.videoId] });
    }
    change(id, { state: "done", sent: u.file.size, bytesPerSecond: null });
    void queryClient.invalidateQueries({ queryKey: ["videos", u.project] });
    void queryClient.invalidateQueries({ queryKey: ["stats"] });
  } catch (e) {
    if (e instanceof ApiError && e.status === 401) {
      session.onLoggedOut?.(); // not every way of sending has told
      change(id, { state: "waiting", error: waitWords(e) });
    } else if (e instanceof Paused) {
      if (get(id)?.state !== "queued") change(id, { state: "paused", bytesPerSecond: null });
    } else
      change(id, {
        state: "failed",
        bytesPerSecond: null,
        error: failWords(e),
      });
  } finally {
    running.delete(id);
    pump();
  }
}

export function hasUnfinished(): boolean {
  return uploads.some((u) => u.state === "sending" || u.state === "queued" || u.state === "waiting");
}

// What waits in tus.ts wakes there; the rest begins again.
function afterLogin() {
  for (const u of uploads)
    if (u.state === "waiting" && !running.has(u.id)) change(u.id, { state: "queued", error: null });
  pump();
}

if (typeof window !== "undefined") {
  window.addEventListener(LOGGED_IN, afterLogin);
  window.addEventListener("beforeunload", (e) => {
    if (hasUnfinished()) e.preventDefault();
  });
}
