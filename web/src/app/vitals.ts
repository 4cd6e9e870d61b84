// How the page feels, measured where it is used: LCP, INP, CLS, TTFB and FCP go to the server by page.
import { onCLS, onFCP, onINP, onLCP, onTTFB, type Metric } from "web-vitals";

import { session } from "../api/client";
import { findRoute } from "./routes";

interface Vital {
  name: string;
  page: string;
  value: number;
}

const queue: Vital[] = [];
const first =
  typeof location === "undefined" ? "other" : (findRoute(location.pathname)?.route.name ?? "other");

function flush() {
  if (queue.length === 0) return;
  const vitals = queue.splice(0, queue.length);
  // Outlives the page as a beacon does, and bears the login's token; what cannot be sent is lost.
  void fetch("/api/v1/vitals", {
    method: "POST",
    keepalive: true,
    body: JSON.stringify(vitals),
    headers: {
      "Content-Type": "application/json",
      ...(session.csrf ? { "X-CSRF-Token": session.csrf } : {}),
    },
  }).catch(() => undefined);
}

function add(m: Metric) {
  // Milliseconds, but for CLS, which has no unit. All but INP and CLS are of the page that was loaded.
  const isLate = m.name === "INP" || m.name === "CLS";
  const page = isLate ? (findRoute(location.pathname)?.route.name ?? "other") : first;
  queue.push({ name: m.name, page, value: Math.round(m.value * 1e4) / 1e4 });
  if (queue.length >= 16) flush();
}

export function watchVitals() {
  onLCP(add);
  onINP(add);
  onCLS(add);
  onTTFB(add);
  onFCP(add);
  addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());
  addEventListener("pagehide", flush);
}
