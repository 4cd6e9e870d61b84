"""What every command shares: help, options, messages, exit codes, interruption."""
import json
import os
import pty
import re
import select
import signal
import time

import pytest
from sanitizer import patient


def commands(assay):
    text = assay.ok("--help").stdout
    return [m.group(1) for m in re.finditer(r"^  (\w+(?: \w+)?)  +\S", text, re.M)]


def test_help_and_version(assay):
    assert re.fullmatch(r"assay \d+\.\d+\.\d+\n", assay.ok("--version").stdout)
    names = commands(assay)
    assert {"detect", "doctor", "evaluate", "probe", "validate"} <= set(names)
    assert names == sorted(names)
    for name in names:
        words = name.split()
        text = assay.ok(*words, "--help").stdout
        assert text.startswith(f"usage: assay {name} "), name
        assert "--log-level LEVEL" in text and "--config FILE" in text
        assert max(map(len, text.splitlines())) <= 100, name
        assert assay.ok(*words, "-h", "--bogus").stdout == assay.ok("help", *words).stdout == text
        assert assay.ok(*words, "--version").stdout == assay.ok("--version").stdout
    assert assay.ok("-h").stdout == assay.ok("help").stdout


@pytest.mark.parametrize("arguments,message", [
    ([], "a command must come first"),
    (["--quiet"], "a command must come first"),
    (["prob"], "unknown command 'prob', did you mean 'probe'?"),
    (["zzzz"], "unknown command 'zzzz'"),
    (["worker", "x"], "worker takes no arguments"),
    (["\x1b[31m"], "unknown command '?[31m'"),
    (["model"], "'model' needs a second word"),
    (["probe"], "no FILE is given"),
    (["doctor", "x"], "'x' is one argument too many"),
    (["probe", "--jsn", "-"], "unknown option '--jsn', did you mean '--json'?"),
    (["probe", "--json"], "--json needs a value: --json FILE"),
    (["probe", "x", "--log-level", "loud"], "--log-level: 'loud' is none of info, error, warning, debug"),
    (["probe", "x", "--stream-index", "-2"], "--stream-index: '-2' is not between -1 and 1000000"),
    (["probe", "--config", "/nonexistent", "x"], "--config: /nonexistent: No such file or directory"),
    (["probe", "/nonexistent\n\x1b.mp4"], "/nonexistent??.mp4"),
])
def test_wrong_command_lines(assay, arguments, message):
    text = assay.refuses(*arguments)
    assert message in text and text.startswith("assay: error: ") and text.count("\n") == 1


def test_where_options_come_from(assay, tmp_path):
    config = tmp_path / "assay.conf"
    config.write_text("# of all commands\nlog-format = json\nMAX_FRAMES=10\n\nASSAY_LOG_LEVEL=\"error\"\n")
    line = json.loads(assay.refuses("probe", "/nonexistent", "--config", config))
    assert line["level"] == "error" and "/nonexistent" in line["message"]
    text = assay.refuses("probe", "/nonexistent", env={"ASSAY_CONFIG": str(config), "ASSAY_LOG_FORMAT": "text"})
    assert text.startswith("assay: error:")
    text = assay.refuses("probe", "/nonexistent", "--log-format=json", env={"ASSAY_LOG_FORMAT": "text"})
    assert json.loads(text)["level"] == "error"
    config.write_text("max-frame=10\n")
    assert f"{config}: line 1: unknown key 'max-frame'" in assay.refuses("probe", "x", "--config", config)
    assert "ASSAY_LOG_LEVEL: 'x' is none of" in assay.refuses("probe", "x", env={"ASSAY_LOG_LEVEL": "x"})
    assay.ok("doctor", env={"ASSAY_UNHEARD_OF": "1", "ASSAY_JSON": ""})


def test_worker_says_what_it_waits_for(assay):
    said = assay.refuses("worker", status=3)
    assert "PostgreSQL" in said and "assay serve --workers" in said and said.count("\n") == 1


def test_doctor(assay, tmp_path):
    out = tmp_path / "doctor.json"
    text = assay.ok("doctor", "--json", out).stdout
    findings = json.loads(out.read_text())["findings"]
    names = [f["name"] for f in findings]
    for name in ("assay", "cpu", "cpu features", "cores", "memory", "disk", "ONNX Runtime", "libav", "decoders"):
        assert name in names and name in text
    assert {f["verdict"] for f in findings} <= {"fact", "has", "lacks"}
    assert json.loads(assay.ok("doctor", "--json", "-").stdout)["findings"]
    lacks = assay.ok("doctor", env={"ASSAY_ONNXRUNTIME": "/nonexistent/libonnxruntime.so"}).stdout
    assert re.search(r"^--  ONNX Runtime .*/nonexistent", lacks, re.M)


def test_results_that_cannot_be_written(assay, tmp_path):
    with open("/dev/full", "w") as full:
        assert "standard output: No space left" in assay.refuses("doctor", status=3, stdout=full)
    assert "/dev/full: No space left" in assay.refuses("doctor", "--json", "/dev/full", status=3)
    assert "is a directory" in assay.refuses("doctor", "--json", tmp_path)
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as closed:
        assert "standard output: Broken pipe" in assay.refuses("doctor", status=3, stdout=closed)
    assay.ok("doctor", "--json", "/dev/null")
    assert os.stat("/dev/null").st_rdev != 0  # still the device


def test_probe_prints_the_others(assay, data, tmp_path):
    good = data / "video_with_gt/vtest_PETS09-S2L1/vtest.mp4"
    out = tmp_path / "probe.json"
    pointer = data / "hostile_media/accident_lfs_pointer.mp4"
    done = assay.run("probe", pointer, good, "--json", out)
    assert done.returncode == 2 and "Git-LFS pointer" in done.stderr
    assert "795 (counted)" in done.stdout and "constant, 10 frames a second" in done.stdout
    bad, fine = json.loads(out.read_text())["files"]
    assert bad["error"] == "MEDIA" and "Git-LFS" in bad["message"]
    assert (fine["frames"], fine["width"], fine["height"]) == (795, 480, 360)
    assert fine["last_pts_us"] == 79400000 and fine["variable_frame_rate"] is False
    assert json.loads(assay.ok("probe", good, "--json", "-").stdout)["files"] == [fine]


class Terminal:
    """The program with a terminal as standard error."""

    def __init__(self, assay, *arguments):
        self.far, near = pty.openpty()
        self.process = assay.start(*arguments, stdout=near, stderr=near, env={"TERM": "xterm"})
        os.close(near)
        self.text = ""

    def read_until(self, pattern, seconds=60):
        end = time.monotonic() + patient(seconds)
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"{pattern} never came:\n{self.text}"
            if select.select([self.far], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.far, 65536).decode("utf-8", "replace")
                except OSError:  # the program is gone
                    break

    def finish(self):
        status = self.process.wait(patient(60))
        self.read_until(r"(?!)" if select.select([self.far], [], [], 0)[0] else "")
        os.close(self.far)
        return status


@pytest.fixture
def detect(assay, data):
    def start(*more):
        return Terminal(assay, "detect", data / "video_with_gt/vtest_PETS09-S2L1/vtest.mp4", "--model",
                        data / "models/yolox_nano_416.onnx", *more)
    return start


def test_bar_on_a_terminal(detect, tmp_path):
    terminal = detect("--out", tmp_path / "o.jsonl", "--max-frames", "60")
    terminal.read_until(r"vtest\.mp4 \[[#-]+\] +\d+% \d+/\d+ frames \d+(\.\d)? fps")
    terminal.read_until("decoded = ")
    assert terminal.finish() == 0
    assert "\r\x1b[K" in terminal.text  # erased before the last message
    quiet = detect("--out", tmp_path / "q.jsonl", "--max-frames", "30", "--quiet")
    assert quiet.finish() == 0 and quiet.text == ""


def test_interrupted_once_and_twice(detect, tmp_path):
    out = tmp_path / "o.jsonl"
    terminal = detect("--out", out)
    terminal.read_until(r"\d+/795 frames")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.finish() == 130
    assert "interrupted, finishing" in terminal.text
    assert json.loads(out.read_text().splitlines()[-1])["interrupted"] is True
    terminal = detect("--out", out)
    terminal.read_until(r"\d+/795 frames")
    terminal.process.send_signal(signal.SIGHUP)
    assert terminal.finish() == 130
    assert json.loads(out.read_text().splitlines()[-1])["interrupted"] is True
    terminal = detect("--out", tmp_path / "p.jsonl")
    terminal.read_until(r"\d+/795 frames")
    began = time.monotonic()
    for _ in range(2):
        terminal.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    assert terminal.finish() == 130
    assert time.monotonic() - began < patient(5)
