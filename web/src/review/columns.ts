// Reads application/vnd.assay.columns (docs/FILES.md): blocks of packed columns out of a stream of
// bytes that may be cut anywhere.

export const COLUMNS_TYPE = "application/vnd.assay.columns";

const MAGIC = 0x31434241; // "ABC1"
const END_MAGIC = 0x45434241; // "ABCE"
const HEAD_BYTES = 64;
const END_BYTES = 16;
const MAX_BYTES = 8 * 1024 * 1024;

const HAS_TRACKS = 1;
const HAS_OUTCOMES = 2;
const HAS_LATENCIES = 4;

export const UNSET = 0;
export const TP = 1;
export const FP = 2;
export const FN = 3;

export interface Label {
  classId: number;
  text: string;
}

/** One block. The arrays lie in one buffer, in the order of the frames. */
export interface Block {
  n: number;
  x: Float32Array;
  y: Float32Array;
  w: Float32Array;
  h: Float32Array;
  confidence: Float32Array;
  truthX: Float32Array | null;
  truthY: Float32Array | null;
  truthW: Float32Array | null;
  truthH: Float32Array | null;
  iou: Float32Array | null;
  track: Int32Array | null;
  label: Uint16Array;
  outcome: Uint8Array | null;
  labels: Label[];
  /** Of each frame: ordinal, time in microseconds, how many of the rows are its. */
  frames: Float64Array;
  times: Float64Array;
  counts: Uint32Array;
}

export class ColumnsError extends Error {}

function bad(what: string): never {
  throw new ColumnsError(`the detections cannot be read: ${what}`);
}

/** Numbers of seven bits a byte, lowest first. Beyond 2^53 they are no longer exact. */
class Varints {
  constructor(
    private readonly bytes: Uint8Array,
    private at: number,
    private readonly end: number,
  ) {}

  next(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) bad("the frames are cut short");
      const b = this.bytes[this.at++]!;
      value += (b & 127) * factor;
      if (b < 128) return value;
      factor *= 128;
    }
    return bad("a number is too long");
  }

  signed(): number {
    const v = this.next();
    return v % 2 === 0 ? v / 2 : -(v + 1) / 2;
  }

  get isAtEnd() {
    return this.at === this.end;
  }
}

function pad8(n: number) {
  return Math.ceil(n / 8) * 8;
}

/** *buffer* holds exactly one block. */
export function decodeBlock(buffer: ArrayBuffer): Block {
  if (buffer.byteLength < HEAD_BYTES) bad("a block is shorter than its head");
  const head = new DataView(buffer);
  if (head.getUint32(0, true) !== MAGIC) bad("a block does not begin with ABC1");
  if (head.getUint32(4, true) !== buffer.byteLength) bad("a block's length does not agree with its head");
  const flags = head.getUint32(8, true);
  const nFrames = head.getUint32(12, true);
  const n = head.getUint32(16, true);
  const nLabels = head.getUint32(20, true);
  const framesBytes = head.getUint32(24, true);
  const labelsBytes = head.getUint32(28, true);
  const hasOutcomes = (flags & HAS_OUTCOMES) !== 0;
  let at = HEAD_BYTES;
  const take = (bytes: number) => {
    const from = at;
    at += pad8(bytes);
    if (at > buffer.byteLength) bad("the columns are longer than the block");
    return from;
  };
  const f32 = () => new Float32Array(buffer, take(n * 4), n);
  const x = f32();
  const y = f32();
  const w = f32();
  const h = f32();
  const confidence = f32();
  const truthX = hasOutcomes ? f32() : null;
  const truthY = hasOutcomes ? f32() : null;
  const truthW = hasOutcomes ? f32() : null;
  const truthH = hasOutcomes ? f32() : null;
  const iou = hasOutcomes ? f32() : null;
  const track = flags & HAS_TRACKS ? new Int32Array(buffer, take(n * 4), n) : null;
  const label = new Uint16Array(buffer, take(n * 2), n);
  const outcome = hasOutcomes ? new Uint8Array(buffer, take(n), n) : null;
  if (at + framesBytes + labelsBytes > buffer.byteLength) bad("frames and labels are longer than the block");

  const bytes = new Uint8Array(buffer);
  const numbers = new Varints(bytes, at, at + framesBytes);
  const frames = new Float64Array(nFrames);
  const times = new Float64Array(nFrames);
  const counts = new Uint32Array(nFrames);
  let frame = Number(head.getBigInt64(32, true));
  let time = Number(head.getBigInt64(40, true));
  let sum = 0;
  for (let i = 0; i < nFrames; i++) {
    frame += numbers.next();
    time += numbers.signed();
    const count = numbers.next();
    if (flags & HAS_LATENCIES) numbers.next();
    frames[i] = frame;
    times[i] = time;
    counts[i] = count;
    sum += count;
  }
  if (!numbers.isAtEnd || sum !== n) bad("frames and detections do not agree");

  const labels: Label[] = [];
  const text = new TextDecoder();
  let p = at + framesBytes;
  const end = p + labelsBytes;
  for (let i = 0; i < nLabels; i++) {
    if (p + 5 > end || p + 5 + bytes[p + 4]! > end) bad("the labels are cut short");
    const length = bytes[p + 4]!;
    labels.push({
      classId: head.getInt32(p, true),
      text: text.decode(bytes.subarray(p + 5, p + 5 + length)),
    });
    p += 5 + length;
  }
  for (let i = 0; i < n; i++) if (label[i]! >= nLabels) bad("a label is out of range");
  return {
    n,
    x,
    y,
    w,
    h,
    confidence,
    truthX,
    truthY,
    truthW,
    truthH,
    iou,
    track,
    label,
    outcome,
    labels,
    frames,
    times,
    counts,
  };
}

/** Bytes in, whole blocks out. */
export class BlockReader {
  private pieces: Uint8Array[] = [];
  private held = 0;
  private blocks = 0;
  private rows = 0;
  private ended = false;

  constructor(private readonly onBlock: (b: Block) => void) {}

  push(piece: Uint8Array) {
    if (piece.length === 0) return;
    this.pieces.push(piece);
    this.held += piece.length;
    while (this.step());
  }

  /** The stream has ended: without its mark, something is missing. */
  finish() {
    if (!this.ended) bad("the stream ended before its end");
    if (this.held > 0) bad("there is more after the end");
  }

  private step(): boolean {
    if (this.held < 8 || this.ended) return false;
    const head = new DataView(this.copy(8));
    const magic = head.getUint32(0, true);
    if (magic === END_MAGIC) return this.readEnd();
    if (magic !== MAGIC) bad("a block does not begin with ABC1");
    const size = head.getUint32(4, true);
    if (size < HEAD_BYTES || size > MAX_BYTES) bad("a block's size is out of range");
    if (this.held < size) return false;
    const block = decodeBlock(this.copy(size));
    this.drop(size);
    this.blocks++;
    this.rows += block.n;
    this.onBlock(block);
    return true;
  }

  private readEnd(): boolean {
    if (this.held < END_BYTES) return false;
    const mark = new DataView(this.copy(END_BYTES));
    this.drop(END_BYTES);
    this.ended = true;
    if (mark.getUint32(4, true) !== this.blocks || Number(mark.getBigUint64(8, true)) !== this.rows)
      bad("blocks are missing");
    return false;
  }

  private copy(n: number): ArrayBuffer {
    const out = new Uint8Array(n);
    let at = 0;
    for (const p of this.pieces) {
      const part = p.subarray(0, n - at);
      out.set(part, at);
      at += part.length;
      if (at === n) break;
    }
    return out.buffer;
  }

  private drop(n: number) {
    this.held -= n;
    while (n > 0) {
      const first = this.pieces[0]!;
      if (first.length > n) {
        this.pieces[0] = first.subarray(n);
        return;
      }
      n -= first.length;
      this.pieces.shift();
    }
  }
}
