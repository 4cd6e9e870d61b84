"""`--temporal`, `--events` and `--truth-mistakes` as a user asks for them; docs/TIME.md has the rules."""
import json

import pytest

N, STEP_US = 40, 100000  # ten pictures a second


def write(folder, appears=0, late=0, height=40, step=30, with_times=True, ids=True):
    """One person who walks; the detector sees her *appears* pictures after she came, each box *late* pictures late."""
    truth = {"images": [{"id": i + 1, "frame": i, **({"pts_us": i * STEP_US} if with_times else {})} for i in range(N)],
             "categories": [{"id": 1, "name": "person"}], "annotations": []}
    found = []
    for i in range(5, N):
        box = [10 + step * i, 50, 20, height]
        truth["annotations"].append({"id": i, "image_id": i + 1, "category_id": 1, "bbox": box, "area": 20 * height,
                                     **({"track_id": 7} if ids else {})})
        if i >= 5 + appears and i + late < N:
            found.append({"image_id": i + late + 1, "category_id": 1, "bbox": box, "score": .9})
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "found.json").write_text(json.dumps(found))
    return ["--truth", folder / "truth.json", "--detections", folder / "found.json"]


def temporal(assay, *arguments):
    return json.loads(assay.ok("evaluate", *arguments, "--temporal", "--json", "-").stdout)["temporal"]


def test_latency_and_threshold(assay, tmp_path):
    run = write(tmp_path, appears=3)
    got = temporal(assay, *run)["overall"]
    assert got["latency_ms"]["mean"] == got["latency_ms"]["p99"] == 300 and got["tracks_in_time"] == 0
    assert got["misses_in_a_row"]["longest"] == 3 and got["misses_in_a_row"]["longest_ms"] == 300
    assert temporal(assay, *run, "--latency-threshold-ms", "300")["overall"]["tracks_in_time"] == 1
    text = assay.ok("evaluate", *run, "--temporal").stdout
    assert "in time: IoU 0.5, confidence 0.25, tolerance 100 ms, latency up to 100 ms" in text
    never = temporal(assay, *run, "--at-confidence", "0.95")["overall"]
    assert never["tracks_never_detected"] == 1 and never["latency_ms"]["mean"] is None


@pytest.mark.parametrize("late,tolerance,found", [(0, "0", 35), (1, "0", 0), (1, "100", 34), (2, "100", 0), (2, "200", 33)])
def test_recall_within_a_tolerance(assay, tmp_path, late, tolerance, found):
    got = temporal(assay, *write(tmp_path, late=late), "--tolerance-ms", tolerance)["overall"]
    assert (got["found"], got["late"]) == (found, found if late else 0)
    assert got["recall"] == pytest.approx(found / 35)


def test_times_are_never_made_up(assay, tmp_path):
    run = write(tmp_path, with_times=False)
    got = temporal(assay, *run)
    assert got["has_data"] is False and got["overall"] is None
    assert temporal(assay, *run, "--fps", "10")["overall"]["latency_ms"]["mean"] == 0
    without = temporal(assay, *write(tmp_path, ids=False))["overall"]
    assert without["tracks"] == 0 and without["latency_ms"]["mean"] is None and without["found"] == 35


def test_what_is_visible_yet(assay, data, tmp_path):
    run = write(tmp_path, height=30)
    assert temporal(assay, *run, "--min-height", "30")["overall"]["truths"] == 35
    assert temporal(assay, *run, "--min-height", "31")["overall"]["truths"] == 0
    truth, found = tmp_path / "gt.txt", tmp_path / "found.txt"
    truth.write_text("".join(f"{i},1,{20 * i},10,20,40,1,1,{i / 20}\n" for i in range(1, 21)))
    found.write_text("".join(f"{i},-1,{20 * i},10,20,40,0.9,-1,-1,-1\n" for i in range(1, 21)))
    run = ["--truth", truth, "--detections", found, "--fps", "10"]
    assert temporal(assay, *run)["overall"]["truths"] == 20
    assert temporal(assay, *run, "--min-visibility", "0.5")["overall"]["truths"] == 11


def test_mistakes_and_a_further_model(assay, tmp_path):
    run = write(tmp_path, step=2)
    truth = json.loads((tmp_path / "truth.json").read_text())
    truth["annotations"] = [a for a in truth["annotations"] if not 12 <= a["id"] <= 24]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    mistakes = json.loads(assay.ok("evaluate", *run, "--truth-mistakes", "3", "--json", "-").stdout)["truth_mistakes"]
    first = mistakes["items"][0]
    assert (first["kind"], first["label"], first["pictures"], first["models"]) == ("missing_truth", "person", 13, 1)
    assert first["places"][0]["frame"] == 12 and first["places"][-1]["frame"] == 24
    (tmp_path / "blind.json").write_text("[]")
    doubted = json.loads(assay.ok("evaluate", *run, "--truth-mistakes", "3", "--against", tmp_path / "blind.json",
                                  "--json", "-").stdout)["truth_mistakes"]["items"][0]
    assert doubted["evidence"] < first["evidence"]
    assert "missing_truth" in assay.ok("evaluate", *run, "--truth-mistakes", "1").stdout


def test_lists_of_events(assay, tmp_path):
    truth, found = tmp_path / "truth.csv", tmp_path / "found.json"
    truth.write_text("label,time_ms\nbrake,1000\n\"left, now\",2000\nbrake,9000\n")
    found.write_text(json.dumps({"events": [{"label": "brake", "time_s": 1.05, "confidence": .9},
                                            {"label": "brake", "time_s": 9.0, "confidence": .1},
                                            {"label": "left, now", "time_ms": 1980}]}))
    run = ["evaluate", "--events", "--truth", truth, "--detections", found]
    got = json.loads(assay.ok(*run, "--json", "-").stdout)["temporal"]
    assert (got["overall"]["found"], got["overall"]["late"], got["overall"]["early"], got["below_confidence"]) == (2, 1, 1, 1)
    assert got["overall"]["bias_ms"] == 15 and got["overall"]["recall"] == pytest.approx(2 / 3)
    assert json.loads(assay.ok(*run, "--tolerance-ms", "20", "--json", "-").stdout)["temporal"]["overall"]["found"] == 1
    assert "no column label" not in assay.ok(*run).stdout
    truth.write_text("when,what\n1,2\n")
    assert "not a list of events" in assay.refuses(*run)
    assert "list of timed events" in assay.refuses("evaluate", "--truth", found, "--detections", found)


def test_boxes_as_events(assay, data, tmp_path):
    """Truth's tracks against what a detector's file shows, as .jsonl and as .csv."""
    case = data / "video_with_gt/vtest_PETS09-S2L1"
    for ending in ("jsonl", "csv"):
        assay.ok("detect", case / "vtest.mp4", "--model", data / "models/FastestDet_352.onnx", "--max-frames", "60",
                 "--classes", "person", "--track", "--out", tmp_path / f"found.{ending}")
    run = ["evaluate", "--events", "--truth", tmp_path / "found.jsonl", "--detections", tmp_path / "found.csv", "--json", "-"]
    got = json.loads(assay.ok(*run).stdout)["temporal"]["overall"]
    assert got["truths"] > 5 and got["found"] == got["detections"] and got["bias_ms"] == 0
    few = json.loads(assay.ok(*run, "--at-confidence", "0.8").stdout)["temporal"]["overall"]
    assert few["truths"] == got["truths"] and few["detections"] < got["detections"]
    assert "without presentation times" in assay.refuses("evaluate", "--events", "--truth", case / "gt.coco.json",
                                                         "--detections", tmp_path / "found.csv")
    write(tmp_path)
    (tmp_path / "list.csv").write_text("label,time_ms\nperson,560\n")
    got = json.loads(assay.ok("evaluate", "--events", "--truth", tmp_path / "truth.json", "--detections",
                              tmp_path / "list.csv", "--json", "-").stdout)["temporal"]["overall"]
    assert (got["truths"], got["found"], got["bias_ms"]) == (1, 1, 60)
