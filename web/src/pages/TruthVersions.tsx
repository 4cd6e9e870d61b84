// All versions of a video's truth, the newest first: whose they are, opened in review or taken as a file.
import { useQuery } from "@tanstack/react-query";

import { queries, type Video } from "../api/queries";
import { Link } from "../app/router";
import { Dialog } from "../ui/Dialog";
import { formatAgo, formatTime, plural } from "../ui/format";
import { Await } from "../ui/states";
import { hidden, Table } from "../ui/Table";
import { TruthExport } from "./TruthExport";

export function TruthVersions({ video, onClose }: { video: Video; onClose: () => void }) {
  const versions = useQuery(queries.truths(video.id));
  return (
    <Dialog wide title={`Truth of ${video.name}`} onClose={onClose}>
      <Await query={versions}>
        {(all) => (
          <Table label="Versions" head={["Version", "Holds", "From", "Saved", hidden("Actions")]}>
            {all.map((t, i) => (
              <tr key={t.id}>
                <td className="nowrap">
                  {t.version}
                  {i === 0 && <span className="tiny muted"> newest</span>}
                </td>
                <td>
                  {t.format === "events"
                    ? plural(t.objects, "event")
                    : `${plural(t.objects, "object")} in ${plural(t.frames, "frame")}`}
                </td>
                <td>
                  {t.name || "–"} <span className="tiny muted">{t.format}</span>
                </td>
                <td className="muted" title={formatTime(t.created_at)}>
                  {formatAgo(t.created_at)}
                  {t.created_by_name && ` by ${t.created_by_name}`}
                </td>
                <td className="actions">
                  {t.format !== "events" && (
                    <Link
                      to={`/projects/${video.project_id}/videos/${video.id}/review?version=${t.version}`}
                      className="button plain small"
                      aria-label={`Open version ${t.version} in review`}
                    >
                      Open
                    </Link>
                  )}
                  <TruthExport isBare video={video} format={t.format} version={t.version} />
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Await>
    </Dialog>
  );
}
