import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState } from "react";

import { actions, queries, useVideoNames, type Results, type Task, type TestSession } from "../api/queries";
import { useMay } from "../app/account";
import { Link, navigate } from "../app/router";
import type { PageProps } from "../app/routes";
import { useTopics } from "../live/use";
import { Status, Verdict } from "../ui/Badge";
import { Button, IconButton, buttonClass } from "../ui/Button";
import { ConfirmDialog } from "../ui/Dialog";
import { formatAgo, formatCount, formatDuration, formatNumber, formatTime, plural } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Card, PageHead, Progress, Stat } from "../ui/layout";
import { Await, ErrorState, Notice, Skeleton } from "../ui/states";
import { hidden, Table } from "../ui/Table";
import { toast, toastError } from "../ui/toast";
import { ConfusionCard } from "./session/ConfusionCard";
import { MomentsCard } from "./session/Moments";
import {
  eventMetricsOf,
  figureOf,
  metricsOf,
  noticesOf,
  readable,
  reviewLink,
  type Figure,
} from "./session/results";
import { ArrivalCard, ClassesCard, EventsCard, SlicesCard, TemporalCard } from "./session/Tables";
import { NoVerdict, VerdictCard } from "./session/Verdict";
import { sessionName } from "./SessionTable";
import { TaskPace, TaskProgressBar, taskName } from "./TaskRow";

const Curves = lazy(() => import("./session/Curves"));

function interval(f: Figure): string | undefined {
  return f.low !== null && f.high !== null
    ? `${formatNumber(f.low, 3)} to ${formatNumber(f.high, 3)}`
    : undefined;
}

function Headline({ results }: { results: Results }) {
  const m = metricsOf(results);
  const o = m?.operating_point;
  const figures: [string, string, number | null | undefined][] = [
    ["AP50", "AP50", results.AP50],
    ["AP", "AP", results.AP],
    ["AP75", "AP75", m?.coco.AP75],
    ["precision", "Precision", results.precision],
    ["recall", "Recall", results.recall],
    ["f1", "F1", results.f1],
  ];
  return (
    <dl className="stats">
      {figures.map(([name, label, value]) => (
        <Stat key={name} label={label} note={interval(figureOf(results, name, value ?? null))}>
          {formatNumber(value, 3)}
        </Stat>
      ))}
      {o && (
        <div className="stat outcomes">
          <dt>At confidence {o.confidence}</dt>
          <dd>
            <span className="tp">
              <Icon name="check" size={14} /> {formatCount(o.true_positives)} found
            </span>
            <span className="fp">
              <Icon name="cross" size={14} /> {formatCount(o.false_positives)} false alarms
            </span>
            <span className="fn">
              <Icon name="circle" size={14} /> {formatCount(o.false_negatives)} missed
            </span>
          </dd>
        </div>
      )}
    </dl>
  );
}

function Judged({ session, results }: { session: TestSession; results: Results }) {
  const names = useVideoNames(session.project_id);
  const m = metricsOf(results);
  const notices = noticesOf(results);
  return (
    <>
      {results.judgement ? <VerdictCard results={results} /> : <NoVerdict />}
      {m && <Headline results={results} />}
      {eventMetricsOf(results) && <EventsCard metrics={eventMetricsOf(results)!} />}
      {results.more?.arrival_ms && <ArrivalCard arrival={results.more.arrival_ms} />}
      {notices.length > 0 && (
        <Notice kind={m ? "info" : "warn"}>
          <details>
            <summary>
              {readable(notices[0]!, names)}
              {notices.length > 1 && (
                <span className="muted"> and {plural(notices.length - 1, "more notice")}</span>
              )}
            </summary>
            <ul className="stack tight">
              {notices.slice(1).map((n) => (
                <li key={n}>{readable(n, names)}</li>
              ))}
            </ul>
          </details>
        </Notice>
      )}
      {m && (
        <>
          <MomentsCard
            results={results}
            session={session.id}
            project={session.project_id}
            atConfidence={m.operating_point.confidence}
          />
          <Suspense fallback={<Skeleton height="20rem" />}>
            <Curves metrics={m} />
          </Suspense>
          <ClassesCard metrics={m} />
          {m.confusion_matrix && (
            <ConfusionCard matrix={m.confusion_matrix} session={session.id} project={session.project_id} />
          )}
          <SlicesCard
            metrics={m}
            nameOf={(by, value) => (by === "video" ? (names.get(value) ?? value) : value)}
          />
          <TemporalCard metrics={m} />
        </>
      )}
      <VideosCard session={session} names={names} confidence={m?.operating_point.confidence} />
      <SettingsCard session={session} />
    </>
  );
}

function VideosCard({
  session,
  names,
  confidence,
}: {
  session: TestSession;
  names: Map<string, string>;
  confidence: number | undefined;
}) {
  const videos = useQuery(queries.sessionVideos(session.id));
  return (
    <Card flush title="Videos">
      <Await query={videos}>
        {(all) => (
          <Table label="Videos" head={["Video", "Judged by truth", hidden("Review")]}>
            {all.map((v) => (
              <tr key={v.video_id}>
                <td>{names.get(v.video_id) ?? v.video_id}</td>
                <td className="muted">{v.truth_id ? "yes" : "no truth"}</td>
                <td className="actions">
                  <Link
                    className={buttonClass({ small: true })}
                    to={reviewLink({
                      project: session.project_id,
                      video: v.video_id,
                      session: session.id,
                      confidence,
                    })}
                  >
                    <Icon name="eye" /> Review
                  </Link>
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Await>
    </Card>
  );
}

function SettingsCard({ session }: { session: TestSession }) {
  const settings = Object.entries(session.settings ?? {});
  return (
    <Card title="How it was run">
      <dl className="pairs left">
        <dt>Model</dt>
        <dd>
          {session.model_id ? (
            <Link to={`/models/${session.model_id}`}>{session.model}</Link>
          ) : (
            (session.model ?? "–")
          )}
        </dd>
        {session.model_sha256 && (
          <>
            <dt>Its SHA-256</dt>
            <dd>
              <code className="tiny">{session.model_sha256}</code>
            </dd>
          </>
        )}
        <dt>Source</dt>
        <dd>{session.source === "external" ? "a system under test" : "this server"}</dd>
        {settings.map(([k, v]) => (
          <div key={k} style={{ display: "contents" }}>
            <dt>{k.replace(/_/g, " ")}</dt>
            <dd>{typeof v === "object" ? JSON.stringify(v) : String(v)}</dd>
          </div>
        ))}
        <dt>Created</dt>
        <dd>{formatTime(session.created_at)}</dd>
        <dt>Took</dt>
        <dd>
          {session.started_at && session.finished_at
            ? formatDuration((Date.parse(session.finished_at) - Date.parse(session.started_at)) / 1000)
            : "–"}
        </dd>
      </dl>
    </Card>
  );
}

function Running({ session }: { session: TestSession }) {
  const tasks = useQuery({
    ...queries.tasks({ session_id: session.id, limit: 100 }),
    refetchInterval: 15_000,
  });
  const names = useVideoNames(session.project_id);
  const list = tasks.data ?? [];
  useTopics(
    list
      .filter((t) => t.status === "running" || t.status === "queued")
      .slice(0, 50)
      .map((t) => `task:${t.task_id}`),
  );
  const done = list.filter((t) => t.status === "succeeded").length;
  const all = list.reduce((s, t) => s + (t.status === "succeeded" ? 1 : (t.progress ?? 0)), 0);
  return (
    <Card title="Progress" flush>
      <div className="stack tight" style={{ padding: "var(--s4)" }}>
        <Progress value={list.length ? all / list.length : null} label="Progress of the session" />
        <p className="small muted" role="status">
          {session.status === "queued"
            ? "Waits for a free worker."
            : `${done} of ${plural(list.length, "step")} done.`}
        </p>
      </div>
      <ul>
        {list.map((t: Task) => (
          <li key={t.task_id} className="task-line">
            <div className="row between">
              <span className="small">
                {taskName(t.kind)} {t.video_id && <span className="muted">{names.get(t.video_id)}</span>}
              </span>
              <Status status={t.status} />
            </div>
            {t.status === "running" && <TaskProgressBar task={t} />}
            <TaskPace task={t} />
            {t.error && <p className="tiny bad">{t.error}</p>}
          </li>
        ))}
      </ul>
    </Card>
  );
}

export default function SessionPage({ params }: PageProps) {
  const id = params["s"]!;
  const client = useQueryClient();
  const session = useQuery(queries.session(id));
  const s = session.data;
  const results = useQuery({
    ...queries.results(id),
    enabled: s?.status === "succeeded",
    staleTime: Infinity,
  });
  const project = useQuery({ ...queries.project(s?.project_id ?? ""), enabled: !!s });
  const mayEdit = useMay("editor", s?.project_id);
  const [deleting, setDeleting] = useState(false);
  useTopics(s ? [`project:${s.project_id}`] : []);
  useEffect(() => {
    if (s) document.title = `${sessionName(s)} · Assay`;
  }, [s]);
  if (session.isError && !s) return <ErrorState error={session.error} retry={() => session.refetch()} />;
  const isUnderWay = s?.status === "queued" || s?.status === "running" || s?.status === "open";
  const cancel = async () => {
    const { items } = await import("../api/client").then((c) =>
      c.api("get", "/api/v1/tasks", { query: { session_id: id, limit: 200 } }),
    );
    const live = items.filter((t) => t.status === "queued" || t.status === "running");
    await Promise.all(live.map((t) => actions.cancelTask(t.task_id))).catch((e: unknown) =>
      toastError("Cancelling", e),
    );
    void client.invalidateQueries({ queryKey: ["session", id] });
    void client.invalidateQueries({ queryKey: ["tasks"] });
  };
  return (
    <>
      <PageHead
        crumbs={[
          { to: "/projects", text: "Projects" },
          ...(s ? [{ to: `/projects/${s.project_id}`, text: project.data?.name ?? "…" }] : []),
        ]}
        title={s ? sessionName(s) : <Skeleton width="16rem" />}
        actions={
          s && (
            <>
              {isUnderWay && mayEdit && s.source === "own" && (
                <Button icon="stop" onClick={() => void cancel()}>
                  Cancel
                </Button>
              )}
              {mayEdit && !isUnderWay && (
                <IconButton icon="trash" label="Delete the session" onClick={() => setDeleting(true)} />
              )}
              {s.status === "succeeded" && (
                <Link className={buttonClass({})} to={`/compare?a=${id}`}>
                  <Icon name="compare" /> Compare
                </Link>
              )}
              {results.data?.has_report && (
                <a
                  className={buttonClass({})}
                  href={`/api/v1/sessions/${id}/report.html`}
                  download={`${sessionName(s)}.html`}
                >
                  <Icon name="download" /> Report
                </a>
              )}
              {results.data && (
                <a
                  className={buttonClass({})}
                  href={`/api/v1/sessions/${id}/results`}
                  download={`${sessionName(s)}.json`}
                >
                  <Icon name="download" /> JSON
                </a>
              )}
            </>
          )
        }
      >
        {s && (
          <span className="row wrap">
            {s.status === "succeeded" ? (
              s.verdict && <Verdict verdict={s.verdict} />
            ) : (
              <Status status={s.status} />
            )}
            <span>{s.model}</span>·<span>{plural(s.videos, "video")}</span>·
            <span title={formatTime(s.created_at)}>{formatAgo(s.created_at)}</span>
          </span>
        )}
      </PageHead>
      {s?.status === "failed" && (
        <Notice kind="bad" role="alert">
          <b>The session failed.</b> {s.error ?? "Its tasks below say why."}
        </Notice>
      )}
      {s?.status === "cancelled" && (
        <Notice kind="warn">The session was cancelled: nothing was judged.</Notice>
      )}
      {s && s.status !== "succeeded" && <Running session={s} />}
      {s?.status === "succeeded" && (
        <Await query={results} skeleton={<Skeleton height="20rem" />}>
          {(r) => <Judged session={s} results={r} />}
        </Await>
      )}
      {deleting && s && (
        <ConfirmDialog
          title={`Delete ${sessionName(s)}?`}
          action="Delete session"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            await actions.deleteSession(id);
            void client.invalidateQueries({ queryKey: ["sessions"] });
            void client.invalidateQueries({ queryKey: ["stats"] });
            navigate(`/projects/${s.project_id}`, { replace: true });
            toast("The session was deleted.");
          }}
        >
          Its figures, report and detections are deleted. Videos, truth and model stay.
        </ConfirmDialog>
      )}
    </>
  );
}
