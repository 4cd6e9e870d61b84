"""Models that were written to do harm, or came out wrong: refused with the cause, or stopped; the server goes on."""
import json
import math
import signal
import threading
import time
from pathlib import Path

import onnx_file
import pytest
import sanitizer
from server import Server

CLIP = "odd_media/sample.avi"
BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def server(assay, data, tmp_path_factory):
    with Server(assay, tmp_path_factory.mktemp("hostile") / "data") as s:
        s.clip = s.video(s.project(), data / CLIP)
        s.video_known(s.clip)
        s.picture = s.get(f"/api/v1/videos/{s.clip}/frames/0.jpg").body
        yield s


def upload(server, name, body):
    return server.ask("POST", f"/api/v1/models?name={name}", body, BYTES)


def look(server, model, timeout=60):
    return server.ask("POST", f"/api/v1/inference/image?model={model}", server.picture, {"Content-Type": "image/jpeg"}, timeout=timeout)


@pytest.mark.parametrize("body,word", [
    (onnx_file.detector(row=(math.nan,) * 6), "confidence of nan"),
    (onnx_file.detector(row=(32., 32., 10., 10., 9e9, .1)), "outside 0..1"),
    (onnx_file.detector(between=([onnx_file.node("Add", ["zero", "b"], ["a"]), onnx_file.node("Add", ["a", "none"], ["b"])], [], "b")), "acyclic"),
    (onnx_file.detector(between=([onnx_file.node("Evil", ["zero"], ["x"])], [], "x")), "Evil"),
    (onnx_file.wants_memory(1_000_000), "memory"),
], ids=["nan", "huge", "cycle", "operator", "memory"])
def test_refused_with_the_cause_and_without_a_path(server, body, word):
    if word == "memory" and sanitizer.name:
        pytest.skip("a sanitizer's operator new ends the program where memory lacks: ONNX Runtime cannot say so")
    reply = upload(server, "bad", body)
    assert reply.status == 422 and reply.json["error"] == "MODEL" and word in reply.json["message"], reply.body
    assert str(server.data) not in reply.json["message"]


def test_a_box_that_is_no_number(server):
    assert upload(server, "nowhere", onnx_file.detector(row=(math.nan,) * 4 + (.9, .1))).status == 201
    reply = look(server, "nowhere")
    assert reply.status == 422 and "not a number" in reply.json["message"]
    assert str(server.data) not in reply.json["message"] and "nowhere" in reply.json["message"]


def test_names_that_are_no_text(server):
    """What is stored can be read again."""
    reply = upload(server, "names", onnx_file.detector(names=b"{0: 'a\xff\nb\xe2\x80\xae', 1: ' '}"))
    assert reply.status == 201 and reply.json["labels"] == ["a\ufffd?b?", "class 1"]
    task = server.made("POST", f"/api/v1/videos/{server.clip}/process", {"model": "names", "settings": {"max_frames": 1}})["task_id"]
    assert server.task_end(task)["status"] == "succeeded"
    assert server.made("GET", f"/api/v1/videos/{server.clip}/detections?task={task}")["items"][0]["label"] == "a\ufffd?b?"


def test_a_model_that_is_never_done(assay, data, tmp_path):
    """It passes the check, as the check's picture has one colour. Whoever waits for it can stop it: a task, a client, the server."""
    with Server(assay, tmp_path / "data", "--stop-seconds", 1) as server:
        server.clip = server.video(server.project(), data / CLIP)
        server.video_known(server.clip)
        server.picture = server.get(f"/api/v1/videos/{server.clip}/frames/0.jpg").body
        assert upload(server, "endless", onnx_file.loops_where_there_is_a_picture()).status == 201
        task = server.made("POST", f"/api/v1/videos/{server.clip}/process", {"model": "endless"})["task_id"]
        server.wait_for(f"/api/v1/tasks/{task}/status", lambda t: t["status"] == "running")
        time.sleep(0.5)
        server.made("POST", f"/api/v1/tasks/{task}/cancel", b"")
        assert server.task_end(task, 60)["status"] == "cancelled"
        with pytest.raises(TimeoutError):
            look(server, "endless", timeout=1)
        # Both are out of it: nobody uses it any more.
        for _ in range(600):
            reply = server.ask("DELETE", "/api/v1/models/endless")
            if reply.status == 204:
                break
            time.sleep(0.1)
        assert reply.status == 204, reply.body
        # The server ends beside one that somebody waits for.
        assert upload(server, "endless", onnx_file.loops_where_there_is_a_picture()).status == 201
        waiting = threading.Thread(target=lambda: pytest.raises(Exception, look, server, "endless"))
        waiting.start()
        time.sleep(0.7)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        waiting.join()


def catches_interrupts(pid):
    caught = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1


def test_an_interrupt_beside_a_picture_that_is_never_done(assay, data, tmp_path):
    """The first interrupt gives the picture up after a while: the run was interrupted, nothing failed."""
    (tmp_path / "endless.onnx").write_bytes(onnx_file.loops_where_there_is_a_picture())
    process = assay.start("detect", data / CLIP, "--model", tmp_path / "endless.onnx", "--engine", "onnxruntime",
                          "--out", tmp_path / "o.jsonl", "--quiet")
    deadline = time.monotonic() + sanitizer.patient(30)
    while not catches_interrupts(process.pid):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    last = json.loads((tmp_path / "o.jsonl").read_text().splitlines()[-1])
    assert last["interrupted"] is True and not last.get("error")
