// Who is logged in, as GET /api/v1/me says. A server without accounts lets everybody do everything; one
// that does not know the address is older than accounts.
import { queryOptions, useQuery } from "@tanstack/react-query";

import { ApiError, send, sendJson, session } from "../api/client";
import { queryClient } from "../live/use";
import { navigate } from "./router";

export type Role = "viewer" | "editor" | "admin";

export interface Me {
  has_accounts: boolean;
  user: { id: string; name: string; role: Role } | null;
  csrf: string | null;
}

const EVERYBODY: Me = { has_accounts: false, user: null, csrf: null };

/** What GET /api/v1/me says, as far as the page needs it. */
interface Said {
  has_accounts: boolean;
  user: { id: string; name: string } | null;
  role: string | null;
  csrf_token: string | null;
}

export function readMe(said: Said): Me {
  const role: Role = said.role === "admin" || said.role === "editor" ? said.role : "viewer";
  return {
    has_accounts: said.has_accounts,
    user: said.user ? { ...said.user, role } : null,
    csrf: said.csrf_token,
  };
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async (): Promise<Me> => {
    try {
      const me = readMe(await sendJson<Said>("/api/v1/me"));
      session.csrf = me.csrf;
      return me;
    } catch (e) {
      if (e instanceof ApiError && e.isMissingRoute) return EVERYBODY;
      if (e instanceof ApiError && e.status === 401) return { has_accounts: true, user: null, csrf: null };
      throw e;
    }
  },
  staleTime: 60_000,
});

export function useMe(): Me | undefined {
  return useQuery(meQuery).data;
}

const RANK: Record<Role, number> = { viewer: 1, editor: 2, admin: 3 };

export function may(me: Me | undefined, role: Role): boolean {
  if (!me) return false;
  if (!me.has_accounts) return true;
  return me.user !== null && RANK[me.user.role] >= RANK[role];
}

/** Whether whoever is there may do what needs this role: else buttons are not offered. */
export function useMay(role: Role): boolean {
  return may(useMe(), role);
}

export async function logIn(name: string, password: string) {
  await sendJson("/api/v1/login", { method: "POST", json: { name, password } });
  session.csrf = null;
  await queryClient.invalidateQueries();
}

export async function logOut() {
  await send("/api/v1/logout", { method: "POST" });
  session.csrf = null;
  queryClient.clear();
  navigate("/login");
}

session.onLoggedOut = () => {
  if (location.pathname === "/login") return;
  navigate(`/login?to=${encodeURIComponent(location.pathname + location.search)}`);
};
