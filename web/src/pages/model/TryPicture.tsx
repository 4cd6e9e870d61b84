// Drop a picture, see its boxes. The picture is shown as the browser decodes it; boxes are of its upright size.
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState, type DragEvent } from "react";

import { send } from "../../api/client";
import type { Model } from "../../api/queries";
import type { Schemas } from "../../api/client";
import { Button } from "../../ui/Button";
import { formatNumber, plural } from "../../ui/format";
import { Card } from "../../ui/layout";
import { EmptyState, ErrorState } from "../../ui/states";

interface Found {
  width: number;
  height: number;
  detections: Schemas["Detection"][];
  milliseconds: Record<string, number | null>;
}

/** A colour for a class that is always the same, told apart by hue; its name stands beside each box. */
export function hueOf(classId: number): number {
  return Math.round((classId * 137.508) % 360);
}

export function TryPicture({ model }: { model: Model }) {
  const input = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<File | null>(null);
  const [url, setUrl] = useState<string | null>(null);
  const [floor, setFloor] = useState(0.25);
  const run = useMutation({
    mutationFn: async (f: File) => {
      const r = await send(`/api/v1/inference/image?model=${encodeURIComponent(model.id)}&confidence=0.05`, {
        method: "POST",
        body: f,
        headers: { "Content-Type": f.type || "application/octet-stream" },
      });
      return (await r.json()) as Found;
    },
  });
  useEffect(() => {
    if (!file) return;
    const u = URL.createObjectURL(file);
    setUrl(u);
    return () => URL.revokeObjectURL(u);
  }, [file]);
  const take = (f: File | undefined) => {
    if (!f) return;
    setFile(f);
    run.mutate(f);
  };
  const drop = (e: DragEvent) => {
    e.preventDefault();
    e.stopPropagation();
    take(e.dataTransfer.files[0]);
  };
  const found = run.data;
  const shown = found?.detections.filter((d) => d.confidence >= floor) ?? [];
  const total = found?.milliseconds["total"] ?? found?.milliseconds["inference"];
  return (
    <Card
      title="Try a picture"
      actions={
        file && (
          <Button small kind="ghost" icon="upload" onClick={() => input.current?.click()}>
            Another one
          </Button>
        )
      }
    >
      <input
        ref={input}
        type="file"
        accept="image/*"
        hidden
        data-testid="picture"
        onChange={(e) => {
          take(e.target.files?.[0]);
          e.target.value = "";
        }}
      />
      <div onDragOver={(e) => e.preventDefault()} onDrop={drop} className="stack" data-testid="try">
        {!file || !url ? (
          <EmptyState
            compact
            icon="eye"
            title="Drop a picture here"
            actions={<Button onClick={() => input.current?.click()}>Choose a picture</Button>}
          >
            JPEG, PNG, WebP or BMP. It is answered before bulk work, and is not kept.
          </EmptyState>
        ) : (
          <>
            <figure className="try">
              <img src={url} alt={`The picture ${file.name}`} />
              {found && (
                <svg
                  viewBox={`0 0 ${found.width} ${found.height}`}
                  preserveAspectRatio="none"
                  aria-hidden="true"
                >
                  {shown.map((d, i) => (
                    <g key={i} style={{ "--hue": hueOf(d.class_id) } as React.CSSProperties}>
                      <rect
                        x={d.bounding_box.x}
                        y={d.bounding_box.y}
                        width={d.bounding_box.width}
                        height={d.bounding_box.height}
                        vectorEffect="non-scaling-stroke"
                      />
                    </g>
                  ))}
                </svg>
              )}
              {found &&
                shown.map((d, i) => (
                  <span
                    key={i}
                    className="try-label"
                    style={
                      {
                        "--hue": hueOf(d.class_id),
                        left: `${(Math.max(0, d.bounding_box.x) / found.width) * 100}%`,
                        top: `${(Math.max(0, d.bounding_box.y) / found.height) * 100}%`,
                      } as React.CSSProperties
                    }
                  >
                    {d.label} {formatNumber(d.confidence, 2)}
                  </span>
                ))}
            </figure>
            {run.isPending && (
              <p className="small muted" role="status">
                Looking at it…
              </p>
            )}
            {run.error && <ErrorState compact error={run.error} retry={() => run.mutate(file)} />}
            {found && (
              <div className="row wide wrap between">
                <p className="small" role="status">
                  {plural(shown.length, "detection")}
                  {total !== undefined && total !== null && (
                    <span className="muted"> in {formatNumber(total, 1)} ms</span>
                  )}
                </p>
                <label className="check grow" style={{ maxWidth: "20rem" }}>
                  Confidence ≥ {formatNumber(floor, 2)}
                  <input
                    className="range"
                    type="range"
                    min={0.05}
                    max={0.95}
                    step={0.01}
                    value={floor}
                    onChange={(e) => setFloor(Number(e.target.value))}
                  />
                </label>
              </div>
            )}
          </>
        )}
      </div>
    </Card>
  );
}
