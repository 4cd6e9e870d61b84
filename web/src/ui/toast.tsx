// Short words about what was just done, spoken by screen readers too. Errors stay until dismissed.
import { useSyncExternalStore, type ReactNode } from "react";

import { IconButton } from "./Button";
import { Icon } from "./Icon";
import { describeError } from "./states";

interface Toast {
  id: number;
  kind: "good" | "bad" | "info";
  text: ReactNode;
}

const STAYS_MS = 5000;
let toasts: Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function set(next: Toast[]) {
  toasts = next;
  for (const l of listeners) l();
}

function dismiss(id: number) {
  set(toasts.filter((t) => t.id !== id));
}

export function toast(text: ReactNode, kind: Toast["kind"] = "good") {
  const t = { id: nextId++, kind, text };
  set([...toasts.slice(-3), t]);
  if (kind !== "bad") setTimeout(() => dismiss(t.id), STAYS_MS);
}

export function toastError(what: string, error: unknown) {
  toast(`${what}: ${describeError(error).detail}`, "bad");
}

export function Toasts() {
  const list = useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite" aria-relevant="additions">
      {list.map((t) => (
        <div key={t.id} className={`toast ${t.kind}`}>
          <Icon name={t.kind === "good" ? "check" : t.kind === "bad" ? "warning" : "info"} />
          <div className="grow">{t.text}</div>
          <IconButton icon="cross" label="Dismiss" small onClick={() => dismiss(t.id)} />
        </div>
      ))}
    </div>
  );
}
