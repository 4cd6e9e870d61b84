// The list of objects: as many rows in the page as are seen, however many there are.
import { memo, useCallback, useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";

import { FN } from "./columns";
import type { FrameClock } from "./clock";
import { clockText } from "./clock";
import type { ReviewData } from "./data";
import { marks } from "./marks";
import type { Pack, QueryAnswer } from "./protocol";
import type { SortKey } from "./query";
import { barOf, clampTop, innerHeight, reveal, topOf, visible, type Scrolling } from "./scrolling";
import { outcomeAt } from "./table";
import type { Thumbs } from "./thumbs";

const ROW = 52;
const PAGE = 64; // rows that are asked for at once
const PAGES = 24; // that are kept
const SETTLE_MS = 120; // before a crop is asked for

interface Props {
  data: ReviewData;
  answer: QueryAnswer | null;
  labels: string[];
  confidence: number;
  clock: FrameClock;
  thumbs: Thumbs;
  row: number;
  /** The one that is looked at: the list goes along where it is in the order of time. */
  frame: number;
  isDone: boolean;
  sort: SortKey;
  descending: boolean;
  onSort: (key: SortKey) => void;
  onPick: (row: number, frame: number) => void;
}

const columns: { key: SortKey; name: string; label: string }[] = [
  { key: "time", name: "Time", label: "time" },
  { key: "label", name: "Label", label: "label" },
  { key: "confidence", name: "Conf.", label: "confidence" },
  { key: "size", name: "Size", label: "size" },
  { key: "iou", name: "IoU", label: "overlap" },
];

/** Rows of the present answer, page by page; what an older answer brings is dropped. */
function usePages(data: ReviewData, answer: QueryAnswer | null) {
  const pages = useRef(new Map<number, Pack>());
  const old = useRef(new Map<number, Pack>());
  const asked = useRef(new Set<number>());
  const version = useRef(-1);
  const [, setCame] = useState(0);
  if (answer && version.current !== answer.version) {
    version.current = answer.version;
    if (pages.current.size > 0) old.current = pages.current; // shown until the new ones are there
    pages.current = new Map();
    asked.current = new Set();
  }
  const ask = useCallback(
    (first: number, last: number) => {
      if (!answer) return;
      for (let k = Math.floor(first / PAGE); k * PAGE < last; k++) {
        if (pages.current.has(k) || asked.current.has(k)) continue;
        asked.current.add(k);
        const v = answer.version;
        data
          .ask("rows", { version: v, from: k * PAGE, to: (k + 1) * PAGE })
          .then((p) => {
            if (!p || v !== version.current) return;
            pages.current.set(k, p);
            if (pages.current.size > PAGES) {
              const oldest = pages.current.keys().next().value!;
              pages.current.delete(oldest);
              asked.current.delete(oldest);
            }
            setCame((n) => n + 1);
          })
          .catch(() => {});
      }
    },
    [data, answer],
  );
  const at = (i: number): [Pack, number] | null => {
    const p = pages.current.get(Math.floor(i / PAGE)) ?? old.current.get(Math.floor(i / PAGE));
    return p && i % PAGE < p.n ? [p, i % PAGE] : null;
  };
  return { ask, at };
}

export function ObjectList(props: Props) {
  const { data, answer, row, frame, isDone, onPick, sort, descending } = props;
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const expected = useRef(-1); // where we put the bar ourselves
  const topNow = useRef(0);
  const n = answer?.n ?? 0;
  const s: Scrolling = { rows: n, rowHeight: ROW, window: height };
  const sNow = useRef(s);
  sNow.current = s;
  const { ask, at } = usePages(data, answer);

  const moveTo = useCallback((wanted: number) => {
    const to = clampTop(sNow.current, wanted);
    topNow.current = to;
    setTop(to);
    if (box.current) {
      expected.current = Math.round(barOf(sNow.current, to));
      box.current.scrollTop = expected.current;
    }
  }, []);

  useLayoutEffect(() => {
    const e = box.current!;
    const seen = new ResizeObserver(() => setHeight(e.clientHeight));
    seen.observe(e);
    // Beyond the limit a turn of the wheel would jump over thousands of rows.
    const wheel = (ev: WheelEvent) => {
      if (innerHeight(sNow.current) === sNow.current.rows * ROW) return;
      ev.preventDefault();
      moveTo(topNow.current + ev.deltaY * (ev.deltaMode === 1 ? ROW : 1));
    };
    e.addEventListener("wheel", wheel, { passive: false });
    return () => {
      seen.disconnect();
      e.removeEventListener("wheel", wheel);
    };
  }, [moveTo]);

  // Fewer rows than before: the place must stay within them.
  useEffect(() => {
    if (topNow.current > clampTop(s, topNow.current)) moveTo(topNow.current);
  }, [n]); // eslint-disable-line

  // The row that was chosen elsewhere comes into view.
  useEffect(() => {
    if (row < 0 || !answer) return;
    let isOld = false;
    void data
      .ask("place", { version: answer.version, row })
      .then((i) => {
        if (!isOld && i >= 0) moveTo(reveal(sNow.current, topNow.current, i));
      })
      .catch(() => {});
    return () => {
      isOld = true;
    };
  }, [row, answer, data, moveTo]);

  // So do the rows of the frame that is looked at, unless some of them are seen already.
  const isFollowing = isDone && sort === "time" && answer !== null;
  const version = useRef(-1);
  version.current = answer?.version ?? -1;
  useEffect(() => {
    if (!isFollowing) return;
    let isOld = false;
    void data
      .ask("placeOfFrame", { version: version.current, frame, descending })
      .then(([from, to]) => {
        if (isOld || from < 0) return;
        const [a, b] = visible(sNow.current, topNow.current, 0);
        if (Math.max(a, from) >= Math.min(b, to)) moveTo(from * ROW);
      })
      .catch(() => {});
    return () => {
      isOld = true;
    };
  }, [isFollowing, descending, frame, data, moveTo]);

  const [first, last] = visible(s, top, 4);
  useEffect(() => ask(first, last), [ask, first, last]);

  const scrolled = () => {
    const bar = box.current!.scrollTop;
    if (Math.abs(bar - expected.current) <= 1) {
      expected.current = -1;
      return;
    }
    topNow.current = clampTop(s, topOf(s, bar));
    setTop(topNow.current);
  };

  const pickAt = (i: number) => {
    const found = at(i);
    if (found) onPick(found[0].row[found[1]]!, found[0].frame[found[1]]!);
  };
  const placeOfChosen = () => {
    for (let i = first; i < last; i++) {
      const f = at(i);
      if (f && f[0].row[f[1]] === row) return i;
    }
    return -1;
  };
  const onKey = (e: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / ROW) - 1);
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const by = moves[e.key];
    let to: number;
    const chosen = placeOfChosen();
    if (by !== undefined) to = chosen < 0 ? Math.ceil(top / ROW) : chosen + by;
    else if (e.key === "Home") to = 0;
    else if (e.key === "End") to = n - 1;
    else return;
    e.preventDefault();
    e.stopPropagation();
    to = Math.max(0, Math.min(n - 1, to));
    moveTo(reveal(s, topNow.current, to));
    if (at(to)) pickAt(to);
    else if (answer)
      void data.ask("rows", { version: answer.version, from: to, to: to + 1 }).then((p) => {
        if (p?.n) onPick(p.row[0]!, p.frame[0]!);
      });
  };

  const rows = [];
  for (let i = first; i < last; i++) rows.push(i);
  const offset = barOf(s, top) - top; // of the rows against the bar's own measure
  return (
    <section className="rv-list" aria-label="Objects">
      <div className="rv-list-head" role="group" aria-label="Sort by">
        {columns.map((c) => (
          <button
            key={c.key}
            type="button"
            className={`rv-sort ${c.key}`}
            aria-pressed={sort === c.key}
            aria-label={`Sort by ${c.label}${sort === c.key ? (descending ? ", falling" : ", rising") : ""}`}
            onClick={() => props.onSort(c.key)}
          >
            {c.name}
            {sort === c.key && <span aria-hidden="true">{descending ? " ↓" : " ↑"}</span>}
          </button>
        ))}
      </div>
      <div
        className="rv-rows"
        ref={box}
        role="listbox"
        tabIndex={0}
        aria-label={`${n} objects`}
        aria-activedescendant={row >= 0 && placeOfChosen() >= 0 ? `rv-row-${row}` : undefined}
        onScroll={scrolled}
        onKeyDown={onKey}
        data-rows={n}
        data-version={answer?.version ?? -1}
      >
        <div style={{ height: innerHeight(s), position: "relative" }} role="presentation">
          {rows.map((i) => {
            const f = at(i);
            return (
              <div
                key={i % (last - first + 8)}
                className="rv-slot"
                role="presentation"
                style={{ transform: `translateY(${Math.round(i * ROW + offset)}px)` }}
              >
                {f ? (
                  <ListRow
                    id={f[0].row[f[1]]!}
                    frame={f[0].frame[f[1]]!}
                    is={
                      outcomeAt(f[0].outcome[f[1]]!, f[0].confidence[f[1]]!, props.confidence) ||
                      f[0].outcome[f[1]]!
                    }
                    label={props.labels[f[0].label[f[1]]!] ?? "?"}
                    track={f[0].track[f[1]]!}
                    conf={f[0].confidence[f[1]]!}
                    iou={f[0].iou[f[1]]!}
                    x={f[0].x[f[1]]!}
                    y={f[0].y[f[1]]!}
                    w={f[0].w[f[1]]!}
                    h={f[0].h[f[1]]!}
                    isChosen={f[0].row[f[1]] === row}
                    isNow={f[0].frame[f[1]] === frame}
                    place={i}
                    total={n}
                    clock={props.clock}
                    thumbs={props.thumbs}
                    onPick={onPick}
                  />
                ) : (
                  <div className="rv-row waiting" aria-hidden="true" />
                )}
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}

interface RowProps {
  id: number;
  frame: number;
  is: number;
  label: string;
  track: number;
  conf: number;
  iou: number;
  x: number;
  y: number;
  w: number;
  h: number;
  isChosen: boolean;
  isNow: boolean;
  place: number;
  total: number;
  clock: FrameClock;
  thumbs: Thumbs;
  onPick: (row: number, frame: number) => void;
}

const ListRow = memo(function ListRow(p: RowProps) {
  const m = marks[p.is];
  const isMiss = p.is === FN;
  const size = Math.round(Math.sqrt(p.w * p.h));
  const seconds = p.frame < p.clock.n ? clockText(p.clock.secondsOf(p.frame)) : "";
  return (
    <div
      id={`rv-row-${p.id}`}
      className={`rv-row ${p.isChosen ? "chosen" : ""} ${p.isNow ? "now" : ""}`}
      role="option"
      aria-selected={p.isChosen}
      aria-posinset={p.place + 1}
      aria-setsize={p.total}
      aria-label={`${m?.name ?? ""} ${p.label}, frame ${p.frame}${isMiss ? "" : `, confidence ${p.conf.toFixed(2)}`}`}
      onClick={() => p.onPick(p.id, p.frame)}
      data-row={p.id}
    >
      <Crop {...p} />
      <span className={`rv-mark o${p.is}`}>{m?.short}</span>
      <span className="rv-what">
        <b className="cut">
          {p.label}
          {p.track > 0 && <span className="faint"> #{p.track}</span>}
        </b>
        <span className="faint tiny">
          {seconds} · frame {p.frame}
        </span>
      </span>
      <span className="rv-n">{isMiss ? "–" : p.conf.toFixed(2)}</span>
      <span className="rv-n">{size}</span>
      <span className="rv-n">{p.iou > 0 ? p.iou.toFixed(2) : "–"}</span>
    </div>
  );
});

function Crop({ id, frame, x, y, w, h, thumbs }: RowProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const c = canvas.current!.getContext("2d")!;
    const put = (b: ImageBitmap) => {
      c.clearRect(0, 0, c.canvas.width, c.canvas.height);
      c.drawImage(
        b,
        Math.round((c.canvas.width - b.width) / 2),
        Math.round((c.canvas.height - b.height) / 2),
      );
    };
    const known = thumbs.get(id);
    if (known) {
      put(known);
      return;
    }
    c.clearRect(0, 0, c.canvas.width, c.canvas.height);
    let giveUp: (() => void) | null = null;
    const timer = setTimeout(() => (giveUp = thumbs.ask({ row: id, frame, x, y, w, h }, put)), SETTLE_MS);
    return () => {
      clearTimeout(timer);
      giveUp?.();
    };
  }, [id, frame, x, y, w, h, thumbs]);
  return <canvas ref={canvas} width={88} height={80} className="rv-crop" aria-hidden="true" />;
}
