"""`model quantize`: a file with the measured loss, which int8 runs need; and what is refused."""
import json
import pathlib
import shutil

import pytest

DEMO = pathlib.Path(__file__).resolve().parents[2] / "models/demo.onnx"


@pytest.fixture(scope="module")
def quantized(assay, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantize")
    model = folder / "demo.onnx"
    shutil.copy(DEMO, model)
    assay.ok("synth", "--out", folder / "scene", "--seconds", 2, "--seed", 5)
    clip = folder / "scene/clip.mp4"
    done = assay.ok("model", "quantize", model, "--calibrate", clip, "--frames", 4, "--max-loss", 1)
    return model, clip, done.stdout


def detections(text):
    frames = [json.loads(line) for line in text.splitlines()]
    return [d for f in frames if f["type"] == "frame" for d in f["detections"]]


def test_the_file_says_what_was_measured(quantized):
    model, clip, said = quantized
    made = json.loads(model.with_suffix(".int8.json").read_text())
    assert (made["format"], made["version"]) == ("assay-int8", 1)
    assert made["calibration"]["source"] == str(clip) and 2 <= made["calibration"]["frames"] <= 4
    assert len(made["calibration"]["sha256"]) == 64
    loss = made["loss"]
    assert loss["measure"] == "agreement" and abs(1 - loss["int8"] - loss["loss"]) < 1e-9
    assert 0.5 < loss["int8"] <= 1 and f"{loss['int8']:.4f}" in said
    assert made["layers"] == [] and all(r["min"] <= 0 <= r["max"] for r in made["ranges"])


def test_int8_sees_what_fp32_sees(assay, quantized):
    model, clip, _ = quantized
    seen = {}
    for precision in ("fp32", "int8"):
        done = assay.ok("detect", clip, "--model", model, "--engine", "native", "--precision", precision, "--stride", 12,
                        "--confidence", 0.5, "--out", "-")
        seen[precision] = detections(done.stdout)
    assert seen["fp32"] and seen["int8"] != seen["fp32"]  # other numbers of the same things
    assert abs(len(seen["int8"]) - len(seen["fp32"])) <= 0.2 * len(seen["fp32"]) + 1


def test_every_instruction_set_runs_it(assay, quantized):
    model, clip, _ = quantized
    counts = []
    for isa in ("c", "avx2", "avx512", "avx512vnni"):
        done = assay.ok("detect", clip, "--model", model, "--engine", "native", "--precision", "int8", "--stride", 45,
                        "--confidence", 0.5, "--out", "-", env={"ASSAY_ISA": isa})
        counts.append(len(detections(done.stdout)))
    assert max(counts) - min(counts) <= 1 and min(counts) > 0


def test_truth_makes_it_ap_and_auto_keeps_the_limit(assay, quantized):
    model, clip, _ = quantized
    assay.ok("model", "quantize", model, "--calibrate", clip, "--frames", 4, "--max-loss", 1, "--truth",
             clip.parent / "truth.coco.json", "--out", model.with_name("other.json"))
    made = json.loads(model.with_name("other.json").read_text())
    loss = made["loss"]
    assert loss["measure"] == "ap" and 0 < loss["fp32"] <= 1 and abs(loss["fp32"] - loss["int8"] - loss["loss"]) < 1e-9
    beside = model.with_suffix(".int8.json")
    kept = beside.read_text()
    for measured, limit, expected in ((0.02, 0.05, "int8"), (0.06, 0.05, None), (0.0, None, None)):
        made["loss"]["loss"] = measured
        beside.write_text(json.dumps(made))
        more = ["--max-loss", limit] if limit is not None else []
        done = assay.ok("model", "bench", model, "--engine", "native", "--repeat", 1, "--threads", 1, "--json", "-", *more)
        precision = json.loads(done.stdout)["rows"][0]["precision"]
        assert precision == expected or (expected is None and precision != "int8")
    beside.write_text(kept)


def test_few_layers_stay_in_fp32(assay, data, tmp_path):
    model = tmp_path / "model.onnx"
    shutil.copy(data / "models/FastestDet_352.onnx", model)
    made = {}
    for limit in (1, 0):  # all in int8; as near as it goes
        assay.ok("model", "quantize", model, "--calibrate", data / "photos", "--frames", 2, "--max-loss", limit, timeout=300)
        made[limit] = json.loads(model.with_suffix(".int8.json").read_text())
    assert made[1]["layers"] == []
    assert len(made[0]["layers"]) in (0, 1, 2, 4, 8, 16)  # of 70
    assert made[0]["loss"]["int8"] >= made[1]["loss"]["int8"]


def test_refused(assay, quantized, tmp_path):
    model, clip, _ = quantized
    assert "--calibrate" in assay.refuses("model", "quantize", model)
    assert "no-such" in assay.refuses("model", "quantize", model, "--calibrate", tmp_path / "no-such.mp4")
    alone = tmp_path / "alone.onnx"
    shutil.copy(model, alone)
    run = ["detect", clip, "--model", alone, "--engine", "native", "--precision", "int8", "--max-frames", 1]
    assert "model quantize" in assay.refuses(*run)
    beside = alone.with_suffix(".int8.json")
    made = json.loads(model.with_suffix(".int8.json").read_text())
    beside.write_text(json.dumps(made | {"model_sha256": "0" * 64}))
    assert "another version" in assay.refuses(*run)
    beside.write_text("{}")
    assert "alone.int8.json" in assay.refuses(*run)
