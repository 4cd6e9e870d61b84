// Who is logged in, as GET /api/v1/me says, and what that allows: here, in a project, or nowhere. A server
// without accounts lets everybody do everything.
//
// A login that ends while the page is open does not take the page away: what is being edited or sent stays,
// and is gone on with after the next login (LoginAgain.tsx).
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import { LOGGED_IN, send, sendJson, session, type Schemas } from "../api/client";
import { queryClient } from "../live/use";
import { navigate } from "./router";

export type Role = "viewer" | "editor" | "admin";

export interface Me {
  has_accounts: boolean;
  user: { id: string; name: string } | null;
  /** In every project; null: only what projects give. */
  role: Role | null;
  projects: ReadonlyMap<string, Role>;
  csrf: string | null;
}

export function readMe(said: Schemas["Me"]): Me {
  return {
    has_accounts: said.has_accounts,
    user: said.user,
    role: said.role === "metrics" ? null : said.role,
    projects: new Map(said.projects.map((p) => [p.project_id, p.role as Role])),
    csrf: said.csrf_token,
  };
}

// ---- a login that has ended under the page

interface Ended {
  /** Nobody is logged in any more, and the page is still that of whoever was. */
  isEnded: boolean;
  /** Logins since the page was opened: what failed for want of one asks again. */
  logins: number;
}

let ended: Ended = { isEnded: false, logins: 0 };
const listeners = new Set<() => void>();

function setEnded(next: Ended) {
  if (next.isEnded === ended.isEnded && next.logins === ended.logins) return;
  ended = next;
  for (const l of listeners) l();
}

function subscribe(l: () => void) {
  listeners.add(l);
  return () => listeners.delete(l);
}

export function useLogin(): Ended {
  return useSyncExternalStore(subscribe, () => ended);
}

const isNotMe = (q: { queryKey: readonly unknown[] }) => q.queryKey[0] !== "me";
const known = () => queryClient.getQueryData<Me>(["me"]);

/** Takes what the server says of who is there; somebody who was there and is not stays on the page. */
function take(now: Me): Me {
  const before = known();
  session.csrf = now.csrf;
  if (now.has_accounts && !now.user && before?.user) {
    setEnded({ ...ended, isEnded: true });
    return before;
  }
  if (ended.isEnded) {
    setEnded({ isEnded: false, logins: ended.logins + 1 });
    window.dispatchEvent(new Event(LOGGED_IN));
    void queryClient.invalidateQueries({ predicate: isNotMe });
  }
  return now;
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async (): Promise<Me> => take(readMe(await sendJson<Schemas["Me"]>("/api/v1/me"))),
  staleTime: 60_000,
  structuralSharing: false,
});

export function useMe(): Me | undefined {
  return useQuery(meQuery).data;
}

/** Whether there is anybody for whom the server would do anything. */
export function isIn(me: Me | undefined): boolean {
  return me !== undefined && (!me.has_accounts || me.user !== null);
}

const RANK: Record<Role, number> = { viewer: 1, editor: 2, admin: 3 };

export function may(me: Me | undefined, role: Role, project?: string | null): boolean {
  if (!me) return false;
  if (!me.has_accounts) return true;
  const own = project ? me.projects.get(project) : undefined;
  return Math.max(me.role ? RANK[me.role] : 0, own ? RANK[own] : 0) >= RANK[role];
}

/** Whether whoever is there may do what needs this role, everywhere or in this project: else no button. */
export function useMay(role: Role, project?: string | null): boolean {
  return may(useMe(), role, project);
}

export async function logIn(name: string, password: string) {
  const said = await sendJson<Schemas["Me"]>("/api/v1/login", { method: "POST", json: { name, password } });
  const before = known()?.user;
  queryClient.setQueryData(["me"], take(readMe(said)));
  if (before && before.id !== said.user?.id) await queryClient.resetQueries({ predicate: isNotMe }); // of other rights
}

export async function logOut() {
  await send("/api/v1/logout", { method: "POST" });
  leave();
}

/** Away from all that is shown. */
export function leave() {
  session.csrf = null;
  queryClient.clear();
  setEnded({ ...ended, isEnded: false });
  navigate("/login");
}

session.onLoggedOut = () => {
  if (location.pathname === "/login") return;
  if (known()?.user) setEnded({ ...ended, isEnded: true });
  else void queryClient.invalidateQueries({ queryKey: ["me"] });
};
session.renew = () => queryClient.fetchQuery({ ...meQuery, staleTime: 0 });
