// What is kept how long, and how much room there is: by the options that the server was started with.
import { useQuery } from "@tanstack/react-query";

import { useMay } from "../../app/account";
import { Card } from "../../ui/layout";
import { ErrorState } from "../../ui/states";
import { OptionTable, settingsQuery } from "./ServerOptions";

const SHOWN = [
  "max-upload",
  "quota",
  "project-quota",
  "keep-free",
  "upload-hours",
  "keep-tasks",
  "keep-audit",
  "login-minutes",
];

export default function Retention() {
  const mayAsk = useMay("admin");
  const settings = useQuery({ ...settingsQuery, enabled: mayAsk });
  const options = SHOWN.flatMap((name) => settings.data?.find((o) => o.name === name) ?? []);
  return (
    <div className="span-all">
      <Card flush title="Limits and retention">
        {settings.error && (
          <ErrorState compact error={settings.error} retry={() => void settings.refetch()} />
        )}
        {options.length > 0 && <OptionTable label="Limits and retention" options={options} />}
        <p className="small muted padded">
          Videos, truth, models and sessions are kept until somebody deletes them.
          {!mayAsk && " What else is kept how long, an admin can see."}
        </p>
      </Card>
    </div>
  );
}
