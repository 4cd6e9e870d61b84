import { QueryClientProvider } from "@tanstack/react-query";
import { Component, Suspense, useEffect, type ReactNode } from "react";

import { live, queryClient } from "../live/use";
import { Toasts } from "../ui/toast";
import { EmptyState, ErrorState, Skeleton } from "../ui/states";
import { Link, usePath } from "./router";
import { findRoute } from "./routes";
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
    // A page whose code is gone: the server has a newer version than this page.
    return <ErrorState error={this.state.error} retry={() => location.reload()} />;
  }
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

export function App() {
  const path = usePath();
  const found = findRoute(path);
  const title = found?.route.title ?? "Not found";
  useEffect(() => {
    document.title = `${title} · Assay`;
  }, [title, path]);
  useEffect(() => {
    const signs = ["pointerover", "focusin"];
    for (const s of signs) document.addEventListener(s, loadAhead, { passive: true });
    return () => signs.forEach((s) => document.removeEventListener(s, loadAhead));
  }, []);
  const isBare = found?.route.bare ?? false;
  useEffect(() => {
    if (isBare) return; // nobody is logged in: there is nothing to hear
    live.start();
    return () => live.stop();
  }, [isBare]);
  const Page = found?.route.page;
  const content = (
    <Boundary path={path}>
      <Suspense fallback={<Loading />}>{Page ? <Page params={found.params} /> : <NoPage />}</Suspense>
    </Boundary>
  );
  return (
    <QueryClientProvider client={queryClient}>
      {found?.route.bare ? content : <Shell full={found?.route.full ?? false}>{content}</Shell>}
      <Toasts />
    </QueryClientProvider>
  );
}
