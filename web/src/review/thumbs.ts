// Crops of rows for the list: one picture a frame from the server, few at a time, the newest wish first.

const AT_ONCE = 2;
const KEPT = 400;
const KEPT_FRAMES = 24;
const FRAME_WIDTH = 960;
const PAUSE_MS = 1500; // after the server asked to wait

export interface Wish {
  row: number;
  frame: number;
  x: number;
  y: number;
  w: number;
  h: number;
}

export class Thumbs {
  private crops = new Map<number, ImageBitmap>();
  private frames = new Map<number, Blob>();
  private wishes = new Map<number, { wish: Wish; done: (b: ImageBitmap) => void }>();
  private running = 0;
  private isClosed = false;
  private notBefore = 0;

  constructor(
    private readonly url: (frame: number, width: number) => string,
    private readonly width: number,
    private readonly size: { width: number; height: number },
  ) {}

  get(row: number): ImageBitmap | undefined {
    return this.crops.get(row);
  }

  /** Gives up the wish when called. */
  ask(wish: Wish, done: (b: ImageBitmap) => void): () => void {
    this.wishes.set(wish.row, { wish, done });
    this.go();
    return () => {
      if (this.wishes.get(wish.row)?.done === done) this.wishes.delete(wish.row);
    };
  }

  close() {
    this.isClosed = true;
    this.wishes.clear();
    for (const b of this.crops.values()) b.close();
    this.crops.clear();
  }

  private go() {
    if (this.isClosed || this.running >= AT_ONCE || this.wishes.size === 0) return;
    const wait = this.notBefore - performance.now();
    if (wait > 0) {
      setTimeout(() => this.go(), wait);
      return;
    }
    const [row, { wish, done }] = [...this.wishes].at(-1)!;
    this.wishes.delete(row);
    this.running++;
    void this.make(wish)
      .then((b) => {
        if (this.isClosed) b.close();
        else {
          this.keep(row, b);
          done(b);
        }
      })
      .catch(() => {})
      .finally(() => {
        this.running--;
        this.go();
      });
    this.go();
  }

  private async make(wish: Wish): Promise<ImageBitmap> {
    let blob = this.frames.get(wish.frame);
    if (!blob) {
      const asked = FRAME_WIDTH < this.width ? FRAME_WIDTH : 0;
      const reply = await fetch(this.url(wish.frame, asked), { credentials: "same-origin" });
      if (reply.status === 429 || reply.status === 503) this.notBefore = performance.now() + PAUSE_MS;
      if (!reply.ok) throw new Error(String(reply.status));
      blob = await reply.blob();
      this.frames.set(wish.frame, blob);
      if (this.frames.size > KEPT_FRAMES) this.frames.delete(this.frames.keys().next().value!);
    }
    const scale = FRAME_WIDTH < this.width ? FRAME_WIDTH / this.width : 1;
    const c = cropOf(wish, this.size.width / this.size.height);
    return createImageBitmap(
      blob,
      Math.round(c.x * scale),
      Math.round(c.y * scale),
      Math.max(1, Math.round(c.w * scale)),
      Math.max(1, Math.round(c.h * scale)),
      { resizeWidth: this.size.width, resizeHeight: this.size.height, resizeQuality: "medium" },
    );
  }

  private keep(row: number, b: ImageBitmap) {
    this.crops.get(row)?.close();
    this.crops.set(row, b);
    if (this.crops.size <= KEPT) return;
    const [oldest, old] = this.crops.entries().next().value!;
    old.close();
    this.crops.delete(oldest);
  }
}

/** The object with a little around it, in the crop's proportions. */
export function cropOf(o: { x: number; y: number; w: number; h: number }, aspect: number) {
  const around = 1.3;
  const h = Math.max(o.h * around, (o.w * around) / aspect, 24);
  const w = h * aspect;
  return { x: o.x + o.w / 2 - w / 2, y: o.y + o.h / 2 - h / 2, w, h };
}
