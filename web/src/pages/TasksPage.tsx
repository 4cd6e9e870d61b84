import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { actions, queries, type Task } from "../api/queries";
import { may, useMe } from "../app/account";
import { Link, useSearch } from "../app/router";
import { useTopics } from "../live/use";
import { Status } from "../ui/Badge";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { formatAgo, formatCount, formatDuration, formatNumber, formatTime } from "../ui/format";
import { Card, PageHead, Segments } from "../ui/layout";
import { Await, EmptyState, Notice } from "../ui/states";
import { hidden, ifWide, number, Table, wide } from "../ui/Table";
import { toastError } from "../ui/toast";
import { TaskLog } from "./TaskLog";
import { TaskPace, TaskProgressBar, taskName } from "./TaskRow";

const PROJECTS_NAMED = 8; // whose videos are asked for their names

const FILTERS = [
  { value: "", text: "All" },
  { value: "running", text: "Running" },
  { value: "queued", text: "Queued" },
  { value: "failed", text: "Failed" },
  { value: "succeeded", text: "Done" },
  { value: "cancelled", text: "Cancelled" },
] as const;

function took(t: Task): string {
  if (!t.started_at) return "–";
  const end = t.finished_at ? Date.parse(t.finished_at) : Date.now();
  return formatDuration((end - Date.parse(t.started_at)) / 1000);
}

/** What an ended task has done, where it says nothing itself. */
function doneWords(t: Task): string {
  if (t.frames_done === 0) return "";
  const seconds =
    t.started_at && t.finished_at ? (Date.parse(t.finished_at) - Date.parse(t.started_at)) / 1000 : 0;
  return [
    `${formatCount(t.frames_done)} frames`,
    t.detections > 0 ? `${formatCount(t.detections)} detections` : "",
    seconds > 0 ? `${formatNumber(t.frames_done / seconds, 1)} fps` : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

function Subject({ t, videos }: { t: Task; videos: Map<string, string> }) {
  if (t.session_id)
    return (
      <Link to={`/sessions/${t.session_id}`}>{(t.video_id && videos.get(t.video_id)) || "Session"}</Link>
    );
  if (t.video_id && t.project_id)
    return (
      <Link to={`/projects/${t.project_id}/videos/${t.video_id}/review`}>
        {videos.get(t.video_id) ?? "Video"}
      </Link>
    );
  if (t.model_id) return <Link to={`/models/${t.model_id}`}>Model</Link>;
  return <span className="faint">–</span>;
}

function TaskDetail({ t, onClose }: { t: Task; onClose: () => void }) {
  return (
    <Dialog wide title={taskName(t.kind)} onClose={onClose}>
      <div className="stack">
        {t.error && (
          <Notice kind="bad">
            <span style={{ whiteSpace: "pre-wrap" }}>{t.error}</span>
          </Notice>
        )}
        <TaskLog task={t} />
        <dl className="pairs left">
          <dt>Status</dt>
          <dd>
            <Status status={t.status} />
          </dd>
          <dt>Message</dt>
          <dd>{t.message ?? "–"}</dd>
          <dt>Attempt</dt>
          <dd>{formatCount(t.attempt)}</dd>
          <dt>Created</dt>
          <dd>{formatTime(t.created_at)}</dd>
          <dt>Started</dt>
          <dd>{formatTime(t.started_at)}</dd>
          <dt>Finished</dt>
          <dd>{formatTime(t.finished_at)}</dd>
          <dt>Id</dt>
          <dd>
            <code className="tiny">{t.task_id}</code>
          </dd>
        </dl>
        {[
          ["Settings", t.settings],
          ["Result", t.result],
        ].map(([title, value]) =>
          value && Object.keys(value).length > 0 ? (
            <div key={String(title)} className="stack tight">
              <h3>{String(title)}</h3>
              <pre className="code" tabIndex={0}>
                {JSON.stringify(value, null, 2)}
              </pre>
            </div>
          ) : null,
        )}
      </div>
    </Dialog>
  );
}

export default function TasksPage() {
  const client = useQueryClient();
  const [search, setSearch] = useSearch();
  const status = search.get("status") ?? "";
  const query = queries.tasks({ limit: 200, ...(status ? { status: status as Task["status"] } : {}) });
  const tasks = useQuery({ ...query, refetchInterval: 10_000 });
  const projects = useQuery(queries.projects());
  const me = useMe();
  const [open, setOpen] = useState<string | null>(null);
  const list = tasks.data ?? [];
  const live = list.filter((t) => t.status === "running" || t.status === "queued");
  useTopics([
    ...live.slice(0, 60).map((t) => `task:${t.task_id}`),
    ...(projects.data ?? []).slice(0, 100).map((p) => `project:${p.id}`),
  ]);
  const projectIds = [...new Set(list.map((t) => t.project_id).filter((x): x is string => !!x))];
  const lists = useQueries({
    queries: projectIds.slice(0, PROJECTS_NAMED).map((p) => ({ ...queries.videos(p), staleTime: 60_000 })),
  });
  const videos = new Map<string, string>();
  for (const q of lists) for (const v of q.data ?? []) videos.set(v.id, v.name);
  const names = new Map(projects.data?.map((p) => [p.id, p.name]));

  // At once in the list; taken back where the server says no.
  const change = async (t: Task, what: "cancel" | "retry") => {
    const key = query.queryKey;
    const before = client.getQueryData<Task[]>(key);
    const next = what === "cancel" ? ("cancelled" as const) : ("queued" as const);
    client.setQueryData<Task[]>(key, (all) =>
      all?.map((x) => (x.task_id === t.task_id ? { ...x, status: next } : x)),
    );
    try {
      const now =
        what === "cancel" ? await actions.cancelTask(t.task_id) : await actions.retryTask(t.task_id);
      client.setQueryData<Task[]>(key, (all) => all?.map((x) => (x.task_id === t.task_id ? now : x)));
    } catch (e) {
      client.setQueryData(key, before);
      toastError(
        what === "cancel" ? "The task could not be cancelled" : "The task could not be tried again",
        e,
      );
    }
    void client.invalidateQueries({ queryKey: ["stats"] });
  };
  const shown = list.find((t) => t.task_id === open);
  return (
    <>
      <PageHead
        title="Tasks"
        actions={
          <Segments
            label="Show"
            value={status}
            options={FILTERS}
            onChange={(v) => setSearch({ status: v })}
          />
        }
      />
      <Card flush>
        <Await query={tasks}>
          {(all) =>
            all.length === 0 ? (
              <EmptyState icon="tasks" title={status ? `No task is ${status}` : "No task yet"}>
                Uploads are read, sessions run and reports are written as tasks; they stand here with their
                progress.
              </EmptyState>
            ) : (
              <Table
                label="Tasks"
                head={[
                  "Task",
                  "Of",
                  ifWide("Project"),
                  "Status",
                  wide("Progress", "26%"),
                  number("Took"),
                  number("Created"),
                  hidden("Actions"),
                ]}
              >
                {all.map((t) => (
                  <tr key={t.task_id}>
                    <td>
                      <button type="button" className="link-button nowrap" onClick={() => setOpen(t.task_id)}>
                        {taskName(t.kind)}
                      </button>
                      {t.attempt > 1 && <span className="tiny muted"> attempt {t.attempt}</span>}
                    </td>
                    <td className="cut" style={{ maxWidth: "12rem" }}>
                      <Subject t={t} videos={videos} />
                    </td>
                    <td className="cut muted wide-only" style={{ maxWidth: "11rem" }}>
                      {t.project_id ? names.get(t.project_id) : "–"}
                    </td>
                    <td>
                      <Status status={t.status} />
                    </td>
                    <td>
                      {t.status === "failed" ? (
                        <span className="tiny bad two-lines" style={{ minHeight: 0 }} title={t.error ?? ""}>
                          {t.error}
                        </span>
                      ) : t.status === "running" || t.status === "queued" ? (
                        <>
                          <TaskProgressBar task={t} />
                          <TaskPace task={t} />
                        </>
                      ) : (
                        <span className="tiny muted">{t.message || doneWords(t)}</span>
                      )}
                    </td>
                    <td className="num">{took(t)}</td>
                    <td className="num muted" title={formatTime(t.created_at)}>
                      {formatAgo(t.created_at)}
                    </td>
                    <td className="actions">
                      {may(me, "editor", t.project_id) &&
                        (t.status === "running" || t.status === "queued") && (
                          <IconButton
                            small
                            icon="stop"
                            label={`Cancel ${taskName(t.kind)}`}
                            onClick={() => void change(t, "cancel")}
                          />
                        )}
                      {may(me, "editor", t.project_id) &&
                        (t.status === "failed" || t.status === "cancelled") && (
                          <Button small icon="retry" onClick={() => void change(t, "retry")}>
                            Retry
                          </Button>
                        )}
                    </td>
                  </tr>
                ))}
              </Table>
            )
          }
        </Await>
      </Card>
      {shown && <TaskDetail t={shown} onClose={() => setOpen(null)} />}
    </>
  );
}
