import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type DragEvent } from "react";

import { actions, queries, type TestSession, type Video } from "../api/queries";
import { useMay } from "../app/account";
import { Link, navigate } from "../app/router";
import type { PageProps } from "../app/routes";
import { useTopics } from "../live/use";
import { addUpload, hasVideosOnTheWay, matchWaiting } from "../upload/manager";
import { kindOf, matchTruth } from "../upload/names";
import { Badge, Status, Verdict } from "../ui/Badge";
import { Button, IconButton, buttonClass } from "../ui/Button";
import { ConfirmDialog } from "../ui/Dialog";
import { formatBytes, formatCount, formatDuration, formatNumber, plural } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Card, PageHead } from "../ui/layout";
import { Await, EmptyState, Notice, Skeleton } from "../ui/states";
import { toast } from "../ui/toast";
import { NewSessionDialog, ProjectDialog } from "./ProjectDialogs";
import { SessionTable } from "./SessionTable";
import { UploadPanel } from "./UploadPanel";

const ROWS_AT_ONCE = 60;
const SESSIONS_LOOKED_AT = 6; // for each video's last verdict

interface Judged {
  session: TestSession;
}

/** Of each video the newest session that judged it. */
function useLastSessions(sessions: TestSession[] | undefined): Map<string, Judged> {
  const done = (sessions ?? []).filter((s) => s.status === "succeeded").slice(0, SESSIONS_LOOKED_AT);
  const lists = useQueries({
    queries: done.map((s) => ({ ...queries.sessionVideos(s.id), staleTime: Infinity })),
  });
  const last = new Map<string, Judged>();
  done.forEach((session, i) => {
    for (const v of lists[i]?.data ?? []) if (!last.has(v.video_id)) last.set(v.video_id, { session });
  });
  return last;
}

function TruthCell({
  video,
  onFile,
  mayEdit,
}: {
  video: Video;
  onFile: (f: File) => void;
  mayEdit: boolean;
}) {
  const q = useQuery({ ...queries.truths(video.id), enabled: video.status !== "failed" });
  const input = useRef<HTMLInputElement>(null);
  const newest = q.data?.[0];
  if (q.isPending) return <Skeleton width="5rem" />;
  if (newest)
    return (
      <span title={`${newest.name ?? ""} (${newest.format}), version ${newest.version}`}>
        <Badge tone="good" icon="truth">
          {formatCount(newest.objects)} objects
        </Badge>
      </span>
    );
  if (!mayEdit) return <span className="faint">none</span>;
  return (
    <>
      <Button
        small
        kind="ghost"
        icon="truth"
        aria-label={`Attach truth to ${video.name}`}
        onClick={() => input.current?.click()}
      >
        Attach truth
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        accept=".json,.jsonl,.txt,.csv,.xml"
        onChange={(e) => {
          const f = e.target.files?.[0];
          if (f) onFile(f);
          e.target.value = "";
        }}
      />
    </>
  );
}

function Thumbnail({ video }: { video: Video }) {
  const [broken, setBroken] = useState(false);
  if (!video.has_thumbnail || broken)
    return (
      <span className="thumb none">
        <Icon name="video" size={20} />
      </span>
    );
  return (
    <img
      className="thumb"
      src={`/api/v1/videos/${video.id}/thumbnail.jpg`}
      alt=""
      loading="lazy"
      decoding="async"
      width={96}
      height={54}
      onError={() => setBroken(true)}
    />
  );
}

function facts(v: Video): string {
  if (v.status === "failed") return v.error ?? "cannot be read";
  if (v.status === "uploaded") return `${formatBytes(v.bytes)} · being read`;
  const rate = v.frame_rate
    ? ` · ${formatNumber(v.frame_rate, v.frame_rate % 1 ? 2 : 0)} fps${v.is_variable ? ", variable" : ""}`
    : "";
  return `${v.width} × ${v.height}${rate} · ${v.codec ?? ""} · ${formatBytes(v.bytes)}`;
}

function VideoRow({
  video,
  project,
  judged,
  isSelected,
  onToggle,
  onTruth,
  onDelete,
  mayEdit,
}: {
  video: Video;
  project: string;
  judged: Judged | undefined;
  isSelected: boolean;
  onToggle: () => void;
  onTruth: (f: File) => void;
  onDelete: () => void;
  mayEdit: boolean;
}) {
  const [isOver, setOver] = useState(false);
  const drop = (e: DragEvent) => {
    const truth = [...e.dataTransfer.files].find((f) => kindOf(f.name) === "truth");
    setOver(false);
    if (!truth || e.dataTransfer.files.length !== 1) return; // several files go by their names
    e.preventDefault();
    e.stopPropagation();
    onTruth(truth);
  };
  const review = `/projects/${project}/videos/${video.id}/review${judged ? `?session=${judged.session.id}` : ""}`;
  return (
    <tr
      aria-selected={isSelected}
      className={isOver ? "drop-target" : undefined}
      onDragOver={() => mayEdit && setOver(true)}
      onDragLeave={() => setOver(false)}
      onDrop={mayEdit ? drop : undefined}
    >
      <td>
        <input
          type="checkbox"
          className="checkbox"
          aria-label={`Select ${video.name}`}
          checked={isSelected}
          disabled={video.status === "failed"}
          onChange={onToggle}
        />
      </td>
      <td>
        <div className="row wide">
          <Link to={review} tabIndex={-1} aria-label={`Review ${video.name}`}>
            <Thumbnail video={video} />
          </Link>
          <div style={{ minWidth: 0 }}>
            <Link className="cell" to={review}>
              {video.name}
            </Link>
            <div className={`tiny ${video.status === "failed" ? "bad" : "muted"}`}>{facts(video)}</div>
          </div>
        </div>
      </td>
      <td className="num">{video.status === "ready" ? formatDuration(video.duration_seconds) : "–"}</td>
      <td className="num">{video.status === "ready" ? formatCount(video.frames) : "–"}</td>
      <td>
        {video.status === "ready" ? (
          <TruthCell video={video} onFile={onTruth} mayEdit={mayEdit} />
        ) : (
          <Status status={video.status} />
        )}
      </td>
      <td>
        {judged ? (
          <Link to={`/sessions/${judged.session.id}`} className="row" title={judged.session.name ?? ""}>
            {judged.session.verdict ? <Verdict verdict={judged.session.verdict} /> : <span>Session</span>}
          </Link>
        ) : (
          <span className="faint">–</span>
        )}
      </td>
      <td className="actions">
        {mayEdit && <IconButton small icon="trash" label={`Delete ${video.name}`} onClick={onDelete} />}
      </td>
    </tr>
  );
}

export default function ProjectPage({ params }: PageProps) {
  const id = params["p"]!;
  const client = useQueryClient();
  const project = useQuery(queries.project(id));
  const videos = useQuery(queries.videos(id));
  const sessions = useQuery(queries.sessions(id));
  const last = useLastSessions(sessions.data);
  const mayEdit = useMay("editor");
  const mayDelete = useMay("admin");
  const [selected, setSelected] = useState<string[]>([]);
  const [shown, setShown] = useState(ROWS_AT_ONCE);
  const [dialog, setDialog] = useState<"session" | "rename" | "delete" | Video | null>(null);
  const [isDragging, setDragging] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useTopics([`project:${id}`]);
  useEffect(() => {
    if (project.data) document.title = `${project.data.name} · Assay`;
  }, [project.data]);

  const list = videos.data ?? [];
  const chosen = list.filter((v) => selected.includes(v.id));

  useEffect(() => {
    const all = videos.data ?? [];
    if (all.length === 0 || hasVideosOnTheWay(id)) return;
    matchWaiting(id, (name) => (all.length === 1 ? all[0]! : matchTruth(name, all)));
  }, [videos.data, id]);

  const take = (files: File[]) => {
    const models = files.filter((f) => kindOf(f.name) === "model");
    if (models.length > 0) toast(`${models[0]!.name} is a model: add it on the page Models.`, "info");
    for (const file of files) {
      const kind = kindOf(file.name);
      if (kind === "video") addUpload({ project: id, kind, file, videoId: null });
      else if (kind === "truth") {
        const alone = list.length === 1 && !files.some((f) => kindOf(f.name) === "video");
        const match = alone ? list[0]! : matchTruth(file.name, list);
        addUpload({ project: id, kind, file, videoId: match?.id ?? null });
      }
    }
  };
  const isFiles = (e: DragEvent) => mayEdit && e.dataTransfer.types.includes("Files");

  return (
    <div
      className="stack loose drop-zone"
      onDragEnter={(e) => isFiles(e) && setDragging(true)}
      onDragOver={(e) => isFiles(e) && e.preventDefault()}
      onDragLeave={(e) => {
        if (!e.currentTarget.contains(e.relatedTarget as Node | null)) setDragging(false);
      }}
      onDropCapture={() => setDragging(false)}
      onDrop={(e) => {
        if (!isFiles(e)) return;
        e.preventDefault();
        take([...e.dataTransfer.files]);
      }}
    >
      <PageHead
        crumbs={[{ to: "/projects", text: "Projects" }]}
        title={project.data?.name ?? (project.isError ? "Project" : <Skeleton width="14rem" />)}
        actions={
          project.data && (
            <>
              {mayEdit && (
                <IconButton icon="edit" label="Rename the project" onClick={() => setDialog("rename")} />
              )}
              {mayDelete && (
                <IconButton icon="trash" label="Delete the project" onClick={() => setDialog("delete")} />
              )}
              {mayEdit && (
                <Button icon="upload" onClick={() => input.current?.click()}>
                  Upload
                </Button>
              )}
              {mayEdit && (
                <Button
                  kind="primary"
                  icon="play"
                  disabled={chosen.length === 0}
                  title={chosen.length === 0 ? "Select videos first" : undefined}
                  onClick={() => setDialog("session")}
                >
                  {chosen.length > 0
                    ? `Start a session on ${plural(chosen.length, "video")}`
                    : "Start a session"}
                </Button>
              )}
            </>
          )
        }
      >
        {project.data?.description}
      </PageHead>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        data-testid="files"
        onChange={(e) => {
          take([...(e.target.files ?? [])]);
          e.target.value = "";
        }}
      />
      <UploadPanel project={id} videos={list} />
      <Card flush title={videos.data ? plural(list.length, "video") : "Videos"}>
        <Await query={videos}>
          {(all) =>
            all.length === 0 ? (
              <EmptyState
                icon="video"
                title="Drop videos here"
                actions={
                  mayEdit && (
                    <Button kind="primary" icon="upload" onClick={() => input.current?.click()}>
                      Choose files
                    </Button>
                  )
                }
              >
                Any container and codec that FFmpeg reads. Drop the annotation files with them: a truth named
                like its video is attached to it.
              </EmptyState>
            ) : (
              <div className="table-scroll" tabIndex={0} role="region" aria-label="Videos">
                <table className="table hover videos">
                  <thead>
                    <tr>
                      <th style={{ width: "2.5rem" }}>
                        <input
                          type="checkbox"
                          className="checkbox"
                          aria-label="Select all videos"
                          checked={
                            chosen.length > 0 &&
                            chosen.length === all.filter((v) => v.status !== "failed").length
                          }
                          onChange={(e) =>
                            setSelected(
                              e.target.checked
                                ? all.filter((v) => v.status !== "failed").map((v) => v.id)
                                : [],
                            )
                          }
                        />
                      </th>
                      <th>Video</th>
                      <th className="num">Length</th>
                      <th className="num">Frames</th>
                      <th>Truth</th>
                      <th>Last verdict</th>
                      <th>
                        <span className="sr-only">Actions</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {all.slice(0, shown).map((v) => (
                      <VideoRow
                        key={v.id}
                        video={v}
                        project={id}
                        judged={last.get(v.id)}
                        mayEdit={mayEdit}
                        isSelected={selected.includes(v.id)}
                        onToggle={() =>
                          setSelected((s) => (s.includes(v.id) ? s.filter((x) => x !== v.id) : [...s, v.id]))
                        }
                        onTruth={(file) => addUpload({ project: id, kind: "truth", file, videoId: v.id })}
                        onDelete={() => setDialog(v)}
                      />
                    ))}
                  </tbody>
                </table>
                {all.length > shown && (
                  <div className="row" style={{ justifyContent: "center", padding: "var(--s3)" }}>
                    <Button small onClick={() => setShown(shown + 200)}>
                      Show more of {formatCount(all.length)}
                    </Button>
                  </div>
                )}
              </div>
            )
          }
        </Await>
      </Card>
      {list.length > 0 &&
        !list.some((v) => v.status === "ready") &&
        list.every((v) => v.status === "failed") && (
          <Notice kind="warn">None of these videos can be read; each row says why.</Notice>
        )}
      <Card
        flush
        title="Sessions"
        actions={
          (sessions.data?.filter((s) => s.status === "succeeded").length ?? 0) > 1 && (
            <Link to={`/sessions?project=${id}`} className={buttonClass({ kind: "ghost", small: true })}>
              Compare
            </Link>
          )
        }
      >
        <Await query={sessions}>
          {(all) =>
            all.length > 0 ? (
              <SessionTable sessions={all} />
            ) : (
              <EmptyState compact icon="session" title="No session yet">
                Select videos above and start one: it runs a model over them and judges it against their
                truth.
              </EmptyState>
            )
          }
        </Await>
      </Card>
      {isDragging && (
        <div className="drop-hint" aria-hidden="true">
          <Icon name="upload" size={40} />
          <p>Drop videos and truth files</p>
        </div>
      )}
      {dialog === "session" && (
        <NewSessionDialog project={id} videos={chosen} onClose={() => setDialog(null)} />
      )}
      {dialog === "rename" && project.data && (
        <ProjectDialog project={project.data} onClose={() => setDialog(null)} />
      )}
      {dialog === "delete" && project.data && (
        <ConfirmDialog
          title={`Delete ${project.data.name}?`}
          action="Delete project"
          onClose={() => setDialog(null)}
          onConfirm={async () => {
            await actions.deleteProject(id);
            void client.invalidateQueries({ queryKey: ["projects"] });
            void client.invalidateQueries({ queryKey: ["stats"] });
            navigate("/projects", { replace: true });
            toast(`${project.data.name} was deleted.`);
          }}
        >
          Its {plural(list.length, "video")}, their truth and all sessions are deleted with it. This cannot be
          undone.
        </ConfirmDialog>
      )}
      {dialog && typeof dialog === "object" && (
        <ConfirmDialog
          title={`Delete ${dialog.name}?`}
          action="Delete video"
          onClose={() => setDialog(null)}
          onConfirm={async () => {
            await actions.deleteVideo(dialog.id);
            setSelected((s) => s.filter((x) => x !== dialog.id));
            await client.invalidateQueries({ queryKey: ["videos", id] });
            toast(`${dialog.name} was deleted.`);
          }}
        >
          Its truth and detections go with it; figures of sessions stay. This cannot be undone.
        </ConfirmDialog>
      )}
    </div>
  );
}
