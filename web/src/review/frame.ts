// The frame that is shown: changes at the pace of the video, so it lives outside React's state.
import { useSyncExternalStore } from "react";

import type { Shown } from "./player";

export class FrameStore {
  private now: Shown;
  private listeners = new Set<() => void>();

  constructor(frame: number) {
    this.now = { frame, source: "video" };
  }

  get = () => this.now;

  set(s: Shown) {
    this.now = s;
    for (const l of this.listeners) l();
  }

  subscribe = (l: () => void) => {
    this.listeners.add(l);
    return () => {
      this.listeners.delete(l);
    };
  };
}

export function useShown(store: FrameStore): Shown {
  return useSyncExternalStore(store.subscribe, store.get);
}
