import { describe, expect, it } from "vitest";

import { noView, readView, writeView, type View } from "./address";
import { FN, FP } from "./columns";

const read = (text: string) => readView(new URLSearchParams(text));

describe("the address", () => {
  it("of the ordinary view is empty", () => {
    expect(writeView(noView)).toBe("");
    expect(read("")).toEqual(noView);
  });

  it("holds everything", () => {
    const v: View = {
      session: "S", other: "T", task: "K", version: null, frame: 120, row: 7,
      filter: { confidence: 0.35, outcomes: (1 << FP) | (1 << FN), labels: ["traffic light", "a,b"], minSize: 32,
        maxSize: 96, from: 10, to: 500, search: "#4 & more" },
      sort: "confidence", descending: true, zoom: 2.5, centreX: 0.25, centreY: 0.75, from: 0, to: 900,
      rate: 0.25, trails: true, names: false, truth: false, editing: true,
    }; // prettier-ignore
    expect(read(writeView(v))).toEqual(v);
  });

  it.each([
    ["frame=-1&row=x&confidence=2&sort=colour&zoom=0,9,9&view=9-3&time=a-b&size=x&result=maybe"],
    ["confidence=&frame=1e3&result="],
    ["version=0"],
    ["version=new"],
    ["rate=3"],
    ["rate=-1"],
    ["rate="],
    ["rate=fast"],
  ])("that makes no sense is the ordinary view: %s", (text) => expect(read(text)).toEqual(noView));

  it("names a version of the truth, but of one that is edited", () => {
    expect(read(writeView({ ...noView, version: 2 })).version).toBe(2);
    expect(read("version=2&edit=1").version).toBeNull();
  });

  it("keeps half of a range of sizes", () => {
    expect(read("size=-32").filter).toEqual({ ...noView.filter, maxSize: 32 });
    expect(read(writeView({ ...noView, filter: { ...noView.filter, minSize: 96 } })).filter.minSize).toBe(96);
  });
});
