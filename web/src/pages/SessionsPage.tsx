import { useQuery } from "@tanstack/react-query";

import { queries } from "../api/queries";
import { Link, navigate, useSearch } from "../app/router";
import { useTopics } from "../live/use";
import { Button, buttonClass } from "../ui/Button";
import { Card, PageHead } from "../ui/layout";
import { Await, EmptyState } from "../ui/states";
import { SessionTable } from "./SessionTable";

export default function SessionsPage() {
  const [search, setSearch] = useSearch();
  const project = search.get("project") ?? "";
  const sessions = useQuery(queries.sessions(project || undefined));
  const projects = useQuery(queries.projects());
  const names = new Map(projects.data?.map((p) => [p.id, p.name]));
  const selected = (search.get("selected") ?? "").split(",").filter(Boolean);
  useTopics((projects.data ?? []).slice(0, 100).map((p) => `project:${p.id}`));
  const [a, b] = selected;
  return (
    <>
      <PageHead
        title="Sessions"
        actions={
          <>
            <select
              className="select"
              style={{ width: "14rem" }}
              aria-label="Project"
              value={project}
              onChange={(e) => setSearch({ project: e.target.value, selected: null })}
            >
              <option value="">All projects</option>
              {(projects.data ?? []).map((p) => (
                <option key={p.id} value={p.id}>
                  {p.name}
                </option>
              ))}
            </select>
            <Button
              icon="compare"
              disabled={!a || !b}
              title={a && b ? undefined : "Select two judged sessions"}
              onClick={() => navigate(`/compare?a=${b}&b=${a}`)}
            >
              Compare {selected.length > 0 && `${selected.length} of 2`}
            </Button>
          </>
        }
      />
      <Card flush>
        <Await query={sessions}>
          {(all) =>
            all.length > 0 ? (
              <SessionTable
                sessions={all}
                {...(project ? {} : { projects: names })}
                selectable
                selected={selected}
                onSelect={(ids) => setSearch({ selected: ids.join(",") })}
              />
            ) : (
              <EmptyState
                icon="session"
                title="No session yet"
                actions={
                  <Link to="/projects" className={buttonClass({ kind: "primary" })}>
                    Choose a project
                  </Link>
                }
              >
                A session runs one model over some videos and judges it. Start one on a project's videos.
              </EmptyState>
            )
          }
        </Await>
      </Card>
    </>
  );
}
