// The browser's own modal dialog: it keeps the focus inside, closes on Escape and gives the focus back.
import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from "react";

import { Button, IconButton } from "./Button";
import { describeError, Notice } from "./states";

export interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
  /** Pressing Enter in a field does this. */
  onSubmit?: () => void;
}

export function Dialog({ title, onClose, children, footer, wide, onSubmit }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const d = ref.current!;
    if (!d.open) d.showModal();
    // What is to be entered comes first, else the harmless button; not the cross in the corner.
    const first =
      d.querySelector<HTMLElement>(".body :is(input, select, textarea)") ??
      d.querySelector<HTMLElement>("footer button");
    first?.focus();
    return () => d.close();
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
      onMouseDown={(e) => {
        if (e.target === ref.current) onClose();
      }}
    >
      <header>
        <h2 id={id}>{title}</h2>
        <IconButton icon="cross" label="Close" onClick={onClose} />
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
    <Dialog
      title={title}
      onClose={onClose}
      onSubmit={confirm}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" danger type="submit" busy={busy}>
            {action}
          </Button>
        </>
      }
    >
      <div className="stack tight">
        <div className="muted">{children}</div>
        {error !== null && (
          <Notice kind="bad" role="alert">
            {describeError(error).title}: {describeError(error).detail}
          </Notice>
        )}
      </div>
    </Dialog>
  );
}
