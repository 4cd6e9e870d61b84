import { describe, expect, test } from "vitest";

import { isIn, may, readMe, type Role } from "./account";

const P = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const Q = "01BX5ZZKBKACTAV9WEVGEMMVRZ";

function me(role: Role | "metrics" | null, projects: [string, Role][] = [], has_accounts = true) {
  return readMe({
    has_accounts,
    via: has_accounts ? "login" : "everybody",
    user: has_accounts ? { id: Q, name: "cara" } : null,
    role,
    projects: projects.map(([project_id, r]) => ({ project_id, role: r })),
    key_project_id: null,
    csrf_token: null,
    expires_at: null,
  });
}

describe("may", () => {
  test.each<[string, ReturnType<typeof me>, Role, string | undefined, boolean]>([
    ["everybody without accounts", me(null, [], false), "admin", undefined, true],
    ["an editor everywhere", me("editor"), "editor", P, true],
    ["an editor everywhere is no admin", me("editor"), "admin", P, false],
    ["an editor of the project, there", me(null, [[P, "editor"]]), "editor", P, true],
    ["an editor of the project, elsewhere", me(null, [[P, "editor"]]), "editor", Q, false],
    ["an editor of the project, everywhere", me(null, [[P, "editor"]]), "editor", undefined, false],
    ["the higher role counts", me("viewer", [[P, "admin"]]), "admin", P, true],
    ["a lower role in a project takes nothing", me("admin", [[P, "viewer"]]), "admin", P, true],
    ["somebody with no role", me(null), "viewer", P, false],
    ["a key for metrics", me("metrics"), "viewer", undefined, false],
  ])("%s", (_, who, role, project, result) => expect(may(who, role, project)).toBe(result));
  test("nobody yet", () => expect(may(undefined, "viewer")).toBe(false));
});

test("isIn", () => {
  expect(isIn(undefined)).toBe(false);
  expect(isIn(me(null, [], false))).toBe(true);
  expect(isIn(me("viewer"))).toBe(true);
  expect(isIn({ ...me("viewer"), user: null })).toBe(false);
});
