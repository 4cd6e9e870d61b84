import { useInfiniteQuery } from "@tanstack/react-query";

import { sendJson } from "../../api/client";
import { Button } from "../../ui/Button";
import { formatTime } from "../../ui/format";
import { Card } from "../../ui/layout";
import { Await, EmptyState } from "../../ui/states";
import { Table } from "../../ui/Table";

interface Line {
  id: string;
  at?: string;
  created_at?: string;
  user: string | null;
  client: string | null;
  action: string;
  object_id: string | null;
}

export default function Audit() {
  const lines = useInfiniteQuery({
    queryKey: ["audit"],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      sendJson<{ items: Line[]; next_cursor: string | null }>(
        `/api/v1/audit?limit=100${pageParam ? `&cursor=${encodeURIComponent(pageParam)}` : ""}`,
      ),
    getNextPageParam: (last) => last.next_cursor,
  });
  return (
    <Card flush title="Who did what">
      <Await query={lines}>
        {(data) => {
          const all = data.pages.flatMap((p) => p.items);
          if (all.length === 0)
            return <EmptyState compact icon="file" title="Nothing has been changed yet" />;
          return (
            <Table
              label="Audit"
              className=""
              head={["When", "Who", "What", "Object", "From"]}
              foot={
                lines.hasNextPage && (
                  <div className="row table-more">
                    <Button small busy={lines.isFetchingNextPage} onClick={() => void lines.fetchNextPage()}>
                      Older ones
                    </Button>
                  </div>
                )
              }
            >
              {all.map((l) => (
                <tr key={l.id}>
                  <td className="muted nowrap">{formatTime(l.at ?? l.created_at)}</td>
                  <td>{l.user ?? "–"}</td>
                  <td>{l.action}</td>
                  <td>
                    <code className="tiny">{l.object_id ?? "–"}</code>
                  </td>
                  <td className="muted">{l.client ?? "–"}</td>
                </tr>
              ))}
            </Table>
          );
        }}
      </Await>
    </Card>
  );
}
