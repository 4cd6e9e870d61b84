"""What befalls a server: a full disk, data that turns read-only, a locked database, a taken port, a clock that jumps, and
kill -9 of it and of its children at random moments.

ASSAY_TEST_KILLS=N kills N times instead of 5; ASSAY_TEST_SEED=N chooses the moments.
"""
import base64
import collections
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest
from sanitizer import patient, preload
from server import Server
from test_server_data import content, files_of, rows_of

CLIP = "video_with_gt/TUD-Campus_frames/TUD-Campus.mp4"
TRUTH = "video_with_gt/TUD-Campus_frames/gt.coco.json"
QUICK = "models/FastestDet_352.onnx"
SIDE_BY_SIDE = 6  # tasks that wait or run while things are killed
FAKETIME = next(iter(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


# --- disks of its own

class Disk:
    """The program in a mount namespace in which *folder* is a small file system; its files are under .root from outside."""

    def __init__(self, assay, folder, size):
        self.assay, self.folder, self.size = assay, folder, size
        folder.mkdir()

    def start(self, *arguments, **options):
        # `sleep` keeps the file system for the next program.
        if not hasattr(self, "keeper"):
            script = f"mount --make-rprivate / && mount -t tmpfs -o size={self.size} tmpfs {self.folder} && echo ready && exec sleep 600"
            self.keeper = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            if self.keeper.stdout.readline().strip() != "ready":
                self.keeper.wait()
                pytest.skip("file systems cannot be mounted here")
            self.root = pathlib.Path(f"/proc/{self.keeper.pid}/root{self.folder}")
        return subprocess.Popen(["nsenter", "-t", str(self.keeper.pid), "-m", self.assay.program, *map(str, arguments)],
                                env=self.assay.environment(), text=True, **options)

    def inside(self, *command):
        subprocess.run(["nsenter", "-t", str(self.keeper.pid), "-m", *map(str, command)], check=True)

    def close(self):
        if hasattr(self, "keeper"):
            self.keeper.kill()
            self.keeper.wait()


@pytest.fixture
def disk(assay, tmp_path):
    if os.geteuid() != 0 or not shutil.which("nsenter"):
        pytest.skip("needs root to mount a file system")
    d = Disk(assay, tmp_path / "disk", "24m")
    yield d
    d.close()


def fill(folder, leave):
    """A file that leaves so many bytes free."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with open(folder / "filler", "ab") as f:
        f.write(b"\0" * max(0, free - leave))


def integrity(disk, folder):
    """Of the database as it is after the server has stopped."""
    shutil.copy(disk.root / "data/assay.db", folder / "copy.db")
    db = sqlite3.connect(folder / "copy.db")
    try:
        return db.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        db.close()


def test_a_full_disk(disk, data, tmp_path):
    server = Server(disk, disk.folder / "data", "--keep-free", 1, "--workers", 1)
    with server:
        project = server.project()
        server.model(data / QUICK, "quick")
        video = server.video(project, data / CLIP)
        server.video_known(video)
        about = {"Tus-Resumable": "1.0.0", "Upload-Metadata": f"project_id {base64.b64encode(project.encode()).decode()}"}
        upload = server.ask("POST", "/api/v1/uploads", b"", {**about, "Upload-Length": "3000000"}).headers["Location"]
        piece = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
        assert server.ask("PATCH", upload, b"a" * 100_000, {**piece, "Upload-Offset": "0"}).status == 204
        # Less is free than is kept free: said before a byte is taken.
        fill(disk.root, 900_000)
        reply = server.ask("PUT", f"/api/v1/files/x.bin?project_id={project}", b"x" * 500_000)
        assert reply.status == 507 and "are free" in reply.json["message"]
        assert server.ask("PATCH", upload, b"b" * 100_000, {**piece, "Upload-Offset": "100000"}).status == 507
        # Nothing at all is free: rows cannot be written, those there are can be read.
        fill(disk.root, 0)
        names = iter(range(10**6))
        for _ in range(500):  # until the log's last page is full too
            reply = server.ask("POST", "/api/v1/projects", {"name": f"{next(names)}" + "x" * 200})
            if reply.status != 201:
                break
        assert reply.status == 507 and reply.json["error"] == "NOSPACE" and "disk is full" in reply.json["message"]
        assert server.get(f"/api/v1/videos/{video}").status == 200
        assert content(server, video) == hashlib.sha256((data / CLIP).read_bytes()).hexdigest()
        assert server.get("/health/live").status == 200 and server.get("/health/ready").status == 503
        server.stop(signal.SIGKILL)
        # Room again: what was there is there, what was begun goes on.
        (disk.root / "filler").unlink()
        server.start()
        assert server.get("/health/ready").status == 200
        head = server.ask("HEAD", upload, None, {"Tus-Resumable": "1.0.0"})
        assert head.status == 200 and head.headers["Upload-Offset"] == "100000"
        reply = server.ask("PATCH", upload, b"b" * 2_900_000, {**piece, "Upload-Offset": "100000"})
        assert reply.status == 204, reply.body
        whole = upload.rsplit("/", 1)[1]
        assert content(server, whole) == hashlib.sha256(b"a" * 100_000 + b"b" * 2_900_000).hexdigest()
        task = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "quick"})["task_id"]
        assert server.task_end(task)["status"] == "succeeded"
        assert server.stop() == 0
        assert integrity(disk, tmp_path) == "ok"


def test_a_file_needs_its_room_once(disk, tmp_path):
    """What has come is on the disk already: as much again need not be free."""
    with Server(disk, disk.folder / "data", "--keep-free", 1, "--workers", 0) as server:
        project = server.project()
        file = tmp_path / "large.bin"
        file.write_bytes(b"x" * 14_000_000)
        raw = {"Content-Type": "application/octet-stream"}
        for send in (lambda: server.ask("POST", f"/api/v1/videos?project_id={project}&name=x", file.read_bytes(), raw),
                     lambda: server.ask("PUT", f"/api/v1/files/x?project_id={project}", file.read_bytes(), raw),
                     lambda: server.form("/api/v1/videos", {"project_id": project}, file)):
            reply = send()
            assert reply.status == 202, reply.body
            assert os.statvfs(disk.root).f_bavail * os.statvfs(disk.root).f_frsize < 15_000_000
            assert server.ask("DELETE", f"/api/v1/videos/{reply.json['id']}").status == 204


def test_data_on_a_file_system_that_is_read_only(disk, data, tmp_path):
    server = Server(disk, disk.folder / "data", "--keep-free", 1)
    with server:
        video = server.video(server.project(), data / CLIP)
        server.video_known(video)
        assert server.stop() == 0
        disk.inside("mount", "-o", "remount,ro", disk.folder)
        refused = disk.start("serve", "--data", disk.folder / "data", "--listen", "127.0.0.1:0", stderr=subprocess.PIPE)
        said = refused.communicate(timeout=patient(30))[1]
        assert refused.returncode == 3 and str(disk.folder / "data") in said and "cannot be written" in said, said
        disk.inside("mount", "-o", "remount,rw", disk.folder)
        server.start()
        assert content(server, video) == hashlib.sha256((data / CLIP).read_bytes()).hexdigest()
        assert server.stop() == 0
        assert integrity(disk, tmp_path) == "ok"


def test_a_database_that_is_locked_at_the_start(assay, tmp_path):
    with Server(assay, tmp_path / "data") as server:
        server.project("there before")
        assert server.stop() == 0
    other = sqlite3.connect(tmp_path / "data/assay.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        said = assay.refuses("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", status=3)
        assert "assay.db: another process has locked it" in said
    finally:
        other.execute("ROLLBACK")
        other.close()
    with Server(assay, tmp_path / "data") as server:
        assert [p["name"] for p in server.made("GET", "/api/v1/projects")["items"]] == ["there before"]


def test_a_port_that_is_taken(assay, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = assay.refuses("serve", "--data", tmp_path / "data", "--listen", f"127.0.0.1:{port}", status=3)
        assert f"127.0.0.1:{port}" in said and "in use" in said
    # The data is let go of.
    with Server(assay, tmp_path / "data") as server:
        server.project()


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is absent")
def test_a_clock_that_jumps(assay, data, tmp_path):
    """Wall clock only, as an administrator or NTP moves it: a year on, ten years back. Nothing expires by it, tasks go on."""
    clock = tmp_path / "clock"
    clock.write_text("+0d\n")

    class Jumping:
        program = assay.program

        def start(self, *arguments, **options):
            env = assay.environment({"LD_PRELOAD": preload(assay.program, FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                                     "DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"})
            return subprocess.Popen([self.program, *map(str, arguments)], env=env, text=True, **options)

    with Server(Jumping(), tmp_path / "data") as server:
        project = server.project()
        server.model(data / QUICK, "quick")
        video = server.video(project, data / CLIP)
        server.video_known(video)
        about = {"Tus-Resumable": "1.0.0", "Upload-Metadata": f"project_id {base64.b64encode(project.encode()).decode()}"}
        upload = server.ask("POST", "/api/v1/uploads", b"", {**about, "Upload-Length": "10"}).headers["Location"]
        for jump in ("+365d", "-3650d", "+0d"):
            task = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "quick"})["task_id"]
            clock.write_text(jump + "\n")
            assert server.ask("HEAD", upload, None, {"Tus-Resumable": "1.0.0"}).status == 200  # before the janitor looked
            end = server.task_end(task)
            assert end["status"] == "succeeded" and end["attempt"] == 1, end
            assert end["created_at"][:4].isdigit() and server.get("/health/ready").status == 200
            # New things go on top of the list all the same: their ids rise within a process.
            newest = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "quick"})["task_id"]
            assert server.made("GET", "/api/v1/tasks?limit=1")["items"][0]["task_id"] == newest
            assert server.task_end(newest)["status"] == "succeeded"
        assert server.ask("HEAD", upload, None, {"Tus-Resumable": "1.0.0"}).status == 200
        assert server.stop() == 0


# --- kill -9

class Client:
    """Uploads, processes and judges until told to stop; knows what it was promised."""

    def __init__(self, server, data, project, model, seed):
        self.server, self.data, self.project, self.model = server, data, project, model
        self.rng = random.Random(seed)
        self.body = (data / CLIP).read_bytes()
        self.videos, self.tasks, self.sessions = [], [], []
        self.uploads = {}  # address -> bytes acknowledged
        self.stopping = False
        self.wrong = []
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def tus(self, method, path, body=None, **headers):
        headers = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", **{k.replace("_", "-"): str(v) for k, v in headers.items()}}
        return self.server.ask(method, path, body, headers, timeout=20)

    def upload(self):
        """The rest of an upload that was begun, or a new one."""
        if not self.uploads:
            encoded = base64.b64encode(self.project.encode()).decode()
            reply = self.tus("POST", "/api/v1/uploads", b"", Upload_Length=len(self.body), Upload_Metadata=f"project_id {encoded}")
            if reply.status != 201:
                return
            self.uploads[reply.headers["Location"]] = 0
        path, known = next(iter(self.uploads.items()))
        head = self.tus("HEAD", path)
        if head.status != 200:
            self.wrong.append(f"{path} is gone: {head.status}")
            del self.uploads[path]
            return
        at = int(head.headers["Upload-Offset"])
        if at < known:
            self.wrong.append(f"{path} was acknowledged to {known} and is at {at}")
        while at < len(self.body) and not self.stopping:
            reply = self.tus("PATCH", path, self.body[at:at + self.rng.randrange(1, 150_000)], Upload_Offset=at)
            if reply.status != 204:
                return
            at = self.uploads[path] = int(reply.headers["Upload-Offset"])
        if at == len(self.body):
            del self.uploads[path]
            self.videos.append(path.rsplit("/", 1)[1])

    def process(self):
        video = self.rng.choice(self.videos)
        reply = self.server.ask("POST", f"/api/v1/videos/{video}/process", {"model": self.model, "settings": {"confidence": 0.05}}, timeout=20)
        if reply.status == 202:
            self.tasks.append((video, reply.json["task_id"]))

    def judge(self):
        video = self.rng.choice(self.videos)
        truth = (self.data / TRUTH).read_bytes()
        if self.server.ask("PUT", f"/api/v1/videos/{video}/truth?name=gt.json", truth, {"Content-Type": "application/octet-stream"}, timeout=20).status != 201:
            return
        reply = self.server.ask("POST", "/api/v1/sessions", {"project_id": self.project, "model": self.model, "video_ids": [video], "profile": "default",
                                                             "settings": {"confidence": 0.05}}, timeout=20)
        if reply.status == 201:
            self.sessions.append(reply.json["id"])

    def next(self):
        """One of each first."""
        if not self.videos:
            return self.upload
        if not self.tasks:
            return self.process
        return self.rng.choice([self.upload, self.process, self.judge]) if self.sessions else self.judge

    def work(self):
        while not self.stopping:
            if len(self.tasks) + len(self.sessions) >= self.server.most:  # the workers are slower than the client
                time.sleep(0.1)
                continue
            try:
                self.next()()
            except AssertionError as e:
                self.wrong.append(e)
            except Exception:
                time.sleep(0.05)  # the server is dead just now

    def stop(self):
        self.stopping = True
        self.thread.join()


def children_of(pid):
    try:
        return [int(c) for t in os.listdir(f"/proc/{pid}/task") for c in open(f"/proc/{pid}/task/{t}/children").read().split()]
    except OSError:
        return []


def kill_a_child(server, rng):
    """One of those that decode, if there is one within a while."""
    until = time.monotonic() + 2
    while time.monotonic() < until:
        found = children_of(server.process.pid)
        running = server.made("GET", "/api/v1/tasks?status=running")["items"]
        # A task has three tries: one that was hit already is spared.
        if found and all(t["attempt"] == 1 for t in running):
            try:
                os.kill(rng.choice(found), signal.SIGKILL)
                return True
            except ProcessLookupError:
                continue
        time.sleep(0.005)
    return False


def test_a_probe_that_is_killed_every_time(assay, data, tmp_path):
    """As the system does where memory is short: the video is not left waiting, says why, and can be looked at again."""
    with Server(assay, tmp_path / "data") as server:
        project = server.project()
        over = threading.Event()

        def kill_all():
            while not over.is_set():
                for child in children_of(server.process.pid):
                    try:
                        os.kill(child, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                time.sleep(0.001)

        killer = threading.Thread(target=kill_all)
        killer.start()
        try:
            video = server.video(project, data / "video_with_gt/mmtracking_demo_MOT17-04/demo.mp4")
            known = server.video_known(video)
        finally:
            over.set()
            killer.join()
        task = server.made("GET", f"/api/v1/tasks?video_id={video}&kind=probe")["items"][0]
        assert (known["status"], task["status"], task["attempt"]) == ("failed", "failed", 3), (known, task)
        assert known["error"] and known["error"] in task["error"] and str(tmp_path) not in task["error"] + known["error"]
        server.made("POST", f"/api/v1/tasks/{task['task_id']}/retry")
        server.wait_for(f"/api/v1/videos/{video}", lambda v: v["status"] == "ready")


def test_errors_name_no_path_of_the_server(assay, data, tmp_path):
    """Files that went bad after they were taken: their tasks fail and say it by the names that the sender knows."""
    with Server(assay, tmp_path / "data") as server:
        project = server.project()
        server.model(data / QUICK, "quick")
        video = server.video(project, data / CLIP)
        server.video_known(video)
        blobs = {p: p.read_bytes() for p in (tmp_path / "data/blobs").glob("*/*/*")}
        for name, file in (("quick", QUICK), ("TUD-Campus.mp4", CLIP)):
            body = (data / file).read_bytes()
            path = next(p for p in blobs if blobs[p] == body)
            path.write_bytes(b"no longer what it was")
            end = server.task_end(server.made("POST", f"/api/v1/videos/{video}/process", {"model": "quick"})["task_id"])
            path.write_bytes(body)
            assert end["status"] == "failed" and name in end["error"], end
            assert str(tmp_path) not in end["error"] and "blobs" not in end["error"], end


def test_a_failed_task_keeps_its_last_lines(assay, data, tmp_path):
    """With whoever asks for it alone, without the path of the data, until it is tried again."""
    with Server(assay, tmp_path / "data") as server:
        project = server.project()
        video = server.video(project, data / "models/models.json")
        assert server.video_known(video)["status"] == "failed"
        task = server.made("GET", f"/api/v1/tasks?video_id={video}")["items"][0]
        assert task["status"] == "failed" and "log" not in task
        for path in ("", "/status"):
            log = server.made("GET", f"/api/v1/tasks/{task['task_id']}{path}")["log"]
            assert log["left_out"] == 0 and str(tmp_path) not in str(log)
            assert log["lines"][0]["message"] == "probe, try 1 of 3: begins" and log["lines"][0]["level"] == "info"
            assert log["lines"][-1]["level"] == "warning" and task["error"].split(": ", 1)[1] in log["lines"][-1]["message"]
            assert task["created_at"] <= log["lines"][0]["time"] <= log["lines"][-1]["time"] <= task["finished_at"]
        first = log["lines"][0]["time"]
        server.made("POST", f"/api/v1/tasks/{task['task_id']}/retry")
        again = server.task_end(task["task_id"])
        assert again["status"] == "failed" and first < again["log"]["lines"][0]["time"]
        good = server.video(project, data / CLIP)
        server.video_known(good)
        task = server.made("GET", f"/api/v1/tasks?video_id={good}")["items"][0]["task_id"]
        assert server.made("GET", f"/api/v1/tasks/{task}")["log"] is None


def running(server):
    return {t["kind"] for t in server.made("GET", "/api/v1/tasks?status=running")["items"]}


def await_kind(server, kind, seconds=60):
    """Until a task of that kind runs; False where none does within a while."""
    until = time.monotonic() + patient(seconds)
    while kind not in running(server):
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def undisturbed(server, project, data):
    """Detections and metrics that every run has to have."""
    video = server.video(project, data / CLIP)
    server.truth(video, data / TRUTH)
    task = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "quick", "settings": {"confidence": 0.05}})["task_id"]
    session = server.made("POST", "/api/v1/sessions", {"project_id": project, "model": "quick", "video_ids": [video], "profile": "default",
                                                       "settings": {"confidence": 0.05}})["id"]
    assert server.task_end(task)["status"] == "succeeded"
    assert server.wait_for(f"/api/v1/sessions/{session}", lambda s: s["status"] in ("succeeded", "failed"))["status"] == "succeeded"
    return (server.made("GET", f"/api/v1/videos/{video}/detections?stream=1&task={task}")["items"],
            figures(server.made("GET", f"/api/v1/sessions/{session}/results")))


def figures(results):
    metrics = dict(results["metrics"])
    return {k: metrics.get(k) for k in ("coco", "classes", "operating_point", "confusion_matrix")} | {"verdict": results["verdict"]}


def all_over(server, seconds):
    until = time.monotonic() + patient(seconds)
    while time.monotonic() < until:
        left = [t for status in ("queued", "running") for t in server.made("GET", f"/api/v1/tasks?status={status}&limit=1000")["items"]]
        if not left:
            return
        time.sleep(0.2)
    raise AssertionError(f"{len(left)} tasks are not over: {left[:3]}\n{server.text()[-2000:]}")


def test_killed_at_any_moment(assay, data, tmp_path):
    kills = int(os.environ.get("ASSAY_TEST_KILLS", 5))
    rng = random.Random(int(os.environ.get("ASSAY_TEST_SEED", 1)))
    server = Server(assay, tmp_path / "data").start()
    project = server.project()
    server.model(data / QUICK, "quick")
    detections, wanted = undisturbed(server, project, data)
    server.most = SIDE_BY_SIDE
    client = Client(server, data, project, "quick", rng.random())
    n_children = 0
    hit = collections.Counter()  # kinds that ran when something was killed
    try:
        for i in range(kills):
            left = sum(len(server.made("GET", f"/api/v1/tasks?status={s}&limit=1000")["items"]) for s in ("queued", "running"))
            server.most = len(client.tasks) + len(client.sessions) + SIDE_BY_SIDE - left  # some work for every life
            time.sleep(rng.uniform(0.05, 1.0))
            # Any moment; and, however slow the machine is, one of each kind of work.
            kind = (None, "process", "evaluate")[i % 3]
            if kind and await_kind(server, kind):
                time.sleep(rng.uniform(0, 0.2))
            hit.update(running(server))
            if i % 2 and kill_a_child(server, rng):  # none within a while: the server
                n_children += 1
            else:
                server.stop(signal.SIGKILL)
                server.start()
    finally:
        client.stop()
    assert not client.wrong, client.wrong[:3]
    all_over(server, 180 + 20 * kills)
    assert n_children > 0 and client.videos and client.tasks and client.sessions and hit["process"] and hit["evaluate"]
    # Everything that was acknowledged is there, whole, and ended once with the results of an undisturbed run.
    digest = hashlib.sha256(client.body).hexdigest()
    for video in client.videos:
        known = server.made("GET", f"/api/v1/videos/{video}")
        assert (known["status"], known["sha256"], known["frames"]) == ("ready", digest, 71), known
    for video, task in client.tasks:
        end = server.made("GET", f"/api/v1/tasks/{task}/status")
        assert end["status"] == "succeeded", end
        assert server.made("GET", f"/api/v1/videos/{video}/detections?stream=1&task={task}")["items"] == detections
        runs = [r for r in server.made("GET", f"/api/v1/videos/{video}/runs?limit=1000")["items"] if r["task_id"] == task]
        assert len(runs) == 1 and runs[0]["is_complete"]
    for session in client.sessions:
        end = server.made("GET", f"/api/v1/sessions/{session}")
        assert end["status"] == "succeeded", end
        assert figures(server.made("GET", f"/api/v1/sessions/{session}/results")) == wanted
    for path, known in client.uploads.items():
        assert int(client.tus("HEAD", path).headers["Upload-Offset"]) >= known
    # No orphan is left once the janitor was there (it is at every start).
    assert server.stop() == 0
    server.start()
    assert server.stop() == 0
    assert files_of(tmp_path / "data") == rows_of(tmp_path / "data")  # with PRAGMA integrity_check
    parts = {p.name for p in (tmp_path / "data/parts").iterdir()}
    assert parts <= {u.rsplit("/", 1)[1] for u in client.uploads} | uploads_of(tmp_path / "data")
    assert not list((tmp_path / "data/temp").iterdir())
    print(f"{kills} kills, {kills - n_children} of the server and {n_children} of children; {len(client.videos)} uploads, {len(client.tasks)} runs, {len(client.sessions)} sessions; while "
          + ", ".join(f"{k} ran {n} times" for k, n in sorted(hit.items())))


def uploads_of(data):
    db = sqlite3.connect(f"file:{data}/assay.db?mode=ro", uri=True)
    try:
        return {key for (key,) in db.execute("SELECT id FROM uploads")}
    finally:
        db.close()


def test_started_without_standard_streams(assay, tmp_path):
    """No file of its own becomes descriptor 0, 1 or 2, into which messages would go."""
    folder = tmp_path / "data"
    command = f"exec '{assay.program}' serve --data '{folder}' --listen 127.0.0.1:0 <&- >&- 2>&-"
    process = subprocess.Popen(["sh", "-c", command], env=assay.environment())
    try:
        for _ in range(int(patient(300))):
            if (folder / "control").exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        assert process.poll() is None
        assert [os.readlink(f"/proc/{process.pid}/fd/{n}") for n in range(3)] == ["/dev/null"] * 3
        process.terminate()
        assert process.wait(patient(30)) == 0
    finally:
        process.kill()
        process.wait()
