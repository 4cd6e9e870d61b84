// Dark or light: as the system prefers, or as was chosen here.
import { useSyncExternalStore } from "react";

export type Theme = "system" | "dark" | "light";

const KEY = "assay.theme";
const listeners = new Set<() => void>();
const prefersLight = typeof matchMedia === "undefined" ? null : matchMedia("(prefers-color-scheme: light)");

export function chosenTheme(): Theme {
  try {
    const t = localStorage.getItem(KEY);
    return t === "dark" || t === "light" ? t : "system";
  } catch {
    return "system";
  }
}

export function shownTheme(): "dark" | "light" {
  const t = chosenTheme();
  return t === "system" ? (prefersLight?.matches ? "light" : "dark") : t;
}

export function applyTheme() {
  document.documentElement.dataset["theme"] = shownTheme();
  for (const l of listeners) l();
}

export function chooseTheme(t: Theme) {
  try {
    if (t === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, t);
  } catch {
    // a browser without storage follows the system
  }
  applyTheme();
}

prefersLight?.addEventListener("change", applyTheme);

function subscribe(l: () => void) {
  listeners.add(l);
  return () => listeners.delete(l);
}

export function useChosenTheme(): Theme {
  return useSyncExternalStore(subscribe, chosenTheme);
}
export function useShownTheme(): "dark" | "light" {
  return useSyncExternalStore(subscribe, shownTheme);
}

/** The value of a custom property as it is now, for canvases. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
