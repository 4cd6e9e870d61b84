// The frame around every page: where one can go, who one is, and whether news come in.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, type ReactNode } from "react";

import { queries } from "../api/queries";
import { live, useLiveState } from "../live/use";
import { IconButton } from "../ui/Button";
import { Icon, type IconName } from "../ui/Icon";
import { chooseTheme, useChosenTheme, type Theme } from "../ui/theme";
import { logOut, useMe } from "./account";
import { Link, usePath } from "./router";

const places: { to: string; text: string; icon: IconName; also?: string }[] = [
  { to: "/", text: "Dashboard", icon: "dashboard" },
  { to: "/projects", text: "Projects", icon: "folder" },
  { to: "/sessions", text: "Sessions", icon: "session", also: "/compare" },
  { to: "/models", text: "Models", icon: "model" },
  { to: "/tasks", text: "Tasks", icon: "tasks" },
  { to: "/settings", text: "Settings", icon: "settings" },
];

function isHere(to: string, path: string, also?: string): boolean {
  if (to === "/") return path === "/";
  return path === to || path.startsWith(`${to}/`) || (!!also && path.startsWith(also));
}

function TaskCount() {
  const q = useQuery(queries.stats());
  const n = q.data ? q.data.tasks_by_status.running + q.data.tasks_by_status.queued : 0;
  return n > 0 ? (
    <span className="count">
      {n}
      <span className="sr-only"> under way</span>
    </span>
  ) : null;
}

function LiveDot() {
  const state = useLiveState();
  const words = { open: "Live", connecting: "Connecting", lost: "Connection lost" }[state];
  return (
    <div className={`live ${state}`} role="status">
      <i aria-hidden="true" />
      <span className="words">{words}</span>
      {state === "lost" && (
        <IconButton small icon="retry" label="Connect again now" onClick={() => live.retryNow()} />
      )}
    </div>
  );
}

const nextTheme: Record<Theme, Theme> = { system: "dark", dark: "light", light: "system" };
const themeIcon: Record<Theme, IconName> = { system: "system", dark: "moon", light: "sun" };

function ThemeButton() {
  const theme = useChosenTheme();
  const names = { system: "as the system", dark: "dark", light: "light" };
  return (
    <IconButton
      small
      icon={themeIcon[theme]}
      label={`Colours: ${names[theme]}. Change to ${names[nextTheme[theme]]}`}
      onClick={() => chooseTheme(nextTheme[theme])}
    />
  );
}

function Logo() {
  return (
    <Link to="/" className="logo" aria-label="Assay, dashboard">
      <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="#1b4a8a" />
        <path
          d="M9 12V9h3M20 9h3v3M23 20v3h-3M12 23H9v-3"
          fill="none"
          stroke="#9cc3f5"
          strokeWidth="2.4"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
        <path
          d="M11.5 16.4l3.1 3.1 6-6.6"
          fill="none"
          stroke="#fff"
          strokeWidth="2.8"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      <span className="words">Assay</span>
    </Link>
  );
}

function Person() {
  const me = useMe();
  if (!me?.user) return null;
  return (
    <div className="person">
      <Icon name="user" />
      <span className="words cut grow">
        {me.user.name}
        <span className="tiny faint"> {me.user.role}</span>
      </span>
      <IconButton small icon="logout" label="Log out" onClick={() => void logOut()} />
    </div>
  );
}

export function Shell({ children, full }: { children: ReactNode; full: boolean }) {
  const path = usePath();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    // A new page begins at its top for the keyboard and for screen readers as well.
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <div className={`shell ${full ? "full" : ""}`}>
      <a className="skip" href="#main" onClick={(e) => (e.preventDefault(), main.current?.focus())}>
        Skip to the content
      </a>
      <aside className="sidebar">
        <Logo />
        <nav aria-label="Main">
          {places.map((p) => (
            <Link
              key={p.to}
              to={p.to}
              className="place"
              title={p.text}
              aria-current={isHere(p.to, path, p.also) ? "page" : undefined}
            >
              <Icon name={p.icon} size={18} />
              <span className="words">{p.text}</span>
              {p.to === "/tasks" && <TaskCount />}
            </Link>
          ))}
        </nav>
        <div className="foot">
          <Person />
          <div className="row between foot-row">
            <LiveDot />
            <ThemeButton />
          </div>
        </div>
      </aside>
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}
