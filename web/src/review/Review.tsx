// The review page's state: the view (which is the address), the worker's answers, the player.
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { useLogin, useMay } from "../app/account";
import { Link, navigate, useQueryText } from "../app/router";
import { queries, type Video } from "../api/queries";
import { Button } from "../ui/Button";
import { formatShort } from "../ui/format";
import { Notice } from "../ui/states";
import { toast } from "../ui/toast";
import { RATES, USUAL_CONFIDENCE, readView, writeView, type View } from "./address";
import type { FrameClock } from "./clock";
import { FN, FP, TP } from "./columns";
import { latest, type ReviewData } from "./data";
import { EditBar } from "./EditBar";
import { Filters } from "./Filters";
import { FrameStore } from "./frame";
import { Keys } from "./Keys";
import { drawObjects, drawTrails, hitRow, type Look } from "./marks";
import { ObjectList } from "./ObjectList";
import { detectionsUrl, open, sourceOf } from "./opening";
import type { Place, Player, PlayerState } from "./player";
import type { Progress, QueryAnswer, Source, TimelineAnswer } from "./protocol";
import { ALL_OUTCOMES, type Filter, type SortKey } from "./query";
import { Stage, type Overlay } from "./Stage";
import { Thumbs, type Rect } from "./thumbs";
import { MAX_LANES, Timeline } from "./Timeline";
import { Transport } from "./Transport";
import { useTruthEditing } from "./editing";

const TRAIL = 40; // frames
const ADDRESS_MS = 300; // after the last change

interface Props {
  projectId: string;
  video: Video;
  clock: FrameClock;
  /** The clock is the server's, not a guess. */
  isExact: boolean;
}

/** The view and the address say the same: changes go out after a moment, links and "back" come in at once. */
function useView(): [View, (patch: Partial<View>) => void] {
  const text = useQueryText();
  const [view, setView] = useState(() => readView(new URLSearchParams(text)));
  const written = useRef(text);
  useEffect(() => {
    if (text === written.current) return;
    written.current = text;
    setView(readView(new URLSearchParams(text)));
  }, [text]);
  useEffect(() => {
    const timer = setTimeout(() => {
      const next = writeView(view);
      if (next === location.search) return;
      written.current = next;
      navigate(location.pathname + next, { replace: true, keepScroll: true });
    }, ADDRESS_MS);
    return () => clearTimeout(timer);
  }, [view]);
  const patch = useCallback((p: Partial<View>) => setView((v) => ({ ...v, ...p })), []);
  return [view, patch];
}

/** A worker that holds the objects of one session (or run) of the video. */
function useObjects(source: Source | null) {
  const [data, setData] = useState<ReviewData | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [error, setError] = useState<string | null>(null);
  const key = JSON.stringify(source);
  // What failed, for want of a login perhaps, is read again after the next login.
  const { logins } = useLogin();
  const [tries, setTries] = useState(0);
  const hasFailed = useRef(false);
  hasFailed.current = error !== null;
  useEffect(() => {
    if (hasFailed.current) setTries((n) => n + 1);
  }, [logins]);
  useEffect(() => {
    setProgress(null);
    setError(null);
    const wanted = JSON.parse(key) as Source | null;
    if (!wanted) {
      setData(null);
      return;
    }
    const { data: d, done } = open(wanted);
    let isOpen = true;
    d.onProgress = setProgress;
    if (d.progress) setProgress(d.progress);
    done.catch((e: Error) => isOpen && setError(e.message));
    setData(d);
    return () => {
      isOpen = false;
      d.close();
    };
  }, [key, tries]);
  return { data, progress, error };
}

export function Review({ projectId, video, clock, isExact }: Props) {
  const [view, patch] = useView();
  const [store] = useState(() => new FrameStore(clock.clamp(view.frame)));
  const [player, setPlayer] = useState<Player | null>(null);
  const [playerState, setPlayerState] = useState<PlayerState | null>(null);
  const [answer, setAnswer] = useState<QueryAnswer | null>(null);
  const [timeline, setTimeline] = useState<TimelineAnswer | null>(null);
  const [bins, setBins] = useState(0);
  const [showsKeys, setShowsKeys] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  const root = useRef<HTMLDivElement>(null);
  const mayEdit = useMay("editor", projectId);
  const sessions = useQuery(queries.sessions(projectId));
  const sessionVideos = useQuery({ ...queries.sessionVideos(view.session ?? ""), enabled: !!view.session });
  const restTask = sessionVideos.data?.find((v) => v.video_id === video.id)?.task_id ?? null;

  const source = useMemo(
    () => sourceOf(video.id, { session: view.session, task: view.task, version: view.version }),
    [video.id, view.session, view.task, view.version],
  );
  const { data, progress, error } = useObjects(source);
  const otherSource = useMemo(
    () => (view.other ? sourceOf(video.id, { session: view.other, task: null, version: null }) : null),
    [video.id, view.other],
  );
  const other = useObjects(otherSource);

  const labels = useMemo(() => progress?.labels.map((l) => l.text) ?? [], [progress?.labels.length]); // eslint-disable-line
  const otherLabels = useMemo(
    () => other.progress?.labels.map((l) => l.text) ?? [],
    [other.progress?.labels.length],
  ); // eslint-disable-line
  const frames = Math.max(clock.n, (progress?.lastFrame ?? 0) + 1);
  const from = view.from ?? 0;
  const to = Math.min(frames, (view.to ?? frames - 1) + 1);
  const gap = Math.max(2, Math.round((video.frame_rate ?? 25) / 2));

  // ---- the worker's answers: of questions that come faster, the newest only

  const askQuery = useMemo(
    () =>
      latest(
        async (q: {
          data: ReviewData;
          filter: Filter;
          sort: SortKey;
          descending: boolean;
          since: number;
        }) => {
          const { data: d, since, ...ask } = q;
          setAnswer(await d.ask("query", ask).catch(() => null));
          performance.measure("review: filter", { start: since });
        },
      ),
    [],
  );
  const askTimeline = useMemo(
    () =>
      latest(
        async (q: {
          data: ReviewData;
          filter: Filter;
          from: number;
          to: number;
          bins: number;
          gap: number;
        }) => {
          const { data: d, ...ask } = q;
          setTimeline(await d.ask("timeline", { ...ask, lanes: MAX_LANES }).catch(() => null));
        },
      ),
    [],
  );
  useEffect(() => {
    if (data && progress) {
      const since = performance.now();
      askQuery({ data, filter: view.filter, sort: view.sort, descending: view.descending, since });
    } else setAnswer(null);
  }, [data, progress, view.filter, view.sort, view.descending, askQuery]);
  useEffect(() => {
    if (data && progress && bins > 0) {
      // Whole frames a bin, or regular videos show patterns that are not theirs.
      const each = Math.ceil((to - from) / bins);
      const n = Math.ceil((to - from) / each);
      askTimeline({ data, filter: view.filter, from, to: from + n * each, bins: n, gap });
    } else setTimeline(null);
  }, [data, progress, view.filter, from, to, bins, gap, askTimeline]);

  const isLow = view.filter.confidence < USUAL_CONFIDENCE;
  const wantsRest = isLow && progress?.done === true && progress.judge === "session" && restTask !== null;
  useEffect(() => {
    if (wantsRest && data)
      void data
        .ask("rest", { url: detectionsUrl(video.id, restTask), least: USUAL_CONFIDENCE })
        .catch((e: Error) => toast(e.message, "bad"));
  }, [wantsRest, data, video.id, restTask]);

  // ---- the picture

  const editing = useTruthEditing({ video, clock, isOn: view.editing, store, player, data, labels });
  const looks = useRef<{ look: Look; other: Look }>(null!);
  const look: Look = {
    filter: view.filter, labels, names: view.names && !editing.isOn, truth: view.truth, trails: view.trails, row: view.row, isOther: false,
  }; // prettier-ignore
  looks.current = { look, other: { ...look, labels: otherLabels, isOther: true, row: -1, trails: false } };

  const drawOver = useCallback(
    (c: CanvasRenderingContext2D, place: Place, frame: number) => {
      const { look: l, other: o } = looks.current;
      c.save();
      if (editing.isOn) c.globalAlpha = 0.35;
      const second = other.data?.at(frame);
      if (second) drawObjects(c, place, ...second, o);
      const now = data?.at(frame);
      let n = 0;
      if (now && data) {
        if (l.trails) {
          const steps: [NonNullable<typeof now>[0], number, number][] = [];
          for (let f = frame; f > frame - TRAIL && f >= 0; f--) {
            const s = data.at(f);
            if (s) steps.push(s);
          }
          drawTrails(c, place, steps, l);
        }
        n = drawObjects(c, place, ...now, l);
      }
      c.restore();
      c.canvas.dataset["objects"] = now ? String(n) : "";
      editing.draw(c, place, frame);
    },
    [data, other.data, editing],
  );
  const overlay = useRef<Overlay>(null!);
  overlay.current = {
    draw: drawOver,
    pick: (x, y) => {
      const frame = store.get().frame;
      const now = data?.at(frame);
      const row = now ? hitRow(...now, x, y, looks.current.look) : -1;
      patch({ row });
    },
    edit: editing.pointer,
  };
  useEffect(
    () => player?.invalidate(),
    [player, drawOver, view.filter, view.row, view.names, view.truth, view.trails, labels, otherLabels],
  );
  useEffect(() => {
    if (data) data.onWindow = () => player?.invalidate();
    if (other.data) other.data.onWindow = () => player?.invalidate();
  }, [data, other.data, player]);

  // What the address says of the frame, when it comes from outside.
  const shownByUs = useRef(view.frame);
  useEffect(() => {
    if (!player || view.frame === shownByUs.current) return;
    shownByUs.current = view.frame;
    player.goTo(view.frame);
  }, [player, view.frame]);
  const timer = useRef(0);
  useEffect(() => {
    const changed = () => {
      const s = store.get();
      data?.prefetch(s.frame);
      other.data?.prefetch(s.frame);
      clearTimeout(timer.current);
      timer.current = window.setTimeout(() => {
        shownByUs.current = store.get().frame;
        patch({ frame: store.get().frame });
      }, 200);
    };
    data?.prefetch(store.get().frame);
    return store.subscribe(changed);
  }, [store, data, other.data, patch]);

  useEffect(() => player?.setRate(view.rate), [player, view.rate]);
  const go = useCallback((frame: number) => player?.goTo(frame), [player]);
  const pick = useCallback(
    (row: number, frame: number) => {
      patch({ row });
      player?.pause();
      player?.goTo(frame);
    },
    [player, patch],
  );
  const nextError = useCallback(
    async (direction: 1 | -1) => {
      if (!data || !player) return;
      const p = await data.ask("next", {
        filter: view.filter,
        row: view.row,
        frame: player.target,
        direction,
      });
      if (p.n === 0)
        toast(direction > 0 ? "No more errors after this one" : "No errors before this one", "info");
      else pick(p.row[0]!, p.frame[0]!);
    },
    [data, player, view.filter, view.row, pick],
  );
  const setFilter = useCallback(
    (f: Partial<Filter>) => patch({ filter: { ...view.filter, ...f } }),
    [patch, view.filter],
  );
  const sortBy = useCallback(
    (sort: SortKey) =>
      patch(
        view.sort === sort
          ? { descending: !view.descending }
          : { sort, descending: sort !== "time" && sort !== "label" },
      ),
    [patch, view.sort, view.descending],
  );
  const full = useCallback(() => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else
      void root.current
        ?.requestFullscreen()
        .catch(() => toast("This browser does not allow full screen here", "info"));
  }, []);

  // ---- keys

  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (!player || e.defaultPrevented || document.querySelector("dialog[open]")) return;
      const at = e.target as HTMLElement;
      const isText = at.matches("input:not([type=range]):not([type=checkbox]), textarea, select");
      if (isText) return;
      if (editing.key(e)) {
        e.preventDefault();
        return;
      }
      const isButton = at.matches("button, a, input, [role=option]");
      const left = e.key === "ArrowLeft";
      const arrow = left || e.key === "ArrowRight";
      const slider = at.matches("input[type=range]");
      const sign = left ? -1 : 1;
      const toggle = (o: number) => {
        const bits = (view.filter.outcomes & 14) ^ (1 << o);
        setFilter({ outcomes: bits === 0 || bits === 14 ? ALL_OUTCOMES : bits | (1 << 4) });
      };
      const rate = (by: number) => {
        const next = RATES[RATES.indexOf(view.rate) + by];
        if (next) patch({ rate: next });
      };
      const threshold = (by: number) =>
        setFilter({
          confidence: Math.max(0, Math.min(1, Math.round((view.filter.confidence + by) * 100) / 100)),
        });
      const command = e.ctrlKey || e.metaKey;
      const pan = 60;
      const actions: Record<string, () => void> = {
        " ": () => player.toggle(),
        n: () => void nextError(1),
        p: () => void nextError(-1),
        f: full,
        "?": () => setShowsKeys(true),
        "/": () => search.current?.focus(),
        "+": () => player.zoomBy(1.5, null),
        "=": () => player.zoomBy(1.5, null),
        "-": () => player.zoomBy(1 / 1.5, null),
        "0": () => player.setView(1, 0.5, 0.5),
        t: () => patch({ truth: !view.truth }),
        l: () => patch({ names: !view.names }),
        r: () => patch({ trails: !view.trails }),
        e: () => mayEdit && patch({ editing: !view.editing, version: null }),
        "1": () => toggle(FP),
        "2": () => toggle(FN),
        "3": () => toggle(TP),
        "[": () => threshold(-0.05),
        "]": () => threshold(0.05),
        ",": () => rate(-1),
        ".": () => rate(1),
        Home: () => player.goTo(0),
        End: () => player.goTo(clock.n - 1),
      };
      let act: (() => void) | undefined;
      if (arrow && !slider) {
        if (e.altKey) act = () => player.panBy(-sign * pan, 0);
        else if (command) act = () => player.stepSeconds(sign);
        else act = () => player.step(e.shiftKey ? sign * 10 : sign);
      } else if (command && (e.key === "ArrowUp" || e.key === "ArrowDown"))
        act = () => player.panBy(0, e.key === "ArrowUp" ? pan : -pan);
      else if (!command && !e.altKey && !(isButton && e.key === " ")) act = actions[e.key];
      if (!act || (slider && (e.key === "Home" || e.key === "End"))) return;
      e.preventDefault();
      act();
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, [player, view, setFilter, nextError, full, patch, editing, mayEdit, clock]);

  // ---- around

  const isListed = answer !== null && (progress?.rows ?? 0) > 0;
  const isDone = answer !== null && progress?.done === true;
  useEffect(() => {
    if (isListed) performance.mark("review: listed");
  }, [isListed]);
  useEffect(() => {
    if (isDone) performance.mark("review: complete");
  }, [isDone]);
  const [thumbs, setThumbs] = useState<Thumbs | null>(null);
  useEffect(() => {
    const size = { width: video.width, height: video.height };
    const t = new Thumbs((f, w, crop) => frameUrl(video.id, f, w, crop), size, { width: 88, height: 80 });
    setThumbs(t);
    return () => t.close();
  }, [video.id, video.width, video.height, data]);
  const chooseSession = (id: string) => patch({ session: id || null, task: null, row: -1 });
  const judgeWords = progress?.isUnseen
    ? progress.judge === "page"
      ? "No model has looked at this video: all that its truth holds counts as missed."
      : progress.done
        ? "No model has looked at this video, and it has no truth."
        : null
    : progress?.judge === "session"
      ? null
      : progress?.judge === "page"
        ? `Judged on this page against ${view.version === null ? "the newest truth" : `version ${view.version} of the truth`} (IoU ≥ 0.5, class by class), not by a session.${progress.unjudged > 0 ? ` ${progress.unjudged} frames that the truth does not speak of are left out.` : ""}`
        : progress?.done
          ? "Nothing was judged: this video has no truth, or no session has looked at it."
          : null;

  return (
    <div
      className="rv"
      ref={root}
      data-bytes={(progress?.bytes ?? 0) + (data?.bytes ?? 0)}
      data-done={isDone}
    >
      <header className="rv-head-line">
        <nav className="crumbs" aria-label="Breadcrumb">
          <Link to={`/projects/${projectId}`}>Project</Link>
        </nav>
        <h1 className="cut" title={video.name}>
          {video.name}
        </h1>
        <label className="row rv-session">
          <span className="tiny faint">Session</span>
          <select
            className="select"
            value={view.session ?? ""}
            onChange={(e) => chooseSession(e.target.value)}
          >
            <option value="">none: newest detections</option>
            {view.session && !sessions.data?.some((s) => s.id === view.session) && (
              <option value={view.session}>{view.session}</option>
            )}
            {sessions.data?.map((s) => (
              <option key={s.id} value={s.id}>
                {s.name || s.model || s.id}
              </option>
            ))}
          </select>
        </label>
        {view.version !== null && !view.session && (
          <span className="badge">
            Version {view.version} of the truth
            <button
              type="button"
              className="rv-only"
              onClick={() => patch({ version: null, row: -1 })}
              aria-label="Show the newest version"
            >
              ×
            </button>
          </span>
        )}
        {view.other && (
          <span className="badge">
            B overlaid
            <button
              type="button"
              className="rv-only"
              onClick={() => patch({ other: null })}
              aria-label="Take session B away"
            >
              ×
            </button>
          </span>
        )}
        <span className="grow" />
        <span className="tiny faint nowrap" role="status">
          {progress
            ? `${formatShort(progress.rows)} objects${progress.done ? "" : ", loading"}`
            : error
              ? ""
              : "loading"}
        </span>
        {mayEdit && (
          <Button
            small
            icon="edit"
            aria-pressed={view.editing}
            onClick={() => patch({ editing: !view.editing, version: null })}
          >
            {view.editing ? "End editing" : "Edit truth"}
          </Button>
        )}
      </header>
      {view.editing && <EditBar editing={editing} video={video} />}
      <div className="rv-body">
        <div className="rv-left">
          {isExact ? (
            <Stage
              video={video}
              clock={clock}
              store={store}
              view={view}
              overlay={overlay}
              isEditing={editing.isOn}
              onPlayer={setPlayer}
              onState={setPlayerState}
              onView={(zoom, centreX, centreY) => patch({ zoom, centreX, centreY })}
              state={playerState}
            />
          ) : (
            <div className="rv-stage" aria-busy="true" />
          )}
          <Transport
            player={player}
            state={playerState}
            store={store}
            clock={clock}
            rate={view.rate}
            trails={view.trails}
            names={view.names}
            truth={view.truth}
            onRate={(rate) => patch({ rate })}
            onToggle={(w) => patch({ [w]: !view[w] })}
            onError={(d) => void nextError(d)}
            onFull={full}
            onKeys={() => setShowsKeys(true)}
          />
          <Timeline
            answer={timeline}
            frames={frames}
            clock={clock}
            store={store}
            from={from}
            to={to}
            hasOutcomes={progress?.hasOutcomes ?? true}
            onView={(r) => patch({ from: r?.[0] ?? null, to: r?.[1] ?? null })}
            onGo={go}
            onWidth={setBins}
          />
        </div>
        <div className="rv-right">
          <Filters
            filter={view.filter}
            progress={progress}
            answer={answer}
            labels={labels}
            floor={progress?.judge === "session" ? USUAL_CONFIDENCE : null}
            isFull={restTask !== null}
            onChange={setFilter}
            searchRef={search}
          />
          {view.from !== null && view.to !== null && (
            <label className="rv-line tiny">
              <input
                type="checkbox"
                checked={view.filter.from !== null}
                onChange={(e) =>
                  setFilter(e.target.checked ? { from: view.from, to: view.to } : { from: null, to: null })
                }
              />
              Only the stretch that the timeline shows
            </label>
          )}
          {error && (
            <Notice kind="bad" role="alert">
              {error}
            </Notice>
          )}
          {judgeWords && <p className="rv-judge tiny faint">{judgeWords}</p>}
          {data && thumbs && (
            <ObjectList
              data={data}
              answer={answer}
              labels={labels}
              confidence={view.filter.confidence}
              clock={clock}
              thumbs={thumbs}
              row={view.row}
              frame={view.frame}
              isDone={isDone}
              sort={view.sort}
              descending={view.descending}
              onSort={sortBy}
              onPick={pick}
            />
          )}
        </div>
      </div>
      {showsKeys && <Keys onClose={() => setShowsKeys(false)} />}
    </div>
  );
}

/** *width* 0: as wide as it is. *crop*: only that part, whole pixels within the picture. */
export function frameUrl(video: string, frame: number, width: number, crop?: Rect) {
  const ask = [width ? `width=${width}` : "", crop ? `crop=${crop.x},${crop.y},${crop.w},${crop.h}` : ""];
  const query = ask.filter(Boolean).join("&");
  return `/api/v1/videos/${video}/frames/${frame}.jpg${query ? `?${query}` : ""}`;
}
