// Who has a role of one's own in a project; those who have one everywhere are not listed.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, collect } from "../api/client";
import { useMay, type Role } from "../app/account";
import { Button, IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { SelectField, TextField } from "../ui/Field";
import { Await, describeError, EmptyState, Notice } from "../ui/states";
import { hidden, Table } from "../ui/Table";

const ROLES: { value: Role; text: string }[] = [
  { value: "viewer", text: "Viewer" },
  { value: "editor", text: "Editor" },
  { value: "admin", text: "Admin" },
];

export function MembersDialog({ project, onClose }: { project: string; onClose: () => void }) {
  const client = useQueryClient();
  const mayChange = useMay("admin", project);
  const knowsUsers = useMay("admin");
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const key = ["members", project];
  const members = useQuery({
    queryKey: key,
    queryFn: ({ signal }) =>
      collect((cursor) =>
        api("get", "/api/v1/projects/{id}/members", {
          path: { id: project },
          query: { limit: 200, cursor },
          signal,
        }),
      ),
  });
  const users = useQuery({
    queryKey: ["users", "names"],
    enabled: mayChange && knowsUsers,
    queryFn: async () => (await api("get", "/api/v1/users", { query: { limit: 200 } })).items,
  });
  // One's own role may be what changed: what one may do follows from it.
  const after = {
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: key }),
        client.invalidateQueries({ queryKey: ["me"] }),
      ]),
  };
  const give = useMutation({
    mutationFn: (m: { user: string; role: Role }) =>
      api("put", "/api/v1/projects/{id}/members/{user}", {
        path: { id: project, user: m.user },
        json: { role: m.role },
      }),
    ...after,
  });
  const take = useMutation({
    mutationFn: (user: string) =>
      api("delete", "/api/v1/projects/{id}/members/{user}", { path: { id: project, user } }),
    ...after,
  });
  const error = give.error ?? take.error;
  return (
    <Dialog wide title="Members of the project" onClose={onClose}>
      <div className="stack">
        {error && (
          <Notice kind="bad" role="alert">
            {describeError(error).title}: {describeError(error).detail}
          </Notice>
        )}
        <Await query={members} compact>
          {(all) =>
            all.length === 0 ? (
              <EmptyState compact icon="user" title="Nobody has a role in this project alone">
                Whoever has a role everywhere has it here too.
              </EmptyState>
            ) : (
              <Table label="Members" className="" head={["Name", "Role", hidden("Remove")]}>
                {all.map((m) => (
                  <tr key={m.user_id}>
                    <td>
                      <b>{m.name}</b>
                    </td>
                    <td>
                      {mayChange ? (
                        <select
                          className="select"
                          aria-label={`Role of ${m.name}`}
                          value={m.role}
                          onChange={(e) => give.mutate({ user: m.user_id, role: e.target.value as Role })}
                        >
                          {ROLES.map((r) => (
                            <option key={r.value} value={r.value}>
                              {r.text}
                            </option>
                          ))}
                        </select>
                      ) : (
                        m.role
                      )}
                    </td>
                    <td className="actions">
                      {mayChange && (
                        <IconButton
                          small
                          icon="trash"
                          label={`Take ${m.name} out`}
                          onClick={() => take.mutate(m.user_id)}
                        />
                      )}
                    </td>
                  </tr>
                ))}
              </Table>
            )
          }
        </Await>
        {mayChange && (
          <form
            className="row end-fields wrap"
            onSubmit={(e) => {
              e.preventDefault();
              if (name.trim()) give.mutate({ user: name.trim(), role }, { onSuccess: () => setName("") });
            }}
          >
            <div className="grow">
              <TextField
                label="Name of the user"
                value={name}
                list="known-users"
                onChange={(e) => setName(e.target.value)}
              />
              <datalist id="known-users">
                {users.data?.map((u) => (
                  <option key={u.id} value={u.name} />
                ))}
              </datalist>
            </div>
            <SelectField label="Role" value={role} onChange={(e) => setRole(e.target.value as Role)}>
              {ROLES.map((r) => (
                <option key={r.value} value={r.value}>
                  {r.text}
                </option>
              ))}
            </SelectField>
            <Button type="submit" icon="plus" busy={give.isPending} disabled={!name.trim()}>
              Add
            </Button>
          </form>
        )}
      </div>
    </Dialog>
  );
}
