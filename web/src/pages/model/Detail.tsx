// One model: what was recognised and why, how fast it is here, what int8 would cost, a picture to try.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";

import { actions, type Model } from "../../api/queries";
import { useMay } from "../../app/account";
import { navigate } from "../../app/router";
import { Badge, Status } from "../../ui/Badge";
import { IconButton } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { formatBytes, formatCount, formatShort, formatTime, plural } from "../../ui/format";
import { Card, PageHead } from "../../ui/layout";
import { Notice } from "../../ui/states";
import { Table } from "../../ui/Table";
import { toast } from "../../ui/toast";
import { Quantize } from "./Quantize";
import { Speed } from "./Speed";
import { TryPicture } from "./TryPicture";

const LABELS_SHOWN = 40;

function Facts({ m }: { m: Model }) {
  const d = m.description;
  const i = m.input;
  const rows: [string, ReactNode][] = [
    ["Input", i ? `${i.width} × ${i.height}${i.dynamic_size ? ", any size" : ""}` : "–"],
    ["Pixels", i ? `${i.colours.toUpperCase()}, ${i.layout.toUpperCase()}, fitted ${i.fit}` : "–"],
    ["Batch", i ? (i.batch > 0 ? String(i.batch) : "any") : "–"],
    ["Parameters", formatShort(d?.parameters)],
    ["Quantized", d ? (d.quantized ? "yes" : "no") : "–"],
    ["Operator set", d ? String(d.opset) : "–"],
    ["Made by", d?.producer || "–"],
    ["File", formatBytes(m.bytes)],
    ["Added", formatTime(m.created_at)],
    ["Used", plural(m.times_used, "time")],
  ];
  return (
    <dl className="pairs">
      {rows.map(([k, v]) => (
        <div key={k} style={{ display: "contents" }}>
          <dt>{k}</dt>
          <dd className="cut">{v}</dd>
        </div>
      ))}
    </dl>
  );
}

function Labels({ labels, from }: { labels: string[]; from: string | undefined }) {
  const [all, setAll] = useState(false);
  return (
    <Card title={`${formatCount(labels.length)} ${labels.length === 1 ? "class" : "classes"}`}>
      <div className="stack tight">
        <p className="row wrap tags">
          {(all ? labels : labels.slice(0, LABELS_SHOWN)).map((l, i) => (
            <Badge key={`${i}-${l}`}>{l}</Badge>
          ))}
          {labels.length > LABELS_SHOWN && (
            <button type="button" className="button ghost small" onClick={() => setAll(!all)}>
              {all ? "Fewer" : `All ${labels.length}`}
            </button>
          )}
        </p>
        {from && <p className="tiny muted">Names from: {from}</p>}
      </div>
    </Card>
  );
}

export function ModelDetail({ model: m, action }: { model: Model; action: ReactNode }) {
  const client = useQueryClient();
  const mayEdit = useMay("editor");
  const [deleting, setDeleting] = useState(false);
  const d = m.description;
  useEffect(() => {
    document.title = `${m.name} · Assay`;
  }, [m.name]);
  return (
    <>
      <PageHead
        crumbs={[{ to: "/models", text: "Models" }]}
        title={m.name}
        actions={
          <>
            {mayEdit && (
              <IconButton icon="trash" label="Delete the model" onClick={() => setDeleting(true)} />
            )}
            {action}
          </>
        }
      >
        <span className="row wrap">
          {m.status === "ready" ? (
            m.is_loaded ? (
              <Badge tone="good" icon="bolt">
                Loaded{m.engine ? `, ${m.engine}` : ""}
              </Badge>
            ) : (
              <Badge>Not loaded</Badge>
            )
          ) : (
            <Status status={m.status} />
          )}
          {m.users > 0 && <span>in use by {formatCount(m.users)}</span>}
        </span>
      </PageHead>
      {m.error && (
        <Notice kind="bad" role="alert">
          {m.error}
        </Notice>
      )}
      <div className="grid main-side">
        <div className="stack">
          <Card title={`Recognised as ${m.head ?? "unknown"}`}>
            <div className="stack">
              {d?.why && d.why.length > 0 ? (
                <ul className="why">
                  {d.why.map((w) => (
                    <li key={w}>{w}</li>
                  ))}
                </ul>
              ) : (
                <p className="muted small">The server says nothing about why.</p>
              )}
              {d && (
                <Table label="Tensors" className="" head={["Tensor", "Type", "Shape"]}>
                  {[
                    ...d.inputs.map((t) => ({ ...t, side: "in" })),
                    ...d.outputs.map((t) => ({ ...t, side: "out" })),
                  ].map((t) => (
                    <tr key={`${t.side}-${t.name}`}>
                      <td>
                        <Badge>{t.side}</Badge> <code>{t.name}</code>
                      </td>
                      <td className="muted">{t.type}</td>
                      <td>
                        <code>{t.shape.map((n) => (n < 0 ? "?" : n)).join(" × ")}</code>
                      </td>
                    </tr>
                  ))}
                </Table>
              )}
            </div>
          </Card>
          {m.status === "ready" && <TryPicture model={m} />}
          {m.status === "ready" && <Speed model={m} />}
          {m.status === "ready" && !d?.quantized && <Quantize model={m} />}
        </div>
        <div className="stack">
          <Card title="Facts">
            <Facts m={m} />
          </Card>
          {m.labels && <Labels labels={m.labels} from={d?.labels_from} />}
        </div>
      </div>
      {deleting && (
        <ConfirmDialog
          title={`Delete ${m.name}?`}
          action="Delete model"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            await actions.deleteModel(m.id);
            await client.invalidateQueries({ queryKey: ["models"] });
            navigate("/models", { replace: true });
            toast(`${m.name} was deleted.`);
          }}
        >
          Sessions keep their figures and the model's name. The file is deleted.
        </ConfirmDialog>
      )}
    </>
  );
}
