"""Sessions: two compared, sessions from outside, what a page needs of one, settings refused with their true message."""
import io
import json
import re
import shutil
import subprocess
import tarfile

import pytest
from conftest import ROOT
from sanitizer import patient
from server import Server

FOLDER = "video_with_gt/TUD-Campus_frames"
CLIP, TRUTH, FOUND = f"{FOLDER}/TUD-Campus.mp4", f"{FOLDER}/gt.coco.json", f"{FOLDER}/ref_dets_yolox_nano.json"
MOT = f"{FOLDER}/det/det.txt"
QUICK, OTHER = "models/FastestDet_352.onnx", "models/yolox_nano_416.onnx"


@pytest.fixture(scope="module")
def server(assay, tmp_path_factory):
    with Server(assay, tmp_path_factory.mktemp("sessions") / "data") as s:
        yield s


@pytest.fixture(scope="module")
def project(server):
    return server.project("sessions")


@pytest.fixture(scope="module")
def video(server, project, data):
    """With its truth, and probed."""
    v = server.video(project, data / CLIP)
    server.truth(v, data / TRUTH)
    server.video_known(v)
    return v


def judged(server, session, status="succeeded"):
    done = server.wait_for(f"/api/v1/sessions/{session}", lambda s: s["status"] in ("succeeded", "failed"))
    assert done["status"] == status, done
    return done


@pytest.fixture(scope="module")
def pair(server, project, video, data):
    """Two sessions over one video, judged: of another model each."""
    made = []
    for name, model in (("quick", QUICK), ("other", OTHER)):
        server.model(data / model, name)
        made.append(server.made("POST", "/api/v1/sessions", {"project_id": project, "model": name, "video_ids": [video], "profile": "default"},
                                status=201)["id"])
    for session in made:
        judged(server, session)
    return made


def outside(server, project, videos, **more):
    return server.made("POST", "/api/v1/sessions", {"project_id": project, "source": "external", "model": "camera 7", "video_ids": videos, **more},
                       status=201)["id"]


def post(server, session, body, kind="application/x-ndjson", status=201, **query):
    path = f"/api/v1/sessions/{session}/detections?" + "&".join(f"{k}={v}" for k, v in query.items())
    reply = server.ask("POST", path, body, {"Content-Type": kind})
    assert reply.status == status, reply.body
    return reply.json


def finish(server, session):
    task = server.made("POST", f"/api/v1/sessions/{session}/finish", status=202)["task_id"]
    assert server.made("POST", f"/api/v1/sessions/{session}/finish", status=202)["task_id"] == task
    return judged(server, session)


# --- the walk


def test_the_walk_of_the_readme(assay, data, tmp_path):
    """The API chapter as it stands, from a bare start."""
    chapter = (ROOT / "README.md").read_text().split("## The API")[1].split("\n## ")[0]
    script = re.search(r"```sh\n(.*?)```", chapter, re.S).group(1)
    for name, file in (("clip.mp4", CLIP), ("truth.json", TRUTH), ("one.onnx", QUICK), ("two.onnx", OTHER)):
        shutil.copy(data / file, tmp_path / name)
    with Server(assay, tmp_path / "data") as s:
        script = script.replace("http://127.0.0.1:8080", s.url)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=patient(120))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "succeeded" in done.stdout and "null" not in done.stdout.splitlines()[:3], done.stdout
        assert len(json.loads((tmp_path / "detections.json").read_text())["items"]) > 100 and b"<svg" in (tmp_path / "report.html").read_bytes()
        # Nothing is left of it.
        assert s.made("GET", "/api/v1/projects")["items"] == s.made("GET", "/api/v1/models")["items"] == []
        assert not [f for f in (s.data / "blobs").rglob("*") if f.is_file()]


# --- compare


def test_two_sessions_compared(assay, data, server, pair, video, tmp_path):
    a, b = pair
    reply = server.get(f"/api/v1/sessions/{a}/compare/{b}")
    assert reply.status == 202 and reply.headers["Retry-After"] == "1"
    task = reply.json["task_id"]
    assert server.get(f"/api/v1/sessions/{a}/compare/{b}").json.get("task_id", task) == task
    assert server.task_end(task)["status"] == "succeeded"
    made = server.made("GET", f"/api/v1/sessions/{a}/compare/{b}", status=200)
    assert [v["video_id"] for v in made["videos"]] == [video] and made["left_out"] == []
    # The same as the command line's of the same two runs.
    runs = []
    for name, model in (("a", QUICK), ("b", OTHER)):
        runs.append(tmp_path / f"{name}.jsonl")
        assay.ok("detect", data / CLIP, "--model", data / model, "--confidence", "0.001", "--out", runs[-1])
    out = tmp_path / "compared.json"
    assay.ok("compare", *runs, "--truth", data / TRUTH, "--json", out)
    theirs, mine = json.loads(out.read_text()), made["comparison"]
    assert (mine["a"], mine["b"]) == (a, b)
    for key in ("settings", "pictures", "figures", "classes"):
        assert mine[key] == theirs[key], key
    assert {k: v for k, v in mine["changed_sides"].items() if k != "objects"} == {k: v for k, v in theirs["changed_sides"].items() if k != "objects"}
    # The page finds the frames of what changed sides.
    assert len(mine["changed_sides"]["objects"]) == len(theirs["changed_sides"]["objects"]) > 0
    assert all(0 <= o["first"]["frame"] <= o["last"]["frame"] < 71 for o in mine["changed_sides"]["objects"])
    # Kept: no second task.
    assert len(server.made("GET", f"/api/v1/tasks?kind=compare&session_id={a}")["items"]) == 1


def test_what_cannot_be_compared(data, server, project, video, pair):
    a, b = pair
    nobody = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert server.get(f"/api/v1/sessions/{a}/compare/{nobody}").status == 404
    reply = server.get(f"/api/v1/sessions/{a}/compare/{a}")
    assert reply.status == 400 and "another one" in reply.json["message"]
    open_one = outside(server, project, [video])
    reply = server.get(f"/api/v1/sessions/{a}/compare/{open_one}")
    assert reply.status == 409 and "is not judged: it is open" in reply.json["message"]
    # Another truth is told, not compared.
    server.truth(video, data / f"{FOLDER}/gt.txt")
    later = outside(server, project, [video])
    server.made("PUT", f"/api/v1/sessions/{later}/detections", (data / MOT).read_bytes(), {"Content-Type": "text/plain"}, status=201)
    finish(server, later)
    reply = server.get(f"/api/v1/sessions/{a}/compare/{later}")
    assert reply.status == 409 and "by version 1 in A and by version 2 in B" in reply.json["message"], reply.json
    server.truth(video, data / TRUTH)  # the newest for what follows; the same content as the first
    elsewhere = server.video(project, data / CLIP)
    server.truth(elsewhere, data / TRUTH)
    other = outside(server, project, [elsewhere])
    server.made("PUT", f"/api/v1/sessions/{other}/detections", (data / FOUND).read_bytes(), {"Content-Type": "application/json"}, status=201)
    finish(server, other)
    reply = server.get(f"/api/v1/sessions/{a}/compare/{other}")
    assert reply.status == 409 and "no video in common" in reply.json["message"]


# --- from outside


def evaluated(assay, data, detections, tmp_path, *options):
    out = tmp_path / "evaluated.json"
    assay.run("evaluate", "--truth", data / TRUTH, "--detections", detections, "--json", out, *options)
    return json.loads(out.read_text())


def same_figures(mine, theirs):
    for key in ("coco", "classes", "operating_point", "best_f1", "curves", "pictures", "objects"):
        assert mine[key] == theirs[key], key


def test_a_whole_result_file(assay, data, server, project, video, tmp_path):
    for file, kind, found in ((FOUND, "application/json", "coco"), (MOT, "text/plain", "mot")):
        session = outside(server, project, [video], profile="default")
        reply = server.made("PUT", f"/api/v1/sessions/{session}/detections?name={found}", (data / file).read_bytes(), {"Content-Type": kind}, status=201)
        assert reply["format"] == found and reply["items"] > 0
        done = finish(server, session)
        assert done["model"] == "camera 7" and done["videos_done"] == 1
        theirs = evaluated(assay, data, data / file, tmp_path, "--profile", "default")
        mine = server.made("GET", f"/api/v1/sessions/{session}/results")
        same_figures(mine["metrics"], theirs)
        assert mine["judgement"]["verdict"] == theirs["verdict"]


def test_pieces_while_the_video_plays(assay, data, server, project, video, tmp_path):
    whole = tmp_path / "whole.jsonl"
    assay.ok("detect", data / CLIP, "--model", data / QUICK, "--confidence", "0.01", "--track", "--out", whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    session = outside(server, project, [video])
    assert server.made("POST", f"/api/v1/sessions/{session}/play")["video_id"] == video
    frames = [n for n, line in enumerate(lines) if b'"type":"frame"' in line]
    # Frame lines alone, the middle before the beginning, some again: a piece counts once.
    pieces = {n: b"".join(lines[i] for i in frames[n * 10:n * 10 + 10]) for n in range((len(frames) + 9) // 10)}
    for n in [3, 0, 1, 2, *range(4, len(pieces))]:
        assert post(server, session, pieces[n], sequence=n)["is_new"]
    again = post(server, session, pieces[2], sequence=2, status=200)
    assert not again["is_new"] and again["sequence"] == 2
    reply = server.ask("POST", f"/api/v1/sessions/{session}/detections?sequence=2", pieces[3], {"Content-Type": "application/x-ndjson"})
    assert reply.status == 409 and "other bytes" in reply.json["message"]
    reply = server.ask("POST", f"/api/v1/sessions/{session}/detections", b"1,1,1,1,5,5,0.5,-1,-1,-1\n", {"Content-Type": "text/plain"})
    assert reply.status == 409 and "jsonl" in reply.json["message"]
    seen = server.made("GET", f"/api/v1/sessions/{session}/videos")["items"][0]
    assert (seen["posted_format"], seen["posted_pieces"]) == ("jsonl", len(pieces)) and seen["played_at"]
    finish(server, session)
    mine = server.made("GET", f"/api/v1/sessions/{session}/results")
    # In the order of their numbers, the pieces are the file.
    same_figures(mine["metrics"], evaluated(assay, data, whole, tmp_path))
    arrival = mine["more"]["arrival_ms"]
    assert arrival["count"] == len(pieces) and arrival["min"] <= arrival["p50"] <= arrival["max"]
    # After the end nothing is taken.
    reply = server.ask("POST", f"/api/v1/sessions/{session}/detections", pieces[0], {"Content-Type": "application/x-ndjson"})
    assert reply.status == 409 and "takes no more" in reply.json["message"]
    # What became of every object is there as of a session of our own.
    assert server.made("GET", f"/api/v1/sessions/{session}/detections?result=fn&limit=1")["items"]


def test_coco_results_in_pieces(assay, data, server, project, video, tmp_path):
    entries = json.loads((data / FOUND).read_text())
    session = outside(server, project, [video])
    for n in range(0, len(entries), 500):
        post(server, session, json.dumps(entries[n:n + 500]).encode(), "application/json")
    post(server, session, b"[]", "application/json", format="coco")
    finish(server, session)
    same_figures(server.made("GET", f"/api/v1/sessions/{session}/results")["metrics"], evaluated(assay, data, data / FOUND, tmp_path))


EVENTS_TRUTH = "label,time_ms\nbrake,100\nbrake,900\nturn,1500\nstop,2500\n"
EVENTS_FOUND = {"events": [{"label": "brake", "time_ms": 130}, {"label": "brake", "time_ms": 1290}, {"label": "turn", "time_ms": 1452.5, "confidence": 0.9},
                           {"label": "stop", "time_ms": 2620, "confidence": 0.5}, {"label": "stop", "time_ms": 2400, "confidence": 0.1}]}


@pytest.mark.parametrize("tolerance", [100, 200])
def test_timed_events(assay, data, server, project, tmp_path, tolerance):
    truth, found, out = tmp_path / "truth.csv", tmp_path / "found.json", tmp_path / "out.json"
    truth.write_text(EVENTS_TRUTH)
    found.write_text(json.dumps(EVENTS_FOUND))
    video = server.video(project, data / CLIP)
    put = server.truth(video, truth)
    assert (put["format"], put["objects"], put["labels"]) == ("events", 4, ["brake", "stop", "turn"])
    criteria = [{"metric": "recall", "min": 0.5}, {"metric": "precision", "min": 0.9}, {"metric": "latency_ms", "max": 500},
                {"metric": "latency_p95_ms", "max": 500}, {"metric": "detections", "min": 1}]
    session = outside(server, project, [video], settings={"tolerance_ms": tolerance}, profile={"name": "mine", "criteria": criteria})
    server.made("POST", f"/api/v1/sessions/{session}/play", {"video_id": video})
    for event in EVENTS_FOUND["events"]:
        assert post(server, session, json.dumps({"events": [event]}).encode(), "application/json")["items"] == 1
    done = finish(server, session)
    assay.ok("evaluate", "--events", "--truth", truth, "--detections", found, "--tolerance-ms", tolerance, "--json", out)
    theirs = json.loads(out.read_text())["temporal"]
    results = server.made("GET", f"/api/v1/sessions/{session}/results")
    assert results["metrics"]["temporal"] == theirs
    assert (done["precision"], done["recall"], done["AP"]) == (theirs["overall"]["precision"], theirs["overall"]["recall"], None)
    # Most criteria are met: that is what its name says.
    assert done["verdict"] == results["verdict"] == "conditional_pass" and results["judgement"]["verdict"]["outcome"] == "CONDITIONAL_PASS"
    assert results["more"]["arrival_ms"]["count"] == 5
    assert b"<html" in server.get(f"/api/v1/sessions/{session}/report.html").body
    assert server.made("GET", "/api/v1/dashboard/stats")["verdicts"]["conditional_pass"] >= 1


@pytest.mark.parametrize("body,query,status,word", [
    (b"", "", 400, "empty"),
    (b"no such thing\n", "", 422, "the body"),
    (b'{"type":"frame","frame":0,"detections":[{"label":"person"}]}\n', "", 422, "line 1"),
    (b'{"type":"frame","frame":0,"detections":[]}\n{"type":"frame","frame":-1,"detections":[]}\n', "", 422, "line 2"),
    (b'[{"image_id":1,"category_id":1,"bbox":[1,2,3],"score":0.5}]', "", 422, "bbox"),
    (b'[{"image_id":1,"category_id":1,"bbox":[1,2,3,4]}]', "", 422, "score"),
    (b'[{"label":"x","time_ms":"soon"}]', "", 422, "numbers"),
    (b"1,1,1,1,5,5,nan,-1,-1,-1\n", "", 422, "line 1"),
    (b"[]", "format=xml", 400, "format"),
    (b"[]", "sequence=-1", 400, "sequence"),
    (b"[]", "sequence=9007199254740993", 400, "sequence"),
    (b"[]", "sequence=9223372036854775807", 400, "sequence"),
    (b"[]", "format=coco&video=01ARZ3NDEKTSV4RRFFQ69G5FAV", 404, "has no video"),
    (b"[]", "format=coco&video=nothing", 404, "has no video"),
    (b"[]", f"format=coco&video={'x' * 300}", 404, "has no video"),
    (b'{"images":[],"annotations":[],"categories":[]}', "", 422, ""),
])
def test_pieces_that_are_refused(server, project, video, body, query, status, word):
    session = outside(server, project, [video])
    reply = server.ask("POST", f"/api/v1/sessions/{session}/detections?{query}", body, {"Content-Type": "application/octet-stream"})
    assert reply.status == status and word in reply.json["message"], reply.body
    assert str(server.data) not in reply.json["message"]
    assert server.made("GET", f"/api/v1/sessions/{session}/videos")["items"][0]["posted_pieces"] == 0


def test_no_piece_comes_after_the_last_number(server, project, video):
    session = outside(server, project, [video])
    octets = {"Content-Type": "application/octet-stream"}
    frame = b'{"type":"frame","frame":%d,"pts_us":0,"detections":[]}\n'
    server.made("POST", f"/api/v1/sessions/{session}/detections?sequence=9007199254740992", frame % 0, octets, status=201)
    reply = server.ask("POST", f"/api/v1/sessions/{session}/detections", frame % 1, octets)
    assert reply.status == 409 and "9007199254740992" in reply.json["message"], reply.body
    assert server.made("POST", f"/api/v1/sessions/{session}/detections?sequence=5", frame % 1, octets, status=201)["sequence"] == 5


def test_posting_where_nothing_is_taken(server, pair, project, video):
    reply = server.ask("POST", f"/api/v1/sessions/{pair[0]}/detections", b"[]", {"Content-Type": "application/json"})
    assert reply.status == 409 and "runs a model of ours" in reply.json["message"]
    session = outside(server, project, [video])
    server.made("POST", f"/api/v1/sessions/{session}/finish", status=202)
    assert "nothing was posted" in judged(server, session, "failed")["error"]


# --- what a page needs


def test_figures_intervals_and_moments(data, server, project):
    folder = data / "video_with_gt/vtest_PETS09-S2L1"
    video = server.video(project, folder / "vtest.mp4")
    server.truth(video, folder / "gt.coco.json")
    session = outside(server, project, [video])
    server.made("PUT", f"/api/v1/sessions/{session}/detections", (folder / "ref_dets_yolox_nano.json").read_bytes(),
                {"Content-Type": "application/json"}, status=201)
    finish(server, session)
    results = server.made("GET", f"/api/v1/sessions/{session}/results")
    metrics, more = results["metrics"], results["more"]
    assert {"classes", "curves", "confusion_matrix", "temporal"} <= set(metrics)
    figures = more["intervals"]["figures"]
    assert figures["AP"]["value"] == pytest.approx(results["AP"], abs=1e-12) and figures["AP"]["low"] < results["AP"] < figures["AP"]["high"]
    for c, k in zip(more["intervals"]["classes"], metrics["classes"]):
        assert c["label"] == k["label"] and c["figures"]["AP50"]["value"] == pytest.approx(k["AP50"], abs=1e-12)
    moments = more["worst_moments"]
    assert moments and all(m["video_id"] == video and m["missed"] + m["false_alarms"] > 0 for m in moments)
    m = moments[0]
    there = server.made("GET", f"/api/v1/sessions/{session}/detections?from_frame={m['frame']}&to_frame={m['frame']}&limit=1000")["items"]
    assert [sum(o["result"] == r for o in there) for r in ("tp", "fn", "fp")] == [m["found"], m["missed"], m["false_alarms"]]


def test_a_report_made_anew(server, pair):
    path = f"/api/v1/sessions/{pair[0]}/report"
    before = server.get(path + ".html")
    task = server.made("POST", path, status=202)["task_id"]
    assert server.task_end(task)["status"] == "succeeded"
    after = server.get(path + ".html")
    assert after.body == before.body and after.headers["ETag"] != before.headers["ETag"]
    assert server.made("GET", f"/api/v1/sessions/{pair[0]}")["status"] == "succeeded"


def test_a_truth_read_by_a_task(data, server, project):
    video = server.video(project, data / CLIP)
    path, kind = f"/api/v1/videos/{video}/truth", {"Content-Type": "application/octet-stream"}
    task = server.made("PUT", path + "?background=true&name=gt.json", (data / TRUTH).read_bytes(), kind, status=202)["task_id"]
    done = server.task_end(task)
    assert done["status"] == "succeeded" and done["result"] == {"truth_id": task, "version": 1}
    made = server.made("GET", path + "/versions/1")
    assert (made["id"], made["name"], made["objects"]) == (task, "gt.json", 359)
    blobs = lambda: len([f for f in (server.data / "blobs").rglob("*") if f.is_file()])
    n = blobs()
    task = server.made("PUT", path + "?background=true&name=none.txt", b"no truth at all\n", kind, status=202)["task_id"]
    done = server.task_end(task)
    assert done["status"] == "failed" and "none.txt" in done["error"] and str(server.data) not in done["error"]
    assert blobs() == n and len(server.made("GET", path + "/versions")["items"]) == 1


def all_of(server, path):
    items, cursor = [], ""
    while cursor is not None:
        page = server.made("GET", f"{path}{'&' if '?' in path else '?'}limit=1000&cursor={cursor}")
        items += page["items"]
        cursor = page["next_cursor"]
    return items


def test_a_cell_of_the_confusion_matrix(data, server, project, video):
    # One truth of two labels, so that labels are taken for each other.
    truth = json.loads((data / TRUTH).read_text())
    truth["categories"] = [{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}]
    for i, a in enumerate(truth["annotations"]):
        a["category_id"] = 1 + (i % 3 == 0)
    other = server.video(project, data / CLIP)
    server.made("PUT", f"/api/v1/videos/{other}/truth", json.dumps(truth).encode(), {"Content-Type": "application/json"}, status=201)
    session = outside(server, project, [other])
    server.made("PUT", f"/api/v1/sessions/{session}/detections", (data / FOUND).read_bytes(), {"Content-Type": "application/json"}, status=201)
    finish(server, session)
    matrix = server.made("GET", f"/api/v1/sessions/{session}/results")["metrics"]["confusion_matrix"]
    labels, counts = matrix["labels"], matrix["supervision"]["counts"]
    path = f"/api/v1/sessions/{session}/confusions"
    for row, t in enumerate(labels):
        for column, d in enumerate(labels):
            cell = all_of(server, f"{path}?truth={t}&detected={d}")
            assert len(cell) == counts[row][column], (t, d)
            assert all((p["truth"], p["detected"]) == (t, d) for p in cell)
            assert all(("truth_box" in p, "bounding_box" in p) == (t != "(background)", d != "(background)") for p in cell)
    assert counts[labels.index("bicycle")][labels.index("person")] > 0
    assert len(all_of(server, path)) == sum(map(sum, counts))
    assert len(all_of(server, path + "?from_frame=3&to_frame=3")) < 40
    assert server.get(path + "?truth=person").status == 400


def test_two_who_edit_one_truth(data, server, project):
    video = server.video(project, data / CLIP)
    path = f"/api/v1/videos/{video}/truth"
    body, kind = (data / TRUTH).read_bytes(), {"Content-Type": "application/json"}
    assert server.ask("PUT", path, body, {**kind, "If-Match": '"anything"'}).status == 412
    first = server.made("PUT", path, body, {**kind, "If-None-Match": "*"}, status=201)
    assert server.ask("PUT", path, body, {**kind, "If-None-Match": "*"}).status == 412
    etag = server.get(path).headers["ETag"]
    assert etag == f'"{first["etag"]}"'
    edited = json.loads(body)
    edited["annotations"] = edited["annotations"][1:]
    second = server.made("PUT", path + "?name=edited.json", json.dumps(edited).encode(), {**kind, "If-Match": etag}, status=201)
    assert (second["version"], second["objects"]) == (2, first["objects"] - 1)
    late = server.ask("PUT", path, body, {**kind, "If-Match": etag})
    assert late.status == 412 and late.json["message"].startswith(f"version 2 of the truth was saved at {second['created_at'][:19]}"), late.json
    # Nothing was lost or added; either version can be had, in every single-file format.
    versions = server.made("GET", path + "/versions")["items"]
    assert [v["version"] for v in versions] == [2, 1]
    assert server.made("GET", path + "/versions/1") == versions[1] == first
    assert server.get(path + "/versions/3").status == server.get(path + "/versions/0").status == 404
    assert len(server.get(path + "?version=1").json["annotations"]) == first["objects"]
    for form in ("coco", "mot", "jsonl", "cvat", "openimages", "bdd100k", "kitti"):
        exported = server.get(f"{path}?format={form}")
        assert exported.status == 200 and len(exported.body) > 1000, f"{form}: {exported.body[:300]}"
    for form, status in (("csv", 415), ("nothing", 400)):
        assert server.get(f"{path}?format={form}").status == status
    # Formats that are folders come as one file.
    for form in ("voc", "yolo", "labelme", "mot-cvat"):
        exported = server.get(f"{path}?format={form}")
        assert exported.status == 200 and f'.{form}.tar' in exported.headers["Content-Disposition"], exported.body[:300]
        with tarfile.open(fileobj=io.BytesIO(exported.body)) as tar:
            names = tar.getnames()
            if form == "yolo":
                lines = [line for n in names if n.endswith(".txt") for line in tar.extractfile(n).read().decode().splitlines()]
                assert sum(len(line.split()) == 5 for line in lines) >= first["objects"] - 1
        assert names and not any(n.startswith(("/", ".")) for n in names), names[:5]
    assert not [p for p in (server.data / "temp").iterdir() if p.is_dir()]


# --- settings


@pytest.mark.parametrize("settings,word", [
    ({"classes": "persn"}, "settings.classes: the model has no class 'persn', did you mean 'person'?"),
    ({"class_confidence": {"zebro": 0.5}}, "settings.class_confidence: the model has no class 'zebro', did you mean 'zebra'?"),
    ({"device": "cuda"}, "settings: 'device' cannot be set here"),
    ({"max-frames": 3}, "settings: unknown setting 'max-frames', did you mean 'max_frames'?"),
    ({"strid": 3}, "settings: unknown setting 'strid', did you mean 'stride'?"),
])
def test_settings_are_refused_by_the_request(server, project, video, pair, settings, word):
    asked = {"model": "quick", "settings": settings}
    for path, body in ((f"/api/v1/videos/{video}/process", asked), ("/api/v1/sessions", {**asked, "project_id": project, "video_ids": [video]})):
        reply = server.ask("POST", path, body)
        assert reply.status == 400 and reply.json["message"] == word, reply.body


def test_labels_that_the_truth_lacks(data, server, project, video):
    """The model knows cars and the truth none: judged are the persons, or the session says what is wrong in the API's words."""
    session = outside(server, project, [video], settings={"classes": ["person", "zebra"]})
    server.made("PUT", f"/api/v1/sessions/{session}/detections", (data / FOUND).read_bytes(), {"Content-Type": "application/json"}, status=201)
    server.made("POST", f"/api/v1/sessions/{session}/finish", status=202)
    done = server.wait_for(f"/api/v1/sessions/{session}", lambda s: s["status"] in ("succeeded", "failed"))
    assert done["status"] == "succeeded" or "zebra" in done["error"] and "--" not in done["error"], done


def test_settings_from_outside_are_their_own(server, project, video):
    for settings, word in (({"stride": 2}, "stride"), ({"tolerance_ms": -1}, "settings.tolerance_ms"), ({"tolerence_ms": 1}, "did you mean 'tolerance_ms'")):
        reply = server.ask("POST", "/api/v1/sessions", {"project_id": project, "source": "external", "video_ids": [video], "settings": settings})
        assert reply.status == 400 and word in reply.json["message"], reply.body
