// Editing the truth on the picture: gestures, keys, the draft that outlives the page, saving, conflicts.
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { ApiError, send } from "../api/client";
import type { Truth as TruthVersion, Video } from "../api/queries";
import { toast } from "../ui/toast";
import type { FrameClock } from "./clock";
import type { ReviewData } from "./data";
import type { FrameStore } from "./frame";
import type { Place, Player } from "./player";
import type { EditPointer } from "./Stage";
import { Truth, checkCoco, type Box, type Change } from "./truth";

interface Options {
  video: Video;
  clock: FrameClock;
  isOn: boolean;
  store: FrameStore;
  player: Player | null;
  data: ReviewData | null;
  labels: string[];
}

export interface Conflict {
  mine: Change[];
  theirs: TruthVersion | null;
}

export interface Editing {
  isOn: boolean;
  truth: Truth | null;
  error: string | null;
  chosen: Box | null;
  label: string;
  labels: string[];
  isSaving: boolean;
  saveError: string | null;
  conflict: Conflict | null;
  version: number | null;
  /** Changes kept from an earlier visit. */
  draft: number;
  setLabel: (label: string) => void;
  relabel: (label: string, wholeTrack: boolean) => void;
  setTrack: (track: number) => void;
  remove: () => void;
  interpolate: () => void;
  undo: () => void;
  redo: () => void;
  save: () => Promise<void>;
  resolve: (how: "mine" | "theirs") => Promise<void>;
  draw: (c: CanvasRenderingContext2D, place: Place, frame: number) => void;
  pointer: EditPointer;
  key: (e: KeyboardEvent) => boolean;
}

interface Draft {
  etag: string;
  changes: Change[];
}

const keyOf = (video: string) => `assay.truth-draft.${video}`;

function readDraft(video: string): Draft | null {
  try {
    const v = JSON.parse(localStorage.getItem(keyOf(video)) ?? "null") as Draft | null;
    return v && Array.isArray(v.changes) ? v : null;
  } catch {
    return null;
  }
}

function writeDraft(video: string, d: Draft | null) {
  try {
    if (d) localStorage.setItem(keyOf(video), JSON.stringify(d));
    else localStorage.removeItem(keyOf(video));
  } catch {
    // full, or not allowed: the page still asks before it is left
  }
}

type Grip = "move" | "draw" | `${"n" | "s" | ""}${"w" | "e" | ""}`;
interface Rect {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** Which part of the box is held. */
export function gripOf(b: Rect, x: number, y: number, slack: number): Grip | null {
  if (x < b.x - slack || y < b.y - slack || x > b.x + b.w + slack || y > b.y + b.h + slack) return null;
  const near = (p: number, q: number) => Math.abs(p - q) <= slack;
  const vertical = near(y, b.y) ? "n" : near(y, b.y + b.h) ? "s" : "";
  const horizontal = near(x, b.x) ? "w" : near(x, b.x + b.w) ? "e" : "";
  return vertical || horizontal ? `${vertical}${horizontal}` : "move";
}

export function dragged(b: Rect, grip: Grip, dx: number, dy: number): Rect {
  if (grip === "move") return { ...b, x: b.x + dx, y: b.y + dy };
  const r = { ...b };
  if (grip === "draw") return { ...r, w: dx, h: dy };
  if (grip.includes("w")) {
    r.x += dx;
    r.w -= dx;
  }
  if (grip.includes("e")) r.w += dx;
  if (grip.startsWith("n")) {
    r.y += dy;
    r.h -= dy;
  }
  if (grip.startsWith("s")) r.h += dy;
  return r;
}

const round = (r: Rect): Rect => ({
  x: Math.round(r.x * 10) / 10, y: Math.round(r.y * 10) / 10, w: Math.round(r.w * 10) / 10, h: Math.round(r.h * 10) / 10,
}); // prettier-ignore

async function load(video: Video): Promise<{ truth: Truth; etag: string }> {
  const size = { width: video.width, height: video.height };
  try {
    const reply = await send(`/api/v1/videos/${video.id}/truth`);
    return { truth: new Truth(checkCoco(await reply.json()), size), etag: reply.headers.get("ETag") ?? "" };
  } catch (e) {
    if (e instanceof ApiError && e.status === 404) return { truth: Truth.empty(size), etag: "" };
    throw e;
  }
}

export function useTruthEditing(o: Options): Editing {
  const { video, clock, isOn, store, player, data } = o;
  const [truth, setTruth] = useState<Truth | null>(null);
  const [, setVersionOfState] = useState(0);
  const [chosenId, setChosen] = useState(-1);
  const [label, setLabel] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [isSaving, setSaving] = useState(false);
  const [saveError, setSaveError] = useState<string | null>(null);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const [version, setVersion] = useState<number | null>(null);
  const [draft, setDraft] = useState(0);
  const etag = useRef("");
  const drag = useRef<{ id: number; grip: Grip; from: Rect; x: number; y: number; now: Rect } | null>(null);
  const client = useQueryClient();
  const { id } = video;

  const changed = useCallback(() => {
    setVersionOfState((n) => n + 1);
    player?.invalidate();
  }, [player]);

  /** After each command: the draft is kept, the list and the timeline are judged anew. */
  const edited = useCallback(
    (t: Truth) => {
      const net = t.net();
      writeDraft(id, net.length > 0 && t.isChanged ? { etag: etag.current, changes: net } : null);
      if (data?.progress?.judge !== "session" && data?.progress?.done)
        void data.ask("truth", { boxes: t.all(), looked: [...t.frames], labels: t.labels }).catch(() => {});
      changed();
    },
    [id, data, changed],
  );

  useEffect(() => {
    if (!isOn || truth) return;
    let isOld = false;
    load(video)
      .then((l) => {
        if (isOld) return;
        etag.current = l.etag;
        const kept = readDraft(id);
        if (kept && kept.changes.length > 0) {
          const clashes = l.truth.rebase(kept.changes);
          setDraft(kept.changes.length);
          if (kept.etag !== l.etag)
            toast(
              `Your unsaved edits were laid over a newer version${clashes ? `; ${clashes} boxes differ` : ""}`,
              "info",
            );
        }
        setTruth(l.truth);
        setError(null);
      })
      .catch((e: Error) => !isOld && setError(e.message));
    return () => {
      isOld = true;
    };
  }, [isOn, truth, video, id]);

  useEffect(() => player?.invalidate(), [isOn, truth, chosenId, player]);

  // Nobody loses edits by closing the page without a word.
  const isChanged = truth?.isChanged ?? false;
  useEffect(() => {
    if (!isChanged) return;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [isChanged]);

  const chosen = truth && chosenId >= 0 ? (truth.get(chosenId) ?? null) : null;
  const labels = useMemo(
    () => [...new Set([...(truth?.labels ?? []), ...o.labels])],
    [truth, o.labels, truth?.changes],
  ); // eslint-disable-line
  const labelNow = label || chosen?.label || labels[0] || "object";

  const run = useCallback(
    (f: (t: Truth) => void) => {
      if (!truth) return;
      f(truth);
      edited(truth);
    },
    [truth, edited],
  );

  const interpolate = useCallback(() => {
    if (!truth) return;
    const b = truth.get(chosenId);
    if (!b) return;
    if (b.track === 0) {
      toast("Interpolating needs a track: give both boxes the same track number", "info");
      return;
    }
    const n = truth.interpolate(b.track, b.frame, (f) => clock.times[clock.clamp(f)]!);
    if (n === 0) toast("There is no later box of this track with frames between", "info");
    else toast(`${n} frames between were filled`);
    edited(truth);
  }, [truth, chosenId, clock, edited]);

  const step = useCallback(
    (undo: boolean) => {
      if (!truth) return;
      const c = undo ? truth.undo() : truth.redo();
      if (!c) return;
      const where = (c.changes[0]!.after ?? c.changes[0]!.before)!.frame;
      if (
        where !== store.get().frame &&
        !c.changes.some((x) => (x.after ?? x.before)!.frame === store.get().frame)
      )
        player?.goTo(where);
      edited(truth);
    },
    [truth, edited, player, store],
  );

  const put = useCallback(
    async (t: Truth, ifMatch: string) => {
      const reply = await send(
        `/api/v1/videos/${id}/truth?name=${encodeURIComponent("edited.json")}&format=coco`,
        {
          method: "PUT",
          body: JSON.stringify(t.toCoco()),
          headers: {
            "Content-Type": "application/json",
            ...(ifMatch ? { "If-Match": ifMatch } : { "If-None-Match": "*" }),
          },
        },
      );
      const made = (await reply.json()) as TruthVersion & { etag?: string | null };
      t.markSaved();
      writeDraft(id, null);
      setDraft(0);
      setVersion(made.version);
      setConflict(null);
      etag.current = made.etag ? `"${made.etag}"` : "";
      void client.invalidateQueries({ queryKey: ["truths", id] });
      void client.invalidateQueries({ queryKey: ["videos"] });
      toast(`Saved as version ${made.version} of the truth`);
    },
    [id, client],
  );

  const save = useCallback(async () => {
    if (!truth || !truth.isChanged || isSaving) return;
    setSaving(true);
    setSaveError(null);
    try {
      // The server refuses it where someone else has saved since.
      await put(truth, etag.current);
    } catch (e) {
      if (e instanceof ApiError && (e.status === 412 || e.status === 409)) {
        const list = await send(`/api/v1/videos/${id}/truth/versions?limit=1`)
          .then((r) => r.json() as Promise<{ items: TruthVersion[] }>)
          .catch(() => ({ items: [] }));
        setConflict({ mine: truth.net(), theirs: list.items[0] ?? null });
      } else setSaveError(e instanceof Error ? e.message : String(e));
    } finally {
      setSaving(false);
      changed();
    }
  }, [truth, isSaving, id, put, changed]);

  const resolve = useCallback(
    async (how: "mine" | "theirs") => {
      if (!truth || !conflict) return;
      setSaving(true);
      setSaveError(null);
      try {
        const l = await load(video);
        etag.current = l.etag;
        const clashes = how === "mine" ? l.truth.rebase(conflict.mine) : 0;
        setTruth(l.truth);
        setChosen(-1);
        setConflict(null);
        edited(l.truth);
        if (how === "mine")
          toast(
            clashes
              ? `Your edits lie over the newer version; ${clashes} boxes that both changed stand twice: look, then save`
              : "Your edits lie over the newer version: look, then save",
            "info",
          );
      } catch (e) {
        setSaveError(e instanceof Error ? e.message : String(e));
      } finally {
        setSaving(false);
      }
    },
    [truth, conflict, video, edited],
  );

  const pointer: EditPointer = useCallback(
    (kind, at) => {
      if (!isOn || !truth || player?.isPlaying) return false;
      const frame = store.get().frame;
      if (kind === "down") {
        const own = truth.get(chosenId);
        const held = own && own.frame === frame ? gripOf(own, at.x, at.y, at.slack) : null;
        const hit = held ? own! : truth.hit(frame, at.x, at.y, 0);
        const grip = held ?? (hit ? gripOf(hit, at.x, at.y, at.slack) : "draw");
        setChosen(hit?.id ?? -1);
        const from = hit ?? { x: at.x, y: at.y, w: 0, h: 0 };
        drag.current = { id: hit?.id ?? -1, grip: grip ?? "move", from, x: at.x, y: at.y, now: from };
        return true;
      }
      const d = drag.current;
      if (!d) return false;
      d.now = dragged(d.from, d.grip, at.x - d.x, at.y - d.y);
      if (kind === "up") {
        drag.current = null;
        if (d.id >= 0) truth.place(d.id, round(d.now));
        else if (Math.abs(d.now.w) >= at.slack / 2 && Math.abs(d.now.h) >= at.slack / 2) {
          const made = truth.draw(frame, round(d.now), labelNow, truth.newTrack());
          if (made) setChosen(made.id);
        }
        edited(truth);
      }
      player?.invalidate();
      return true;
    },
    [isOn, truth, player, store, chosenId, labelNow, edited],
  );

  const key = useCallback(
    (e: KeyboardEvent): boolean => {
      if (!isOn || !truth) return false;
      const command = e.ctrlKey || e.metaKey;
      const k = e.key.toLowerCase();
      if (command && k === "z") step(!e.shiftKey);
      else if (command && k === "y") step(false);
      else if (command && k === "s") void save();
      else if (e.altKey && e.key.startsWith("Arrow") && chosen) nudge(truth, chosen, e, edited);
      else if (command || e.altKey) return false;
      else if ((k === "delete" || k === "backspace") && chosen) run((t) => t.remove([chosen.id]));
      else if (k === "i") interpolate();
      else if (k === "b") {
        const w = video.width / 8;
        const h = video.height / 4;
        const made = truth.draw(store.get().frame, round({ x: (video.width - w) / 2, y: (video.height - h) / 2, w, h }), labelNow, truth.newTrack()); // prettier-ignore
        if (made) setChosen(made.id);
        edited(truth);
      } else if (k === "tab" && (e.target as HTMLElement).tagName === "CANVAS") {
        const all = truth.at(store.get().frame);
        const i = all.findIndex((b) => b.id === chosenId) + (e.shiftKey ? -1 : 1);
        const next = all[i];
        if (!next) {
          setChosen(-1);
          return false; // past the last one the focus goes on
        }
        setChosen(next.id);
      } else if (k === "escape" && chosen) setChosen(-1);
      else return false;
      return true;
    },
    [isOn, truth, chosen, chosenId, step, save, edited, run, interpolate, video, store, labelNow],
  );

  const draw = useCallback(
    (c: CanvasRenderingContext2D, place: Place, frame: number) => {
      if (!isOn || !truth) return;
      for (const b of truth.at(frame)) {
        const d = drag.current;
        drawBox(c, place, d?.id === b.id ? { ...b, ...d.now } : b, b.id === chosenId);
      }
      const d = drag.current;
      if (d && d.id < 0)
        drawBox(
          c,
          place,
          { ...d.now, id: -1, frame, label: labelNow, track: 0, isIgnored: false, isKey: true },
          true,
        );
    },
    [isOn, truth, chosenId, labelNow],
  );

  return useMemo(
    () => ({
      isOn: isOn && truth !== null, truth, error, chosen, label: labelNow, labels, isSaving, saveError, conflict, version,
      draft, setLabel,
      relabel: (l: string, whole: boolean) => {
        setLabel(l);
        if (chosen) run((t) => t.relabel(chosen.id, l, whole));
      },
      setTrack: (n: number) => chosen && run((t) => t.setTrack(chosen.id, n)),
      remove: () => chosen && run((t) => t.remove([chosen.id])),
      interpolate, undo: () => step(true), redo: () => step(false), save, resolve, draw, pointer, key,
    }),
    [isOn, truth, error, chosen, labelNow, labels, isSaving, saveError, conflict, version, draft, run, interpolate, step,
      save, resolve, draw, pointer, key],
  ); // prettier-ignore
}

function nudge(truth: Truth, b: Box, e: KeyboardEvent, edited: (t: Truth) => void) {
  const by = e.shiftKey ? 10 : 1;
  const dx = e.key === "ArrowLeft" ? -by : e.key === "ArrowRight" ? by : 0;
  const dy = e.key === "ArrowUp" ? -by : e.key === "ArrowDown" ? by : 0;
  truth.place(
    b.id,
    e.ctrlKey || e.metaKey ? { ...b, w: b.w + dx, h: b.h + dy } : { ...b, x: b.x + dx, y: b.y + dy },
  );
  edited(truth);
}

function drawBox(c: CanvasRenderingContext2D, place: Place, b: Box, isChosen: boolean) {
  const d = place.dpr;
  const [x, y, w, h] = [
    place.x + b.x * place.scale,
    place.y + b.y * place.scale,
    b.w * place.scale,
    b.h * place.scale,
  ];
  c.setLineDash(b.isIgnored ? [6 * d, 4 * d] : []);
  c.strokeStyle = "rgba(0,0,0,.6)";
  c.lineWidth = 4 * d;
  c.strokeRect(x, y, w, h);
  c.strokeStyle = isChosen ? "#ffe36e" : "#ffffff";
  c.lineWidth = (isChosen ? 2.5 : 1.5) * d;
  c.strokeRect(x, y, w, h);
  c.setLineDash([]);
  c.font = `${11 * d}px Inter, system-ui, sans-serif`;
  const words = `${b.label}${b.track > 0 ? ` #${b.track}` : ""}${b.isKey ? "" : " ·"}`;
  const width = c.measureText(words).width + 8 * d;
  c.fillStyle = isChosen ? "#ffe36e" : "rgba(255,255,255,.92)";
  c.fillRect(x - d, y - 17 * d, width, 16 * d);
  c.fillStyle = "#0a0d11";
  c.textBaseline = "middle";
  c.fillText(words, x + 3 * d, y - 8.5 * d);
  if (!isChosen) return;
  c.fillStyle = "#ffe36e";
  c.strokeStyle = "#0a0d11";
  c.lineWidth = d;
  for (const [hx, hy] of [
    [0, 0],
    [0.5, 0],
    [1, 0],
    [0, 0.5],
    [1, 0.5],
    [0, 1],
    [0.5, 1],
    [1, 1],
  ] as const) {
    // prettier-ignore
    const s = 7 * d;
    c.fillRect(x + hx * w - s / 2, y + hy * h - s / 2, s, s);
    c.strokeRect(x + hx * w - s / 2, y + hy * h - s / 2, s, s);
  }
}
