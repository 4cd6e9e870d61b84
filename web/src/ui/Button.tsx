import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

import { Icon, type IconName } from "./Icon";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: "primary" | "plain" | "ghost";
  danger?: boolean;
  small?: boolean;
  icon?: IconName;
  /** Work of this button is under way: it shows so and takes no further press. */
  busy?: boolean;
  children?: ReactNode;
  ref?: Ref<HTMLButtonElement>;
}

export function buttonClass(p: { kind?: string; danger?: boolean; small?: boolean; bare?: boolean }): string {
  return ["button", p.kind ?? "plain", p.danger && "danger", p.small && "small", p.bare && "icon"]
    .filter(Boolean)
    .join(" ");
}

export function Button({ kind, danger, small, icon, busy, children, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={rest.disabled || busy}
      aria-busy={busy || undefined}
      className={`${buttonClass({ kind, danger, small, bare: children === undefined })} ${className ?? ""}`}
    >
      {busy ? <Icon name="spinner" /> : icon ? <Icon name={icon} /> : null}
      {children}
    </button>
  );
}

/** A button of a pictogram alone: *label* is what it does, for ears and as a tip. */
export function IconButton({ label, ...rest }: ButtonProps & { label: string; icon: IconName }) {
  return <Button kind="ghost" aria-label={label} title={label} {...rest} />;
}
