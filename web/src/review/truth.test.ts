import { beforeEach, describe, expect, it } from "vitest";

import { Truth, TruthError, checkCoco, type Coco } from "./truth";

const coco: Coco = {
  images: [
    { id: 10, frame: 0, file_name: "a.jpg", width: 100, height: 80 },
    { id: 11, frame: 1 },
    { id: 12, frame: 2 },
    { id: 13, frame: 9 },
  ],
  categories: [{ id: 1, name: "person", supercategory: "living" }, { id: 3, name: "car" }],
  annotations: [
    { id: 5, image_id: 10, category_id: 1, bbox: [10, 10, 20, 20], iscrowd: 0, track_id: 1, note: "kept" },
    { id: 6, image_id: 12, category_id: 1, bbox: [30, 10, 20, 20], iscrowd: 0, track_id: 1 },
    { id: 7, image_id: 10, category_id: 3, bbox: [12, 12, 5, 5], iscrowd: 1 },
  ],
}; // prettier-ignore

let t: Truth;
beforeEach(() => {
  t = new Truth(structuredClone(coco), { width: 100, height: 80 });
});

const boxes = (frame: number) => t.at(frame).map((b) => [b.label, b.x, b.y, b.w, b.h]);
const linear = (f: number) => f * 40;

describe("reading and writing", () => {
  it("loses nothing", () => {
    const out = t.toCoco();
    expect(out.images).toEqual(coco.images);
    expect(out.categories).toEqual(coco.categories);
    expect(out.annotations.map((a) => [a.image_id, a.category_id, a.bbox, a.iscrowd, a.track_id])).toEqual([
      [10, 1, [10, 10, 20, 20], 0, 1],
      [10, 3, [12, 12, 5, 5], 1, undefined],
      [12, 1, [30, 10, 20, 20], 0, 1],
    ]);
    expect(out.annotations[0]!["note"]).toBe("kept");
    expect([...t.frames]).toEqual([0, 1, 2, 9]);
  });

  it("takes pictures without frame numbers in their order", () => {
    const c: Coco = {
      ...coco,
      images: [{ id: "b" }, { id: "a" }],
      annotations: [{ image_id: "a", category_id: 1, bbox: [0, 0, 1, 1] }],
    };
    expect(new Truth(c, { width: 9, height: 9 }).at(1)).toHaveLength(1);
  });

  it.each([[null], [[]], [{ images: [] }], [{ images: [], categories: {}, annotations: [] }]])(
    "refuses %o",
    (v) => {
      expect(() => checkCoco(v)).toThrow(TruthError);
    },
  );

  it("gives new frames and new labels a place", () => {
    t.draw(4, { x: 1, y: 1, w: 5, h: 5 }, "dog", 0);
    const out = t.toCoco();
    expect(out.categories.at(-1)).toEqual({ id: 4, name: "dog" });
    const image = out.images.find((i) => i.frame === 4)!;
    expect(image).toMatchObject({ id: 5, width: 100, height: 80 });
    expect(out.annotations.find((a) => a.image_id === image.id)!.category_id).toBe(4);
  });
});

describe("editing", () => {
  it("draws upright, within the picture, and nothing that has no area", () => {
    t.draw(1, { x: 110, y: 20, w: -30, h: -10 }, "car", 0);
    expect(boxes(1)).toEqual([["car", 80, 10, 20, 10]]);
    expect(t.draw(1, { x: 5, y: 5, w: 0.5, h: 9 }, "car", 0)).toBeNull();
    expect(t.changes).toBe(1);
  });

  it("moves, resizes, relabels, deletes; takes it all back, and does it again", () => {
    const before = JSON.stringify(t.toCoco());
    const id = t.at(0)[0]!.id;
    t.place(id, { x: 0, y: 0, w: 20, h: 20 });
    expect(t.canUndo).toBe("move");
    t.place(id, { x: 0, y: 0, w: 30, h: 20 });
    expect(t.canUndo).toBe("resize");
    t.relabel(id, "car", false);
    t.remove([id]);
    const after = JSON.stringify(t.toCoco());
    expect(t.at(0)).toHaveLength(1);
    while (t.undo());
    expect(JSON.stringify(t.toCoco())).toBe(before);
    expect(t.isChanged).toBe(false);
    while (t.redo());
    expect(JSON.stringify(t.toCoco())).toBe(after);
  });

  it("relabels a whole track", () => {
    t.relabel(t.at(0)[0]!.id, "car", true);
    expect([...t.at(0), ...t.at(2)].map((b) => b.label)).toEqual(["car", "car", "car"]);
    t.undo();
    expect(boxes(2)[0]![0]).toBe("person");
  });

  it("that changes nothing is no command", () => {
    const b = t.at(0)[0]!;
    t.place(b.id, b);
    t.relabel(b.id, "person", false);
    expect(t.canUndo).toBeNull();
  });

  it("after undo begins a new branch", () => {
    t.draw(1, { x: 1, y: 1, w: 5, h: 5 }, "car", 0);
    t.undo();
    t.draw(1, { x: 2, y: 2, w: 5, h: 5 }, "car", 0);
    expect(t.canRedo).toBeNull();
  });

  it("picks the smallest box under a point", () => {
    expect(t.hit(0, 14, 14, 0)!.label).toBe("car");
    expect(t.hit(0, 28, 28, 0)!.label).toBe("person");
    expect(t.hit(0, 90, 70, 2)).toBeNull();
  });

  it("knows what was saved", () => {
    t.draw(1, { x: 1, y: 1, w: 5, h: 5 }, "car", 0);
    t.markSaved();
    expect(t.isChanged).toBe(false);
    t.undo();
    expect(t.isChanged).toBe(true);
    t.redo();
    expect(t.isChanged).toBe(false);
    t.undo();
    t.draw(1, { x: 9, y: 9, w: 5, h: 5 }, "car", 0);
    expect(t.isChanged).toBe(true);
  });
});

describe("interpolating", () => {
  it("fills the frames that the truth speaks of, straight in time", () => {
    expect(t.interpolate(1, 0, (f) => [0, 10, 40][f]!)).toBe(1);
    expect(boxes(1)).toEqual([["person", 15, 10, 20, 20]]);
    t.undo();
    expect(boxes(1)).toEqual([]);
  });

  it("fills every frame where the truth speaks of none between", () => {
    const e = Truth.empty({ width: 100, height: 100 });
    e.draw(0, { x: 0, y: 0, w: 10, h: 10 }, "car", 3);
    e.draw(4, { x: 40, y: 0, w: 10, h: 20 }, "car", 3);
    expect(e.interpolate(3, 2, linear)).toBe(3);
    expect([1, 2, 3].map((f) => e.at(f)[0]!.x)).toEqual([10, 20, 30]);
    expect(e.at(2)[0]!.h).toBe(15);
  });

  it("replaces what was interpolated before, and never a key box", () => {
    t.interpolate(1, 0, linear);
    t.place(t.at(2)[0]!.id, { x: 50, y: 10, w: 20, h: 20 });
    expect(t.interpolate(1, 0, linear)).toBe(1);
    expect(boxes(1)).toEqual([["person", 30, 10, 20, 20]]);
    t.place(t.at(1)[0]!.id, { x: 0, y: 0, w: 20, h: 20 });
    expect(t.interpolate(1, 0, linear)).toBe(0);
  });

  it("needs two key boxes", () => expect(t.interpolate(9, 0, linear)).toBe(0));
});

describe("another's version", () => {
  it("takes our edits, and keeps ours beside theirs where both changed a box", () => {
    t.place(t.at(0)[0]!.id, { x: 1, y: 1, w: 20, h: 20 });
    t.remove([t.at(2)[0]!.id]);
    t.draw(1, { x: 3, y: 3, w: 9, h: 9 }, "car", 0);
    const theirs = structuredClone(coco);
    theirs.annotations[0]!.bbox = [11, 11, 20, 20];
    const other = new Truth(theirs, { width: 100, height: 80 });
    expect(other.rebase(t.net())).toBe(1);
    expect(other.at(2)).toHaveLength(0);
    expect(other.at(1)).toHaveLength(1);
    expect(
      other
        .at(0)
        .filter((b) => b.label === "person")
        .map((b) => b.x)
        .sort((a, b) => a - b),
    ).toEqual([1, 11]);
    other.undo();
    expect(other.at(2)).toHaveLength(1);
  });

  it("gets only what was not saved yet, undone or done", () => {
    const b = t.draw(1, { x: 3, y: 3, w: 9, h: 9 }, "car", 0)!;
    t.markSaved();
    expect(t.net()).toEqual([]);
    t.draw(2, { x: 3, y: 3, w: 9, h: 9 }, "car", 0);
    expect(t.net()).toHaveLength(1);
    t.undo();
    t.undo();
    expect(t.net()).toEqual([{ before: b, after: null }]);
  });

  it("of changes that were taken back has none", () => {
    const b = t.draw(1, { x: 3, y: 3, w: 9, h: 9 }, "car", 0)!;
    t.remove([b.id]);
    expect(t.net()).toEqual([]);
  });
});
