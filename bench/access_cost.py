#!/usr/bin/python3
"""What asking who may costs a request. access_cost.py PROGRAM

The same two reads (a list, an object) by one client on one connection: on a server without accounts, under a login's cookie, with a key. Prints the median
and the 99th percentile of each in microseconds, three rounds.
"""
import http.client
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

PASSWORD = "correct horse battery"
REQUESTS = 4000


def start(program, data):
    log = open(f"{data}.log", "w+")
    process = subprocess.Popen([program, "serve", "--data", data, "--listen", "127.0.0.1:0", "--workers", "0", "--read-rate", "0", "--write-rate", "0"],
                               stderr=log)
    while True:
        found = re.search(r"serving http://127\.0\.0\.1:(\d+)", pathlib.Path(log.name).read_text())
        if found:
            return process, http.client.HTTPConnection("127.0.0.1", int(found.group(1)))
        assert process.poll() is None, pathlib.Path(log.name).read_text()
        time.sleep(0.05)


def ask(c, method, path, body=None, headers=None):
    c.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json", **(headers or {})})
    r = c.getresponse()
    text = r.read()
    assert r.status < 300, (path, r.status, text)
    return r.headers, json.loads(text)


def measure(c, path, headers):
    taken = []
    for _ in range(REQUESTS):
        at = time.perf_counter()
        ask(c, "GET", path, None, headers)
        taken.append((time.perf_counter() - at) * 1e6)
    taken.sort()
    return f"{taken[REQUESTS // 2]:.0f} / {taken[REQUESTS * 99 // 100]:.0f}"


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        for has_accounts in (False, True):
            data = f"{folder}/{has_accounts}"
            ways = {"nobody": {}}
            if has_accounts:
                subprocess.run([program, "user", "add", "anna", "--role", "admin", "--data", data], input=PASSWORD + "\n", text=True, check=True,
                               stderr=subprocess.DEVNULL)
            process, c = start(program, data)
            if has_accounts:
                said, me = ask(c, "POST", "/api/v1/login", {"name": "anna", "password": PASSWORD})
                login = {"Cookie": said["Set-Cookie"].split(";")[0], "X-CSRF-Token": me["csrf_token"]}
                key = ask(c, "POST", "/api/v1/keys", {"name": "k", "role": "viewer"}, login)[1]["key"]
                ways = {"login": login, "key": {"Authorization": f"Bearer {key}"}}
            project = ask(c, "POST", "/api/v1/projects", {"name": "p"}, ways.get("login"))[1]["id"]
            for _ in range(3):
                for name, headers in ways.items():
                    print(f"{name:7} list {measure(c, '/api/v1/projects', headers)}  object {measure(c, f'/api/v1/projects/{project}', headers)}", flush=True)
            process.terminate()
            process.wait()


main()
