import { describe, expect, test } from "vitest";

import { bytesOf } from "../ProjectDialogs";
import { optionWords, type Option } from "./ServerOptions";

const option = (o: Partial<Option>): Option => ({
  name: "x",
  section: "Room",
  value: null,
  unit: null,
  default: null,
  help: "what it is",
  ...o,
});

describe("optionWords", () => {
  test.each<[Partial<Option>, string]>([
    [{ value: 64, unit: "MB" }, "64.0 MB"],
    [{ value: null, unit: "MB", default: "256" }, "256 MB"],
    [{ value: 0, unit: "MB", default: "65536" }, "65.5 GB"],
    [{ value: 0, unit: "MB", default: "0", help: "files in all; 0: no limit" }, "no limit"],
    [{ value: 0, unit: "HOURS", default: "24" }, "24 h"],
    [{ value: 90, unit: "DAYS" }, "90 days"],
    [{ value: null, default: "100; without accounts no limit" }, "100; without accounts no limit"],
    [{ value: true }, "yes"],
    [{ value: [] }, "–"],
    [{ value: ["a", "b"] }, "a, b"],
    [{ value: 0, default: "0" }, "0"],
  ])("%o", (o, words) => expect(optionWords(option(o))).toBe(words));
});

describe("bytesOf", () => {
  test.each<[string, number | null]>([
    ["", 0],
    ["20", 20e9],
    ["0,5", 5e8],
    ["0", null],
    ["-1", null],
    ["x", null],
  ])("'%s'", (text, bytes) => expect(bytesOf(text)).toBe(bytes));
});
