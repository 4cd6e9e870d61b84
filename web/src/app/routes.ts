// Every page, its address and its code: each is loaded when it is first shown. The addresses are those
// that src/api/r_page.c answers.
import { createElement, lazy, useState, type ComponentType } from "react";

import { matchPath, type Params } from "./router";

export interface PageProps {
  params: Params;
}

export interface Page {
  (props: PageProps): React.ReactNode;
  /** Ahead of being shown. Rejected: its code does not come. */
  load: () => Promise<unknown>;
}

export interface Route {
  path: string;
  /** Bounded, for measurements: the label of /metrics. */
  name: string;
  title: string;
  page: Page;
  /** Without the frame of navigation around it. */
  bare?: boolean;
  /** The whole window: no margins, no scrolling of the page. */
  full?: boolean;
}

/** A page whose code is there is shown at once; React would hold it back for 300 ms after showing that it loads. */
function page(load: () => Promise<{ default: ComponentType<PageProps> }>): Page {
  let ready: ComponentType<PageProps> | null = null;
  const loaded = () => load().then((m) => ((ready = m.default), m));
  const later = lazy(loaded);
  const Page: Page = (props) => {
    const [shown] = useState(() => ready ?? later);
    return createElement(shown, props);
  };
  Page.load = loaded;
  return Page;
}

const settings = page(() => import("../pages/SettingsPage"));
const models = page(() => import("../pages/ModelsPage"));

export const routes: Route[] = [
  { path: "/", name: "dashboard", title: "Dashboard", page: page(() => import("../pages/DashboardPage")) },
  {
    path: "/projects",
    name: "projects",
    title: "Projects",
    page: page(() => import("../pages/ProjectsPage")),
  },
  {
    path: "/projects/:p",
    name: "project",
    title: "Project",
    page: page(() => import("../pages/ProjectPage")),
  },
  {
    path: "/projects/:p/videos/:v/review",
    name: "review",
    title: "Review",
    page: page(() => import("../review/ReviewPage")),
    full: true,
  },
  {
    path: "/sessions",
    name: "sessions",
    title: "Sessions",
    page: page(() => import("../pages/SessionsPage")),
  },
  {
    path: "/sessions/:s",
    name: "session",
    title: "Session",
    page: page(() => import("../pages/SessionPage")),
  },
  { path: "/compare", name: "compare", title: "Compare", page: page(() => import("../pages/ComparePage")) },
  { path: "/models", name: "models", title: "Models", page: models },
  { path: "/models/:m", name: "models", title: "Models", page: models },
  { path: "/tasks", name: "tasks", title: "Tasks", page: page(() => import("../pages/TasksPage")) },
  { path: "/settings", name: "settings", title: "Settings", page: settings },
  { path: "/settings/:tab", name: "settings", title: "Settings", page: settings },
  {
    path: "/login",
    name: "login",
    title: "Log in",
    page: page(() => import("../pages/LoginPage")),
    bare: true,
  },
];

export function findRoute(path: string): { route: Route; params: Params } | null {
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params) return { route, params };
  }
  return null;
}
