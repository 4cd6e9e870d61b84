"""`assay compare` and `assay gate`: noise does not fail a build, a real loss does."""
import json
import random
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

N_FRAMES = 300


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h) if w > 0 and h > 0 else 0


def without_points(truth, run, points, seed):
    """Lines of our detections without those that find *points* per cent of the truths."""
    boxes = {}
    for t in json.loads(truth.read_text())["annotations"]:
        if not t.get("iscrowd"):
            boxes.setdefault(t["image_id"] - 1, []).append(t["bbox"])  # picture 1 is frame 0
    n_lost = round(points / 100 * sum(map(len, boxes.values())))
    lines = [json.loads(line) for line in run.read_text().splitlines()]
    frames = {line["frame"]: line["detections"] for line in lines if line["type"] == "frame"}

    def box(d):
        return [d["bounding_box"][k] for k in ("x", "y", "width", "height")]

    seen = [(i, b) for i, bs in sorted(boxes.items()) for b in bs
            if any(d["confidence"] >= .25 and overlap(box(d), b) >= .5 for d in frames.get(i, []))]
    gone = set()
    for i, b in random.Random(seed).sample(seen, n_lost):
        gone |= {id(d) for d in frames[i] if overlap(box(d), b) >= .5}
    for line in lines:
        if line["type"] == "frame":
            line["detections"] = [d for d in line["detections"] if id(d) not in gone]
    return "\n".join(map(json.dumps, lines)) + "\n"


@pytest.fixture(scope="module")
def encoded_again(assay, data, tmp_path_factory):
    """One model over vtest.mp4 and over the same encoded again: the truth, both runs."""
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        pytest.skip("no ffmpeg")
    case = data / "video_with_gt/vtest_PETS09-S2L1"
    folder = tmp_path_factory.mktemp("again")
    again = folder / "again.mp4"
    subprocess.run([ffmpeg, "-v", "error", "-i", case / "vtest.mp4", "-an", "-c:v", "libx264", "-preset", "veryfast",
                    again], check=True)
    runs = []
    for source in (case / "vtest.mp4", again):
        runs.append(folder / f"{source.stem}.jsonl")
        assay.ok("detect", source, "--model", data / "models/yolox_nano_416.onnx", "--classes", "person",
                 "--confidence", "0.02", "--out", runs[-1])
    return case / "gt.coco.json", *runs


def test_encoding_again_does_not_fail_a_build(assay, encoded_again):
    truth, base, again = encoded_again
    frames = [[line for line in run.read_text().splitlines() if '"frame"' in line[:20]] for run in (base, again)]
    assert len(frames[0]) == len(frames[1]) == 795 and frames[0] != frames[1]
    # Encoding does cost half a point of recall, which is no noise: what a gate allows is a point.
    limits = ("recall=1%", "recall:person=1%", "map=1%", "map50=1%", "map75=1%", "f1=1%", "precision=1%")
    done = run_gate(assay, again, "--baseline", base, "--truth", truth, *(x for m in limits for x in ("--max-drop", m)))
    assert done.returncode == 0 and done.stdout.count("PASS") == len(limits), done.stdout


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_three_points_less_after_encoding_again_fail(assay, encoded_again, tmp_path, seed):
    truth, base, again = encoded_again
    worse = tmp_path / "worse.jsonl"
    worse.write_text(without_points(truth, again, 3, seed))
    for metric in ("recall=1%", "recall=2%"):
        done = run_gate(assay, worse, "--baseline", base, "--truth", truth, "--max-drop", metric)
        assert done.returncode == 1, (metric, done.stdout)


@pytest.fixture(scope="module")
def vtest(data, tmp_path_factory):
    """The reference run over vtest, and the same with 3 points less recall."""
    folder = data / "video_with_gt/vtest_PETS09-S2L1"
    truth, base = folder / "gt.coco.json", folder / "ref_dets_yolox_nano.json"
    detections = json.loads(base.read_text())
    boxes = {}
    for t in json.loads(truth.read_text())["annotations"]:
        if not t.get("iscrowd"):
            boxes.setdefault(t["image_id"], []).append(t["bbox"])
    n_lost = round(.03 * sum(map(len, boxes.values())))
    assert n_lost == round(.03 * 4476)
    of_picture = {}
    for d in detections:
        of_picture.setdefault(d["image_id"], []).append(d)
    seen = [(i, b) for i, bs in sorted(boxes.items()) for b in bs
            if any(d["score"] >= .25 and overlap(d["bbox"], b) >= .5 for d in of_picture.get(i, []))]
    gone = set()
    for i, b in random.Random(1).sample(seen, n_lost):
        gone |= {id(d) for d in of_picture[i] if overlap(d["bbox"], b) >= .5}
    worse = tmp_path_factory.mktemp("gate") / "worse.json"
    worse.write_text(json.dumps([d for d in detections if id(d) not in gone]))
    return truth, base, worse


def run_gate(assay, *arguments):
    return assay.run("gate", *arguments)


def test_three_points_less_recall_fail(assay, vtest, tmp_path):
    truth, base, worse = vtest
    junit, markdown = tmp_path / "gate.xml", tmp_path / "gate.md"
    done = run_gate(assay, worse, "--baseline", base, "--truth", truth, "--max-drop", "recall=1%", "--max-drop",
                    "recall:person=1%", "--min", "map50=0.6", "--junit", junit, "--markdown", markdown)
    assert done.returncode == 1, done.stderr
    suite = ET.parse(junit).getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    assert "# Gate: failed" in markdown.read_text()


def test_the_same_run_passes_its_own_gate(assay, vtest):
    truth, base, _ = vtest
    done = run_gate(assay, base, "--baseline", base, "--truth", truth, "--max-drop", "recall=0", "--max-drop", "map=0")
    assert done.returncode == 0, done.stdout


def test_comparison_names_what_was_lost(assay, vtest, tmp_path):
    truth, base, worse = vtest
    out = tmp_path / "c.json"
    options = ("--truth", truth, "--classes", "person", "--json")
    assay.ok("compare", base, worse, *options, out)
    got = json.loads(out.read_text())
    recall = got["figures"]["recall"]
    assert recall["beyond_noise"] and recall["high"] < -.015 and recall["low"] < recall["difference"] < recall["high"]
    lost = got["changed_sides"]["lost"]
    assert 100 <= lost <= 140 and got["changed_sides"]["found"] <= 3
    assert sum(o["frames"] for o in got["changed_sides"]["objects"] if o["side"] == "lost") == lost
    # Figures are those of evaluate.
    metrics = json.loads(assay.ok("evaluate", "--truth", truth, "--detections", base, "--classes", "person", "--json",
                                  "-").stdout)
    for name, value in [("AP", metrics["coco"]["AP"]), ("AP50", metrics["coco"]["AP50"]),
                        ("AP75", metrics["coco"]["AP75"]), ("AR", metrics["coco"]["AR100"])] + \
            [(n, metrics["operating_point"][n]) for n in ("precision", "recall", "f1")]:
        assert abs(got["figures"][name]["a"] - value) < 1e-12, name
    # The same seed, the same bytes.
    again = tmp_path / "again.json"
    assay.ok("compare", base, worse, *options, again)
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize("folder,cut", [("coco_val2014_fakebbox100", []), ("bdd100k_8videos", [])])
def test_figures_of_many_classes_are_those_of_evaluate(assay, data, folder, cut):
    case = data / "detection" / folder
    got = json.loads(assay.ok("compare", case / "dt.json", case / "dt.json", "--truth", case / "gt.json", "--resamples",
                              "100", "--json", "-").stdout)
    metrics = json.loads(assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json", "--json",
                                  "-").stdout)
    assert abs(got["figures"]["AP"]["a"] - metrics["coco"]["AP"]) < 1e-12
    labels = {c["label"]: c for c in metrics["classes"]}
    for c in got["classes"]:
        for name in ("AP", "AP50"):
            wanted = labels[c["label"]][name]
            assert (c["figures"][name]["a"] is None) == (wanted is None)
            assert wanted is None or abs(c["figures"][name]["a"] - wanted) < 1e-12
            assert c["figures"][name]["difference"] in (None, 0)


# ---- made runs: a detector whose luck differs, and hostile names


def made(tmp_path, name, label, wobble, seed):
    """Six people who walk; boxes that *wobble* by their own luck, as those of a re-encoded video do."""
    rng = random.Random(seed)
    truth = {"images": [{"id": i + 1, "width": 640, "height": 480, "frame": i} for i in range(N_FRAMES)],
             "categories": [{"id": 1, "name": label}], "annotations": []}
    detections = []
    for i in range(N_FRAMES):
        for k in range(6):
            box = [20 + 100 * k, 100 + i % 50, 40, 90]
            truth["annotations"].append({"id": len(truth["annotations"]) + 1, "image_id": i + 1, "category_id": 1,
                                         "bbox": box, "area": 3600, "iscrowd": 0, "track_id": k})
            if rng.random() < .85:
                detections.append({"image_id": i + 1, "category_id": 1, "score": .5 + .5 * rng.random(),
                                   "bbox": [box[0] + rng.gauss(0, wobble), box[1] + rng.gauss(0, wobble), 40, 90]})
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / name).write_text(json.dumps(detections))
    return tmp_path / "truth.json", tmp_path / name


def test_noise_does_not_fail(assay, tmp_path):
    """Two runs of one chance of .85: whatever differs is luck. --strict takes it for a loss."""
    n_failed, n_strict = 0, 0
    for seed in range(10):
        truth, a = made(tmp_path, "a.json", "person", 4, 2 * seed)
        _, b = made(tmp_path, "b.json", "person", 4, 2 * seed + 1)
        arguments = (b, "--baseline", a, "--truth", truth, "--max-drop", "recall=0.1%", "--resamples", "500")
        n_failed += run_gate(assay, *arguments).returncode == 1
        n_strict += run_gate(assay, *arguments, "--strict").returncode == 1
    assert n_failed <= 1 and n_strict >= 2


def test_names_are_escaped(assay, tmp_path):
    label = '<b>"&|`*\x1b[1m'
    truth, a = made(tmp_path, "a.json", label, 1, 1)
    junit, markdown = tmp_path / "j.xml", tmp_path / "m.md"
    done = run_gate(assay, a, "--truth", truth, "--min", f"recall:{label}=0.5", "--junit", junit, "--markdown", markdown)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    case = ET.parse(junit).getroot().find("testsuite/testcase")
    assert '<b>"&|`*?[1m' in case.get("name")
    assert "<b>" not in markdown.read_text() and "\x1b" not in markdown.read_text()


def judged(assay, truth, run, out, *options):
    assay.ok("evaluate", "--truth", truth, "--detections", run, "--classes", "person", "--json", out, *options)
    return out


def test_metrics_files_give_intervals(assay, vtest, tmp_path):
    """A real loss fails, with the interval that detections and truth give, nearly."""
    truth, base, worse = vtest
    a, b = (judged(assay, truth, run, tmp_path / name) for run, name in ((base, "base.json"), (worse, "worse.json")))
    assert b.stat().st_size < 200000
    limits = ["--max-drop", "recall:person=1%", "--max-drop", "map50=1%", "--min", "AP50=0.5"]
    done = run_gate(assay, b, "--baseline", a, *limits)
    assert done.returncode == 1 and "notice" not in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["PASS", "FAIL", "FAIL", "gate:"]
    assert run_gate(assay, a, "--baseline", a, "--max-drop", "recall=0", "--max-drop", "map=0").returncode == 0
    files = json.loads(assay.ok("compare", a, b, "--json", "-").stdout)
    runs = json.loads(assay.ok("compare", base, worse, "--truth", truth, "--json", "-").stdout)["figures"]
    rows = {(r["label"], r["name"].replace("AR100", "AR")): r for r in files["figures"]}
    assert files["no_intervals"] is None and files["settings"]["block_seconds"] is None
    for name, figure in runs.items():
        for row in (rows[None, name], rows["person", name]):
            assert abs(row["difference"] - figure["difference"]) < 1e-12 and row["beyond_noise"] == figure["beyond_noise"]
            for end in ("low", "high"):
                slack = .45 if name.startswith("AP") else .25 # nine blocks; AP jumps at COCO's recalls
                assert abs(row[end] - figure[end]) < slack * (figure["high"] - figure["low"]), (name, end)


def test_noise_of_metrics_files_does_not_fail(assay, tmp_path):
    n_failed, n_strict = 0, 0
    for seed in range(10):
        truth, a = made(tmp_path, "a.json", "person", 4, 2 * seed)
        _, b = made(tmp_path, "b.json", "person", 4, 2 * seed + 1)
        files = [judged(assay, truth, run, tmp_path / f"m{run.name}") for run in (a, b)]
        arguments = (files[1], "--baseline", files[0], "--max-drop", "recall=0.1%", "--max-drop", "map=0.1%")
        n_failed += run_gate(assay, *arguments).returncode == 1
        n_strict += run_gate(assay, *arguments, "--strict").returncode == 1
    assert n_failed <= 1 and n_strict >= 2


def test_two_metrics_files(assay, vtest, tmp_path):
    truth, base, worse = vtest
    a = judged(assay, truth, base, tmp_path / "a.json")
    b = judged(assay, truth, worse, tmp_path / "b.json", "--at-confidence", "0.5", "--roi", "0,0,240,360")
    text = assay.ok("compare", a, b).stdout
    assert "no intervals: the runs were judged by other truth" in text and "beyond noise" not in text
    rows = [line.split() for line in text.splitlines() if line.startswith(("all", "person"))]
    assert ["all", "confidence", "0.2500", "0.5000", "+0.2500", "-", "-"] in rows
    done = run_gate(assay, b, "--baseline", a, "--max-drop", "recall=99%")
    assert done.returncode == 0 and "compared as they are, noise or not: the runs were judged by other truth" in done.stdout
    markdown = tmp_path / "c.md"
    assay.ok("compare", a, b, "--markdown", markdown)
    assert "# Comparison of metrics files" in markdown.read_text() and "| all | AP50 | " in markdown.read_text()
    assert "two of a kind" in assay.refuses("compare", a, base)
    assert "with --truth, runs are detections" in assay.refuses("compare", a, b, "--truth", truth)
    assert "--report needs detections" in assay.refuses("compare", a, b, "--report", tmp_path / "c.html")
    old = json.loads(a.read_text())
    del old["blocks"]
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert "no intervals: a file keeps no sums by time" in assay.ok("compare", a, tmp_path / "old.json").stdout
    for key, value, says in (("truths", [1], "parts"), ("videos", [-1], "a video of -1 parts"), ("effects", 3, "not an array"),
                             ("truths", ["x"], "more than numbers"), ("frames", 0, "no frames")):
        broken = json.loads(a.read_text())
        broken["blocks"][key] = value
        (tmp_path / "broken.json").write_text(json.dumps(broken))
        assert says in assay.refuses("compare", tmp_path / "broken.json", a), key


def test_figures_in_time_are_gated(assay, tmp_path):
    truth, a = made(tmp_path, "a.json", "person", 1, 1)
    out = judged(assay, truth, a, tmp_path / "m.json", "--temporal", "--fps", "10")
    times = json.loads(out.read_text())["temporal"]["overall"]
    assert run_gate(assay, out, "--min", f"temporal_recall={times['recall']}", "--max", "temporal_latency_ms_p95:person=1000",
                    "--max", f"temporal_misses_in_a_row_longest={times['misses_in_a_row']['longest']}").returncode == 0
    assert run_gate(assay, out, "--min", "temporal_recall=1.01").returncode == 1


def test_wrong_input_is_2(assay, vtest, tmp_path):
    truth, base, _ = vtest
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    for arguments in ((base, "--truth", truth), (base, "--truth", truth, "--min", "nonsense=1"),
                      (base, "--truth", truth, "--min", "recall:unicorn=1"), (base, "--truth", truth, "--min", "recall"),
                      (base, "--truth", truth, "--max-drop", "recall=1%"), (broken, "--min", "map=0"),
                      (tmp_path / "absent.json", "--min", "map=0"), ()):
        assert run_gate(assay, *arguments).returncode == 2, arguments


def test_inputs_are_not_replaced(assay, tmp_path):
    truth, run = made(tmp_path, "d.json", "person", 1, 1)
    before = run.read_bytes()
    assert run_gate(assay, run, "--truth", truth, "--min", "map=0", "--junit", run).returncode == 2
    assay.refuses("compare", run, run, "--truth", truth, "--json", run)
    assert run.read_bytes() == before


def test_results_do_not_share_a_place(assay, tmp_path):
    truth, run = made(tmp_path, "d.json", "person", 1, 1)
    both = tmp_path / "both"
    assert run_gate(assay, run, "--truth", truth, "--min", "map=0", "--junit", both, "--markdown", both).returncode == 2
    assay.refuses("compare", run, run, "--truth", truth, "--json", both, "--markdown", both)
    assert not both.exists()
    piped = run_gate(assay, run, "--truth", truth, "--min", "map=0", "--junit", "-")
    assert piped.returncode == 0 and ET.fromstring(piped.stdout.encode()).tag == "testsuites"


def test_no_data_does_not_pass(assay, tmp_path):
    truth, detections = tmp_path / "t.json", tmp_path / "d.json"
    truth.write_text(json.dumps({"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1, "name": "person"}]}))
    detections.write_text("[]")
    done = run_gate(assay, detections, "--truth", truth, "--min", "recall=0")
    assert done.returncode == 1 and "NO_DATA" in done.stdout


# ---- verdicts


def test_a_profile_judges(assay, vtest, tmp_path):
    truth, base, _ = vtest
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps({"name": "mine", "criteria": [{"metric": "AP50", "min": .85}, {"metric": "recall",
                                                                                             "min": .9}]}))
    out = tmp_path / "m.json"
    arguments = ("evaluate", "--truth", truth, "--detections", base, "--classes", "person", "--json", out, "--profile")
    assay.ok(*arguments, mine)
    verdict = json.loads(out.read_text())["verdict"]
    assert (verdict["profile"], verdict["outcome"]) == ("mine", "PASS")
    ap50 = verdict["criteria"][0]
    assert ap50["low"] < ap50["value"] < ap50["high"] and ap50["min"] == .85
    done = assay.run(*arguments, "safety-critical")
    assert done.returncode == 1 and "verdict by the profile safety-critical: FAIL" in done.stdout
    criteria = {c["metric"]: c for c in json.loads(out.read_text())["verdict"]["criteria"]}
    assert abs(criteria["false_positive_rate"]["value"] + criteria["precision"]["value"] - 1) < 1e-12
    assert criteria["latency_ms"]["value"] is None and criteria["latency_ms"]["outcome"] == "NO_DATA"  # no times
    assert assay.run(*arguments, "lenient").returncode == 2


def test_truth_by_the_model_itself_is_flagged(assay, tmp_path):
    truth, detections = made(tmp_path, "d.json", "person", 1, 1)
    words = "made by the model that it judges"
    assert words not in assay.ok("evaluate", "--truth", truth, "--detections", detections).stdout
    boxes = json.loads(truth.read_text())
    boxes["annotations"] = [{"id": i + 1, "image_id": d["image_id"], "category_id": 1, "bbox": d["bbox"],
                             "area": 3600, "iscrowd": 0} for i, d in enumerate(json.loads(detections.read_text()))]
    truth.write_text(json.dumps(boxes))
    assert words in assay.ok("evaluate", "--truth", truth, "--detections", detections).stdout


# ---- without truth


def test_two_models_disagree(assay, data, tmp_path):
    source = next((data / "video_with_gt/vtest_PETS09-S2L1").glob("*.mp4"))
    runs = []
    for model in ("yolox_nano_416", "nanodet_m_416"):
        runs.append(tmp_path / f"{model}.jsonl")
        assay.ok("detect", source, "--model", data / f"models/{model}.onnx", "--max-frames", "20", "--out", runs[-1])
    out = tmp_path / "d.json"
    assay.ok("compare", *runs, "--json", out)
    got = json.loads(out.read_text())
    assert got["pictures"] == 20 and got["found"] == len(got["disagreements"]) > 0
    person = next(c for c in got["classes"] if c["label"] == "person")
    boxes = [[d for line in map(json.loads, run.read_text().splitlines()) if line["type"] == "frame"
              for d in line["detections"] if d["confidence"] >= .5 and d["label"] == "person"] for run in runs]
    assert person["agreed"] > 0
    assert [person["agreed"] + person[side] for side in ("only_a", "only_b")] == [len(b) for b in boxes]
    evidence = [d["evidence"] for d in got["disagreements"]]
    assert evidence == sorted(evidence, reverse=True) and 0 < evidence[-1] <= evidence[0] <= 1
    assert all(d["frames"] >= 5 and d["confidence"] >= .5 for d in got["disagreements"] if d["kind"] != "label")
    assert "only A" in assay.ok("compare", *runs).stdout
    assert "# Disagreements" in assay.ok("compare", *runs, "--markdown", "-").stdout
    same = json.loads(assay.ok("compare", runs[0], runs[0], "--json", "-").stdout)
    assert same["found"] == 0 and all(c["only_a"] == c["only_b"] == 0 for c in same["classes"])
