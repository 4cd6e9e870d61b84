// The address is the state: paths choose a page, the query holds what was chosen on it, so that a
// link shows a colleague the same thing.
import { useCallback, useMemo, useSyncExternalStore, type MouseEvent, type ReactNode } from "react";

type Listener = () => void;
const listeners = new Set<Listener>();

function changed() {
  for (const l of listeners) l();
}

function subscribe(l: Listener) {
  listeners.add(l);
  return () => listeners.delete(l);
}

if (typeof window !== "undefined") window.addEventListener("popstate", changed);

export interface NavigateOptions {
  /** Takes the present entry's place in the history: filters, cursors, sliders. */
  replace?: boolean;
  /** Stays where the page is scrolled to. */
  keepScroll?: boolean;
}

export function navigate(to: string, options: NavigateOptions = {}) {
  const here = location.pathname + location.search + location.hash;
  if (to === here) return;
  const samePath = to.split(/[?#]/)[0] === location.pathname;
  if (options.replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  changed();
  if (!options.replace && !options.keepScroll && !samePath) window.scrollTo(0, 0);
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

export function useQueryText(): string {
  return useSyncExternalStore(subscribe, () => location.search);
}

export type SearchPatch = Record<string, string | number | boolean | null | undefined>;

/** The query's parameters with *patch* laid over: null, undefined and "" take one away. */
export function patchSearch(text: string, patch: SearchPatch): string {
  const p = new URLSearchParams(text);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === undefined || value === "") p.delete(key);
    else p.set(key, String(value));
  }
  const s = p.toString();
  return s ? `?${s}` : "";
}

/** The query's parameters, and how to change some. Changing replaces the history's entry unless told. */
export function useSearch(): [URLSearchParams, (patch: SearchPatch, options?: NavigateOptions) => void] {
  const text = useQueryText();
  const params = useMemo(() => new URLSearchParams(text), [text]);
  const set = useCallback((patch: SearchPatch, options: NavigateOptions = {}) => {
    navigate(location.pathname + patchSearch(location.search, patch) + location.hash, {
      replace: true,
      ...options,
    });
  }, []);
  return [params, set];
}

export type Params = Record<string, string>;

/** "/projects/:p/videos/:v" against a path: its parameters, or null. */
export function matchPath(template: string, path: string): Params | null {
  const want = template.split("/").filter(Boolean);
  const have = path.split("/").filter(Boolean);
  if (want.length !== have.length) return null;
  const params: Params = {};
  for (let i = 0; i < want.length; i++) {
    const w = want[i]!;
    const h = have[i]!;
    if (w.startsWith(":")) {
      try {
        params[w.slice(1)] = decodeURIComponent(h);
      } catch {
        return null;
      }
    } else if (w !== h) return null;
  }
  return params;
}

export interface LinkProps {
  to: string;
  children?: ReactNode;
  className?: string;
  title?: string;
  "aria-label"?: string;
  "aria-current"?: "page";
  onClick?: () => void;
  tabIndex?: number;
}

/** A link of the page: opens in place, or as the browser does with a modifier or another button. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  const click = (e: MouseEvent<HTMLAnchorElement>) => {
    onClick?.();
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    navigate(to);
  };
  return <a href={to} onClick={click} {...rest} />;
}
