// The last lines that a failed task has logged, the newest in sight.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import type { Schemas } from "../api/client";
import { queries, type Task } from "../api/queries";
import { CopyButton } from "../ui/CopyButton";
import { formatClock, plural } from "../ui/format";
import { Await, Skeleton } from "../ui/states";

const TONES: Record<string, string> = { error: "bad", warning: "warn" };

function Lines({ log }: { log: Schemas["TaskLog"] }) {
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => box.current!.scrollTo({ top: box.current!.scrollHeight }), [log]);
  const text = () => log.lines.map((l) => `${l.time} ${l.level} ${l.message}\n`).join("");
  return (
    <section className="stack tight" aria-label="Log">
      <div className="row between">
        <h3>Last lines of its log</h3>
        <CopyButton small kind="ghost" what="The log" text={text} />
      </div>
      <pre className="code wraps" tabIndex={0} ref={box} data-testid="log">
        {log.left_out > 0 && (
          <span className="muted">
            {plural(log.left_out, "line")} before these{"\n"}
          </span>
        )}
        {log.lines.map((l, i) => (
          <span key={i}>
            <span className="muted" title={l.time}>
              {formatClock(l.time)}
            </span>{" "}
            <span className={TONES[l.level] ?? "muted"}>{l.level}</span> {l.message}
            {"\n"}
          </span>
        ))}
      </pre>
    </section>
  );
}

export function TaskLog({ task }: { task: Task }) {
  const whole = useQuery(queries.task(task));
  return (
    <Await query={whole} compact skeleton={task.status === "failed" ? <Skeleton height="6rem" /> : <></>}>
      {(t) => (t.log && t.log.lines.length > 0 ? <Lines log={t.log} /> : null)}
    </Await>
  );
}
