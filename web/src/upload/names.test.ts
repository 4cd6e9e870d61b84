import { describe, expect, test } from "vitest";

import { kindOf, matchTruth, plainName } from "./names";

describe("kindOf", () => {
  test.each([
    ["a.mp4", "video"],
    ["a.MKV", "video"],
    ["a.coco.json", "truth"],
    ["gt.txt", "truth"],
    ["yolo.onnx", "model"],
    ["README", "video"],
  ])("%s is a %s", (name, kind) => expect(kindOf(name)).toBe(kind));
});

describe("plainName", () => {
  test.each([
    ["Gate_3.mp4", "gate 3"],
    ["gate-3.coco.json", "gate 3"],
    ["gt_gate_3.txt", "gate 3"],
    ["gt.txt", "gt"],
    ["clip.mp4.json", "clip"],
  ])("%s is '%s'", (name, plain) => expect(plainName(name)).toBe(plain));
});

describe("matchTruth", () => {
  const videos = [{ name: "gate-3.mp4" }, { name: "gate-30.mp4" }, { name: "street.avi" }];
  test.each([
    ["gate_3.json", "gate-3.mp4"],
    ["gt_gate-30.txt", "gate-30.mp4"],
    ["2024 street annotations.xml", "street.avi"],
    ["other.json", null],
    ["gt.txt", null],
  ])("%s belongs to %s", (truth, name) => expect(matchTruth(truth, videos)?.name ?? null).toBe(name));
  test("two of one name are asked about", () => {
    expect(matchTruth("a.json", [{ name: "a.mp4" }, { name: "A.mkv" }])).toBe(null);
  });
});
