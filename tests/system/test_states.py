"""What is stopped, tried again or deleted while something waits for it: nothing waits for ever."""
import asyncio
import json

import pytest
from server import Server

FOLDER = "video_with_gt/TUD-Campus_frames"
CLIP, TRUTH, QUICK = f"{FOLDER}/TUD-Campus.mp4", f"{FOLDER}/gt.coco.json", "models/FastestDet_352.onnx"


@pytest.fixture
def still(assay, data, tmp_path):
    """A server without workers: what is queued stays so. Its video is not probed yet."""
    with Server(assay, tmp_path / "data", "--workers", 0) as s:
        s.home = s.project()
        s.clip = s.video(s.home, data / CLIP)
        s.truth(s.clip, data / TRUTH)
        s.model(data / QUICK, "quick")
        yield s


def session_of(server):
    made = server.made("POST", "/api/v1/sessions", {"project_id": server.home, "model": "quick", "video_ids": [server.clip]}, status=201)["id"]
    tasks = {t["kind"]: t["task_id"] for t in server.made("GET", f"/api/v1/tasks?session_id={made}")["items"]}
    return made, tasks["process"], tasks["evaluate"]


def state(server, session):
    return server.made("GET", f"/api/v1/sessions/{session}")["status"]


def test_a_session_is_cancelled_with_its_evaluation(still):
    session, _, evaluation = session_of(still)
    assert still.made("POST", f"/api/v1/tasks/{evaluation}/cancel")["status"] == "cancelled"
    seen = still.made("GET", f"/api/v1/sessions/{session}")
    assert seen["status"] == "cancelled" and seen["finished_at"]
    assert still.made("GET", "/api/v1/dashboard/stats")["sessions_by_status"]["cancelled"] == 1
    assert still.made("POST", f"/api/v1/tasks/{evaluation}/retry")["status"] == "queued"
    seen = still.made("GET", f"/api/v1/sessions/{session}")
    assert seen["status"] == "queued" and seen["error"] is None and seen["finished_at"] is None


def test_a_failed_session_is_judged_when_its_tasks_are_tried_again(assay, still):
    session, process, evaluation = session_of(still)
    still.made("POST", f"/api/v1/tasks/{process}/cancel")
    still.stop()
    with Server(assay, still.data) as server:
        assert server.task_end(evaluation)["status"] == "failed"
        assert state(server, session) == "failed"
        server.made("POST", f"/api/v1/tasks/{process}/retry")
        assert server.task_end(process)["status"] == "succeeded"
        server.made("POST", f"/api/v1/tasks/{evaluation}/retry")
        assert state(server, session) in ("queued", "running", "succeeded")
        assert server.task_end(evaluation)["status"] == "succeeded"
        done = server.made("GET", f"/api/v1/sessions/{session}")
        assert done["status"] == "succeeded" and done["error"] is None and done["AP"] > 0.1
    still.start()


def test_a_video_whose_probe_was_cancelled_is_looked_at_again(assay, still):
    probe = still.made("GET", f"/api/v1/tasks?video_id={still.clip}&kind=probe")["items"][0]["task_id"]
    assert still.made("POST", f"/api/v1/videos/{still.clip}/probe")["task_id"] == probe  # it is still to come
    assert still.made("POST", f"/api/v1/tasks/{probe}/cancel")["status"] == "cancelled"
    seen = still.made("GET", f"/api/v1/videos/{still.clip}")
    assert seen["status"] == "failed" and "cancelled" in seen["error"]
    again = still.made("POST", f"/api/v1/videos/{still.clip}/probe", status=202)["task_id"]
    assert again != probe
    seen = still.made("GET", f"/api/v1/videos/{still.clip}")
    assert seen["status"] == "uploaded" and seen["error"] is None
    process = still.made("POST", f"/api/v1/videos/{still.clip}/process", {"model": "quick", "settings": {"max_frames": 2}})["task_id"]
    still.stop()
    with Server(assay, still.data) as server:
        assert server.task_end(process)["status"] == "succeeded"
        assert server.made("GET", f"/api/v1/tasks/{again}")["status"] == "succeeded"
        assert server.made("GET", f"/api/v1/videos/{still.clip}")["status"] == "ready"
        reply = server.ask("POST", f"/api/v1/videos/{still.clip}/probe")
        assert reply.status == 409 and "ready" in reply.json["message"]
    still.start()


@pytest.mark.parametrize("what", ["video", "session", "project"])
def test_whoever_follows_a_task_hears_that_it_is_deleted(still, what):
    websockets = pytest.importorskip("websockets")
    session, process, _ = session_of(still)
    path = {"video": f"videos/{still.clip}", "session": f"sessions/{session}", "project": f"projects/{still.home}"}[what]

    async def follow():
        async with websockets.connect(f"{still.url.replace('http', 'ws')}/ws/progress/{process}") as socket:
            assert (await asyncio.to_thread(still.ask, "DELETE", f"/api/v1/{path}")).status == 204
            while True:
                heard = json.loads(await asyncio.wait_for(socket.recv(), 20))
                if heard["status"] != "queued":
                    return heard

    last = asyncio.run(follow())
    assert last["status"] == "cancelled" and last["task_id"] == process and "deleted" in last["message"]
    assert still.get(f"/api/v1/tasks/{process}").status == 404
