// Sessions as rows: on the dashboard, on a project, and on their own page.
import { useState } from "react";

import type { TestSession } from "../api/queries";
import { Link } from "../app/router";
import { Status, Verdict } from "../ui/Badge";
import { formatAgo, formatCount, formatNumber, formatTime } from "../ui/format";
import { Progress } from "../ui/layout";
import { hidden, ifWide, number, ShowMore, Table } from "../ui/Table";

export function sessionName(s: TestSession): string {
  return s.name || `${s.model ?? "Session"}, ${formatAgo(s.created_at)}`;
}

function Outcome({ s }: { s: TestSession }) {
  if (s.status === "succeeded") return <Verdict verdict={s.verdict} />;
  if (s.status === "running")
    return (
      <div className="row" style={{ minWidth: "7rem" }}>
        <div className="grow">
          <Progress
            value={s.videos ? s.videos_done / s.videos : null}
            label={`Videos done of ${sessionName(s)}`}
          />
        </div>
        <span className="tiny muted nowrap">
          {s.videos_done}/{s.videos}
        </span>
      </div>
    );
  return <Status status={s.status} />;
}

export function SessionTable({
  sessions,
  projects,
  selectable,
  selected,
  onSelect,
  brief,
}: {
  /** Fewer columns, for little room. */
  brief?: boolean;
  sessions: TestSession[];
  /** Names by id, where sessions of several projects stand together. */
  projects?: Map<string, string>;
  selectable?: boolean;
  selected?: string[];
  onSelect?: (ids: string[]) => void;
}) {
  const [shown, setShown] = useState(50);
  const toggle = (id: string) =>
    onSelect?.(selected!.includes(id) ? selected!.filter((x) => x !== id) : [...selected!, id].slice(-2));
  return (
    <Table
      label="Sessions"
      head={[
        !!selectable && hidden("Compare", "2.5rem"),
        "Session",
        !!projects && "Project",
        brief || projects ? ifWide("Model") : "Model",
        "Outcome",
        number("AP50"),
        !brief && ifWide(number("AP")),
        number("Precision"),
        number("Recall"),
        !brief && ifWide(number("Videos")),
        number("When"),
      ]}
      foot={<ShowMore shown={shown} of={sessions.length} onMore={() => setShown(shown + 200)} />}
    >
      {sessions.slice(0, shown).map((s) => (
        <tr key={s.id} aria-selected={selectable ? selected!.includes(s.id) : undefined}>
          {selectable && (
            <td>
              <input
                type="checkbox"
                className="checkbox"
                aria-label={`Compare ${sessionName(s)}`}
                checked={selected!.includes(s.id)}
                disabled={s.status !== "succeeded"}
                onChange={() => toggle(s.id)}
              />
            </td>
          )}
          <td style={{ maxWidth: "18rem" }} className="cut">
            <Link className="cell" to={`/sessions/${s.id}`}>
              {sessionName(s)}
            </Link>
          </td>
          {projects && (
            <td style={{ maxWidth: "12rem" }} className="cut">
              <Link to={`/projects/${s.project_id}`}>{projects.get(s.project_id) ?? "–"}</Link>
            </td>
          )}
          <td className={`muted cut ${brief || projects ? "wide-only" : ""}`} style={{ maxWidth: "11rem" }}>
            {s.model ?? "–"}
          </td>
          <td>
            <Outcome s={s} />
          </td>
          <td className="num">{formatNumber(s.AP50, 3)}</td>
          {!brief && <td className="num wide-only">{formatNumber(s.AP, 3)}</td>}
          <td className="num">{formatNumber(s.precision, 3)}</td>
          <td className="num">{formatNumber(s.recall, 3)}</td>
          {!brief && <td className="num wide-only">{formatCount(s.videos)}</td>}
          <td className="num muted" title={formatTime(s.created_at)}>
            {formatAgo(s.created_at)}
          </td>
        </tr>
      ))}
    </Table>
  );
}
