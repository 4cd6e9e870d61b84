"""`assay serve`: the whole walk over HTTP, and what a server has to survive."""
import asyncio
import gzip
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import openapi
import pytest
from sanitizer import patient
from server import Server

CLIP = "video_with_gt/TUD-Campus_frames/TUD-Campus.mp4"
TRUTH = "video_with_gt/TUD-Campus_frames/gt.coco.json"
MODEL = "models/yolox_nano_416.onnx"
QUICK = "models/FastestDet_352.onnx"


@pytest.fixture
def server(assay, tmp_path):
    with Server(assay, tmp_path / "data") as s:
        yield s


@pytest.fixture(scope="module")
def idle(assay, tmp_path_factory):
    """For questions that leave nothing behind."""
    with Server(assay, tmp_path_factory.mktemp("idle") / "data") as s:
        yield s


def follow(server, task):
    """What a listener of the task's progress hears, to its last message."""
    websockets = pytest.importorskip("websockets")

    async def listen():
        heard = []
        async with websockets.connect(f"{server.url.replace('http', 'ws')}/ws/progress/{task}") as socket:
            while not heard or heard[-1]["status"] in ("queued", "running"):
                heard.append(json.loads(await asyncio.wait_for(socket.recv(), patient(60))))
                openapi.check_schema(heard[-1], {"$ref": "#/components/schemas/TaskProgress"}, "a message of the task's progress")
        return heard

    return asyncio.run(listen())


def test_the_whole_walk(assay, data, server, tmp_path):
    project = server.project("campus")
    video = server.video(project, data / CLIP)
    model = server.model(data / MODEL, "nano")
    truth = server.truth(video, data / TRUTH)
    assert truth["version"] == 1 and truth["format"] == "coco" and truth["objects"] > 0
    # Processing may be asked for before the upload was looked at.
    task = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "nano", "settings": {"confidence": 0.001}}, status=202)
    assert task["status"] == "queued"
    heard = follow(server, task["task_id"])
    assert heard[-1]["status"] == "succeeded" and heard[-1]["progress"] == 1
    known = server.made("GET", f"/api/v1/videos/{video}")
    assert (known["status"], known["frames"], known["width"], known["height"]) == ("ready", 71, 640, 480)
    assert known["sha256"] == hashlib.sha256((data / CLIP).read_bytes()).hexdigest()
    # The same lines as the command line's.
    out = tmp_path / "out.jsonl"
    assay.ok("detect", data / CLIP, "--model", data / MODEL, "--confidence", "0.001", "--out", out)
    wanted = [dict(frame=f["frame"], pts_us=f["pts_us"], **d) for f in map(json.loads, out.read_text().splitlines())
              if f["type"] == "frame" for d in f["detections"]]
    streamed = server.made("GET", f"/api/v1/videos/{video}/detections?stream=1")["items"]
    assert streamed == wanted
    paged, cursor = [], ""
    while cursor is not None:
        page = server.made("GET", f"/api/v1/videos/{video}/detections?limit=1000&cursor={cursor}")
        paged += page["items"]
        cursor = page["next_cursor"]
    assert paged == wanted
    filtered = server.made("GET", f"/api/v1/videos/{video}/detections?stream=1&label=person&min_confidence=0.3&from_frame=10&to_frame=20")
    assert filtered["items"] == [d for d in wanted if d["label"] == "person" and d["confidence"] >= 0.3 and 10 <= d["frame"] <= 20]
    columns = server.get(f"/api/v1/videos/{video}/detections", headers={"Accept": "application/vnd.assay.columns"})
    assert columns.headers["Content-Type"] == "application/vnd.assay.columns" and columns.body[:4] == b"ABC1"
    # A session judges as validate does.
    session = server.made("POST", "/api/v1/sessions", {"project_id": project, "model": model, "video_ids": [video], "profile": "default",
                                                       "settings": {}}, status=201)["id"]
    done = server.wait_for(f"/api/v1/sessions/{session}", lambda s: s["status"] in ("succeeded", "failed"))
    assert done["status"] == "succeeded", server.text()
    metrics = tmp_path / "metrics.json"
    assay.run("validate", data / CLIP, "--model", data / MODEL, "--truth", data / TRUTH, "--profile", "default", "--json", metrics)
    mine = server.made("GET", f"/api/v1/sessions/{session}/results")
    theirs = json.loads(metrics.read_text())
    assert mine["metrics"]["coco"] == theirs["coco"]
    assert mine["metrics"]["operating_point"] == theirs["operating_point"]
    assert mine["judgement"]["verdict"]["outcome"] == theirs["verdict"]["outcome"]
    assert mine["judgement"]["verdict"]["criteria"][0]["value"] == theirs["verdict"]["criteria"][0]["value"]
    counts = theirs["operating_point"]
    for result, name in (("tp", "true_positives"), ("fp", "false_positives"), ("fn", "false_negatives")):
        found = server.made("GET", f"/api/v1/sessions/{session}/detections?stream=1&result={result}")["items"]
        assert len(found) == counts[name] and all(d["result"] == result for d in found)
    report = server.get(f"/api/v1/sessions/{session}/report.html")
    assert report.status == 200 and b"<svg" in report.body and b"data:image/jpeg" in report.body
    stats = server.made("GET", "/api/v1/dashboard/stats")
    assert stats["videos"] == 1 and stats["latest_AP"] == mine["AP"] and stats["detections"] > 0
    # Gone is gone, files too.
    assert server.ask("DELETE", f"/api/v1/sessions/{session}").status == 204
    assert server.ask("DELETE", f"/api/v1/videos/{video}").status == 204
    assert server.get(f"/api/v1/videos/{video}").status == 404
    assert server.ask("DELETE", f"/api/v1/projects/{project}").status == 204
    assert server.ask("DELETE", f"/api/v1/models/{model}").status == 204
    assert not [f for _, _, names in os.walk(server.data / "blobs") for f in names]
    assert server.made("GET", "/api/v1/dashboard/stats")["latest_AP"] is None


def test_the_description_is_served_and_judges(idle):
    served = idle.get("/openapi.yaml")
    assert served.body == openapi.FILE.read_bytes()
    # What judges every other test refuses what it should.
    project = {"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "name": "x", "description": None, "quota_bytes": 0, "videos": 0, "sessions": 0,
               "created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z"}
    page = {"items": [project], "next_cursor": None}

    def judge(status=200, path="/api/v1/projects", kind="application/json", method="GET", asked=None, **changes):
        body = json.dumps({**page, "items": [{**project, **changes}]}).encode()
        openapi.check(method, path, {"Content-Type": "application/json"} if asked else {}, asked, status, {"Content-Type": kind}, body)

    judge()
    judge(path="/api/projects?limit=5&cursor=x")
    for wrong in ({"status": 202}, {"path": "/api/v1/projekts"}, {"kind": "text/html"}, {"colour": 1}, {"name": None}, {"videos": -1},
                  {"id": "1"}, {"path": "/api/v1/projects?colour=1"}, {"created_at": "yesterday"}, {"method": "POST"}, {"asked": b'{"name":"x"}'}):
        with pytest.raises(AssertionError, match="openapi.yaml"):
            judge(**wrong)


def test_frames_and_bytes(data, server):
    project = server.project()
    video = server.video(project, data / CLIP)
    server.video_known(video)
    whole = server.get(f"/api/v1/videos/{video}/content")
    assert whole.body == (data / CLIP).read_bytes() and whole.headers["Accept-Ranges"] == "bytes"
    part = server.get(f"/api/v1/videos/{video}/content", headers={"Range": "bytes=100-199"})
    assert part.status == 206 and part.body == whole.body[100:200]
    assert server.get(f"/api/v1/videos/{video}/thumbnail.jpg").body[:2] == b"\xff\xd8"
    frame = server.get(f"/api/v1/videos/{video}/frames/70.jpg")
    assert frame.status == 200 and frame.body[:2] == b"\xff\xd8"
    again = server.get(f"/api/v1/videos/{video}/frames/70.jpg", headers={"If-None-Match": frame.headers["ETag"]})
    assert again.status == 304
    assert server.get(f"/api/v1/videos/{video}/frames/71.jpg").status == 404
    assert server.get(f"/api/v1/videos/{video}/frames/x.jpg").status == 404
    times = server.get(f"/api/v1/videos/{video}/times")
    assert times.json == {"video_id": video, "frames": 71, "first_pts_us": 0, "steps": [40000, 70]}
    assert server.get(f"/api/v1/videos/{video}/times", headers={"If-None-Match": times.headers["ETag"]}).status == 304


def jpeg_size(body):
    at = 2
    while body[at + 1] not in (0xC0, 0xC2):
        at += 2 + int.from_bytes(body[at + 2:at + 4], "big")
    return int.from_bytes(body[at + 7:at + 9], "big"), int.from_bytes(body[at + 5:at + 7], "big")


def gray_of(body, width, height):
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt", "gray", "-"], input=body, stdout=subprocess.PIPE, check=True)
    assert len(done.stdout) == width * height
    return done.stdout


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="pictures are compared with ffmpeg's help")
def test_a_part_of_a_frame(data, server):
    video = server.video(server.project(), data / CLIP)
    known = server.video_known(video)
    wide, high = known["width"], known["height"]
    frames = f"/api/v1/videos/{video}/frames"
    whole = gray_of(server.get(f"{frames}/40.jpg").body, wide, high)
    for x, y, w, h in ((0, 0, 64, 48), (33, 17, 101, 75), (wide - 50, high - 40, 50, 40), (0, 0, wide, high)):
        reply = server.get(f"{frames}/40.jpg?crop={x},{y},{w},{h}")
        assert reply.status == 200 and jpeg_size(reply.body) == (w, h)
        part = gray_of(reply.body, w, h)
        apart = sum(abs(part[j * w + i] - whole[(y + j) * wide + x + i]) for j in range(h) for i in range(w)) / (w * h)
        assert apart < 3, f"{x},{y},{w},{h}: {apart} levels apart"
    assert jpeg_size(server.get(f"{frames}/40.jpg?crop=10,10,200,100&width=88").body) == (88, 44)
    etags = {server.get(f"{frames}/40.jpg{q}").headers["ETag"] for q in ("", "?crop=0,0,64,48", "?crop=1,0,64,48", "?crop=1,0,64,48&width=32")}
    assert len(etags) == 4
    for wrong in ("1,2,3", "1,2,3,4,5", "1,2,3,4,", "0,0,0,9", "0,0,9,0", "-1,0,9,9", "a,0,9,9", "1.5,0,9,9", f"0,0,{wide + 1},9", f"0,0,9,{high + 1}",
                  f"{wide},0,1,1", "99999,99999,99999,99999", "999999999999999999999,0,9,9"):
        refused = server.get(f"{frames}/40.jpg?crop={wrong}")
        assert refused.status == 400 and "crop" in refused.json["message"], wrong


def test_a_preview_where_browsers_cannot_play(data, server):
    project = server.project()
    video = server.video(project, data / "odd_media/sample.avi")
    known = server.video_known(video)
    assert known["status"] == "ready" and not known["is_playable"]
    known = server.wait_for(f"/api/v1/videos/{video}", lambda v: v["has_preview"])
    preview = server.get(f"/api/v1/videos/{video}/content")
    assert preview.headers["Content-Type"] == "video/mp4" and preview.body[4:8] == b"ftyp"
    assert server.get(f"/api/v1/videos/{video}/content?original=true").body == (data / "odd_media/sample.avi").read_bytes()


@pytest.mark.parametrize("method,path,body,status,word", [
    ("POST", "/api/v1/projects", {}, 400, "'name' is needed"),
    ("POST", "/api/v1/projects", {"name": "x", "colour": 1}, 400, "colour"),
    ("POST", "/api/v1/projects", {"name": None}, 400, "'name' is needed"),
    ("POST", "/api/v1/projects", {"name": 5}, 400, "'name' is not a text"),
    ("POST", "/api/v1/projects", {"name": "   "}, 400, "empty"),
    ("POST", "/api/v1/projects", {"name": "a\x9b31m"}, 400, "no text"),
    ("POST", "/api/v1/projects", {"name": "exe.\u202egpj"}, 400, "no text"),
    ("POST", "/api/v1/projects", {"name": "a\u2028b"}, 400, "no text"),
    ("POST", "/api/v1/projects", b"{", 422, "line 1"),
    ("POST", "/api/v1/projects", [], 400, "not a JSON object"),
    ("GET", "/api/v1/projects/01ARZ3NDEKTSV4RRFFQ69G5FAV", None, 404, "does not exist"),
    ("GET", "/api/v1/projects/../../etc/passwd", None, 400, "dots"),
    ("GET", "/api/v1/projects?limit=0", None, 400, "limit"),
    ("GET", "/api/v1/projects?limit=1&limit=2", None, 400, "'limit' stands there twice"),
    ("GET", "/api/v1/projects?limit=1&cursor=&limit=1", None, 400, "'limit' stands there twice"),
    ("GET", "/api/v1/tasks?status=failed&%73tatus=failed", None, 400, "'status' stands there twice"),
    ("GET", "/api/v1/projects?cursor=" + 80 * "x", None, 400, "cursor"),
    ("GET", "/api/v1/projects?cursor=zzzz", None, 400, "cursor"),
    ("GET", "/api/v1/tasks?cursor=~", None, 400, "cursor"),
    ("GET", "/api/v1/sessions?cursor=1:2", None, 400, "cursor"),
    ("GET", "/api/v1/models?cursor=%27%20OR%201=1--", None, 400, "cursor"),
    ("GET", "/api/v1/tasks?status=sleeping", None, 400, "sleeping"),
    ("POST", "/api/v1/videos/process", {"video_ids": [], "model": "x"}, 400, "empty"),
    ("POST", "/api/v1/sessions", {"project_id": "none", "video_ids": ["x"], "model": "m"}, 404, "project"),
    ("DELETE", "/api/v1/dashboard/stats", None, 405, ""),
    ("GET", "/api/v1/nothing", None, 404, ""),
])
def test_wrong_requests(idle, method, path, body, status, word):
    reply = idle.ask(method, path, body, {"Content-Type": "application/json"} if body is not None else None)
    assert reply.status == status, reply.body
    assert set(reply.json) == {"error", "message"} and word in reply.json["message"]
    assert reply.headers["X-Request-ID"]


@pytest.mark.parametrize("line, statuses", [
    ("GET /version HTTP/9.9", {505}),
    ("GET /version HTTP/2.0", {505}),
    ("GET /version", {400}),
    ("GET /version?" + "x" * 70_000 + " HTTP/1.1", {414, None}), # None: closed while it was still sending
    ("GET /version?" + "x" * 1_000_000 + " HTTP/1.1", {414, None}),
    ("x" * 70_000, {400, 414, None}),
    ("GARBAGE", {400, None}),
    ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400, None}),
])
def test_first_lines_that_are_none(idle, line, statuses):
    """What libmicrohttpd refuses before anything of ours sees it: an error in its own words, and the connection is over."""
    host, port = idle.url.removeprefix("http://").split(":")
    heard = b""
    with socket.create_connection((host, int(port)), timeout=patient(20)) as s:
        try:
            s.sendall(f"{line}\r\nHost: {host}\r\n\r\n".encode("latin1"))
            s.shutdown(socket.SHUT_WR)
            while piece := s.recv(65536): # to its end: a connection that stays open is a timeout here
                heard += piece
        except TimeoutError:
            raise
        except OSError: # reset, or no longer connected
            pass
    assert (int(heard.split()[1]) if heard else None) in statuses, heard[:300]
    assert heard.count(b"HTTP/1.") <= 1
    assert idle.get("/version").status == 200


def test_a_page_may_be_asked_for_with_names_that_stand_twice(idle):
    """A review's address names its labels one by one; without a page the answer is that there is none."""
    there = idle.get("/").status
    for path in ("/projects/x?label=a&label=b", "/?x=1&x=2"):
        assert idle.get(path).status == there in (200, 404)
    assert idle.get("/assets/none.js?x=1&x=1").status == 404


@pytest.mark.parametrize("path", ["/api/v1/projects", "/api/v1/videos?project_id=x&name=x", "/v2/models/x/infer"])
def test_packed_bodies_are_not_taken(idle, path):
    for coding in ("gzip", "GZIP", "deflate", "br", "gzip, identity", "x" * 200):
        reply = idle.ask("POST", path, gzip.compress(b'{"name":"x"}'), {"Content-Type": "application/json", "Content-Encoding": coding})
        assert reply.status == 415 and reply.headers["Accept-Encoding"] == "identity", reply.body
        assert "Content-Encoding" in reply.json["message"] and coding[:40] in reply.json["message"]
    body = json.dumps({"name": "as it is " + path}).encode()
    assert idle.ask("POST", "/api/v1/projects", body, {"Content-Type": "application/json", "Content-Encoding": "Identity"}).status == 201


def test_settings_are_checked_before_they_are_queued(data, server):
    video = server.video(server.project(), data / CLIP)
    server.model(data / QUICK, "quick")
    for settings, word in (({"confidence": 2}, "settings.confidence"), ({"max_frame": 1}, "max_frame"), ({"labels": "/etc/passwd"}, "labels"),
                           ({"class_confidence": "@/etc/passwd"}, "class_confidence")):
        reply = server.ask("POST", f"/api/v1/videos/{video}/process", {"model": "quick", "settings": settings})
        assert reply.status == 400 and word in reply.json["message"], reply.body
    assert server.ask("POST", f"/api/v1/videos/{video}/process", {"model": "unknown"}).status == 404


def test_truth_that_is_none_names_the_file_and_not_its_place(data, server):
    video = server.video(server.project(), data / CLIP)
    reply = server.ask("PUT", f"/api/v1/videos/{video}/truth?name=mine.txt", b"no truth at all\n", {"Content-Type": "text/plain"})
    assert reply.status in (415, 422) and "mine.txt" in reply.json["message"], reply.body
    assert str(server.data) not in reply.json["message"]
    assert server.get(f"/api/v1/videos/{video}/truth").status == 404


def test_errors_of_videos_and_models_name_no_place_of_the_server(data, server):
    project = server.project()
    broken = server.made("POST", f"/api/v1/videos?project_id={project}&name=mine.mp4", b"no video at all\n" * 20,
                         {"Content-Type": "application/octet-stream"}, status=202)["id"]
    server.video_known(broken)
    reply = server.get(f"/api/v1/videos/{broken}/frames/0.jpg")
    assert reply.status == 422 and reply.json["message"].startswith("mine.mp4: "), reply.body
    video = server.video(project, data / CLIP)
    server.model(data / QUICK, "quick")
    task = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "quick", "settings": {"precision": "int8"}})["task_id"]
    error = server.task_end(task)["error"]
    assert "quick: not calibrated" in error and "quick: quick" not in error and str(server.data) not in error, error


def test_requests_of_other_sites_are_refused(server):
    for headers in ({"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example:80"}):
        assert server.get("/api/v1/projects", headers=headers).status == 403
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        reply = server.ask("POST", "/api/v1/projects", {"name": "x"}, headers)
        assert reply.status == 403, reply.body
    assert server.ask("POST", "/api/v1/projects", {"name": "x"}, {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}).status == 201


def test_hostile_uploads_fail_alone(data, server):
    project = server.project()
    videos = {}
    for file in sorted((data / "hostile_media").iterdir()):
        if file.is_file() and file.stat().st_size > 0:
            videos[file.name] = server.video(project, file)
    for name, video in videos.items():
        known = server.video_known(video)
        assert known["status"] == "ready" or known["error"], name
        assert str(server.data) not in (known["error"] or "")
    refused = 0
    for file in sorted((data / "models_hostile").glob("*.onnx")):
        reply = server.ask("POST", f"/api/v1/models?name={file.name}", file.read_bytes(), {"Content-Type": "application/octet-stream"})
        assert reply.status in (400, 413, 415, 422), f"{file.name}: {reply.status} {reply.body}"
        assert str(server.data) not in reply.json["message"]
        refused += 1
    assert videos and refused
    assert server.get("/health/ready").status == 200


def test_cancel_retry_and_the_dead(data, server):
    video = server.video(server.project(), data / "video_with_gt/vtest_PETS09-S2L1/vtest.mp4")
    server.model(data / MODEL, "nano")
    task = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "nano"})["task_id"]
    server.wait_for(f"/api/v1/tasks/{task}/status", lambda t: t["status"] == "running")
    server.made("POST", f"/api/v1/tasks/{task}/cancel")
    assert server.task_end(task)["status"] == "cancelled"
    assert server.get(f"/api/v1/videos/{video}/detections?task={task}").status == 404
    again = server.made("POST", f"/api/v1/tasks/{task}/retry")
    assert again["status"] in ("queued", "running")
    server.made("POST", f"/api/v1/tasks/{task}/cancel")
    assert server.task_end(task)["status"] == "cancelled"
    assert server.ask("POST", f"/api/v1/tasks/{server.made('GET', '/api/v1/tasks?kind=probe')['items'][0]['task_id']}/retry").status == 409


def test_sessions_without_something_to_judge(data, server):
    project = server.project()
    plain = server.video(project, data / CLIP)
    broken = server.video(project, data / "models/models.json")
    server.model(data / QUICK, "quick")
    ask = {"project_id": project, "model": "quick", "profile": "default"}
    session = server.made("POST", "/api/v1/sessions", {**ask, "video_ids": [plain]})["id"]
    done = server.wait_for(f"/api/v1/sessions/{session}", lambda s: s["status"] in ("succeeded", "failed"))
    assert done["status"] == "succeeded" and done["AP"] is None and done["verdict"] is None
    assert "no ground truth" in server.made("GET", f"/api/v1/sessions/{session}/results")["metrics"]["notices"][0]
    server.truth(broken, data / TRUTH)
    session = server.made("POST", "/api/v1/sessions", {**ask, "video_ids": [broken]})["id"]
    done = server.wait_for(f"/api/v1/sessions/{session}", lambda s: s["status"] in ("succeeded", "failed"))
    assert done["status"] == "failed" and "see its tasks" in done["error"]


def test_kill_and_start_again(assay, data, tmp_path):
    """Whatever was acknowledged is there, and every task ends once with the same results."""
    server = Server(assay, tmp_path / "data").start()
    project = server.project()
    video = server.video(project, data / CLIP)
    server.model(data / QUICK, "quick")
    settings = {"confidence": 0.05}
    reference = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "quick", "settings": settings})["task_id"]
    assert server.task_end(reference)["status"] == "succeeded"
    wanted = server.made("GET", f"/api/v1/videos/{video}/detections?stream=1&task={reference}")["items"]
    tasks = []
    for moment in (0.0, 0.05, 0.2, 0.4):
        tasks.append(server.made("POST", f"/api/v1/videos/{video}/process", {"model": "quick", "settings": settings})["task_id"])
        time.sleep(moment)
        server.stop(signal.SIGKILL)
        server.start()
    for task in tasks:
        end = server.task_end(task)
        assert end["status"] == "succeeded" and end["frames_done"] == end["frames_total"] > 0, end
        assert server.made("GET", f"/api/v1/videos/{video}/detections?stream=1&task={task}")["items"] == wanted
    runs = server.made("GET", f"/api/v1/videos/{video}/runs")["items"]
    assert sorted(r["task_id"] for r in runs) == sorted([reference, *tasks]) and all(r["is_complete"] for r in runs)
    assert server.stop() == 0


def test_stopping_gives_tasks_back(assay, data, tmp_path):
    with Server(assay, tmp_path / "data", "--stop-seconds", 0.2) as server:
        video = server.video(server.project(), data / "video_with_gt/vtest_PETS09-S2L1/vtest.mp4")
        server.model(data / MODEL, "nano")
        task = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "nano", "settings": {"max_frames": 200}})["task_id"]
        server.wait_for(f"/api/v1/tasks/{task}/status", lambda t: t["status"] == "running" and t["frames_done"] > 0)
        assert server.stop() == 0
    with Server(assay, tmp_path / "data") as server:
        end = server.task_end(task)
        assert end["status"] == "succeeded" and end["attempt"] == 1


def test_start_refusals(assay, server, tmp_path):
    port = server.url.rsplit(":", 1)[1]
    assert "holds" in assay.refuses("serve", "--data", server.data, "--listen", "127.0.0.1:0", status=3)
    assert port in assay.refuses("serve", "--data", tmp_path / "other", "--listen", f"127.0.0.1:{port}", status=3)
    assert "loopback" in assay.refuses("serve", "--data", tmp_path / "third", "--listen", "0.0.0.0:0")
    (tmp_path / "file").write_text("")
    assert "file" in assay.refuses("serve", "--data", tmp_path / "file", "--listen", "127.0.0.1:0", status=None)


def test_metrics_are_prometheus(server, tmp_path):
    promtool = shutil.which("promtool")
    server.project()
    text = ""
    deadline = time.monotonic() + patient(10)  # a request is counted when its answer is on its way
    while 'route="/api/v1/projects"' not in text and time.monotonic() < deadline:
        text = server.get("/metrics").body.decode()
    for name in ("http_requests_total", "http_request_duration_seconds", "store_query_duration_seconds", "task_queue_depth",
                 "store_connections", "websocket_clients", "process_memory_bytes", "process_cpu_usage_percent"):
        assert f"\n# TYPE {name} " in "\n" + text, name
    assert 'route="/api/v1/projects"' in text
    if promtool:
        import subprocess
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
