// Figures by class, by slice, and in time.
import { useState, type ReactNode } from "react";

import type { Metrics } from "../../api/queries";
import type { Schemas } from "../../api/client";
import { formatCount, formatNumber, formatPercent } from "../../ui/format";
import { Icon } from "../../ui/Icon";
import { Card, Stat } from "../../ui/layout";
import { Table } from "../../ui/Table";
import type { EventMetrics } from "./results";

type Row = Record<string, string | number | null>;
interface Column {
  key: string;
  title: string;
  show: (row: Row) => ReactNode;
  isText?: boolean;
}

const three =
  (key: string): Column["show"] =>
  (r) =>
    formatNumber(r[key] as number | null, 3);
const count =
  (key: string): Column["show"] =>
  (r) =>
    formatCount(r[key] as number | null);

export function sortRows(rows: readonly Row[], key: string, descending: boolean): Row[] {
  const rank = (v: Row[string] | undefined) => (v === null || v === undefined ? null : v);
  return [...rows].sort((a, b) => {
    const x = rank(a[key]);
    const y = rank(b[key]);
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1; // what is not known comes last
    const d = typeof x === "string" || typeof y === "string" ? String(x).localeCompare(String(y)) : x - y;
    return descending ? -d : d;
  });
}

function SortTable({
  columns,
  rows,
  first,
  label,
}: {
  columns: Column[];
  rows: Row[];
  first: string;
  label: string;
}) {
  const [by, setBy] = useState({ key: first, descending: true });
  return (
    <Table
      label={label}
      head={columns.map((c) => ({
        text: (
          <button
            type="button"
            className="sort"
            onClick={() => setBy({ key: c.key, descending: by.key === c.key ? !by.descending : !c.isText })}
          >
            {c.title}
            {by.key === c.key && <Icon name={by.descending ? "down" : "up"} size={10} />}
          </button>
        ),
        isNumber: !c.isText,
        sort: by.key === c.key ? (by.descending ? "descending" : "ascending") : undefined,
      }))}
    >
      {sortRows(rows, by.key, by.descending).map((r, i) => (
        <tr key={i}>
          {columns.map((c, j) =>
            j === 0 ? (
              <th key={c.key} scope="row">
                {c.show(r)}
              </th>
            ) : (
              <td key={c.key} className={c.isText ? undefined : "num"}>
                {c.show(r)}
              </td>
            ),
          )}
        </tr>
      ))}
    </Table>
  );
}

export function ClassesCard({ metrics }: { metrics: Metrics }) {
  const rows = metrics.classes.map((c) => ({
    label: c.label,
    truths: c.truths,
    AP: c.AP,
    AP50: c.AP50,
    precision: c.operating_point.precision,
    recall: c.operating_point.recall,
    f1: c.operating_point.f1,
    tp: c.operating_point.true_positives,
    fp: c.operating_point.false_positives,
    fn: c.operating_point.false_negatives,
    best: c.best_f1?.confidence ?? null,
  }));
  return (
    <Card flush title="By class">
      <SortTable
        label="Figures by class"
        first="truths"
        rows={rows}
        columns={[
          { key: "label", title: "Class", show: (r) => r["label"], isText: true },
          { key: "truths", title: "Truths", show: count("truths") },
          { key: "AP50", title: "AP50", show: three("AP50") },
          { key: "AP", title: "AP", show: three("AP") },
          { key: "precision", title: "Precision", show: three("precision") },
          { key: "recall", title: "Recall", show: three("recall") },
          { key: "f1", title: "F1", show: three("f1") },
          {
            key: "tp",
            title: "Found",
            show: (r) => <span className="tp">{formatCount(r["tp"] as number)}</span>,
          },
          {
            key: "fp",
            title: "False alarms",
            show: (r) => <span className="fp">{formatCount(r["fp"] as number)}</span>,
          },
          {
            key: "fn",
            title: "Missed",
            show: (r) => <span className="fn">{formatCount(r["fn"] as number)}</span>,
          },
          { key: "best", title: "Best threshold", show: (r) => formatNumber(r["best"] as number | null, 2) },
        ]}
      />
    </Card>
  );
}

export function SlicesCard({
  metrics,
  nameOf,
}: {
  metrics: Metrics;
  nameOf: (by: string, value: string) => string;
}) {
  const slices = metrics.slices ?? [];
  if (slices.length === 0) return null;
  const rows = slices.map((s: Schemas["Slice"]) => ({
    ...s,
    value: nameOf(s.by, s.value),
  })) as unknown as Row[];
  return (
    <Card flush title="Slices">
      <SortTable
        label="Figures by slice"
        first="by"
        rows={rows}
        columns={[
          { key: "value", title: "Slice", isText: true, show: (r) => r["value"] },
          {
            key: "by",
            title: "By",
            isText: true,
            show: (r) => <span className="muted">{String(r["by"]).replace(/_/g, " ")}</span>,
          },
          { key: "pictures", title: "Frames", show: count("pictures") },
          { key: "truths", title: "Truths", show: count("truths") },
          { key: "AP50", title: "AP50", show: three("AP50") },
          { key: "AP", title: "AP", show: three("AP") },
          { key: "precision", title: "Precision", show: three("precision") },
          { key: "recall", title: "Recall", show: three("recall") },
          {
            key: "false_negatives",
            title: "Missed",
            show: (r) => <span className="fn">{formatCount(r["false_negatives"] as number)}</span>,
          },
        ]}
      />
    </Card>
  );
}

function Histogram({ bins, label }: { bins: Record<string, number>; label: string }) {
  const entries = Object.entries(bins);
  const most = Math.max(1, ...entries.map(([, n]) => n));
  return (
    <table className="bars" aria-label={label}>
      <tbody>
        {entries.map(([name, n]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td className="bar">
              <i style={{ width: `${(n / most) * 100}%` }} />
            </td>
            <td className="num">{formatCount(n)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const ms = (v: number | null | undefined) => (v === null || v === undefined ? "–" : `${formatCount(v)} ms`);

export function TemporalCard({ metrics }: { metrics: Metrics }) {
  const t = metrics.temporal;
  if (!t) return null;
  const o = t.overall;
  if (!t.has_data || !o)
    return (
      <Card title="Time to detection">
        <p className="muted small">
          No figure: it needs track ids in the truth, and frames with presentation times.
        </p>
      </Card>
    );
  return (
    <Card title="Time to detection">
      <div className="stack">
        <dl className="stats flat">
          <Stat label="Mean" note={`of ${formatCount(o.tracks_detected)} tracks`}>
            {ms(o.latency_ms.mean)}
          </Stat>
          <Stat label="Median">{ms(o.latency_ms.median)}</Stat>
          <Stat label="p95">{ms(o.latency_ms.p95)}</Stat>
          <Stat label="Never detected" note={`of ${formatCount(o.tracks)} tracks`}>
            <span className={o.tracks_never_detected > 0 ? "fn" : ""}>
              {formatCount(o.tracks_never_detected)}
            </span>
          </Stat>
          <Stat label="Longest gap" note={`${formatCount(o.misses_in_a_row.longest)} frames in a row`}>
            {ms(o.misses_in_a_row.longest_ms)}
          </Stat>
          <Stat label="Covered" note="of the tracks' frames">
            {formatPercent(o.covered)}
          </Stat>
        </dl>
        <div className="grid two">
          <div>
            <h3 className="small">From first visible frame to first detection</h3>
            <Histogram bins={o.latency_ms.histogram} label="Tracks by time to detection" />
          </div>
          <div>
            <h3 className="small">Misses in a row</h3>
            <Histogram bins={o.misses_in_a_row.histogram} label="Gaps by length" />
          </div>
        </div>
      </div>
    </Card>
  );
}

/** Of a session that posts timed events: judged by time alone. */
export function EventsCard({ metrics }: { metrics: EventMetrics }) {
  const o = metrics.temporal.overall;
  return (
    <>
      <dl className="stats">
        <Stat label="Precision">{formatNumber(o.precision, 3)}</Stat>
        <Stat label="Recall">{formatNumber(o.recall, 3)}</Stat>
        <Stat label="F1">{formatNumber(o.f1, 3)}</Stat>
        <Stat
          label="In time"
          note={`of ${formatCount(o.truths)} events, ±${metrics.temporal.tolerance_ms} ms`}
        >
          {formatCount(o.in_time)}
        </Stat>
        <Stat label="Late">{formatCount(o.late)}</Stat>
        <Stat label="Early">{formatCount(o.early)}</Stat>
        <Stat label="Mean difference">{ms(o.difference_ms.mean)}</Stat>
      </dl>
      <Card flush title="By class">
        <SortTable
          label="Events by class"
          first="truths"
          rows={metrics.temporal.classes.map((c) => ({
            label: c.label ?? "",
            truths: c.truths,
            found: c.found,
            late: c.late,
            early: c.early,
            precision: c.precision,
            recall: c.recall,
          }))}
          columns={[
            { key: "label", title: "Class", isText: true, show: (r) => r["label"] },
            { key: "truths", title: "Events", show: count("truths") },
            { key: "found", title: "Found", show: count("found") },
            { key: "late", title: "Late", show: count("late") },
            { key: "early", title: "Early", show: count("early") },
            { key: "precision", title: "Precision", show: three("precision") },
            { key: "recall", title: "Recall", show: three("recall") },
          ]}
        />
      </Card>
    </>
  );
}

/** How long after the moment it speaks of a posted detection came. */
export function ArrivalCard({ arrival }: { arrival: Schemas["Arrival"] }) {
  return (
    <Card title="Arrival">
      <dl className="stats flat">
        <Stat label="Mean" note={`of ${formatCount(arrival.count)}`}>
          {ms(arrival.mean)}
        </Stat>
        <Stat label="Median">{ms(arrival.p50)}</Stat>
        <Stat label="p95">{ms(arrival.p95)}</Stat>
        <Stat label="p99">{ms(arrival.p99)}</Stat>
        <Stat label="Longest">{ms(arrival.max)}</Stat>
      </dl>
    </Card>
  );
}
