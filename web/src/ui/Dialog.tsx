// The browser's own modal dialog: it keeps the focus inside, closes on Escape and gives the focus back.
import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from "react";

import { Button, IconButton } from "./Button";
import type { IconName } from "./Icon";
import { describeError, Notice } from "./states";

export interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
  /** Cannot be closed: one of its buttons has to be pressed. */
  isFirm?: boolean;
  /** Pressing Enter in a field does this. */
  onSubmit?: () => void;
}

export function Dialog({ title, onClose, children, footer, wide, onSubmit, isFirm }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement as HTMLElement | null;
    const d = ref.current!;
    if (!d.open) d.showModal();
    // What is to be entered comes first, else the harmless button; not the cross in the corner.
    const first =
      d.querySelector<HTMLElement>(".body [data-first]") ??
      d.querySelector<HTMLElement>(".body :is(input, select, textarea)") ??
      d.querySelector<HTMLElement>("footer button");
    first?.focus();
    return () => {
      d.close();
      // It is out of the page by now, so the browser gives nothing back.
      if (opener?.isConnected) opener.focus();
    };
  }, []);
  const submit = (e: FormEvent) => {
    e.preventDefault();
    onSubmit?.();
  };
  const inside = (
    <>
      <div className="body" tabIndex={-1}>
        {children}
      </div>
      {footer && <footer>{footer}</footer>}
    </>
  );
  return (
    <dialog
      ref={ref}
      className={`dialog ${wide ? "wide" : ""}`}
      aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onClose={() => {
        // A second Escape closes it whatever the first was told.
        if (isFirm && ref.current?.isConnected && !ref.current.open) ref.current.showModal();
      }}
      onMouseDown={(e) => {
        if (e.target === ref.current && !isFirm) onClose();
      }}
    >
      <header>
        <h2 id={id}>{title}</h2>
        {!isFirm && <IconButton icon="cross" label="Close" onClick={onClose} />}
      </header>
      {onSubmit ? (
        <form onSubmit={submit} style={{ display: "contents" }}>
          {inside}
        </form>
      ) : (
        inside
      )}
    </dialog>
  );
}

/** A form: what it does stands on its button, beside one that does nothing. */
export function FormDialog({
  action,
  icon,
  danger,
  busy,
  cannot,
  onClose,
  onSubmit,
  ...rest
}: Omit<DialogProps, "footer" | "onSubmit"> & {
  action: ReactNode;
  icon?: IconName;
  danger?: boolean;
  busy: boolean;
  /** What is needed is not there yet. */
  cannot?: boolean;
  onSubmit: () => void;
}) {
  return (
    <Dialog
      {...rest}
      onClose={onClose}
      onSubmit={() => !cannot && !busy && onSubmit()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" icon={icon} danger={danger} busy={busy} disabled={cannot}>
            {action}
          </Button>
        </>
      }
    />
  );
}

/** Asks before something that cannot be undone; stays open and says why where it does not work. */
export function ConfirmDialog({
  title,
  action,
  children,
  onConfirm,
  onClose,
}: {
  title: string;
  action: string;
  children: ReactNode;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const confirm = async () => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      onClose();
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <FormDialog
      title={title}
      action={action}
      danger
      busy={busy}
      onClose={onClose}
      onSubmit={() => void confirm()}
    >
      <div className="stack tight">
        <div className="muted">{children}</div>
        {error !== null && (
          <Notice kind="bad" role="alert">
            {describeError(error).title}: {describeError(error).detail}
          </Notice>
        )}
      </div>
    </FormDialog>
  );
}
