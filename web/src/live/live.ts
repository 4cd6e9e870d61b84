// One WebSocket for the whole page (/ws/events): follows the topics that somebody on the page wants, tells
// what came, comes back by itself after a loss and says in which state it is.
//
// The server forgets subscriptions with the connection, so all are sent again after each opening; and
// whatever happened in between was missed, so `onGap` asks everything anew.

export type LiveState = "connecting" | "open" | "lost";

export interface LiveTask {
  task_id: string;
  kind?: string;
  status?: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  project_id?: string;
  video_id?: string;
  session_id?: string;
  progress?: number;
  message?: string;
  error?: string;
  frames_done?: number;
  frames_total?: number;
  frames_per_second?: number;
  detections?: number;
}

export interface SocketLike {
  readyState: number;
  send(text: string): void;
  close(): void;
  onopen: ((e: any) => void) | null;
  onclose: ((e: any) => void) | null;
  onerror: ((e: any) => void) | null;
  onmessage: ((e: any) => void) | null;
}

export interface LiveOptions {
  open: () => SocketLike;
  onTask: (t: LiveTask) => void;
  /** Connected again after a loss: whatever is shown may be old. */
  onGap: () => void;
  /** The server closed it because it no longer knows who this is. */
  onRefused?: () => void;
  setTimer?: (call: () => void, ms: number) => unknown;
  clearTimer?: (timer: unknown) => void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const TOPICS_AT_ONCE = 60; // the server takes 64 of one message
const OPEN = 1;
const POLICY = 1008; // RFC 6455, 7.4.1: a login or a key that was withdrawn

export class Live {
  state: LiveState = "connecting";
  private socket: SocketLike | null = null;
  private readonly wanted = new Map<string, number>();
  private readonly listeners = new Set<() => void>();
  private tries = 0;
  private wasOpen = false;
  private timer: unknown = null;
  private stopped = true;

  constructor(private readonly options: LiveOptions) {}

  start() {
    if (!this.stopped) return;
    this.stopped = false;
    this.connect();
  }

  stop() {
    this.stopped = true;
    if (this.timer !== null) (this.options.clearTimer ?? ((t) => clearTimeout(t as number)))(this.timer);
    this.timer = null;
    const s = this.socket;
    this.socket = null;
    s?.close();
    this.setState("connecting"); // whoever starts it again hears nothing until then
  }

  /** Tries at once: the user asked, or the network came back. */
  retryNow() {
    if (this.stopped || this.state === "open") return;
    if (this.timer !== null) (this.options.clearTimer ?? ((t) => clearTimeout(t as number)))(this.timer);
    this.timer = null;
    this.tries = 0;
    this.socket?.close();
    this.connect();
  }

  /**
   * A line that died in silence looks open for minutes: given up where the server does not answer. The
   * answer may come late, when the line is another one already: that one stays.
   */
  async look(isThere: () => Promise<boolean>) {
    const s = this.socket;
    if (this.state !== "open" || !s || (await isThere()) || this.socket !== s) return;
    this.socket = null;
    s.close();
    this.later();
  }

  subscribe(l: () => void): () => void {
    this.listeners.add(l);
    return () => this.listeners.delete(l);
  }

  /** Counted: the last one to let go ends it. */
  follow(topics: string[]): () => void {
    const fresh = topics.filter((t) => {
      const n = this.wanted.get(t) ?? 0;
      this.wanted.set(t, n + 1);
      return n === 0;
    });
    this.say("subscribe", fresh);
    let done = false;
    return () => {
      if (done) return;
      done = true;
      const gone = topics.filter((t) => {
        const n = (this.wanted.get(t) ?? 1) - 1;
        if (n > 0) this.wanted.set(t, n);
        else this.wanted.delete(t);
        return n <= 0;
      });
      this.say("unsubscribe", gone);
    };
  }

  private setState(s: LiveState) {
    if (s === this.state) return;
    this.state = s;
    for (const l of this.listeners) l();
  }

  private say(what: "subscribe" | "unsubscribe", topics: string[]) {
    if (this.socket?.readyState !== OPEN) return;
    for (let i = 0; i < topics.length; i += TOPICS_AT_ONCE)
      this.socket.send(JSON.stringify({ [what]: topics.slice(i, i + TOPICS_AT_ONCE) }));
  }

  private connect() {
    let socket: SocketLike;
    try {
      socket = this.options.open();
    } catch {
      this.later();
      return;
    }
    this.socket = socket;
    socket.onopen = () => {
      if (this.socket !== socket) return;
      this.tries = 0;
      this.say("subscribe", [...this.wanted.keys()]);
      this.setState("open");
      if (this.wasOpen) this.options.onGap();
      this.wasOpen = true;
    };
    socket.onmessage = (e: { data: unknown }) => {
      if (this.socket !== socket || typeof e.data !== "string") return;
      try {
        const m = JSON.parse(e.data) as LiveTask;
        if (m && typeof m.task_id === "string") this.options.onTask(m);
      } catch {
        // not for us
      }
    };
    socket.onclose = (e?: { code?: number }) => {
      if (this.socket !== socket || this.stopped) return;
      this.socket = null;
      this.later();
      if (e?.code === POLICY) this.options.onRefused?.();
    };
    socket.onerror = () => undefined; // a close follows
  }

  private later() {
    this.setState("lost");
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.tries++);
    this.timer = (this.options.setTimer ?? setTimeout)(() => {
      this.timer = null;
      if (!this.stopped) this.connect();
    }, wait);
  }
}
