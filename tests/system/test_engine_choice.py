"""`--engine auto`: which engine runs a model is settled before the first line goes out, and stays so."""
import json

import pytest


@pytest.fixture
def model(assay, data):
    """Its quantised values are rounded by ONNX Runtime and not by us: on some pictures sure rows come out otherwise."""
    if "ONNX Runtime" not in assay.run("doctor").stdout:
        pytest.skip("no ONNX Runtime")
    return data / "models/yolo26n_int8_640_e2e.onnx"


def lines(path):
    """All but what the clock says."""
    kept = []
    for line in path.read_text().splitlines():
        line = json.loads(line)
        kept.append({k: v for k, v in line.items() if k not in ("seconds", "frames_per_second")})
    return kept


def detect(assay, folder, cache, model, *arguments):
    env = {"XDG_CACHE_HOME": str(cache), "HOME": str(cache)}
    said = assay.ok("detect", *arguments, "--model", model, "--out", folder, env=env).stderr
    return said


def verdict(cache):
    return (cache / "assay/engines").read_text().split()[-1]


@pytest.mark.parametrize("threads", (1, 2))
def test_the_second_run_gives_the_first_ones_lines(assay, data, model, tmp_path, threads):
    # The first picture agrees, the second does not: what was found in the first must not stay the native engine's.
    arguments = (data / "photos", "--threads", threads)
    said = detect(assay, tmp_path / "first.jsonl", tmp_path / "cache", model, *arguments)
    assert "the native engine differs" in said and verdict(tmp_path / "cache") == "onnxruntime"
    said = detect(assay, tmp_path / "second.jsonl", tmp_path / "cache", model, *arguments)
    assert "differs" not in said
    first, second = lines(tmp_path / "first.jsonl"), lines(tmp_path / "second.jsonl")
    assert sum(len(line.get("detections", ())) for line in first if line["type"] == "frame") > 4
    assert first == second
    assert "ONNX Runtime" in json.dumps(first[0])  # the header names the one that ran
    detect(assay, tmp_path / "plain.jsonl", tmp_path / "cache", model, *arguments, "--engine", "onnxruntime")
    frames = [line for line in lines(tmp_path / "plain.jsonl") if line["type"] == "frame"]
    assert frames == [line for line in first if line["type"] == "frame"]


def test_the_first_source_settles_it_for_all(assay, data, model, tmp_path):
    # The clip's three pictures agree, so that the folder's, which would not, are the native engine's as well.
    clip = data / "video_plain/pedestrians_640x360.mp4"
    arguments = (clip, data / "photos/zidane.jpg", data / "photos/bus.jpg", "--max-frames", 4, "--side-by-side", 3)
    out = {}
    for run in ("first", "second"):
        folder = tmp_path / run
        detect(assay, folder, tmp_path / "cache", model, *arguments)
        assert verdict(tmp_path / "cache") == "native"
        out[run] = {p.name: lines(p) for p in sorted(folder.iterdir())}
    assert len(out["first"]) == 3 and out["first"] == out["second"]
    assert all("native" in json.dumps(file[0]) for file in out["first"].values())


def test_nothing_is_remembered_of_pictures_that_prove_nothing(assay, data, tmp_path):
    black = tmp_path / "black.y4m"
    black.write_bytes(b"YUV4MPEG2 W352 H352 F25:1 Ip A1:1 C420jpeg\n" + 4 * (b"FRAME\n" + 352 * 352 * b"\0" + 2 * 176 * 176 * b"\x80"))
    detect(assay, tmp_path / "out.jsonl", tmp_path / "cache", data / "models/FastestDet_352.onnx", black)
    assert not (tmp_path / "cache/assay/engines").exists()
    detect(assay, tmp_path / "out.jsonl", tmp_path / "cache", data / "models/FastestDet_352.onnx", data / "photos/bus.jpg")
    assert verdict(tmp_path / "cache") == "native"
