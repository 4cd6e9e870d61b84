import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { Component, Suspense, useEffect, type ReactNode } from "react";

import { live, queryClient, useLiveState } from "../live/use";
import { toast, Toasts } from "../ui/toast";
import { EmptyState, ErrorState, Skeleton } from "../ui/states";
import { isIn, meQuery, useLogin, useMe } from "./account";
import { LoginAgain } from "./LoginAgain";
import { Link, navigate, usePath, useQueryText } from "./router";
import { findRoute, routes } from "./routes";
import { Shell } from "./Shell";

class Boundary extends Component<{ path: string; children: ReactNode }, { error: unknown; path: string }> {
  override state = { error: null as unknown, path: this.props.path };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  static getDerivedStateFromProps(props: { path: string }, state: { error: unknown; path: string }) {
    return props.path === state.path ? null : { error: null, path: props.path };
  }
  override render() {
    if (this.state.error === null) return this.props.children;
    return <ErrorState error={this.state.error} retry={() => void reload()} />;
  }
}

/** A page whose code is gone: the server has a newer version. While it cannot be reached, what is there stays. */
async function reload() {
  const isThere = await fetch("/health/live", { cache: "no-store" }).then(
    (r) => r.ok,
    () => false,
  );
  if (isThere) location.reload();
  else toast("The server still cannot be reached.", "info");
}

function Loading() {
  return (
    <div className="stack loose" role="status" aria-label="Loading">
      <Skeleton width="14rem" height="2rem" />
      <Skeleton height="6rem" />
      <Skeleton height="14rem" />
    </div>
  );
}

function NoPage() {
  return (
    <EmptyState
      icon="search"
      title="There is no such page"
      actions={
        <Link to="/" className="button primary">
          Go to the dashboard
        </Link>
      }
    >
      The address may be mistyped, or of a newer version.
    </EmptyState>
  );
}

/** Whoever points at a link is about to follow it. */
function loadAhead(e: Event) {
  const link = e.target instanceof Element ? e.target.closest("a") : null;
  if (!link || link.origin !== location.origin) return;
  findRoute(link.pathname)
    ?.route.page.load()
    .catch(() => undefined);
}

const IDLE_MS = 2000;

/** Once the first page stands, the others' code follows: a connection that is lost later takes no page away. */
function whenIdle(call: () => void): () => void {
  let timer = 0;
  const start = () => (timer = window.setTimeout(call, IDLE_MS));
  if (document.readyState === "complete") start();
  else window.addEventListener("load", start, { once: true });
  return () => (clearTimeout(timer), window.removeEventListener("load", start));
}

/** The page, once it is known for whom: before that nothing of it is asked for. */
function Place() {
  const path = usePath();
  const search = useQueryText();
  const found = findRoute(path);
  const me = useQuery(meQuery);
  const isThere = isIn(me.data);
  const isBare = found?.route.bare ?? false;
  const isStranger = me.data !== undefined && !isThere && !isBare;
  useEffect(() => {
    found?.route.page.load().catch(() => undefined);
  }, [found?.route]);
  useEffect(() => {
    const signs = ["pointerover", "focusin"];
    for (const x of signs) document.addEventListener(x, loadAhead, { passive: true });
    return () => signs.forEach((x) => document.removeEventListener(x, loadAhead));
  }, []);
  useEffect(() => {
    if (isStranger) navigate(`/login?to=${encodeURIComponent(path + search)}`, { replace: true });
  }, [isStranger, path, search]);
  if (isStranger) return null;
  const Page = found?.route.page;
  const content = (
    <Boundary path={path}>
      <Suspense fallback={<Loading />}>{Page ? <Page params={found.params} /> : <NoPage />}</Suspense>
    </Boundary>
  );
  if (isBare) return content;
  const waits = me.error ? <ErrorState error={me.error} retry={() => me.refetch()} /> : <Loading />;
  return <Shell full={found?.route.full ?? false}>{isThere ? content : waits}</Shell>;
}

/** Hears what happens while somebody is there to hear it. */
function Hearing() {
  const isThere = isIn(useMe());
  const { isEnded } = useLogin();
  const hears = isThere && !isEnded;
  const isOpen = useLiveState() === "open";
  useEffect(() => {
    if (isOpen) return whenIdle(() => routes.forEach((r) => void r.page.load().catch(() => undefined)));
  }, [isOpen]);
  useEffect(() => {
    if (!hears) return;
    live.start();
    return () => live.stop();
  }, [hears]);
  return null;
}

export function App() {
  const path = usePath();
  const title = findRoute(path)?.route.title ?? "Not found";
  useEffect(() => {
    document.title = `${title} · Assay`;
  }, [title, path]);
  return (
    <QueryClientProvider client={queryClient}>
      <Place />
      <Hearing />
      <LoginAgain />
      <Toasts />
    </QueryClientProvider>
  );
}
