// The frame around every page: where one can go, who one is, and whether news come in.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, type ReactNode } from "react";

import { queries } from "../api/queries";
import { live, useLiveState } from "../live/use";
import { IconButton } from "../ui/Button";
import { Icon, type IconName } from "../ui/Icon";
import { toastError } from "../ui/toast";
import { chooseTheme, useChosenTheme, type Theme } from "../ui/theme";
import { isIn, logOut, useMe, type Me } from "./account";
import { Mark } from "./Mark";
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
      <Mark />
      <span className="words">Assay</span>
    </Link>
  );
}

function Person({ me }: { me: Me | undefined }) {
  if (!me?.user) return null;
  return (
    <div className="person">
      <Icon name="user" />
      <span className="words cut grow">
        {me.user.name}
        <span className="tiny faint"> {me.role ?? "member"}</span>
      </span>
      <IconButton
        small
        icon="logout"
        label="Log out"
        onClick={() => void logOut().catch((e: unknown) => toastError("You are still logged in", e))}
      />
    </div>
  );
}

export function Shell({ children, full }: { children: ReactNode; full: boolean }) {
  const path = usePath();
  const me = useMe();
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
              {p.to === "/tasks" && isIn(me) && <TaskCount />}
            </Link>
          ))}
        </nav>
        <div className="foot">
          <Person me={me} />
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
