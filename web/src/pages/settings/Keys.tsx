import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { send, sendJson } from "../../api/client";
import { queries } from "../../api/queries";
import { Button, IconButton } from "../../ui/Button";
import { CopyButton } from "../../ui/CopyButton";
import { ConfirmDialog, Dialog, FormDialog } from "../../ui/Dialog";
import { SelectField, TextField } from "../../ui/Field";
import { formatAgo, formatTime } from "../../ui/format";
import { Card } from "../../ui/layout";
import { Await, describeError, EmptyState, Notice } from "../../ui/states";
import { hidden, number, Table } from "../../ui/Table";

interface Key {
  id: string;
  name: string;
  role: string;
  project_id: string | null;
  created_at: string;
  last_used_at: string | null;
  expires_at: string | null;
}

const DAY = 24 * 3600;
const LIFETIMES = [
  { value: 30 * DAY, text: "30 days" },
  { value: 90 * DAY, text: "90 days" },
  { value: 365 * DAY, text: "A year" },
  { value: 0, text: "Until it is revoked" },
];

function NewKey({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const projects = useQuery(queries.projects());
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const [project, setProject] = useState("");
  const [lifetime, setLifetime] = useState(90 * DAY);
  const make = useMutation({
    mutationFn: () =>
      sendJson<Key & { key: string }>("/api/v1/keys", {
        method: "POST",
        json: {
          name,
          role,
          ...(project ? { project_id: project } : {}),
          ...(lifetime > 0 ? { lifetime_seconds: lifetime } : {}),
        },
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["keys"] }),
  });
  if (make.data)
    return (
      <Dialog
        title={`Key ${make.data.name}`}
        onClose={onClose}
        footer={
          <Button kind="primary" onClick={onClose}>
            I have kept it
          </Button>
        }
      >
        <div className="stack">
          <Notice kind="warn">
            This is the only time that the key is shown. The server keeps its hash, not the key.
          </Notice>
          <pre className="code" tabIndex={0} data-testid="key">
            {make.data.key}
          </pre>
          <div>
            <CopyButton what="The key" text={() => make.data.key} />
          </div>
          <p className="small muted">
            Scripts send it as <code>Authorization: Bearer KEY</code>.
          </p>
        </div>
      </Dialog>
    );
  return (
    <FormDialog
      title="New key"
      action="Make the key"
      busy={make.isPending}
      cannot={!name}
      onClose={onClose}
      onSubmit={() => make.mutate()}
    >
      <div className="stack">
        <TextField
          label="Name"
          placeholder="nightly gate"
          value={name}
          onChange={(e) => setName(e.target.value)}
          error={make.error ? describeError(make.error).detail : undefined}
        />
        <SelectField label="Role" value={role} onChange={(e) => setRole(e.target.value)}>
          <option value="metrics">Metrics: only /metrics</option>
          <option value="viewer">Viewer</option>
          <option value="editor">Editor</option>
          <option value="admin">Admin</option>
        </SelectField>
        <SelectField label="Project" value={project} onChange={(e) => setProject(e.target.value)}>
          <option value="">All that the user may see</option>
          {(projects.data ?? []).map((p) => (
            <option key={p.id} value={p.id}>
              {p.name}
            </option>
          ))}
        </SelectField>
        <SelectField label="Valid for" value={lifetime} onChange={(e) => setLifetime(Number(e.target.value))}>
          {LIFETIMES.map((l) => (
            <option key={l.value} value={l.value}>
              {l.text}
            </option>
          ))}
        </SelectField>
      </div>
    </FormDialog>
  );
}

export default function Keys() {
  const client = useQueryClient();
  const keys = useQuery({
    queryKey: ["keys"],
    queryFn: async () => (await sendJson<{ items: Key[] }>("/api/v1/keys?limit=200")).items,
  });
  const projects = useQuery(queries.projects());
  const [dialog, setDialog] = useState<"new" | Key | null>(null);
  const names = new Map(projects.data?.map((p) => [p.id, p.name]));
  const button = (
    <Button small icon="key" onClick={() => setDialog("new")}>
      New key
    </Button>
  );
  return (
    <Card flush title="Keys" actions={keys.data?.length ? button : undefined}>
      <Await query={keys}>
        {(all) =>
          all.length === 0 ? (
            <EmptyState icon="key" title="No key yet" actions={button}>
              Scripts and gates in CI use a key instead of a password. It has a role of its own, and may be
              for one project only.
            </EmptyState>
          ) : (
            <Table
              label="Keys"
              head={["Name", "Role", "Project", number("Last used"), number("Expires"), hidden("Revoke")]}
            >
              {all.map((k) => (
                <tr key={k.id}>
                  <td>
                    <b>{k.name}</b>
                  </td>
                  <td>{k.role}</td>
                  <td className="muted">{k.project_id ? (names.get(k.project_id) ?? "one") : "all"}</td>
                  <td className="num muted">{k.last_used_at ? formatAgo(k.last_used_at) : "never"}</td>
                  <td className="num muted">{k.expires_at ? formatTime(k.expires_at) : "never"}</td>
                  <td className="actions">
                    <IconButton small icon="trash" label={`Revoke ${k.name}`} onClick={() => setDialog(k)} />
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Await>
      {dialog === "new" && <NewKey onClose={() => setDialog(null)} />}
      {dialog && typeof dialog === "object" && (
        <ConfirmDialog
          title={`Revoke ${dialog.name}?`}
          action="Revoke key"
          onClose={() => setDialog(null)}
          onConfirm={async () => {
            await send(`/api/v1/keys/${dialog.id}`, { method: "DELETE" });
            void client.invalidateQueries({ queryKey: ["keys"] });
          }}
        >
          Whatever uses it is refused from now on.
        </ConfirmDialog>
      )}
    </Card>
  );
}
