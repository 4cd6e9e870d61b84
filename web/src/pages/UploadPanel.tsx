// Files on their way to one project: progress, pause, resume, and truth that nobody could place by its name.
import type { Video } from "../api/queries";
import {
  assignTruth,
  clearDone,
  dropUpload,
  pauseUpload,
  resumeUpload,
  useUploads,
  type Upload,
} from "../upload/manager";
import { Button, IconButton } from "../ui/Button";
import { formatBytes, formatDuration, formatPercent, plural } from "../ui/format";
import { Icon, type IconName } from "../ui/Icon";
import { Card, Progress } from "../ui/layout";

function shareWords(u: Upload): string {
  return formatPercent(u.file.size ? u.sent / u.file.size : 0, 0);
}

function words(u: Upload): string {
  const left = u.bytesPerSecond ? (u.file.size - u.sent) / u.bytesPerSecond : null;
  switch (u.state) {
    case "queued":
      return "waits for its turn";
    case "sending":
      if (u.kind === "truth") return "being read";
      return [
        `${formatBytes(u.sent)} of ${formatBytes(u.file.size)}`,
        u.bytesPerSecond ? `${formatBytes(u.bytesPerSecond)}/s` : "",
        left !== null && left >= 1 ? `${formatDuration(left)} left` : "",
      ]
        .filter(Boolean)
        .join(" · ");
    case "waiting":
      return u.kind === "truth" ? (u.error ?? "") : `${u.error ?? ""}, at ${shareWords(u)}`;
    case "paused":
      return `paused at ${shareWords(u)}`;
    case "done":
      return u.note ?? `${formatBytes(u.file.size)}, stored`;
    case "failed":
      return u.error ?? "refused";
    case "unmatched":
      return "whose truth is this?";
  }
}

const icons: Record<Upload["state"], IconName> = {
  queued: "circle",
  sending: "upload",
  waiting: "warning",
  paused: "pause",
  done: "check",
  failed: "cross",
  unmatched: "truth",
};

function Line({ u, videos }: { u: Upload; videos: Video[] }) {
  const share = u.file.size > 0 ? u.sent / u.file.size : u.state === "done" ? 1 : 0;
  const tone =
    u.state === "done"
      ? "good"
      : u.state === "failed"
        ? "bad"
        : u.state === "sending"
          ? undefined
          : ("still" as const);
  return (
    <li className="upload">
      <Icon
        name={icons[u.state]}
        className={
          u.state === "done"
            ? "good"
            : u.state === "failed"
              ? "bad"
              : u.state === "waiting"
                ? "warn"
                : "faint"
        }
      />
      <div className="grow">
        <div className={u.state === "failed" || u.state === "waiting" ? "stack tight" : "row between"}>
          <span className="small cut">{u.file.name}</span>
          <span
            role={u.state === "failed" ? "alert" : undefined}
            className={`tiny ${u.state === "failed" ? "bad" : u.state === "waiting" ? "warn" : "muted nowrap"}`}
          >
            {words(u)}
          </span>
        </div>
        {u.kind === "video" && <Progress value={share} tone={tone} label={`Upload of ${u.file.name}`} />}
        {u.state === "unmatched" && (
          <select
            className="select"
            aria-label={`Video that ${u.file.name} belongs to`}
            value=""
            onChange={(e) => assignTruth(u.id, e.target.value)}
          >
            <option value="">Choose the video that it belongs to</option>
            {videos.map((v) => (
              <option key={v.id} value={v.id}>
                {v.name}
              </option>
            ))}
          </select>
        )}
      </div>
      {(u.state === "sending" || u.state === "queued" || u.state === "waiting") && u.kind === "video" && (
        <IconButton small icon="pause" label={`Pause ${u.file.name}`} onClick={() => pauseUpload(u.id)} />
      )}
      {(u.state === "paused" || u.state === "failed") && (
        <IconButton
          small
          icon={u.state === "paused" ? "play" : "retry"}
          label={`${u.state === "paused" ? "Resume" : "Try again:"} ${u.file.name}`}
          onClick={() => resumeUpload(u.id)}
        />
      )}
      <IconButton
        small
        icon="cross"
        label={u.state === "done" ? `Take ${u.file.name} off the list` : `Cancel ${u.file.name}`}
        onClick={() => dropUpload(u.id)}
      />
    </li>
  );
}

export function UploadPanel({ project, videos }: { project: string; videos: Video[] }) {
  const uploads = useUploads(project);
  if (uploads.length === 0) return null;
  const busy = uploads.filter((u) => u.state !== "done" && u.state !== "failed").length;
  return (
    <Card
      flush
      title={busy > 0 ? `${plural(busy, "file")} on the way` : "Uploads"}
      actions={
        uploads.some((u) => u.state === "done") && (
          <Button small kind="ghost" onClick={() => clearDone(project)}>
            Clear finished
          </Button>
        )
      }
    >
      <ul aria-live="off" className="uploads">
        {uploads.map((u) => (
          <Line key={u.id} u={u} videos={videos} />
        ))}
      </ul>
    </Card>
  );
}
