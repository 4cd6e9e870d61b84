// Review of one video: what the model found, missed and imagined, on the very frame.
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { useMay } from "../app/account";
import { matchPath } from "../app/router";
import type { PageProps } from "../app/routes";
import { queryClient, useTopics } from "../live/use";
import { api } from "../api/client";
import { queries, type Video } from "../api/queries";
import { ReadAgain } from "../pages/ReadAgain";
import { EmptyState, ErrorState, SkeletonRows } from "../ui/states";
import { FrameClock } from "./clock";
import { readView } from "./address";
import { closeAhead, openAhead, sourceOf } from "./opening";
import { Review } from "./Review";
import "./review.css";

function timesQuery(id: string) {
  return queryOptions({
    queryKey: ["times", id],
    queryFn: async ({ signal }) => {
      const t = await api("get", "/api/v1/videos/{id}/times", { path: { id }, signal });
      return FrameClock.fromSteps(t.first_pts_us, t.steps);
    },
    staleTime: Infinity,
    gcTime: 60_000,
    retry: 1,
    structuralSharing: false,
  });
}

function readAhead(id: string) {
  openAhead(sourceOf(id, readView(new URLSearchParams(location.search))));
}

// As the window's first page it begins to read before anything is shown.
const here = matchPath("/projects/:p/videos/:v/review", location.pathname);
if (here) {
  readAhead(here["v"]!);
  void queryClient.prefetchQuery(queries.video(here["v"]!));
  void queryClient.prefetchQuery(timesQuery(here["v"]!));
}

export default function ReviewPage({ params }: PageProps) {
  const id = params["v"]!;
  useState(() => readAhead(id));
  useEffect(() => closeAhead, []);
  const video = useQuery(queries.video(id));
  const times = useQuery(timesQuery(id));
  const error = video.error ?? (video.data?.status === "ready" ? times.error : null);
  if (error)
    return (
      <ErrorState
        error={error}
        retry={() => {
          void video.refetch();
          if (video.data) void times.refetch();
        }}
      />
    );
  if (video.data && video.data.status !== "ready") return <NotReady video={video.data} />;
  if (!video.data) return <SkeletonRows rows={8} height={64} />;
  // List and timeline do not wait for the exact times; the picture does.
  const isExact = times.data !== undefined;
  const clock = times.data ?? evenClock(video.data);
  return <Review key={id} projectId={params["p"]!} video={video.data} clock={clock} isExact={isExact} />;
}

const guesses = new WeakMap<Video, FrameClock>();

function evenClock(v: Video): FrameClock {
  let c = guesses.get(v);
  if (!c) {
    const step = Math.round(1e6 / (v.frame_rate || 25));
    guesses.set(v, (c = FrameClock.fromSteps(0, v.frames > 1 ? [step, v.frames - 1] : [])));
  }
  return c;
}

function NotReady({ video }: { video: Video }) {
  const mayEdit = useMay("editor", video.project_id);
  useTopics([`project:${video.project_id}`]);
  if (video.status === "failed")
    return (
      <EmptyState
        icon="warning"
        title={`${video.name} was not read`}
        actions={mayEdit && <ReadAgain video={video} />}
      >
        {video.error}
      </EmptyState>
    );
  return (
    <EmptyState icon="video" title={`${video.name} is being looked at`}>
      It can be reviewed as soon as the server has counted its frames.
    </EmptyState>
  );
}
