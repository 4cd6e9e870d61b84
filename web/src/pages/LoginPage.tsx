import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { ApiError } from "../api/client";
import { logIn, meQuery } from "../app/account";
import { navigate, useSearch } from "../app/router";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { describeError, Notice } from "../ui/states";

/** Only places of this page: never an address that somebody put into a link. */
export function safeTarget(to: string | null): string {
  return to && /^\/(?![/\\])/.test(to) && !to.startsWith("/login") ? to : "/";
}

function words(e: unknown): string {
  if (e instanceof ApiError && e.status === 401) return "The name or the password is wrong.";
  if (e instanceof ApiError && e.status === 429)
    return `Too many attempts. Try again${e.retryAfterSeconds ? ` in ${Math.ceil(e.retryAfterSeconds / 60)} min` : " later"}.`;
  if (e instanceof ApiError && e.isMissingRoute)
    return "This server has no accounts: everybody may do everything.";
  const d = describeError(e);
  return `${d.title}. ${d.detail}`;
}

export default function LoginPage() {
  const [search] = useSearch();
  const target = safeTarget(search.get("to"));
  const me = useQuery(meQuery);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const enter = useMutation({
    mutationFn: () => logIn(name, password),
    onSuccess: () => navigate(target, { replace: true }),
  });
  const isIn = me.data && (!me.data.has_accounts || me.data.user);
  useEffect(() => {
    if (isIn) navigate(target, { replace: true });
  }, [isIn, target]);
  return (
    <main className="login">
      <form
        className="card"
        onSubmit={(e) => {
          e.preventDefault();
          if (name && password) enter.mutate();
        }}
      >
        <h1>Assay</h1>
        {search.get("to") && !enter.error && <p className="small muted">Log in to go on where you were.</p>}
        {enter.error && (
          <Notice kind="bad" role="alert">
            {words(enter.error)}
          </Notice>
        )}
        <TextField
          label="Name"
          value={name}
          onChange={(e) => setName(e.target.value)}
          autoComplete="username"
          autoFocus
          required
        />
        <TextField
          label="Password"
          type="password"
          value={password}
          onChange={(e) => setPassword(e.target.value)}
          autoComplete="current-password"
          required
        />
        <Button kind="primary" type="submit" busy={enter.isPending}>
          Log in
        </Button>
      </form>
    </main>
  );
}
