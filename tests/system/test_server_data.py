"""The data of a real server: killed while files come in, backed up while it serves, restored and served again.

ASSAY_TEST_KILLS=N kills N times instead of 3.
"""
import hashlib
import os
import random
import signal
import sqlite3
import tarfile
import threading
import time

import pytest

from server import Server


def content(server, video):
    reply = server.get(f"/api/v1/videos/{video}/content")
    assert reply.status == 200, reply.body
    return hashlib.sha256(reply.body).hexdigest()


def files_of(data):
    return {p.name for p in (data / "blobs").glob("*/*/*")}


def rows_of(data):
    db = sqlite3.connect(f"file:{data}/assay.db?mode=ro", uri=True)
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchone() is None
        return {key for (key,) in db.execute('SELECT "key" FROM blobs')}
    finally:
        db.close()


def send_until_dead(server, project, folder, seed, sent):
    """Uploads files one by one; *sent* gets each that was acknowledged, with its digest."""
    rng = random.Random(seed)
    for i in range(1000):
        body = rng.randbytes(rng.randrange(1, 400_000))
        file = folder / f"{seed}-{i}.bin"
        file.write_bytes(body)
        try:
            reply = server.form("/api/v1/videos", {"project_id": project}, file)
        except Exception:
            return  # the server died
        finally:
            file.unlink()
        if reply.status != 202:
            return
        sent.append((reply.json["id"], hashlib.sha256(body).hexdigest()))


def test_killed_while_files_come_in(assay, tmp_path):
    server = Server(assay, tmp_path / "data").start()
    project = server.project()
    sent = []
    kills = int(os.environ.get("ASSAY_TEST_KILLS", 3))
    for round_ in range(kills):
        senders = [threading.Thread(target=send_until_dead, args=(server, project, tmp_path, round_ * 10 + k, sent))
                   for k in range(3)]
        for s in senders:
            s.start()
        time.sleep(random.Random(round_).uniform(0.1, 0.6))
        server.stop(signal.SIGKILL)
        for s in senders:
            s.join()
        server.start()
        # the janitor was there before the server listened: files and rows are the same
        assert files_of(tmp_path / "data") == rows_of(tmp_path / "data")
        assert not list((tmp_path / "data/parts").iterdir())
    assert len(sent) > kills
    for video, digest in sent:
        assert content(server, video) == digest
        assert server.video_known(video)["status"] in ("failed", "ready")  # noise may look like some format
    tasks = server.all("/api/v1/tasks?kind=probe")
    known = server.all(f"/api/v1/projects/{project}/videos")
    assert {v for v, _ in sent} <= {v["id"] for v in known}
    assert len(tasks) == len(known)  # none was probed by two tasks
    assert server.stop() == 0
    assert files_of(tmp_path / "data") == rows_of(tmp_path / "data")


def test_backup_of_a_running_server(assay, tmp_path):
    with Server(assay, tmp_path / "data") as server:
        project = server.project()
        sent = []
        sender = threading.Thread(target=send_until_dead, args=(server, project, tmp_path, 99, sent))
        sender.start()
        while len(sent) < 3:
            time.sleep(0.02)
        before = list(sent)
        assay.ok("backup", tmp_path / "all.tar", "--data", tmp_path / "data")
        assert "process" in assay.refuses("restore", tmp_path / "all.tar", "--data", tmp_path / "data", "--replace",
                                          status=3)
        # what is deleted afterwards is in the backup all the same
        assert server.ask("DELETE", f"/api/v1/videos/{before[0][0]}").status in (200, 204)
        assert server.stop() == 0
        sender.join()
    with tarfile.open(tmp_path / "all.tar") as tar:
        assert tar.getnames()[:2] == ["manifest.json", "assay.db"]
    assay.ok("restore", tmp_path / "all.tar", "--data", tmp_path / "other")
    with Server(assay, tmp_path / "other") as server:
        for video, digest in before:
            assert content(server, video) == digest
        assert files_of(tmp_path / "other") == rows_of(tmp_path / "other")


def test_locked_by_another_process_is_said(assay, tmp_path):
    with Server(assay, tmp_path / "data") as server:
        project = server.project("there before")
        other = sqlite3.connect(tmp_path / "data/assay.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            reply = server.ask("POST", "/api/v1/projects", {"name": "meanwhile"})
            assert reply.status == 503, reply.body
            assert reply.json["error"] == "BUSY" and "another process has locked it" in reply.json["message"]
            assert server.get(f"/api/v1/projects/{project}").status == 200  # reading goes on
        finally:
            other.execute("ROLLBACK")
            other.close()
        server.made("POST", "/api/v1/projects", {"name": "meanwhile"}, status=201)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_data_that_cannot_be_written_is_said(assay, tmp_path):
    (tmp_path / "data").mkdir(mode=0o555)
    for p in [tmp_path, *tmp_path.parents]:
        if p.stat().st_uid == os.geteuid() and str(p) not in ("/", "/tmp"):
            p.chmod(p.stat().st_mode | 0o055)
    said = assay.refuses("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", status=3, user=65534)
    assert str(tmp_path / "data") in said and "cannot be written" in said
