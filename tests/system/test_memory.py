"""Memory is bounded by the number of frames in flight, not by the video's length or number."""
import os
import subprocess

import pytest
from sanitizer import memory

TEN_AT_ONCE = 500 * 1000 * 1000


def peak_of(program, arguments, env):
    """Peak resident bytes of a run that must succeed."""
    with open(os.devnull, "w") as null:
        child = subprocess.Popen([program, *map(str, arguments)], stdout=null, stderr=subprocess.PIPE, env=env)
        err = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, err[-2000:]
    return usage.ru_maxrss * 1024


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Ten 1080p clips as x264 makes them by default."""
    folder = tmp_path_factory.mktemp("hd")
    first = folder / "0.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration=1", "-c:v",
                    "libx264", "-pix_fmt", "yuv420p", first], check=True)
    return [first] + [os.fspath(link(first, folder / f"{i}.mp4")) for i in range(1, 10)]


def link(target, path):
    path.hardlink_to(target)
    return path


def test_ten_videos_at_once(assay, data, clips, tmp_path):
    peak = peak_of(assay.program, ["detect", *clips, "--model", data / "models/yolov8n_fp32_640.onnx", "--out", tmp_path,
                                   "--side-by-side", 10, "--max-frames", 12, "--quiet"], assay.environment())
    print(f"ten 1080p videos at once: {peak / 1e6:.0f} MB")
    assert peak < memory(TEN_AT_ONCE)


def test_a_longer_video_needs_no_more(assay, data, tmp_path):
    short, long, listing = (tmp_path / name for name in ("short.mp4", "long.mp4", "list.txt"))
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=2", "-c:v", "libx264",
                    "-pix_fmt", "yuv420p", short], check=True)
    listing.write_text("".join(f"file '{short}'\n" for _ in range(10)))
    subprocess.run(["ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", listing, "-c", "copy", long], check=True)
    common = ["--model", data / "models/FastestDet_352.onnx", "--quiet", "--confidence", "0.01"]
    # the number of frames in flight differs from run to run where the machine is busy: the highest of three counts
    short_peak = max(peak_of(assay.program, ["detect", short, *common], assay.environment()) for _ in range(3))
    long_peak = peak_of(assay.program, ["detect", long, *common], assay.environment())
    print(f"60 frames: {short_peak / 1e6:.1f} MB, 600 frames: {long_peak / 1e6:.1f} MB")
    assert long_peak < memory(short_peak * 1.05)
