import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { collect, sendJson, send } from "../../api/client";
import { useMe } from "../../app/account";
import { Badge } from "../../ui/Badge";
import { Button, IconButton } from "../../ui/Button";
import { ConfirmDialog, FormDialog } from "../../ui/Dialog";
import { SelectField, TextField } from "../../ui/Field";
import { formatAgo, formatTime } from "../../ui/format";
import { Card } from "../../ui/layout";
import { Await, describeError, EmptyState } from "../../ui/states";
import { hidden, number, Table } from "../../ui/Table";
import { toast, toastError } from "../../ui/toast";

interface User {
  id: string;
  name: string;
  role: string;
  is_disabled: boolean;
  created_at: string;
  last_login_at: string | null;
}

export const ROLES = [
  { value: "viewer", text: "Viewer: sees everything" },
  { value: "editor", text: "Editor: uploads, runs, edits" },
  { value: "admin", text: "Admin: users, keys, deleting projects" },
  { value: "none", text: "None: only what projects give" },
];

function UserDialog({ user, onClose }: { user?: User; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(user?.name ?? "");
  const [role, setRole] = useState(user?.role ?? "viewer");
  const [password, setPassword] = useState("");
  const save = useMutation({
    mutationFn: () =>
      user
        ? sendJson(`/api/v1/users/${user.id}`, {
            method: "PATCH",
            json: { name, role, ...(password ? { password } : {}) },
          })
        : sendJson("/api/v1/users", { method: "POST", json: { name, role, password } }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["users"] });
      toast(user ? `${name} was changed.` : `${name} can log in now.`);
      onClose();
    },
  });
  return (
    <FormDialog
      title={user ? `Change ${user.name}` : "New user"}
      action={user ? "Save" : "Create"}
      busy={save.isPending}
      cannot={!name || (!user && !password)}
      onClose={onClose}
      onSubmit={() => save.mutate()}
    >
      <div className="stack">
        <TextField
          label="Name"
          value={name}
          onChange={(e) => setName(e.target.value)}
          error={save.error ? describeError(save.error).detail : undefined}
        />
        <SelectField label="Role" value={role} onChange={(e) => setRole(e.target.value)}>
          {ROLES.map((r) => (
            <option key={r.value} value={r.value}>
              {r.text}
            </option>
          ))}
        </SelectField>
        <TextField
          label={user ? "New password" : "Password"}
          type="password"
          value={password}
          onChange={(e) => setPassword(e.target.value)}
          autoComplete="new-password"
          hint={
            user ? "Empty: it stays as it is." : "Tell it over a safe way; it can be changed under About."
          }
        />
      </div>
    </FormDialog>
  );
}

export default function Users() {
  const client = useQueryClient();
  const me = useMe();
  const users = useQuery({
    queryKey: ["users"],
    queryFn: () =>
      collect((cursor) =>
        sendJson<{ items: User[]; next_cursor: string | null }>(
          `/api/v1/users?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
        ),
      ),
  });
  const [dialog, setDialog] = useState<"new" | { change: User } | { remove: User } | null>(null);
  const disable = async (u: User) => {
    try {
      await sendJson(`/api/v1/users/${u.id}`, { method: "PATCH", json: { is_disabled: !u.is_disabled } });
      void client.invalidateQueries({ queryKey: ["users"] });
    } catch (e) {
      toastError(`${u.name} could not be changed`, e);
    }
  };
  return (
    <Card
      flush
      title="Users"
      actions={
        users.data && (
          <Button small icon="plus" onClick={() => setDialog("new")}>
            New user
          </Button>
        )
      }
    >
      <Await query={users}>
        {(all) =>
          all.length === 0 ? (
            <EmptyState icon="user" title="No account yet">
              The first one is made from the shell.
            </EmptyState>
          ) : (
            <Table label="Users" head={["Name", "Role", "State", number("Last login"), hidden("Actions")]}>
              {all.map((u) => (
                <tr key={u.id}>
                  <td>
                    <b>{u.name}</b> {u.id === me?.user?.id && <span className="muted">(you)</span>}
                  </td>
                  <td>{u.role}</td>
                  <td>
                    {u.is_disabled ? <Badge tone="warn">Disabled</Badge> : <Badge tone="good">Active</Badge>}
                  </td>
                  <td className="num muted" title={formatTime(u.last_login_at)}>
                    {u.last_login_at ? formatAgo(u.last_login_at) : "never"}
                  </td>
                  <td className="actions">
                    {u.id !== me?.user?.id && (
                      <Button small kind="ghost" onClick={() => void disable(u)}>
                        {u.is_disabled ? "Enable" : "Disable"}
                      </Button>
                    )}
                    <IconButton
                      small
                      icon="edit"
                      label={`Change ${u.name}`}
                      onClick={() => setDialog({ change: u })}
                    />
                    {u.id !== me?.user?.id && (
                      <IconButton
                        small
                        icon="trash"
                        label={`Delete ${u.name}`}
                        onClick={() => setDialog({ remove: u })}
                      />
                    )}
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Await>
      {dialog === "new" && <UserDialog onClose={() => setDialog(null)} />}
      {dialog && typeof dialog === "object" && "change" in dialog && (
        <UserDialog user={dialog.change} onClose={() => setDialog(null)} />
      )}
      {dialog && typeof dialog === "object" && "remove" in dialog && (
        <ConfirmDialog
          title={`Delete ${dialog.remove.name}?`}
          action="Delete user"
          onClose={() => setDialog(null)}
          onConfirm={async () => {
            await send(`/api/v1/users/${dialog.remove.id}`, { method: "DELETE" });
            void client.invalidateQueries({ queryKey: ["users"] });
          }}
        >
          Logins and keys of {dialog.remove.name} end at once. What was made stays.
        </ConfirmDialog>
      )}
    </Card>
  );
}
