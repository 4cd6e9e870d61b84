"""`assay validate`: a real detector on real video gives the reference pipeline's figures."""
import json

import pytest

CLIPS = [
    ("vtest_PETS09-S2L1", "vtest.mp4"),
    ("TUD-Campus_frames", "img1"),
    ("mmtracking_demo_MOT17-04", "demo.mp4"),
]


@pytest.mark.parametrize("folder,source", CLIPS, ids=[c[0] for c in CLIPS])
def test_figures_near_the_reference_pipeline(assay, data, tmp_path, folder, source):
    case = data / "video_with_gt" / folder
    expected = json.loads((case / "expected.json").read_text())["stats"]
    metrics = tmp_path / "metrics.json"
    done = assay.ok("validate", case / source, "--model", data / "models/yolox_nano_416.onnx",
                    "--truth", case / "gt.coco.json", "--classes", "person", "--confidence", "0.01", "--iou", "0.45",
                    "--json", metrics, timeout=300)
    got = json.loads(metrics.read_text())["coco"]
    print({name: (got[name], expected[name]) for name in ("AP", "AP50")})
    assert abs(got["AP"] - expected["AP"]) <= 0.015
    assert abs(got["AP50"] - expected["AP50"]) <= 0.015
    assert "AP50" in done.stdout


def test_stride_makes_no_misses(assay, data, tmp_path):
    case = data / "video_with_gt/TUD-Campus_frames"
    metrics = tmp_path / "metrics.json"
    options = ["--model", data / "models/yolox_nano_416.onnx", "--truth", case / "gt.coco.json", "--classes", "person"]
    assay.ok("validate", case / "TUD-Campus.mp4", *options, "--json", metrics)
    whole = json.loads(metrics.read_text())
    assay.ok("validate", case / "TUD-Campus.mp4", *options, "--stride", "5", "--json", metrics)
    fifth = json.loads(metrics.read_text())
    truths = [sum(c["truths"] for c in m["classes"]) for m in (whole, fifth)]
    assert truths[1] < truths[0] / 3
    assert abs(whole["coco"]["AP50"] - fifth["coco"]["AP50"]) < 0.15


def test_the_same_figures_from_the_kept_detections(assay, data, tmp_path):
    case = data / "video_with_gt/mmtracking_demo_MOT17-04"
    one, two, kept = tmp_path / "one.json", tmp_path / "two.json", tmp_path / "kept.jsonl"
    assay.ok("validate", case / "demo.mp4", "--model", data / "models/yolox_nano_416.onnx", "--truth",
             case / "gt.coco.json", "--classes", "person", "--json", one, "--out", kept)
    assay.ok("evaluate", "--truth", case / "gt.coco.json", "--detections", kept, "--classes", "person", "--json", two)
    assert json.loads(one.read_text())["coco"] == json.loads(two.read_text())["coco"]
