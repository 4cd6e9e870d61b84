// Precision against recall, and both against the confidence: where the operating point lies, and what
// moving it would cost.
import { useMemo } from "react";

import type { Metrics } from "../../api/queries";
import { formatNumber } from "../../ui/format";
import { Card } from "../../ui/layout";
import { Plot } from "../../ui/Plot";

const UNIT: [number, number] = [0, 1];

export default function Curves({ metrics }: { metrics: Metrics }) {
  const c = metrics.curves;
  const now = metrics.operating_point;
  const best = metrics.best_f1;
  const byConfidence = useMemo(
    () => ({
      x: [...c.confidence].reverse(),
      precision: [...c.precision].reverse(),
      recall: [...c.recall].reverse(),
      f1: [...c.f1].reverse(),
    }),
    [c],
  );
  const recall = useMemo(() => c.recall.map((v) => v ?? 0), [c]);
  if (c.confidence.length === 0)
    return (
      <Card title="Curves">
        <p className="muted small">There are no detections to draw curves from.</p>
      </Card>
    );
  const has = now.recall !== null && now.precision !== null;
  return (
    <div className="grid two">
      <Card title="Precision and recall">
        <Plot
          description={`Precision against recall at IoU ${c.iou}. At the operating point, confidence ${now.confidence}: precision ${formatNumber(now.precision, 3)}, recall ${formatNumber(now.recall, 3)}.`}
          x={recall}
          xLabel="Recall"
          xRange={UNIT}
          yRange={[0, 1.02]}
          series={[{ label: "Precision", colour: "--series-1", values: c.precision, fill: true }]}
          markers={[
            ...(has
              ? [
                  {
                    x: now.recall!,
                    y: now.precision!,
                    colour: "--series-2",
                    label: `Operating point (confidence ${now.confidence})`,
                  },
                ]
              : []),
            ...(best && best.recall !== null && best.precision !== null
              ? [
                  {
                    x: best.recall,
                    y: best.precision,
                    colour: "--series-3",
                    label: `Best F1 (confidence ${formatNumber(best.confidence, 2)})`,
                  },
                ]
              : []),
          ]}
          readout={(i) => `confidence ${formatNumber(c.confidence[i], 3)}`}
        />
      </Card>
      <Card title="By confidence">
        <Plot
          description={`Precision, recall and F1 against the confidence threshold. The best F1, ${formatNumber(best?.f1, 3)}, is at confidence ${formatNumber(best?.confidence, 2)}.`}
          x={byConfidence.x}
          xLabel="Confidence"
          xRange={UNIT}
          yRange={[0, 1.02]}
          series={[
            { label: "Precision", colour: "--series-1", values: byConfidence.precision },
            { label: "Recall", colour: "--series-2", values: byConfidence.recall },
            { label: "F1", colour: "--series-3", values: byConfidence.f1, dash: [6, 4] },
          ]}
          markers={
            best && best.f1 !== null
              ? [{ x: best.confidence, y: best.f1, colour: "--series-3", label: "Best F1" }]
              : []
          }
        />
      </Card>
    </div>
  );
}
