// The truth of a video as a file, in any format that is written.
import { Menu } from "../ui/Menu";

interface Format {
  name: string;
  text: string;
  note: string;
}

const FORMATS: Format[] = [
  { name: "coco", text: "COCO", note: ".json" },
  { name: "mot", text: "MOT Challenge", note: ".txt" },
  { name: "mot-cvat", text: "MOT of CVAT", note: ".tar" },
  { name: "cvat", text: "CVAT", note: ".xml" },
  { name: "voc", text: "Pascal VOC", note: ".tar" },
  { name: "yolo", text: "YOLO", note: ".tar" },
  { name: "kitti", text: "KITTI", note: ".txt" },
  { name: "bdd100k", text: "BDD100K", note: ".json" },
  { name: "labelme", text: "LabelMe", note: ".tar" },
  { name: "openimages", text: "Open Images", note: ".csv" },
  { name: "jsonl", text: "JSON lines", note: ".jsonl" },
];
// A list of events has no boxes: it is given as it came.
const EVENTS: Format[] = [{ name: "events", text: "As it came", note: "" }];

export function TruthExport({
  video,
  format,
  version,
  isBare,
}: {
  video: { id: string; name: string };
  /** In which it came. */
  format: string;
  /** The newest where absent. */
  version?: number;
  isBare?: boolean;
}) {
  const stem = video.name.replace(/\.[^.]+$/, "");
  return (
    <Menu
      label={`Export ${version ? `version ${version} of ` : ""}the truth of ${video.name}`}
      icon="download"
      text={isBare ? undefined : "Export"}
      kind={isBare ? "ghost" : "plain"}
    >
      {(format === "events" ? EVENTS : FORMATS).map((f) => (
        <li key={f.name}>
          <a
            href={`/api/v1/videos/${video.id}/truth?format=${f.name}${version ? `&version=${version}` : ""}`}
            download={f.name === "coco" ? `${stem}${version ? `.version-${version}` : ""}.coco.json` : ""}
          >
            <span>{f.text}</span>
            <span className="faint">{f.note}</span>
          </a>
        </li>
      ))}
    </Menu>
  );
}
