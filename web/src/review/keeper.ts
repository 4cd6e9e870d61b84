// What the worker does, without the worker around it: reads the objects of a video, keeps them, answers.
import { makeBars, makeBins } from "./bins";
import { BlockReader, COLUMNS_TYPE } from "./columns";
import { matchRest, matchTruth, type TruthBox } from "./match";
import type { FromWorker, Kind, Pack, Progress, Questions, Source, ToWorker } from "./protocol";
import { Orders, labelCounts, nextError, select, type Selection } from "./query";
import { Table } from "./table";
import { Truth, checkCoco } from "./truth";

type Send = (message: FromWorker, transfer: Transferable[]) => void;

const PROGRESS_MS = 120;

export function pack(t: Table, rows: Uint32Array): Pack {
  const n = rows.length;
  const take = <T extends Float32Array | Int32Array | Uint16Array | Uint8Array>(a: T): T => {
    const out = new (a.constructor as new (n: number) => T)(n);
    if (a.length > 0) for (let i = 0; i < n; i++) out[i] = a[rows[i]!]!;
    return out;
  };
  return {
    n, row: rows, frame: take(t.frame), x: take(t.x), y: take(t.y), w: take(t.w), h: take(t.h),
    confidence: take(t.confidence), label: take(t.label), outcome: take(t.outcome), track: take(t.track),
    truthX: take(t.truthX), truthY: take(t.truthY), truthW: take(t.truthW), truthH: take(t.truthH), iou: take(t.iou),
  }; // prettier-ignore
}

function buffersOf(v: unknown): Transferable[] {
  const out: Transferable[] = [];
  if (typeof v !== "object" || v === null) return out;
  for (const part of Object.values(v)) {
    if (ArrayBuffer.isView(part)) out.push(part.buffer as ArrayBuffer);
    else out.push(...buffersOf(part));
  }
  return out;
}

export class Keeper {
  private table = new Table();
  private orders = new Orders();
  private selection: Selection | null = null;
  private version = 0;
  private done = false;
  private judge: Progress["judge"] = "nobody";
  private unjudged = 0;
  private toldAt = 0;
  private stopped = new AbortController();
  private spare: Uint32Array | undefined;
  /** Detections alone, kept while truth may change. */
  private bare: Table | null = null;
  private hasRest = false;
  private isUnseen = false;

  constructor(
    private readonly send: Send,
    private readonly get: typeof fetch = (...a) => fetch(...a),
  ) {}

  async hear(message: ToWorker) {
    try {
      const answer = await this.answer(message);
      this.send({ type: "answer", id: message.id, answer }, buffersOf(answer));
    } catch (e) {
      const text = e instanceof Error ? e.message : String(e);
      this.send({ type: "failed", id: message.id, message: text }, []);
    }
  }

  private answer(m: ToWorker): Promise<Questions[Kind][1]> | Questions[Kind][1] {
    const t = this.table;
    switch (m.kind) {
      case "open":
        return this.open(m.ask);
      case "rest":
        return this.addRest(m.ask.url, m.ask.least);
      case "truth":
        return this.judgeBy(m.ask.boxes, new Set(m.ask.looked), new Set(m.ask.labels));
      case "query":
        return this.query(m.ask);
      case "rows": {
        const s = this.selection;
        if (!s || m.ask.version !== this.version) return null;
        return pack(t, s.rows.slice(m.ask.from, Math.min(m.ask.to, s.n)));
      }
      case "frames": {
        const first = t.firstOf(m.ask.from);
        const rows = new Uint32Array(Math.max(0, t.firstOf(m.ask.to) - first));
        for (let i = 0; i < rows.length; i++) rows[i] = first + i;
        return pack(t, rows);
      }
      case "timeline": {
        const { filter, from, to, bins, gap, lanes } = m.ask;
        return { bins: makeBins(t, filter, from, to, bins), bars: makeBars(t, filter, from, to, gap, lanes) };
      }
      case "next": {
        const row = nextError(t, m.ask.filter, m.ask.row, m.ask.frame, m.ask.direction);
        return pack(t, row < 0 ? new Uint32Array(0) : Uint32Array.of(row));
      }
      case "place": {
        const s = this.selection;
        return s && m.ask.version === this.version ? s.rows.subarray(0, s.n).indexOf(m.ask.row) : -1;
      }
      case "placeOfFrame":
        return this.placeOfFrame(m.ask);
      case "stop":
        this.stopped.abort();
        return undefined;
    }
  }

  private query({ filter, sort, descending }: Questions["query"][0]): Questions["query"][1] {
    const from = performance.now();
    const s = select(this.table, filter, sort, descending, this.orders, this.spare);
    this.selection = s;
    this.spare = s.rows;
    const counts = labelCounts(this.table, filter);
    return {
      version: ++this.version,
      n: s.n,
      counts: s.counts,
      labelCounts: counts,
      ms: performance.now() - from,
    };
  }

  private placeOfFrame({ version, frame, descending }: Questions["placeOfFrame"][0]): [number, number] {
    const s = this.selection;
    if (!s || version !== this.version || s.n === 0) return [-1, -1];
    const frameAt = (i: number) => this.table.frame[s.rows[descending ? s.n - 1 - i : i]!]!;
    const firstFrom = (wanted: number) => {
      let low = 0;
      let high = s.n;
      while (low < high) {
        const mid = (low + high) >>> 1;
        if (frameAt(mid) < wanted) low = mid + 1;
        else high = mid;
      }
      return low;
    };
    const first = Math.min(firstFrom(frame), s.n - 1);
    const last = Math.max(first + 1, firstFrom(frame + 1));
    return descending ? [s.n - last, s.n - first] : [first, last];
  }

  // ---- reading

  private async open(source: Source) {
    this.isUnseen = !(await this.read(source.url, this.table, source.mayBeMissing));
    this.table.finish();
    this.judge = this.table.hasOutcomes ? "session" : "nobody";
    if (!this.table.hasOutcomes && source.truthUrl) await this.judgeByUrl(source.truthUrl);
    this.done = true;
    this.tell(true);
  }

  /** False: there is nothing at *url*, and there need not be. */
  private async read(url: string, into: Table, mayBeMissing = false): Promise<boolean> {
    const reply = await this.get(url, {
      headers: { Accept: COLUMNS_TYPE },
      credentials: "same-origin",
      signal: this.stopped.signal,
    });
    if (reply.status === 404 && mayBeMissing) return false;
    if (!reply.ok) throw new Error(await messageOf(reply));
    if (!reply.body) throw new Error("the detections did not come");
    const reader = new BlockReader((b) => into.append(b));
    const stream = reply.body.getReader();
    for (;;) {
      const { done, value } = await stream.read();
      if (done) break;
      reader.push(value);
      if (into === this.table) this.tell(false);
    }
    reader.finish();
    return true;
  }

  private async judgeByUrl(url: string) {
    const reply = await this.get(url, { credentials: "same-origin", signal: this.stopped.signal });
    if (reply.status === 404) return;
    if (!reply.ok) throw new Error(await messageOf(reply));
    const truth = new Truth(checkCoco(await reply.json()), { width: 1e9, height: 1e9 });
    this.judgeBy(truth.all(), truth.frames, new Set(truth.labels));
  }

  /** Detections that no session judged, by the truth as it is now. */
  private judgeBy(truth: TruthBox[], looked: ReadonlySet<number>, labels: ReadonlySet<string>) {
    this.bare ??= this.table;
    if (this.bare.hasOutcomes) throw new Error("a session has judged these detections");
    this.table = matchTruth(this.bare, truth, looked, labels, () => new Table());
    this.unjudged = 0;
    for (let k = 0; k < this.bare.nFrames; k++) if (!looked.has(this.bare.frames[k]!)) this.unjudged++;
    this.judge = "page";
    this.changed();
  }

  private async addRest(url: string, least: number) {
    if (this.hasRest || this.judge !== "session") return;
    this.hasRest = true;
    const rest = new Table();
    await this.read(url, rest);
    rest.finish();
    this.table = matchRest(this.table, rest, least, () => new Table());
    this.changed();
  }

  private changed() {
    this.orders.clear();
    this.selection = null;
    this.version++;
    this.tell(true);
  }

  private tell(now: boolean) {
    const at = performance.now();
    if (!now && at - this.toldAt < PROGRESS_MS) return;
    this.toldAt = at;
    const t = this.table;
    this.send(
      {
        type: "progress",
        progress: {
          rows: t.n,
          frames: t.nFrames,
          lastFrame: Math.max(t.nFrames ? t.frames[t.nFrames - 1]! : 0, t.n ? t.frame[t.n - 1]! : 0),
          done: this.done,
          hasOutcomes: t.hasOutcomes,
          hasTracks: t.hasTracks,
          isUnseen: this.isUnseen,
          judge: this.judge,
          labels: t.labels,
          bytes: t.bytes + this.orders.bytes + (this.spare?.byteLength ?? 0) + (this.bare?.bytes ?? 0),
          unjudged: this.unjudged,
        },
      },
      [],
    );
  }
}

/** The server's own words where it has some. */
export async function messageOf(reply: Response): Promise<string> {
  try {
    const v: unknown = await reply.json();
    if (typeof v === "object" && v !== null && "message" in v && typeof v.message === "string")
      return v.message;
  } catch {
    // not JSON
  }
  return `the server answered ${reply.status}`;
}
