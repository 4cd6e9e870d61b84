import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { queries, type Project, type Stats, type Task } from "../api/queries";
import { Link } from "../app/router";
import { useMay } from "../app/account";
import { useTopics } from "../live/use";
import { Button, buttonClass } from "../ui/Button";
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  formatPercent,
  formatShort,
  formatTime,
} from "../ui/format";
import { Card, PageHead, Progress, Stat } from "../ui/layout";
import { Await, EmptyState, Skeleton } from "../ui/states";
import { number, Table } from "../ui/Table";
import { NewProjectDialog } from "./ProjectDialogs";
import { SessionTable } from "./SessionTable";
import { TaskPace, TaskProgressBar, taskName } from "./TaskRow";

function Running({ tasks }: { tasks: Task[] }) {
  if (tasks.length === 0)
    return (
      <EmptyState compact icon="tasks" title="Nothing is running">
        Sessions and uploads show their progress here.
      </EmptyState>
    );
  return (
    <ul>
      {tasks.slice(0, 8).map((t) => (
        <li key={t.task_id} className="task-line">
          <div className="row between">
            <span className="small">{taskName(t.kind)}</span>
            <span className="tiny muted">
              {t.status === "queued" ? "queued" : formatPercent(t.progress, 0)}
            </span>
          </div>
          <TaskProgressBar task={t} />
          <TaskPace task={t} />
        </li>
      ))}
    </ul>
  );
}

const PROJECTS_SHOWN = 6;

function Projects({ all }: { all: Project[] }) {
  const newest = [...all].sort((a, b) => b.updated_at.localeCompare(a.updated_at)).slice(0, PROJECTS_SHOWN);
  return (
    <Table
      label="Projects"
      head={["Project", number("Videos"), number("Sessions"), number("Room"), number("Changed")]}
    >
      {newest.map((p) => (
        <tr key={p.id}>
          <td className="cut" style={{ maxWidth: "18rem" }}>
            <Link className="cell" to={`/projects/${p.id}`}>
              {p.name}
            </Link>
          </td>
          <td className="num">{formatCount(p.videos)}</td>
          <td className="num">{formatCount(p.sessions)}</td>
          <td className="num muted">{p.quota_bytes > 0 ? formatBytes(p.quota_bytes) : "–"}</td>
          <td className="num muted" title={formatTime(p.updated_at)}>
            {formatAgo(p.updated_at)}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Storage({ stats }: { stats: Stats }) {
  const used = stats.disk_bytes - stats.free_bytes;
  const share = stats.disk_bytes > 0 ? used / stats.disk_bytes : 0;
  return (
    <div className="stack tight">
      <Progress value={share} label="Disk in use" tone={share > 0.9 ? "bad" : undefined} />
      {share > 0.9 && (
        <p className="small bad">
          Almost full. Uploads are refused before nothing is left: delete what is not needed, or add disk.
        </p>
      )}
      <dl className="pairs">
        <dt>Stored by Assay</dt>
        <dd>{formatBytes(stats.stored_bytes)}</dd>
        <dt>Free on the disk</dt>
        <dd className={share > 0.9 ? "bad" : ""}>{formatBytes(stats.free_bytes)}</dd>
        <dt>Disk</dt>
        <dd>{formatBytes(stats.disk_bytes)}</dd>
      </dl>
    </div>
  );
}

const STEPS = [
  { title: "Create a project", text: "It groups the videos of one camera, site or question." },
  {
    title: "Upload videos and their truth",
    text: "Drop files on the project. COCO, MOT, CVAT, VOC and more are recognised.",
  },
  { title: "Add a model", text: "Any ONNX detector. Assay says what it recognised, and why." },
  { title: "Run a session", text: "It judges the model on the videos, and shows every miss." },
];

function Welcome({
  onCreate,
  mayCreate,
  hasModels,
}: {
  onCreate: () => void;
  mayCreate: boolean;
  hasModels: boolean;
}) {
  return (
    <section className="card welcome">
      <div className="body">
        <h2>Start here</h2>
        <ol className="steps">
          {STEPS.map((s, i) => (
            <li key={s.title}>
              <span className="step-number" aria-hidden="true">
                {i + 1}
              </span>
              <div>
                <h3>{s.title}</h3>
                <p className="muted small">{s.text}</p>
              </div>
            </li>
          ))}
        </ol>
        <div className="row wrap">
          {mayCreate && (
            <Button kind="primary" icon="plus" onClick={onCreate}>
              Create a project
            </Button>
          )}
          {!hasModels && (
            <Link to="/models" className={buttonClass({})}>
              Add a model
            </Link>
          )}
        </div>
      </div>
    </section>
  );
}

export default function DashboardPage() {
  const stats = useQuery({ ...queries.stats(), refetchInterval: 30_000 });
  const projects = useQuery(queries.projects());
  const running = useQuery(queries.tasks({ status: "running", limit: 20 }));
  const queued = useQuery(queries.tasks({ status: "queued", limit: 20 }));
  const mayCreate = useMay("editor");
  const [creating, setCreating] = useState(false);
  const tasks = [...(running.data ?? []), ...(queued.data ?? [])].filter(
    (t) => t.status === "running" || t.status === "queued",
  );
  useTopics([
    ...(projects.data ?? []).slice(0, 100).map((p) => `project:${p.id}`),
    ...tasks.slice(0, 20).map((t) => `task:${t.task_id}`),
  ]);
  const names = new Map(projects.data?.map((p) => [p.id, p.name]));
  const fps = tasks.reduce((sum, t) => sum + (t.status === "running" ? (t.frames_per_second ?? 0) : 0), 0);
  const isEmpty = stats.data?.projects === 0;
  return (
    <>
      <PageHead
        title="Dashboard"
        actions={
          mayCreate && !isEmpty && stats.data ? (
            <Button icon="plus" onClick={() => setCreating(true)}>
              New project
            </Button>
          ) : undefined
        }
      />
      {isEmpty && (
        <Welcome
          onCreate={() => setCreating(true)}
          mayCreate={mayCreate}
          hasModels={(stats.data?.models ?? 0) > 0}
        />
      )}
      <Await query={stats} skeleton={<Skeleton height="5.25rem" />}>
        {(s) => (
          <dl className="stats">
            <Stat label="Projects">{formatCount(s.projects)}</Stat>
            <Stat
              label="Videos"
              note={s.video_seconds > 0 ? `${formatDuration(s.video_seconds)} long` : undefined}
            >
              {formatCount(s.videos)}
            </Stat>
            <Stat
              label="Sessions"
              note={
                s.verdicts.passed + s.verdicts.failed > 0
                  ? `${formatCount(s.verdicts.passed)} passed, ${formatCount(s.verdicts.failed)} failed`
                  : undefined
              }
            >
              {formatCount(s.sessions)}
            </Stat>
            <Stat label="Detections" note={`in ${formatShort(s.frames)} frames`}>
              {formatShort(s.detections)}
            </Stat>
            <Stat label="Latest AP50" note={s.latest_at ? undefined : "no session has been judged"}>
              {formatNumber(s.latest_AP50, 3)}
            </Stat>
            <Stat label="Throughput now" note={`${plainTasks(s)}`}>
              {fps > 0 ? formatNumber(fps, 1) : "–"} {fps > 0 && <small>fps</small>}
            </Stat>
          </dl>
        )}
      </Await>
      <div className="grid main-side">
        <div className="stack">
          <Card
            flush
            title="Latest sessions"
            actions={
              <Link to="/sessions" className={buttonClass({ kind: "ghost", small: true })}>
                All sessions
              </Link>
            }
          >
            <Await query={stats}>
              {(s) =>
                s.latest_sessions.length > 0 ? (
                  <SessionTable brief sessions={s.latest_sessions} projects={names} />
                ) : (
                  <EmptyState
                    icon="session"
                    title="No session has been judged yet"
                    actions={
                      s.projects > 0 ? (
                        <Link to="/projects" className={buttonClass({ kind: "primary" })}>
                          Choose a project
                        </Link>
                      ) : undefined
                    }
                  >
                    Open a project, select videos and start one: its verdict and figures stand here.
                  </EmptyState>
                )
              }
            </Await>
          </Card>
          {!isEmpty && (
            <Card
              flush
              title="Projects"
              actions={
                <Link to="/projects" className={buttonClass({ kind: "ghost", small: true })}>
                  All projects
                </Link>
              }
            >
              <Await query={projects}>{(all) => <Projects all={all} />}</Await>
            </Card>
          )}
        </div>
        <div className="stack">
          <Card
            flush
            title="Running now"
            actions={
              <Link to="/tasks" className={buttonClass({ kind: "ghost", small: true })}>
                All tasks
              </Link>
            }
          >
            <Await query={running} compact>
              {() => <Running tasks={tasks} />}
            </Await>
          </Card>
          <Card title="Storage">
            <Await query={stats} compact>
              {(s) => <Storage stats={s} />}
            </Await>
          </Card>
        </div>
      </div>
      {creating && <NewProjectDialog onClose={() => setCreating(false)} />}
    </>
  );
}

function plainTasks(s: Stats): string {
  const { running, queued } = s.tasks_by_status;
  return running + queued === 0 ? "no task is under way" : `${running} running, ${queued} queued`;
}
