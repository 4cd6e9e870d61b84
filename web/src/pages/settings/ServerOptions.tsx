// What the server was started with. Options are changed where it is started, so they are shown, not edited.
import { useQuery } from "@tanstack/react-query";

import { api, type Schemas } from "../../api/client";
import { formatBytes, formatCount } from "../../ui/format";
import { Card } from "../../ui/layout";
import { Await } from "../../ui/states";
import { number, Table } from "../../ui/Table";

export type Option = Schemas["ServerSettings"]["options"][number];

const UNITS: Record<string, string> = {
  DAYS: "days",
  HOURS: "h",
  MINUTES: "min",
  SECONDS: "s",
};

/** A value as one says it: "0: no limit" of the help stands for the 0. */
export function optionWords(o: Option): string {
  let v = o.value;
  const isUnset = v === null || v === "" || v === 0 || (Array.isArray(v) && v.length === 0);
  const zero = v === 0 ? /\b0: ([^;]+)/.exec(o.help)?.[1] : undefined;
  if (zero) return zero;
  if (isUnset && o.default && !Number.isNaN(Number(o.default))) v = Number(o.default);
  else if (isUnset) return o.default ?? (v === 0 ? "0" : "–");
  if (typeof v === "boolean") return v ? "yes" : "no";
  if (Array.isArray(v)) return v.join(", ");
  if (typeof v === "string") return v;
  if (v === null) return "–";
  if (o.unit === "MB") return formatBytes(v * 1e6);
  if (o.unit === "MIB") return formatBytes(v * 1024 * 1024);
  const unit = UNITS[o.unit ?? ""];
  const text = Number.isInteger(v) ? formatCount(v) : String(v);
  return unit ? `${text} ${unit}` : text;
}

export const settingsQuery = {
  queryKey: ["settings"],
  queryFn: async () => (await api("get", "/api/v1/settings", {})).options,
  staleTime: Infinity,
};

/** What its help says, without what 0 would mean. */
function helpWords(help: string): string {
  const text = help.replace(/; 0: [^;]+/, "").replace(/^likewise, /, "requests a second: ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function OptionTable({ options, label }: { options: Option[]; label: string }) {
  return (
    <Table label={label} className="" head={["What", "Option", number("Value")]}>
      {options.map((o) => (
        <tr key={o.name}>
          <td className="wrap-words">{helpWords(o.help)}</td>
          <td>
            <code className="tiny muted nowrap">--{o.name}</code>
          </td>
          <td className="num value-words">{optionWords(o)}</td>
        </tr>
      ))}
    </Table>
  );
}

export default function ServerOptions() {
  const settings = useQuery(settingsQuery);
  return (
    <Await query={settings}>
      {(all) => {
        const sections = [...new Set(all.map((o) => o.section))];
        return (
          <>
            {sections.length === 0 && (
              <Card title="Limits">
                <p className="small muted">The demo runs with every limit at its default.</p>
              </Card>
            )}
            {sections.map((s) => (
              <Card key={s} flush title={s}>
                <OptionTable label={s} options={all.filter((o) => o.section === s)} />
              </Card>
            ))}
            <p className="small muted">
              Options are set where the server is started: on its command line, in its environment, or in the
              file of <code>--config</code>.
            </p>
          </>
        );
      }}
    </Await>
  );
}
