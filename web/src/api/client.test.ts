import { afterEach, describe, expect, test, vi } from "vitest";

import { ApiError, buildUrl, collect, send, session } from "./client";

describe("buildUrl", () => {
  test.each([
    ["/api/v1/videos/{id}", { id: "01J" }, undefined, "/api/v1/videos/01J"],
    [
      "/api/v1/videos/{id}/frames/{n}.jpg",
      { id: "a b", n: 7 },
      { width: 320 },
      "/api/v1/videos/a%20b/frames/7.jpg?width=320",
    ],
    ["/api/v1/tasks", undefined, { status: undefined, limit: 5, kind: "" }, "/api/v1/tasks?limit=5"],
  ])("%s", (template, path, query, url) => expect(buildUrl(template, path, query)).toBe(url));
});

describe("send", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    session.csrf = null;
    session.onLoggedOut = null;
  });
  const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    vi.stubGlobal(
      "fetch",
      vi.fn(async () => new Response(JSON.stringify(body), { status, headers })),
    );

  test("an error bears the server's words", async () => {
    answer(422, { error: "INVALID", message: "name: too long" }, { "X-Request-ID": "r1" });
    const e = (await send("/api/v1/projects").catch((x: unknown) => x)) as ApiError;
    expect(e).toBeInstanceOf(ApiError);
    expect([e.status, e.code, e.message, e.requestId, e.isMissingRoute]).toEqual([
      422,
      "INVALID",
      "name: too long",
      "r1",
      false,
    ]);
  });
  test("a route that does not exist is told from a thing that does not", async () => {
    answer(404, { error: "NOT_FOUND", message: "'/api/v1/uploads' does not exist" });
    const e = (await send("/api/v1/uploads?x=1").catch((x: unknown) => x)) as ApiError;
    expect(e.isMissingRoute).toBe(true);
    answer(404, { error: "NOT_FOUND", message: "project '1' does not exist" });
    const other = (await send("/api/v1/projects/1").catch((x: unknown) => x)) as ApiError;
    expect(other.isMissingRoute).toBe(false);
  });
  test("401 ends the login, and asks bear the token", async () => {
    answer(401, { error: "UNAUTHORIZED", message: "who are you" });
    session.csrf = "token";
    session.onLoggedOut = vi.fn();
    await send("/api/v1/projects", { method: "POST" }).catch(() => null);
    expect(session.onLoggedOut).toHaveBeenCalled();
    const call = vi.mocked(fetch).mock.calls[0]![1]!;
    expect((call.headers as Record<string, string>)["X-CSRF-Token"]).toBe("token");
  });
  test("no answer at all is status 0", async () => {
    vi.stubGlobal(
      "fetch",
      vi.fn(async () => Promise.reject(new TypeError("gone"))),
    );
    const e = (await send("/x").catch((x: unknown) => x)) as ApiError;
    expect(e.status).toBe(0);
  });
});

test("collect follows cursors and stops in time", async () => {
  const pages: Record<string, { items: number[]; next_cursor: string | null }> = {
    "": { items: [1, 2], next_cursor: "a" },
    a: { items: [3], next_cursor: "b" },
    b: { items: [4], next_cursor: null },
  };
  expect(await collect(async (c) => pages[c ?? ""]!)).toEqual([1, 2, 3, 4]);
  expect(await collect(async (c) => pages[c ?? ""]!, 3)).toEqual([1, 2, 3]);
});
