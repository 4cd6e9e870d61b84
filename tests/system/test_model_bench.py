"""`model bench`: rows that add up, errors that name what is wrong."""
import json


def test_rows(assay, data, tmp_path):
    out = tmp_path / "bench.json"
    done = assay.ok("model", "bench", data / "models/FastestDet_352.onnx", "--json", out, "--repeat", 5, "--threads", 3)
    assert "pictures/s" in done.stdout
    report = json.loads(out.read_text())
    assert [row["workers"] for row in report["rows"]] == [1, 3]
    for row in report["rows"]:
        assert set(row) == {"engine", "precision", "threads", "workers", "milliseconds", "pictures_per_second", "resident_bytes"}
        assert (row["engine"], row["precision"], row["threads"]) == ("onnxruntime", "fp32", 1)
        ms = row["milliseconds"]
        assert 0 < ms["min"] <= ms["median"] <= ms["max"]
        assert row["resident_bytes"] > 10e6
    alone = report["rows"][0]
    assert alone["pictures_per_second"] <= 1000 / alone["milliseconds"]["min"] * 1.05


def test_json_alone_on_standard_output(assay, data):
    done = assay.ok("model", "bench", data / "models/FastestDet_352.onnx", "--json", "-", "--repeat", 1, "--threads", 1)
    assert len(json.loads(done.stdout)["rows"]) == 1


def test_what_is_missing_is_said(assay, data):
    model = data / "models/FastestDet_352.onnx"
    assert "scripts/install-deps" in assay.refuses("model", "bench", model, status=3, env={"ASSAY_ONNXRUNTIME": "/nonexistent"})
    openvino = assay.run("model", "bench", model, "--device", "openvino", "--repeat", 1)
    assert openvino.returncode == 0 or (openvino.returncode == 3 and "providers_openvino" in openvino.stderr)
    assert "not in this build" in assay.refuses("model", "bench", model, "--engine", "native")
    assert "bf16" in assay.refuses("model", "bench", model, "--precision", "bf16")
    assert "FILE" in assay.refuses("model", "bench")
    assert "--imgsz" in assay.refuses("model", "bench", data / "models/yolov5n_fp16.onnx", "--imgsz", 320)  # made for 640
    assert "Git-LFS" in assay.refuses("model", "bench", data / "models_hostile/lfs_pointer_yolox.onnx")
