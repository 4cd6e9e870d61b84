// Play, step, and where we are.
import { useState } from "react";

import { IconButton } from "../ui/Button";
import { RATES } from "./address";
import { clockText, type FrameClock } from "./clock";
import { useShown, type FrameStore } from "./frame";
import type { Player, PlayerState } from "./player";

interface Props {
  player: Player | null;
  state: PlayerState | null;
  store: FrameStore;
  clock: FrameClock;
  rate: number;
  trails: boolean;
  names: boolean;
  truth: boolean;
  onRate: (rate: number) => void;
  onToggle: (what: "trails" | "names" | "truth") => void;
  onError: (direction: 1 | -1) => void;
  onFull: () => void;
  onKeys: () => void;
}

export function Transport({ player, state, store, clock, onError, onFull, onKeys, onToggle, ...p }: Props) {
  const canPlay = !!player && !state?.videoError;
  return (
    <div className="rv-transport" role="toolbar" aria-label="Player">
      <IconButton icon="stepBack" label="One frame back (←)" onClick={() => player?.step(-1)} />
      <button
        type="button"
        className="button primary rv-play"
        aria-label={state?.isPlaying ? "Pause (space)" : "Play (space)"}
        title={state?.isPlaying ? "Pause (space)" : "Play (space)"}
        disabled={!canPlay}
        onClick={() => player?.toggle()}
      >
        <svg width="16" height="16" viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
          <path d={state?.isPlaying ? "M6 4h4v16H6zM14 4h4v16h-4z" : "M7 4v16l13-8z"} />
        </svg>
      </button>
      <IconButton icon="step" label="One frame on (→)" onClick={() => player?.step(1)} />
      <Readout store={store} clock={clock} onGo={(f) => player?.goTo(f)} />
      <select
        className="select rv-rate"
        aria-label="Speed"
        value={p.rate}
        disabled={!canPlay}
        onChange={(e) => p.onRate(Number(e.target.value))}
      >
        {RATES.map((r) => (
          <option key={r} value={r}>
            {r}×
          </option>
        ))}
      </select>
      <span className="grow" />
      <div className="row rv-errors" role="group" aria-label="Errors">
        <IconButton icon="up" label="Previous error (p)" onClick={() => onError(-1)} />
        <IconButton icon="down" label="Next error (n)" onClick={() => onError(1)} />
      </div>
      <div className="segments" role="group" aria-label="Drawn over the picture">
        {(["truth", "names", "trails"] as const).map((w) => (
          <button key={w} type="button" aria-pressed={p[w]} onClick={() => onToggle(w)}>
            {{ truth: "Truth", names: "Names", trails: "Trails" }[w]}
          </button>
        ))}
      </div>
      <IconButton icon="fullscreen" label="Full screen (f)" onClick={onFull} />
      <button
        type="button"
        className="button ghost icon"
        aria-label="Keys (?)"
        title="Keys (?)"
        onClick={onKeys}
      >
        ?
      </button>
    </div>
  );
}

function Readout({
  store,
  clock,
  onGo,
}: {
  store: FrameStore;
  clock: FrameClock;
  onGo: (frame: number) => void;
}) {
  const s = useShown(store);
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <div className="rv-readout">
      <span className="rv-time">{clockText(clock.secondsOf(clock.clamp(s.frame)))}</span>
      <label className="row">
        <input
          className="input"
          inputMode="numeric"
          aria-label={`Frame, 0 to ${clock.n - 1}`}
          value={typed ?? String(s.frame)}
          onFocus={(e) => {
            setTyped(String(s.frame));
            e.currentTarget.select();
          }}
          onChange={(e) => setTyped(e.target.value)}
          onBlur={() => setTyped(null)}
          onKeyDown={(e) => {
            if (e.key === "Enter" && /^\d+$/.test(typed ?? "")) {
              onGo(Number(typed));
              e.currentTarget.blur();
            } else if (e.key === "Escape") e.currentTarget.blur();
          }}
        />
        <span className="faint tiny">/ {clock.n - 1}</span>
      </label>
      <span
        className={`rv-exact ${s.source}`}
        title={
          s.source === "server"
            ? "This very frame, from the server"
            : "From the player; its own time says which frame it is"
        }
      >
        {s.source === "server" ? "exact" : "video"}
      </span>
    </div>
  );
}
