"""models/demo.onnx: Assay reads it without help, and it finds people in a drawn scene that it was not trained on."""
import json

import pytest

from conftest import ROOT

MODEL = ROOT / "models/demo.onnx"
LABELS = ["pedestrian", "cyclist", "motorcyclist", "wheelchair_user", "scooter_rider"]


def test_it_says_what_it_is(assay):
    seen = json.loads(assay.ok("model", "inspect", MODEL, "--json", "-").stdout)
    assert MODEL.stat().st_size <= 6 * 1000 * 1000
    assert seen["head"] == "yolov8"
    assert seen["labels"] == LABELS


# Seeds below 100000 are never trained on. The bounds lie well under what whole clips give (models/MODEL_CARD.md).
@pytest.mark.parametrize("seed", [31, 32])
def test_it_finds_people(assay, tmp_path, seed):
    assay.ok("synth", "--out", tmp_path, "--seed", seed, "--seconds", "10", "--fps", "2")
    done = assay.ok("validate", tmp_path / "clip.mp4", "--model", MODEL, "--truth", tmp_path / "truth.coco.json",
                    "--json", "-")
    got = json.loads(done.stdout)
    print(got["coco"], [(c["label"], c["truths"], c["AP50"]) for c in got["classes"]])
    assert got["objects"]["truths"] > 100
    assert got["coco"]["AP50"] > 0.75
    assert got["coco"]["AP"] > 0.5
