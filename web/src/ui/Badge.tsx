import type { ReactNode } from "react";

import { Icon, type IconName } from "./Icon";

export type Tone = "good" | "bad" | "warn" | "info" | "none";

export function Badge({
  tone = "none",
  icon,
  children,
}: {
  tone?: Tone;
  icon?: IconName;
  children: ReactNode;
}) {
  return (
    <span className={`badge ${tone}`}>
      {icon && <Icon name={icon} size={13} />}
      {children}
    </span>
  );
}

const statuses: Record<string, { tone: Tone; icon: IconName; text: string }> = {
  queued: { tone: "none", icon: "circle", text: "Queued" },
  running: { tone: "info", icon: "spinner", text: "Running" },
  succeeded: { tone: "good", icon: "check", text: "Done" },
  failed: { tone: "bad", icon: "cross", text: "Failed" },
  cancelled: { tone: "none", icon: "stop", text: "Cancelled" },
  open: { tone: "info", icon: "link", text: "Open" },
  uploaded: { tone: "info", icon: "spinner", text: "Being read" },
  ready: { tone: "good", icon: "check", text: "Ready" },
};

export function Status({ status }: { status: string }) {
  const s = statuses[status] ?? { tone: "none" as const, icon: "circle" as const, text: status };
  return (
    <Badge tone={s.tone} icon={s.icon}>
      {s.text}
    </Badge>
  );
}

/** A session's verdict; null: it was not asked for one, or is not judged yet. */
export function Verdict({ verdict }: { verdict: string | null | undefined }) {
  switch (verdict?.toLowerCase()) {
    case "passed":
    case "pass":
      return (
        <Badge tone="good" icon="check">
          Passed
        </Badge>
      );
    case "failed":
    case "fail":
      return (
        <Badge tone="bad" icon="cross">
          Failed
        </Badge>
      );
    case "conditional_pass":
      return (
        <Badge tone="warn" icon="check">
          Conditional
        </Badge>
      );
    case "no_data":
      return (
        <Badge tone="none" icon="info">
          No data
        </Badge>
      );
    default:
      return verdict ? <Badge>{verdict}</Badge> : <span className="faint">–</span>;
  }
}
