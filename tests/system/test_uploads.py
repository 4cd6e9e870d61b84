"""Uploads: tus 1.0 to the letter, a file put in one piece, and room that is asked for before a byte is taken."""
import base64
import hashlib
import http.client
import signal
import threading
import time

import pytest
from sanitizer import patient
from server import Server

CLIP = "video_with_gt/TUD-Campus_frames/TUD-Campus.mp4"
TRUTH = "video_with_gt/TUD-Campus_frames/gt.coco.json"
MODEL = "models/FastestDet_352.onnx"
BYTES = "application/offset+octet-stream"


@pytest.fixture(scope="module")
def idle(assay, tmp_path_factory):
    with Server(assay, tmp_path_factory.mktemp("uploads") / "data") as s:
        s.used = s.project("used by many")
        yield s


def b64(value):
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()


def metadata(**values):
    return ",".join(f"{k} {b64(v)}" for k, v in values.items())


def tus(server, method, path, body=None, **headers):
    """Header names with underscores; tus's version unless another one is given."""
    named = {"Tus-Resumable": "1.0.0", **{k.replace("_", "-"): str(v) for k, v in headers.items()}}
    if body is not None:
        named.setdefault("Content-Type", BYTES)
    return server.ask(method, path, body, {k: v for k, v in named.items() if v != "-"})


def begin(server, length, body=None, project=None, **about):
    about = {"project_id": project or server.used, "filename": "clip.mp4", **about}
    reply = tus(server, "POST", "/api/v1/uploads", body, Upload_Length=length, Upload_Metadata=metadata(**about))
    assert reply.status == 201, reply.body
    return reply.headers["Location"]


def offset(server, upload):
    reply = tus(server, "HEAD", upload)
    assert reply.status == 200 and reply.headers["Cache-Control"] == "no-store"
    return int(reply.headers["Upload-Offset"])


def patch(server, upload, at, body, **headers):
    return tus(server, "PATCH", upload, body, Upload_Offset=at, **headers)


def send_and_break(server, upload, at, body, promised, headers=()):
    """Sends less than was promised, and goes."""
    c = http.client.HTTPConnection(server.url.split("//")[1], timeout=patient(20))
    c.putrequest("PATCH", upload)
    for k, v in {"Tus-Resumable": "1.0.0", "Content-Type": BYTES, "Upload-Offset": at, "Content-Length": promised, **dict(headers)}.items():
        c.putheader(k, v)
    c.endheaders()
    c.send(body)
    return c


def wait_offset(server, upload, wanted):
    for _ in range(int(patient(100))):
        seen = offset(server, upload)
        if seen == wanted:
            return
        time.sleep(0.05)
    raise AssertionError(f"{upload} is at {seen}, not {wanted}")


def test_what_is_spoken(idle):
    for path in ("/api/v1/uploads", "/api/uploads", "/api/v1/uploads/x"):
        reply = idle.ask("OPTIONS", path)
        assert reply.status == 204 and reply.headers["Tus-Version"] == "1.0.0" and reply.headers["Tus-Resumable"] == "1.0.0"
        assert reply.headers["Tus-Extension"].split(",") == ["creation", "creation-with-upload", "expiration", "termination", "checksum"]
        assert reply.headers["Tus-Checksum-Algorithm"] == "sha1,sha256" and int(reply.headers["Tus-Max-Size"]) > 0


def test_a_video_in_pieces(data, idle):
    body = (data / CLIP).read_bytes()
    cut = [0, 1, 100_000, len(body)]
    upload = begin(idle, len(body))
    reply = tus(idle, "HEAD", upload)
    assert (reply.headers["Upload-Offset"], reply.headers["Upload-Length"]) == ("0", str(len(body)))
    assert f"filename {b64('clip.mp4')}" in reply.headers["Upload-Metadata"] and reply.headers["Upload-Expires"].endswith("GMT")
    for a, b in zip(cut, cut[1:]):
        reply = patch(idle, upload, a, body[a:b])
        assert reply.status == 204 and reply.headers["Upload-Offset"] == str(b) and reply.headers["Tus-Resumable"] == "1.0.0"
    # What it became is what POST /videos makes, and bears the upload's id.
    video = upload.rsplit("/", 1)[1]
    assert reply.headers["Location"] == f"/api/v1/videos/{video}" and reply.headers["Upload-Expires"] is None
    known = idle.video_known(video)
    assert (known["status"], known["frames"], known["name"], known["sha256"]) == ("ready", 71, "clip.mp4", hashlib.sha256(body).hexdigest())
    assert idle.get(f"/api/v1/videos/{video}/content").body == body
    assert len(idle.made("GET", f"/api/v1/tasks?video_id={video}")["items"]) >= 1
    # Finished is finished.
    assert offset(idle, upload) == len(body)
    assert patch(idle, upload, len(body), b"x").status == 409
    assert tus(idle, "DELETE", upload).status == 409
    assert idle.ask("DELETE", f"/api/v1/videos/{video}").status == 204
    assert tus(idle, "HEAD", upload).status == 404


def test_with_the_first_bytes_at_once(data, idle):
    body = (data / CLIP).read_bytes()
    reply = tus(idle, "POST", "/api/v1/uploads", body[:1000], Upload_Length=len(body), Upload_Metadata=metadata(project_id=idle.used, name="early"))
    assert reply.status == 201 and reply.headers["Upload-Offset"] == "1000"
    assert patch(idle, reply.headers["Location"], 1000, body[1000:]).status == 204
    reply = tus(idle, "POST", "/api/v1/uploads", body, Upload_Length=len(body), Upload_Metadata=metadata(project_id=idle.used, name="whole"))
    assert reply.status == 201 and reply.headers["Upload-Offset"] == str(len(body))
    video = reply.headers["Location"].rsplit("/", 1)[1]
    assert idle.video_known(video)["name"] == "whole"


def test_truths_and_models(data, idle):
    video = idle.video(idle.used, data / CLIP)
    body = (data / TRUTH).read_bytes()
    upload = begin(idle, len(body), kind="truth", video_id=video, filename="gt.json")
    reply = patch(idle, upload, 0, body)
    assert reply.status == 204 and reply.headers["Location"] == f"/api/v1/videos/{video}/truth"
    versions = idle.made("GET", f"/api/v1/videos/{video}/truth/versions")["items"]
    assert [v["id"] for v in versions] == [upload.rsplit("/", 1)[1]] and versions[0]["objects"] > 0
    assert offset(idle, upload) == len(body)
    body = (data / MODEL).read_bytes()
    upload = begin(idle, len(body), kind="model", filename="folder/quick.onnx")
    reply = patch(idle, upload, 0, body)
    assert reply.status == 204 and idle.made("GET", reply.headers["Location"])["name"] == "quick"
    # What is none is refused at its end, says why, and is gone.
    for about, word in (({"kind": "model", "name": "none"}, "none"), ({"kind": "truth", "video_id": video, "filename": "no.txt"}, "no.txt")):
        upload = begin(idle, 9, **about)
        reply = patch(idle, upload, 0, b"nonsense\n")
        assert reply.status in (415, 422) and word in reply.json["message"], reply.body
        assert tus(idle, "HEAD", upload).status == 404
    assert not list((idle.data / "parts").iterdir())


@pytest.mark.parametrize("headers,body,status,word", [
    ({"Tus_Resumable": "-"}, None, 412, "1.0.0"),
    ({"Tus_Resumable": "0.2.2"}, None, 412, "1.0.0"),
    ({"Upload_Length": "-"}, None, 400, "Upload-Length"),
    ({"Upload_Length": "-1"}, None, 400, "Upload-Length"),
    ({"Upload_Length": "9e3"}, None, 400, "Upload-Length"),
    ({"Upload_Length": "0"}, None, 400, "empty"),
    ({"Upload_Length": "-", "Upload_Defer_Length": "1"}, None, 400, "Upload-Defer-Length"),
    ({"Upload_Length": str(10**17)}, None, 413, "larger"),
    ({"Upload_Length": "3"}, b"four", 413, "past"),
    ({"Content_Type": "text/plain"}, b"x", 415, BYTES),
    ({"Upload_Metadata": "-"}, None, 400, "project_id"),
    ({"Upload_Metadata": metadata(project_id="none")}, None, 404, "project"),
    ({"Upload_Metadata": metadata(kind="song")}, None, 400, "song"),
    ({"Upload_Metadata": metadata(kind="truth")}, None, 400, "video_id"),
    ({"Upload_Metadata": metadata(kind="truth", video_id="none")}, None, 404, "video"),
    ({"Upload_Metadata": "project_id !!!!"}, None, 400, "base64"),
    ({"Upload_Metadata": "a,b,a"}, None, 400, "twice"),
    ({"Upload_Metadata": "a,,b"}, None, 400, "empty"),
    ({"Upload_Metadata": metadata(filename=b"a\0b")}, None, 400, "no text"),
    ({"Upload_Metadata": metadata(filename=b"\xff")}, None, 400, "no text"),
    ({"Upload_Metadata": "x " + 6000 * "A"}, None, 413, "4096"),
    ({"Upload_Checksum": "md5 AAAA"}, b"x", 400, "md5"),
    ({"Upload_Checksum": "sha1 AAAA"}, b"x", 400, "sha1"),
])
def test_creations_that_are_refused(idle, headers, body, status, word):
    headers = {"Upload_Length": 9, "Upload_Metadata": metadata(project_id=idle.used), **headers}
    reply = tus(idle, "POST", "/api/v1/uploads", body, **headers)
    assert reply.status == status and word in reply.json["message"], reply.body
    assert reply.headers["Tus-Resumable"] == "1.0.0"
    assert status != 412 or reply.headers["Tus-Version"] == "1.0.0"


def test_pieces_that_are_refused(idle):
    upload = begin(idle, 10)
    assert patch(idle, upload, 0, b"0123").status == 204
    for headers, body, status, word in (
            ({"Upload_Offset": 3}, b"x", 409, "byte 4"),
            ({"Upload_Offset": 5}, b"x", 409, "byte 4"),
            ({"Upload_Offset": "-"}, b"x", 400, "Upload-Offset"),
            ({"Upload_Offset": "four"}, b"x", 400, "Upload-Offset"),
            ({"Content_Type": "application/octet-stream"}, b"x", 415, BYTES),
            ({"Tus_Resumable": "-"}, b"x", 412, ""),
            ({}, b"4567890", 413, "past")):
        reply = tus(idle, "PATCH", upload, body, **{"Upload_Offset": 4, **headers})
        assert reply.status == status and word in reply.json["message"], (headers, reply.body)
        assert offset(idle, upload) == 4
    assert tus(idle, "PATCH", "/api/v1/uploads/01ARZ3NDEKTSV4RRFFQ69G5FAV", b"x", Upload_Offset=0).status == 404
    assert tus(idle, "HEAD", "/api/v1/uploads/none").status == 404
    # Chunked, so that the end is not known beforehand: cut at the upload's end, what came before is kept or not, never more.
    reply = tus(idle, "PATCH", upload, iter([b"45", b"67", b"89abc"]), Upload_Offset=4)
    assert reply.status == 413 and 4 <= offset(idle, upload) < 10
    at = offset(idle, upload)
    # An empty piece is one.
    assert patch(idle, upload, at, b"").status == 204
    # Those that cannot say PATCH or DELETE.
    reply = tus(idle, "POST", upload, b"4567"[at - 4:], X_HTTP_Method_Override="PATCH", Upload_Offset=at)
    assert reply.status == 204 and reply.headers["Upload-Offset"] == "8"
    assert tus(idle, "POST", upload, X_HTTP_Method_Override="DELETE").status == 204
    assert tus(idle, "HEAD", upload).status == 404 and tus(idle, "DELETE", upload).status == 404


def test_checksums(idle):
    upload = begin(idle, 100)
    piece = b"some bytes"
    for name, of in (("sha1", hashlib.sha1), ("sha256", hashlib.sha256)):
        at = offset(idle, upload)
        reply = patch(idle, upload, at, piece, Upload_Checksum=f"{name} {b64(of(b'other').digest())}")
        assert reply.status == 460 and reply.json["error"] == "CHECKSUM_MISMATCH"
        assert offset(idle, upload) == at
        reply = patch(idle, upload, at, piece, Upload_Checksum=f"{name} {b64(of(piece).digest())}")
        assert reply.status == 204 and reply.headers["Upload-Offset"] == str(at + len(piece))
    # Cut short, what came cannot be told from garbage.
    send_and_break(idle, upload, 20, b"x" * 10, 20, {"Upload-Checksum": f"sha1 {b64(hashlib.sha1(b'x' * 20).digest())}"}).close()
    time.sleep(0.3)
    assert offset(idle, upload) == 20
    assert tus(idle, "DELETE", upload).status == 204


def test_a_creation_that_fails_leaves_nothing(idle):
    """Its client was not told where the upload is: wrong bytes, or a connection that breaks, free its room at once."""
    small = idle.made("POST", "/api/v1/projects", {"name": "room for one", "quota_bytes": 3000})["id"]
    about = {"Upload_Length": 2000, "Upload_Metadata": metadata(project_id=small, filename="clip.mp4")}
    wrong = f"sha1 {b64(hashlib.sha1(b'other').digest())}"
    for _ in range(2):
        reply = tus(idle, "POST", "/api/v1/uploads", b"x" * 1000, **about, Upload_Checksum=wrong)
        assert reply.status == 460 and "no upload was made" in reply.json["message"] and not reply.headers["Location"]
    headers = {k.replace("_", "-"): v for k, v in about.items()}
    c = http.client.HTTPConnection(idle.url.split("//")[1], timeout=20)
    c.putrequest("POST", "/api/v1/uploads")
    for k, v in {"Tus-Resumable": "1.0.0", "Content-Type": BYTES, "Content-Length": 1500, **headers}.items():
        c.putheader(k, v)
    c.endheaders()
    c.send(b"x" * 1000)
    time.sleep(0.3)
    assert tus(idle, "POST", "/api/v1/uploads", **about).status == 507  # it is being made
    c.close()
    for _ in range(100):
        reply = tus(idle, "POST", "/api/v1/uploads", b"x" * 1000, **about, Upload_Checksum=f"sha1 {b64(hashlib.sha1(b'x' * 1000).digest())}")
        if reply.status != 507:
            break
        time.sleep(0.05)
    assert reply.status == 201 and reply.headers["Upload-Offset"] == "1000", reply.body
    assert tus(idle, "DELETE", reply.headers["Location"]).status == 204
    assert not list((idle.data / "parts").iterdir())


def test_cut_short_is_gone_on_with(idle):
    upload = begin(idle, 1000)
    c = send_and_break(idle, upload, 0, b"a" * 600, 1000)
    time.sleep(0.3)
    # Meanwhile it has one writer only.
    reply = patch(idle, upload, 0, b"b")
    assert reply.status == 423 and reply.json["error"] == "LOCKED"
    assert tus(idle, "DELETE", upload).status == 423
    c.close()
    wait_offset(idle, upload, 600)
    assert tus(idle, "DELETE", upload).status == 204
    assert not list((idle.data / "parts").iterdir())


def test_a_dead_connection_gives_way(idle):
    """A client whose network went comes back on another connection long before the old one is known to be dead."""
    for asks_first in (True, False):
        upload = begin(idle, 1000)
        dead = send_and_break(idle, upload, 0, b"a" * 600, 1000)  # open, and silent from now on
        sent = time.monotonic()
        time.sleep(0.3)
        status = patch(idle, upload, 0, b"b").status
        assert status == 423 or time.monotonic() - sent > 1.5, status
        time.sleep(3.5)
        began = time.monotonic()
        if asks_first:
            assert offset(idle, upload) == 600
        else:
            reply = patch(idle, upload, 0, b"b")
            assert reply.status == 409 and "at byte 600" in reply.json["message"]
        assert patch(idle, upload, 600, b"b" * 400).status == 204
        assert time.monotonic() - began < patient(5)
        assert dead.sock.recv(100) == b""  # the old one was closed
        dead.close()
        video = upload.rsplit("/", 1)[1]
        assert idle.get(f"/api/v1/videos/{video}/content").body == b"a" * 600 + b"b" * 400
    # One that is silent is ended as well, and one that sends slowly is left alone.
    upload = begin(idle, 1000)
    dead = send_and_break(idle, upload, 0, b"a", 1000)
    time.sleep(3.5)
    assert tus(idle, "DELETE", upload).status == 204
    dead.close()
    upload = begin(idle, 1000)
    slow = send_and_break(idle, upload, 0, b"a", 1000)
    for _ in range(15):
        time.sleep(0.2)
        slow.send(b"a")
    assert patch(idle, upload, 0, b"b").status == 423
    slow.close()


def test_survives_the_servers_death(assay, data, tmp_path):
    body = (data / CLIP).read_bytes()
    server = Server(assay, tmp_path / "data").start()
    project = server.project()
    upload = begin(server, len(body), project=project)
    assert patch(server, upload, 0, body[:100_000]).status == 204
    # Slow enough that its bytes are marked on the way: what was acknowledged so far is there after a kill.
    c = send_and_break(server, upload, 100_000, body[100_000:200_000], len(body) - 100_000)
    time.sleep(1.2)
    c.send(body[200_000:200_001])
    wait_offset(server, upload, 200_001)
    server.stop(signal.SIGKILL)
    server.start()
    assert offset(server, upload) == 200_001
    assert server.stop() == 0
    server.start()
    assert patch(server, upload, 200_001, body[200_001:]).status == 204
    video = upload.rsplit("/", 1)[1]
    assert server.video_known(video)["sha256"] == hashlib.sha256(body).hexdigest()
    assert server.stop() == 0


def test_expired(assay, tmp_path):
    with Server(assay, tmp_path / "data", "--upload-hours", 0.0003) as server:
        upload = begin(server, 10, project=server.project())
        assert patch(server, upload, 0, b"01234").status == 204
        time.sleep(1.2)
        for reply in (tus(server, "HEAD", upload), patch(server, upload, 5, b"56789"), tus(server, "DELETE", upload)):
            assert reply.status == 410


def test_put_in_one_piece(data, idle):
    body = (data / CLIP).read_bytes()
    reply = idle.ask("PUT", f"/api/v1/files/walk.mp4?project_id={idle.used}", body, {"Content-Type": "video/mp4"})
    assert reply.status == 202 and reply.json["name"] == "walk.mp4" and reply.headers["Location"] == f"/api/v1/videos/{reply.json['id']}"
    video = reply.json["id"]
    reply = idle.ask("PUT", f"/api/v1/files/gt.json?kind=truth&video_id={video}", (data / TRUTH).read_bytes())
    assert reply.status == 201 and reply.json["video_id"] == video
    reply = idle.ask("PUT", "/api/v1/files/put.onnx?kind=model", (data / MODEL).read_bytes())
    assert reply.status == 201 and reply.json["name"] == "put"
    for query, status, word in (("", 400, "project_id"), ("?project_id=none", 404, "project"), ("?kind=song", 400, "song"), ("?kind=truth", 400, "video_id"),
                                ("?kind=model&project_id=none", 404, "project")):
        reply = idle.ask("PUT", f"/api/v1/files/x{query}", b"abc")
        assert reply.status == status and word in reply.json["message"], reply.body
    assert idle.ask("PUT", f"/api/v1/files/x?project_id={idle.used}", b"").status == 400


def asks_first(server, path, n, headers):
    """The answer to a client that waits for "100 Continue" before it sends anything."""
    c = http.client.HTTPConnection(server.url.split("//")[1], timeout=patient(20))
    c.putrequest("POST", path)
    for k, v in {"Content-Length": n, "Expect": "100-continue", **headers}.items():
        c.putheader(k, v)
    c.endheaders()
    reply = c.getresponse()
    return reply.status, reply.read().decode()


def test_truths_are_files_of_their_project(idle):
    """And so is what is posted to a session, whatever the query says of another one."""
    raw = {"Content-Type": "application/octet-stream"}
    small = idle.made("POST", "/api/v1/projects", {"name": "holds little", "quota_bytes": 1000})["id"]
    video = idle.made("POST", f"/api/v1/videos?project_id={small}&name=x", b"x" * 500, raw)["id"]
    session = idle.made("POST", "/api/v1/sessions", {"project_id": small, "source": "external", "video_ids": [video]})["id"]
    for path in (f"/api/v1/videos/{video}/truth?name=x", f"/api/v1/videos/{video}/truth?project_id={idle.used}&name=x",
                 f"/api/v1/videos/{video}/truth?background=true&name=x", f"/api/v1/files/x?kind=truth&video_id={video}",
                 f"/api/v1/sessions/{session}/detections?name=x"):
        reply = idle.ask("PUT", path, b"1,1,1,1,5,5,1,1,1\n" * 50, raw)
        assert reply.status == 507 and "the project's quota" in reply.json["message"], f"{path}: {reply.body}"
    assert idle.get(f"/api/v1/videos/{video}/truth").status == 404


def test_room_is_asked_for_before_a_byte_is_taken(assay, tmp_path):
    with Server(assay, tmp_path / "data", "--max-upload", 2, "--project-quota", 3, "--quota", 5) as server:
        a, b = server.project("a"), server.project("b")
        raw = {"Content-Type": "application/octet-stream"}
        status, said = asks_first(server, f"/api/v1/videos?project_id={a}", 2_000_001, raw)
        assert status == 413 and "2.0 MB" in said
        assert tus(server, "POST", "/api/v1/uploads", Upload_Length=2_000_001, Upload_Metadata=metadata(project_id=a)).status == 413
        assert int(server.ask("OPTIONS", "/api/v1/uploads").headers["Tus-Max-Size"]) == 2_000_000
        # What was begun counts as whole.
        kept = begin(server, 2_000_000, project=a)
        reply = tus(server, "POST", "/api/v1/uploads", Upload_Length=1_500_000, Upload_Metadata=metadata(project_id=a))
        assert reply.status == 507 and "the project's quota is 3.0 MB: 2.0 MB are used" in reply.json["message"]
        status, said = asks_first(server, f"/api/v1/videos?project_id={a}", 1_500_000, raw)
        assert status == 507 and "quota" in said
        begin(server, 2_000_000, project=b)
        begin(server, 900_000, project=b)
        reply = tus(server, "POST", "/api/v1/uploads", Upload_Length=200_000, Upload_Metadata=metadata(project_id=a))
        assert reply.status == 507 and "this server's quota" in reply.json["message"]
        assert tus(server, "DELETE", kept).status == 204
        assert tus(server, "POST", "/api/v1/uploads", Upload_Length=200_000, Upload_Metadata=metadata(project_id=a)).status == 201
        # A project's own quota goes first; a form is asked as soon as its fields are known.
        small = server.made("POST", "/api/v1/projects", {"name": "small", "quota_bytes": 1000})["id"]
        file = tmp_path / "clip.bin"
        file.write_bytes(b"x" * 2000)
        reply = server.form("/api/v1/videos", {"project_id": small}, file)
        assert reply.status == 507 and "quota" in reply.json["message"]
        assert server.made("GET", f"/api/v1/projects/{small}/videos")["items"] == []
    with Server(assay, tmp_path / "data", "--keep-free", 900_000_000) as server:
        for reply in (tus(server, "POST", "/api/v1/uploads", Upload_Length=1, Upload_Metadata=metadata(project_id=a)),
                      server.ask("PUT", f"/api/v1/files/x?project_id={a}", b"abc")):
            assert reply.status == 507 and "kept free" in reply.json["message"]
            assert str(tmp_path) not in reply.json["message"]


def test_a_hundred_side_by_side(data, idle):
    """Each whole by digest."""
    bodies = [bytes([i]) * (200_000 + i) for i in range(20)]
    uploads, failures = {}, []

    def send(i):
        try:
            for k in range(5):
                upload = begin(idle, len(bodies[i]), filename=f"{i}-{k}")
                for at in range(0, len(bodies[i]), 70_000):
                    assert patch(idle, upload, at, bodies[i][at:at + 70_000]).status == 204
                uploads[upload] = i
        except Exception as e:
            failures.append(e)

    threads = [threading.Thread(target=send, args=(i,)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures and len(uploads) == 100
    for upload, i in uploads.items():
        assert idle.made("GET", f"/api/v1/videos/{upload.rsplit('/', 1)[1]}")["sha256"] == hashlib.sha256(bodies[i]).hexdigest()
