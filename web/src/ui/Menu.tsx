// A button that opens a short list beside it; the browser closes it on Escape and on a press elsewhere.
import { useId, useRef, type ReactNode } from "react";

import { Button } from "./Button";
import type { IconName } from "./Icon";

const GAP = 4;

export function Menu({
  label,
  icon,
  text,
  children,
  kind,
  disabled,
}: {
  /** For ears, and as a tip. */
  label: string;
  icon?: IconName;
  text?: ReactNode;
  /** Links or buttons, as items of a list. */
  children: ReactNode;
  kind?: "plain" | "ghost";
  disabled?: boolean;
}) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const place = (list: HTMLUListElement) => {
    const b = button.current!.getBoundingClientRect();
    list.style.right = `${Math.max(GAP, document.documentElement.clientWidth - b.right)}px`;
    if (b.bottom + list.offsetHeight + GAP < window.innerHeight) {
      list.style.top = `${b.bottom + GAP}px`;
      list.style.bottom = "auto";
    } else {
      list.style.top = "auto";
      list.style.bottom = `${window.innerHeight - b.top + GAP}px`;
    }
  };
  return (
    <>
      <Button
        ref={button}
        small
        kind={kind ?? "plain"}
        icon={icon}
        aria-label={label}
        title={label}
        disabled={disabled}
        popoverTarget={id}
      >
        {text}
      </Button>
      <ul
        id={id}
        popover="auto"
        className="menu"
        aria-label={label}
        onToggle={(e) => {
          const list = e.currentTarget;
          if ((e.nativeEvent as ToggleEvent).newState !== "open") return;
          place(list);
          list.querySelector<HTMLElement>("a, button")?.focus();
        }}
        onClick={(e) => e.currentTarget.hidePopover()}
      >
        {children}
      </ul>
    </>
  );
}
