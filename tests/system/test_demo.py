"""`assay demo`: the whole walk on a clip of its own and on the user's data, and what stops it."""
import json
import os
import re
import signal
import time

import pytest

FILES = ["annotated.mp4", "detections.jsonl", "metrics.json", "report.html"]
MADE = ["clip.mp4", "truth.coco.json"]


@pytest.fixture(scope="session")
def builtin(assay, tmp_path_factory):
    """Skips where this build has no demo model."""
    done = assay.run("demo", "--out", tmp_path_factory.mktemp("demo") / "absent/out")
    assert done.returncode == 2
    if "no demo model" in done.stderr:
        pytest.skip("this build has no demo model")


@pytest.fixture(scope="module")
def own_clip(assay, builtin, tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "out"
    done = assay.ok("demo", "--out", out, "--seconds", "3", "--serve", "never", "--threads", "2")
    return out, done


def named(text):
    """The files that the verdict names, by what it calls them."""
    return dict(re.findall(r"^  (\S.*?)  +(/.*)$", text.split("To look at")[1], re.M))


def test_own_clip(assay, own_clip):
    out, done = own_clip
    assert sorted(p.name for p in out.iterdir()) == sorted(FILES + MADE + ["demo.onnx"])
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["coco"]["AP50"] > 0.6, "the model that is shipped knows its own scenes"
    assert f"AP50                  {metrics['coco']['AP50']:.3f}" in done.stdout
    point = metrics["operating_point"]
    assert f"{100 * point['recall']:.0f} of 100 objects" in done.stdout
    for condition in ("day", "dusk", "night", "rain", "fog"):
        assert re.search(rf"^  {condition} +0\.\d\d\d$", done.stdout, re.M)
    for label in ("pedestrian", "cyclist", "motorcyclist", "wheelchair_user", "scooter_rider"):
        assert re.search(rf"^  {label} +\d\.\d\d\d$", done.stdout, re.M)
    assert set(named(done.stdout).values()) == {str(out / n) for n in ("report.html", "annotated.mp4", "metrics.json")}


def test_the_model_is_a_file_for_every_command(assay, own_clip):
    out, _ = own_clip
    said = json.loads(assay.ok("model", "inspect", out / "demo.onnx", "--json", "-").stdout)
    assert said["head"] == "yolov8" and said["labels"][0] == "pedestrian"
    again = assay.ok("validate", out / "clip.mp4", "--model", out / "demo.onnx", "--truth", out / "truth.coco.json", "--quiet")
    ap50 = json.loads((out / "metrics.json").read_text())["coco"]["AP50"]
    assert f"AP50  {ap50:.4f}" in again.stdout


def test_report_says_where_it_is_weaker(own_clip):
    page = (own_clip[0] / "report.html").read_text()
    assert len(page) < 5_000_000
    assert "Frames by condition" in page and '<div class="strip" title="condition">' in page
    assert page.count('id="moment-') >= 2 and page.count("data:image/jpeg") == page.count('id="moment-')


def test_annotated_video_has_all_frames_and_times(assay, own_clip):
    seen = [json.loads(assay.ok("probe", own_clip[0] / name, "--json", "-").stdout)["files"][0]
            for name in ("clip.mp4", "annotated.mp4")]
    for key in ("width", "height", "frames", "last_pts_us", "variable_frame_rate"):
        assert seen[0][key] == seen[1][key], key
    assert seen[0]["frames"] == 75


def test_the_same_clip_each_time(assay, own_clip, tmp_path):
    out, _ = own_clip
    assay.ok("synth", "--out", tmp_path, "--seed", "20260", "--seconds", "3", "--quiet")
    assert (tmp_path / "truth.coco.json").read_bytes() == (out / "truth.coco.json").read_bytes()


def test_own_data(assay, data, tmp_path):
    case = data / "video_with_gt/mmtracking_demo_MOT17-04"
    done = assay.ok("demo", "--out", tmp_path, "--model", data / "models/yolox_nano_416.onnx", "--video", case / "demo.mp4",
                    "--truth", case / "gt.coco.json", "--serve", "never")
    assert sorted(p.name for p in tmp_path.iterdir()) == FILES
    assert "8 frames, 336 objects" in done.stdout and "To know: " in done.stdout
    assert "by condition" not in done.stdout


def test_pictures_as_video(assay, data, tmp_path):
    case = data / "video_with_gt/TUD-Campus_frames"
    assay.ok("demo", "--out", tmp_path, "--model", data / "models/yolox_nano_416.onnx", "--video", case / "img1",
             "--truth", case / "gt.coco.json", "--quiet")
    assert (tmp_path / "annotated.mp4").stat().st_size > 10_000


@pytest.mark.parametrize("options, said", [
    (["--video", "a.mp4"], "--truth"),
    (["--truth", "a.json"], "--video"),
    (["a.mp4"], "--video"),
    (["--serve", "sometimes"], "always"),
    (["--seconds", "0"], "--seconds"),
    (["--model", "absent.onnx"], "absent.onnx"),
])
def test_refusals(assay, tmp_path, options, said):
    assert said in assay.refuses("demo", "--out", tmp_path / "out", *options)
    assert not (tmp_path / "out/clip.mp4").exists(), "what cannot work is said before the clip is drawn"


def test_no_server(assay, tmp_path):
    said = assay.refuses("demo", "--out", tmp_path / "out", "--serve", "always")
    assert "--serve always" in said and "assay serve" in said
    assert not (tmp_path / "out").exists()


def test_unwritable_output(assay, data, tmp_path):
    model = ["--model", data / "models/yolox_nano_416.onnx"]
    (tmp_path / "file").write_text("")
    assert "file" in assay.refuses("demo", "--out", tmp_path / "file", *model)
    assert "absent" in assay.refuses("demo", "--out", tmp_path / "absent/out", *model)
    (tmp_path / "out/report.html").mkdir(parents=True)
    assert "report.html" in assay.refuses("demo", "--out", tmp_path / "out", *model)
    assert not (tmp_path / "out/clip.mp4").exists()


def test_inputs_are_not_replaced(assay, data, tmp_path):
    case = data / "video_with_gt/mmtracking_demo_MOT17-04"
    truth = tmp_path / "metrics.json"
    truth.write_bytes((case / "gt.coco.json").read_bytes())
    said = assay.refuses("demo", "--out", tmp_path, "--model", data / "models/yolox_nano_416.onnx", "--video", case / "demo.mp4",
                         "--truth", truth)
    assert "metrics.json" in said and truth.read_bytes() == (case / "gt.coco.json").read_bytes()


def interrupt_when(assay, arguments, path, n_bytes=1):
    """Ctrl-C once *path* has grown; what was said and how it ended."""
    child = assay.start(*map(str, arguments), stdout=-1, stderr=-1)
    try:
        end = time.monotonic() + 60
        while child.poll() is None and time.monotonic() < end and not (path.exists() and path.stat().st_size >= n_bytes):
            time.sleep(0.02)
        assert child.poll() is None, child.communicate()
        os.kill(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    return child.returncode, out, err


def test_interrupted_while_the_clip_is_drawn(assay, data, tmp_path):
    status, out, err = interrupt_when(assay, ["demo", "--out", tmp_path, "--model", data / "models/yolox_nano_416.onnx"],
                                      tmp_path / "clip.mp4.part")
    assert status == 130 and "interrupted" in err and not out
    assert [p.name for p in tmp_path.iterdir()] == []


def test_interrupted_while_it_is_judged(assay, data, tmp_path):
    case = data / "video_with_gt/vtest_PETS09-S2L1"
    status, out, err = interrupt_when(
        assay, ["demo", "--out", tmp_path, "--model", data / "models/yolox_nano_416.onnx", "--video", case / "vtest.mp4",
                "--truth", case / "gt.coco.json"], tmp_path / "detections.jsonl.part", 100_000)
    assert status == 130 and "interrupted" in err
    # What was judged until then is told; the video is not begun.
    assert "the run was interrupted" in out and "video, boxes drawn" not in out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["detections.jsonl", "metrics.json", "report.html"]


def test_interrupted_while_the_video_is_drawn(assay, data, tmp_path):
    case = data / "video_with_gt/TUD-Campus_frames"
    status, out, err = interrupt_when(
        assay, ["demo", "--out", tmp_path, "--model", data / "models/yolox_nano_416.onnx", "--video", case / "img1",
                "--truth", case / "gt.coco.json"], tmp_path / "annotated.mp4.part", 0)
    assert status == 130 and "interrupted" in err
    assert "finds" in out and "video, boxes drawn" not in out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["detections.jsonl", "metrics.json", "report.html"]
