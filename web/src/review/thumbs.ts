// Crops of rows for the list, few at a time, the newest wish first: the server cuts them out, and where several
// rows wait for one frame, that frame comes once and is cut here.

const AT_ONCE = 2;
const KEPT = 400;
const KEPT_FRAMES = 24;
const SHARED = 3; // rows of a frame that make it worth having whole
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
  private frames = new Map<number, Promise<Blob>>();
  private wishes = new Map<number, { wish: Wish; done: (b: ImageBitmap) => void }>();
  private running = 0;
  private isClosed = false;
  private notBefore = 0;

  constructor(
    private readonly url: (frame: number, width: number, crop?: Rect) => string,
    private readonly picture: { width: number; height: number },
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
    const { width, height } = this.size;
    const part = cropOf(wish, width / height, this.picture);
    const fit = Math.min(width / part.w, height / part.h);
    const sized: ImageBitmapOptions = {
      resizeWidth: Math.max(1, Math.round(part.w * fit)),
      resizeHeight: Math.max(1, Math.round(part.h * fit)),
      resizeQuality: "medium",
    };
    let others = 0;
    for (const w of this.wishes.values()) if (w.wish.frame === wish.frame) others++;
    if (!this.frames.has(wish.frame) && others + 1 < SHARED)
      return createImageBitmap(await this.load(this.url(wish.frame, width, part)), sized);
    const whole = await this.frame(wish.frame);
    const scale = FRAME_WIDTH < this.picture.width ? FRAME_WIDTH / this.picture.width : 1;
    const scaled = (v: number) => Math.round(v * scale);
    return createImageBitmap(
      whole, scaled(part.x), scaled(part.y), Math.max(1, scaled(part.w)), Math.max(1, scaled(part.h)), sized,
    ); // prettier-ignore
  }

  private frame(frame: number): Promise<Blob> {
    const known = this.frames.get(frame);
    if (known) return known;
    const coming = this.load(this.url(frame, FRAME_WIDTH < this.picture.width ? FRAME_WIDTH : 0));
    this.frames.set(frame, coming);
    coming.catch(() => this.frames.delete(frame));
    if (this.frames.size > KEPT_FRAMES) this.frames.delete(this.frames.keys().next().value!);
    return coming;
  }

  private async load(url: string): Promise<Blob> {
    const reply = await fetch(url, { credentials: "same-origin" });
    if (reply.status === 429 || reply.status === 503) this.notBefore = performance.now() + PAUSE_MS;
    if (!reply.ok) throw new Error(String(reply.status));
    return reply.blob();
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

export interface Rect {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** The object with a little around it, in the crop's proportions where the picture has room: whole pixels within it. */
export function cropOf(o: Rect, aspect: number, picture: { width: number; height: number }): Rect {
  const around = 1.3;
  const wanted = Math.max(o.h * around, (o.w * around) / aspect, 24);
  const w = Math.max(1, Math.min(picture.width, Math.round(wanted * aspect)));
  const h = Math.max(1, Math.min(picture.height, Math.round(wanted)));
  const within = (v: number, most: number) => Math.max(0, Math.min(most, Math.round(v)));
  return {
    x: within(o.x + o.w / 2 - w / 2, picture.width - w),
    y: within(o.y + o.h / 2 - h / 2, picture.height - h),
    w,
    h,
  };
}
