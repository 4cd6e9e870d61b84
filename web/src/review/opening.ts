// Where the objects of a video come from, and reading them begun before the page knows anything else.
import type { View } from "./address";
import { ReviewData } from "./data";
import type { Source } from "./protocol";

export function detectionsUrl(video: string, task: string | null) {
  return `/api/v1/videos/${video}/detections${task ? `?task=${encodeURIComponent(task)}` : ""}`;
}

export function sourceOf(
  video: string,
  { session, task, version }: Pick<View, "session" | "task" | "version">,
): Source {
  if (session)
    return {
      url: `/api/v1/sessions/${encodeURIComponent(session)}/detections?video=${video}`,
      truthUrl: null,
      mayBeMissing: false,
    };
  return {
    url: detectionsUrl(video, task),
    truthUrl: `/api/v1/videos/${video}/truth${version === null ? "" : `?version=${version}`}`,
    mayBeMissing: task === null,
  };
}

export interface Opened {
  data: ReviewData;
  /** Rejected: why the objects cannot be read. */
  done: Promise<void>;
}

let ahead: (Opened & { key: string }) | null = null;

/** The worker starts and reads while the page still loads; whoever opens the same source next gets it. */
export function openAhead(source: Source) {
  const key = JSON.stringify(source);
  if (ahead?.key === key) return;
  ahead?.data.close();
  ahead = { key, ...start(source) };
}

/** Nobody came for it. */
export function closeAhead() {
  ahead?.data.close();
  ahead = null;
}

export function open(source: Source): Opened {
  const was = ahead;
  ahead = null;
  if (was?.key === JSON.stringify(source)) return was;
  was?.data.close();
  return start(source);
}

function start(source: Source): Opened {
  const data = new ReviewData();
  const done = data.open(source);
  // Told by whoever takes it; nobody gets later what failed before (without a login, say).
  done.catch(() => {
    if (ahead?.data === data) closeAhead();
  });
  return { data, done };
}
