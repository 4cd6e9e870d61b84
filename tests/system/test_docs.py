"""docs/FILES.md names every member that the program writes."""
import json
import re

from conftest import ROOT
from detections import read_lines


def members(value, into):
    """The keys of all objects in *value*; those of class_confidence are labels."""
    if isinstance(value, dict):
        for key, inner in value.items():
            into.add(key)
            if key != "class_confidence":
                members(inner, into)
    elif isinstance(value, list):
        for inner in value:
            members(inner, into)
    return into


def test_every_member_is_documented(assay, data, tmp_path):
    text = (ROOT / "docs/FILES.md").read_text()
    known = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", text))))
    clip = data / "video_with_gt/vtest_PETS09-S2L1"
    out, metrics = tmp_path / "out.jsonl", tmp_path / "metrics.json"
    assay.ok("validate", clip / "vtest.mp4", "--model", data / "models/FastestDet_352.onnx", "--truth",
             clip / "gt.coco.json", "--max-frames", "8", "--classes", "person", "--class-confidence", "person=0.3",
             "--track", "--out", out, "--json", metrics)
    header, frames, summary = read_lines(out)
    written = members([header, frames, summary, json.loads(metrics.read_text())], set())
    assert len(written) > 60 and not written - known, f"not in docs/FILES.md: {sorted(written - known)}"
    assay.ok("detect", data / "photos", "--model", data / "models/FastestDet_352.onnx", "--out", out)
    written = members(read_lines(out), set())
    assert not written - known, f"not in docs/FILES.md: {sorted(written - known)}"
