import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { queries } from "../api/queries";
import { useMay } from "../app/account";
import { Link, useSearch } from "../app/router";
import { Button } from "../ui/Button";
import { formatAgo, plural } from "../ui/format";
import { Icon } from "../ui/Icon";
import { PageHead } from "../ui/layout";
import { Await, EmptyState } from "../ui/states";
import { NewProjectDialog } from "./ProjectDialogs";

export default function ProjectsPage() {
  const projects = useQuery(queries.projects());
  const mayCreate = useMay("editor");
  const [creating, setCreating] = useState(false);
  const [search, setSearch] = useSearch();
  const text = search.get("q") ?? "";
  const create = mayCreate ? (
    <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
      New project
    </Button>
  ) : undefined;
  return (
    <>
      <PageHead title="Projects" actions={projects.data?.length ? create : undefined} />
      <Await query={projects}>
        {(all) => {
          if (all.length === 0)
            return (
              <section className="card">
                <EmptyState icon="folder" title="No project yet" actions={create}>
                  A project groups the videos of one camera, site or question, and the sessions that judge
                  models on them.
                </EmptyState>
              </section>
            );
          const found = all.filter((p) => p.name.toLowerCase().includes(text.toLowerCase()));
          return (
            <div className="stack">
              {all.length > 8 && (
                <input
                  className="input"
                  style={{ maxWidth: "20rem" }}
                  type="search"
                  aria-label="Search projects"
                  placeholder="Search by name"
                  value={text}
                  onChange={(e) => setSearch({ q: e.target.value })}
                />
              )}
              <ul className="tiles">
                {found.map((p) => (
                  <li key={p.id}>
                    <Link to={`/projects/${p.id}`} className="card tile">
                      <div className="row">
                        <Icon name="folder" size={18} className="faint" />
                        <h2 className="cut grow">{p.name}</h2>
                      </div>
                      <p className="muted small two-lines">{p.description || " "}</p>
                      <p className="small row between">
                        <span className="muted">
                          {plural(p.videos, "video")} · {plural(p.sessions, "session")}
                        </span>
                        <span className="faint">{formatAgo(p.updated_at)}</span>
                      </p>
                    </Link>
                  </li>
                ))}
              </ul>
              {found.length === 0 && <p className="muted">No project's name has “{text}”.</p>}
            </div>
          );
        }}
      </Await>
      {creating && <NewProjectDialog onClose={() => setCreating(false)} />}
    </>
  );
}
