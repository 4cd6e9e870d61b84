"""Posted pictures: image inference, its queue and its cache; models loaded, used, unloaded; KServe."""
import base64
import concurrent.futures
import json
import random
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
from sanitizer import patient
from server import Server

OCTETS = {"Content-Type": "application/octet-stream"}
FRESH = {**OCTETS, "Cache-Control": "no-cache"}
IMAGE = "/api/v1/inference/image"


@pytest.fixture(scope="module")
def pictures(data, tmp_path_factory):
    """One 1080p frame in the four formats."""
    folder = tmp_path_factory.mktemp("pictures")
    clip = data / "video_with_gt/mmtracking_demo_MOT17-04/demo.mp4"
    for name in ("frame.jpg", "frame.png", "frame.bmp"):
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", clip, "-frames:v", "1", "-q:v", "2", folder / name], check=True)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", folder / "frame.png", "-c:v", "libwebp", "-lossless", "1", folder / "frame.webp"], check=True)
    return folder


@pytest.fixture(scope="module")
def server(assay, data, tmp_path_factory):
    with Server(assay, tmp_path_factory.mktemp("inference") / "data") as s:
        s.model(data / "models/yolox_nano_416.onnx", "nano")
        yield s


def post(server, picture, headers=FRESH, **query):
    query.setdefault("model", "nano")
    return server.ask("POST", IMAGE + "?" + "&".join(f"{k}={v}" for k, v in query.items()), picture, headers)


def boxes(reply):
    assert reply.status == 200, reply.body
    return [(d["label"], d["confidence"], *(d["bounding_box"][k] for k in ("x", "y", "width", "height"))) for d in reply.json["detections"]]


def iou(a, b):
    w = min(a[2] + a[4], b[2] + b[4]) - max(a[2], b[2])
    h = min(a[3] + a[5], b[3] + b[5]) - max(a[3], b[3])
    common = max(w, 0) * max(h, 0)
    return common / (a[4] * a[5] + b[4] * b[5] - common)


def test_formats_agree_with_detect(server, assay, data, pictures, tmp_path):
    """A picture posted whole gives what `assay detect` gives for the file, in every format; JPEG also where it is decoded smaller."""
    model = data / "models/yolox_nano_416.onnx"
    for name in ("frame.jpg", "frame.png", "frame.bmp", "frame.webp"):
        assay.ok("detect", pictures / name, "--model", model, "--confidence", "0.3", "--out", tmp_path / "d.jsonl", "--quiet")
        lines = [json.loads(line) for line in (tmp_path / "d.jsonl").read_text().splitlines()]
        expected = next(line for line in lines if line["type"] == "frame")["detections"]
        reply = post(server, (pictures / name).read_bytes(), confidence=0.3, decode="full")
        assert reply.status == 200, reply.body
        assert reply.json["detections"] == expected, name
        assert (reply.json["width"], reply.json["height"]) == (1920, 1080)
        assert (reply.json["decoded_width"], reply.json["decoded_height"]) == (1920, 1080)
    small = post(server, (pictures / "frame.jpg").read_bytes(), confidence=0.3)
    assert (small.json["decoded_width"], small.json["decoded_height"]) == (960, 540)
    whole = boxes(post(server, (pictures / "frame.jpg").read_bytes(), confidence=0.3, decode="full"))
    for box in boxes(small):
        if box[1] >= 0.5:
            assert max(iou(box, w) for w in whole if w[0] == box[0]) > 0.8
    times = small.json["milliseconds"]
    assert all(times[k] > 0 for k in ("decode", "letterbox", "inference", "total", "queue"))
    assert times["digest"] is None  # nothing was looked up
    assert times["total"] >= times["decode"] + times["letterbox"] + times["inference"]


def test_form_and_settings(server, pictures):
    picture = (pictures / "frame.jpg").read_bytes()
    raw = boxes(post(server, picture, confidence=0.3, classes="person", max_detections=3, iou=0.5))
    assert len(raw) == 3 and {b[0] for b in raw} == {"person"}
    form = server.form(IMAGE, {"model": "nano", "confidence": "0.3", "classes": "person", "max_detections": "3", "iou": "0.5"}, pictures / "frame.jpg")
    assert boxes(form) == raw
    floors = boxes(post(server, picture, confidence=0.9, class_confidence="person=0.3", max_detections=3, iou=0.5))
    assert floors == raw


def test_what_computes_it(server, pictures):
    """A picture may name engine and precision; the answer says what it was, and each choice is remembered apart."""
    picture = (pictures / "frame.jpg").read_bytes()
    plain = post(server, picture, confidence=0.3, precision="fp32")
    assert plain.json["precision"] == "fp32"
    both = boxes(post(server, picture, confidence=0.3, precision="fp32", engine="onnxruntime"))
    assert [b[0] for b in both] == [b[0] for b in boxes(plain)]
    assert all(abs(a[1] - b[1]) < 1e-3 for a, b in zip(both, boxes(plain)))
    for cached in (False, True):
        reply = post(server, picture, OCTETS, confidence=0.37, precision="fp32", engine="native")
        assert reply.json["precision"] == "fp32" and reply.json["cached"] == cached
    reply = post(server, picture, confidence=0.3, precision="int8")  # nobody calibrated it
    assert reply.status == 409 and "calibrated" in reply.json["message"] and "blobs" not in reply.json["message"], reply.body
    bf16 = post(server, picture, confidence=0.3, precision="bf16")
    if "avx512bw" in Path("/proc/cpuinfo").read_text():
        # Rounded to eight bits of fraction: nearly the same boxes, and not the very same.
        assert bf16.status == 200 and bf16.json["precision"] == "bf16" and boxes(bf16) != boxes(plain)
        assert abs(len(boxes(bf16)) - len(boxes(plain))) <= 2
    else:
        assert bf16.status != 200 and "AVX-512" in bf16.json["message"], bf16.body


def test_refusals(server, pictures, data):
    picture = (pictures / "frame.jpg").read_bytes()
    for query, status, word in (
        ({"model": "none"}, 404, "none"),
        ({"model": ""}, 400, "'model' is needed"),
        ({"confidence": "2"}, 400, "confidence"),
        ({"confidence": "x"}, 400, "confidence"),
        ({"classes": "persn"}, 400, "settings.classes: the model has no class 'persn'"),
        ({"decode": "half"}, 400, "half"),
        ({"stride": "2"}, 400, "stride"),
        ({"precision": "fp8"}, 400, "precision"),
        ({"engine": "abacus"}, 400, "engine"),
        ({"class_confidence": "@/etc/passwd"}, 400, "file"),
    ):
        reply = post(server, picture, **query)
        assert reply.status == status and word in reply.json["message"], (query, reply.body)
    for body, status in ((b"", 400), (b"no picture at all", 422), (picture[:200], 422), (b"\xff\xd8\xff\xe0" + b"\0" * 100, 422)):
        reply = post(server, body)
        assert reply.status == status, (body[:20], reply.status, reply.body)
        assert "/data" not in reply.json["message"]
    no_file = server.ask("POST", IMAGE + "?model=nano", b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--\r\n",
                         {"Content-Type": "multipart/form-data; boundary=x"})
    assert no_file.status == 400 and "no file" in no_file.json["message"]
    for file in sorted((data / "hostile_media").rglob("*")):
        if file.is_file() and file.suffix in (".jpg", ".png", ".bmp", ".jpeg") or file.parent.name.startswith(("gofuzz_jpeg", "gofuzz_png", "bmp")):
            assert post(server, file.read_bytes()).status in (200, 400, 413, 415, 422), file.name
    assert post(server, picture).status == 200


def counters(server, *names):
    lines = server.get("/metrics").body.decode().splitlines()
    return [sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(n)) for n in names]


def test_same_picture_is_answered_from_memory(server, pictures):
    picture = (pictures / "frame.jpg").read_bytes() + b"once"
    names = ('cache_hits_total{cache="predictions"}', 'cache_misses_total{cache="predictions"}', "model_inference_duration_seconds_count")
    hits, misses, runs = counters(server, *names)
    first = post(server, picture, OCTETS)
    second = post(server, picture, OCTETS)
    other = post(server, picture, OCTETS, confidence=0.5)
    assert [r.json["cached"] for r in (first, second, other)] == [False, True, False]
    assert second.json["detections"] == first.json["detections"] and second.json["width"] == 1920
    assert second.json["milliseconds"]["inference"] is None and second.json["milliseconds"]["digest"] > 0
    assert counters(server, *names) == [hits + 1, misses + 2, runs + 2]
    assert post(server, picture).json["cached"] is False  # Cache-Control: no-cache


def test_full_queue_says_when_to_come_again(assay, data, pictures, tmp_path):
    picture = (pictures / "frame.jpg").read_bytes()
    with Server(assay, tmp_path / "data", "--inference-queue", "1", "--threads", "1") as s:
        s.model(data / "models/yolox_nano_416.onnx", "nano")
        assert post(s, picture).status == 200
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            replies = list(pool.map(lambda _: post(s, picture), range(16)))
        assert {r.status for r in replies} == {200, 503}
        for r in replies:
            if r.status == 503:
                assert r.json["error"] == "BUSY" and 1 <= int(r.headers["Retry-After"]) <= 3600
        assert post(s, picture).status == 200
    with Server(assay, tmp_path / "data", "--inference-queue", "16") as s:  # as long as there are clients
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert {r.status for r in pool.map(lambda _: post(s, picture), range(16))} == {200}
        seen = s.get("/api/v1/models/nano").json
        assert seen["users"] == 0 and seen["statistics"]["waiting"] == 0
        assert seen["statistics"]["pictures"] == 16 and seen["statistics"]["inference_milliseconds"] > 0


def raw_post(server, picture, path=IMAGE + "?model=nano"):
    host, port = server.url.removeprefix("http://").split(":")
    s = socket.create_connection((host, int(port)))
    s.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(picture)}\r\nCache-Control: no-cache\r\n\r\n".encode() + picture)
    return s


def test_clients_that_go_away_leave_no_place_behind(server, pictures):
    picture = (pictures / "frame.jpg").read_bytes()
    sockets = [raw_post(server, picture) for _ in range(20)]
    for s in sockets:
        s.close()
    for s in [raw_post(server, picture[:1000]) for _ in range(3)]:  # and one that goes in the middle of its body
        s.close()
    server.wait_for("/api/v1/models/nano", lambda m: m["users"] == 0 and m["statistics"]["waiting"] == 0)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert {r.status for r in pool.map(lambda _: post(server, picture), range(8))} == {200}


def test_models_load_unload_while_used(server, data, pictures):
    picture = (pictures / "frame.jpg").read_bytes()
    model = server.made("POST", "/api/v1/models/nano/unload")
    assert model["is_loaded"] is False and model["statistics"]["resident_bytes"] is None
    model = server.made("POST", "/api/v1/models/nano/load")
    assert model["is_loaded"] is True and model["engine"] and model["precision"] and model["workers"] >= 1
    assert model["statistics"]["resident_bytes"] >= model["bytes"]
    loads = model["statistics"]["loads"]
    stop = threading.Event()
    seen = []

    def use():
        while not stop.is_set():
            seen.append(post(server, picture).status)

    threads = [threading.Thread(target=use) for _ in range(3)]
    for t in threads:
        t.start()
    for i in range(int(patient(200))):  # five times, and until it was loaded again under somebody
        server.made("POST", "/api/v1/models/nano/unload")
        time.sleep(0.05)
        if i >= 4 and server.get("/api/v1/models/nano").json["statistics"]["loads"] > loads:
            break
    stop.set()
    for t in threads:
        t.join()
    assert set(seen) == {200}
    assert server.get("/api/v1/models/nano").json["statistics"]["loads"] > loads
    # One that is deleted while it is used: who is inside is served, who comes later is told.
    server.model(data / "models/yolox_nano_416.onnx", "gone")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(post, server, picture, model="gone") for _ in range(4)]
        time.sleep(0.02)
        assert server.ask("DELETE", "/api/v1/models/gone").status == 204
        assert {r.result().status for r in running} <= {200, 404}
    assert post(server, picture, model="gone").status == 404


def test_preload_and_memory(assay, data, pictures, tmp_path):
    picture = (pictures / "frame.jpg").read_bytes()
    with Server(assay, tmp_path / "data") as s:
        for name in ("yolox_nano_416", "nanodet_m_416"):
            s.model(data / f"models/{name}.onnx", name)
    with Server(assay, tmp_path / "data", "--preload", "yolox_nano_416,nanodet_m_416") as s:
        for _ in range(int(patient(1200))):
            ready = s.get("/health/ready")
            if ready.status == 200:
                break
            assert ready.status == 503 and "being loaded" in ready.json["message"]
            time.sleep(0.05)
        assert ready.status == 200
        assert all(m["is_loaded"] and m["users"] == 0 for m in s.get("/api/v1/models").json["items"])
    done = assay.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--preload", "nobody")
    assert done.returncode == 2 and "--preload" in done.stderr and "nobody" in done.stderr
    with Server(assay, tmp_path / "data", "--model-memory", "1") as s:  # MiB: one model alone is above it
        for name in ("yolox_nano_416", "nanodet_m_416", "yolox_nano_416"):
            assert post(s, picture, model=name).status == 200
            assert [m["name"] for m in s.get("/api/v1/models").json["items"] if m["is_loaded"]] == [name]


# --- KServe v2

NANO = "/v2/models/nano"
SHAPE = [1, 3, 416, 416]


def kserve(server, document, binary=None, path=NANO + "/infer"):
    text = json.dumps(document).encode()
    if binary is None:
        return server.ask("POST", path, text, {"Content-Type": "application/json"})
    return server.ask("POST", path, text + binary, {**OCTETS, "Inference-Header-Content-Length": str(len(text))})


def floats(reply, output):
    """An output's numbers, from wherever they stand."""
    n_json = int(reply.headers.get("Inference-Header-Content-Length", len(reply.body)))
    document, at = json.loads(reply.body[:n_json]), n_json
    for o in document["outputs"]:
        size = o.get("parameters", {}).get("binary_data_size")
        if o["name"] == output:
            return list(struct.unpack(f"<{size // 4}f", reply.body[at:at + size])) if size is not None else o["data"]
        at += size or 0
    raise KeyError(output)


def test_kserve_says_what_there_is(server, data):
    about = server.made("GET", "/v2")
    assert about["name"] == "assay" and "binary_tensor_data" in about["extensions"]
    assert server.made("GET", "/v2/health/live") == {"live": True}
    assert server.made("GET", "/v2/health/ready") == {"ready": True}
    model = server.made("GET", NANO)
    assert model["name"] == "nano" and model["versions"] == ["1"] and model["platform"] == "onnx_onnxv1"
    assert model["inputs"] == [{"name": "images", "datatype": "FP32", "shape": SHAPE}]
    assert model["outputs"] == [{"name": "output", "datatype": "FP32", "shape": [1, 3549, 85]}]
    assert server.made("GET", NANO + "/versions/1") == model
    assert server.made("GET", NANO + "/ready") == {"name": "nano", "ready": True} == server.made("GET", NANO + "/versions/1/ready")
    for path in ("/v2/models/none", "/v2/models/none/ready", NANO + "/versions/2", NANO + "/versions/2/ready"):
        reply = server.get(path)
        assert reply.status == 404 and set(reply.json) == {"error"}


def test_kserve_tensors_in_json_and_binary(server):
    random.seed(3)
    numbers = [float(random.randrange(256)) for _ in range(3 * 416 * 416)]
    packed = struct.pack(f"<{len(numbers)}f", *numbers)
    plain = {"name": "images", "shape": SHAPE, "datatype": "FP32", "data": numbers}
    reply = kserve(server, {"id": "42", "inputs": [plain]})
    assert reply.status == 200, reply.body[:300]
    assert reply.json["id"] == "42" and reply.json["model_name"] == "nano"
    assert reply.json["outputs"][0]["shape"] == [1, 3549, 85] and reply.json["outputs"][0]["datatype"] == "FP32"
    expected = floats(reply, "output")
    assert len(expected) == 3549 * 85 and len(set(expected)) > 1000
    nested = {"data": [[[numbers[(c * 416 + y) * 416:(c * 416 + y + 1) * 416] for y in range(416)] for c in range(3)]],
              "datatype": "FP32", "name": "images", "shape": SHAPE}  # the data before what it is
    assert floats(kserve(server, {"inputs": [nested], "outputs": [{"name": "output"}]}), "output") == expected
    behind = {"name": "images", "shape": SHAPE, "datatype": "FP32", "parameters": {"binary_data_size": len(packed)}}
    for extra in ({"parameters": {"binary_data_output": True}}, {"outputs": [{"name": "output", "parameters": {"binary_data": True}}]},
                  {"outputs": [{"name": "output", "parameters": {"binary_data": False}}], "parameters": {"binary_data_output": True}}, {}):
        reply = kserve(server, {"inputs": [behind], **extra}, packed)
        assert reply.status == 200, reply.body[:300]
        got = floats(reply, "output")
        assert struct.pack(f"<{len(got)}f", *got) == struct.pack(f"<{len(expected)}f", *expected)


def test_kserve_picture(server, pictures):
    picture = (pictures / "frame.jpg").read_bytes()
    expected = boxes(post(server, picture, confidence=0.3))
    ask = {"inputs": [{"name": "picture", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(picture) + 4}}],
           "parameters": {"confidence": 0.3}}
    binary = kserve(server, ask, struct.pack("<I", len(picture)) + picture)
    text = kserve(server, {"inputs": [{"name": "picture", "shape": [1, 1], "datatype": "BYTES", "data": [base64.b64encode(picture).decode()]}],
                           "parameters": {"confidence": 0.3}})
    for reply in (binary, text):
        assert reply.status == 200, reply.body
        got = {o["name"]: o for o in reply.json["outputs"]}
        n = len(expected)
        assert got["boxes"]["shape"] == [n, 4] and got["labels"]["shape"] == [n] and got["labels"]["datatype"] == "BYTES"
        assert got["labels"]["data"] == [b[0] for b in expected]
        assert got["confidences"]["data"] == [b[1] for b in expected]
        for i, b in enumerate(expected):
            assert got["boxes"]["data"][4 * i:4 * i + 2] == [b[2], b[3]]
            assert abs(got["boxes"]["data"][4 * i + 2] - b[2] - b[4]) < 1e-3
    ask["outputs"] = [{"name": "labels", "parameters": {"binary_data": True}}, {"name": "class_ids"}]
    reply = kserve(server, ask, struct.pack("<I", len(picture)) + picture)
    n_json = int(reply.headers["Inference-Header-Content-Length"])
    assert [o["name"] for o in json.loads(reply.body[:n_json])["outputs"]] == ["labels", "class_ids"]
    assert reply.body[n_json:] == b"".join(struct.pack("<I", len(b[0])) + b[0].encode() for b in expected)


def test_kserve_refusals(server):
    good = {"name": "images", "shape": SHAPE, "datatype": "FP32", "data": [0] * (3 * 416 * 416)}
    assert kserve(server, {"inputs": [good]}).status == 200
    # The example of the protocol's own page, asked of a model with other inputs.
    published = {"id": "42", "inputs": [{"name": "input0", "shape": [2, 2], "datatype": "UINT32", "data": [1, 2, 3, 4]},
                                        {"name": "input1", "shape": [3], "datatype": "BOOL", "data": [True]}],
                 "outputs": [{"name": "output0"}]}
    for document, word in (
        (published, "UINT32"),
        ({"inputs": [{**good, "name": "other"}]}, "images"),
        ({"inputs": [good, {**good, "name": "more", "shape": [1], "data": [1]}]}, "2 inputs"),
        ({"inputs": []}, "no inputs"),
        ({}, "no inputs"),
        ({"inputs": [{**good, "shape": [1, 3, 416, 417]}]}, "values"),
        ({"inputs": [{**good, "shape": [1, 3, 415, 416]}]}, "values"),
        ({"inputs": [{**good, "shape": [1, 3, 208, 832]}]}, "1,3,416,416"),
        ({"inputs": [{**good, "shape": [3 * 416 * 416]}]}, "1,3,416,416"),
        ({"inputs": [{**good, "shape": [1] * 9}]}, "8 dimensions"),
        ({"inputs": [{**good, "shape": [-1, 3, 416, 416]}]}, "shape"),
        ({"inputs": [{**good, "shape": [2 ** 40, 2 ** 40]}]}, "larger"),
        ({"inputs": [{**good, "datatype": "INT64"}]}, "int64"),
        ({"inputs": [{**good, "datatype": "UINT8", "data": [256] * (3 * 416 * 416)}]}, "UINT8"),
        ({"inputs": [{**good, "data": ["x"] * 10}]}, "number"),
        ({"inputs": [{**good, "data": [1e39] * (3 * 416 * 416)}]}, "not a number of FP32"),
        ({"inputs": [{**good, "datatype": "FP16", "data": [65520] * (3 * 416 * 416)}]}, "not a number of FP16"),
        ({"inputs": [{**good, "data": 5}]}, "data"),
        ({"inputs": [{k: v for k, v in good.items() if k != "shape"}]}, "shape"),
        ({"inputs": [{k: v for k, v in good.items() if k != "data"}]}, "no data"),
        ({"inputs": [{"name": "x"}] * 40}, "32 inputs"),
        ({"inputs": [good], "outputs": [{"name": "none"}]}, "none"),
        ({"inputs": [{"name": "p", "shape": [1], "datatype": "BYTES", "data": ["***"]}]}, "base64"),
        ({"inputs": [{"name": "p", "shape": [2], "datatype": "BYTES", "data": ["AAAA", "AAAA"]}]}, "one element"),
        ({"inputs": [{"name": "p", "shape": [1], "datatype": "BYTES", "data": ["AAAA"]}]}, "picture"),
        ([], "object"),
    ):
        reply = kserve(server, document)
        assert 400 <= reply.status < 500 and word in reply.json["error"], (str(document)[:200], reply.status, reply.body[:300])
    behind = {"name": "images", "shape": SHAPE, "datatype": "FP32", "parameters": {"binary_data_size": 4 * 3 * 416 * 416}}
    for document, binary, word in (
        ({"inputs": [behind]}, b"", "behind the JSON"),
        ({"inputs": [{**behind, "parameters": {"binary_data_size": 8}}]}, b"\0" * 8, "shape and type"),
        ({"inputs": [{**behind, "parameters": {"binary_data_size": -1}}]}, b"\0" * 8, "binary_data_size"),
        ({"inputs": [{"name": "p", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 8}}]}, b"\xff" * 8, "length"),
        ({"inputs": [behind]}, b"\0" * (4 * 3 * 416 * 416 + 1), "no input"),
        ({"inputs": [{**behind, "data": [0] * (3 * 416 * 416)}]}, b"\0" * (4 * 3 * 416 * 416), "in the JSON and behind"),
    ):
        reply = kserve(server, document, binary)
        assert reply.status in (400, 422) and word in reply.json["error"], (str(document)[:200], reply.status, reply.body[:300])
    for length in ("-1", "0", "999999", "x", "1e3", "9" * 40):
        reply = server.ask("POST", NANO + "/infer", b'{"inputs":[]}', {**OCTETS, "Inference-Header-Content-Length": length})
        assert reply.status == 400 and "Inference-Header-Content-Length" in reply.json["error"]
    assert server.ask("POST", NANO + "/infer", b"[" * 100000, {"Content-Type": "application/json"}).status == 400 + 22
    assert server.ask("POST", NANO + "/infer", b"{", {"Content-Type": "application/json"}).status == 422
    assert server.ask("POST", "/v2/models/none/infer", b"{}", {"Content-Type": "application/json"}).status == 404
    assert server.ask("POST", NANO + "/versions/7/infer", b"{}", {"Content-Type": "application/json"}).status == 404
    assert kserve(server, {"inputs": [good]}, path=NANO + "/versions/1/infer").status == 200
    server.wait_for("/api/v1/models/nano", lambda m: m["users"] == 0 and m["statistics"]["waiting"] == 0)


# --- work on models that takes longer than a request


def test_bench_and_quantize_are_tasks(assay, data, pictures, tmp_path):
    assay.ok("synth", "--out", tmp_path / "scene", "--seconds", 1, "--seed", 5, "--width", 320, "--height", 240)
    with Server(assay, tmp_path / "data") as s:
        s.model(data / "models/nanodet_m_416.onnx", "nanodet")
        project = s.project()
        video = s.video(project, tmp_path / "scene/clip.mp4")
        s.video_known(video)
        for body, status in (({}, 400), ({"video_id": "nothing"}, 404), ({"video_id": video, "frames": 1}, 400), ({"video_id": video, "max_loss": 2}, 400)):
            assert s.ask("POST", "/api/v1/models/nanodet/quantize", body).status == status, body
        done = s.task_end(s.made("POST", "/api/v1/models/nanodet/quantize", {"video_id": video, "frames": 2, "max_loss": 1}, status=202)["task_id"])
        assert done["status"] == "succeeded", done["error"]
        result = done["result"]
        assert result["AP"] is None and abs(1 - result["agreement"]["int8"] - result["loss"]) < 1e-6 and result["frames"] == 2
        assert result["source"] == "clip.mp4" and list((tmp_path / "data/temp").iterdir()) == []
        made = [json.loads(f.read_text()) for f in (tmp_path / "data/blobs").rglob("*.int8.json")]
        assert len(made) == 1 and made[0]["calibration"]["source"] == "clip.mp4"
        # What was seen before a calibration is not the answer after it.
        def is_remembered():
            return post(s, (pictures / "frame.jpg").read_bytes(), OCTETS, model="nanodet", precision="int8").json["cached"]
        assert [is_remembered(), is_remembered()] == [False, True]
        again = s.made("POST", "/api/v1/models/nanodet/quantize", {"video_id": video, "frames": 3, "max_loss": 1}, status=202)
        assert s.task_end(again["task_id"])["status"] == "succeeded"
        assert not is_remembered()
        # A run in int8 uses it.
        task = s.made("POST", f"/api/v1/videos/{video}/process", {"model": "nanodet", "settings": {"precision": "int8", "max_frames": 2}})["task_id"]
        assert s.task_end(task)["status"] == "succeeded"
        done = s.task_end(s.made("POST", "/api/v1/models/nanodet/bench", {}, status=202)["task_id"])
        assert done["status"] == "succeeded", done["error"]
        assert done["result"]["model"]["path"] == "nanodet" and {"native", "onnxruntime"} == {r["engine"] for r in done["result"]["rows"]}
        assert {"fp32", "int8"} <= {r["precision"] for r in done["result"]["rows"]}
        assert all(r["milliseconds"]["min"] > 0 and r["pictures_per_second"] > 0 and r["resident_bytes"] > 0 for r in done["result"]["rows"])
        # One that is cancelled ends its child.
        task = s.made("POST", "/api/v1/models/nanodet/bench", {}, status=202)["task_id"]
        s.wait_for(f"/api/v1/tasks/{task}/status", lambda t: t["status"] == "running")
        s.made("POST", f"/api/v1/tasks/{task}/cancel")
        assert s.task_end(task, 10)["status"] == "cancelled"
        assert s.ask("DELETE", "/api/v1/models/nanodet").status in (204, 409)
        s.wait_for("/api/v1/models", lambda m: s.ask("DELETE", "/api/v1/models/nanodet").status in (204, 404))
        assert not list((tmp_path / "data/blobs").rglob("*.int8.json"))
        assert s.ask("POST", "/api/v1/models/nanodet/bench", {}).status == 404
