"""A real `assay serve` on a port of its own, and a client for it; every answer is judged by openapi.yaml (openapi.py)."""
import json
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid

import openapi
import sanitizer
from sanitizer import patient


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Server:
    """Started on use; *data* outlives it, so that a second one finds what the first one left."""

    address = r"http://127\.0\.0\.1:\d+"

    def __init__(self, assay, data, *options):
        self.assay, self.data, self.options = assay, data, options
        self.process = None

    def start(self):
        self.log = open(f"{self.data}.log", "a+")
        self.at = at = self.log.tell()
        self.process = self.assay.start("serve", "--data", self.data, "--listen", "127.0.0.1:0", *map(str, self.options),
                                        stdout=self.log, stderr=self.log)
        for _ in range(int(patient(200))):
            found = re.search(f"serving ({self.address})", self.text(at))
            if found:
                self.url = found.group(1)
                return self
            assert self.process.poll() is None, self.text(at)
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self.text(at)}")

    def text(self, at=0):
        with open(f"{self.data}.log") as f:
            f.seek(at)
            return f.read()

    def stop(self, how=signal.SIGTERM, seconds=30):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(patient(seconds))
        self.log.close()
        sanitizer.look(self.text(self.at))
        return self.process.returncode

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        else:
            sanitizer.look(self.text(self.at))

    def ask(self, method, path, body=None, headers=None, timeout=60):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=patient(timeout)) as r:
                reply = Reply(r.status, r.headers, r.read())
        except urllib.error.HTTPError as e:
            reply = Reply(e.code, e.headers, e.read())
        openapi.check(method, path, headers, body, reply.status, reply.headers, reply.body)
        return reply

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def made(self, method, path, body=None, headers=None, status=None):
        reply = self.ask(method, path, body, headers)
        assert reply.status in ([status] if status else [200, 201, 202]), f"{method} {path}: {reply.status} {reply.body[:500]}"
        return reply.json

    def all(self, path):
        """The items of every page."""
        items, cursor = [], ""
        while cursor is not None:
            page = self.made("GET", f"{path}{'&' if '?' in path else '?'}limit=1000&cursor={cursor}")
            items += page["items"]
            cursor = page["next_cursor"]
        return items

    def form(self, path, fields, file):
        """A multipart form with one file."""
        mark = uuid.uuid4().hex
        parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()]
        parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
                     "Content-Type: application/octet-stream\r\n\r\n".encode() + file.read_bytes() + b"\r\n")
        parts.append(f"--{mark}--\r\n".encode())
        return self.ask("POST", path, b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={mark}"})

    # --- what most tests need

    def project(self, name="project"):
        return self.made("POST", "/api/v1/projects", {"name": name}, status=201)["id"]

    def video(self, project, file):
        reply = self.form("/api/v1/videos", {"project_id": project}, file)
        assert reply.status == 202, reply.body
        return reply.json["id"]

    def model(self, file, name):
        return self.made("POST", f"/api/v1/models?name={name}", file.read_bytes(),
                         {"Content-Type": "application/octet-stream"}, status=201)["id"]

    def truth(self, video, file):
        return self.made("PUT", f"/api/v1/videos/{video}/truth?name={file.name}", file.read_bytes(),
                         {"Content-Type": "application/octet-stream"}, status=201)

    def wait_for(self, path, is_done, seconds=90):
        for _ in range(int(patient(seconds) / 0.1)):
            seen = self.made("GET", path)
            if is_done(seen):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"{path} is still {seen}\n{self.text()[-3000:]}")

    def task_end(self, task, seconds=90):
        return self.wait_for(f"/api/v1/tasks/{task}/status", lambda t: t["status"] in ("succeeded", "failed", "cancelled"), seconds)

    def video_known(self, video):
        return self.wait_for(f"/api/v1/videos/{video}", lambda v: v["status"] != "uploaded")
