// The tools of truth editing, what was saved, and what to do when someone else saved first.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { queries, type Video } from "../api/queries";
import { TruthExport } from "../pages/TruthExport";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { formatAgo, formatCount, plural } from "../ui/format";
import { Notice } from "../ui/states";
import type { Editing } from "./editing";

export function EditBar({ editing: e, video }: { editing: Editing; video: Video }) {
  const [whole, setWhole] = useState(true);
  const versions = useQuery(queries.truths(video.id));
  const newest = versions.data?.[0];
  if (e.error)
    return (
      <Notice kind="bad" role="alert">
        The truth cannot be edited: {e.error}
      </Notice>
    );
  const t = e.truth;
  return (
    <div className="rv-edit">
      <div className="rv-edit-tools" role="toolbar" aria-label="Truth editing">
        <IconButton
          icon="undo"
          label={t?.canUndo ? `Undo: ${t.canUndo} (Ctrl Z)` : "Nothing to undo"}
          disabled={!t?.canUndo}
          onClick={e.undo}
        />
        <IconButton
          icon="redo"
          label={t?.canRedo ? `Redo: ${t.canRedo} (Ctrl Shift Z)` : "Nothing to redo"}
          disabled={!t?.canRedo}
          onClick={e.redo}
        />
        <label className="row tiny">
          <span className="faint">Label</span>
          <input
            className="input rv-label"
            list="rv-labels"
            aria-label={e.chosen ? "Label of the chosen box" : "Label of new boxes"}
            key={`${e.chosen?.id ?? "new"} ${e.label}`}
            defaultValue={e.chosen?.label ?? e.label}
            onBlur={(ev) => {
              const v = ev.target.value.trim();
              if (v && v !== (e.chosen?.label ?? e.label)) e.relabel(v, whole);
            }}
            onKeyDown={(ev) => ev.key === "Enter" && ev.currentTarget.blur()}
          />
          <datalist id="rv-labels">
            {e.labels.map((l) => (
              <option key={l} value={l} />
            ))}
          </datalist>
        </label>
        <label className="row tiny">
          <input type="checkbox" checked={whole} onChange={(ev) => setWhole(ev.target.checked)} />
          whole track
        </label>
        <label className="row tiny">
          <span className="faint">Track</span>
          <input
            className="input rv-track"
            inputMode="numeric"
            aria-label="Track of the chosen box, 0 for none"
            disabled={!e.chosen}
            key={`${e.chosen?.id ?? ""} ${e.chosen?.track ?? ""}`}
            defaultValue={e.chosen?.track ?? ""}
            onBlur={(ev) => /^\d{1,9}$/.test(ev.target.value) && e.setTrack(Number(ev.target.value))}
            onKeyDown={(ev) => ev.key === "Enter" && ev.currentTarget.blur()}
          />
        </label>
        <Button
          small
          disabled={!e.chosen}
          onClick={e.interpolate}
          title="From this box to the track's next one (i)"
        >
          Interpolate
        </Button>
        <IconButton
          icon="trash"
          label="Delete the chosen box (Delete)"
          disabled={!e.chosen}
          onClick={e.remove}
        />
        <span className="grow" />
        <span className="tiny faint nowrap" role="status">
          {t ? `${formatCount(t.n)} boxes` : "loading"}
          {newest
            ? ` · version ${newest.version}, ${formatAgo(newest.created_at)}${newest.created_by_name ? ` by ${newest.created_by_name}` : ""}`
            : ""}
          {e.draft > 0 && t?.isChanged ? " · draft restored" : ""}
        </span>
        {newest && <TruthExport video={video} format={newest.format} />}
        <Button small kind="primary" busy={e.isSaving} disabled={!t?.isChanged} onClick={() => void e.save()}>
          Save as a new version
        </Button>
      </div>
      <p className="tiny faint">
        Drag on the picture to draw, drag a box to move or resize it; Shift and drag pans. Unsaved edits are
        kept in this browser.
      </p>
      {e.saveError && (
        <Notice kind="bad" role="alert">
          Not saved: {e.saveError}. Your edits are kept; try again.
        </Notice>
      )}
      {e.conflict && (
        <Dialog
          title="The truth has changed meanwhile"
          onClose={() => void e.resolve("mine")}
          footer={
            <>
              <Button onClick={() => void e.resolve("theirs")}>Drop mine, load theirs</Button>
              <Button kind="primary" autoFocus busy={e.isSaving} onClick={() => void e.resolve("mine")}>
                Lay my edits over theirs
              </Button>
            </>
          }
        >
          <p>
            {e.conflict.theirs
              ? `Version ${e.conflict.theirs.version} was saved ${formatAgo(e.conflict.theirs.created_at)}${e.conflict.theirs.created_by_name ? ` by ${e.conflict.theirs.created_by_name}` : ""}. `
              : "Another version was saved. "}
            Nothing is lost: your {plural(e.conflict.mine.length, "change")} can be laid over it, looked at
            and saved as the next version.
          </p>
        </Dialog>
      )}
    </div>
  );
}
