"""tus-js-client as a peer: in one piece, in chunks, paused, over connections that break, over a server that is killed."""
import hashlib
import json
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import threading

import pytest
from sanitizer import patient
from server import Server

PEERS = pathlib.Path(__file__).resolve().parent.parent / "peers"
CLIP = "video_with_gt/TUD-Campus_frames/TUD-Campus.mp4"


@pytest.fixture(scope="module")
def node():
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("npm is absent")
    if not (PEERS / "node_modules/tus-js-client").exists():
        done = subprocess.run(["npm", "ci", "--silent"], cwd=PEERS, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    return shutil.which("node")


class Line:
    """A way to the server that breaks after so many bytes of the client's, once for each number given; where it leads can change."""

    def __init__(self, server, *breaks, on_break=None):
        self.port_of = lambda: int(server.url.rsplit(":", 1)[1])
        self.breaks, self.on_break = list(breaks), on_break
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.port_of()), 5)
        except OSError:
            client.close()
            return
        n = 0
        with client, server:
            while True:
                for s in select.select([client, server], [], [])[0]:
                    try:
                        data = s.recv(16384)
                        (server if s is client else client).sendall(data)
                    except OSError:
                        return
                    if not data:
                        return
                    n += len(data) if s is client else 0
                    if self.breaks and n >= self.breaks[0]:
                        self.breaks.pop(0)
                        if self.on_break:
                            self.on_break()
                        return

    def close(self):
        self.listener.close()


def upload(node, url, file, metadata, chunk, *pause, ok=True):
    done = subprocess.run([node, PEERS / "tus-upload.mjs", f"{url}/api/v1/uploads", file, json.dumps(metadata), str(chunk), *map(str, pause)],
                          capture_output=True, text=True, timeout=patient(90))
    assert done.returncode == (0 if ok else 1), done.stdout + done.stderr
    return json.loads(done.stdout)


def check_whole(server, said, file):
    video = said["url"].rsplit("/", 1)[1]
    known = server.video_known(video)
    assert known["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest() and known["status"] == "ready" and known["name"] == "clip.mp4"
    assert not list((server.data / "parts").iterdir())


def methods(said):
    return [r[0] for r in said["requests"]]


def test_whole_chunked_and_paused(node, data, assay, tmp_path):
    file = data / CLIP
    with Server(assay, tmp_path / "data") as server:
        about = {"project_id": server.project(), "filename": "clip.mp4", "filetype": "video/mp4"}
        said = upload(node, server.url, file, about, 10**9)
        assert methods(said) == ["POST", "PATCH"]
        assert said["location"] == f"/api/v1/videos/{said['url'].rsplit('/', 1)[1]}"
        check_whole(server, said, file)
        said = upload(node, server.url, file, about, 50_000)
        assert methods(said).count("PATCH") == -(-file.stat().st_size // 50_000)
        check_whole(server, said, file)
        said = upload(node, server.url, file, about, 50_000, 120_000)
        assert "paused" in methods(said) and "HEAD" in methods(said)
        check_whole(server, said, file)
        assert "404" in upload(node, server.url, file, {"project_id": "none"}, 10**9, ok=False)["error"]


def test_connections_that_break(node, data, assay, tmp_path):
    file = data / CLIP
    size = file.stat().st_size
    with Server(assay, tmp_path / "data") as server:
        line = Line(server, size // 3, size // 4, 10_000)
        said = upload(node, line.url, file, {"project_id": server.project(), "filename": "clip.mp4"}, 10**9)
        line.close()
        assert not line.breaks
        # Each time it was asked how far it came, and that was farther than before.
        offsets = [int(r[2]) for r in said["requests"] if r[0] == "HEAD" and r[1] == 200]
        assert len(offsets) >= 3 and offsets == sorted(offsets) and offsets[0] > 0
        check_whole(server, said, file)


def test_a_server_that_is_killed(node, data, assay, tmp_path):
    file = data / CLIP
    server = Server(assay, tmp_path / "data").start()
    project = server.project()

    def kill():
        server.stop(signal.SIGKILL)
        server.start()

    line = Line(server, 150_000, 100_000, on_break=kill)
    said = upload(node, line.url, file, {"project_id": project, "filename": "clip.mp4"}, 40_000)
    line.close()
    assert not line.breaks and "HEAD" in methods(said)
    check_whole(server, said, file)
    assert server.stop() == 0
