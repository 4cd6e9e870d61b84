// The picture: a canvas over the player, with the pointer's gestures.
import { useEffect, useLayoutEffect, useRef, type PointerEvent, type RefObject } from "react";

import type { Video } from "../api/queries";
import type { View } from "./address";
import type { FrameClock } from "./clock";
import type { FrameStore } from "./frame";
import { Player, type Place, type PlayerState } from "./player";
import { frameUrl } from "./Review";

/** A gesture in pixels of the picture; *slack* is as near as a pointer can be. True: it is taken. */
export type EditPointer = (
  kind: "down" | "move" | "up",
  at: { x: number; y: number; slack: number },
) => boolean;

export interface Overlay {
  draw: (c: CanvasRenderingContext2D, place: Place, frame: number) => void;
  pick: (x: number, y: number) => void;
  edit: EditPointer;
}

interface Props {
  video: Video;
  clock: FrameClock;
  store: FrameStore;
  view: View;
  overlay: RefObject<Overlay>;
  isEditing: boolean;
  state: PlayerState | null;
  onPlayer: (p: Player | null) => void;
  onState: (s: PlayerState) => void;
  onView: (zoom: number, x: number, y: number) => void;
}

export function Stage({
  video,
  clock,
  store,
  view,
  overlay,
  isEditing,
  state,
  onPlayer,
  onState,
  onView,
}: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const element = useRef<HTMLVideoElement>(null);
  const player = useRef<Player | null>(null);
  const drag = useRef<{ x: number; y: number; moved: boolean; isEdit: boolean } | null>(null);
  const first = useRef(view);
  const viewChanged = useRef(onView);
  viewChanged.current = onView;

  useLayoutEffect(() => {
    const v = first.current;
    const p = new Player({
      video: element.current!,
      canvas: canvas.current!,
      clock,
      width: video.width,
      height: video.height,
      isTurned: video.rotation !== 0,
      frameUrl: (f, w) => frameUrl(video.id, f, w),
      firstFrame: v.frame,
      draw: (...a) => overlay.current?.draw(...a),
      onShown: (s) => store.set(s),
      onState,
      onView: (...a) => viewChanged.current(...a),
    });
    player.current = p;
    const fit = () => {
      const dpr = window.devicePixelRatio || 1;
      p.resize(Math.round(box.current!.clientWidth * dpr), Math.round(box.current!.clientHeight * dpr));
    };
    const seen = new ResizeObserver(fit);
    seen.observe(box.current!);
    fit();
    if (v.zoom > 1) p.setView(v.zoom, v.centreX, v.centreY);
    onPlayer(p);
    return () => {
      seen.disconnect();
      p.close();
      player.current = null;
      onPlayer(null);
    };
  }, [video.id, video.width, video.height, video.rotation, clock, store, overlay, onPlayer, onState]);

  useEffect(() => {
    const c = canvas.current!;
    const wheel = (e: WheelEvent) => {
      e.preventDefault();
      const at = pointOf(e);
      player.current?.zoomBy(Math.exp(-e.deltaY * (e.deltaMode === 1 ? 0.05 : 0.0018)), at);
    };
    c.addEventListener("wheel", wheel, { passive: false });
    return () => c.removeEventListener("wheel", wheel);
  }, []);

  const pointOf = (e: { clientX: number; clientY: number }) => {
    const r = canvas.current!.getBoundingClientRect();
    const dpr = window.devicePixelRatio || 1;
    return { x: (e.clientX - r.left) * dpr, y: (e.clientY - r.top) * dpr };
  };
  const editAt = (kind: "down" | "move" | "up", e: PointerEvent): boolean => {
    const p = player.current!;
    const c = pointOf(e);
    const at = p.toPicture(c.x, c.y);
    return overlay.current!.edit(kind, {
      ...at,
      slack: (8 * (window.devicePixelRatio || 1)) / p.place.scale,
    });
  };
  const down = (e: PointerEvent) => {
    if (!player.current || (e.button !== 0 && e.button !== 1)) return;
    canvas.current!.setPointerCapture(e.pointerId);
    const isEdit = e.button === 0 && !e.shiftKey && editAt("down", e);
    drag.current = { ...pointOf(e), moved: false, isEdit };
  };
  const move = (e: PointerEvent) => {
    const d = drag.current;
    if (!d) {
      if (isEditing) editAt("move", e);
      return;
    }
    if (d.isEdit) {
      editAt("move", e);
      return;
    }
    const to = pointOf(e);
    if (!d.moved && Math.hypot(to.x - d.x, to.y - d.y) < 4) return;
    player.current?.panBy(to.x - d.x, to.y - d.y);
    drag.current = { ...to, moved: true, isEdit: false };
  };
  const up = (e: PointerEvent) => {
    const d = drag.current;
    drag.current = null;
    if (!d) return;
    if (d.isEdit) editAt("up", e);
    else if (!d.moved && !isEditing) {
      const c = pointOf(e);
      const at = player.current!.toPicture(c.x, c.y);
      overlay.current!.pick(at.x, at.y);
    }
  };
  return (
    <div className={`rv-stage ${isEditing ? "editing" : ""}`} ref={box}>
      {/* eslint-disable-next-line jsx-a11y/media-has-caption */}
      <video
        ref={element}
        src={`/api/v1/videos/${video.id}/content`}
        preload="auto"
        playsInline
        muted
        tabIndex={-1}
        aria-hidden="true"
      />
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={`Picture of ${video.name} with its objects. Question mark lists the keys.`}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={() => (drag.current = null)}
        onDoubleClick={() => !isEditing && player.current?.setView(1, 0.5, 0.5)}
      />
      <div className="rv-stage-notes" role="status">
        {state?.videoError && (
          <span>
            {video.has_preview || video.is_playable ? "No video" : "No video yet"}: {state.videoError}. Single
            frames come from the server.
          </span>
        )}
        {state?.frameError && <span>This frame did not come from the server: {state.frameError}</span>}
        {state?.isWaiting && state.isPlaying && <span>Waiting for the video</span>}
      </div>
      {(state?.zoom ?? 1) > 1 && (
        <button
          type="button"
          className="button small rv-unzoom"
          onClick={() => player.current?.setView(1, 0.5, 0.5)}
        >
          {(state?.zoom ?? 1).toFixed(1)}× · fit
        </button>
      )}
    </div>
  );
}
