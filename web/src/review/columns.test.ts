import { describe, expect, it } from "vitest";

import { BlockReader, ColumnsError, FN, FP, TP, decodeBlock, type Block } from "./columns";
import { Table } from "./table";
import { encodeBlock, endMark, type BlockSpec } from "./testing";

const plain: BlockSpec = {
  firstFrame: 3,
  labels: [[0, "person"], [7, "żółw"]], // prettier-ignore
  frames: [
    [3, -40, [{ x: 1, y: 2, w: 3, h: 4, confidence: 0.5 }]],
    [4, 40000, []],
    [300, 9000000000, [{ x: 5, label: 1, confidence: 0.25 }, { x: 6 }]],
  ],
};

function read(bytes: Uint8Array, cut: number): Block[] {
  const blocks: Block[] = [];
  const r = new BlockReader((b) => blocks.push(b));
  for (let i = 0; i < bytes.length; i += cut) r.push(bytes.slice(i, i + cut));
  r.finish();
  return blocks;
}

const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((p) => [...p]));

describe("a block", () => {
  it("gives its rows, frames, times and labels", () => {
    const b = decodeBlock(encodeBlock(plain).buffer as ArrayBuffer);
    expect([...b.x]).toEqual([1, 5, 6]);
    expect([...b.frames]).toEqual([3, 4, 300]);
    expect([...b.times]).toEqual([-40, 40000, 9000000000]);
    expect([...b.counts]).toEqual([1, 0, 2]);
    expect(b.labels).toEqual([
      { classId: 0, text: "person" },
      { classId: 7, text: "żółw" },
    ]);
    expect(b.outcome).toBeNull();
    expect(b.track).toBeNull();
  });

  it("gives outcomes, tracks and skips latencies", () => {
    const b = decodeBlock(
      encodeBlock({
        ...plain,
        hasOutcomes: true,
        hasTracks: true,
        hasLatencies: true,
        frames: [
          [
            3,
            0,
            [
              { outcome: TP, track: 9, iou: 0.75, truthX: 2 },
              { outcome: FN, truthW: 8 },
            ],
          ],
        ],
      }).buffer as ArrayBuffer,
    );
    expect([...b.outcome!]).toEqual([TP, FN]);
    expect([...b.track!]).toEqual([9, 0]);
    expect([...b.iou!]).toEqual([0.75, 0]);
    expect([...b.truthX!]).toEqual([2, 0]);
    expect([...b.truthW!]).toEqual([0, 8]);
  });

  it.each([
    ["magic", 0, 0, "ABC1"],
    ["length", 4, 1, "length"],
    ["more rows than columns", 16, 200, "columns are longer|frames and detections|frames and labels"],
    ["frames cut", 24, 3, "cut short|agree|longer"],
    ["labels cut", 28, 3, "labels are cut"],
  ])("with a wrong %s is refused", (_, at, value, message) => {
    const bytes = encodeBlock(plain);
    bytes[at] = value;
    expect(() => decodeBlock(bytes.buffer as ArrayBuffer)).toThrow(new RegExp(message));
  });

  it("with a label out of range is refused", () => {
    const bytes = encodeBlock({ ...plain, frames: [[0, 0, [{ label: 2 }]]] });
    expect(() => decodeBlock(bytes.buffer as ArrayBuffer)).toThrow("label is out of range");
  });
});

describe("a stream", () => {
  const stream = join(
    encodeBlock(plain),
    encodeBlock({ ...plain, frames: [[301, 1, [{ x: 9 }]]] }),
    endMark(2, 4),
  );

  it.each([1, 7, 16, 64, 100, 100000])("cut every %d bytes is read the same", (cut) => {
    expect(read(stream, cut).map((b) => [...b.x])).toEqual([[1, 5, 6], [9]]);
  });

  it("without rows is empty", () => expect(read(endMark(0, 0), 5)).toEqual([]));
  it("that breaks off is told", () => expect(() => read(stream.slice(0, -1), 50)).toThrow(ColumnsError));
  it("that lacks a block is told", () => {
    expect(() => read(join(encodeBlock(plain), endMark(2, 4)), 50)).toThrow("blocks are missing");
  });
  it("that is something else is told", () => {
    expect(() => read(new TextEncoder().encode('{"error":"x"}'), 50)).toThrow("ABC1");
  });
  it("of a size beyond the limit is told before memory is taken", () => {
    const bytes = encodeBlock(plain);
    new DataView(bytes.buffer).setUint32(4, 0xffffffff, true);
    expect(() => read(bytes, 50)).toThrow("out of range");
  });
});

describe("a table", () => {
  it("joins blocks whose labels have other numbers, and puts a miss where its truth is", () => {
    const t = new Table();
    t.append(decodeBlock(encodeBlock({ ...plain, hasOutcomes: true, labels: [[1, "car"]],
      frames: [[0, 0, [{ outcome: FP, confidence: 0.5 }]]] }).buffer as ArrayBuffer)); // prettier-ignore
    t.append(decodeBlock(encodeBlock({ ...plain, hasOutcomes: true, labels: [[0, "person"], [1, "car"]],
      frames: [[2, 80, [{ outcome: FN, truthX: 4, truthW: 5, truthH: 6, label: 1 }, { outcome: TP, x: 1 }]]] }).buffer as ArrayBuffer)); // prettier-ignore
    t.finish();
    expect(t.labels.map((l) => l.text)).toEqual(["car", "person"]);
    expect([...t.label]).toEqual([0, 0, 1]);
    expect([...t.frame]).toEqual([0, 2, 2]);
    expect(t.row(1)).toMatchObject({ x: 4, w: 5, h: 6, outcome: FN });
    expect([t.firstOf(0), t.firstOf(1), t.firstOf(2), t.firstOf(3)]).toEqual([0, 1, 1, 3]);
  });

  it("takes pieces that overlap in time and puts them in order", () => {
    const t = new Table();
    for (const frame of [5, 1, 3])
      t.append(
        decodeBlock(encodeBlock({ ...plain, frames: [[frame, 0, [{ x: frame }]]] }).buffer as ArrayBuffer),
      );
    t.finish();
    expect([...t.x]).toEqual([1, 3, 5]);
    expect([...t.frame]).toEqual([1, 3, 5]);
  });
});
