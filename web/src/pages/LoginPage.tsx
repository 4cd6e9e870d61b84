import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";

import { isIn, meQuery } from "../app/account";
import { LoginForm } from "../app/LoginForm";
import { Mark } from "../app/Mark";
import { navigate, useSearch } from "../app/router";

/** Only places of this page: never an address that somebody put into a link. */
export function safeTarget(to: string | null): string {
  return to && /^\/(?![/\\])/.test(to) && !to.startsWith("/login") ? to : "/";
}

export default function LoginPage() {
  const [search] = useSearch();
  const target = safeTarget(search.get("to"));
  const me = useQuery(meQuery);
  const isThere = isIn(me.data);
  useEffect(() => {
    if (isThere) navigate(target, { replace: true });
  }, [isThere, target]);
  return (
    <main className="login">
      <div className="card login-card">
        <header className="login-head">
          <Mark size={40} />
          <h1>Log in to Assay</h1>
        </header>
        <LoginForm onDone={() => navigate(target, { replace: true })}>
          {target !== "/" && <p className="small muted">Log in to go on where you were.</p>}
        </LoginForm>
        <p className="tiny muted">
          Accounts are made by an admin. A forgotten password is replaced on the server:{" "}
          <code>assay user password NAME</code>.
        </p>
      </div>
    </main>
  );
}
