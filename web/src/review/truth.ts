// A video's truth as it is edited: boxes by frame, changes that can be taken back, COCO in and out.
import type { TruthBox } from "./match";

export interface Box {
  id: number;
  frame: number;
  x: number;
  y: number;
  w: number;
  h: number;
  label: string;
  /** 0: of no track. */
  track: number;
  isIgnored: boolean;
  /** Placed by hand: interpolation goes from one to the next and never over one. */
  isKey: boolean;
}

export interface Change {
  before: Box | null;
  after: Box | null;
}

export interface Command {
  what: string;
  changes: Change[];
}

interface CocoImage {
  id: number | string;
  frame?: number;
  width?: number;
  height?: number;
  [other: string]: unknown;
}

interface CocoAnnotation {
  id?: number;
  image_id: number | string;
  category_id: number;
  bbox?: number[];
  iscrowd?: number;
  track_id?: number;
  [other: string]: unknown;
}

export interface Coco {
  images: CocoImage[];
  categories: { id: number; name: string; [other: string]: unknown }[];
  annotations: CocoAnnotation[];
}

export class TruthError extends Error {}

function isRecord(v: unknown): v is Record<string, unknown> {
  return typeof v === "object" && v !== null && !Array.isArray(v);
}

export function checkCoco(v: unknown): Coco {
  if (!isRecord(v)) throw new TruthError("the truth is no COCO document");
  for (const name of ["images", "categories", "annotations"])
    if (!Array.isArray(v[name])) throw new TruthError(`the truth has no ${name}`);
  return v as unknown as Coco;
}

/** Pictures that bear no frame number are the frames in the order of the document. */
function frameOf(image: CocoImage, place: number): number {
  return typeof image.frame === "number" ? image.frame : place;
}

export class Truth {
  private boxes = new Map<number, Box>();
  private byFrame = new Map<number, Set<number>>();
  private images = new Map<number, CocoImage>();
  private categories: Coco["categories"];
  private extras = new Map<number, CocoAnnotation>();
  private done: Command[] = [];
  private undone: Command[] = [];
  private nextId = 1;
  private saved = 0; // commands that the server has
  /** Annotations without a box, carried along. */
  private others: CocoAnnotation[] = [];

  constructor(
    coco: Coco,
    private readonly size: { width: number; height: number },
  ) {
    const places = new Map<number | string, number>();
    coco.images.forEach((image, i) => {
      const frame = frameOf(image, i);
      places.set(image.id, frame);
      this.images.set(frame, image);
    });
    this.categories = coco.categories.map((c) => ({ ...c }));
    const names = new Map(coco.categories.map((c) => [c.id, c.name]));
    for (const a of coco.annotations) {
      const frame = places.get(a.image_id);
      const [x, y, w, h] = a.bbox ?? [];
      if (frame === undefined || x === undefined || y === undefined || w === undefined || h === undefined) {
        this.others.push(a);
        continue;
      }
      const id = this.nextId++;
      this.extras.set(id, a);
      this.put({
        id, frame, x, y, w, h, label: names.get(a.category_id) ?? String(a.category_id),
        track: typeof a.track_id === "number" ? a.track_id : 0, isIgnored: a.iscrowd === 1, isKey: false,
      }); // prettier-ignore
    }
    this.base = new Map(this.boxes);
  }

  private base = new Map<number, Box>(); // as the server has it

  static empty(size: { width: number; height: number }): Truth {
    return new Truth({ images: [], categories: [], annotations: [] }, size);
  }

  // ---- reading

  get n() {
    return this.boxes.size;
  }

  get labels(): string[] {
    const all = new Set(this.categories.map((c) => c.name));
    for (const b of this.boxes.values()) all.add(b.label);
    return [...all];
  }

  /** The frames that the truth speaks of, with or without objects. */
  get frames(): Set<number> {
    return new Set([
      ...this.images.keys(),
      ...[...this.byFrame].filter(([, s]) => s.size > 0).map(([f]) => f),
    ]);
  }

  get(id: number): Box | undefined {
    return this.boxes.get(id);
  }

  at(frame: number): Box[] {
    return [...(this.byFrame.get(frame) ?? [])].map((id) => this.boxes.get(id)!).sort((a, b) => a.id - b.id);
  }

  all(): TruthBox[] {
    return [...this.boxes.values()];
  }

  ofTrack(track: number): Box[] {
    return [...this.boxes.values()].filter((b) => b.track === track).sort((a, b) => a.frame - b.frame);
  }

  /** The box under a point: the smallest of those that hold it. */
  hit(frame: number, x: number, y: number, slack: number): Box | null {
    let best: Box | null = null;
    for (const b of this.at(frame)) {
      if (x < b.x - slack || y < b.y - slack || x > b.x + b.w + slack || y > b.y + b.h + slack) continue;
      if (!best || b.w * b.h < best.w * best.h) best = b;
    }
    return best;
  }

  newTrack(): number {
    let most = 0;
    for (const b of this.boxes.values()) most = Math.max(most, b.track);
    return most + 1;
  }

  // ---- changing

  get changes() {
    return this.done.length;
  }

  get isChanged() {
    return this.done.length !== this.saved || this.lostSaved;
  }

  private lostSaved = false; // the saved state can no longer be reached by undo and redo

  get canUndo() {
    return this.done.at(-1)?.what ?? null;
  }

  get canRedo() {
    return this.undone.at(-1)?.what ?? null;
  }

  run(what: string, changes: Change[]) {
    const real = changes.filter((c) => !isSame(c.before, c.after));
    if (real.length === 0) return;
    if (this.done.length < this.saved) this.lostSaved = true;
    this.done.push({ what, changes: real });
    this.undone = [];
    for (const c of real) this.apply(c.before, c.after);
  }

  undo(): Command | null {
    const c = this.done.pop();
    if (!c) return null;
    this.undone.push(c);
    for (let i = c.changes.length - 1; i >= 0; i--) this.apply(c.changes[i]!.after, c.changes[i]!.before);
    return c;
  }

  redo(): Command | null {
    const c = this.undone.pop();
    if (!c) return null;
    this.done.push(c);
    for (const change of c.changes) this.apply(change.before, change.after);
    return c;
  }

  draw(
    frame: number,
    r: { x: number; y: number; w: number; h: number },
    label: string,
    track: number,
  ): Box | null {
    const box = this.inside({ ...r, id: this.nextId, frame, label, track, isIgnored: false, isKey: true });
    if (box.w < 1 || box.h < 1) return null;
    this.nextId++;
    this.run(`draw ${label}`, [{ before: null, after: box }]);
    return box;
  }

  /** Moves or resizes; sides that crossed over are put right. */
  place(id: number, r: { x: number; y: number; w: number; h: number }) {
    const before = this.boxes.get(id);
    if (!before) return;
    const after = this.inside({ ...before, ...upright(r), isKey: true });
    if (after.w < 1 || after.h < 1 || isAlike(before, after)) return;
    this.run(before.w === after.w && before.h === after.h ? "move" : "resize", [{ before, after }]);
  }

  remove(ids: number[]) {
    const gone = ids.map((id) => this.boxes.get(id)).filter((b) => b !== undefined);
    this.run(gone.length === 1 ? `delete ${gone[0]!.label}` : `delete ${gone.length} boxes`,
      gone.map((before) => ({ before, after: null }))); // prettier-ignore
  }

  /** Of a track, all its boxes: an object does not change its class. */
  relabel(id: number, label: string, wholeTrack: boolean) {
    const box = this.boxes.get(id);
    if (!box) return;
    const all = wholeTrack && box.track > 0 ? this.ofTrack(box.track) : [box];
    this.run(
      `relabel to ${label}`,
      all.map((before) => ({ before, after: { ...before, label } })),
    );
  }

  setTrack(id: number, track: number) {
    const before = this.boxes.get(id);
    if (before) this.run("set track", [{ before, after: { ...before, track } }]);
  }

  /**
   * Boxes between the key boxes of a track on either side of *frame*, or from one to the next where *frame* is a key
   * box: one a frame that the truth speaks of (every frame where it speaks of none between), straight in time. Where
   * no box on that side was placed by hand, the nearest one that was read counts.
   * Gives how many frames were filled; 0: there is nothing between two.
   */
  interpolate(track: number, frame: number, timeOf: (frame: number) => number): number {
    const all = this.ofTrack(track);
    const keys = all.filter((b) => b.isKey);
    const before = (b: Box) => b.frame <= frame;
    const after = (b: Box) => b.frame > frame;
    const a = keys.filter(before).at(-1) ?? all.filter(before).at(-1);
    const b = keys.find(after) ?? all.find(after);
    return a && b ? this.fill(a, b, timeOf) : 0;
  }

  private fill(a: Box, b: Box, timeOf: (frame: number) => number): number {
    const between: number[] = [];
    for (let f = a.frame + 1; f < b.frame; f++) between.push(f);
    const spoken = between.filter((f) => this.images.has(f) || (this.byFrame.get(f)?.size ?? 0) > 0);
    const changes: Change[] = [];
    for (const f of spoken.length > 0 ? spoken : between) {
      const s = (timeOf(f) - timeOf(a.frame)) / (timeOf(b.frame) - timeOf(a.frame));
      const mix = (p: number, q: number) => p + (q - p) * s;
      const before = this.at(f).find((o) => o.track === a.track) ?? null;
      if (before?.isKey) continue;
      const after: Box = {
        id: before?.id ?? this.nextId++, frame: f, x: mix(a.x, b.x), y: mix(a.y, b.y), w: mix(a.w, b.w),
        h: mix(a.h, b.h), label: a.label, track: a.track, isIgnored: a.isIgnored, isKey: false,
      }; // prettier-ignore
      changes.push({ before, after });
    }
    this.run(`interpolate ${changes.length} frame${changes.length === 1 ? "" : "s"}`, changes);
    return changes.length;
  }

  // ---- keeping

  /** What the server has from now on. */
  markSaved() {
    this.saved = this.done.length;
    this.lostSaved = false;
    this.base = new Map(this.boxes);
  }

  /** How the boxes differ from what the server has, each once: for the draft and for another version. */
  net(): Change[] {
    const out: Change[] = [];
    for (const [id, before] of this.base) {
      const after = this.boxes.get(id) ?? null;
      if (after !== before && !isSame(before, after)) out.push({ before, after });
    }
    for (const [id, after] of this.boxes) if (!this.base.has(id)) out.push({ before: null, after });
    return out;
  }

  /**
   * Lays changes made to another version over this one. A box that is no longer as it was then was changed by
   * someone else: ours is kept beside theirs. Gives how many of those there are.
   */
  rebase(changes: Change[]): number {
    let clashes = 0;
    const out: Change[] = [];
    for (const { before, after } of changes) {
      const now = before ? (this.at(before.frame).find((b) => isAlike(b, before)) ?? null) : null;
      if (before && !now) clashes++;
      if (now) out.push({ before: now, after: after && { ...after, id: now.id } });
      else if (after) out.push({ before: null, after: { ...after, id: this.nextId++ } });
    }
    this.run("edits made before", out);
    return clashes;
  }

  toCoco(): Coco {
    const categories = this.categories.map((c) => ({ ...c }));
    const ids = new Map(categories.map((c) => [c.name, c.id]));
    const categoryOf = (label: string) => {
      let id = ids.get(label);
      if (id === undefined) {
        id = categories.reduce((most, c) => Math.max(most, c.id), 0) + 1;
        ids.set(label, id);
        categories.push({ id, name: label });
      }
      return id;
    };
    const images = new Map(this.images);
    const used = new Set([...images.values()].map((i) => i.id));
    const imageOf = (frame: number) => {
      let image = images.get(frame);
      if (!image) {
        let id = frame + 1;
        while (used.has(id)) id++;
        used.add(id);
        const name = `frame_${String(frame).padStart(6, "0")}.jpg`;
        image = { id, file_name: name, width: this.size.width, height: this.size.height, frame };
        images.set(frame, image);
      }
      return image;
    };
    const sorted = [...this.boxes.values()].sort((a, b) => a.frame - b.frame || a.id - b.id);
    const annotations = sorted.map((b, i): CocoAnnotation => {
      const out: CocoAnnotation = {
        ...this.extras.get(b.id),
        id: i + 1,
        image_id: imageOf(b.frame).id,
        category_id: categoryOf(b.label),
        bbox: [b.x, b.y, b.w, b.h],
        area: b.w * b.h,
        iscrowd: b.isIgnored ? 1 : 0,
      };
      if (b.track > 0) out.track_id = b.track;
      else if (out.track_id !== 0) delete out.track_id;
      return out;
    });
    this.others.forEach((o, i) => annotations.push({ ...o, id: sorted.length + i + 1 }));
    return { images: [...images].sort((a, b) => a[0] - b[0]).map(([, i]) => i), categories, annotations };
  }

  // ---- within

  private put(b: Box) {
    this.boxes.set(b.id, b);
    let set = this.byFrame.get(b.frame);
    if (!set) this.byFrame.set(b.frame, (set = new Set()));
    set.add(b.id);
    this.nextId = Math.max(this.nextId, b.id + 1);
  }

  private apply(before: Box | null, after: Box | null) {
    if (before) {
      this.boxes.delete(before.id);
      this.byFrame.get(before.frame)?.delete(before.id);
    }
    if (after) this.put(after);
  }

  private inside(b: Box): Box {
    const r = upright(b);
    const x = Math.max(0, Math.min(this.size.width, r.x));
    const y = Math.max(0, Math.min(this.size.height, r.y));
    return {
      ...b,
      x,
      y,
      w: Math.min(this.size.width, r.x + r.w) - x,
      h: Math.min(this.size.height, r.y + r.h) - y,
    };
  }
}

function upright(r: { x: number; y: number; w: number; h: number }) {
  return {
    x: Math.min(r.x, r.x + r.w),
    y: Math.min(r.y, r.y + r.h),
    w: Math.abs(r.w),
    h: Math.abs(r.h),
  };
}

function isSame(a: Box | null, b: Box | null): boolean {
  if (!a || !b) return a === b;
  return isAlike(a, b) && a.id === b.id && a.isKey === b.isKey;
}

function isAlike(a: Box, b: Box): boolean {
  const near = (p: number, q: number) => Math.abs(p - q) < 0.01;
  return (
    a.frame === b.frame && a.label === b.label && a.track === b.track && a.isIgnored === b.isIgnored &&
    near(a.x, b.x) && near(a.y, b.y) && near(a.w, b.w) && near(a.h, b.h)
  ); // prettier-ignore
}
