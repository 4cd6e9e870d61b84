"""What `evaluate` and `validate` judge alike: the same options, the same figures, and tables of classes and objects."""
import csv
import json

import pytest

REQUESTS = ["--conventions", "all", "--confusion-matrix", "--slice-by", "size,time", "--tracking", "--temporal",
            "--map", "person=pedestrian", "--classes", "pedestrian", "--roi", "0,0,400,576", "--ignore-region",
            "0,0,60,60", "--region-point", "bottom-centre"]


def table(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def number(text):
    return float(text) if text else None


@pytest.fixture(scope="module")
def both(assay, data, tmp_path_factory):
    """The outputs of one run, judged while it ran and afterwards."""
    folder = tmp_path_factory.mktemp("judging")
    case = data / "video_with_gt/vtest_PETS09-S2L1"
    texts = []
    for name in ("validate", "evaluate"):
        out = folder / name
        out.mkdir()
        source = [case / "vtest.mp4", "--model", data / "models/FastestDet_352.onnx", "--max-frames", "40", "--out",
                  folder / "kept.jsonl"] if name == "validate" else ["--detections", folder / "kept.jsonl"]
        texts.append(assay.ok(name, *source, "--truth", case / "gt.coco.json", *REQUESTS, "--json", out / "metrics.json",
                              "--csv-classes", out / "classes.csv", "--csv-objects", out / "objects.csv",
                              "--save-thresholds", out / "thresholds.txt").stdout)
    return folder, texts


def test_validate_says_what_evaluate_says(both):
    folder, (one, two) = both
    head, figures = two.split("\n", 1)
    assert head.startswith("detections ") and one.split("\n", 1)[1].endswith(figures.split("\n", 1)[1])
    for name in ("classes.csv", "objects.csv", "thresholds.txt"):
        assert (folder / "validate" / name).read_bytes() == (folder / "evaluate" / name).read_bytes(), name
    metrics = [json.loads((folder / name / "metrics.json").read_text()) for name in ("validate", "evaluate")]
    assert metrics[0]["settings"].pop("detect")
    for m in metrics:
        for name in ("source", "model", "detections"):
            m.pop(name, None)
    assert metrics[0] == metrics[1]
    assert metrics[0]["settings"]["map"] == ["person=pedestrian"]
    assert metrics[0]["classes"][0]["label"] == "pedestrian" and metrics[0]["classes"][0]["truths"] > 50


def test_table_of_classes_holds_the_metrics_file(both):
    folder, _ = both
    metrics = json.loads((folder / "evaluate/metrics.json").read_text())
    rows = table(folder / "evaluate/classes.csv")
    assert [(r["scope"], r["name"]) for r in rows[:2]] == [("all", ""), ("class", "pedestrian")]
    assert [(r["scope"], r["name"]) for r in rows[2:]] == [(s["by"], s["value"]) for s in metrics["slices"]]
    for row, own in ((rows[0], metrics), (rows[1], metrics["classes"][0])):
        coco = own.get("coco", own)
        for name in ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"):
            assert number(row[name]) == coco[name], name
        for name, value in own["operating_point"].items():
            assert number(row[name]) == value
        for name, value in own["best_f1"].items():
            assert number(row[f"best_f1_{name}"]) == value
    assert number(rows[1]["voc07_AP50"]) == metrics["conventions"]["voc07"]["classes"][0]["AP50"]
    assert number(rows[0]["ultralytics_AP"]) == metrics["conventions"]["ultralytics"]["AP"]
    tracks = metrics["tracking"]
    for name, value in tracks["overall"].items():
        if name != "alphas":
            assert number(rows[0][f"tracking_{name}"]) == value == number(rows[1][f"tracking_{name}"]), name
    times = metrics["temporal"]["overall"]
    assert number(rows[0]["temporal_recall"]) == times["recall"]
    assert number(rows[1]["temporal_latency_ms_p95"]) == times["latency_ms"]["p95"]
    assert number(rows[0]["temporal_misses_in_a_row_longest"]) == times["misses_in_a_row"]["longest"]
    small = next(r for r in rows if r["name"] == "small")
    assert small["false_positives"] == "" and small["precision"] == "" # a part of the truths has none


def test_table_of_objects_adds_up(both):
    folder, _ = both
    point = json.loads((folder / "evaluate/metrics.json").read_text())["operating_point"]
    rows = table(folder / "evaluate/objects.csv")
    count = {kind: sum(r["outcome"] == kind for r in rows) for kind in ("TP", "FP", "FN", "ignored")}
    assert count["TP"] == point["true_positives"] > 0
    assert count["FP"] == point["false_positives"] and count["FN"] == point["false_negatives"]
    assert count["ignored"] > 0 and len(rows) == sum(count.values())
    for r in rows:
        has_truth, has_detection = bool(r["truth_width"]), bool(r["detection_width"])
        assert (has_truth, has_detection) == {"TP": (True, True), "FP": (False, True), "FN": (True, False)}.get(
            r["outcome"], (has_truth, has_detection))
        assert bool(r["confidence"]) == has_detection and bool(r["iou"]) == (r["outcome"] == "TP")
        assert r["pts_us"] == str(int(r["frame"]) * 100000) # 10 pictures a second
        if r["outcome"] == "TP":
            assert float(r["iou"]) >= .5 and float(r["confidence"]) >= .25 and int(r["truth_track_id"]) >= 0
            a, b = ([float(r[f"{side}_{k}"]) for k in ("x", "y", "width", "height")] for side in ("truth", "detection"))
            w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
            h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
            assert abs(w * h / (a[2] * a[3] + b[2] * b[3] - w * h) - float(r["iou"])) < 1e-9


def test_texts_of_strangers_in_tables(assay, tmp_path):
    truth, found = tmp_path / "truth.json", tmp_path / "found.json"
    truth.write_text(json.dumps({
        "images": [{"id": "=im,1", "file_name": "-a.jpg", "attributes": {"sky": "=dark;low"}}],
        "categories": [{"id": 1, "name": "=1+1"}, {"id": 2, "name": "@b\"c"}],
        "annotations": [{"id": 7, "image_id": "=im,1", "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100,
                         "attributes": {"+x": "a\tb"}, "occluded": True},
                        {"id": 8, "image_id": "=im,1", "category_id": 2, "bbox": [50, 0, 10, 10], "area": 100}]}))
    found.write_text(json.dumps([{"image_id": "=im,1", "category_id": 1, "bbox": [0, 0, 10, 10], "score": .9}]))
    classes, objects = tmp_path / "classes.csv", tmp_path / "objects.csv"
    assay.ok("evaluate", "--truth", truth, "--detections", found, "--csv-classes", classes, "--csv-objects", objects)
    assert [r["name"] for r in table(classes)] == ["", "'=1+1", "'@b\"c"]
    first, second = table(objects)
    assert (first["label"], first["file"], first["image_id"], first["outcome"]) == ("'=1+1", "'-a.jpg", "'=im,1", "TP")
    assert first["picture_attributes"] == "sky=\\=dark\\;low" and first["truth_id"] == "7"
    assert first["truth_attributes"].startswith("'+x=a") and second["outcome"] == "FN"
    for r in table(classes) + table(objects):
        assert not [c for n, c in r.items() if c[:1] in tuple("=+@\t\r") or (c[:1] == "-" and not number(c))]


def test_outputs_are_not_confused(assay, data, tmp_path):
    case = data / "detection/bdd100k_8videos"
    run = ["evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json"]
    out = tmp_path / "out"
    assert "--json and --csv-objects name the same file" in assay.refuses(*run, "--json", out, "--csv-objects", out)
    assert "--csv-classes and --csv-objects" in assay.refuses(*run, "--csv-classes", "-", "--csv-objects", "-")
    assert "would overwrite" in assay.refuses(*run, "--csv-objects", case / "dt.json", status=2)
    assert not out.exists()
    done = assay.ok(*run, "--csv-classes", "-")
    assert done.stdout.startswith("scope,name,truths,") and "notice" not in done.stdout
    assert len(done.stdout.splitlines()) == 2 + len({c["id"] for c in json.loads((case / "gt.json").read_text())["categories"]})
