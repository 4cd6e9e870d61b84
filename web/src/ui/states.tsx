// What stands where there is nothing, not yet something, or something went wrong.
import type { ReactNode } from "react";

import { ApiError } from "../api/client";
import { Button } from "./Button";
import { Icon, type IconName } from "./Icon";

export function EmptyState({
  icon,
  title,
  children,
  actions,
  compact,
}: {
  icon: IconName;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
  compact?: boolean;
}) {
  return (
    <div className={`state ${compact ? "compact" : ""}`}>
      <Icon name={icon} size={compact ? 28 : 40} />
      <h3>{title}</h3>
      {children && <p>{children}</p>}
      {actions && <div className="actions">{actions}</div>}
    </div>
  );
}

/** Words for people, by what went wrong: what failed, and what can be done. */
export function describeError(error: unknown): { title: string; detail: string; canRetry: boolean } {
  if (error instanceof ApiError) {
    if (error.status === 0)
      return {
        title: "The server cannot be reached",
        detail: "It may have been stopped, or the connection is gone. Nothing is lost; try again.",
        canRetry: true,
      };
    if (error.isMissingRoute)
      return {
        title: "Not available on this server",
        detail: "This server's version does not offer it.",
        canRetry: false,
      };
    if (error.status === 401)
      return {
        title: "You are not logged in",
        detail: "The login has ended. Log in again to go on.",
        canRetry: false,
      };
    if (error.status === 403)
      return { title: "Your role does not allow this", detail: error.message, canRetry: false };
    if (error.status === 404)
      return { title: "It does not exist (any more)", detail: error.message, canRetry: false };
    if (error.status === 429)
      return { title: "Too many requests", detail: "The server asks to wait a moment.", canRetry: true };
    if (error.status === 507)
      return {
        title: "No space is left",
        detail: `${error.message}. Delete what is not needed, or add disk.`,
        canRetry: true,
      };
    return {
      title: error.status >= 500 ? "The server could not do this" : "The server refused this",
      detail: error.message,
      canRetry: error.status >= 500,
    };
  }
  if (/dynamically imported|module script|Unable to preload/i.test(String((error as Error)?.message)))
    return {
      title: "This page could not be loaded",
      detail: "The server cannot be reached, or it has a newer version.",
      canRetry: true,
    };
  return {
    title: "Something went wrong on this page",
    detail: String((error as Error)?.message ?? error),
    canRetry: true,
  };
}

export function ErrorState({
  error,
  retry,
  compact,
}: {
  error: unknown;
  retry?: () => void;
  compact?: boolean;
}) {
  const d = describeError(error);
  const id = error instanceof ApiError ? error.requestId : null;
  return (
    <div className={`state error ${compact ? "compact" : ""}`} role="alert">
      <Icon name="warning" size={compact ? 28 : 40} />
      <h3>{d.title}</h3>
      <p>{d.detail}</p>
      {id && <p className="tiny faint">Request {id}</p>}
      {retry && d.canRetry && (
        <div className="actions">
          <Button icon="retry" onClick={retry}>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

export function Skeleton({
  width = "100%",
  height = "1em",
}: {
  width?: string | number;
  height?: string | number;
}) {
  return <span className="skeleton" style={{ width, height }} aria-hidden="true" />;
}

export function SkeletonRows({ rows = 4, height = 42 }: { rows?: number; height?: number }) {
  return (
    <div className="stack tight" style={{ padding: "var(--s4)" }} role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} height={height - 16} width={`${100 - ((i * 13) % 30)}%`} />
      ))}
    </div>
  );
}

export function Notice({
  kind = "info",
  children,
  role,
}: {
  kind?: "info" | "warn" | "bad";
  children: ReactNode;
  role?: "alert" | "status";
}) {
  return (
    <div className={`notice ${kind}`} role={role}>
      <Icon name={kind === "info" ? "info" : "warning"} />
      <div className="grow">{children}</div>
    </div>
  );
}

export interface QueryLike<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** A query's data, or its skeleton, or its error with a retry. Old data stays while new is asked for. */
export function Await<T>({
  query,
  children,
  skeleton,
  compact,
}: {
  query: QueryLike<T>;
  children: (data: T) => ReactNode;
  skeleton?: ReactNode;
  compact?: boolean;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <ErrorState error={query.error} retry={() => query.refetch()} compact={compact} />;
  return <>{skeleton ?? <SkeletonRows />}</>;
}
