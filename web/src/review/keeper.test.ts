import { describe, expect, it } from "vitest";

import { FN, FP, TP } from "./columns";
import { latest } from "./data";
import { Keeper } from "./keeper";
import type { FromWorker, Pack, Progress, QueryAnswer, Source, ToWorker } from "./protocol";
import { noFilter } from "./query";
import { encodeBlock, endMark } from "./testing";

const judged = encodeBlock({
  firstFrame: 0,
  hasOutcomes: true,
  labels: [[0, "person"]],
  frames: [
    [0, 0, [{ outcome: TP, confidence: 0.9, x: 1, truthX: 1, w: 9, h: 9, truthW: 9, truthH: 9 }]],
    [1, 40000, [{ outcome: FN, truthX: 5, truthW: 10, truthH: 10 }]],
  ],
});
const bare = encodeBlock({
  firstFrame: 0,
  labels: [[0, "person"]],
  frames: [
    [0, 0, [{ confidence: 0.9, x: 1, w: 9, h: 9 }]],
    [1, 40000, [{ confidence: 0.1, x: 5, w: 10, h: 10 }, { confidence: 0.2, x: 500, w: 10, h: 10 }]],
  ],
}); // prettier-ignore
const coco = {
  images: [{ id: 1, frame: 0 }],
  categories: [{ id: 1, name: "person" }],
  annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [1, 0, 9, 9] }],
};

function reply(parts: Uint8Array[], status = 200): Response {
  const stream = new ReadableStream<Uint8Array>({
    start(c) {
      for (const p of parts) c.enqueue(p);
      c.close();
    },
  });
  return new Response(stream, { status });
}

function make(answers: Record<string, () => Response>) {
  const told: Progress[] = [];
  const waiting = new Map<number, (m: FromWorker) => void>();
  const keeper = new Keeper(
    (m) => {
      if (m.type === "progress") told.push(m.progress);
      else waiting.get(m.id)?.(m);
    },
    (url) => Promise.resolve((answers[String(url)] ?? (() => new Response(null, { status: 404 })))()),
  );
  let id = 0;
  const ask = <T>(kind: ToWorker["kind"], what: unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.set(++id, (m) =>
        m.type === "failed" ? reject(new Error(m.message)) : resolve((m as { answer: T }).answer),
      );
      void keeper.hear({ id, kind, ask: what } as ToWorker);
    });
  const open = (s: Partial<Source>) => ask("open", { url: "/d", truthUrl: null, mayBeMissing: false, ...s });
  const query = () => ask<QueryAnswer>("query", { filter: noFilter, sort: "time", descending: false });
  return { ask, open, query, told };
}

const ok = (...blocks: Uint8Array[]) => ({
  "/d": () => reply([...blocks, endMark(blocks.length, blocks === undefined ? 0 : rowsOf(blocks))]),
});
const rowsOf = (blocks: Uint8Array[]) =>
  blocks.reduce((n, b) => n + new DataView(b.buffer).getUint32(16, true), 0);

describe("the keeper", () => {
  it("reads a session's objects and answers for them", async () => {
    const k = make(ok(judged));
    await k.open({});
    expect(k.told.at(-1)).toMatchObject({ rows: 2, done: true, judge: "session", lastFrame: 1 });
    const q = await k.query();
    expect([q.n, q.counts.tp, q.counts.fn]).toEqual([2, 1, 1]);
    const p = await k.ask<Pack>("rows", { version: q.version, from: 1, to: 9 });
    expect([p.n, p.row[0], p.x[0], p.outcome[0]]).toEqual([1, 1, 5, FN]);
    expect(await k.ask("rows", { version: q.version - 1, from: 0, to: 1 })).toBeNull();
    expect(await k.ask("place", { version: q.version, row: 1 })).toBe(1);
    expect((await k.ask<Pack>("frames", { from: 0, to: 1 })).n).toBe(1);
    expect((await k.ask<Pack>("next", { filter: noFilter, row: -1, frame: 0, direction: 1 })).row[0]).toBe(1);
  });

  it("judges detections by the truth where no session did, and says so", async () => {
    const k = make({ ...ok(bare), "/t": () => Response.json(coco) });
    await k.open({ truthUrl: "/t" });
    expect(k.told.at(-1)).toMatchObject({ judge: "page", rows: 1, unjudged: 1 });
    expect((await k.query()).counts.tp).toBe(1);
  });

  it("leaves detections unjudged where there is no truth", async () => {
    const k = make(ok(bare));
    await k.open({ truthUrl: "/t" });
    expect(k.told.at(-1)).toMatchObject({ judge: "nobody", rows: 3 });
    expect((await k.query()).counts.detections).toBe(3);
  });

  it.each([
    ["with a truth, all of it was missed", true, { judge: "page", rows: 1, unjudged: 0 }],
    ["without one, there is nothing", false, { judge: "nobody", rows: 0 }],
  ])("of a video that no model has looked at: %s", async (_, hasTruth, told) => {
    const k = make(hasTruth ? { "/t": () => Response.json(coco) } : {});
    await k.open({ truthUrl: "/t", mayBeMissing: true });
    expect(k.told.at(-1)).toMatchObject({ ...told, done: true, isUnseen: true });
    expect((await k.query()).counts).toEqual({ tp: 0, fp: 0, fn: hasTruth ? 1 : 0, detections: 0 });
  });

  it("finds a frame's rows in an answer by time", async () => {
    const k = make(ok(bare));
    await k.open({});
    const at = async (frame: number, descending: boolean) => {
      const q = await k.ask<QueryAnswer>("query", { filter: noFilter, sort: "time", descending });
      return k.ask("placeOfFrame", { version: q.version, frame, descending });
    };
    expect(await at(0, false)).toEqual([0, 1]);
    expect(await at(1, false)).toEqual([1, 3]);
    expect(await at(9, false)).toEqual([2, 3]); // none so late: the last one
    expect(await at(0, true)).toEqual([2, 3]);
    expect(await at(1, true)).toEqual([0, 2]);
    expect(await k.ask("placeOfFrame", { version: 0, frame: 1, descending: false })).toEqual([-1, -1]);
  });

  it("adds what a session left below its operating point, when asked", async () => {
    const k = make({ ...ok(judged), "/r": () => reply([bare, endMark(1, 3)]) });
    await k.open({});
    await k.ask("rest", { url: "/r", least: 0.25 });
    const q = await k.query();
    expect(q.counts).toEqual({ tp: 2, fp: 1, fn: 0, detections: 0 });
    const p = await k.ask<Pack>("rows", { version: q.version, from: 0, to: 9 });
    expect([...p.outcome]).toEqual([TP, TP, FP]);
  });

  it("tells in the server's words why nothing came", async () => {
    const k = make({
      "/d": () => Response.json({ error: "NOT_FOUND", message: "no session X" }, { status: 404 }),
    });
    await expect(k.open({})).rejects.toThrow("no session X");
  });

  it("tells that a stream broke off", async () => {
    const k = make({ "/d": () => reply([judged]) });
    await expect(k.open({})).rejects.toThrow("the stream ended before its end");
  });
});

it("of questions that come faster than answers, only the newest is asked", async () => {
  const asked: number[] = [];
  const release: (() => void)[] = [];
  const ask = latest<number>((n) => {
    asked.push(n);
    return new Promise((resolve) => release.push(resolve));
  });
  for (let i = 0; i < 5; i++) ask(i);
  release[0]!();
  await new Promise((resolve) => setTimeout(resolve));
  expect(asked).toEqual([0, 4]);
});
