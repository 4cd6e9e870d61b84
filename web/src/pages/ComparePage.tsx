// Two sessions: what differs, whether it is more than chance, and which objects changed sides.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, ApiError, type Schemas } from "../api/client";
import { queries, type Results, type TestSession } from "../api/queries";
import { Link, useSearch } from "../app/router";
import { useTopics } from "../live/use";
import { Verdict } from "../ui/Badge";
import { buttonClass } from "../ui/Button";
import { SelectField } from "../ui/Field";
import { formatCount, formatNumber, plural } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Card, PageHead, Progress, Segments } from "../ui/layout";
import { Await, EmptyState, ErrorState, Notice, Skeleton } from "../ui/states";
import { hidden, number, ShowMore, Table } from "../ui/Table";
import { sessionName } from "./SessionTable";
import { metricsOf, readable, reviewLink } from "./session/results";

interface Difference {
  a: number | null;
  b: number | null;
  difference: number | null;
  low: number | null;
  high: number | null;
  beyond_noise: boolean;
  verdict?: string;
}

/** What a figure's difference says of B: what was judged, else by its sign. */
function verdictOf(d: Difference): "better" | "worse" | null {
  if (!d.beyond_noise) return null;
  if (d.verdict === "better" || d.verdict === "worse") return d.verdict;
  return (d.difference ?? 0) > 0 ? "better" : "worse";
}

type Compared = Schemas["SessionComparison"];
/** Of sessions that are judged by boxes. */
type Comparison = Compared & { comparison: Schemas["Comparison"] };
/** Of sessions that are judged by timed events. */
type EventsComparison = Compared & { comparison: Schemas["EventComparison"] };
type EventFigure = keyof Schemas["EventDifferences"];
type Side = "lost" | "found" | "false_new" | "false_gone";

const FIGURES = ["AP", "AP50", "AP75", "AR", "precision", "recall", "f1"] as const;
const SIDES: { value: Side; text: string; tone: string; result: string; in: "a" | "b" }[] = [
  { value: "lost", text: "Lost by B", tone: "fn", result: "fn", in: "b" },
  { value: "found", text: "Found by B only", tone: "tp", result: "tp", in: "b" },
  { value: "false_new", text: "New false alarms", tone: "fp", result: "fp", in: "b" },
  { value: "false_gone", text: "False alarms gone", tone: "tp", result: "fp", in: "a" },
];

/** Where intervals of differences lie on a bar whose middle is 0; half the width is *most*. */
export function differenceScale(all: Difference[]): (v: number) => number {
  const most =
    Math.max(0.02, ...all.flatMap((d) => [d.low, d.high, d.difference].map((v) => Math.abs(v ?? 0)))) * 1.1;
  return (v) => 50 + (Math.max(-most, Math.min(most, v)) / most) * 50;
}

function Bar({ d, at }: { d: Difference; at: (v: number) => number }) {
  if (d.difference === null) return null;
  const verdict = verdictOf(d);
  const tone = !verdict ? "none" : verdict === "better" ? "good" : "bad";
  return (
    <div className={`criterion-bar ${tone}`} aria-hidden="true">
      {d.low !== null && d.high !== null && (
        <i className="interval" style={{ left: `${at(d.low)}%`, width: `${at(d.high) - at(d.low)}%` }} />
      )}
      <i className="limit" style={{ left: "50%" }} />
      <i className="value" style={{ left: `${at(d.difference)}%` }} />
    </div>
  );
}

function signed(v: number | null, digits = 3): string {
  if (v === null) return "–";
  const text = formatNumber(Math.abs(v), digits);
  return Number(text) === 0 ? "±0" : `${v > 0 ? "+" : "−"}${text}`;
}

function DifferenceTable({
  rows,
  label,
  first = "Figure",
  digits = 3,
}: {
  rows: [string, Difference][];
  label: string;
  /** Of what the rows are. */
  first?: string;
  digits?: number;
}) {
  const at = differenceScale(rows.map(([, d]) => d));
  const hasIntervals = rows.some(([, d]) => d.low !== null);
  return (
    <Table
      label={label}
      className=""
      head={[
        first,
        number("A"),
        number("B"),
        number("B − A"),
        hasIntervals && number("95 % interval"),
        hidden("On a scale", "30%"),
        hasIntervals && "More than chance",
      ]}
    >
      {rows.map(([name, d]) => {
        const verdict = verdictOf(d);
        return (
          <tr key={name}>
            <th scope="row">{name.charAt(0).toUpperCase() + name.slice(1)}</th>
            <td className="num">{formatNumber(d.a, digits)}</td>
            <td className="num">{formatNumber(d.b, digits)}</td>
            <td className={`num ${verdict ? (verdict === "better" ? "good" : "bad") : ""}`}>
              {signed(d.difference, digits)}
            </td>
            {hasIntervals && (
              <td className="num muted">
                {d.low === null ? "–" : `${signed(d.low, digits)} to ${signed(d.high, digits)}`}
              </td>
            )}
            <td>
              <Bar d={d} at={at} />
            </td>
            {hasIntervals && (
              <td>
                {verdict ? (
                  <span className={`row ${verdict === "better" ? "good" : "bad"}`}>
                    <Icon name={(d.difference ?? 0) > 0 ? "up" : "down"} /> {verdict}
                  </span>
                ) : (
                  <span className="faint">no</span>
                )}
              </td>
            )}
          </tr>
        );
      })}
    </Table>
  );
}

/** Without the server's comparison: the plain differences, which say nothing about chance. */
export function plainDifferences(a: Results, b: Results): [string, Difference][] {
  const of = (r: Results): Record<string, number | null | undefined> => ({
    AP: r.AP,
    AP50: r.AP50,
    AP75: metricsOf(r)?.coco.AP75,
    precision: r.precision,
    recall: r.recall,
    f1: r.f1,
  });
  const x = of(a);
  const y = of(b);
  return Object.keys(x).map((name) => {
    const u = x[name] ?? null;
    const v = y[name] ?? null;
    return [
      name,
      {
        a: u,
        b: v,
        difference: u === null || v === null ? null : v - u,
        low: null,
        high: null,
        beyond_noise: false,
      },
    ];
  });
}

function Plain({ a, b, why }: { a: TestSession; b: TestSession; why: string }) {
  const [x, y] = useQueries({ queries: [queries.results(a.id), queries.results(b.id)] });
  return (
    <>
      <Notice>{why} These are plain differences: they do not say whether they are more than chance.</Notice>
      <Card flush title="Figures">
        {x.data && y.data ? (
          <DifferenceTable label="Figures" rows={plainDifferences(x.data, y.data)} />
        ) : (
          <Skeleton height="12rem" />
        )}
      </Card>
    </>
  );
}

function Sides({
  value,
  counts,
  onChange,
}: {
  value: Side;
  counts: Record<Side, number>;
  onChange: (side: Side) => void;
}) {
  return (
    <Segments
      label="Which change"
      value={value}
      options={SIDES.map((s) => ({
        value: s.value,
        text: (
          <>
            {s.text} <span className="segment-count">{formatCount(counts[s.value])}</span>
          </>
        ),
      }))}
      onChange={onChange}
    />
  );
}

function Objects({ c, a, b }: { c: Comparison; a: TestSession; b: TestSession }) {
  const [search, setSearch] = useSearch();
  const asked = search.get("side") as Side | null;
  const side = SIDES.find((s) => s.value === asked) ?? SIDES[0]!;
  const [shown, setShown] = useState(50);
  const objects = c.comparison.changed_sides.objects.filter((o) => o.side === side.value);
  const videoOf = (p: { video?: string }) =>
    c.videos.find((v) => v.name === p.video || v.video_id === p.video) ??
    (c.videos.length === 1 ? c.videos[0] : undefined);
  return (
    <Card
      flush
      title="What changed sides"
      actions={
        <Sides
          value={side.value}
          counts={c.comparison.changed_sides}
          onChange={(v) => setSearch({ side: v }, { keepScroll: true })}
        />
      }
    >
      {objects.length === 0 ? (
        <EmptyState compact icon="check" title="None" />
      ) : (
        <Table
          label={side.text}
          head={[
            "Object",
            "Video",
            number("From frame"),
            number("To frame"),
            number("Frames"),
            number("Evidence"),
            hidden("Review"),
          ]}
          foot={<ShowMore shown={shown} of={objects.length} onMore={() => setShown(shown + 200)} />}
        >
          {objects.slice(0, shown).map((o, i) => {
            const v = videoOf(o.first);
            return (
              <tr key={i}>
                <td className={side.tone}>
                  {o.label}
                  {o.track_id !== undefined && <span className="muted"> track {o.track_id}</span>}
                </td>
                <td className="muted">{v?.name ?? o.first.video ?? "–"}</td>
                <td className="num">{formatCount(o.first.frame)}</td>
                <td className="num">{formatCount(o.last.frame)}</td>
                <td className="num">{formatCount(o.frames)}</td>
                <td className="num muted">{formatNumber(o.evidence, 2)}</td>
                <td className="actions">
                  {v && (
                    <Link
                      className={buttonClass({ small: true })}
                      to={reviewLink({
                        project: a.project_id,
                        video: v.video_id,
                        session: side.in === "b" ? b.id : a.id,
                        other: side.in === "b" ? a.id : b.id,
                        frame: o.first.frame,
                      })}
                    >
                      <Icon name="eye" /> Review
                    </Link>
                  )}
                </td>
              </tr>
            );
          })}
        </Table>
      )}
    </Card>
  );
}

function Notices({ c }: { c: Compared }) {
  if (c.comparison.notices.length === 0 && c.left_out.length === 0) return null;
  return (
    <Notice>
      <ul className="stack tight">
        {c.left_out.length > 0 && (
          <li>{plural(c.left_out.length, "video")} left out: not judged by both with one truth.</li>
        )}
        {c.comparison.notices.map((n) => (
          <li key={n}>{readable(n, new Map(c.videos.map((v) => [v.video_id, v.name])))}</li>
        ))}
      </ul>
    </Notice>
  );
}

function Players({ c, a, b }: { c: Compared; a: TestSession; b: TestSession }) {
  return (
    <Card flush title="On one player">
      <table className="table hover">
        <tbody>
          {c.videos.map((v) => (
            <tr key={v.video_id}>
              <td>{v.name}</td>
              <td className="actions">
                <Link
                  className={buttonClass({ small: true })}
                  to={reviewLink({ project: a.project_id, video: v.video_id, session: a.id, other: b.id })}
                >
                  <Icon name="eye" /> Both overlays
                </Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

const VERDICTS: Record<Schemas["EventComparison"]["verdict"], string> = {
  better: "B is better, beyond noise.",
  worse: "B is worse, beyond noise.",
  mixed: "B is better in one of F1 and median latency, and worse in the other, both beyond noise.",
  no_difference: "No difference beyond noise.",
  no_data: "Too little data to tell a difference from chance.",
};

const EVENT_RATES: [EventFigure, string][] = [
  ["precision", "Precision"],
  ["recall", "Recall"],
  ["f1", "F1"],
  ["in_time", "Found in time"],
];
const EVENT_TIMES: [EventFigure, string][] = [
  ["latency_p50_ms", "Latency, median"],
  ["latency_p95_ms", "Latency, p95"],
  ["arrival_p50_ms", "Arrival, median"],
  ["arrival_p95_ms", "Arrival, p95"],
];

/** The figures that have data, under their words. */
export function eventRows(
  figures: Schemas["EventDifferences"],
  names: [EventFigure, string][],
): [string, Difference][] {
  return names
    .filter(([f]) => figures[f].a !== null || figures[f].b !== null)
    .map(([f, words]) => [words, figures[f]]);
}

function seconds(ms: number | null): string {
  return ms === null ? "–" : formatNumber(ms / 1000, 3);
}

function Events({ c }: { c: EventsComparison }) {
  const [search, setSearch] = useSearch();
  const side = SIDES.find((s) => s.value === search.get("side")) ?? SIDES[0]!;
  const [shown, setShown] = useState(50);
  const events = c.comparison.changed_sides.events.filter((e) => e.side === side.value);
  const videoOf = (id: string | undefined) =>
    c.videos.find((v) => v.video_id === id)?.name ?? (c.videos.length === 1 ? c.videos[0]!.name : "–");
  return (
    <Card
      flush
      title="Events that changed sides"
      actions={
        <Sides
          value={side.value}
          counts={c.comparison.changed_sides}
          onChange={(v) => setSearch({ side: v }, { keepScroll: true })}
        />
      }
    >
      {events.length === 0 ? (
        <EmptyState compact icon="check" title="None" />
      ) : (
        <Table
          label={side.text}
          head={["Event", "Video", number("At s"), number("A at s"), number("B at s"), number("Evidence")]}
          foot={<ShowMore shown={shown} of={events.length} onMore={() => setShown(shown + 200)} />}
        >
          {events.slice(0, shown).map((e, i) => (
            <tr key={i}>
              <td className={side.tone}>{e.label}</td>
              <td className="muted">{videoOf(e.video)}</td>
              <td className="num">{seconds(e.time_ms)}</td>
              <td className="num">{seconds(e.a_time_ms)}</td>
              <td className="num">{seconds(e.b_time_ms)}</td>
              <td className="num muted">{formatNumber(e.evidence, 2)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}

function FullEvents({ c }: { c: EventsComparison }) {
  const x = c.comparison;
  const times = eventRows(x.figures, EVENT_TIMES);
  return (
    <>
      <Notice>
        {VERDICTS[x.verdict]} {plural(x.truths, "event")} within ±{x.settings.tolerance_ms} ms:{" "}
        {formatCount(x.found_by_both)} found by both, {formatCount(x.found_by_neither)} by neither.
      </Notice>
      <Card flush title={`Rates over ${plural(c.videos.length, "video")} that both judged`}>
        <DifferenceTable label="Rates" rows={eventRows(x.figures, EVENT_RATES)} />
      </Card>
      {times.length > 0 && (
        <Card flush title="Times in milliseconds">
          <DifferenceTable label="Times in milliseconds" rows={times} digits={1} />
        </Card>
      )}
      <Notices c={c} />
      <Events c={c} />
      {x.classes.length > 1 && (
        <Card flush title="By label: recall">
          <DifferenceTable
            label="Recall by label"
            first="Label"
            rows={x.classes.filter((k) => k.truths > 0).map((k) => [k.label, k.figures.recall])}
          />
        </Card>
      )}
    </>
  );
}

function isByEvents(c: Compared): c is EventsComparison {
  return "events" in c.comparison;
}

function Full({ c, a, b }: { c: Comparison; a: TestSession; b: TestSession }) {
  const rows = FIGURES.filter((f) => c.comparison.figures[f]).map((f): [string, Difference] => [
    f,
    c.comparison.figures[f]!,
  ]);
  return (
    <>
      <Card flush title={`Figures over ${plural(c.videos.length, "video")} that both judged`}>
        <DifferenceTable label="Figures" rows={rows} />
      </Card>
      <Notices c={c} />
      <Objects c={c} a={a} b={b} />
      {c.comparison.classes.length > 1 && (
        <Card flush title="By class: AP50">
          <DifferenceTable
            label="AP50 by class"
            first="Class"
            rows={c.comparison.classes
              .filter((k) => k.figures["AP50"])
              .map((k) => [k.label, k.figures["AP50"]!])}
          />
        </Card>
      )}
      <Players c={c} a={a} b={b} />
    </>
  );
}

function Comparing({ a, b }: { a: TestSession; b: TestSession }) {
  const compared = useQuery({
    queryKey: ["session", a.id, "compare", b.id],
    queryFn: ({ signal }) =>
      api("get", "/api/v1/sessions/{a}/compare/{b}", { path: { a: a.id, b: b.id }, signal }),
    refetchInterval: (q) => (q.state.data && !("comparison" in q.state.data) ? 1500 : false),
    staleTime: Infinity,
  });
  const task = compared.data && !("comparison" in compared.data) ? compared.data : null;
  useTopics(task ? [`task:${task.task_id}`] : []);
  if (compared.error instanceof ApiError && compared.error.isMissingRoute)
    return <Plain a={a} b={b} why="This server does not compare sessions." />;
  if (compared.error) return <ErrorState error={compared.error} retry={() => compared.refetch()} />;
  if (task && (task.status === "failed" || task.status === "cancelled"))
    return (
      <Plain a={a} b={b} why={`The comparison ${task.status === "failed" ? "failed" : "was cancelled"}.`} />
    );
  if (!compared.data || !("comparison" in compared.data))
    return (
      <Card title="Comparing">
        <div className="stack tight" role="status">
          <Progress value={null} label="Comparison" />
          <p className="small muted">
            Differences are resampled over stretches of time, so that chance can be told from change.
          </p>
        </div>
      </Card>
    );
  return isByEvents(compared.data) ? (
    <FullEvents c={compared.data} />
  ) : (
    <Full c={compared.data as Comparison} a={a} b={b} />
  );
}

function Choice({
  label,
  value,
  sessions,
  other,
  onChange,
}: {
  label: string;
  value: string;
  sessions: TestSession[];
  other: string;
  onChange: (id: string) => void;
}) {
  const s = sessions.find((x) => x.id === value);
  return (
    <Card>
      <div className="stack tight">
        <SelectField label={label} value={value} onChange={(e) => onChange(e.target.value)}>
          <option value="">Choose a session</option>
          {sessions.map((x) => (
            <option key={x.id} value={x.id} disabled={x.id === other}>
              {sessionName(x)} · {x.model ?? "–"}
            </option>
          ))}
        </SelectField>
        {s && (
          <p className="row wrap small muted">
            <Verdict verdict={s.verdict} />
            <Link to={`/sessions/${s.id}`}>{s.model ?? "Session"}</Link> AP50 {formatNumber(s.AP50, 3)}
          </p>
        )}
      </div>
    </Card>
  );
}

export default function ComparePage() {
  const [search, setSearch] = useSearch();
  const all = useQuery(queries.sessions());
  const a = search.get("a") ?? "";
  const b = search.get("b") ?? "";
  return (
    <>
      <PageHead crumbs={[{ to: "/sessions", text: "Sessions" }]} title="Compare" />
      <Await query={all}>
        {(sessions) => {
          const judged = sessions.filter((s) => s.status === "succeeded");
          const x = judged.find((s) => s.id === a);
          const y = judged.find((s) => s.id === b);
          // What shares no project shares no video.
          const mates = (one: TestSession | undefined) =>
            one ? judged.filter((s) => s.project_id === one.project_id) : judged;
          return (
            <>
              <div className="grid two even">
                <Choice
                  label="A: before, or the one to beat"
                  value={a}
                  other={b}
                  sessions={mates(y)}
                  onChange={(id) => setSearch({ a: id })}
                />
                <Choice
                  label="B: the new one"
                  value={b}
                  other={a}
                  sessions={mates(x)}
                  onChange={(id) => setSearch({ b: id })}
                />
              </div>
              {x && y ? (
                <Comparing key={`${x.id}${y.id}`} a={x} b={y} />
              ) : (
                <section className="card">
                  <EmptyState
                    icon="compare"
                    title={judged.length < 2 ? "Two judged sessions are needed" : "Choose two sessions"}
                  >
                    {judged.length < 2
                      ? "Run a second model, or the same one with other settings, over the same videos."
                      : "Differences come with their intervals, and with the objects that changed sides."}
                  </EmptyState>
                </section>
              )}
            </>
          );
        }}
      </Await>
    </>
  );
}
