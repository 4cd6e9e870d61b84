// Speed per engine and precision on this machine, measured by a task of the server.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, type Schemas } from "../../api/client";
import type { Model, Task } from "../../api/queries";
import { queries } from "../../api/queries";
import { useMay } from "../../app/account";
import { useTopics } from "../../live/use";
import { Button } from "../../ui/Button";
import { formatAgo, formatBytes, formatNumber } from "../../ui/format";
import { Card, Progress } from "../../ui/layout";
import { EmptyState, ErrorState } from "../../ui/states";
import { hidden, number, Table } from "../../ui/Table";

type Row = Schemas["BenchResult"]["rows"][number];

/** Rows of a measurement that has ended. */
export function benchRows(task: Task | undefined): Row[] {
  return task?.result && "rows" in task.result ? (task.result.rows as Row[]) : [];
}

/** The newest task of a kind for a model, followed live. */
export function useModelTask(model: string, kind: string) {
  const tasks = useQuery({ ...queries.tasks({ limit: 100 }), refetchInterval: 15_000 });
  const task = tasks.data?.find((t: Task) => t.kind === kind && t.model_id === model);
  const isLive = task?.status === "running" || task?.status === "queued";
  useTopics(isLive ? [`task:${task.task_id}`] : []);
  return { task, isLive };
}

export function Speed({ model }: { model: Model }) {
  const client = useQueryClient();
  const mayEdit = useMay("editor");
  const { task, isLive } = useModelTask(model.id, "bench");
  const start = useMutation({
    mutationFn: () => api("post", "/api/v1/models/{id}/bench", { path: { id: model.id }, json: {} }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["tasks"] }),
  });
  const rows = benchRows(task);
  const most = Math.max(...rows.map((r) => r.pictures_per_second), 1);
  return (
    <Card
      title="Speed on this machine"
      actions={
        mayEdit && (rows.length > 0 || isLive) ? (
          <Button small busy={isLive || start.isPending} onClick={() => start.mutate()}>
            {isLive ? "Measuring" : "Measure again"}
          </Button>
        ) : undefined
      }
    >
      {start.error ? (
        <ErrorState compact error={start.error} />
      ) : rows.length > 0 ? (
        <Table
          label="Speed"
          className=""
          head={[
            "Engine",
            "Precision",
            number("Workers × threads"),
            number("Median"),
            number("Min to max"),
            number("Pictures/s"),
            hidden("Compared", "24%"),
            number("Memory"),
          ]}
          foot={
            <p className="tiny muted table-note">
              Measured {formatAgo(task?.finished_at)}. Other work on the machine makes figures worse.
            </p>
          }
        >
          {rows.map((r, i) => (
            <tr key={i}>
              <th scope="row">{r.engine}</th>
              <td>{r.precision}</td>
              <td className="num">
                {r.workers} × {r.threads}
              </td>
              <td className="num">{formatNumber(r.milliseconds.median, 1)} ms</td>
              <td className="num muted">
                {formatNumber(r.milliseconds.min, 1)} to {formatNumber(r.milliseconds.max, 1)}
              </td>
              <td className="num">{formatNumber(r.pictures_per_second, 1)}</td>
              <td>
                <Progress
                  value={r.pictures_per_second / most}
                  label={`${r.engine} ${r.precision}, compared with the fastest`}
                />
              </td>
              <td className="num muted">{formatBytes(r.resident_bytes)}</td>
            </tr>
          ))}
        </Table>
      ) : isLive ? (
        <div className="stack tight" role="status">
          <Progress
            value={task?.status === "running" && (task.progress ?? 0) > 0 ? task.progress : null}
            label="Measurement"
          />
          <p className="small muted">
            {task?.message ?? "Each engine and precision runs for a few seconds."}
          </p>
        </div>
      ) : (
        <EmptyState
          compact
          icon="bolt"
          title={task?.status === "failed" ? "The measurement failed" : "Not measured yet"}
          actions={
            mayEdit && (
              <Button busy={start.isPending} onClick={() => start.mutate()}>
                Measure
              </Button>
            )
          }
        >
          {task?.status === "failed"
            ? task.error
            : "Every engine and precision that this machine has, one after the other."}
        </EmptyState>
      )}
    </Card>
  );
}
