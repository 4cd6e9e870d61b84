import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";

import { queries } from "../api/queries";
import { useMay, useMe } from "../app/account";
import { Link } from "../app/router";
import type { PageProps } from "../app/routes";
import { formatBytes, formatCount, formatPercent } from "../ui/format";
import { Card, PageHead, Progress, Segments } from "../ui/layout";
import { Await, Notice, Skeleton } from "../ui/states";
import { number, Table } from "../ui/Table";
import { chooseTheme, useChosenTheme, type Theme } from "../ui/theme";

const ServerOptions = lazy(() => import("./settings/ServerOptions"));
const Retention = lazy(() => import("./settings/Retention"));
const Users = lazy(() => import("./settings/Users"));
const Keys = lazy(() => import("./settings/Keys"));
const Audit = lazy(() => import("./settings/Audit"));
const Password = lazy(() => import("./settings/Password"));

const TABS = [
  { id: "about", text: "About" },
  { id: "storage", text: "Storage" },
  { id: "limits", text: "Limits", admin: true },
  { id: "keys", text: "Keys" },
  { id: "users", text: "Users", admin: true },
  { id: "audit", text: "Audit", admin: true },
];

function About() {
  const version = useQuery(queries.version());
  const me = useMe();
  const theme = useChosenTheme();
  return (
    <div className="grid two">
      <Card title="This server">
        <Await query={version} compact>
          {(v) => (
            <dl className="pairs">
              <dt>Assay</dt>
              <dd>{v.version}</dd>
              <dt>Schema of the database</dt>
              <dd>{v.schema}</dd>
              <dt>Accounts</dt>
              <dd>{me ? (me.has_accounts ? "yes" : "none: whoever reaches it may do everything") : "–"}</dd>
              <dt>API</dt>
              <dd>
                <a href="/openapi.yaml">openapi.yaml</a>
              </dd>
              <dt>Metrics</dt>
              <dd>
                <a href="/metrics">/metrics</a>
              </dd>
            </dl>
          )}
        </Await>
      </Card>
      <Card title="This browser">
        <div className="stack">
          <div className="row between">
            <span className="small" id="colours">
              Colours
            </span>
            <Segments<Theme>
              label="Colours"
              value={theme}
              options={[
                { value: "system", text: "As the system" },
                { value: "dark", text: "Dark" },
                { value: "light", text: "Light" },
              ]}
              onChange={chooseTheme}
            />
          </div>
          <p className="small muted">
            The page is part of the program: it asks no other server for anything. Licences of the parts it is
            built from: <a href="/third-party.txt">third-party.txt</a>.
          </p>
        </div>
      </Card>
      {me?.user && (
        <Suspense fallback={<Skeleton height="10rem" />}>
          <Password />
        </Suspense>
      )}
    </div>
  );
}

function Storage() {
  const stats = useQuery(queries.stats());
  const projects = useQuery(queries.projects());
  return (
    <div className="grid two">
      <Card title="Disk">
        <Await query={stats} compact>
          {(s) => {
            const used = s.disk_bytes - s.free_bytes;
            const share = s.disk_bytes > 0 ? used / s.disk_bytes : 0;
            return (
              <div className="stack">
                <Progress value={share} label="Disk in use" tone={share > 0.9 ? "bad" : undefined} />
                <dl className="pairs">
                  <dt>Stored by Assay</dt>
                  <dd>{formatBytes(s.stored_bytes)}</dd>
                  <dt>In use by everything</dt>
                  <dd>
                    {formatBytes(used)} ({formatPercent(share, 0)})
                  </dd>
                  <dt>Free</dt>
                  <dd>{formatBytes(s.free_bytes)}</dd>
                  <dt>Detections</dt>
                  <dd>{formatCount(s.detections)}</dd>
                </dl>
                {share > 0.9 && (
                  <Notice kind="warn">Little is free: uploads are refused before the disk is full.</Notice>
                )}
              </div>
            );
          }}
        </Await>
      </Card>
      <Card title="Room of projects" flush>
        <Await query={projects} compact>
          {(all) =>
            all.length === 0 ? (
              <p className="muted small" style={{ padding: "var(--s4)" }}>
                There is no project yet.
              </p>
            ) : (
              <Table
                label="Room of projects"
                className=""
                head={["Project", number("Videos"), number("Room")]}
              >
                {all.map((p) => (
                  <tr key={p.id}>
                    <td>
                      <Link to={`/projects/${p.id}`}>{p.name}</Link>
                    </td>
                    <td className="num">{formatCount(p.videos)}</td>
                    <td className="num">{p.quota_bytes > 0 ? formatBytes(p.quota_bytes) : "–"}</td>
                  </tr>
                ))}
              </Table>
            )
          }
        </Await>
      </Card>
      <Retention />
    </div>
  );
}

export default function SettingsPage({ params }: PageProps) {
  const tab = params["tab"] ?? "about";
  const me = useMe();
  const isAdmin = useMay("admin");
  const tabs = TABS.filter((t) => !t.admin || isAdmin || tab === t.id);
  return (
    <>
      <PageHead title="Settings" />
      <nav className="tabs" aria-label="Settings">
        {tabs.map((t) => (
          <Link key={t.id} to={`/settings/${t.id}`} aria-current={t.id === tab ? "page" : undefined}>
            {t.text}
          </Link>
        ))}
      </nav>
      {me && !me.has_accounts && (tab === "users" || tab === "keys") && (
        <Notice>
          There are no accounts: everybody who reaches this server may do everything. The first admin is made
          from the shell, <code>assay user add NAME --role admin</code>.
        </Notice>
      )}
      <Suspense fallback={<Skeleton height="16rem" />}>
        {tab === "about" && <About />}
        {tab === "storage" && <Storage />}
        {tab === "limits" && <ServerOptions />}
        {tab === "users" && <Users />}
        {tab === "keys" && <Keys />}
        {tab === "audit" && <Audit />}
      </Suspense>
    </>
  );
}
