import type { ReactNode } from "react";

import { Link } from "../app/router";
import { Icon } from "./Icon";

export function Card({
  title,
  actions,
  children,
  flush,
  id,
}: {
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  flush?: boolean;
  id?: string;
}) {
  return (
    <section className="card" id={id}>
      {(title || actions) && (
        <header>
          <h2>{title}</h2>
          {actions}
        </header>
      )}
      <div className={`body ${flush ? "flush" : ""}`}>{children}</div>
    </section>
  );
}

export interface Crumb {
  to: string;
  text: ReactNode;
}

/** The head of a page: where it stands, its name, what can be done. */
export function PageHead({
  title,
  crumbs,
  actions,
  children,
}: {
  title: ReactNode;
  crumbs?: Crumb[];
  actions?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <header className="page-head">
      {crumbs && crumbs.length > 0 && (
        <nav aria-label="Breadcrumb" className="crumbs">
          {crumbs.map((c) => (
            <span key={c.to}>
              <Link to={c.to}>{c.text}</Link>
              <Icon name="right" size={12} />
            </span>
          ))}
        </nav>
      )}
      <div className="row wide wrap between">
        <h1 className="cut">{title}</h1>
        {actions && <div className="row wrap">{actions}</div>}
      </div>
      {children && <div className="sub">{children}</div>}
    </header>
  );
}

export function Stat({ label, children, note }: { label: ReactNode; children: ReactNode; note?: ReactNode }) {
  return (
    <div className="stat">
      <dt>{label}</dt>
      <dd className="value">{children}</dd>
      {note !== undefined && <dd className="note">{note}</dd>}
    </div>
  );
}

export function Progress({
  value,
  label,
  tone,
}: {
  /** 0..1; null: under way, nobody knows how far. */
  value: number | null;
  label: string;
  tone?: "good" | "bad" | "still";
}) {
  return (
    <div
      className={`progress ${tone ?? ""} ${value === null ? "unknown" : ""}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === null ? undefined : Math.round(value * 100)}
    >
      <i style={value === null ? undefined : { width: `${Math.max(0, Math.min(1, value)) * 100}%` }} />
    </div>
  );
}

export function Segments<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly { value: T; text: ReactNode }[];
  onChange: (value: T) => void;
}) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {options.map((o) => (
        <button
          key={o.value}
          type="button"
          aria-pressed={o.value === value}
          onClick={() => onChange(o.value)}
        >
          {o.text}
        </button>
      ))}
    </div>
  );
}
