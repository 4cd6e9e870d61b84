"""`assay detect`: nothing is lost in silence, however a run ends."""
import csv
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time

import pytest

from detections import parse_lines, read_lines, sums_hold
from sanitizer import patient

MODEL = "models/FastestDet_352.onnx"


@pytest.fixture
def clip(data):
    return data / "video_with_gt/vtest_PETS09-S2L1/vtest.mp4"


def test_formats_by_ending(assay, data, clip, tmp_path):
    common = [clip, "--model", data / MODEL, "--max-frames", "20", "--track"]
    for ending in ("jsonl", "json", "csv", "txt", "mp4"):
        out = tmp_path / f"out.{ending}"
        assay.ok("detect", *common, "--out", out)
        assert out.stat().st_size > 0 and not list(tmp_path.glob("*.part"))
    header, frames, summary = read_lines(tmp_path / "out.jsonl")
    n = sum(len(f["detections"]) for f in frames)
    assert len(frames) == 20 and n > 0 and summary["detections"] == n
    assert len(json.loads((tmp_path / "out.json").read_text())) == n
    assert len((tmp_path / "out.txt").read_text().splitlines()) <= n
    probe = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames,codec_name",
                            "-of", "json", tmp_path / "out.mp4"], capture_output=True, text=True, check=True)
    stream = json.loads(probe.stdout)["streams"][0]
    assert stream["nb_read_frames"] == "20"


@pytest.mark.parametrize("options,wanted", [
    ([], dict(decoded=795, inferred=795, skipped=0)),
    (["--stride", "7"], dict(decoded=795, inferred=114, skipped=681)),
    (["--max-frames", "33"], dict(inferred=33)),
    (["--start", "10", "--end", "20"], dict(inferred=100)),
])
def test_every_frame_is_accounted_for(assay, data, clip, options, wanted):
    header, frames, summary = parse_lines(assay.ok("detect", clip, "--model", data / MODEL, *options).stdout)
    assert sums_hold(summary)
    for name, value in wanted.items():
        assert summary["frames"][name] == value
    assert len(frames) == summary["frames"]["inferred"]
    if "--start" in options:
        assert frames[0]["frame"] == 100


def test_a_stride_leaves_the_other_frames_as_they_were(assay, data, tmp_path):
    """Frames that nobody looks at are hardly decoded; those that are keep their every byte, alone in a child too."""
    clip = data / "video_plain/pedestrians_640x360.mp4"
    common = ["detect", clip, "--model", data / MODEL, "--end", "6", "--confidence", "0.1"]
    every = frame_lines(assay.ok(*common).stdout)
    for options in (["--stride", "4"], ["--stride", "4", "--isolated"], ["--start", "4"]):
        some = frame_lines(assay.ok(*common, *options).stdout)
        first = 4 * 25 if "--start" in options else 0
        assert some == [line for line in every[first:] if "--start" in options or json.loads(line)["frame"] % 4 == 0]


def test_results_say_which_frames_were_not_filtered(assay, data):
    clip = data / "video_plain/pedestrians_640x360.mp4"
    lines = {}
    for word in ("none", "unreferenced", "all"):
        out = assay.ok("detect", clip, "--model", data / MODEL, "--max-frames", "12", "--confidence", "0.05", "--skip-loop-filter", word).stdout
        header, frames, _ = parse_lines(out)
        assert header["settings"]["skip_loop_filter"] == word and len(frames) == 12
        lines[word] = frames
    assert lines["none"] != lines["all"]


def test_csv_cells_that_a_spreadsheet_would_run_are_defused(assay, data, tmp_path):
    """The label is the model's own: its metadata says so."""
    model = tmp_path / "model.onnx"
    model.write_bytes((data / "models/yolov8n_fp32_640.onnx").read_bytes().replace(b"'person'", b"'=1+1+2'"))
    assay.ok("detect", data / "photos/bus.jpg", "--model", model, "--out", tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").open(newline="")))
    labels = {row["label"] for row in rows}
    assert "'=1+1+2" in labels and "bus" in labels
    assert not [cell for row in rows for name, cell in row.items() if name in ("file", "label") and cell[:1] in "=+-@\t\r"]


def test_labels_that_motchallenge_cannot_hold_are_said(assay, data, tmp_path):
    run = ["detect", data / "photos/bus.jpg", "--model", data / "models/yolov8n_fp32_640.onnx", "--out", tmp_path / "out.txt"]
    message = assay.ok(*run, "--classes", "person,bus").stderr
    assert message.count("holds no labels: the boxes of 2 are written as one (person, bus)") == 1
    assert "labels" not in assay.ok(*run, "--classes", "person").stderr


def test_a_span_without_frames_is_said(assay, data, clip):
    run = ["detect", clip, "--model", data / MODEL]
    assert "vtest.mp4: no frame lies after --start 9999" in assay.ok(*run, "--start", "9999").stderr
    assert "no frame lies between --start 900 and --end 901" in assay.ok(*run, "--start", "900", "--end", "901").stderr
    assert "no frame" not in assay.ok(*run, "--start", "1", "--end", "1.5").stderr


def test_live_on_a_file_is_said(assay, data, clip):
    run = ["detect", clip, "--model", data / MODEL, "--end", "2"]
    assert "vtest.mp4: --live drops frames" in assay.ok(*run, "--live").stderr
    assert "--live" not in assay.ok(*run).stderr


def test_a_file_cut_in_the_middle(assay, data, clip, tmp_path):
    # the index of an MP4 stands at the end or the front; a transport stream can be cut anywhere
    whole = tmp_path / "whole.ts"
    subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-map", "0:v", "-c", "copy", whole], check=True)
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    done = assay.ok("detect", cut, "--model", data / MODEL)
    _, frames, summary = parse_lines(done.stdout)
    assert sums_hold(summary) and 100 < len(frames) < 795

    fast = tmp_path / "fast.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-map", "0:v", "-c", "copy", "-movflags", "+faststart", fast],
                   check=True)
    half = tmp_path / "half.mp4"
    half.write_bytes(fast.read_bytes()[: fast.stat().st_size // 2])
    done = assay.ok("detect", half, "--model", data / MODEL)
    _, frames, summary = parse_lines(done.stdout)
    assert sums_hold(summary) and 100 < len(frames) < 795
    assert "half.mp4" in done.stderr and "warning" in done.stderr

    no_index = tmp_path / "no_index.mp4"
    no_index.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    done = assay.run("detect", no_index, "--model", data / MODEL)
    assert done.returncode in (0, 2) and "no_index.mp4" in done.stderr


def test_a_full_disk_is_a_clear_error(assay, data, clip, tmp_path):
    with open("/dev/full", "w") as full:
        done = assay.run("detect", clip, "--model", data / MODEL, stdout=full)
    assert done.returncode == 3 and "space" in done.stderr

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000))

    done = assay.run("detect", clip, "--model", data / MODEL, "--out", tmp_path / "out.jsonl", preexec_fn=small_files)
    assert done.returncode == 3 and "out.jsonl" in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_a_full_file_system(assay, data, clip, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True).returncode != 0:
        pytest.skip("no file system may be mounted here")
    try:
        done = assay.run("detect", clip, "--model", data / MODEL, "--out", small / "out.jsonl")
        assert done.returncode == 3 and "space" in done.stderr and "out.jsonl" in done.stderr
        assert not (small / "out.jsonl").exists()
    finally:
        subprocess.run(["umount", small], check=True)


def wait_for(path, n_bytes, seconds=30):
    begun = time.monotonic()
    while time.monotonic() - begun < patient(seconds):
        if path.exists() and path.stat().st_size >= n_bytes:
            return
        time.sleep(0.02)
    raise AssertionError(f"{path} did not grow")


def test_interrupt_keeps_what_was_finished(assay, data, clip, tmp_path):
    out = tmp_path / "out.jsonl"
    child = assay.start("detect", clip, "--model", data / "models/yolov8n_fp32_640.onnx", "--confidence", "0.01", "--out", out,
                        stderr=subprocess.PIPE)
    wait_for(tmp_path / "out.jsonl.part", 1)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=patient(30))
    assert child.returncode == 130, err
    _, frames, summary = read_lines(out)
    assert summary["interrupted"] is True and sums_hold(summary)
    assert len(frames) == summary["frames"]["inferred"] < 795


def test_interrupt_ends_a_wait_for_a_silent_server(assay, data, tmp_path):
    out = tmp_path / "out.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(patient(60))
        url = f"http://127.0.0.1:{server.getsockname()[1]}/clip.mp4"
        child = assay.start("detect", url, "--model", data / MODEL, "--out", out, stderr=subprocess.PIPE)
        with server.accept()[0]:  # it has asked, and waits
            child.send_signal(signal.SIGINT)
            _, message = child.communicate(timeout=patient(10))
    assert child.returncode == 130 and "interrupted" in message
    assert not list(tmp_path.iterdir())  # nothing was opened, nothing is left


def test_after_kill_whole_lines_and_no_summary(assay, data, clip, tmp_path):
    part = tmp_path / "out.jsonl.part"
    child = assay.start("detect", clip, "--model", data / "models/yolov8n_fp32_640.onnx", "--confidence", "0.001", "--out",
                        tmp_path / "out.jsonl", stderr=subprocess.PIPE)
    wait_for(part, 1)
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=patient(30))
    assert not (tmp_path / "out.jsonl").exists()
    text = part.read_text()
    assert text.endswith("\n")
    header, frames, summary = parse_lines(text)
    assert header["type"] == "header" and summary is None


def frame_lines(text):
    return [line for line in text.splitlines() if '"type":"frame"' in line]


def test_the_same_lines_whatever_the_company(assay, data, tmp_path):
    clip = data / "video_with_gt/TUD-Campus_frames/TUD-Campus.mp4"
    for model in ("yolox_nano_416", "yolo11n_int8_320"):
        common = ["--model", data / f"models/{model}.onnx", "--max-frames", "30", "--confidence", "0.01"]
        wanted = frame_lines(assay.ok("detect", clip, *common).stdout)
        assert len(wanted) == 30
        for options in (["--batch", 1, "--threads", 1], ["--batch", 3, "--threads", 2], ["--batch", 8, "--threads", 2],
                        ["--batch", 8, "--threads", 1], []):
            assert frame_lines(assay.ok("detect", clip, *common, *options).stdout) == wanted, options
        others = []
        for i in range(4):
            other = tmp_path / f"other{i}.mp4"
            shutil.copy(data / "video_plain/car-detection.mp4", other)
            others.append(other)
        out = tmp_path / f"many-{model}"
        out.mkdir()
        assay.ok("detect", clip, *others, *common, "--out", out)
        mine = [p for p in out.iterdir() if p.name.startswith("TUD-Campus")]
        assert len(list(out.iterdir())) == 5 and frame_lines(mine[0].read_text()) == wanted


def test_an_isolated_decoder_gives_the_same_lines(assay, data, clip, tmp_path):
    common = ["detect", clip, data / "photos", "--model", data / MODEL, "--max-frames", 12]
    for name, option in (("plain", []), ("isolated", ["--isolated"])):
        (tmp_path / name).mkdir()
        assay.ok(*common, *option, "--out", tmp_path / name)
    names = sorted(p.name for p in (tmp_path / "plain").iterdir())
    assert len(names) == 2
    for name in names:
        plain, isolated = ((tmp_path / d / name).read_text() for d in ("plain", "isolated"))
        assert len(frame_lines(plain)) >= 2 and frame_lines(isolated) == frame_lines(plain)
    assert "--isolated" in assay.refuses("detect", clip, "--model", data / MODEL, "--isolated", "--out", tmp_path / "drawn.mp4")


def test_labels_and_names_are_data(assay, data, tmp_path):
    evil = tmp_path / "bus\x1b[31m\n.jpg"
    shutil.copy(data / "photos/bus.jpg", evil)
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(["per\x1b]0;owned\x07son\"<script>"] + [f"c{i}" for i in range(79)]))
    done = assay.ok("detect", evil, "--model", data / MODEL, "--labels", labels)
    assert "\x1b" not in done.stdout and "\x1b" not in done.stderr and "\x07" not in done.stdout
    header, frames, _ = parse_lines(done.stdout)
    assert frames[0]["file"].endswith("bus\x1b[31m\n.jpg")


def test_pictures_that_are_none_are_said(assay, data, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(data / "photos/bus.jpg", folder / "a.jpg")
    (folder / "b.jpg").write_text("no picture")
    (folder / "c.jpg").touch()
    done = assay.ok("detect", folder, "--model", data / MODEL)
    assert f"{folder}: 2 undecodable, the first: {folder}/b.jpg" in done.stderr
    assert "(and 2 undecodable)" in done.stderr
    assert parse_lines(done.stdout)[2]["frames"]["undecodable"] == 2
    message = assay.refuses("detect", folder / "b.jpg", "--model", data / MODEL)
    assert len(message.splitlines()) == 1 and "is a text" in message  # nothing ran: nothing more to say


def test_frames_of_another_size_say_so(assay, data, tmp_path):
    """A transport stream that changes its size half way: each box is of its own frame's pixels."""
    parts = []
    for size in ("320x240", "640x480"):
        parts.append(tmp_path / f"{size}.ts")
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=size={size}:rate=5:duration=1", "-c:v", "libx264",
                        "-f", "mpegts", parts[-1]], check=True)
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    header, frames, summary = parse_lines(assay.ok("detect", both, "--model", data / MODEL).stdout)
    assert sums_hold(summary) and len(frames) == 10 and header["source"]["width"] == 320
    sizes = [(frame.get("width"), frame.get("height")) for frame in frames]
    assert sizes.count((None, None)) == 5 and sizes.count((640, 480)) == 5


def test_command_line_mistakes(assay, data, clip):
    for arguments in (["detect"], ["detect", clip], ["nonsense"], ["detect", clip, "--model", data / MODEL, "--confidnce", "1"],
                      ["detect", clip, "--model", data / MODEL, "--confidence", "1.5"],
                      ["detect", clip, "--model", data / MODEL, "--stride", "0"],
                      ["detect", clip, "--model", data / MODEL, "--classes", "persn"],
                      ["detect", "/nonexistent.mp4", "--model", data / MODEL],
                      ["detect", clip, "--model", data / MODEL, "--stream-index", "9"],
                      ["detect", clip, "--model", data / MODEL, "--out", "result.xyz"]):
        assay.refuses(*arguments)
    assert "person" in assay.refuses("detect", clip, "--model", data / MODEL, "--classes", "persn")
    message = assay.refuses("detect", clip, "--model", data / MODEL, "--device", "cuda", status=3)
    assert "CUDA" in message
    message = assay.refuses("detect", clip, "--model", data / MODEL, "--engine", "onnxruntime", status=3, env={"ASSAY_ONNXRUNTIME": "/nonexistent.so"})
    assert "install-deps" in message


def test_a_long_path_leaves_the_cause(assay, data, clip, tmp_path):
    path = "/".join([str(tmp_path)] + ["d" * 200] * 15 + ["a"])
    assert assay.refuses("detect", path, "--model", data / MODEL).strip().endswith("/a: No such file or directory")
    assert "/a: No such file or directory" in assay.refuses("detect", clip, "--model", path)


def test_no_result_replaces_an_input(assay, data, clip, tmp_path):
    model, truth = tmp_path / "m.json", tmp_path / "t.json"
    vtest = data / "video_with_gt/vtest_PETS09-S2L1"
    shutil.copy(data / MODEL, model)
    shutil.copy(vtest / "gt.coco.json", truth)
    before = model.read_bytes(), truth.read_bytes()
    for arguments in (["detect", clip, "--model", model, "--out", model],
                      ["validate", clip, "--model", model, "--truth", truth, "--out", truth],
                      ["validate", clip, "--model", model, "--truth", truth, "--json", truth],
                      ["validate", clip, "--model", model, "--truth", truth, "--json", model],
                      ["convert", truth, truth],
                      ["evaluate", "--truth", truth, "--detections", vtest / "ref_dets_yolox_nano.json", "--json", truth]):
        assert "the result would overwrite this input" in assay.refuses(*arguments)
        assert (model.read_bytes(), truth.read_bytes()) == before, arguments
    validate = ["validate", clip, "--model", model, "--truth", truth]
    assert "name the same file" in assay.refuses(*validate, "--json", tmp_path / "x.json", "--out", tmp_path / "x.json")
    message = assay.refuses(*validate, "--json", tmp_path / "no/x.json")
    assert "No such file" in message and "decoded" not in message  # before the run and not after it


def test_results_go_where_links_and_devices_are(assay, data, clip, tmp_path):
    """A link stays a link, a device a device, and /dev/stdout is standard output, also of a drawn video."""
    run = [clip, "--model", data / MODEL, "--max-frames", 1]
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "to.jsonl")
    (tmp_path / "to.jsonl").touch()
    assay.ok("detect", *run, "--out", tmp_path / "link.jsonl")
    assert (tmp_path / "link.jsonl").is_symlink() and len((tmp_path / "to.jsonl").read_text().splitlines()) == 3
    with open(tmp_path / "stdout.txt", "w") as file:
        assay.ok("detect", *run, "--out", "/dev/stdout", "--format", "jsonl", stdout=file)
    assert len((tmp_path / "stdout.txt").read_text().splitlines()) == 3
    assert os.path.islink("/dev/stdout")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "regular file" in assay.refuses("detect", *run, "--out", tmp_path / "pipe.mp4", timeout=20)


def test_help_and_version(assay):
    assert "detect" in assay.ok("--help").stdout
    assert "--confidence" in assay.ok("detect", "--help").stdout
    assert assay.ok("--version").stdout.startswith("assay ")


def test_doctor_runs(assay):
    assert "ONNX Runtime" in assay.run("doctor").stdout
