// Every page, its address and its code: each is loaded when it is first shown.
import { lazy, type ComponentType, type LazyExoticComponent } from "react";

import { matchPath, type Params } from "./router";

export interface PageProps {
  params: Params;
}

type Page = LazyExoticComponent<ComponentType<PageProps>>;

export interface Route {
  path: string;
  /** Bounded, for measurements. */
  name: string;
  title: string;
  page: Page;
}

function page(load: () => Promise<{ default: ComponentType<PageProps> }>): Page {
  return lazy(load);
}

export const routes: Route[] = [
  {
    path: "/projects/:p/videos/:v/review",
    name: "review",
    title: "Review",
    page: page(() => import("../review/ReviewPage")),
  },
];

export function findRoute(path: string): { route: Route; params: Params } | null {
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params) return { route, params };
  }
  return null;
}
