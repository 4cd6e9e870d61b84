// Calibrates a model to int8 on videos of this server, and says what it loses.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, type Schemas } from "../../api/client";
import { queries, type Model } from "../../api/queries";
import { useMay } from "../../app/account";
import { Button } from "../../ui/Button";
import { SelectField } from "../../ui/Field";
import { formatCount, formatNumber, formatPoints } from "../../ui/format";
import { Card, Progress, Stat } from "../../ui/layout";
import { ErrorState } from "../../ui/states";
import { useModelTask } from "./Speed";

type Result = Schemas["QuantizeResult"];

export function Quantize({ model }: { model: Model }) {
  const client = useQueryClient();
  const mayEdit = useMay("editor");
  const { task, isLive } = useModelTask(model.id, "quantize");
  const [video, setVideo] = useState("");
  const projects = useQuery({ ...queries.projects(), enabled: mayEdit });
  const [project, setProject] = useState("");
  const chosen = project || projects.data?.find((p) => p.videos > 0)?.id || "";
  const videos = useQuery({ ...queries.videos(chosen), enabled: chosen !== "" });
  const ready = videos.data?.filter((v) => v.status === "ready") ?? [];
  const wanted = video && ready.some((v) => v.id === video) ? video : (ready[0]?.id ?? "");
  const start = useMutation({
    mutationFn: () =>
      api("post", "/api/v1/models/{id}/quantize", { path: { id: model.id }, json: { video_id: wanted } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["tasks"] }),
  });
  const result = task?.status === "succeeded" ? (task.result as Result | null) : null;
  if (!mayEdit && !task) return null;
  return (
    <Card title="Calibrate to int8">
      <div className="stack">
        {start.error ? (
          <ErrorState compact error={start.error} />
        ) : isLive ? (
          <div className="stack tight" role="status">
            <Progress value={(task?.progress ?? 0) > 0 ? (task?.progress ?? 0) : null} label="Calibration" />
            <p className="small muted">
              {task?.message ?? "Ranges are measured on the video's frames, then the loss."}
            </p>
          </div>
        ) : (
          <>
            {task?.status === "failed" && (
              <p className="small bad">The last calibration failed: {task.error}</p>
            )}
            {result && (
              <dl className="stats flat">
                <Stat label={result.AP ? "AP in fp32" : "Agreement in fp32"}>
                  {formatNumber((result.AP ?? result.agreement)?.fp32, 3)}
                </Stat>
                <Stat label={result.AP ? "AP in int8" : "Agreement in int8"}>
                  {formatNumber((result.AP ?? result.agreement)?.int8, 3)}
                </Stat>
                <Stat label="Loss" note={`over ${formatCount(result.frames)} frames of ${result.source}`}>
                  {formatPoints(-result.loss)}
                </Stat>
                <Stat label="Layers not in int8">{formatCount(result.layers_in_fp32)}</Stat>
              </dl>
            )}
            <p className="small muted">
              Weights and activations in 8 bits run faster where the processor has instructions for them. The
              ranges come from a video of yours, and the loss is measured on its truth; sessions may then ask
              for precision int8.
            </p>
            {mayEdit && (
              <div className="row wrap" style={{ alignItems: "flex-end" }}>
                <div className="grow">
                  <SelectField label="Project" value={chosen} onChange={(e) => setProject(e.target.value)}>
                    {(projects.data ?? []).map((p) => (
                      <option key={p.id} value={p.id}>
                        {p.name}
                      </option>
                    ))}
                  </SelectField>
                </div>
                <div className="grow">
                  <SelectField label="Video" value={wanted} onChange={(e) => setVideo(e.target.value)}>
                    {ready.map((v) => (
                      <option key={v.id} value={v.id}>
                        {v.name}
                      </option>
                    ))}
                  </SelectField>
                </div>
                <Button disabled={!wanted} busy={start.isPending} onClick={() => start.mutate()}>
                  Calibrate
                </Button>
              </div>
            )}
          </>
        )}
      </div>
    </Card>
  );
}
