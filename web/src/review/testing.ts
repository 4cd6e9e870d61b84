// For the tests: blocks as the server writes them, and tables of made-up rows.
import { FN, FP, TP } from "./columns";
import { Table, type Row } from "./table";

export interface BlockSpec {
  firstFrame: number;
  /** [frame, pts_us, rows] */
  frames: [number, number, Partial<Row>[]][];
  labels: [number, string][];
  hasOutcomes?: boolean;
  hasTracks?: boolean;
  hasLatencies?: boolean;
}

function varint(v: number): number[] {
  const out: number[] = [];
  do {
    out.push((v % 128) + (v > 127 ? 128 : 0));
    v = Math.floor(v / 128);
  } while (v > 0);
  return out;
}

const zigzag = (v: number) => (v < 0 ? -2 * v - 1 : 2 * v);

export function encodeBlock(s: BlockSpec): Uint8Array {
  const rows = s.frames.flatMap(([, , r]) => r);
  const bytes: number[] = new Array<number>(64).fill(0);
  const column = (make: (r: Partial<Row>) => ArrayBufferView) => {
    for (const r of rows) {
      const v = make(r);
      bytes.push(...new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
    }
    while (bytes.length % 8) bytes.push(0);
  };
  const f32 = (get: (r: Partial<Row>) => number | undefined) =>
    column((r) => new Float32Array([get(r) ?? 0]));
  f32((r) => r.x);
  f32((r) => r.y);
  f32((r) => r.w);
  f32((r) => r.h);
  f32((r) => r.confidence);
  if (s.hasOutcomes) {
    f32((r) => r.truthX);
    f32((r) => r.truthY);
    f32((r) => r.truthW);
    f32((r) => r.truthH);
    f32((r) => r.iou);
  }
  if (s.hasTracks) column((r) => new Int32Array([r.track ?? 0]));
  column((r) => new Uint16Array([r.label ?? 0]));
  if (s.hasOutcomes) column((r) => new Uint8Array([r.outcome ?? 0]));
  const framesAt = bytes.length;
  s.frames.forEach(([frame, pts, r], i) => {
    const before = s.frames[Math.max(0, i - 1)]!;
    bytes.push(...varint(frame - before[0]), ...varint(zigzag(pts - before[1])), ...varint(r.length));
    if (s.hasLatencies) bytes.push(...varint(zigzag(1000)));
  });
  const labelsAt = bytes.length;
  for (const [id, text] of s.labels) {
    const t = new TextEncoder().encode(text);
    bytes.push(...new Uint8Array(new Int32Array([id]).buffer), t.length, ...t);
  }
  const labelsBytes = bytes.length - labelsAt;
  while (bytes.length % 8) bytes.push(0);
  const out = Uint8Array.from(bytes);
  const head = new DataView(out.buffer);
  head.setUint32(0, 0x31434241, true);
  head.setUint32(4, out.length, true);
  head.setUint32(8, (s.hasTracks ? 1 : 0) + (s.hasOutcomes ? 2 : 0) + (s.hasLatencies ? 4 : 0), true);
  head.setUint32(12, s.frames.length, true);
  head.setUint32(16, rows.length, true);
  head.setUint32(20, s.labels.length, true);
  head.setUint32(24, labelsAt - framesAt, true);
  head.setUint32(28, labelsBytes, true);
  head.setBigInt64(32, BigInt(s.frames[0]?.[0] ?? 0), true);
  head.setBigInt64(40, BigInt(s.frames[0]?.[1] ?? 0), true);
  return out;
}

export function endMark(blocks: number, rows: number): Uint8Array {
  const out = new Uint8Array(16);
  const v = new DataView(out.buffer);
  v.setUint32(0, 0x45434241, true);
  v.setUint32(4, blocks, true);
  v.setBigUint64(8, BigInt(rows), true);
  return out;
}

export const row = (r: Partial<Row>): Row => ({
  frame: 0, x: 10, y: 10, w: 20, h: 40, confidence: 0, label: 0, outcome: 0, track: 0,
  truthX: 0, truthY: 0, truthW: 0, truthH: 0, iou: 0, ...r,
}); // prettier-ignore

export function table(rows: Partial<Row>[], labels = ["person", "car"]): Table {
  const t = new Table();
  labels.forEach((l, i) => t.labelOf(i, l));
  for (const r of rows) {
    t.add(row(r));
    if (t.nFrames === 0 || t.frames[t.nFrames - 1]! < (r.frame ?? 0))
      t.addFrame(r.frame ?? 0, (r.frame ?? 0) * 40000);
  }
  t.finish();
  return t;
}

/** Judged rows of a plain kind, by the thousand. */
export function manyRows(n: number, perFrame = 10): Table {
  const t = new Table();
  t.labelOf(0, "person");
  t.labelOf(1, "car");
  let seed = 1;
  const next = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let i = 0; i < n; i++) {
    const frame = Math.floor(i / perFrame);
    if (i % perFrame === 0) t.addFrame(frame, frame * 40000);
    const outcome = [TP, TP, TP, FP, FN][Math.floor(next() * 5)]!;
    t.add(row({ frame, outcome, label: next() < 0.5 ? 0 : 1, confidence: outcome === FN ? 0 : 0.25 + 0.75 * next(),
      w: 5 + 100 * next(), h: 5 + 100 * next(), track: 1 + (i % 50), iou: outcome === TP ? 0.5 + next() / 2 : 0 })); // prettier-ignore
  }
  t.finish();
  return t;
}
