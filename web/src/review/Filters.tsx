// What is shown: threshold, outcomes, classes, sizes, words. Acts at once on picture, list and timeline.
import { useEffect, useRef, useState } from "react";

import { IconButton } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { formatCount, formatPercent } from "../ui/format";
import { FN, FP, TP } from "./columns";
import { marks } from "./marks";
import type { Progress, QueryAnswer } from "./protocol";
import { figures, noFilter, type Filter } from "./query";
import { DETECTION } from "./table";

/** COCO's sizes: the root of the area in pixels. */
const sizes = [
  { text: "All", min: 0, max: null },
  { text: "Small", min: 0, max: 32 },
  { text: "Medium", min: 32, max: 96 },
  { text: "Large", min: 96, max: null },
] as const;

interface Props {
  filter: Filter;
  progress: Progress | null;
  answer: QueryAnswer | null;
  labels: string[];
  /** Below this nothing was judged; null: everything was. */
  floor: number | null;
  /** What lies below the floor can be had. */
  isFull: boolean;
  onChange: (f: Partial<Filter>) => void;
  searchRef: React.RefObject<HTMLInputElement | null>;
}

export function Filters({ filter, progress, answer, labels, floor, isFull, onChange, searchRef }: Props) {
  const counts = answer?.counts;
  const judged = progress?.hasOutcomes ?? true;
  const outcomes: readonly (readonly [number, number | undefined])[] = judged
    ? [[FP, counts?.fp], [FN, counts?.fn], [TP, counts?.tp]] // prettier-ignore
    : [[DETECTION, counts?.detections]];
  const all = outcomes.reduce((bits, [o]) => bits | (1 << o), 0);
  const toggle = (o: number) => {
    const next = (filter.outcomes & all) ^ (1 << o);
    onChange({ outcomes: next === 0 || next === all ? noFilter.outcomes : next });
  };
  const f = counts ? figures(counts) : null;
  const size = sizes.findIndex((s) => s.min === filter.minSize && s.max === filter.maxSize);
  const isFiltered = JSON.stringify({ ...filter, confidence: 0 }) !== JSON.stringify(noFilter);
  return (
    <section className="rv-filters" aria-label="Filter">
      <div className="rv-line">
        <label htmlFor="rv-confidence" className="rv-name">
          Confidence
        </label>
        <input
          id="rv-confidence"
          type="range"
          min={0}
          max={1}
          step={0.01}
          value={filter.confidence}
          onChange={(e) => onChange({ confidence: Number(e.target.value) })}
          aria-valuetext={`at least ${filter.confidence.toFixed(2)}`}
          style={{ "--at": `${filter.confidence * 100}%` } as React.CSSProperties}
        />
        <output className="rv-value" htmlFor="rv-confidence">
          ≥ {filter.confidence.toFixed(2)}
        </output>
      </div>
      {judged && (
        <dl className="rv-figures" aria-label="At this threshold">
          <div>
            <dt>Precision</dt>
            <dd>{formatPercent(f?.precision)}</dd>
          </div>
          <div>
            <dt>Recall</dt>
            <dd>{formatPercent(f?.recall)}</dd>
          </div>
          <div>
            <dt>F1</dt>
            <dd>{formatPercent(f?.f1)}</dd>
          </div>
          {floor !== null && filter.confidence < floor && (
            <p className="tiny faint">
              {isFull
                ? `The session judged from ${floor.toFixed(2)} on; what lies below was matched here.`
                : `The session judged from ${floor.toFixed(2)} on; there is nothing below.`}
            </p>
          )}
        </dl>
      )}
      <div className="rv-chips" role="group" aria-label="Outcomes">
        {outcomes.map(([o, n]) => {
          const m = marks[o]!;
          const on = (filter.outcomes & (1 << o)) !== 0;
          return (
            <button
              key={o}
              type="button"
              className={`rv-chip o${o}`}
              aria-pressed={on}
              onClick={() => toggle(o)}
            >
              <i aria-hidden="true" />
              {m.name}
              <b>{formatCount(n)}</b>
            </button>
          );
        })}
      </div>
      <div className="rv-line">
        <div className="rv-search">
          <Icon name="search" size={14} />
          <input
            ref={searchRef}
            type="search"
            className="input"
            placeholder="Search"
            title="Part of a label, #7 for a track, @120 for a frame (/)"
            aria-label="Search: part of a label, #7 for a track, @120 for a frame"
            value={filter.search}
            onChange={(e) => onChange({ search: e.target.value })}
            onKeyDown={(e) => {
              if (e.key === "Escape") {
                onChange({ search: "" });
                e.currentTarget.blur();
              }
            }}
          />
        </div>
        <Classes filter={filter} labels={labels} counts={answer?.labelCounts ?? null} onChange={onChange} />
        <select
          className="select rv-size"
          aria-label="Size of the objects"
          value={size < 0 ? 0 : size}
          onChange={(e) => {
            const s = sizes[Number(e.target.value)]!;
            onChange({ minSize: s.min, maxSize: s.max });
          }}
        >
          {sizes.map((s, i) => (
            <option key={s.text} value={i}>
              {s.text === "All" ? "Any size" : s.text}
            </option>
          ))}
        </select>
        <IconButton
          icon="cross"
          small
          label="Take all filters away"
          disabled={!isFiltered}
          onClick={() => onChange({ ...noFilter, confidence: filter.confidence })}
        />
      </div>
    </section>
  );
}

function Classes({
  filter,
  labels,
  counts,
  onChange,
}: {
  filter: Filter;
  labels: string[];
  counts: Uint32Array | null;
  onChange: (f: Partial<Filter>) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const away = (e: Event) => {
      if (!box.current?.contains(e.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
    };
  }, [isOpen]);
  const order = labels.map((text, i) => ({ text, n: counts?.[i] ?? 0 })).sort((a, b) => b.n - a.n);
  const chosen = filter.labels;
  const toggle = (text: string) => {
    const next = (chosen ?? labels).includes(text)
      ? (chosen ?? labels).filter((l) => l !== text)
      : [...(chosen ?? []), text];
    onChange({ labels: next.length === labels.length ? null : next });
  };
  const words = !chosen ? "All classes" : chosen.length === 1 ? chosen[0]! : `${chosen.length} classes`;
  return (
    <div
      className="rv-classes"
      ref={box}
      onKeyDown={(e) => {
        if (e.key !== "Escape" || !isOpen) return;
        e.stopPropagation();
        setOpen(false);
        box.current?.querySelector("button")?.focus();
      }}
    >
      <button
        type="button"
        className="select"
        aria-expanded={isOpen}
        aria-haspopup="true"
        onClick={() => setOpen(!isOpen)}
        disabled={labels.length === 0}
      >
        <span className="cut">{words}</span>
      </button>
      {isOpen && (
        <div className="rv-menu" role="group" aria-label="Classes">
          <button
            type="button"
            className="button ghost small"
            disabled={!chosen}
            onClick={() => onChange({ labels: null })}
          >
            All classes
          </button>
          {order.map((l) => (
            <div className="rv-class" key={l.text}>
              <label>
                <input
                  type="checkbox"
                  checked={!chosen || chosen.includes(l.text)}
                  onChange={() => toggle(l.text)}
                />
                <span className="cut grow">{l.text}</span>
                <span className="faint">{formatCount(l.n)}</span>
              </label>
              <button
                type="button"
                className="rv-only"
                onClick={() => onChange({ labels: [l.text] })}
                aria-label={`Only ${l.text}`}
              >
                only
              </button>
            </div>
          ))}
        </div>
      )}
    </div>
  );
}
