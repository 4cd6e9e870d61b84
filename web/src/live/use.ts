// The page's Live and what its news do to what was asked: progress goes straight into the lists that show
// it, beginnings and ends ask anew.
import { QueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";

import { ApiError } from "../api/client";
import { invalidateFor, type Task } from "../api/queries";
import { Live, type LiveState, type LiveTask } from "./live";

export const queryClient = new QueryClient({
  defaultOptions: {
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always", // the server may be on this machine
      staleTime: 10_000,
      retry: (count, error) =>
        count < 2 &&
        !(error instanceof ApiError && error.status > 0 && error.status < 500 && error.status !== 429),
      refetchOnWindowFocus: true,
    },
  },
});

function patch(old: Task, t: LiveTask): Task {
  return {
    ...old,
    status: t.status ?? old.status,
    progress: t.progress ?? old.progress,
    message: t.message ?? old.message,
    error: t.error ?? old.error,
    frames_done: t.frames_done ?? old.frames_done,
    frames_total: t.frames_total ?? old.frames_total,
    frames_per_second: t.frames_per_second ?? old.frames_per_second,
    detections: t.detections ?? old.detections,
  };
}

function onTask(t: LiveTask) {
  let isNews = true;
  queryClient.setQueriesData<Task[]>({ queryKey: ["tasks"] }, (list) => {
    const i = list?.findIndex((x) => x.task_id === t.task_id) ?? -1;
    if (!list || i < 0) return list;
    if (list[i]!.status === t.status) isNews = false;
    return list.map((x, j) => (j === i ? patch(x, t) : x));
  });
  if (isNews) void invalidateFor(queryClient, t);
}

export const live = new Live({
  open: () => new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/events`),
  onTask,
  onGap: () => void queryClient.invalidateQueries(),
  onRefused: () => void queryClient.invalidateQueries({ queryKey: ["me"] }),
});

const LOOK_MS = 20_000;
const ANSWER_MS = 5000;

const isThere = () =>
  fetch("/health/live", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) }).then(
    (r) => r.ok,
    () => false,
  );
const look = () => void live.look(isThere);

if (typeof window !== "undefined") {
  window.addEventListener("online", () => live.retryNow());
  window.addEventListener("offline", look); // a server on this machine is there all the same
  setInterval(look, LOOK_MS);
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (l) => live.subscribe(l),
    () => live.state,
  );
}

/** Hears of these while the caller is shown: "project:ID", "task:ID". */
export function useTopics(topics: string[]) {
  const key = topics.join(" ");
  useEffect(() => (key ? live.follow(key.split(" ")) : undefined), [key]);
}
