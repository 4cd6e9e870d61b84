// Every page, its address and its code: each is loaded when it is first shown. The addresses are those
// that src/api/r_page.c answers.
import { lazy, type ComponentType, type LazyExoticComponent } from "react";

import { matchPath, type Params } from "./router";

export interface PageProps {
  params: Params;
}

export interface Route {
  path: string;
  /** Bounded, for measurements: the label of /metrics. */
  name: string;
  title: string;
  page: LazyExoticComponent<ComponentType<PageProps>>;
  /** Without the frame of navigation around it. */
  bare?: boolean;
  /** The whole window: no margins, no scrolling of the page. */
  full?: boolean;
}

function page(load: () => Promise<{ default: ComponentType<PageProps> }>): Route["page"] {
  return lazy(load);
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
