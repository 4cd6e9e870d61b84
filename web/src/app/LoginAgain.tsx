// Over a page whose login has ended: what is on it stays, and goes on after the next login.
import { useQuery } from "@tanstack/react-query";

import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { leave, meQuery, useLogin } from "./account";
import { LoginForm } from "./LoginForm";

const LOOK_AGAIN_MS = 5000; // whether another tab has logged in

function Again() {
  const me = useQuery({ ...meQuery, refetchInterval: LOOK_AGAIN_MS });
  return (
    <Dialog title="Your login has ended" onClose={() => undefined} isFirm>
      <LoginForm
        name={me.data?.user?.name ?? ""}
        more={
          <Button kind="ghost" onClick={leave}>
            Leave the page
          </Button>
        }
      >
        <p className="small muted">
          Nothing is lost: what you were editing or uploading stands as it was, and goes on once you are
          logged in again.
        </p>
      </LoginForm>
    </Dialog>
  );
}

export function LoginAgain() {
  return useLogin().isEnded ? <Again /> : null;
}
