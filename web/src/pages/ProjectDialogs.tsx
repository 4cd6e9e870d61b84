import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { actions, queries, type Project, type Video } from "../api/queries";
import type { Schemas } from "../api/client";
import { Link, navigate } from "../app/router";
import { FormDialog } from "../ui/Dialog";
import { SelectField, TextField } from "../ui/Field";
import { plural } from "../ui/format";
import { describeError, Notice } from "../ui/states";

const GB = 1e9;

/** Gigabytes as they are written; 0 for none, null for what is no such number. */
export function bytesOf(text: string): number | null {
  if (text.trim() === "") return 0;
  const n = Number(text.replace(",", "."));
  return Number.isFinite(n) && n > 0 ? Math.round(n * GB) : null;
}

export function NewProjectDialog({ onClose }: { onClose: () => void }) {
  return <ProjectDialog onClose={onClose} />;
}

export function ProjectDialog({ project, onClose }: { project?: Project; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(project?.name ?? "");
  const [description, setDescription] = useState(project?.description ?? "");
  const [room, setRoom] = useState(project?.quota_bytes ? String(project.quota_bytes / GB) : "");
  const quota = bytesOf(room);
  const save = useMutation({
    mutationFn: () =>
      project
        ? actions.changeProject(project.id, { name: name.trim(), description, quota_bytes: quota ?? 0 })
        : actions.createProject({ name: name.trim(), ...(description ? { description } : {}) }),
    onSuccess: (p) => {
      void client.invalidateQueries({ queryKey: ["projects"] });
      void client.invalidateQueries({ queryKey: ["stats"] });
      client.setQueryData(["project", p.id], p);
      onClose();
      if (!project) navigate(`/projects/${p.id}`);
    },
  });
  return (
    <FormDialog
      title={project ? "Change the project" : "New project"}
      action={project ? "Save" : "Create"}
      busy={save.isPending}
      cannot={!name.trim() || quota === null}
      onClose={onClose}
      onSubmit={() => save.mutate()}
    >
      <div className="stack">
        <TextField
          label="Name"
          value={name}
          onChange={(e) => setName(e.target.value)}
          maxLength={200}
          placeholder="Crossing, camera 3"
          error={save.error ? describeError(save.error).detail : undefined}
        />
        <TextField
          label="Description"
          hint="What is it about? May stay empty."
          value={description}
          onChange={(e) => setDescription(e.target.value)}
        />
        {project && (
          <TextField
            label="Room for files, in GB"
            hint="All its files together; more is refused. Empty: what the server allows each project."
            inputMode="decimal"
            value={room}
            onChange={(e) => setRoom(e.target.value)}
            error={quota === null ? "A number of gigabytes, such as 20 or 0.5." : undefined}
          />
        )}
      </div>
    </FormDialog>
  );
}

const PROFILES = [
  { value: "", text: "None: figures without a verdict" },
  { value: "default", text: "Default: precision 0.85, recall 0.80, latency 100 ms" },
  { value: "strict", text: "Strict: precision 0.95, recall 0.90, latency 50 ms" },
  { value: "safety-critical", text: "Safety-critical: 0.98, 0.95, 30 ms, few false alarms" },
  { value: "performance", text: "Performance: 0.85, 0.80, latency 200 ms" },
];

/** A number of a form; undefined where nothing was entered. */
function number(text: string): number | undefined {
  return text.trim() === "" ? undefined : Number(text.replace(",", "."));
}

export function NewSessionDialog({
  project,
  videos,
  onClose,
}: {
  project: string;
  videos: Video[];
  onClose: () => void;
}) {
  const client = useQueryClient();
  const models = useQuery(queries.models());
  const [name, setName] = useState("");
  const [model, setModel] = useState("");
  const [profile, setProfile] = useState("default");
  const [classes, setClasses] = useState("");
  const [confidence, setConfidence] = useState("");
  const [precision, setPrecision] = useState("");
  const [stride, setStride] = useState("");
  const [maxFrames, setMaxFrames] = useState("");
  const ready = models.data?.filter((m) => m.status === "ready") ?? [];
  const chosen = model || ready[0]?.id || "";
  const start = useMutation({
    mutationFn: () => {
      const settings: Schemas["Settings"] = {};
      if (classes.trim()) settings.classes = classes;
      if (number(confidence) !== undefined) settings.confidence = number(confidence)!;
      if (precision) settings.precision = precision;
      if (number(stride) !== undefined) settings.stride = number(stride)!;
      if (number(maxFrames) !== undefined) settings.max_frames = number(maxFrames)!;
      return actions.createSession({
        project_id: project,
        video_ids: videos.map((v) => v.id),
        model: chosen,
        settings,
        ...(name.trim() ? { name: name.trim() } : {}),
        ...(profile ? { profile } : {}),
      } as Schemas["SessionNew"]);
    },
    onSuccess: (s) => {
      void client.invalidateQueries({ queryKey: ["sessions"] });
      void client.invalidateQueries({ queryKey: ["tasks"] });
      void client.invalidateQueries({ queryKey: ["stats"] });
      client.setQueryData(["session", s.id], s);
      onClose();
      navigate(`/sessions/${s.id}`);
    },
  });
  const labels = ready.find((m) => m.id === chosen)?.labels ?? [];
  return (
    <FormDialog
      wide
      title="Start a session"
      action={`Start on ${plural(videos.length, "video")}`}
      icon="play"
      busy={start.isPending}
      cannot={!chosen}
      onClose={onClose}
      onSubmit={() => start.mutate()}
    >
      <div className="stack">
        {models.isSuccess && ready.length === 0 && (
          <Notice kind="warn">
            There is no model that can be used. <Link to="/models">Add one</Link> first.
          </Notice>
        )}
        {start.error && (
          <Notice kind="bad" role="alert">
            {describeError(start.error).title}: {describeError(start.error).detail}
          </Notice>
        )}
        <div className="grid two even">
          <SelectField label="Model" value={chosen} onChange={(e) => setModel(e.target.value)}>
            {ready.map((m) => (
              <option key={m.id} value={m.id}>
                {m.name} {m.head ? `(${m.head})` : ""}
              </option>
            ))}
          </SelectField>
          <TextField
            label="Name"
            value={name}
            onChange={(e) => setName(e.target.value)}
            placeholder="Candidate, lower threshold"
          />
        </div>
        <SelectField label="Verdict by profile" value={profile} onChange={(e) => setProfile(e.target.value)}>
          {PROFILES.map((p) => (
            <option key={p.value} value={p.value}>
              {p.text}
            </option>
          ))}
        </SelectField>
        <TextField
          label="Classes"
          value={classes}
          onChange={(e) => setClasses(e.target.value)}
          placeholder="all"
          list="session-classes"
          hint="Separated by commas, as the model names them; empty: all."
        />
        <datalist id="session-classes">
          {labels.map((l) => (
            <option key={l} value={l} />
          ))}
        </datalist>
        <SelectField
          label="Precision"
          value={precision}
          onChange={(e) => setPrecision(e.target.value)}
          hint="8 bits need a calibration first (page of the model)."
        >
          <option value="">As the machine does best</option>
          <option value="fp32">fp32</option>
          <option value="bf16">bf16</option>
          <option value="int8">int8</option>
        </SelectField>
        <div className="grid three even">
          <TextField
            label="Confidence floor"
            inputMode="decimal"
            value={confidence}
            onChange={(e) => setConfidence(e.target.value)}
            placeholder="0.001"
            hint="AP needs a low one."
          />
          <TextField
            label="Every n-th frame"
            inputMode="numeric"
            value={stride}
            onChange={(e) => setStride(e.target.value)}
            placeholder="1"
          />
          <TextField
            label="At most frames"
            inputMode="numeric"
            value={maxFrames}
            onChange={(e) => setMaxFrames(e.target.value)}
            placeholder="all"
          />
        </div>
      </div>
    </FormDialog>
  );
}
