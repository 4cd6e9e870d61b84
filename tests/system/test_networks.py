"""Detectors of which no files are at hand (tests/networks): recognised, run by the native engine, refused by name."""
import importlib.util
import json
import pathlib
import sys

import pytest

NETWORKS = pathlib.Path(__file__).parent.parent / "networks"


@pytest.fixture(scope="module")
def networks():
    pytest.importorskip("numpy")
    sys.path.insert(0, str(NETWORKS))
    spec = importlib.util.spec_from_file_location("check", NETWORKS / "check.py")
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    sys.path.remove(str(NETWORKS))
    return check


@pytest.fixture
def write(networks, tmp_path):
    (tmp_path / "picture.png").write_bytes(networks.picture(5))

    def write(name):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(networks.yolo.NETWORKS[name].file(networks.SIDE))
        return path

    return write


def detections(path):
    frames = [json.loads(line) for line in path.read_text().splitlines()]
    return [d for line in frames if line["type"] == "frame" for d in line["detections"]]


def detect(assay, model, engine, *more):
    out = model.with_suffix(f".{engine}.jsonl")
    done = assay.ok("detect", model.parent / "picture.png", "--model", model, "--engine", engine, "--out", out,
                    *more, env={"XDG_CACHE_HOME": str(model.parent)})
    return detections(out), done.stderr


@pytest.mark.parametrize("name, head, words", [
    ("yolov7", "yolov5", "three boxes for each cell"),
    ("yolov7-nms", "end-to-end", "YOLOv7's end-to-end export"),
    ("yolov9t", "yolov8", "a column for each cell"),
    ("yolov9c-dual", "yolov8", "'output1' [1,84,525]: a column for each cell"),
    ("yolov10n", "end-to-end", "behind TopK"),
    ("yolov10n-plain", "end-to-end", "behind TopK"),
    ("yolov10b", "end-to-end", "the metadata says end-to-end"),
    ("yolo12n", "yolov8", "a column for each cell"),
])
def test_the_head_is_recognised(assay, write, tmp_path, name, head, words):
    assay.ok("model", "inspect", write(name), "--json", tmp_path / "model.json")
    said = json.loads((tmp_path / "model.json").read_text())
    assert said["head"] == head and words in "\n".join(said["why"])


@pytest.mark.parametrize("name, sure", [("yolov7", 0.05), ("yolov9c-dual", 0.3), ("yolov10n-plain", 0.3),
                                        ("yolo12n-turbo", 0.3)])
def test_both_engines_find_the_same(assay, write, name, sure):
    if "ONNX Runtime" not in assay.run("doctor").stdout:
        pytest.skip("no ONNX Runtime")
    model = write(name)
    ours, theirs = (detect(assay, model, engine, "--confidence", sure)[0] for engine in ("native", "onnxruntime"))
    assert len(ours) == len(theirs) > 0
    for a, b in zip(ours, theirs):
        assert a["class_id"] == b["class_id"]
        assert a["confidence"] == pytest.approx(b["confidence"], abs=1e-4)
        assert a["bounding_box"] == pytest.approx(b["bounding_box"], abs=0.01)


@pytest.mark.parametrize("name, operator", [("yolov7-nms", "NonMaxSuppression"), ("unknown", "Einsum")])
def test_what_the_native_engine_lacks_goes_to_the_other_whole(assay, write, networks, name, operator):
    if "ONNX Runtime" not in assay.run("doctor").stdout:
        pytest.skip("no ONNX Runtime")
    model = write("yolo12n" if name == "unknown" else name)
    if name == "unknown":  # an operator that is in ONNX and not in our tables, in the place of the last addition
        network = networks.yolo.NETWORKS["yolo12n"]
        model.write_bytes(with_einsum(networks, network))
    refused = assay.run("detect", model.parent / "picture.png", "--model", model, "--engine", "native", "--out",
                        model.parent / "none.jsonl")
    assert refused.returncode == 2 and f"operator {operator} '" in refused.stderr
    found, said = detect(assay, model, "auto")
    assert f"operator {operator} '" in said and "ONNX Runtime" in said
    assert found == detect(assay, model, "onnxruntime")[0]


def with_einsum(networks, network):
    build = networks.yolo.networks.Net(networks.SIDE, network.opset, metadata=network.metadata)
    halves = build.halves

    def halves_by_einsum(x):
        if len(build.shape[x]) == 3:
            x = build.node("Einsum", [x], build.shape[x], equation="abc->abc")
        return halves(x)

    build.halves = halves_by_einsum
    network.build(build, network.size, 80, network.form)
    return build.file()


@pytest.mark.parametrize("name", ["yolov7-maps", "yolov7-channels"])
def test_maps_without_a_grid_are_refused_with_the_remedy(assay, write, name):
    done = assay.run("model", "inspect", write(name))
    assert done.returncode == 2 and "--grid" in done.stderr and "--anchors" in done.stderr


@pytest.mark.parametrize("name, more", [
    ("yolov7-maps", ["--anchors", "yolov7-tiny"]),
    ("yolov7-maps", ["--anchors", "10,13,16,30,33,23; 30,61,62,45,59,119; 116,90,156,198,373,326"]),
    ("yolov7-planes", ["--anchors", "yolov5"]),
    ("yolov7-channels", ["--anchors", "yolov7-tiny"]),
    ("yolov7-sigmoid", ["--anchors", "yolov7-tiny", "--head", "yolov5"]),
    ("yolov7-anchors", []),
])
def test_maps_with_anchors_give_the_boxes_of_the_grid(assay, write, name, more):
    wanted = detect(assay, write("yolov7-rows"), "native", "--confidence", 0.05)[0]
    found = detect(assay, write(name), "native", "--confidence", 0.05, *more)[0]
    assert len(found) == len(wanted) > 10
    for a, b in zip(found, wanted):
        assert a["class_id"] == b["class_id"]
        assert a["confidence"] == pytest.approx(b["confidence"], abs=1e-5)
        assert a["bounding_box"] == pytest.approx(b["bounding_box"], abs=1e-3)


@pytest.mark.parametrize("name, anchors, words", [
    ("yolov7-maps", "10,13,16", "--anchors has 3 numbers; 3 maps [1,3,20,20,85] with 3 boxes a cell want 18"),
    ("yolov7-maps", "yolov7-p6", "--anchors has 24 numbers"),
    ("yolov7-channels", "1,2,3,4,5,6,7,8,9,10,11,12", "want 18"),
    ("yolov7-maps", "10,wide", "--anchors: 'wide' is no size"),
    ("yolov7-maps", "10,-3", "--anchors: '-3' is no size"),
    ("yolov7-maps", "1," * 81, "more than 80 numbers"),
    ("yolov7-rows", "yolov7", "--anchors is for raw maps, head yolov5 has its boxes"),
])
def test_anchors_that_do_not_fit_are_refused(assay, write, name, anchors, words):
    done = assay.run("model", "inspect", write(name), "--anchors", anchors)
    assert done.returncode == 2 and words in done.stderr
