// The worst moments: frames with most misses and false alarms, as pictures with their boxes.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { api } from "../../api/client";
import { queries, type Outcome, type Results } from "../../api/queries";
import { navigate } from "../../app/router";
import { Button } from "../../ui/Button";
import { formatTimecode, plural } from "../../ui/format";
import { Card } from "../../ui/layout";
import { Await, EmptyState, Skeleton } from "../../ui/states";
import { groupMoments, reviewLink, worseFirst, worstMoments, type Moment } from "./results";

const SHOWN = 8;
const MORE = 24;
const VIDEOS_LOOKED_AT = 6;

function useSeen() {
  const ref = useRef<HTMLAnchorElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const look = new IntersectionObserver((e) => e.some((x) => x.isIntersecting) && setSeen(true), {
      rootMargin: "200px",
    });
    if (ref.current) look.observe(ref.current);
    return () => look.disconnect();
  }, []);
  return { ref, seen };
}

export function Boxes({
  outcomes,
  width,
  height,
  atConfidence,
}: {
  outcomes: Outcome[];
  width: number;
  height: number;
  atConfidence: number;
}) {
  return (
    <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      {outcomes
        .filter((o) => o.result !== "fp" || (o.confidence ?? 0) >= atConfidence)
        .map((o, i) => {
          const b = o.result === "fn" ? o.truth_box : o.bounding_box;
          return (
            b && (
              <rect
                key={i}
                x={b.x}
                y={b.y}
                width={b.width}
                height={b.height}
                className={`box-${o.result}`}
                vectorEffect="non-scaling-stroke"
              />
            )
          );
        })}
    </svg>
  );
}

function MomentCard({
  m,
  session,
  project,
  name,
  size,
  atConfidence,
}: {
  m: Moment;
  session: string;
  project: string;
  name: string;
  size: { width: number; height: number } | undefined;
  atConfidence: number;
}) {
  const { ref, seen } = useSeen();
  const link = reviewLink({ project, video: m.video_id, session, frame: m.frame, confidence: atConfidence });
  const boxes = useQuery({
    queryKey: ["session", session, "frame", m.video_id, m.frame],
    enabled: seen,
    staleTime: Infinity,
    queryFn: async ({ signal }) =>
      (
        await api("get", "/api/v1/sessions/{id}/detections", {
          path: { id: session },
          query: { video: m.video_id, from_frame: m.frame, to_frame: m.frame, limit: 300 },
          signal,
        })
      ).items as Outcome[],
  });
  return (
    <a
      ref={ref}
      className="moment"
      href={link}
      onClick={(e) => {
        if (e.metaKey || e.ctrlKey || e.shiftKey || e.button !== 0) return;
        e.preventDefault();
        navigate(link);
      }}
    >
      <span className="picture" style={size ? { aspectRatio: `${size.width} / ${size.height}` } : undefined}>
        {seen && (
          <img
            src={`/api/v1/videos/${m.video_id}/frames/${m.frame}.jpg?width=480`}
            alt=""
            loading="lazy"
            decoding="async"
          />
        )}
        {seen && size && boxes.data && (
          <Boxes outcomes={boxes.data} width={size.width} height={size.height} atConfidence={atConfidence} />
        )}
      </span>
      <span className="row between">
        <span className="small cut">{name}</span>
        <span className="tiny muted nowrap">
          {m.pts_us !== null ? `${formatTimecode(m.pts_us)} · ` : ""}frame {m.frame}
        </span>
      </span>
      <span className="row tiny">
        {m.missed > 0 && <b className="fn">{m.missed} missed</b>}
        {m.false_alarms > 0 && <b className="fp">{plural(m.false_alarms, "false alarm")}</b>}
        {m.found > 0 && <span className="muted">{m.found} found</span>}
      </span>
    </a>
  );
}

export function MomentsCard({
  results,
  session,
  project,
  atConfidence,
}: {
  results: Results;
  session: string;
  project: string;
  atConfidence: number;
}) {
  const videos = useQuery(queries.videos(project));
  const [all, setAll] = useState(false);
  const own = worstMoments(results);
  const sessionVideos = useQuery({ ...queries.sessionVideos(session), enabled: own === null });
  const ids = (sessionVideos.data ?? [])
    .filter((v) => v.set_id)
    .map((v) => v.video_id)
    .slice(0, VIDEOS_LOOKED_AT);
  const gathered = useQuery({
    queryKey: ["session", session, "moments", ids],
    enabled: own === null && ids.length > 0,
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const of = async (video: string, result: "fn" | "fp") =>
        (
          await api("get", "/api/v1/sessions/{id}/detections", {
            path: { id: session },
            query: {
              video,
              result,
              limit: 1000,
              ...(result === "fp" ? { min_confidence: atConfidence } : {}),
            },
            signal,
          })
        ).items as Outcome[];
      const lists = await Promise.all(
        ids.map(async (v) => groupMoments(v, [...(await of(v, "fn")), ...(await of(v, "fp"))], atConfidence)),
      );
      return lists.flat().sort(worseFirst).slice(0, MORE);
    },
  });
  const query =
    own === null
      ? gathered
      : { data: own.slice(0, MORE), error: null, isPending: false, refetch: () => undefined };
  return (
    <Card title="Worst moments">
      {own === null && sessionVideos.isSuccess && ids.length === 0 ? (
        <p className="muted small">No outcome of single objects is stored for this session.</p>
      ) : (
        <Await
          query={query}
          compact
          skeleton={
            <div className="moments">
              {Array.from({ length: 4 }, (_, i) => (
                <Skeleton key={i} height="10rem" />
              ))}
            </div>
          }
        >
          {(list) =>
            list.length === 0 ? (
              <EmptyState compact icon="check" title="Nothing was missed, and nothing was a false alarm" />
            ) : (
              <>
                <div className="moments">
                  {list.slice(0, all ? MORE : SHOWN).map((m) => {
                    const v = videos.data?.find((x) => x.id === m.video_id);
                    return (
                      <MomentCard
                        key={`${m.video_id}-${m.frame}`}
                        m={m}
                        session={session}
                        project={project}
                        name={v?.name ?? "–"}
                        size={v}
                        atConfidence={atConfidence}
                      />
                    );
                  })}
                </div>
                {list.length > SHOWN && (
                  <Button small kind="ghost" onClick={() => setAll(!all)}>
                    {all ? "Fewer" : `${list.length - SHOWN} more`}
                  </Button>
                )}
              </>
            )
          }
        </Await>
      )}
      <p className="legend" style={{ marginTop: "var(--s3)" }}>
        <span>
          <svg width="18" height="12" aria-hidden="true">
            <rect x="1" y="1" width="16" height="10" className="box-tp" />
          </svg>
          found
        </span>
        <span>
          <svg width="18" height="12" aria-hidden="true">
            <rect x="1" y="1" width="16" height="10" className="box-fp" />
          </svg>
          false alarm
        </span>
        <span>
          <svg width="18" height="12" aria-hidden="true">
            <rect x="1" y="1" width="16" height="10" className="box-fn" />
          </svg>
          missed
        </span>
      </p>
    </Card>
  );
}
