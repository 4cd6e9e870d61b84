import { describe, expect, test } from "vitest";

import { matchPath, patchSearch } from "./router";

describe("matchPath", () => {
  test.each([
    ["/", "/", {}],
    ["/projects/:p", "/projects/01J", { p: "01J" }],
    ["/projects/:p", "/projects/01J/", { p: "01J" }],
    ["/projects/:p", "/projects/a%2Fb", { p: "a/b" }],
    ["/projects/:p", "/projects", null],
    ["/projects/:p", "/sessions/01J", null],
    ["/projects/:p", "/projects/%E0%A4%A", null],
  ])("%s against %s", (template, path, params) => {
    expect(matchPath(template, path)).toEqual(params);
  });
});

describe("patchSearch", () => {
  test.each([
    ["", { a: 1 }, "?a=1"],
    ["?a=1&b=2", { a: null }, "?b=2"],
    ["?a=1", { a: "" }, ""],
    ["?a=1", { a: "x y" }, "?a=x+y"],
  ])("%s with %o", (text, patch, result) => {
    expect(patchSearch(text, patch)).toBe(result);
  });
});
