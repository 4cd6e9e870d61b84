"""Videos that are given as URLs: from listed hosts, at allowed addresses, without detours."""
import gzip
import hashlib
import http.server
import threading

import pytest
from server import Server

CLIP = "odd_media/sample.avi"


class Files(http.server.BaseHTTPRequestHandler):
    """/clip.avi, ways that do not lead there, and what was asked for."""

    asked = []

    def do_GET(self):
        type(self).asked.append((self.path, self.headers.get("Authorization"), self.headers.get("Cookie")))
        status, headers, body = {
            "/clip.avi": (200, {"Content-Type": "video/x-msvideo"}, self.server.clip),
            "/long.avi": (200, {}, self.server.clip),
            "/moved.avi": (302, {"Location": "/clip.avi"}, b""),
            "/none.avi": (404, {}, b"nothing here"),
            "/later.avi": (404, {}, b"not yet") if not self.server.is_later else (200, {}, self.server.clip),
            "/empty.avi": (200, {}, b""),
            "/packed.avi": (200, {"Content-Encoding": "gzip"}, gzip.compress(self.server.clip)),
            "/part.avi": (206, {"Content-Range": "bytes 0-999/5000"}, self.server.clip[:1000]),
            "/list.m3u8": (200, {}, f"#EXTM3U\n#EXTINF:5,\n{self.server.where}/clip.avi?listed\n#EXT-X-ENDLIST\n".encode()),
            "/list.txt": (200, {}, f"ffconcat version 1.0\nfile '{self.server.where}/clip.avi?listed'\n".encode()),
            "/page.html": (200, {"Content-Type": "text/html"}, b"<p>no video</p>"),
        }[self.path.split("?")[0]]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.path != "/long.avi":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def files(data):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.clip = (data / CLIP).read_bytes()
    server.where = f"http://127.0.0.1:{server.server_address[1]}"
    server.is_later = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def server(assay, files, tmp_path_factory):
    port = files.server_address[1]
    with Server(assay, tmp_path_factory.mktemp("remote") / "data", "--allow-source", f"127.0.0.1:{port}", "--allow-source", "127.0.0.1:1",
                "--allow-private-sources", "--max-upload", 10) as s:
        s.where = f"http://127.0.0.1:{port}"
        s.into = s.project()
        yield s


def wish(server, url, **more):
    return server.ask("POST", "/api/v1/videos", {"project_id": server.into, "url": url, **more})


def test_a_video_from_its_url(server, files):
    reply = wish(server, f"{server.where}/clip.avi?x=1")
    assert reply.status == 202 and reply.json["name"] == "clip.avi" and reply.json["source_url"] == f"{server.where}/clip.avi?x=1"
    video = server.video_known(reply.json["id"])
    assert video["status"] == "ready" and video["error"] is None and video["frames"] > 0
    assert video["sha256"] == hashlib.sha256(files.clip).hexdigest() and video["bytes"] == len(files.clip)
    assert server.get(f"/api/v1/videos/{video['id']}/content?original=true").body == files.clip
    assert ("/clip.avi?x=1", None, None) in Files.asked


def test_a_length_that_is_not_said(server, files):
    video = server.video_known(wish(server, f"{server.where}/long.avi", name="mine").json["id"])
    assert video["status"] == "ready" and video["name"] == "mine" and video["bytes"] == len(files.clip)


@pytest.mark.parametrize("url,status,word", [
    ("http://example.com/clip.avi", 403, "--allow-source"),
    ("http://127.0.0.1:99999/clip.avi", 400, ""),
    ("http://127.0.0.1/clip.avi", 403, "127.0.0.1"),
    ("http://localhost:1/clip.avi", 403, "localhost"),
    ("http://user:word@127.0.0.1:1/clip.avi", 400, "passwords"),
    ("http://127.0.0.1:1@example.com/clip.avi", 400, "passwords"),
    ("http://127.0.0.1:1\\@example.com/clip.avi", 400, ""),
    ("http://example.com#@127.0.0.1:1/clip.avi", 403, "example.com"),
    ("http://127.0.0.1%3a1/clip.avi", 400, ""),
    ("http://127.0.0.1:1/clip.avi\r\nX: y", 400, ""),
    ("http://[::ffff:127.0.0.1]:1/clip.avi", 403, ""),
    ("file:///etc/passwd", 400, "http"),
    ("gopher://127.0.0.1:1/", 400, "http"),
    ("", 400, "url"),
    ("http://" + 3000 * "x", 400, "url"),
])
def test_urls_that_are_refused(server, url, status, word):
    reply = wish(server, url)
    assert reply.status == status and word in reply.json["message"], reply.body


@pytest.mark.parametrize("body,status", [
    ({"url": "{where}/clip.avi"}, 400),
    ({"project_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "url": "{where}/clip.avi"}, 404),
    ({"project_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "url": "{where}/clip.avi", "headers": {}}, 400),
])
def test_wishes_that_are_none(server, body, status):
    reply = server.ask("POST", "/api/v1/videos", {k: v.format(where=server.where) if isinstance(v, str) else v for k, v in body.items()})
    assert reply.status == status, reply.body


@pytest.mark.parametrize("path,word", [
    ("/moved.avi", "redirects are not followed"),
    ("/none.avi", "404"),
    ("/empty.avi", "empty"),
    ("/packed.avi", "packed"),  # which was not asked for
    ("/part.avi", "206"),
    ("/list.m3u8", "playlist"),  # what it names is not asked for either
    ("/list.txt", "playlist"),
    ("/page.html", ""),
])
def test_fetches_that_fail(server, path, word):
    before = len(Files.asked)
    video = server.video_known(wish(server, server.where + path).json["id"])
    assert video["status"] == "failed" and word in video["error"], video
    assert len(Files.asked) == before + 1  # not asked again, nor elsewhere
    assert str(server.data) not in video["error"]


def test_a_server_that_is_not_there(assay, tmp_path):
    """Tried again and again, then given up: the video says why, and so does the probe that was queued behind the fetch."""
    with Server(assay, tmp_path / "data", "--allow-source", "127.0.0.1:1", "--allow-private-sources") as server:
        server.into = server.project()
        video = server.video_known(wish(server, "http://127.0.0.1:1/clip.avi").json["id"])
        fetch = server.made("GET", f"/api/v1/tasks?video_id={video['id']}&kind=fetch")["items"][0]
        assert fetch["status"] == "failed" and fetch["attempt"] == 3, fetch
        assert video["status"] == "failed" and "127.0.0.1" in video["error"] and video["error"] in fetch["error"], (video, fetch)
        probe = server.task_end(server.made("GET", f"/api/v1/tasks?video_id={video['id']}&kind=probe")["items"][0]["task_id"])
        assert video["error"] in probe["error"], probe
        assert server.video_known(video["id"])["error"] == video["error"]


@pytest.mark.parametrize("how", ["asked for", "tried again"])
def test_what_did_not_come_is_fetched_again(server, files, how):
    """By the video, or by the task of the fetch alone: the probe that was queued with it is over."""
    files.is_later = False
    video = wish(server, server.where + "/later.avi").json["id"]
    assert server.video_known(video)["status"] == "failed"
    for kind in ("fetch", "probe"):
        server.task_end(server.made("GET", f"/api/v1/tasks?video_id={video}&kind={kind}")["items"][0]["task_id"])
    fetch = server.made("GET", f"/api/v1/tasks?video_id={video}&kind=fetch")["items"][0]["task_id"]
    if how == "tried again":  # in vain: what is told is the new cause
        before = server.video_known(video)["updated_at"]
        server.made("POST", f"/api/v1/tasks/{fetch}/retry")
        assert server.task_end(fetch)["status"] == "failed"
        seen = server.video_known(video)
        assert seen["status"] == "failed" and seen["error"] and seen["updated_at"] > before
    files.is_later = True
    if how == "asked for":
        task = server.made("POST", f"/api/v1/videos/{video}/probe", status=202)["task_id"]
        assert server.task_end(task)["status"] == "succeeded"
    else:
        server.made("POST", f"/api/v1/tasks/{fetch}/retry")
        assert server.task_end(fetch)["status"] == "succeeded"
    seen = server.video_known(video)
    assert seen["status"] == "ready" and seen["sha256"] == hashlib.sha256(files.clip).hexdigest()


def test_processing_waits_for_the_bytes(server, data):
    server.model(data / "models/FastestDet_352.onnx", "quick")
    video = wish(server, f"{server.where}/clip.avi").json["id"]
    task = server.made("POST", f"/api/v1/videos/{video}/process", {"model": "quick", "settings": {"max_frames": 2}})["task_id"]
    assert server.task_end(task)["status"] == "succeeded"


def test_private_addresses(assay, files, tmp_path):
    """A host that is listed, and is at an address of this machine: by number, and by a name."""
    port = files.server_address[1]
    with Server(assay, tmp_path / "data", "--allow-source", f"127.0.0.1:{port}", "--allow-source", f"localhost:{port}") as server:
        server.into = server.project()
        for host in ("127.0.0.1", "localhost"):
            before = len(Files.asked)
            reply = wish(server, f"http://{host}:{port}/clip.avi")
            assert reply.status == 202
            video = server.video_known(reply.json["id"])
            assert video["status"] == "failed" and "no address to fetch from" in video["error"], video
            assert len(Files.asked) == before


def test_nothing_is_listed(assay, files, tmp_path):
    with Server(assay, tmp_path / "data", "--allow-private-sources") as server:
        server.into = server.project()
        assert wish(server, f"http://127.0.0.1:{files.server_address[1]}/clip.avi").status == 403


def test_a_proxy_of_the_environment_is_not_used(assay, files, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    port = files.server_address[1]
    with Server(assay, tmp_path / "data", "--allow-source", f"127.0.0.1:{port}", "--allow-private-sources") as server:
        server.into = server.project()
        assert server.video_known(wish(server, f"http://127.0.0.1:{port}/clip.avi").json["id"])["status"] == "ready"
