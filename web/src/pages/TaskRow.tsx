// A task's progress in words and as a bar, live.
import type { Task } from "../api/queries";
import { formatCount, formatDuration, formatNumber } from "../ui/format";
import { Progress } from "../ui/layout";

const KINDS: Record<string, string> = {
  probe: "Read video",
  preview: "Make preview",
  process: "Detect",
  evaluate: "Judge session",
  bench: "Measure speed",
  quantize: "Calibrate to int8",
  report: "Write report",
  import: "Import",
};

export function taskName(kind: string): string {
  return KINDS[kind] ?? kind.charAt(0).toUpperCase() + kind.slice(1).replace(/_/g, " ");
}

/** Seconds that are left, by the pace so far; null while it cannot be said. */
export function secondsLeft(
  t: Pick<Task, "frames_done" | "frames_total" | "frames_per_second">,
): number | null {
  const fps = t.frames_per_second ?? 0;
  const left = t.frames_total - t.frames_done;
  return fps > 0 && t.frames_total > 0 && left >= 0 ? left / fps : null;
}

export function TaskProgressBar({ task }: { task: Task }) {
  const isUnknown = task.status === "running" && task.progress === 0 && task.frames_total === 0;
  const tone =
    task.status === "failed"
      ? "bad"
      : task.status === "succeeded"
        ? "good"
        : task.status === "running"
          ? undefined
          : "still";
  return (
    <Progress
      value={isUnknown ? null : (task.progress ?? 0)}
      label={`${taskName(task.kind)}: progress`}
      tone={tone}
    />
  );
}

export function TaskPace({ task }: { task: Task }) {
  if (task.status !== "running") return null;
  const left = secondsLeft(task);
  return (
    <span className="tiny muted nowrap">
      {task.frames_total > 0 && `${formatCount(task.frames_done)} / ${formatCount(task.frames_total)} frames`}
      {(task.frames_per_second ?? 0) > 0 && ` · ${formatNumber(task.frames_per_second, 1)} fps`}
      {left !== null && ` · ${formatDuration(left)} left`}
    </span>
  );
}
