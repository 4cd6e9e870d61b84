// Name and password: on the login page, and over a page whose login has ended.
import { useMutation } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { ApiError } from "../api/client";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { describeError, Notice } from "../ui/states";
import { logIn } from "./account";

function waitWords(seconds: number | null): string {
  if (!seconds) return "later";
  return seconds < 90 ? `in ${seconds} s` : `in ${Math.ceil(seconds / 60)} min`;
}

export function loginWords(e: unknown): string {
  if (e instanceof ApiError && e.status === 401) return "The name or the password is wrong.";
  if (e instanceof ApiError && e.status === 429)
    return `${e.code === "LOCKED_OUT" ? "Locked after too many failures" : "Too many attempts"}. Try again ${waitWords(e.retryAfterSeconds)}.`;
  const d = describeError(e);
  return `${d.title}. ${d.detail}`;
}

export function LoginForm({
  name: known,
  onDone,
  children,
  more,
}: {
  /** Whose login it was. */
  name?: string;
  onDone?: () => void;
  children?: ReactNode;
  more?: ReactNode;
}) {
  const [name, setName] = useState(known ?? "");
  const [password, setPassword] = useState("");
  const enter = useMutation({ mutationFn: () => logIn(name, password), onSuccess: onDone });
  return (
    <form
      className="stack"
      onSubmit={(e) => {
        e.preventDefault();
        if (name && password) enter.mutate();
      }}
    >
      {enter.error ? (
        <Notice kind="bad" role="alert">
          {loginWords(enter.error)}
        </Notice>
      ) : (
        children
      )}
      <TextField
        label="Name"
        value={name}
        onChange={(e) => setName(e.target.value)}
        autoComplete="username"
        autoFocus={!known}
        required
      />
      <TextField
        label="Password"
        type="password"
        value={password}
        onChange={(e) => setPassword(e.target.value)}
        autoComplete="current-password"
        autoFocus={!!known}
        data-first={known ? "" : undefined}
        required
      />
      <div className="row end">
        {more}
        <Button kind="primary" type="submit" busy={enter.isPending}>
          Log in
        </Button>
      </div>
    </form>
  );
}
