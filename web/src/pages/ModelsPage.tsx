import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState, type DragEvent } from "react";

import { errorOf, session as login } from "../api/client";
import { ApiError } from "../api/client";
import { actions, queries, type Model } from "../api/queries";
import { useMay } from "../app/account";
import { Link, navigate } from "../app/router";
import type { PageProps } from "../app/routes";
import { Badge, Status } from "../ui/Badge";
import { Button } from "../ui/Button";
import { formatAgo, formatBytes, formatCount, formatTime, plural } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Card, PageHead, Progress } from "../ui/layout";
import { Await, describeError, EmptyState, ErrorState, Notice } from "../ui/states";
import { hidden, ifWide, number, Table } from "../ui/Table";
import { toast, toastError } from "../ui/toast";
import { ModelDetail } from "./model/Detail";

/** A model's file with progress: XHR, because fetch tells nothing of how far a body has gone. */
function uploadModel(file: File, onProgress: (share: number) => void): Promise<Model> {
  return new Promise((resolve, reject) => {
    const url = `/api/v1/models?name=${encodeURIComponent(file.name.replace(/\.onnx$/i, ""))}`;
    const x = new XMLHttpRequest();
    x.open("POST", url);
    x.setRequestHeader("Content-Type", "application/octet-stream");
    if (login.csrf) x.setRequestHeader("X-CSRF-Token", login.csrf);
    x.upload.onprogress = (e) => onProgress(e.lengthComputable ? e.loaded / e.total : 0);
    x.onerror = () => reject(new ApiError(0, "UNREACHABLE", "the connection broke"));
    x.onload = () => {
      const r = new Response(x.responseText, { status: x.status, statusText: x.statusText });
      if (r.ok) resolve(JSON.parse(x.responseText) as Model);
      else void errorOf(r, url).then(reject);
    };
    x.send(file);
  });
}

interface Sending {
  file: File;
  share: number;
  error: unknown;
}

function SendingLine({ s, onRetry, onDismiss }: { s: Sending; onRetry: () => void; onDismiss: () => void }) {
  const name = s.file.name;
  if (s.error) {
    const { title, detail } = describeError(s.error);
    // The file itself is wrong, or something that may pass.
    const isRefused = s.error instanceof ApiError && [400, 413, 415, 422].includes(s.error.status);
    return (
      <Notice kind="bad" role="alert">
        <div className="row between">
          <span>
            <b>{name}</b> {isRefused ? `was refused: ${detail}` : `was not stored. ${title}: ${detail}`}
          </span>
          <span className="row">
            {!isRefused && (
              <Button small icon="retry" onClick={onRetry}>
                Try again
              </Button>
            )}
            <Button small kind="ghost" onClick={onDismiss}>
              Dismiss
            </Button>
          </span>
        </div>
      </Notice>
    );
  }
  return (
    <div className="card body-only">
      <div className="row between small">
        <span className="cut">{name}</span>
        <span className="muted">
          {s.share < 1 ? `${Math.round(s.share * 100)} %` : "is being looked into and loaded once"}
        </span>
      </div>
      <Progress value={s.share < 1 ? s.share : null} label={`Upload of ${name}`} />
    </div>
  );
}

function LoadButton({ model }: { model: Model }) {
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: () => (model.is_loaded ? actions.unloadModel(model.id) : actions.loadModel(model.id)),
    onSuccess: (m) => {
      client.setQueryData<Model[]>(["models"], (all) => all?.map((x) => (x.id === m.id ? m : x)));
      client.setQueryData(["model", m.id], m);
      toast(
        m.is_loaded ? `${m.name} is loaded${m.engine ? ` (${m.engine})` : ""}.` : `${m.name} was unloaded.`,
      );
    },
    onError: (e) => toastError(`${model.name} could not be ${model.is_loaded ? "unloaded" : "loaded"}`, e),
  });
  return (
    <Button small busy={change.isPending} disabled={model.status !== "ready"} onClick={() => change.mutate()}>
      {model.is_loaded ? "Unload" : "Load"}
    </Button>
  );
}

/** What the columns hold that a narrow window has no room for. */
function brief(m: Model): string {
  return [
    m.input && `${m.input.width} × ${m.input.height}`,
    m.labels && plural(m.labels.length, "class", "classes"),
    formatBytes(m.bytes),
    `used ${plural(m.times_used, "time")}`,
    `added ${formatAgo(m.created_at)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function ModelTable({ models, mayEdit }: { models: Model[]; mayEdit: boolean }) {
  return (
    <Table
      label="Models"
      head={[
        "Model",
        "Recognised as",
        ifWide("Input"),
        ifWide(number("Classes")),
        ifWide(number("Size")),
        ifWide(number("Used")),
        "State",
        ifWide(number("Added")),
        mayEdit && hidden("Load or unload"),
      ]}
    >
      {models.map((m) => (
        <tr key={m.id}>
          <td style={{ maxWidth: "20rem" }}>
            <div className="cut">
              <Link className="cell" to={`/models/${m.id}`}>
                {m.name}
              </Link>
            </div>
            <div className="tiny muted narrow-only">{brief(m)}</div>
          </td>
          <td>{m.head ?? "–"}</td>
          <td className="muted nowrap wide-only">{m.input ? `${m.input.width} × ${m.input.height}` : "–"}</td>
          <td className="num wide-only">{formatCount(m.labels?.length)}</td>
          <td className="num wide-only">{formatBytes(m.bytes)}</td>
          <td className="num wide-only">{formatCount(m.times_used)}</td>
          <td>
            {m.status !== "ready" ? (
              <Status status={m.status} />
            ) : m.is_loaded ? (
              <Badge tone="good" icon="bolt">
                Loaded{m.engine ? `, ${m.engine}` : ""}
              </Badge>
            ) : (
              <Badge>Not loaded</Badge>
            )}
          </td>
          <td className="num muted wide-only" title={formatTime(m.created_at)}>
            {formatAgo(m.created_at)}
          </td>
          {mayEdit && (
            <td className="actions">
              <LoadButton model={m} />
            </td>
          )}
        </tr>
      ))}
    </Table>
  );
}

export default function ModelsPage({ params }: PageProps) {
  const client = useQueryClient();
  const models = useQuery({ ...queries.models(), refetchInterval: 20_000 });
  const mayEdit = useMay("editor");
  const input = useRef<HTMLInputElement>(null);
  const [sending, setSending] = useState<Sending[]>([]);
  const id = params["m"];
  const one = models.data?.find((m) => m.id === id || m.name === id);

  const take = (files: File[]) => {
    for (const file of files) {
      const s: Sending = { file, share: 0, error: null };
      setSending((all) => [...all, s]);
      const change = (patch: Partial<Sending>) => {
        Object.assign(s, patch);
        setSending((all) => [...all]);
      };
      uploadModel(file, (share) => change({ share }))
        .then((m) => {
          setSending((all) => all.filter((x) => x !== s));
          void client.invalidateQueries({ queryKey: ["models"] });
          void client.invalidateQueries({ queryKey: ["stats"] });
          toast(`${m.name} was recognised as ${m.head ?? "a model"}.`);
          if (files.length === 1) navigate(`/models/${m.id}`);
        })
        .catch((error: unknown) => {
          if (error instanceof ApiError && error.status === 401) login.onLoggedOut?.();
          change({ error });
        });
    }
  };
  const forget = (s: Sending) => setSending((all) => all.filter((x) => x !== s));
  const drop = (e: DragEvent) => {
    if (!mayEdit || !e.dataTransfer.types.includes("Files") || id) return;
    e.preventDefault();
    take([...e.dataTransfer.files]);
  };
  const button = mayEdit && (
    <Button
      kind={models.data?.length ? "plain" : "primary"}
      icon="upload"
      onClick={() => input.current?.click()}
    >
      Add a model
    </Button>
  );

  if (id && models.data && !one)
    return <ErrorState error={new ApiError(404, "NOT_FOUND", "It may have been deleted.")} />;
  if (id && one) return <ModelDetail model={one} action={mayEdit ? <LoadButton model={one} /> : null} />;
  return (
    <div className="stack loose drop-zone" onDragOver={(e) => mayEdit && e.preventDefault()} onDrop={drop}>
      <PageHead title="Models" actions={models.data?.length ? button : undefined} />
      <input
        ref={input}
        type="file"
        accept=".onnx"
        multiple
        hidden
        data-testid="models"
        onChange={(e) => {
          take([...(e.target.files ?? [])]);
          e.target.value = "";
        }}
      />
      {sending.map((s, i) => (
        <SendingLine
          key={i}
          s={s}
          onDismiss={() => forget(s)}
          onRetry={() => {
            forget(s);
            take([s.file]);
          }}
        />
      ))}
      <Card flush>
        <Await query={models}>
          {(all) =>
            all.length > 0 ? (
              <ModelTable models={all} mayEdit={mayEdit} />
            ) : (
              <EmptyState icon="model" title="No model yet" actions={button || undefined}>
                Drop an ONNX detector here. Assay recognises YOLO, DETR, SSD and other heads, and says what it
                saw in the file.
              </EmptyState>
            )
          }
        </Await>
      </Card>
      <p className="small muted row">
        <Icon name="info" /> A model is loaded when it is first used; loading it beforehand makes the first
        picture fast.
      </p>
    </div>
  );
}
