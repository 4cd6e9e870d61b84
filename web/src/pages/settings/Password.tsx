import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { sendJson } from "../../api/client";
import { logIn, useMe } from "../../app/account";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { Card } from "../../ui/layout";
import { describeError } from "../../ui/states";
import { toast } from "../../ui/toast";

export default function Password() {
  const name = useMe()?.user?.name;
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const change = useMutation({
    // It ends all logins, this one too: the next one follows at once.
    mutationFn: async () => {
      await sendJson("/api/v1/me/password", { method: "POST", json: { password: old, new_password: fresh } });
      if (name) await logIn(name, fresh).catch(() => undefined); // it is changed; the page asks for the login
    },
    onSuccess: () => {
      setOld("");
      setFresh("");
      toast("The password was changed.");
    },
  });
  return (
    <Card title="Password">
      <form
        className="stack"
        onSubmit={(e) => {
          e.preventDefault();
          change.mutate();
        }}
      >
        <TextField
          label="Present password"
          type="password"
          autoComplete="current-password"
          value={old}
          onChange={(e) => setOld(e.target.value)}
          error={change.error ? describeError(change.error).detail : undefined}
        />
        <TextField
          label="New password"
          type="password"
          autoComplete="new-password"
          value={fresh}
          onChange={(e) => setFresh(e.target.value)}
        />
        <div>
          <Button type="submit" busy={change.isPending} disabled={!old || !fresh}>
            Change it
          </Button>
        </div>
      </form>
    </Card>
  );
}
