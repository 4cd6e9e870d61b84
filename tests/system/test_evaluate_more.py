"""`assay evaluate` beyond COCO: conventions, confusions, slices, joined labels, regions, thresholds."""
import json
import math

import pytest

PADILLA = {0.1: (.3371980676, .3333333333), 0.3: (.2456866804, .2683982683), 0.5: (.0222222222, .0303030303),
           0.75: (0, 0)}


@pytest.mark.parametrize("iou", PADILLA)
def test_padilla_voc(assay, data, iou):
    case = data / "detection/padilla_voc_7images"
    got = json.loads(assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json",
                              "--iou-thresholds", str(iou), "--conventions", "voc,voc07", "--inclusive-boxes",
                              "--json", "-").stdout)
    assert abs(got["conventions"]["voc"]["AP"] - PADILLA[iou][0]) <= 1e-10
    assert abs(got["conventions"]["voc07"]["AP"] - PADILLA[iou][1]) <= 1e-10


def test_differences_add_up(assay, data):
    case = data / "detection/coco_val2014_fakebbox100"
    got = json.loads(assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json",
                              "--conventions", "all", "--json", "-").stdout)
    conventions = got["conventions"]
    assert list(conventions) == ["coco", "voc07", "voc", "ultralytics"]
    for name in ("AP", "AP50", "AP75"):
        assert abs(conventions["coco"][name] - got["coco"][name]) < 1e-12
    for one in conventions.values():
        for name in ("AP", "AP50"):
            total = sum(c[name] for c in one["differences_from_coco"] if c["in_use"])
            assert abs(got["coco"][name] + total - one[name]) < 1e-12
    text = assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json",
                    "--conventions", "all").stdout
    assert "ultralytics less coco" in text and "interpolation" in text


def test_mot17det_removes_what_looks_like_people(assay, tmp_path):
    """On a pedestrian, a visible car, a hidden car, a static person, and beside a pedestrian that was missed."""
    rows = [(1, 1, 1), (2, 3, 1), (3, 3, .2), (4, 7, 1), (5, 1, 1)]  # id, class, visibility
    truth, found = tmp_path / "gt.txt", tmp_path / "det.txt"
    truth.write_text("".join(f"1,{i},{i * 100},10,40,80,1,{k},{v}\n" for i, k, v in rows))
    found.write_text("".join(f"1,-1,{i * 100 + 4 * (i == 1)},10,40,80,.{9 - i}\n" for i in (1, 2, 3, 4)))
    got = json.loads(assay.ok("evaluate", "--truth", truth, "--detections", found, "--mot17det", "--json", "-").stdout)
    m = got["mot17det"]
    assert (m["truths"], m["removed"], m["true_positives"], m["false_positives"], m["false_negatives"]) == (2, 2, 1, 1, 1)
    assert abs(m["MODP"] - 36 / 44) < 1e-12 and m["MODA"] == 0 and m["recall"] == m["precision"] == .5


def test_matrix_counts_everything_once(assay, data):
    case = data / "detection/bdd100k_8videos"
    got = json.loads(assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json",
                              "--confusion-matrix", "--json", "-").stdout)
    matrix = got["confusion_matrix"]
    truths = [c["truths"] for c in got["classes"]]
    assert matrix["labels"][:-1] == [c["label"] for c in got["classes"]]
    by_truth = matrix["supervision"]["counts"]
    by_detection = matrix["ultralytics"]["counts"]
    assert [sum(row) for row in by_truth[:-1]] == truths
    assert [sum(column) for column in zip(*by_detection)][:-1] == truths
    found = json.loads((case / "dt.json").read_text())
    above = sum(d["score"] > 0.3 for d in found)
    assert sum(map(sum, zip(*by_truth))) - sum(r[-1] for r in by_truth) == \
        above - matrix["supervision"]["detections_on_ignored"]


def test_slices_of_videos_add_up(assay, data):
    case = data / "detection/bdd100k_8videos"
    got = json.loads(assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json",
                              "--slice-by", "video,size,class", "--json", "-").stdout)
    for by in ("video", "class"):
        rows = [s for s in got["slices"] if s["by"] == by]
        for name in ("true_positives", "false_positives", "false_negatives"):
            assert sum(s[name] for s in rows) == got["operating_point"][name]
    sizes = {s["value"]: s for s in got["slices"] if s["by"] == "size"}
    for name, value in (("APs", "small"), ("APm", "medium"), ("APl", "large")):
        assert sizes[value]["AP"] == got["coco"][name]
        assert sizes[value]["precision"] is None
    assert "light" not in assay.refuses("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json",
                                        "--slice-by", "weather").split("there are")[0]


def test_join_region_and_thresholds(assay, data, tmp_path):
    case = data / "detection/bdd100k_8videos"
    thresholds = tmp_path / "thresholds.txt"
    got = json.loads(assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json",
                              "--map", "truck,bus=heavy", "--save-thresholds", thresholds, "--json", "-").stdout)
    classes = {c["label"]: c for c in got["classes"]}
    plain = json.loads(assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json",
                                "--json", "-").stdout)
    before = {c["label"]: c for c in plain["classes"]}
    assert "truck" not in classes and "bus" not in classes
    assert classes["heavy"]["truths"] == before["truck"]["truths"] + before["bus"]["truths"]
    lines = dict(line.rsplit("=", 1) for line in thresholds.read_text().splitlines() if not line.startswith("#"))
    assert "heavy" not in lines and lines["truck"] == lines["bus"]
    for label in ("car", "pedestrian"):
        assert float(lines[label]) == classes[label]["best_f1"]["confidence"]
        assert math.isclose(classes[label]["best_f1"]["f1"], before[label]["best_f1"]["f1"])
    left = json.loads(assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json",
                               "--roi", "0,0,640,720", "--json", "-").stdout)
    right = json.loads(assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json",
                                "--ignore-region", "0,0,640,720", "--json", "-").stdout)
    # Together they are everything; what stands on the line is in both or in one, by the edge rule.
    total = left["objects"]["truths"] + right["objects"]["truths"]
    assert plain["objects"]["truths"] == total
    assert left["settings"]["roi"] == "0,0,640,720" and left["settings"]["region_point"] == "centre"
    assert got["settings"]["map"] == ["truck,bus=heavy"] and "map" not in plain["settings"]
    assert any("regions" in n for n in left["notices"])


@pytest.mark.parametrize("option,value,says", [
    ("--conventions", "coco,pascal", "'pascal'"), ("--roi", "1,2,3", "'1,2,3'"), ("--map", "car", "'car'"),
    ("--slice-by", "colour", "'colour'"), ("--confusion-iou", "2", "confusion-iou")])
def test_refusals(assay, data, option, value, says):
    case = data / "detection/torchmetrics_map"
    assert says in assay.refuses("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json", option,
                                 value)
