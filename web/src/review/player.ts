// Shows one frame and knows which: the picture and what is drawn over it stand in one canvas and come from
// one frame, so that they cannot part.
//
// Playing, each picture is taken from the video together with its own time (a VideoFrame bears it; where
// there are none, the metadata of requestVideoFrameCallback does), and the table of times says which frame
// that is. Paused, the same frame comes once more from the server, by its ordinal.
import type { FrameClock } from "./clock";

export interface Shown {
  frame: number;
  source: "video" | "server";
}

/** How the picture lies in the canvas, in the canvas's pixels. */
export interface Place {
  scale: number;
  x: number;
  y: number;
  dpr: number;
  width: number; // of the canvas
  height: number;
}

export interface PlayerState {
  isPlaying: boolean;
  isWaiting: boolean;
  isMuted: boolean;
  hasSound: boolean;
  /** Why there is no video; single frames still come from the server. */
  videoError: string | null;
  frameError: string | null;
  zoom: number;
}

export interface PlayerOptions {
  video: HTMLVideoElement;
  canvas: HTMLCanvasElement;
  clock: FrameClock;
  width: number;
  height: number;
  /** Pictures of a video on its side are taken through the element, which turns them. */
  isTurned: boolean;
  frameUrl: (frame: number, width: number) => string;
  firstFrame: number;
  draw: (c: CanvasRenderingContext2D, place: Place, frame: number) => void;
  onShown: (s: Shown) => void;
  onState: (s: PlayerState) => void;
  onView: (zoom: number, x: number, y: number) => void;
}

const KEPT_FRAMES = 8; // of the server's, decoded
const SETTLE_MS = 60; // stepping on: only the frame that is stayed at is asked for
const WIDTHS = [640, 960, 1280, 1920, 2560, 3840];
const MAX_ZOOM = 32;

export class Player {
  private readonly context: CanvasRenderingContext2D;
  private picture: VideoFrame | ImageBitmap | HTMLCanvasElement | null = null;
  private shown: Shown | null = null;
  private wanted: number;
  private state: PlayerState;
  private view = { zoom: 1, x: 0.5, y: 0.5 };
  private kept = new Map<string, ImageBitmap>();
  private asked: AbortController | null = null;
  private timer = 0;
  private drawing = 0;
  private callback = 0;
  private isCalibrated = false;
  private seekWaits = false;
  private isClosed = false;
  private isSettling = false; // paused just now: until the server's frame is there, the player may show one more
  private readonly stopListening = new AbortController();
  private readonly canTakeFrames: boolean;

  constructor(private readonly o: PlayerOptions) {
    const context = o.canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser gives no canvas");
    this.context = context;
    this.wanted = o.clock.clamp(o.firstFrame);
    this.setWanted(this.wanted);
    this.canTakeFrames = typeof VideoFrame === "function" && !o.isTurned;
    this.state = {
      isPlaying: false, isWaiting: false, isMuted: true, hasSound: false, videoError: null,
      frameError: null, zoom: 1,
    }; // prettier-ignore
    const on = (name: string, f: () => void) =>
      o.video.addEventListener(name, f, { signal: this.stopListening.signal });
    on("play", () => this.set({ isPlaying: true }));
    on("pause", () => this.paused());
    on("ended", () => this.paused());
    on("waiting", () => this.set({ isWaiting: true }));
    on("playing", () => this.set({ isWaiting: false }));
    on("seeked", () => this.seeked());
    on("loadeddata", () => this.loaded());
    on("error", () => this.failed());
    o.video.muted = true;
    this.listenToFrames();
    this.askServer(0);
  }

  close() {
    this.isClosed = true;
    this.stopListening.abort();
    this.asked?.abort();
    clearTimeout(this.timer);
    cancelAnimationFrame(this.drawing);
    if ("cancelVideoFrameCallback" in this.o.video) this.o.video.cancelVideoFrameCallback(this.callback);
    this.o.video.pause();
    this.drop();
    for (const b of this.kept.values()) b.close();
    this.kept.clear();
  }

  // ---- what is asked of it

  get frame() {
    return this.shown?.frame ?? this.wanted;
  }

  /** Where stepping goes on from: what was asked for last, shown yet or not. */
  get target() {
    return this.state.isPlaying ? this.frame : this.wanted;
  }

  get isPlaying() {
    return this.state.isPlaying;
  }

  async play() {
    if (this.state.videoError) return;
    const { video, clock } = this.o;
    this.isSettling = false;
    if (this.wanted >= clock.n - 1) this.setWanted(0);
    if (this.frame !== this.wanted || this.shown?.source === "server")
      video.currentTime = clock.seekTo(this.wanted);
    try {
      await video.play();
    } catch (e) {
      if (!this.isClosed && (e as Error).name !== "AbortError")
        this.set({ videoError: (e as Error).message });
    }
  }

  pause() {
    this.o.video.pause();
  }

  toggle() {
    if (this.state.isPlaying) this.pause();
    else void this.play();
  }

  goTo(frame: number) {
    const to = this.o.clock.clamp(frame);
    if (to === this.wanted && to === this.shown?.frame) return;
    this.setWanted(to);
    this.isSettling = false;
    this.seek();
    if (this.state.isPlaying) return;
    const known = this.kept.get(this.keyOf(to));
    if (known) this.show(known, { frame: to, source: "server" });
    else this.askServer(SETTLE_MS);
  }

  private setWanted(frame: number) {
    this.wanted = frame;
    this.o.canvas.dataset["wanted"] = String(frame);
  }

  step(frames: number) {
    const from = this.target;
    this.pause();
    this.goTo(from + frames);
  }

  stepSeconds(seconds: number) {
    this.goTo(this.o.clock.stepSeconds(this.target, seconds));
  }

  setRate(rate: number) {
    this.o.video.defaultPlaybackRate = rate; // that of what is loaded later
    this.o.video.playbackRate = rate;
  }

  setMuted(isMuted: boolean) {
    this.o.video.muted = isMuted;
    this.set({ isMuted });
  }

  /** Something that is drawn over the picture has changed. */
  invalidate() {
    if (this.drawing === 0)
      this.drawing = requestAnimationFrame(() => {
        this.drawing = 0;
        this.draw();
      });
  }

  // ---- the view

  get place(): Place {
    const { canvas, width, height } = this.o;
    const fit = Math.min(canvas.width / width, canvas.height / height);
    const scale = Math.max(1e-6, fit * this.view.zoom);
    return {
      scale,
      x: canvas.width / 2 - this.view.x * width * scale,
      y: canvas.height / 2 - this.view.y * height * scale,
      dpr: window.devicePixelRatio || 1,
      width: canvas.width,
      height: canvas.height,
    };
  }

  setView(zoom: number, x: number, y: number) {
    const z = Math.max(1, Math.min(MAX_ZOOM, zoom));
    // At most half the picture leaves the window.
    const most = z === 1 ? 0.5 : 1;
    const limit = (v: number) => Math.max(1 - most, Math.min(most, v));
    this.view = { zoom: z, x: limit(x), y: limit(y) };
    this.set({ zoom: z });
    this.o.onView(this.view.zoom, this.view.x, this.view.y);
    this.invalidate();
    if (!this.state.isPlaying) this.askServer(200); // more of the picture's pixels, perhaps
  }

  /** About a point of the canvas (its pixels; null: the middle). */
  zoomBy(factor: number, at: { x: number; y: number } | null) {
    const { canvas, width, height } = this.o;
    const before = this.place;
    const p = at ?? { x: canvas.width / 2, y: canvas.height / 2 };
    const px = (p.x - before.x) / before.scale;
    const py = (p.y - before.y) / before.scale;
    const zoom = Math.max(1, Math.min(MAX_ZOOM, this.view.zoom * factor));
    const scale = (before.scale * zoom) / this.view.zoom;
    const x = (px + (canvas.width / 2 - p.x) / scale) / width;
    const y = (py + (canvas.height / 2 - p.y) / scale) / height;
    this.setView(zoom, zoom === 1 ? 0.5 : x, zoom === 1 ? 0.5 : y);
  }

  panBy(dx: number, dy: number) {
    const { scale } = this.place;
    this.setView(
      this.view.zoom,
      this.view.x - dx / scale / this.o.width,
      this.view.y - dy / scale / this.o.height,
    );
  }

  /** A point of the canvas in pixels of the picture. */
  toPicture(x: number, y: number) {
    const p = this.place;
    return { x: (x - p.x) / p.scale, y: (y - p.y) / p.scale };
  }

  resize(width: number, height: number) {
    const { canvas } = this.o;
    if (canvas.width === width && canvas.height === height) return;
    canvas.width = width;
    canvas.height = height;
    this.draw();
  }

  // ---- pictures of the video

  private listenToFrames() {
    const { video } = this.o;
    if ("requestVideoFrameCallback" in video) {
      const again = () => {
        this.callback = video.requestVideoFrameCallback((_, m) => {
          if (this.isClosed) return;
          again();
          this.take(m.mediaTime);
        });
      };
      again();
      return;
    }
    // Without the callback the time of the player has to do: right when paused, at most one off when playing.
    const look = () => {
      if (this.isClosed) return;
      requestAnimationFrame(look);
      const v = video as HTMLVideoElement;
      if (v.readyState >= 2 && !v.seeking)
        this.take(this.o.clock.times[this.o.clock.frameShownAt(v.currentTime)]! / 1e6);
    };
    requestAnimationFrame(look);
  }

  private take(mediaTime: number) {
    const { video, clock } = this.o;
    let picture: VideoFrame | HTMLCanvasElement;
    let seconds = mediaTime;
    try {
      if (this.canTakeFrames) {
        picture = new VideoFrame(video);
        seconds = picture.timestamp / 1e6;
      } else {
        picture = this.copyOf(video);
      }
    } catch {
      return; // nothing is there to be taken: another callback comes
    }
    if (!this.isCalibrated) this.calibrate(seconds);
    const frame = clock.frameAtExactly(seconds);
    const isExactAlready =
      !this.isSettling && this.shown?.source === "server" && this.shown.frame === this.wanted;
    if (!this.state.isPlaying && (isExactAlready || (this.seekWaits && frame !== this.wanted))) {
      if ("close" in picture) picture.close();
      return;
    }
    if (this.state.isPlaying && !video.seeking) this.setWanted(frame);
    else if (this.isSettling && frame !== this.wanted) {
      this.setWanted(frame);
      this.askServer(0);
    }
    this.show(picture, { frame, source: "video" });
  }

  /** The first picture that a player shows is frame 0, whatever time it gives it. */
  private calibrate(seconds: number) {
    const { video, clock } = this.o;
    this.isCalibrated = true;
    if (video.currentTime === 0 && !video.seeking) clock.offset = seconds * 1e6 - clock.times[0]!;
    this.seek();
  }

  private copyOf(video: HTMLVideoElement): HTMLCanvasElement {
    const c = this.picture instanceof HTMLCanvasElement ? this.picture : document.createElement("canvas");
    c.width = video.videoWidth;
    c.height = video.videoHeight;
    c.getContext("2d")!.drawImage(video, 0, 0);
    return c;
  }

  private loaded() {
    const { video } = this.o;
    const sound = video as HTMLVideoElement & { audioTracks?: { length: number }; mozHasAudio?: boolean;
      webkitAudioDecodedByteCount?: number }; // prettier-ignore
    this.set({
      hasSound:
        (sound.audioTracks?.length ?? 0) > 0 ||
        !!sound.mozHasAudio ||
        sound.webkitAudioDecodedByteCount !== 0,
    });
    if (!("requestVideoFrameCallback" in video)) this.isCalibrated = true;
  }

  /** One seek at a time: the player drops what it is doing for each. */
  private seek() {
    const { video, clock } = this.o;
    if (!this.isCalibrated || video.readyState === 0) return;
    const time = clock.seekTo(this.wanted);
    if (video.seeking) {
      this.seekWaits = true;
      return;
    }
    this.seekWaits = false;
    if (Math.abs(video.currentTime - time) > 1e-6) video.currentTime = time;
  }

  private seeked() {
    if (this.seekWaits) this.seek();
  }

  private paused() {
    if (!this.state.isPlaying) return;
    this.set({ isPlaying: false, isWaiting: false });
    this.isSettling = true;
    if (this.shown) this.setWanted(this.shown.frame);
    this.askServer(0);
  }

  private failed() {
    const e = this.o.video.error;
    const why = e?.code === 2 ? "the connection broke" : "this browser cannot play it";
    this.set({ videoError: why, isPlaying: false, isWaiting: false });
    this.askServer(0);
  }

  // ---- pictures of the server

  private get askedWidth(): number {
    const need = Math.min(this.o.width, this.place.scale * this.o.width);
    return WIDTHS.find((w) => w >= need && w < this.o.width) ?? 0;
  }

  private keyOf(frame: number) {
    return `${frame}/${this.askedWidth}`;
  }

  private askServer(after: number) {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.timer = window.setTimeout(() => void this.fetchFrame(this.wanted), after);
  }

  private async fetchFrame(frame: number) {
    if (this.state.isPlaying || this.isClosed) return;
    const key = this.keyOf(frame);
    const known = this.kept.get(key);
    if (known) {
      this.show(known, { frame, source: "server" });
      return;
    }
    const asked = (this.asked = new AbortController());
    try {
      const reply = await fetch(this.o.frameUrl(frame, this.askedWidth), {
        credentials: "same-origin",
        signal: asked.signal,
      });
      if (!reply.ok) throw new Error(`the server answered ${reply.status}`);
      const picture = await createImageBitmap(await reply.blob());
      if (this.isClosed) {
        picture.close();
        return;
      }
      this.keep(key, picture);
      if (this.state.frameError) this.set({ frameError: null });
      if (!this.state.isPlaying && frame === this.wanted) this.show(picture, { frame, source: "server" });
    } catch (e) {
      if (!asked.signal.aborted) this.set({ frameError: (e as Error).message });
    }
  }

  private keep(key: string, picture: ImageBitmap) {
    this.kept.get(key)?.close();
    this.kept.delete(key);
    this.kept.set(key, picture);
    for (const [k, b] of this.kept) {
      if (this.kept.size <= KEPT_FRAMES) break;
      if (b === this.picture) continue;
      this.kept.delete(k);
      b.close();
    }
  }

  // ---- drawing

  private drop() {
    if (this.picture && "close" in this.picture && !(this.picture instanceof ImageBitmap))
      this.picture.close();
    this.picture = null;
  }

  private show(picture: NonNullable<Player["picture"]>, s: Shown) {
    if (this.picture !== picture) this.drop();
    this.picture = picture;
    this.shown = s;
    if (s.source === "server" && s.frame === this.wanted) this.isSettling = false; // what the player still has is late
    this.draw();
    this.o.onShown(s);
  }

  private draw() {
    const c = this.context;
    const { canvas, width, height } = this.o;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = "#05070a";
    c.fillRect(0, 0, canvas.width, canvas.height);
    if (!this.picture || !this.shown) return;
    const p = this.place;
    c.imageSmoothingEnabled = p.scale < 4;
    c.imageSmoothingQuality = "medium";
    c.drawImage(this.picture, p.x, p.y, width * p.scale, height * p.scale);
    this.o.draw(c, p, this.shown.frame);
    canvas.dataset["frame"] = String(this.shown.frame);
    canvas.dataset["source"] = this.shown.source;
  }

  private set(s: Partial<PlayerState>) {
    this.state = { ...this.state, ...s };
    if (!this.isClosed) this.o.onState(this.state);
  }
}
