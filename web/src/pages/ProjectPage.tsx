import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type DragEvent } from "react";

import { actions, queries, type Overview, type Video } from "../api/queries";
import { useMay, useMe } from "../app/account";
import { Link, navigate } from "../app/router";
import type { PageProps } from "../app/routes";
import { useTopics } from "../live/use";
import { addUpload, hasVideosOnTheWay, matchWaiting } from "../upload/manager";
import { kindOf, matchTruth } from "../upload/names";
import { Badge, Status, Verdict } from "../ui/Badge";
import { Button, IconButton, buttonClass } from "../ui/Button";
import { ConfirmDialog } from "../ui/Dialog";
import { formatAgo, formatBytes, formatCount, formatDuration, formatNumber, plural } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Card, PageHead } from "../ui/layout";
import { Await, EmptyState, ErrorState, Notice, Skeleton } from "../ui/states";
import { hidden, ifWide, number, ShowMore, Table, wide } from "../ui/Table";
import { toast } from "../ui/toast";
import { MembersDialog } from "./MembersDialog";
import { NewSessionDialog, ProjectDialog } from "./ProjectDialogs";
import { ReadAgain } from "./ReadAgain";
import { SessionTable } from "./SessionTable";
import { TruthExport } from "./TruthExport";
import { TruthVersions } from "./TruthVersions";
import { UploadPanel } from "./UploadPanel";

const ROWS_AT_ONCE = 60;

function TruthCell({
  video,
  overview,
  onFile,
  onVersions,
  mayEdit,
}: {
  video: Video;
  overview: Overview | undefined;
  onVersions: () => void;
  onFile: (f: File) => void;
  mayEdit: boolean;
}) {
  const input = useRef<HTMLInputElement>(null);
  if (!overview) return <Skeleton width="5rem" />;
  const newest = overview.truth;
  if (newest)
    return (
      <span className="row">
        <button
          type="button"
          className="badge-button"
          title={`${newest.name ?? ""} (${newest.format}), version ${newest.version}: all versions`}
          onClick={onVersions}
        >
          <Badge tone="good" icon="truth">
            {plural(newest.objects, newest.format === "events" ? "event" : "object")}
          </Badge>
        </button>
        <TruthExport isBare video={video} format={newest.format} />
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
  overview,
  isSelected,
  onToggle,
  onTruth,
  onVersions,
  onDelete,
  mayEdit,
}: {
  video: Video;
  project: string;
  overview: Overview | undefined;
  isSelected: boolean;
  onToggle: () => void;
  onTruth: (f: File) => void;
  onVersions: () => void;
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
  const judged = overview?.last_session;
  const review = `/projects/${project}/videos/${video.id}/review${judged ? `?session=${judged.id}` : ""}`;
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
      <td className="num wide-only">{video.status === "ready" ? formatCount(video.frames) : "–"}</td>
      <td>
        {video.status === "ready" ? (
          <TruthCell
            video={video}
            overview={overview}
            onFile={onTruth}
            onVersions={onVersions}
            mayEdit={mayEdit}
          />
        ) : (
          <span className="row wrap">
            <Status status={video.status} />
            {mayEdit && video.status === "failed" && <ReadAgain video={video} />}
          </span>
        )}
      </td>
      <td>
        {judged ? (
          <Link
            to={`/sessions/${judged.id}`}
            className="row"
            title={`${judged.name ?? judged.model ?? "Session"}, ${formatAgo(judged.finished_at)}`}
          >
            {judged.verdict ? <Verdict verdict={judged.verdict} /> : <span>no verdict</span>}
            {judged.AP50 !== null && (
              <span className="tiny muted nowrap wide-only">AP50 {formatNumber(judged.AP50, 3)}</span>
            )}
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

function SelectAll({
  all,
  chosen,
  onSelect,
}: {
  all: Video[];
  chosen: Video[];
  onSelect: (ids: string[]) => void;
}) {
  const usable = all.filter((v) => v.status !== "failed");
  return (
    <input
      type="checkbox"
      className="checkbox"
      aria-label="Select all videos"
      checked={chosen.length > 0 && chosen.length === usable.length}
      disabled={usable.length === 0}
      onChange={(e) => onSelect(e.target.checked ? usable.map((v) => v.id) : [])}
    />
  );
}

export default function ProjectPage({ params }: PageProps) {
  const id = params["p"]!;
  const client = useQueryClient();
  const project = useQuery(queries.project(id));
  const videos = useQuery(queries.videos(id));
  const sessions = useQuery(queries.sessions(id));
  const overview = useQuery(queries.overview(id));
  const me = useMe();
  const mayEdit = useMay("editor", id);
  const mayDelete = useMay("admin", id);
  const [selected, setSelected] = useState<string[]>([]);
  const [shown, setShown] = useState(ROWS_AT_ONCE);
  const [dialog, setDialog] = useState<"session" | "rename" | "members" | "delete" | Video | null>(null);
  const [versionsOf, setVersionsOf] = useState<Video | null>(null);
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
              {me?.has_accounts && (
                <IconButton icon="user" label="Members of the project" onClick={() => setDialog("members")} />
              )}
              {mayEdit && (
                <IconButton icon="edit" label="Change the project" onClick={() => setDialog("rename")} />
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
        {overview.error && (
          <ErrorState compact error={overview.error} retry={() => void overview.refetch()} />
        )}
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
              <Table
                label="Videos"
                className="hover videos"
                head={[
                  wide(<SelectAll all={all} chosen={chosen} onSelect={setSelected} />, "2.5rem"),
                  "Video",
                  number("Length"),
                  ifWide(number("Frames")),
                  "Truth",
                  "Last verdict",
                  hidden("Actions"),
                ]}
                foot={<ShowMore shown={shown} of={all.length} onMore={() => setShown(shown + 200)} />}
              >
                {all.slice(0, shown).map((v) => (
                  <VideoRow
                    key={v.id}
                    video={v}
                    project={id}
                    overview={overview.data?.get(v.id)}
                    mayEdit={mayEdit}
                    isSelected={selected.includes(v.id)}
                    onToggle={() =>
                      setSelected((s) => (s.includes(v.id) ? s.filter((x) => x !== v.id) : [...s, v.id]))
                    }
                    onTruth={(file) => addUpload({ project: id, kind: "truth", file, videoId: v.id })}
                    onVersions={() => setVersionsOf(v)}
                    onDelete={() => setDialog(v)}
                  />
                ))}
              </Table>
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
      {versionsOf && <TruthVersions video={versionsOf} onClose={() => setVersionsOf(null)} />}
      {dialog === "session" && (
        <NewSessionDialog project={id} videos={chosen} onClose={() => setDialog(null)} />
      )}
      {dialog === "members" && <MembersDialog project={id} onClose={() => setDialog(null)} />}
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
