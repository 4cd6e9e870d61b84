// How the page feels, measured where it is used: LCP, INP, CLS, TTFB and FCP go to the server by page.
import { onCLS, onFCP, onINP, onLCP, onTTFB, type Metric } from "web-vitals";

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
  // A beacon outlives the page; what cannot be sent is lost.
  navigator.sendBeacon(
    "/api/v1/vitals",
    new Blob([JSON.stringify({ vitals })], { type: "application/json" }),
  );
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
