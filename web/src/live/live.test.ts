import { beforeEach, describe, expect, test, vi } from "vitest";

import { Live, type LiveTask, type SocketLike } from "./live";

class FakeSocket implements SocketLike {
  readyState = 0;
  sent: string[] = [];
  onopen: SocketLike["onopen"] = null;
  onclose: SocketLike["onclose"] = null;
  onerror: SocketLike["onerror"] = null;
  onmessage: SocketLike["onmessage"] = null;
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.readyState = 3;
    this.onclose?.({});
  }
  open() {
    this.readyState = 1;
    this.onopen?.({});
  }
}

let sockets: FakeSocket[];
let timers: { call: () => void; ms: number }[];
let tasks: LiveTask[];
const gap = vi.fn();
let live: Live;

beforeEach(() => {
  sockets = [];
  timers = [];
  tasks = [];
  gap.mockClear();
  live = new Live({
    open: () => {
      const s = new FakeSocket();
      sockets.push(s);
      return s;
    },
    onTask: (t) => tasks.push(t),
    onGap: gap,
    setTimer: (call, ms) => timers.push({ call, ms }),
    clearTimer: () => undefined,
  });
  live.start();
});

describe("Live", () => {
  test("says what is wanted once it is open, each topic once", () => {
    live.follow(["project:a", "task:b"]);
    const let_go = live.follow(["task:b"]);
    expect(sockets[0]!.sent).toEqual([]);
    sockets[0]!.open();
    expect(sockets[0]!.sent).toEqual(['{"subscribe":["project:a","task:b"]}']);
    let_go();
    expect(sockets[0]!.sent).toHaveLength(1);
  });
  test("the last one to let go ends a topic, once", () => {
    sockets[0]!.open();
    const one = live.follow(["task:b"]);
    one();
    one();
    expect(sockets[0]!.sent).toEqual(['{"subscribe":["task:b"]}', '{"unsubscribe":["task:b"]}']);
  });
  test("sends many topics in pieces", () => {
    sockets[0]!.open();
    live.follow(Array.from({ length: 130 }, (_, i) => `task:${i}`));
    expect(sockets[0]!.sent).toHaveLength(3);
  });
  test("comes back with longer and longer waits, subscribes again and tells of the gap", () => {
    live.follow(["project:a"]);
    sockets[0]!.open();
    expect(live.state).toBe("open");
    expect(gap).not.toHaveBeenCalled();
    sockets[0]!.close();
    expect(live.state).toBe("lost");
    timers[0]!.call();
    sockets[1]!.close();
    expect(timers.map((t) => t.ms)).toEqual([500, 1000]);
    timers[1]!.call();
    sockets[2]!.open();
    expect(live.state).toBe("open");
    expect(sockets[2]!.sent).toEqual(['{"subscribe":["project:a"]}']);
    expect(gap).toHaveBeenCalledTimes(1);
  });
  test("hands on tasks and nothing else", () => {
    sockets[0]!.open();
    sockets[0]!.onmessage!({ data: '{"task_id":"t","status":"running"}' });
    sockets[0]!.onmessage!({ data: '{"error":"x"}' });
    sockets[0]!.onmessage!({ data: "nonsense" });
    expect(tasks).toEqual([{ task_id: "t", status: "running" }]);
  });
  test("after stop nothing is tried again, and nothing is said to be open", () => {
    sockets[0]!.open();
    live.stop();
    expect(timers).toEqual([]);
    expect(sockets).toHaveLength(1);
    expect(live.state).toBe("connecting");
  });
  test("a line of before a stop that closes late does nothing to the new one", () => {
    const [old] = sockets;
    old!.open();
    old!.close = () => (old!.readyState = 2); // as a browser's: its end is told later
    live.stop();
    live.start();
    sockets[1]!.open();
    old!.onclose!({ code: 1000 });
    expect(timers).toEqual([]);
    expect(sockets).toHaveLength(2);
    expect(live.state).toBe("open");
  });
  test("a line that is dead is given up, one where the server answers is not", async () => {
    sockets[0]!.open();
    await live.look(() => Promise.resolve(true));
    expect(live.state).toBe("open");
    await live.look(() => Promise.resolve(false));
    expect(live.state).toBe("lost");
    expect(sockets[0]!.readyState).toBe(3);
    expect(timers).toHaveLength(1);
  });
  test("a look that began at an earlier line does not cut the new one", async () => {
    sockets[0]!.open();
    let answer: (isThere: boolean) => void = () => undefined;
    const looked = live.look(() => new Promise((resolve) => (answer = resolve)));
    sockets[0]!.close();
    timers[0]!.call();
    sockets[1]!.open();
    answer(false);
    await looked;
    expect(live.state).toBe("open");
    expect(sockets[1]!.readyState).toBe(1);
    expect(timers).toHaveLength(1);
  });
  test("where there is no line nothing is asked", async () => {
    const isThere = vi.fn(() => Promise.resolve(false));
    await live.look(isThere);
    sockets[0]!.open();
    live.stop();
    await live.look(isThere);
    expect(isThere).not.toHaveBeenCalled();
  });
});
