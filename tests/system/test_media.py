"""Odd media are read exactly, hostile media cost bounded time and memory."""
import json
import resource
import subprocess
import time

import pytest

from detections import parse_lines, sums_hold
from sanitizer import memory, patient

SECONDS = 10
MEMORY = 512 * 1024 * 1024


def facts_of(data):
    return json.loads((data / "media_facts.json").read_text())


def video_of(fact):
    videos = [s for s in fact.get("streams", []) if s.get("codec_type") == "video"]
    return videos[0] if videos else None


def test_odd_media_frames_and_sizes(assay, data, tmp_path):
    facts = facts_of(data)
    wrong = []
    n = 0
    for name, fact in sorted(facts.items()):
        if not name.startswith("odd_media/") or name.endswith(".json"):
            continue
        video = video_of(fact)
        if video is None:
            message = assay.refuses("probe", data / name)
            assert "video" in message, message
            continue
        out = tmp_path / "probe.json"
        # the facts are of the first video stream
        assay.ok("probe", data / name, "--stream-index", video["index"], "--json", out)
        got = json.loads(out.read_text())
        got = got[0] if isinstance(got, list) else got.get("files", [got])[0]
        n += 1
        if got["frames"] != int(video["nb_read_frames"]):
            wrong.append((name, "frames", got["frames"], video["nb_read_frames"]))
        if (got["coded_width"], got["coded_height"]) != (video["width"], video["height"]):
            wrong.append((name, got["coded_width"], got["coded_height"], video["width"], video["height"]))
    assert n > 30
    assert not wrong


@pytest.mark.parametrize("stream", [0, 3])
def test_presentation_times_of_two_video_streams(assay, data, stream):
    clip = data / "odd_media/nasa_13013.mp4"
    wanted = json.loads((data / f"odd_media/nasa_13013.mp4.stream{stream}.all_frames_info.json").read_text())
    times = [round(float(f["pts_time"]) * 1e6) for f in wanted]
    done = assay.ok("detect", clip, "--stream-index", stream, "--model", data / "models/FastestDet_352.onnx")
    header, frames, summary = parse_lines(done.stdout)
    assert header["source"]["stream_index"] == stream
    assert [f["frame"] for f in frames] == list(range(len(times)))
    assert [f["pts_us"] for f in frames] == times


def test_rotated_clips_come_out_upright(assay, data, tmp_path):
    for degrees, upright in ((0, False), (90, True), (180, False), (270, True)):
        out = tmp_path / "probe.json"
        assay.ok("probe", data / f"odd_media/video_{degrees}.mov", "--json", out)
        got = json.loads(out.read_text())
        got = got[0] if isinstance(got, list) else got.get("files", [got])[0]
        turned = (got["width"], got["height"]) == (got["coded_height"], got["coded_width"])
        same = (got["width"], got["height"]) == (got["coded_width"], got["coded_height"])
        assert turned if upright else same, (degrees, got)


def hostile_files(data):
    return sorted(p for p in (data / "hostile_media").rglob("*") if p.is_file())


def test_hostile_media_is_bounded(assay, data):
    """An error that names the cause or the decodable frames; no crash; under 10 s and 512 MB each."""
    model = data / "models/FastestDet_352.onnx"
    bad = []
    files = hostile_files(data)
    for path in files:
        begun = time.monotonic()
        child = subprocess.Popen([assay.program, "detect", path, "--model", model, "--quiet"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env=assay.environment(), text=True)
        try:
            out, err = child.communicate(timeout=patient(SECONDS))
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            bad.append((path.name, "too slow"))
            continue
        seconds = time.monotonic() - begun
        if child.returncode not in (0, 2):
            bad.append((path.name, child.returncode, err[-300:]))
        elif child.returncode == 2 and path.name not in err:
            bad.append((path.name, "the message does not name the file", err[-300:]))
        elif child.returncode == 0:
            _, frames, summary = parse_lines(out)
            if not frames or not sums_hold(summary):
                bad.append((path.name, "exit 0", summary))
        if seconds > patient(SECONDS):
            bad.append((path.name, seconds))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert len(files) > 100
    assert not bad
    assert peak < memory(MEMORY), f"peak {peak >> 20} MiB"


@pytest.mark.parametrize("name,cause", [("accident_zero_byte.mp4", "empty"), ("accident_lfs_pointer.mp4", "Git-LFS")])
def test_accidents_are_called_what_they_are(assay, data, name, cause):
    path = next((data / "hostile_media").rglob(name))
    message = assay.refuses("detect", path, "--model", data / "models/FastestDet_352.onnx")
    assert cause.lower() in message.lower()
