// Outcomes of one kind as crops, each a link to its frame in review.
import { useQuery } from "@tanstack/react-query";

import { api } from "../../api/client";
import { queries, type Outcome } from "../../api/queries";
import { Link } from "../../app/router";
import { buttonClass } from "../../ui/Button";
import { formatNumber } from "../../ui/format";
import { Await, Skeleton } from "../../ui/states";
import { reviewLink } from "./results";

const VIDEOS_LOOKED_AT = 4;
const CROPS = 12;

interface Example extends Outcome {
  video: string;
}

/** Spread over the list rather than its first few, which are often one object in frame after frame. */
export function spread<T>(list: readonly T[], n: number): T[] {
  if (list.length <= n) return [...list];
  return Array.from({ length: n }, (_, i) => list[Math.floor((i * list.length) / n)]!);
}

function Crop({
  e,
  session,
  project,
  size,
}: {
  e: Example;
  session: string;
  project: string;
  size: { width: number; height: number } | undefined;
}) {
  const box = e.truth_box ?? e.bounding_box;
  if (!box || !size?.width) return null;
  const margin = Math.max(box.width, box.height) * 0.35 + 6;
  const side = Math.max(box.width, box.height) + 2 * margin;
  const x = box.x + box.width / 2 - side / 2;
  const y = box.y + box.height / 2 - side / 2;
  const rect = (b: typeof box, className: string) => (
    <rect
      x={b.x}
      y={b.y}
      width={b.width}
      height={b.height}
      className={className}
      vectorEffect="non-scaling-stroke"
    />
  );
  return (
    <Link
      className="crop"
      to={reviewLink({ project, video: e.video, session, frame: e.frame })}
      aria-label={`${e.label}, frame ${e.frame}${e.confidence !== undefined ? `, confidence ${formatNumber(e.confidence, 2)}` : ""}`}
    >
      <svg viewBox={`${x} ${y} ${side} ${side}`} preserveAspectRatio="xMidYMid slice" aria-hidden="true">
        <image
          href={`/api/v1/videos/${e.video}/frames/${e.frame}.jpg`}
          x={0}
          y={0}
          width={size.width}
          height={size.height}
        />
        {e.truth_box && rect(e.truth_box, e.result === "fn" ? "box-fn" : "box-truth")}
        {e.bounding_box && rect(e.bounding_box, e.result === "fp" ? "box-fp" : "box-tp")}
      </svg>
      <span className="tiny">
        {e.confidence !== undefined ? formatNumber(e.confidence, 2) : `frame ${e.frame}`}
      </span>
    </Link>
  );
}

export function Examples({
  session,
  project,
  result,
  label,
  words,
}: {
  session: string;
  project: string;
  result: "tp" | "fp" | "fn";
  label: string;
  words: string;
}) {
  const videos = useQuery(queries.sessionVideos(session));
  const known = useQuery(queries.videos(project));
  const sizes = new Map(known.data?.map((v) => [v.id, { width: v.width, height: v.height }]));
  const ids = (videos.data ?? [])
    .filter((v) => v.set_id)
    .map((v) => v.video_id)
    .slice(0, VIDEOS_LOOKED_AT);
  const examples = useQuery({
    queryKey: ["session", session, "examples", result, label, ids],
    enabled: ids.length > 0,
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const lists = await Promise.all(
        ids.map(async (video) => {
          const page = await api("get", "/api/v1/sessions/{id}/detections", {
            path: { id: session },
            query: { video, result, label, limit: 400 },
            signal,
          });
          return page.items.map((o) => ({ ...(o as Outcome), video }));
        }),
      );
      return spread(lists.flat(), CROPS);
    },
  });
  return (
    <div className="examples">
      <h3>Examples: {words}</h3>
      <Await
        query={examples}
        compact
        skeleton={
          <div className="crops">
            {Array.from({ length: 6 }, (_, i) => (
              <Skeleton key={i} height="7rem" />
            ))}
          </div>
        }
      >
        {(list) =>
          list.length === 0 ? (
            <p className="muted small">
              No example is stored: the session judged at another confidence than the matrix.
            </p>
          ) : (
            <>
              <div className="crops">
                {list.map((e, i) => (
                  <Crop
                    key={`${e.video}-${e.frame}-${i}`}
                    e={e}
                    session={session}
                    project={project}
                    size={sizes.get(e.video)}
                  />
                ))}
              </div>
              <div className="row wrap">
                {ids.map((video) => (
                  <Link
                    key={video}
                    className={buttonClass({ small: true })}
                    to={reviewLink({ project, video, session, result, label })}
                  >
                    All in {known.data?.find((v) => v.id === video)?.name ?? "review"}
                  </Link>
                ))}
              </div>
            </>
          )
        }
      </Await>
    </div>
  );
}
