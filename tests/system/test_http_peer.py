"""The http room against clients that others wrote: python3-websockets, and Prometheus' own checker."""
import asyncio
import json
import os
import pathlib
import shutil
import signal
import subprocess
import urllib.request

import pytest
from sanitizer import patient

websockets = pytest.importorskip("websockets")


@pytest.fixture(scope="module")
def server(request):
    """The address of the test server, host and port."""
    program = pathlib.Path(request.config.getoption("--assay")).parent.parent.parent / "tests/flow/http_server"
    if not os.access(program, os.X_OK):
        pytest.skip(f"{program} is not built")
    process = subprocess.Popen([program, "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield "127.0.0.1:" + process.stdout.readline().strip()
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=patient(30))
    assert process.returncode == 0
    for line in log.splitlines():  # every line of the log is a JSON object
        assert json.loads(line)["message"]


def post(server, path, body=b""):
    with urllib.request.urlopen(urllib.request.Request(f"http://{server}{path}", data=body, method="POST")) as answer:
        return answer.status, answer.read()


async def closes_with(socket):
    with pytest.raises(websockets.ConnectionClosed) as closed:
        while True:
            await asyncio.wait_for(socket.recv(), patient(10))
    return closed.value.rcvd.code, closed.value.rcvd.reason


def test_messages_both_ways(server):
    async def run():
        async with websockets.connect(f"ws://{server}/ws", subprotocols=["other", "test"]) as socket:
            assert socket.subprotocol == "test"
            assert json.loads(await socket.recv()) == {"hello": True}
            for text in ["", "a", "\u00e9\u20ac\U0001f600", "x" * 125, "x" * 126, "x" * 65535, "y" * 65536]:
                await socket.send(text)
                assert await socket.recv() == text
            await socket.send(["in ", "three ", "fragments"])
            assert await socket.recv() == "in three fragments"
            await asyncio.wait_for(await socket.ping(), patient(10))
            await socket.send("bye")
            assert await closes_with(socket) == (1000, "bye")

    asyncio.run(run())


@pytest.mark.parametrize("message, code", [(b"binary", 1003), ("x" * 65537, 1009), ("bad", 1008)])
def test_refused_messages(server, message, code):
    async def run():
        async with websockets.connect(f"ws://{server}/ws") as socket:
            await socket.recv()
            await socket.send(message)
            assert (await closes_with(socket))[0] == code

    asyncio.run(run())


def test_topic_to_many(server):
    async def run():
        sockets = [await websockets.connect(f"ws://{server}/ws") for _ in range(50)]
        for socket in sockets:
            await socket.recv()
            await socket.send("follow task:1")
            await socket.send("ready")
            assert await socket.recv() == "ready"
        loop = asyncio.get_running_loop()
        assert (await loop.run_in_executor(None, post, server, "/publish/task:1?how=final", b'{"progress":1}'))[0] == 204
        assert {await asyncio.wait_for(s.recv(), patient(10)) for s in sockets} == {'{"progress":1}'}
        late = await websockets.connect(f"ws://{server}/ws")
        await late.recv()
        await late.send("follow task:1")
        assert await asyncio.wait_for(late.recv(), patient(10)) == '{"progress":1}'  # the state at once
        for socket in [late, *sockets]:
            await socket.close()

    asyncio.run(run())


def test_promtool(server):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    with urllib.request.urlopen(f"http://{server}/api/things/1") as answer:
        assert answer.headers["X-Request-ID"]
    with urllib.request.urlopen(f"http://{server}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = answer.read().decode()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert 'http_requests_total{method="GET",route="/api/v1/things/{id}",status="200"} 1\n' in text
    assert 'http_request_duration_seconds_bucket{method="GET",route="/api/v1/things/{id}",status="200",le="+Inf"} 1\n' in text
