"""`assay synth`: the clip plays, its truth reads, and one judges the other."""
import json
import subprocess

import pytest


def make(assay, folder, *options):
    assay.ok("synth", "--out", folder, "--width", "320", "--height", "180", "--seconds", "2", "--fps", "10", *options)
    return json.loads((folder / "truth.coco.json").read_text())


def probe(assay, clip):
    done = assay.ok("probe", clip, "--json", "-")
    return json.loads(done.stdout)["files"][0]


def results(truth):
    """Detections that are the truth itself."""
    return [{"image_id": a["image_id"], "category_id": a["category_id"], "bbox": a["bbox"], "score": 0.9}
            for a in truth["annotations"] if not a["ignore"]]


def test_clip_and_truth_fit(assay, tmp_path):
    truth = make(assay, tmp_path / "clip", "--seed", "4")
    seen = probe(assay, tmp_path / "clip/clip.mp4")
    assert (seen["width"], seen["height"], seen["frames"]) == (320, 180, 20)
    assert not seen["variable_frame_rate"]
    assert len(truth["images"]) == 20
    assert [i["frame"] for i in truth["images"]] == list(range(20))
    assert seen["last_pts_us"] == truth["images"][-1]["pts_us"] == 1900000
    assert {i["condition"] for i in truth["images"]} == {"day", "dusk", "night", "rain", "fog"}
    for a in truth["annotations"]:
        x, y, w, h = a["bbox"]
        assert 0 <= x and 0 <= y and w > 0 and h > 0 and x + w <= 320 and y + h <= 180
        share = a["attributes"]["visible_share"]
        assert a["ignore"] == a["iscrowd"] == int(h < 16 or w < 5 or a["visible_pixels"] < 60 or share < 0.25)


def test_truth_judges_itself(assay, tmp_path):
    truth = make(assay, tmp_path / "clip", "--mot")
    (tmp_path / "dt.json").write_text(json.dumps(results(truth)))
    done = assay.ok("evaluate", "--truth", tmp_path / "clip/truth.coco.json", "--detections", tmp_path / "dt.json",
                    "--json", "-")
    got = json.loads(done.stdout)
    assert got["coco"]["AP"] == 1
    assert sum(c["truths"] for c in got["classes"]) == len(results(truth))
    rows = (tmp_path / "clip/truth.mot.txt").read_text().splitlines()
    assert len(rows) == len(truth["annotations"])


def test_variable_rate_is_exact(assay, tmp_path):
    truth = make(assay, tmp_path / "clip", "--variable-rate")
    clip = tmp_path / "clip/clip.mp4"
    assert probe(assay, clip)["variable_frame_rate"]
    shown = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "frame=pts_time", "-of", "csv=p=0", clip],
                           capture_output=True, text=True, check=True).stdout.split()
    assert [round(float(t.strip(",")) * 1e6) for t in shown] == [i["pts_us"] for i in truth["images"]]


def test_same_seed_same_truth(assay, tmp_path):
    for name in ("a", "b"):
        make(assay, tmp_path / name, "--seed", "9")
    assert (tmp_path / "a/truth.coco.json").read_bytes() == (tmp_path / "b/truth.coco.json").read_bytes()
    assert (tmp_path / "a/clip.mp4").read_bytes() == (tmp_path / "b/clip.mp4").read_bytes()


@pytest.mark.parametrize("options,word", [
    ([], "--out"), (["--out", "x", "--conditions", "snow"], "snow"), (["--out", "x", "--width", "321"], "even"),
    (["--out", "x", "--density", "9"], "density"), (["--out", "/dev/null/x"], "/dev/null/x"),
])
def test_refusals(assay, tmp_path, options, word):
    assert word in assay.refuses("synth", *options, cwd=tmp_path)
