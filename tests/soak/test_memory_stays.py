"""Memory of a server after many requests and videos is what it was after the first ones.

ASSAY_SOAK_REQUESTS and ASSAY_SOAK_VIDEOS: how many [100000, 200]; run by `make soak`.
"""
import http.client
import json
import os
import random
import threading
import time

from server import Server

CLIP = "video_with_gt/TUD-Campus_frames/TUD-Campus.mp4"
TRUTH = "video_with_gt/TUD-Campus_frames/gt.coco.json"
QUICK = "models/FastestDet_352.onnx"
REQUESTS = int(os.environ.get("ASSAY_SOAK_REQUESTS", 100_000))
VIDEOS = int(os.environ.get("ASSAY_SOAK_VIDEOS", 200))
CLIENTS = 4
MAY_GROW = 0.05 # after the first fifth, which fills the page caches of the database's connections and the cache of replies
MAY_GROW_LATE = 0.02 # in the second half: caches are full by then, so more is a leak


def memory(server):
    """Bytes that are the process's own (not files mapped, which the kernel takes back and others share)."""
    own = 0
    for line in open(f"/proc/{server.process.pid}/smaps_rollup"):
        if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
            own += int(line.split()[1]) * 1024
    return own


def settle(server):
    """Without children, and after idle connections and models were looked at."""
    time.sleep(1)
    return memory(server)


def mix(project, video, session, task):
    reads = ["/api/v1/dashboard/stats", f"/api/v1/dashboard/stats?project_id={project}", "/api/v1/projects", f"/api/v1/projects/{project}/videos?limit=20",
             f"/api/v1/videos/{video}", f"/api/v1/videos/{video}/thumbnail.jpg", f"/api/v1/videos/{video}/truth", f"/api/v1/videos/{video}/runs",
             f"/api/v1/videos/{video}/detections?limit=100", f"/api/v1/sessions/{session}", f"/api/v1/sessions/{session}/results",
             f"/api/v1/sessions/{session}/detections?limit=50&result=fn", f"/api/v1/tasks/{task}/status", "/api/v1/tasks?limit=20", "/api/v1/models",
             "/health/live", "/health/ready", "/version", "/metrics", "/api/v1/nothing", "/api/v1/videos/none", "/api/v1/tasks?status=sleeping"]
    frames = [f"/api/v1/videos/{video}/frames/{n}.jpg?width=160" for n in range(8)]
    return reads * 3 + frames


def send(server, paths, n, seed, wrong):
    rng = random.Random(seed)
    host = server.url.split("//")[1]
    c = http.client.HTTPConnection(host, timeout=60)
    for i in range(n):
        if i % 500 == 499:  # connections come and go too
            c.close()
            c = http.client.HTTPConnection(host, timeout=60)
        if i % 50 == 49:
            c.request("POST", "/api/v1/projects", f'{{"name": "soak {seed} {i}"}}', {"Content-Type": "application/json"})
            reply = c.getresponse()
            made = json.loads(reply.read())["id"]
            c.request("DELETE", f"/api/v1/projects/{made}")
        else:
            c.request("GET", rng.choice(paths), headers={"Accept-Encoding": rng.choice(["gzip", "identity"])})
        reply = c.getresponse()
        reply.read()
        if reply.status >= 500:
            wrong.append((reply.status, i))
    c.close()


def ask_many(server, paths, n, seed):
    wrong = []
    threads = [threading.Thread(target=send, args=(server, paths, n // CLIENTS, seed * CLIENTS + k, wrong)) for k in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong, wrong[:5]


def work(server, data, project, n, seed):
    """Videos that come, are probed, processed, and half of which go again."""
    body = (data / CLIP).read_bytes()
    videos = [server.made("POST", f"/api/v1/videos?project_id={project}&name={seed}-{i}", body, {"Content-Type": "video/mp4"}, status=202)["id"] for i in range(n)]
    tasks = [server.made("POST", f"/api/v1/videos/{v}/process", {"model": "quick", "settings": {"max_frames": 4}})["task_id"] for v in videos]
    for t in tasks:
        assert server.task_end(t, 600)["status"] == "succeeded"
    for v in videos[::2]:
        assert server.ask("DELETE", f"/api/v1/videos/{v}").status == 204


def test_memory_stays(assay, data, tmp_path):
    with Server(assay, tmp_path / "data", "--cache-mb", 16) as server:
        project = server.project()
        server.model(data / QUICK, "quick")
        video = server.video(project, data / CLIP)
        server.truth(video, data / TRUTH)
        task = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "quick"})["task_id"]
        session = server.made("POST", "/api/v1/sessions", {"project_id": project, "model": "quick", "video_ids": [video], "profile": "default"})["id"]
        assert server.task_end(task, 300)["status"] == "succeeded"
        server.wait_for(f"/api/v1/sessions/{session}", lambda s: s["status"] in ("succeeded", "failed"), 300)
        paths = mix(project, video, session, task)
        print(f"\nat the start, one video processed and judged: {settle(server) / 1e6:.1f} MB", flush=True)
        seen = []
        steps = 10
        for i in range(steps):
            work(server, data, project, max(1, VIDEOS // steps), i)
            started = time.monotonic()
            ask_many(server, paths, REQUESTS // steps, i)
            seconds = time.monotonic() - started
            seen.append(settle(server))
            print(f"after {(i + 1) * REQUESTS // steps} requests, {(i + 1) * VIDEOS // steps} videos: {seen[-1] / 1e6:.1f} MB"
                  f" ({REQUESTS / steps / seconds:.0f} requests/s)", flush=True)
        print(f"at the end: {seen[-1] / 1e6:.1f} MB, {100 * (seen[-1] / seen[steps // 5 - 1] - 1):+.1f} % since the first fifth", flush=True)
        assert seen[-1] <= seen[steps // 5 - 1] * (1 + MAY_GROW), seen
        assert seen[-1] <= seen[steps // 2 - 1] * (1 + MAY_GROW_LATE), seen
