"""Answers that are kept: what was changed is never shown as it was, not even to whoever only read of the change elsewhere."""
import re
import threading
import time

import pytest

from server import Server

CLIP = "video_with_gt/TUD-Campus_frames/TUD-Campus.mp4"
TRUTH = "video_with_gt/TUD-Campus_frames/gt.coco.json"
QUICK = "models/FastestDet_352.onnx"


@pytest.fixture
def server(assay, tmp_path):
    with Server(assay, tmp_path / "data") as s:
        yield s


def counts(server, cache):
    text = server.get("/metrics").body.decode()
    return tuple(int(float(m.group(1))) if (m := re.search(rf'^cache_{word}_total{{cache="{cache}"}} (\S+)', text, re.M)) else 0 for word in ("hits", "misses"))


def stats(server, query=""):
    return server.made("GET", f"/api/v1/dashboard/stats{query}")


def test_made_once_and_known_by_its_tag(server):
    hits, misses = counts(server, "answers")
    first = server.get("/api/v1/dashboard/stats")  # made at the start
    assert first.headers["Cache-Control"] == "private, no-cache" and counts(server, "answers") == (hits + 1, misses)
    again = server.get("/api/v1/dashboard/stats", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304 and again.body == b"" and again.headers["ETag"] == first.headers["ETag"]
    server.project()
    changed = server.get("/api/v1/dashboard/stats", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status == 200 and changed.json["projects"] == 1 and changed.headers["ETag"] != first.headers["ETag"]


def test_every_change_shows_at_once(data, server):
    assert stats(server)["projects"] == 0
    project = server.project()
    other = server.project("other")
    assert stats(server)["projects"] == 2 and stats(server, f"?project_id={project}")["videos"] == 0
    video = server.video(project, data / CLIP)
    assert stats(server)["videos"] == 1 and stats(server, f"?project_id={project}")["videos"] == 1
    assert stats(server, f"?project_id={other}")["videos"] == 0
    server.video_known(video)  # asks for what is kept for 15 minutes until it says something else
    assert stats(server)["videos_by_status"]["ready"] == 1
    assert server.made("GET", f"/api/v1/videos/{video}")["frames"] == 71
    model = server.model(data / QUICK, "quick")
    assert stats(server)["models"] == 1
    server.truth(video, data / TRUTH)
    session = server.made("POST", "/api/v1/sessions", {"project_id": project, "model": "quick", "video_ids": [video], "profile": "default"})["id"]
    assert stats(server)["sessions"] == 1
    server.get(f"/api/v1/sessions/{session}/results")
    done = server.wait_for(f"/api/v1/sessions/{session}", lambda s: s["status"] in ("succeeded", "failed"))
    # The session's own row is not kept: what is kept must know as much as whoever read it.
    results = server.made("GET", f"/api/v1/sessions/{session}/results")
    assert results["AP"] == done["AP"] is not None and stats(server)["latest_AP"] == done["AP"]
    assert stats(server)["verdicts"]["passed"] + stats(server)["verdicts"]["failed"] == 1
    hits, _ = counts(server, "answers")
    assert server.made("GET", f"/api/v1/sessions/{session}/results") == results and counts(server, "answers")[0] == hits + 1
    assert server.ask("DELETE", f"/api/v1/sessions/{session}").status == 204
    assert server.get(f"/api/v1/sessions/{session}/results").status == 404
    assert stats(server)["sessions"] == 0 and stats(server)["latest_AP"] is None
    # What goes with a project goes from what is kept too.
    frame = f"/api/v1/videos/{video}/frames/3.jpg"
    assert server.get(frame).status == 200 and server.get(f"/api/v1/videos/{video}/thumbnail.jpg").status == 200
    assert server.ask("DELETE", f"/api/v1/projects/{project}").status == 204
    assert server.get(f"/api/v1/videos/{video}").status == 404 and server.get(frame).status == 404
    assert server.get(f"/api/v1/videos/{video}/thumbnail.jpg").status == 404
    assert stats(server)["videos"] == 0 and stats(server)["projects"] == 1
    assert server.ask("DELETE", f"/api/v1/models/{model}").status == 204 and stats(server)["models"] == 0


def test_pictures_are_made_once(data, server):
    video = server.video(server.project(), data / CLIP)
    server.video_known(video)
    for path in (f"/api/v1/videos/{video}/frames/7.jpg", f"/api/v1/videos/{video}/frames/7.jpg?width=64", f"/api/v1/videos/{video}/thumbnail.jpg"):
        hits, misses = counts(server, "pictures")
        first, second = server.get(path), server.get(path)
        assert first.body == second.body and first.headers["ETag"] == second.headers["ETag"] and first.body[:2] == b"\xff\xd8"
        assert counts(server, "pictures") == (hits + 1, misses + 1)
        assert server.get(path, headers={"If-None-Match": first.headers["ETag"]}).status == 304
    assert server.get(f"/api/v1/videos/{video}/frames/71.jpg").status == 404
    assert "ETag" not in server.get(f"/api/v1/videos/{video}/frames/71.jpg").headers


def test_made_at_the_start(assay, data, tmp_path):
    with Server(assay, tmp_path / "data") as server:
        project = server.project()
        video = server.video(project, data / CLIP)
        server.truth(video, data / TRUTH)
        server.model(data / QUICK, "quick")
        session = server.made("POST", "/api/v1/sessions", {"project_id": project, "model": "quick", "video_ids": [video], "settings": {"max_frames": 9}})["id"]
        server.wait_for(f"/api/v1/sessions/{session}", lambda s: s["status"] in ("succeeded", "failed"))
        assert server.stop() == 0
        server.start()
        before = counts(server, "answers"), counts(server, "pictures")
        for path in ("/api/v1/dashboard/stats", f"/api/v1/sessions/{session}/results"):
            assert server.get(path).status == 200
        assert server.get(f"/api/v1/videos/{video}/thumbnail.jpg").status == 200
        after = counts(server, "answers"), counts(server, "pictures")
        assert after == ((before[0][0] + 2, before[0][1]), (before[1][0] + 1, before[1][1]))


def test_never_stale_beside_many_writers(server):
    """Writers that make and delete; each looks at the dashboard after its own change and finds at least that; readers see
    numbers that somebody wrote."""
    wrong = []
    stop = threading.Event()
    base = stats(server)["projects"]
    names = iter(range(10**6))
    lock = threading.Lock()
    made = []  # (time before, time after) of each

    def write(k):
        try:
            for i in range(25):
                with lock:  # one after the other, so that the number is known
                    p = server.project(f"p{next(names)}")
                    made.append(p)
                    seen = stats(server)["projects"]
                    if seen != base + len(made):
                        wrong.append((seen, base + len(made)))
        except Exception as e:
            wrong.append(e)

    def read():
        last = 0
        while not stop.is_set():
            seen = stats(server)["projects"]
            if seen < last:  # they are only made: going back would be an answer from before
                wrong.append(("back", seen, last))
            last = seen

    readers = [threading.Thread(target=read) for _ in range(3)]
    writers = [threading.Thread(target=write, args=(k,)) for k in range(3)]
    for t in readers + writers:
        t.start()
    for t in writers:
        t.join()
    stop.set()
    for t in readers:
        t.join()
    assert not wrong and stats(server)["projects"] == base + 75


def test_without_a_cache(assay, data, tmp_path):
    with Server(assay, tmp_path / "data", "--cache-mb", 0) as server:
        assert stats(server)["projects"] == 0
        server.project()
        assert stats(server)["projects"] == 1
        assert counts(server, "answers") == (0, 0)
        first = server.get("/api/v1/dashboard/stats")
        assert server.get("/api/v1/dashboard/stats", headers={"If-None-Match": first.headers["ETag"]}).status in (200, 304)  # free_bytes moves
