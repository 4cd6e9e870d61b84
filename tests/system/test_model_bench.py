"""`model bench`: rows that add up, errors that name what is wrong."""
import json
import math
import re

import sanitizer


def test_rows(assay, data, tmp_path):
    out = tmp_path / "bench.json"
    done = assay.ok("model", "bench", data / "models/FastestDet_352.onnx", "--json", out, "--repeat", 5, "--threads", 3)
    assert "pictures/s" in done.stdout and "of peak" in done.stdout
    report = json.loads(out.read_text())
    ways = [(row["engine"], row["precision"]) for row in report["rows"]]
    assert ways[:4] == [("onnxruntime", "fp32")] * 2 + [("native", "fp32")] * 2
    assert set(ways[4:]) <= {("native", "bf16")}  # where this CPU has it
    assert [row["workers"] for row in report["rows"]] == [1, 3] * (len(ways) // 2)
    for row in report["rows"]:
        assert set(row) == {"engine", "precision", "threads", "workers", "milliseconds", "pictures_per_second", "share_of_peak", "resident_bytes"}
        assert 0 < row["share_of_peak"] < (math.inf if sanitizer.name else 1.1)  # of what the inner loop, which a sanitizer slows, reaches; noise aside
        assert row["threads"] == 1
        ms = row["milliseconds"]
        assert 0 < ms["min"] <= ms["median"] <= ms["max"]
        assert row["resident_bytes"] > 10e6
    alone = report["rows"][0]
    assert alone["pictures_per_second"] <= 1000 / alone["milliseconds"]["min"] * 1.05


def test_json_alone_on_standard_output(assay, data):
    done = assay.ok("model", "bench", data / "models/FastestDet_352.onnx", "--json", "-", "--repeat", 1, "--threads", 1,
                    "--engine", "native", "--precision", "fp32")
    rows = json.loads(done.stdout)["rows"]
    assert [(row["engine"], row["precision"]) for row in rows] == [("native", "fp32")]


def test_what_each_step_costs(assay, data):
    done = assay.ok("model", "bench", data / "models/FastestDet_352.onnx", "--profile", "--engine", "native", "--precision", "fp32", "--repeat", 2)
    steps = re.findall(r"^ *([\d.]+) us  (\S+) .* <- .*'$", done.stdout.split("steps of the native engine, fp32")[1], re.M)
    assert len(steps) > 50 and sum(kind == "conv" for _, kind in steps) > 40 and all(float(us) > 0 for us, kind in steps if kind == "conv")
    assert "--profile" in assay.refuses("model", "bench", data / "models/FastestDet_352.onnx", "--profile", "--json", "-")


def test_what_is_missing_is_said(assay, data):
    model = data / "models/FastestDet_352.onnx"
    assert "scripts/install-deps" in assay.refuses("model", "bench", model, "--engine", "onnxruntime", status=3,
                                                   env={"ASSAY_ONNXRUNTIME": "/nonexistent"})
    openvino = assay.run("model", "bench", model, "--device", "openvino", "--repeat", 1)
    assert openvino.returncode == 0 or (openvino.returncode == 3 and "providers_openvino" in openvino.stderr)
    detr = data / "models/deimv2_atto_coco_int8.onnx"
    assert "operator Slice '/backbone/stem/Slice'" in assay.refuses("model", "bench", detr, "--engine", "native")
    assert "bf16" in assay.refuses("model", "bench", model, "--engine", "onnxruntime", "--precision", "bf16")
    assert "FILE" in assay.refuses("model", "bench")
    assert "--imgsz" in assay.refuses("model", "bench", data / "models/yolov5n_fp16.onnx", "--imgsz", 320)  # made for 640
    assert "Git-LFS" in assay.refuses("model", "bench", data / "models_hostile/lfs_pointer_yolox.onnx")
