// The confusion matrix: truth in rows, detections in columns. A cell is a button that shows examples.
import { useState } from "react";

import type { Metrics } from "../../api/queries";
import { useSearch } from "../../app/router";
import { Button } from "../../ui/Button";
import { formatCount, formatPercent, plural } from "../../ui/format";
import { Card, Segments } from "../../ui/layout";
import { Examples } from "./Examples";
import { BACKGROUND, cellMeaning, confusion } from "./results";

const FEW = 14;

function cellName(label: string): string {
  return label === BACKGROUND ? "nothing" : label;
}

export function ConfusionCard({
  matrix,
  session,
  project,
}: {
  matrix: NonNullable<Metrics["confusion_matrix"]>;
  session: string;
  project: string;
}) {
  const [kind, setKind] = useState<"supervision" | "ultralytics">("supervision");
  const [all, setAll] = useState(false);
  const [search, setSearch] = useSearch();
  const m = confusion(matrix, kind, all ? 1000 : FEW);
  const about = matrix[kind];
  const [truth, detection] = (search.get("cell") ?? "").split("|");
  const meaning =
    truth && detection && m.labels.includes(truth) && m.labels.includes(detection)
      ? cellMeaning(truth, detection)
      : null;
  return (
    <Card
      title="Confusion matrix"
      actions={
        <Segments
          label="Convention"
          value={kind}
          options={[
            { value: "supervision", text: "Supervision" },
            { value: "ultralytics", text: "Ultralytics" },
          ]}
          onChange={setKind}
        />
      }
    >
      <div className="stack">
        <p className="tiny muted">
          Truth in rows, detections in columns; confidence above {about.confidence_above}, IoU above{" "}
          {about.iou_above}. A cell shows examples.
        </p>
        <div className="table-scroll" tabIndex={0} role="region" aria-label="Confusion matrix">
          <table className="matrix">
            <thead>
              <tr>
                <td />
                {m.labels.map((l) => (
                  <th key={l} scope="col">
                    <span>{cellName(l)}</span>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {m.labels.map((t, i) => {
                const sum = m.counts[i]!.reduce((a, b) => a + b, 0);
                return (
                  <tr key={t}>
                    <th scope="row">{cellName(t)}</th>
                    {m.labels.map((d, j) => {
                      const n = m.counts[i]![j]!;
                      if (t === BACKGROUND && d === BACKGROUND) return <td key={d} className="void" />;
                      const k = cellMeaning(t, d);
                      const isChosen = t === truth && d === detection;
                      const share = sum > 0 ? n / sum : 0;
                      return (
                        <td key={d}>
                          <button
                            type="button"
                            className={`cell ${k.result === "tp" ? "hit" : k.result === "fp" ? "alarm" : "miss"}`}
                            style={{ "--share": n > 0 ? 0.08 + 0.32 * share : 0 } as React.CSSProperties}
                            disabled={n === 0}
                            aria-pressed={isChosen}
                            title={`${formatCount(n)} × ${k.words}${sum > 0 ? ` (${formatPercent(share)} of the row)` : ""}`}
                            aria-label={`${formatCount(n)} times ${k.words}`}
                            onClick={() =>
                              setSearch({ cell: isChosen ? null : `${t}|${d}` }, { keepScroll: true })
                            }
                          >
                            {formatCount(n)}
                          </button>
                        </td>
                      );
                    })}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
        {(m.hidden > 0 || all) && (
          <div>
            <Button small kind="ghost" onClick={() => setAll(!all)}>
              {all ? "Only the labels with most errors" : `Show ${plural(m.hidden, "more label")}`}
            </Button>
          </div>
        )}
        {meaning && (
          <Examples
            session={session}
            project={project}
            result={meaning.result}
            label={meaning.label}
            words={meaning.words}
          />
        )}
      </div>
    </Card>
  );
}
