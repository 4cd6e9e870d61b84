// What the pages ask, each under one key, so that a live event can say what has changed.
import { keepPreviousData, queryOptions, useQuery, type QueryClient } from "@tanstack/react-query";

import { api, collect, send, sendJson, type Schemas } from "./client";

export type Project = Schemas["Project"];
export type Video = Schemas["Video"];
export type Model = Schemas["Model"];
export type TestSession = Schemas["Session"];
export type Task = Schemas["Task"];
export type TaskProgress = Schemas["TaskProgress"];
export type Results = Schemas["SessionResults"];
export type Metrics = Schemas["Metrics"];
export type Truth = Schemas["Truth"];
export type Stats = Schemas["Stats"];
export type Overview = Schemas["VideoOverview"];
export type Outcome = Schemas["OutcomeDetection"];

const MOST = 1000; // of a list that is shown whole

export const queries = {
  stats: () =>
    queryOptions({
      queryKey: ["stats"],
      queryFn: ({ signal }) => api("get", "/api/v1/dashboard/stats", { signal }),
    }),
  projects: () =>
    queryOptions({
      queryKey: ["projects"],
      queryFn: ({ signal }) =>
        collect((cursor) => api("get", "/api/v1/projects", { query: { limit: 200, cursor }, signal }), MOST),
    }),
  project: (id: string) =>
    queryOptions({
      queryKey: ["project", id],
      queryFn: ({ signal }) => api("get", "/api/v1/projects/{id}", { path: { id }, signal }),
    }),
  videos: (project: string) =>
    queryOptions({
      queryKey: ["videos", project],
      queryFn: ({ signal }) =>
        collect(
          (cursor) =>
            api("get", "/api/v1/projects/{id}/videos", {
              path: { id: project },
              query: { limit: 200, cursor },
              signal,
            }),
          MOST,
        ),
    }),
  /** Of each video its newest truth and what judged it last. */
  overview: (project: string) =>
    queryOptions({
      queryKey: ["videos", project, "overview"],
      queryFn: async ({ signal }) => {
        const all = await collect(
          (cursor) =>
            api("get", "/api/v1/projects/{id}/overview", {
              path: { id: project },
              query: { limit: 200, cursor },
              signal,
            }),
          MOST,
        );
        return new Map(all.map((o) => [o.video_id, o]));
      },
      structuralSharing: false,
    }),
  video: (id: string) =>
    queryOptions({
      queryKey: ["video", id],
      queryFn: ({ signal }) => api("get", "/api/v1/videos/{id}", { path: { id }, signal }),
    }),
  truths: (video: string) =>
    queryOptions({
      queryKey: ["truths", video],
      queryFn: async ({ signal }) =>
        (
          await api("get", "/api/v1/videos/{id}/truth/versions", {
            path: { id: video },
            query: { limit: 50 },
            signal,
          })
        ).items,
    }),
  models: () =>
    queryOptions({
      queryKey: ["models"],
      queryFn: ({ signal }) =>
        collect((cursor) => api("get", "/api/v1/models", { query: { limit: 200, cursor }, signal }), MOST),
    }),
  model: (id: string) =>
    queryOptions({
      queryKey: ["model", id],
      queryFn: ({ signal }) => api("get", "/api/v1/models/{id}", { path: { id }, signal }),
    }),
  sessions: (project?: string) =>
    queryOptions({
      queryKey: ["sessions", project ?? null],
      queryFn: ({ signal }) =>
        collect(
          (cursor) =>
            api("get", "/api/v1/sessions", { query: { limit: 200, cursor, project_id: project }, signal }),
          MOST,
        ),
    }),
  session: (id: string) =>
    queryOptions({
      queryKey: ["session", id],
      queryFn: ({ signal }) => api("get", "/api/v1/sessions/{id}", { path: { id }, signal }),
    }),
  sessionVideos: (id: string) =>
    queryOptions({
      queryKey: ["session", id, "videos"],
      queryFn: ({ signal }) =>
        collect((cursor) =>
          api("get", "/api/v1/sessions/{id}/videos", { path: { id }, query: { limit: 200, cursor }, signal }),
        ),
    }),
  results: (id: string) =>
    queryOptions({
      queryKey: ["session", id, "results"],
      queryFn: ({ signal }) => api("get", "/api/v1/sessions/{id}/results", { path: { id }, signal }),
    }),
  tasks: (
    filter: { project_id?: string; session_id?: string; status?: Task["status"]; limit?: number } = {},
  ) =>
    queryOptions({
      queryKey: ["tasks", filter],
      queryFn: async ({ signal }) =>
        (await api("get", "/api/v1/tasks", { query: { limit: 50, ...filter }, signal })).items,
      placeholderData: keepPreviousData,
    }),
  /** With its log, which lists do not have; anew with each try and end (who retries counts from 1 again). */
  task: ({
    task_id: id,
    status,
    attempt,
    finished_at: end,
  }: Pick<Task, "task_id" | "status" | "attempt" | "finished_at">) =>
    queryOptions({
      queryKey: ["task", id, status, attempt, end],
      queryFn: ({ signal }) => api("get", "/api/v1/tasks/{id}", { path: { id }, signal }),
    }),
  version: () =>
    queryOptions({
      queryKey: ["version"],
      queryFn: () => sendJson<{ version: string; schema: number }>("/version"),
      staleTime: Infinity,
    }),
};

export function useVideoNames(project: string | undefined): Map<string, string> {
  const q = useQuery({ ...queries.videos(project ?? ""), enabled: !!project });
  return new Map(q.data?.map((v) => [v.id, v.name]));
}

// ---- what is done

export const actions = {
  createProject: (json: Schemas["ProjectNew"]) => api("post", "/api/v1/projects", { json }),
  changeProject: (id: string, json: Schemas["ProjectChange"]) =>
    api("patch", "/api/v1/projects/{id}", { path: { id }, json }),
  deleteProject: (id: string) => api("delete", "/api/v1/projects/{id}", { path: { id } }),
  /** Has a failed video read again. */
  readVideo: (id: string) => api("post", "/api/v1/videos/{id}/probe", { path: { id } }),
  deleteVideo: (id: string) => api("delete", "/api/v1/videos/{id}", { path: { id } }),
  deleteModel: (id: string) => api("delete", "/api/v1/models/{id}", { path: { id } }),
  deleteSession: (id: string) => api("delete", "/api/v1/sessions/{id}", { path: { id } }),
  createSession: (json: Schemas["SessionNew"]) => api("post", "/api/v1/sessions", { json }),
  loadModel: (id: string) => api("post", "/api/v1/models/{id}/load", { path: { id } }),
  unloadModel: (id: string) => api("post", "/api/v1/models/{id}/unload", { path: { id } }),
  cancelTask: (id: string) => api("post", "/api/v1/tasks/{id}/cancel", { path: { id } }),
  retryTask: (id: string) => api("post", "/api/v1/tasks/{id}/retry", { path: { id } }),
  attachTruth: async (video: string, file: File): Promise<Truth> => {
    const r = await send(`/api/v1/videos/${video}/truth?name=${encodeURIComponent(file.name)}`, {
      method: "PUT",
      body: file,
      headers: { "Content-Type": "application/octet-stream" },
    });
    return (await r.json()) as Truth;
  },
};

/** What an ended or begun task may have changed. */
export function invalidateFor(
  client: QueryClient,
  t: {
    kind?: string | null;
    project_id?: string | null;
    video_id?: string | null;
    session_id?: string | null;
  },
): Promise<unknown> {
  const keys: unknown[][] = [["stats"], ["tasks"]];
  if (t.video_id) keys.push(["video", t.video_id], ["truths", t.video_id]);
  if (t.project_id)
    keys.push(["videos", t.project_id], ["project", t.project_id], ["sessions", t.project_id]);
  if (t.session_id) keys.push(["session", t.session_id], ["sessions", null]);
  return Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })));
}
