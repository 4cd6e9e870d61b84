"""`assay demo`: the whole walk on a clip of its own and on the user's data, and what stops it."""
import json
import os
import re
import select
import signal
import time
import urllib.request

import pytest
import sanitizer
from sanitizer import patient
from server import Server

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


# ---- served


def campus(data):
    """A short walk on real data: the quickest there is."""
    case = data / "video_with_gt/mmtracking_demo_MOT17-04"
    return ["--model", data / "models/FastestDet_352.onnx", "--video", case / "demo.mp4", "--truth", case / "gt.coco.json"]


class Served:
    """`assay demo` that serves, its words read from a pipe or a terminal of its own."""

    def __init__(self, assay, out, *options, on_terminal=False):
        ours, theirs = os.openpty() if on_terminal else os.pipe()
        self.log = open(f"{out}.log", "w+")
        self.process = assay.start(*map(str, ("demo", "--out", out, *options)), stdout=theirs, stderr=self.log)
        os.close(theirs)
        self.words, self.text = ours, ""

    def __enter__(self):
        end = time.monotonic() + patient(90)
        while "another time" not in self.text:
            ready, _, _ = select.select([self.words], [], [], max(0, end - time.monotonic()))
            assert ready, f"nothing is served:\n{self.text}\n{self.errors()}"
            try:
                more = os.read(self.words, 65536).decode()
            except OSError:  # a terminal whose other end is gone
                more = ""
            assert more, f"it ended:\n{self.text}\n{self.errors()}"
            self.text += more
        self.session = re.search(r"its interface +(http://127\.0\.0\.1:\d+)(/api/v1/sessions/\w+)", self.text)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.words)
        self.log.close()

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    def get(self, path):
        with urllib.request.urlopen(self.session.group(1) + path, timeout=patient(30)) as reply:
            return json.load(reply)

    def stop(self, how):
        self.process.send_signal(how)
        return self.process.wait(patient(30))


def test_served(assay, data, tmp_path):
    out = tmp_path / "out"
    with Served(assay, out, *campus(data), "--serve", "always") as demo:
        session = demo.get(demo.session.group(2))
        assert session["status"] == "succeeded" and session["model"] == "demo"
        metrics = json.loads((out / "metrics.json").read_text())
        assert demo.get(demo.session.group(2) + "/results")["metrics"]["coco"] == metrics["coco"]
        project, = demo.get("/api/v1/projects")["items"]
        assert (project["name"], project["videos"], project["sessions"]) == ("demo", 1, 1)
        video, = demo.get(f"/api/v1/projects/{project['id']}/videos")["items"]
        assert (video["name"], video["status"], video["frames"]) == ("demo.mp4", "ready", 8)
        assert "report, in a browser" in demo.text, "the verdict comes first"
        first = project["id"]
        assert demo.stop(signal.SIGTERM) == 0, demo.errors()
    # Once more into the same place, unasked, on a terminal: the project is made anew, the model kept.
    with Served(assay, out, *campus(data), on_terminal=True) as demo:
        project, = demo.get("/api/v1/projects")["items"]
        assert project["id"] != first and (project["videos"], project["sessions"]) == (1, 1)
        assert len(demo.get("/api/v1/models")["items"]) == 1
        assert demo.stop(signal.SIGINT) == 0, demo.errors()
    with Server(assay, out / "server") as server:
        assert server.made("GET", demo.session.group(2))["AP"] == metrics["coco"]["AP"]


def test_opened_in_the_desktops_browser(assay, data, tmp_path, monkeypatch):
    """The page's address reaches the desktop's opener, once, and only where there is a desktop."""
    opened, opener = tmp_path / "opened.txt", tmp_path / "bin/xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$@" >> {opened}\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", f"{opener.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for display, expected in (("", False), (":9", True)):
        monkeypatch.setenv("DISPLAY", display)
        with Served(assay, tmp_path / "out", *campus(data), on_terminal=True) as demo:
            page = re.search(r"in a browser +(http\S+/projects/\w+)", demo.text)
            if sanitizer.name and not page:
                pytest.skip("the sanitizers' builds have no page")
            page = page.group(1)
            end = time.monotonic() + patient(10)
            while expected and not opened.exists() and time.monotonic() < end:
                time.sleep(0.05)
            assert demo.stop(signal.SIGINT) == 0, demo.errors()
        assert opened.exists() == expected
    assert opened.read_text() == page + "\n"


def test_never_served_on_a_terminal(assay, data, tmp_path):
    with pytest.raises(AssertionError, match="it ended"), Served(assay, tmp_path / "out", *campus(data), "--serve", "never", on_terminal=True):
        pass
    assert not (tmp_path / "out/server").exists() and (tmp_path / "out/report.html").exists()


def test_interrupted_before_it_is_served(assay, data, tmp_path):
    status, out, err = interrupt_when(assay, ["demo", "--out", tmp_path / "out", *campus(data), "--serve", "always"],
                                      tmp_path / "out/server/assay.db")
    assert status == 130 and "interrupted" in err
    assert "To look at" in out and "Served" not in out


def test_what_is_no_file_is_not_served(assay, data, tmp_path):
    case = data / "video_with_gt/TUD-Campus_frames"
    said = assay.refuses("demo", "--out", tmp_path / "out", "--model", data / "models/yolox_nano_416.onnx", "--video", case / "img1",
                         "--truth", case / "gt.coco.json", "--serve", "always")
    assert "img1" in said and "files only" in said
    assert not (tmp_path / "out").exists()


def test_server_data_in_use(assay, data, tmp_path):
    (tmp_path / "out").mkdir()
    with Server(assay, tmp_path / "out/server"):
        said = assay.refuses("demo", "--out", tmp_path / "out", *campus(data), "--serve", "always", status=3)
    assert "in use" in said or "another" in said


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
        end = time.monotonic() + patient(60)
        while child.poll() is None and time.monotonic() < end and not (path.exists() and path.stat().st_size >= n_bytes):
            time.sleep(0.02)
        assert child.poll() is None, child.communicate()
        os.kill(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=patient(60))
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
