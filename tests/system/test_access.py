"""Accounts, keys, roles: who is let in and who is not, by the real server."""
import asyncio
import base64
import contextlib
import json
import os
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import termios
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from sanitizer import patient
from server import Server

PASSWORD = "correct horse battery"
NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def user_add(assay, data, name, role, password=PASSWORD):
    assay.ok("user", "add", name, "--role", role, "--data", data, input=password + "\n")


def wait_until(holds):
    deadline = time.monotonic() + patient(20)
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Client:
    """Somebody with a key, a login's cookie, or nothing."""

    def __init__(self, server, key=None, headers=None):
        self.server, self.headers = server, dict(headers or {})
        if key:
            self.headers["Authorization"] = f"Bearer {key}"

    def ask(self, method, path, body=None, headers=None):
        return self.server.ask(method, path, body, {**self.headers, **(headers or {})})

    def get(self, path, headers=None):
        return self.ask("GET", path, None, headers)

    def made(self, method, path, body=None, status=None):
        reply = self.ask(method, path, body)
        assert reply.status in ([status] if status else [200, 201, 202, 204]), f"{method} {path}: {reply.status} {reply.body[:500]}"
        return json.loads(reply.body) if reply.body else None

    def login(self, name, password=PASSWORD, headers=None):
        reply = self.ask("POST", "/api/v1/login", {"name": name, "password": password}, headers)
        if reply.status == 200:
            self.headers["Cookie"] = reply.headers["Set-Cookie"].split(";")[0]
            self.headers["X-CSRF-Token"] = reply.json["csrf_token"]
        return reply


class House:
    """A server with an admin, a viewer, an editor, a member of one project, and two projects."""

    def __init__(self, assay, folder):
        self.data = folder / "data"
        user_add(assay, self.data, "anna", "admin")
        self.server = Server(assay, self.data, "--login-rate", 100)

    def furnish(self):
        self.admin = Client(self.server)
        assert self.admin.login("anna").status == 200
        self.ids = {}
        for name, role in (("vera", "viewer"), ("eddi", "editor"), ("mia", "none")):
            made = self.admin.made("POST", "/api/v1/users", {"name": name, "role": role, "password": PASSWORD}, 201)
            self.ids[name] = made["id"]
        self.mine = self.admin.made("POST", "/api/v1/projects", {"name": "mine"}, 201)["id"]
        self.other = self.admin.made("POST", "/api/v1/projects", {"name": "other"}, 201)["id"]
        self.admin.made("PUT", f"/api/v1/projects/{self.mine}/members/mia", {"role": "editor"}, 200)
        self.people = {"anna": self.admin}
        for name in ("vera", "eddi", "mia"):
            self.people[name] = Client(self.server)
            assert self.people[name].login(name).status == 200

    def key(self, who="anna", **members):
        made = self.people[who].made("POST", "/api/v1/keys", {"name": "key", "role": "viewer", **members}, 201)
        return made["id"], Client(self.server, made["key"])


@pytest.fixture(scope="module")
def house(assay, tmp_path_factory):
    h = House(assay, tmp_path_factory.mktemp("house"))
    with h.server:
        h.furnish()
        yield h


# --- without an account, and with a wrong one

@pytest.mark.parametrize("method,path,headers,status", [
    ("GET", "/api/v1/projects", {}, 401),
    ("POST", "/api/v1/projects", {}, 401),
    ("GET", f"/api/v1/videos/{NOWHERE}", {}, 401),
    ("GET", "/api/v1/audit", {}, 401),
    ("GET", "/api/v1/projects", {"Authorization": "Bearer assay_none"}, 401),
    ("GET", "/api/v1/projects", {"Authorization": "Bearer " + 500 * "x"}, 401),
    ("GET", "/api/v1/projects", {"Authorization": "Basic YW5uYTpwYXNz"}, 401),
    ("GET", "/api/v1/projects", {"Cookie": "assay-login=none"}, 401),
    ("GET", "/api/v1/me", {"Cookie": "assay-login=none"}, 200),
    ("GET", "/api/v1/me", {"Authorization": "Bearer assay_none"}, 200),
    ("GET", "/health/live", {}, 200),
    ("GET", "/health/ready", {}, 200),
    ("GET", "/version", {}, 200),
    ("GET", "/openapi.yaml", {}, 200),
    ("GET", "/metrics", {}, 200),  # of this machine, without a proxy
])
def test_strangers(house, method, path, headers, status):
    reply = Client(house.server, headers=headers).ask(method, path, {"name": "x"} if method == "POST" else None)
    assert reply.status == status, reply.body
    if status == 401:
        assert reply.json["error"] == "UNAUTHENTICATED" and reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_name_that_is_none_reads_like_a_wrong_password(house):
    wrong = [Client(house.server).login(name, password) for name, password in (("vera", "wrong password"), ("nobody", PASSWORD))]
    assert [r.status for r in wrong] == [401, 401] and wrong[0].json == wrong[1].json
    assert set(wrong[0].headers) == set(wrong[1].headers) and "Set-Cookie" not in wrong[0].headers


def test_me(house):
    assert Client(house.server).get("/api/v1/me").json == {
        "has_accounts": True, "via": "nobody", "user": None, "role": None, "projects": [], "key_project_id": None, "csrf_token": None,
        "expires_at": None}
    me = house.people["mia"].get("/api/v1/me").json
    assert (me["via"], me["user"]["name"], me["role"], me["projects"]) == ("login", "mia", None, [{"project_id": house.mine, "role": "editor"}])
    assert me["csrf_token"] == house.people["mia"].headers["X-CSRF-Token"]
    me = house.key("anna", role="editor", project_id=house.mine)[1].get("/api/v1/me").json
    assert (me["via"], me["user"]["name"], me["key_project_id"], me["csrf_token"]) == ("key", "anna", house.mine, None)


# --- roles: a row says what each of them gets

def row(method, path, body, anna, eddi, vera, mia):
    return method, path, body, {"anna": anna, "eddi": eddi, "vera": vera, "mia": mia}


@pytest.mark.parametrize("method,path,body,wanted", [
    row("GET", "/api/v1/projects/{mine}", None, 200, 200, 200, 200),
    row("GET", "/api/v1/projects/{other}", None, 200, 200, 200, 404),
    row("PATCH", "/api/v1/projects/{mine}", {"description": "x"}, 200, 200, 403, 200),
    row("PATCH", "/api/v1/projects/{other}", {"description": "x"}, 200, 200, 403, 404),
    row("DELETE", "/api/v1/projects/{other}", None, None, 403, 403, 404),
    row("DELETE", "/api/v1/projects/{mine}", None, None, 403, 403, 403),
    row("GET", "/api/v1/projects/{other}/videos", None, 200, 200, 200, 404),
    row("GET", "/api/v1/projects/{other}/members", None, 200, 200, 200, 404),
    row("PUT", "/api/v1/projects/{mine}/members/vera", {"role": "admin"}, None, 403, 403, 403),
    row("GET", "/api/v1/tasks?project_id={other}", None, 200, 200, 200, 404),
    row("GET", "/api/v1/sessions?project_id={other}", None, 200, 200, 200, 404),
    row("GET", "/api/v1/dashboard/stats?project_id={other}", None, 200, 200, 200, 404),
    row("POST", "/api/v1/sessions", {"project_id": "{other}", "video_ids": ["x"], "model": "m"}, 404, 404, 403, 404),
    row("POST", "/api/v1/sessions", {"project_id": "{mine}", "video_ids": [], "model": "m"}, 400, 400, 403, 400),
    row("POST", "/api/v1/videos?project_id={other}", b"bytes", None, None, 403, 404),
    row("POST", "/api/v1/models", b"bytes", None, None, 403, 403),
    row("GET", "/api/v1/models", None, 200, 200, 200, 200),
    row("GET", "/api/v1/users", None, 200, 403, 403, 403),
    row("POST", "/api/v1/users", {"name": "x", "role": "admin", "password": PASSWORD}, None, 403, 403, 403),
    row("GET", "/api/v1/audit", None, 200, 403, 403, 403),
    row("GET", "/api/v1/projects/" + NOWHERE, None, 404, 404, 404, 404),
    row("DELETE", "/api/v1/projects/" + NOWHERE, None, 404, 404, 404, 404),
    row("GET", "/api/v1/videos/" + NOWHERE, None, 404, 404, 404, 404),
    row("GET", "/api/v1/tasks/" + NOWHERE + "/status", None, 404, 404, 404, 404),
])
def test_roles(house, method, path, body, wanted):
    names = {"mine": house.mine, "other": house.other}
    fill = {k: v.format(**names) if isinstance(v, str) else v for k, v in body.items()} if isinstance(body, dict) else body
    headers = {"Content-Type": "application/octet-stream"} if isinstance(body, bytes) else {}
    for who, status in wanted.items():
        if status is not None:
            reply = house.people[who].ask(method, path.format(**names), fill, headers)
            assert reply.status == status, f"{who}: {reply.status} {reply.body}"


def test_hidden_is_as_absent(house):
    """Of another's project one learns nothing, not even that it is there."""
    hidden = house.people["mia"].get(f"/api/v1/projects/{house.other}")
    absent = house.people["mia"].get(f"/api/v1/projects/{NOWHERE}")
    assert hidden.status == absent.status == 404
    assert hidden.json["message"].replace(house.other, NOWHERE) == absent.json["message"]


def test_videos_and_tasks_of_others_are_as_absent(house):
    """Not even by the words of a refusal."""
    mine, other = (house.admin.made("POST", f"/api/v1/videos?project_id={p}&name=x", b"no video", 202)["id"] for p in (house.mine, house.other))
    task = house.admin.made("GET", f"/api/v1/tasks?video_id={other}")["items"][0]["task_id"]
    mia = house.people["mia"]
    for method, path, body in (("POST", "/api/v1/sessions", {"project_id": house.mine, "source": "external", "video_ids": ["{}"]}),
                               ("GET", f"/api/v1/videos/{mine}/detections?task={{}}", None)):
        said = []
        for thing in (task if "task" in path else other, NOWHERE):
            fill = {**body, "video_ids": [thing]} if body else None
            reply = mia.ask(method, path.format(thing), fill)
            assert reply.status == 404, reply.body
            said.append(reply.json["message"].replace(thing, "IT"))
        assert said[0] == said[1]
    reply = house.admin.ask("POST", "/api/v1/sessions", {"project_id": house.mine, "source": "external", "video_ids": [other]})
    assert reply.status == 400 and "is not of project" in reply.json["message"]


def test_lists_show_what_one_may_see(house):
    seen = {who: {p["id"] for p in c.get("/api/v1/projects").json["items"]} for who, c in house.people.items()}
    assert {house.mine, house.other} <= seen["anna"] == seen["eddi"] == seen["vera"]
    assert seen["mia"] == {house.mine}
    assert house.people["mia"].get("/api/v1/dashboard/stats").json["projects"] == 1
    assert house.key("anna", project_id=house.other)[1].get("/api/v1/projects").json["items"][0]["id"] == house.other


def test_no_byte_of_a_refused_body_is_taken(house):
    """The refusal comes while the body is still to be sent."""
    host, port = house.server.url.removeprefix("http://").split(":")
    for headers, path, wanted in (({}, "/api/v1/videos", b"401"), (house.people["vera"].headers, "/api/v1/models", b"403"),
                                  (house.people["mia"].headers, f"/api/v1/videos?project_id={house.other}", b"404")):
        with socket.create_connection((host, int(port)), timeout=patient(20)) as s:
            lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Length: 1000000000", "Content-Type: application/octet-stream",
                     "Expect: 100-continue", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
            s.sendall("\r\n".join(lines).encode())
            assert s.recv(4096).split()[1] == wanted
    assert not [f for f in (house.data / "temp").iterdir()]


def test_whoever_makes_a_project_is_its_admin(house):
    made = house.people["eddi"].made("POST", "/api/v1/projects", {"name": "eddi's"}, 201)["id"]
    assert house.people["eddi"].made("GET", f"/api/v1/projects/{made}/members")["items"] == [
        {"user_id": house.ids["eddi"], "name": "eddi", "role": "admin"}]
    assert house.people["eddi"].ask("DELETE", f"/api/v1/projects/{made}").status == 204


# --- keys

def test_keys(house):
    key_id, key = house.key("eddi", role="viewer")
    assert key.get("/api/v1/projects").status == 200
    assert key.ask("POST", "/api/v1/projects", {"name": "x"}).status == 403
    assert key.ask("POST", "/api/v1/keys", {"name": "x", "role": "admin"}).status == 403
    listed = house.people["eddi"].get("/api/v1/keys").json["items"]
    assert [k["id"] for k in listed] == [key_id] and listed[0]["last_used_at"] and "key" not in listed[0]
    assert key.headers["Authorization"].removeprefix("Bearer ") not in house.server.text()
    assert house.people["vera"].get(f"/api/v1/keys/{key_id}").status == 404
    assert house.people["vera"].ask("DELETE", f"/api/v1/keys/{key_id}").status == 404
    assert house.people["eddi"].ask("DELETE", f"/api/v1/keys/{key_id}").status == 204
    assert key.get("/api/v1/projects").status == 401


@pytest.mark.parametrize("who,members,status", [
    ("eddi", {"role": "metrics"}, 403),
    ("eddi", {"role": "owner"}, 400),
    ("mia", {"project_id": "other"}, 404),
    ("mia", {"project_id": "mine"}, 201),
    ("eddi", {"lifetime_seconds": 10**12}, 400),
])
def test_keys_that_are_not_made(house, who, members, status):
    members = {k: getattr(house, v) if k == "project_id" else v for k, v in members.items()}
    reply = house.people[who].ask("POST", "/api/v1/keys", {"name": "x", "role": "viewer", **members})
    assert reply.status == status, reply.body


def test_a_key_for_one_project(house):
    key = house.key("anna", role="editor", project_id=house.mine)[1]
    assert key.get(f"/api/v1/projects/{house.mine}").status == 200
    assert key.get(f"/api/v1/projects/{house.other}").status == 404
    assert key.get(f"/api/v1/tasks?project_id={house.other}").status == 404
    assert key.ask("POST", "/api/v1/projects", {"name": "x"}).status == 403
    assert key.ask("POST", "/api/v1/keys", {"name": "x", "role": "viewer"}).status == 403
    assert key.get("/api/v1/keys").status == 403, "nor does it see its user's others"
    other, _ = house.key()
    assert key.get(f"/api/v1/keys/{other}").status == 404
    assert key.get("/api/v1/users").status == 403


def test_a_key_for_metrics(house):
    key = house.key("anna", role="metrics")[1]
    assert key.get("/metrics").status == 200
    assert key.get("/api/v1/projects").status == 403


def test_a_key_expires(house):
    key = house.key("anna", lifetime_seconds=1)[1]
    assert key.get("/api/v1/projects").status == 200
    time.sleep(1.1)
    assert key.get("/api/v1/projects").status == 401


# --- cookies and forged requests

def test_the_cookie(house):
    plain = Client(house.server).login("vera").headers["Set-Cookie"]
    assert re.fullmatch(r"assay-login=[\w-]{43}; Path=/; HttpOnly; SameSite=Strict", plain)


@pytest.mark.parametrize("headers,status,error", [
    ({"X-CSRF-Token": ""}, 403, "CSRF"),
    ({"X-CSRF-Token": 64 * "0"}, 403, "CSRF"),
    ({"Origin": "http://evil.example"}, 403, "FORBIDDEN_ORIGIN"),
    ({"Origin": "null"}, 403, "FORBIDDEN_ORIGIN"),
    ({"Origin": "https://{host}"}, 403, "FORBIDDEN_ORIGIN"),
    ({"Sec-Fetch-Site": "cross-site"}, 403, "FORBIDDEN_ORIGIN"),
    ({"Sec-Fetch-Site": "same-site"}, 403, "FORBIDDEN_ORIGIN"),
    ({"Host": "evil.example"}, 403, "FORBIDDEN_HOST"),
    ({"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"}, 200, None),
])
def test_forged_changes(house, headers, status, error):
    headers = {k: v.format(host=house.server.url.removeprefix("http://")) for k, v in headers.items()}
    reply = house.people["eddi"].ask("PATCH", f"/api/v1/projects/{house.mine}", {"description": "y"}, headers)
    assert reply.status == status, reply.body
    assert status == 200 or reply.json["error"] == error


@pytest.mark.parametrize("headers,status", [
    ({"Origin": "http://evil.example"}, 403),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),  # a link that was followed
    ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
])
def test_reading_from_other_sites(house, headers, status):
    assert house.people["eddi"].get("/api/v1/projects", headers).status == status


def test_logout_and_a_new_password(house):
    c = Client(house.server)
    assert c.login("vera").status == 200
    assert c.ask("POST", "/api/v1/logout", headers={"X-CSRF-Token": "x"}).status == 403
    reply = c.ask("POST", "/api/v1/logout")
    assert reply.status == 204 and "Max-Age=0" in reply.headers["Set-Cookie"]
    assert c.get("/api/v1/projects").status == 401
    house.admin.made("POST", "/api/v1/users", {"name": "nora", "role": "viewer", "password": PASSWORD}, 201)
    one, two = Client(house.server), Client(house.server)
    assert one.login("nora").status == two.login("nora").status == 200
    change = {"password": PASSWORD, "new_password": "another horse"}
    assert one.ask("POST", "/api/v1/me/password", {**change, "password": "wrong"}).status == 403
    assert one.ask("POST", "/api/v1/me/password", {**change, "new_password": "short"}).status == 400
    assert one.ask("POST", "/api/v1/me/password", change).status == 204
    assert one.get("/api/v1/projects").status == two.get("/api/v1/projects").status == 401
    assert Client(house.server).login("nora").status == 401
    assert Client(house.server).login("nora", "another horse").status == 200


def test_a_user_that_is_disabled_or_gone(house):
    made = house.admin.made("POST", "/api/v1/users", {"name": "dora", "role": "editor", "password": PASSWORD}, 201)
    c = Client(house.server)
    assert c.login("dora").status == 200
    key = Client(house.server, c.made("POST", "/api/v1/keys", {"name": "k", "role": "editor"}, 201)["key"])
    house.admin.made("PATCH", f"/api/v1/users/{made['id']}", {"role": "viewer"}, 200)
    assert c.ask("POST", "/api/v1/projects", {"name": "dora's"}).status == 403
    assert key.ask("POST", "/api/v1/projects", {"name": "dora's"}).status == 403
    house.admin.made("PATCH", f"/api/v1/users/{made['id']}", {"is_disabled": True}, 200)
    assert c.get("/api/v1/projects").status == key.get("/api/v1/projects").status == 401
    assert Client(house.server).login("dora").status == 401
    assert house.admin.ask("DELETE", f"/api/v1/users/{made['id']}").status == 204
    anna = next(u for u in house.admin.get("/api/v1/users").json["items"] if u["name"] == "anna")
    for method, body in (("DELETE", None), ("PATCH", {"role": "viewer"}), ("PATCH", {"is_disabled": True})):
        assert house.admin.ask(method, f"/api/v1/users/{anna['id']}", body).status == 409  # the last admin


# --- the audit log

def beside(house, slow, quick):
    """What *slow* answers, which hashes a password and waits for others that do, while *quick* is done."""
    over = threading.Event()

    def log_in_again_and_again():
        statuses = set()
        while not over.is_set():
            statuses.add(Client(house.server).login("anna").status)
        return statuses

    def active(): # without the one that asks
        return int(re.search(r"^\w*http_requests_active (\d+)", house.admin.get("/metrics").body.decode(), re.M).group(1)) - 1

    with ThreadPoolExecutor(8) as pool:
        busy = [pool.submit(log_in_again_and_again) for _ in range(4)] # two of them hash, the others wait
        try:
            wait_until(lambda: active() >= 4)
            answer = pool.submit(slow)
            wait_until(lambda: active() >= 5 or answer.done())
            quick()
        finally:
            over.set()
        assert set().union(*(b.result() for b in busy)) <= {200, 503}
        return answer.result()


class Slow:
    def __init__(self, client, *arguments):
        self.server, self.client, self.arguments = client.server, client, arguments

    def __call__(self):
        return self.client.ask(*self.arguments)


def test_changes_beside_a_password_that_is_hashed(house):
    """Who is disabled meanwhile stays so, and gets no login by the password that was right when the hashing began."""
    made = house.admin.made("POST", "/api/v1/users", {"name": "zoe", "role": "viewer", "password": PASSWORD}, 201)
    zoe = f"/api/v1/users/{made['id']}"

    def disabled(yes=True):
        assert house.admin.made("PATCH", zoe, {"is_disabled": yes}, 200)["is_disabled"] == yes

    reply = beside(house, Slow(house.admin, "PATCH", zoe, {"password": PASSWORD + "2", "role": "editor"}), disabled)
    assert reply.status == 200 and (reply.json["role"], reply.json["is_disabled"]) == ("editor", True)
    # what is named holds, also where it says what was so before
    reply = beside(house, Slow(house.admin, "PATCH", zoe, {"password": PASSWORD + "2", "is_disabled": True}), lambda: disabled(False))
    assert reply.status == 200 and reply.json["is_disabled"] is True
    disabled(False)
    late = Client(house.server)
    reply = beside(house, Slow(late, "POST", "/api/v1/login", {"name": "zoe", "password": PASSWORD + "2"}), disabled)
    assert reply.status == 401 and reply.headers["Set-Cookie"] is None
    disabled(False)
    assert late.login("zoe", PASSWORD + "2").status == 200
    body = {"password": PASSWORD + "2", "new_password": PASSWORD + "3"}
    reply = beside(house, Slow(late, "POST", "/api/v1/me/password", body), disabled)
    assert reply.status in (401, 403), reply.body
    disabled(False)
    assert Client(house.server).login("zoe", PASSWORD + "3").status == 401
    # An admin's new password holds, whichever came first.
    thief, admins = Client(house.server), []
    assert thief.login("zoe", PASSWORD + "2").status == 200
    beside(house, Slow(thief, "POST", "/api/v1/me/password", body), lambda: admins.append(house.admin.ask("PATCH", zoe, {"password": PASSWORD + "4"})))
    assert admins[0].status == 200 and Client(house.server).login("zoe", PASSWORD + "4").status == 200


def test_two_who_change_one_thing(house):
    """Each other's members of it stay, and there is an admin at any moment."""
    project = house.admin.made("POST", "/api/v1/projects", {"name": "both"}, 201)["id"]
    others = [house.admin.made("POST", "/api/v1/users", {"name": f"boss{i}", "role": "admin", "password": PASSWORD}, 201)["id"] for i in range(2)]
    bosses = [house.admin] + [Client(house.server) for _ in others]
    for i, boss in enumerate(bosses[1:]):
        assert boss.login(f"boss{i}").status == 200
    with ThreadPoolExecutor(8) as pool:
        for n in range(1, 21):
            changes = [{"name": f"both {n}"}, {"description": f"of round {n}"}, {"quota_bytes": n}]
            done = [pool.submit(b.made, "PATCH", f"/api/v1/projects/{project}", c, 200) for b, c in zip(bosses, changes)]
            [d.result() for d in done]
            p = house.admin.made("GET", f"/api/v1/projects/{project}")
            assert (p["name"], p["description"], p["quota_bytes"]) == (f"both {n}", f"of round {n}", n)
        # All but anna stop being admins by each other's hand; the last one cannot.
        anna = next(u["id"] for u in house.admin.made("GET", "/api/v1/users?limit=100")["items"] if u["name"] == "anna")
        ring = [*others, anna]
        done = [pool.submit(b.ask, "PATCH", f"/api/v1/users/{u}", {"role": "viewer"}) for b, u in zip(bosses, ring) for _ in range(2)]
        assert {d.result().status for d in done} <= {200, 403, 409}
    db = sqlite3.connect(f"file:{house.data}/assay.db?mode=ro", uri=True)
    left = [i for (i,) in db.execute("SELECT id FROM users WHERE role = 'admin' AND is_disabled = 0")]
    db.close()
    assert left
    last = next(b for b, u in zip(bosses, [anna, *others]) if u in left)
    assert last.ask("PATCH", f"/api/v1/users/{anna}", {"role": "admin"}).status == 200
    for u in others:
        assert house.admin.ask("DELETE", f"/api/v1/users/{u}").status == 204
    reply = house.admin.ask("DELETE", f"/api/v1/users/{anna}")
    assert reply.status == 409 and "last admin" in reply.json["message"]
    # Every change has its line, in the order of the changes.
    rows = house.admin.made("GET", f"/api/v1/audit?object_id={project}&limit=1000")["items"]
    assert [r["action"] for r in rows] == ["project.change"] * 60 + ["project.create"]
    assert [r["id"] for r in rows] == sorted((r["id"] for r in rows), reverse=True)


def test_audit_says_which_role_was_given(house):
    made = house.admin.made("POST", "/api/v1/users", {"name": "rolf", "role": "viewer", "password": PASSWORD}, 201)["id"]
    house.admin.made("PATCH", f"/api/v1/users/{made}", {"role": "editor"}, 200)
    house.admin.made("PATCH", f"/api/v1/users/{made}", {"is_disabled": True, "password": PASSWORD + "2"}, 200)
    lines = house.admin.get(f"/api/v1/audit?object_id={made}").json["items"]
    assert [(x["action"], x["detail"]["outcome"], x["detail"].get("role"), x["detail"].get("disabled"), x["detail"].get("password")) for x in lines] == [
        ("user.change", "done", None, "yes", "changed"), ("user.change", "done", "editor", None, None), ("user.create", "done", "viewer", None, None)]
    project = house.admin.made("POST", "/api/v1/projects", {"name": "rolf's"}, 201)["id"]
    house.admin.made("PUT", f"/api/v1/projects/{project}/members/rolf", {"role": "admin"}, 200)
    assert house.admin.ask("DELETE", f"/api/v1/projects/{project}/members/rolf").status == 204
    lines = house.admin.get(f"/api/v1/audit?object_id={project}").json["items"]
    assert [(x["action"], x["detail"].get("role"), x["detail"].get("user_id"), x["detail"].get("user")) for x in lines] == [
        ("project.members.delete", "none", made, "rolf"), ("project.members.put", "admin", made, "rolf"), ("project.create", None, None, None)]


def test_no_change_without_its_line(house):
    """What cannot be written down is not done: a login, a failed one's count, a key, a user, an upload, a whole file, a model."""
    def database(*statements):
        with contextlib.closing(sqlite3.connect(house.server.data / "assay.db", timeout=10)) as db, db:
            return [db.execute(x).fetchall() for x in statements]

    def counts():
        tables = ("logins", "login_failures", "api_keys", "users", "videos", "tasks", "uploads", "models", "blobs", "audit")
        return dict(zip(tables, (x[0][0] for x in database(*(f"SELECT count(*) FROM {t}" for t in tables)))))

    project = house.admin.made("POST", "/api/v1/projects", {"name": "lined"}, 201)["id"]
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": f"project_id {base64.b64encode(project.encode()).decode()}"}
    raw = {"Content-Type": "application/octet-stream"}
    asked = (
        lambda: Client(house.server).login("anna"),
        lambda: Client(house.server).login("anna", "wrong"),
        lambda: house.admin.ask("POST", "/api/v1/keys", {"name": "k", "role": "viewer"}),
        lambda: house.admin.ask("POST", "/api/v1/users", {"name": "norma", "role": "viewer", "password": PASSWORD}),
        lambda: house.admin.ask("PUT", f"/api/v1/files/x.mp4?project_id={project}", b"no video", raw),
        lambda: house.admin.ask("POST", f"/api/v1/videos?project_id={project}&name=x", b"no video", raw),
        lambda: house.admin.ask("POST", "/api/v1/uploads", b"", tus))
    database("CREATE TRIGGER no_lines BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no lines today'); END")
    try:
        before = counts()
        for i, ask in enumerate(asked):
            assert ask().status >= 400, i
            assert counts() == before, i
    finally:
        database("DROP TRIGGER no_lines")
    statuses = [ask().status for ask in asked]
    assert statuses == [200, 401, 201, 201, 202, 202, 201]
    lines = [x["detail"]["outcome"] for x in house.admin.get("/api/v1/audit?limit=7").json["items"]]
    assert sorted(lines) == ["denied"] + 6 * ["done"]


def test_audit(house):
    before = house.admin.made("POST", "/api/v1/projects", {"name": "audited"}, 201)["id"]
    assert house.people["vera"].ask("DELETE", f"/api/v1/projects/{before}", headers={"X-Forwarded-For": "9.9.9.9"}).status == 403
    key_id = house.key("anna")[0]
    assert house.admin.ask("DELETE", f"/api/v1/projects/{before}").status == 204
    lines = house.admin.get(f"/api/v1/audit?object_id={before}").json["items"]
    assert [(x["user"], x["action"], x["detail"]["outcome"], x["client"]) for x in lines] == [
        ("anna", "project.delete", "done", "127.0.0.1"), ("vera", "project.delete", "denied", "127.0.0.1"),
        ("anna", "project.create", "done", "127.0.0.1")]
    assert all(x["request_id"] for x in lines)
    line = house.admin.get(f"/api/v1/audit?object_id={key_id}").json["items"][0]
    assert line["action"] == "key.create" and line["detail"]["role"] in ("viewer", "editor", "admin")
    made = house.admin.get("/api/v1/audit?action=user.create").json["items"]
    assert {x["object_id"] for x in made} >= set(house.ids.values()) and made[-1]["client"] == "this machine"
    logins = house.admin.get("/api/v1/audit?action=login&limit=1000").json["items"]
    assert {x["detail"]["outcome"] for x in logins} >= {"done", "denied"}
    assert PASSWORD not in json.dumps(logins)


def test_an_upload_that_is_gone_with_its_client(house):
    """Created with its bytes, and the connection broke before the reply: the line does not say that it was done."""
    host, port = house.server.url.removeprefix("http://").split(":")
    project = house.admin.made("POST", "/api/v1/projects", {"name": "broken"}, 201)["id"]
    lines = ["POST /api/v1/uploads HTTP/1.1", f"Host: {host}", "Tus-Resumable: 1.0.0", "Upload-Length: 5000", "Content-Length: 5000",
             "Content-Type: application/offset+octet-stream", f"Upload-Metadata: project_id {base64.b64encode(project.encode()).decode()}",
             *(f"{k}: {v}" for k, v in house.admin.headers.items()), "", ""]
    before = house.admin.get("/api/v1/audit?action=upload.create&limit=1").json["items"]
    with socket.create_connection((host, int(port)), timeout=patient(20)) as s:
        s.sendall("\r\n".join(lines).encode() + b"not all of it")
        wait_until(lambda: house.admin.get("/api/v1/audit?action=upload.create&limit=1").json["items"] != before)
        line = house.admin.get("/api/v1/audit?action=upload.create&limit=1").json["items"][0]
        assert line["detail"]["outcome"] == "done"  # so far
    wait_until(lambda: house.admin.get("/api/v1/audit?action=upload.create&limit=1").json["items"][0]["detail"]["outcome"] != "done")
    now = house.admin.get("/api/v1/audit?action=upload.create&limit=1").json["items"][0]
    assert now["id"] == line["id"] and now["detail"]["outcome"] == "failed" and now["detail"]["status"] == 499
    assert house.admin.ask("HEAD", f"/api/v1/uploads/{line['object_id']}", headers={"Tus-Resumable": "1.0.0"}).status == 404


def test_no_secret_is_kept_in_clear_text(house):
    tokens = [house.admin.headers["Cookie"].split("=")[1], house.admin.headers["X-CSRF-Token"], PASSWORD]
    for file in [*house.data.glob("assay.db*"), f"{house.data}.log"]:
        bytes_ = open(file, "rb").read()
        assert not [t for t in tokens if t.encode() in bytes_], file


# --- WebSockets

def connect(client, path, **options):
    websockets = pytest.importorskip("websockets")
    headers = {k: v for k, v in client.headers.items() if k in ("Cookie", "Authorization")}
    return websockets.connect(f"{client.server.url.replace('http', 'ws')}{path}", extra_headers=headers, **options)


async def closed_with(socket, seconds=10):
    websockets = pytest.importorskip("websockets")
    try:
        while True:
            await asyncio.wait_for(socket.recv(), patient(seconds))
    except websockets.ConnectionClosed as e:
        return e.code


def refused(client, path, **options):
    websockets = pytest.importorskip("websockets")

    async def run():
        try:
            async with connect(client, path, **options):
                return 101
        except websockets.InvalidStatusCode as e:
            return e.status_code

    return asyncio.run(run())


def test_websockets_ask_who(house):
    assert refused(Client(house.server), "/ws/events") == 401
    assert refused(house.people["vera"], "/ws/events", origin="http://evil.example") == 403
    assert refused(house.people["vera"], "/ws/events", origin=house.server.url) == 101
    assert refused(house.people["vera"], f"/ws/progress/{NOWHERE}") == 404


@pytest.mark.parametrize("end", ["key", "logout", "disabled", "role"])
def test_what_is_withdrawn_closes_open_websockets_at_once(house, end):
    name = f"open-{end}"
    made = house.admin.made("POST", "/api/v1/users", {"name": name, "role": "viewer", "password": PASSWORD}, 201)
    c = Client(house.server)
    assert c.login(name).status == 200
    key = c.made("POST", "/api/v1/keys", {"name": "k", "role": "viewer"}, 201)
    who = Client(house.server, key["key"]) if end == "key" else c
    ends = {
        "key": lambda: c.made("DELETE", f"/api/v1/keys/{key['id']}"),
        "logout": lambda: c.made("POST", "/api/v1/logout"),
        "disabled": lambda: house.admin.made("PATCH", f"/api/v1/users/{made['id']}", {"is_disabled": True}),
        "role": lambda: house.admin.made("PATCH", f"/api/v1/users/{made['id']}", {"role": "none"}),
    }

    async def run():
        async with connect(who, "/ws/events") as socket, connect(house.people["vera"], "/ws/events") as other:
            await socket.send(json.dumps({"subscribe": [f"project:{house.mine}"]}))
            await asyncio.get_running_loop().run_in_executor(None, ends[end])
            assert await closed_with(socket) == 1008
            await asyncio.wait_for(await other.ping(), patient(10))  # others live on

    asyncio.run(run())


def test_topics_of_what_one_may_not_see(house):
    async def run(client, topic):
        async with connect(client, "/ws/events") as socket:
            await socket.send(json.dumps({"subscribe": [topic]}))
            try:
                return await closed_with(socket, 1.5)
            except asyncio.TimeoutError:
                return None

    mia = house.people["mia"]
    assert asyncio.run(run(mia, f"project:{house.mine}")) is None
    assert asyncio.run(run(mia, f"project:{house.other}")) == 1008
    assert asyncio.run(run(mia, f"task:{NOWHERE}")) == 1008
    assert asyncio.run(run(house.key("anna", project_id=house.mine)[1], f"project:{house.other}")) == 1008


def test_events_reach_members(house, data):
    async def run():
        async with connect(house.people["mia"], "/ws/events") as socket:
            await socket.send(json.dumps({"subscribe": [f"project:{house.mine}"]}))
            await asyncio.sleep(0.5)
            loop = asyncio.get_running_loop()
            clip = (data / "odd_media/sample.avi").read_bytes()
            reply = await loop.run_in_executor(None, lambda: house.people["mia"].ask(
                "POST", f"/api/v1/videos?project_id={house.mine}", clip, {"Content-Type": "application/octet-stream"}))
            assert reply.status == 202, reply.body
            heard = json.loads(await asyncio.wait_for(socket.recv(), patient(20)))
            return heard, reply.json["id"]

    heard, video = asyncio.run(run())
    assert heard["video_id"] == video
    assert house.people["vera"].get(f"/api/v1/videos/{video}").status == 200
    assert house.key("anna", project_id=house.other)[1].get(f"/api/v1/videos/{video}").status == 404


# --- servers of their own

def test_lock_out(assay, tmp_path):
    """The name is locked, whether there is one or not, and the right password does not help."""
    user_add(assay, tmp_path / "data", "anna", "admin")
    with Server(assay, tmp_path / "data", "--login-rate", 100) as server:
        c = Client(server)
        for name in ("anna", "nobody"):
            for _ in range(5):
                assert c.login(name, "wrong password").status == 401
        locked = [c.login("anna"), c.login("nobody")]
        assert [r.status for r in locked] == [429, 429]
        assert locked[0].json["error"] == "LOCKED_OUT" and 0 < int(locked[0].headers["Retry-After"]) <= 30
        server.stop()
        server.start()
        assert Client(server).login("anna").status == 429  # outlives a restart
        # whoever has the machine may let anna in again
        assay.ok("user", "password", "anna", "--data", tmp_path / "data", input="another horse\n")
        assert Client(server).login("anna", "another horse").status == 200


def test_logins_end_that_are_not_used(assay, tmp_path):
    user_add(assay, tmp_path / "data", "anna", "admin")
    with Server(assay, tmp_path / "data", "--login-minutes", 0.04) as server:
        c = Client(server)
        assert c.login("anna").status == 200
        for _ in range(4):  # use prolongs it
            time.sleep(0.8)
            assert c.get("/api/v1/projects").status == 200
        time.sleep(2.6)
        assert c.get("/api/v1/projects").status == 401

        async def run():
            async with connect(c, "/ws/events") as socket:
                return await closed_with(socket)

        assert c.login("anna").status == 200
        assert asyncio.run(run()) == 1008


def test_rates(assay, tmp_path):
    user_add(assay, tmp_path / "data", "anna", "admin")
    user_add(assay, tmp_path / "data", "bert", "viewer")
    with Server(assay, tmp_path / "data", "--read-rate", 2, "--login-rate", 1) as server:
        c, other = Client(server), Client(server)
        assert c.login("anna").status == other.login("bert").status == 200
        statuses = [c.get("/api/v1/projects").status for _ in range(20)]
        assert statuses[:8] == 8 * [200] and 429 in statuses
        reply = c.get("/api/v1/projects")
        assert reply.status == 429 and int(reply.headers["Retry-After"]) >= 1 and reply.json["error"] == "TOO_MANY_REQUESTS"
        assert other.get("/api/v1/projects").status == 200 and server.get("/health/live").status == 200
        bad = Client(server, "assay_wrong")
        assert 429 in [bad.get("/api/v1/projects").status for _ in range(20)]
        assert 'rate_limited_total{class="read"}' in server.get("/metrics").body.decode()


def test_logins_side_by_side_stay_small(assay, tmp_path):
    """Hashing takes 64 MiB: two at a time, however many come."""
    user_add(assay, tmp_path / "data", "anna", "admin")
    with Server(assay, tmp_path / "data", "--login-rate", 0) as server:
        def peak():
            text = open(f"/proc/{server.process.pid}/status").read()
            return int(re.search(r"VmHWM:\s+(\d+) kB", text).group(1)) / 1024
        before = peak()
        with ThreadPoolExecutor(24) as pool:
            statuses = list(pool.map(lambda i: Client(server).login(f"user{i}", "wrong password").status, range(24)))
        assert set(statuses) <= {401, 429, 503} and 401 in statuses
        assert peak() - before < 64 * 2 + 60


def test_the_first_user_while_it_runs(assay, tmp_path):
    with Server(assay, tmp_path / "data") as server:
        assert "there are no accounts" in server.text()
        assert server.get("/api/v1/me").json["via"] == "everybody"
        assert server.ask("POST", "/api/v1/login", {"name": "x", "password": "y"}).status == 409
        assert server.ask("POST", "/api/v1/keys", {"name": "x", "role": "viewer"}).status == 409
        assert server.ask("POST", "/api/v1/users", {"name": "x", "role": "viewer", "password": PASSWORD}).status == 409

        async def run():
            async with connect(Client(server), "/ws/events") as socket:
                await asyncio.get_running_loop().run_in_executor(None, lambda: user_add(assay, tmp_path / "data", "anna", "admin"))
                return await closed_with(socket)

        assert asyncio.run(run()) == 1008
        assert server.get("/api/v1/projects").status == 401
        assert Client(server).login("anna").status == 200
        assert "exists" in assay.refuses("user", "add", "anna", "--role", "admin", "--data", tmp_path / "data", input=PASSWORD + "\n")
        assert "bert" in assay.refuses("user", "password", "bert", "--data", tmp_path / "data", input=PASSWORD + "\n")


@pytest.mark.parametrize("arguments,text,word", [
    (["anna", "--role", "viewer"], PASSWORD, "first user is an admin"),
    (["anna", "--role", "admin"], "short", "shorter"),
    (["anna", "--role", "owner"], PASSWORD, "owner"),
    (["anna", "--role", "admin"], 1100 * "x", "longer"),
    ([], PASSWORD, "NAME"),
])
def test_user_add_refusals(assay, tmp_path, arguments, text, word):
    assert word in assay.refuses("user", "add", *arguments, "--data", tmp_path / "data", input=text + "\n")


@pytest.mark.parametrize("typed,word,status", [
    ([PASSWORD, PASSWORD], "user anna", 0),
    ([PASSWORD, "another horse"], "differ", 2),
])
def test_a_password_typed_on_a_terminal(assay, tmp_path, typed, word, status):
    """Asked for twice, and never shown."""
    terminal, stdin = pty.openpty()
    process = assay.start("user", "add", "anna", "--role", "admin", "--data", tmp_path / "data", stdin=stdin, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    for line in typed:
        said = process.stderr.read(1)
        while not said.endswith(": "):
            said += process.stderr.read(1)
        os.write(terminal, line.encode() + b"\n")
    out, err = process.communicate(timeout=patient(30))
    assert process.returncode == status and word in err, err
    os.set_blocking(terminal, False)
    try:
        shown = os.read(terminal, 4096).decode()
    except BlockingIOError:
        shown = ""
    assert PASSWORD not in shown + out + err
    os.close(stdin)
    os.close(terminal)


def test_an_interrupt_gives_the_terminal_its_echo_back(assay, tmp_path):
    terminal, stdin = pty.openpty()
    process = assay.start("user", "add", "anna", "--role", "admin", "--data", tmp_path / "data", stdin=stdin, stderr=subprocess.PIPE)
    said = process.stderr.read(1)
    while not said.endswith(": "):
        said += process.stderr.read(1)
    assert not termios.tcgetattr(stdin)[3] & termios.ECHO
    process.send_signal(signal.SIGINT)
    assert process.wait(patient(30)) == 130
    assert termios.tcgetattr(stdin)[3] & termios.ECHO
    process.stderr.close()
    os.close(stdin)
    os.close(terminal)


def test_off_loopback(assay, tmp_path):
    data = tmp_path / "data"
    anywhere = ["serve", "--data", data, "--listen", "0.0.0.0:0"]
    assert "assay user add" in assay.refuses(*anywhere)
    assert "assay user add" in assay.refuses(*anywhere, "--allow-direct")
    assert "assay user add" in assay.refuses("serve", "--data", data, "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1")
    user_add(assay, data, "anna", "admin")
    said = assay.refuses(*anywhere)
    assert "--proxy" in said and "--allow-direct" in said
    assert "10.0.0.0/99" in assay.refuses(*anywhere, "--proxy", "10.0.0.0/99")
    for host in ("http://example.com/", "", "*.example.com"):
        assert "--allow-source" in assay.refuses("serve", "--data", data, "--listen", "127.0.0.1:0", "--allow-source", host)
    server = Server(assay, data, "--listen", "0.0.0.0:0", "--allow-direct")
    server.address = r"http://0\.0\.0\.0:\d+"
    with server:
        assert "clear text" in server.text()
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")
        assert Client(server).login("anna").status == 200


def raw(server, method, path, lines, body=None):
    """Header lines as they are: some twice."""
    host, port = server.url.removeprefix("http://").split(":")
    text = json.dumps(body) if body else ""
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "Content-Type: application/json", f"Content-Length: {len(text)}"]
    with socket.create_connection((host, int(port)), timeout=patient(20)) as s:
        s.sendall("\r\n".join([*head, "", text]).encode())
        return s.recv(65536)


def test_behind_a_proxy(assay, tmp_path):
    """Every request of this test comes from the proxy's address."""
    data = tmp_path / "data"
    user_add(assay, data, "anna", "admin")
    with Server(assay, data, "--proxy", "127.0.0.1", "--login-rate", 100, "--metrics-from", "10.1.2.3") as server:
        https = {"X-Forwarded-For": "8.8.8.8", "X-Forwarded-Proto": "https", "Host": "assay.example"}
        c = Client(server, headers=https)
        assert c.get("/api/v1/me", {"X-Forwarded-Proto": "http"}).status == 403
        assert Client(server).get("/api/v1/me").status == 403 and Client(server).get("/health/ready").status == 200
        assert c.get("/metrics").status == 401 and Client(server).get("/metrics").status == 401
        cookie = c.login("anna").headers
        assert re.fullmatch(r"__Host-assay=[\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Secure", cookie["Set-Cookie"])
        assert cookie["Strict-Transport-Security"]
        made = c.made("POST", "/api/v1/projects", {"name": "x"}, 201)["id"]
        lines = c.get(f"/api/v1/audit?object_id={made}").json["items"]
        assert lines[0]["client"] == "8.8.8.8"
        for origin, status in (("https://assay.example", 200), ("http://assay.example", 403), ("https://evil.example", 403)):
            assert c.ask("PATCH", f"/api/v1/projects/{made}", {"description": "x"}, {"Origin": origin}).status == status
        # a client cannot name another proxy, nor what came before the proxy's own word
        wrong = Client(server, headers={**https, "X-Forwarded-For": "9.9.9.9, 8.8.4.4"})
        assert wrong.login("anna", "wrong password").status == 401
        assert c.get("/api/v1/audit?action=login&limit=1").json["items"][0]["client"] == "8.8.4.4"
        # a proxy that adds a line of its own (HAProxy) puts it behind the client's: the last one counts
        lines = ["X-Forwarded-Proto: https", "X-Forwarded-For: 10.1.2.3", "X-Forwarded-For: 8.8.4.9"]
        assert raw(server, "POST", "/api/v1/login", lines, {"name": "anna", "password": "wrong password"}).split()[1] == b"401"
        assert c.get("/api/v1/audit?action=login&limit=1").json["items"][0]["client"] == "8.8.4.9"
        assert raw(server, "GET", "/metrics", lines).split()[1] == b"401"
        assert raw(server, "GET", "/api/v1/me", ["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"]).split()[1] == b"400"
        # the plain cookie is none here
        plain = Client(server, headers={**https, "Cookie": c.headers["Cookie"].replace("__Host-assay", "assay-login")})
        assert plain.get("/api/v1/projects").status == 401
        metrics = c.made("POST", "/api/v1/keys", {"name": "m", "role": "metrics"}, 201)["key"]
        assert Client(server, metrics).get("/metrics").status == 200


@pytest.mark.parametrize("network,is_wide", [
    ("0.0.0.0/0", True), ("::/0", True), ("128.0.0.0/1", True), ("2000::/3", True),
    ("10.0.0.0/8", False), ("fd00::/16", False), ("127.0.0.1", False), ("::1", False),
])
def test_proxies_that_are_everybody(assay, tmp_path, network, is_wide):
    data = tmp_path / "data"
    user_add(assay, data, "anna", "admin")
    with Server(assay, data, "--proxy", network, "--workers", 0) as server:
        said = [x for x in server.text().splitlines() if "believed" in x]
        assert bool(said) == is_wide, server.text()
        assert not is_wide or network.split("/")[0] in said[0] and "/" + network.split("/")[1] in said[0] and "--proxy" in said[0]


def test_strangers_that_speak_like_a_proxy(assay, tmp_path):
    data = tmp_path / "data"
    user_add(assay, data, "anna", "admin")
    with Server(assay, data, "--proxy", "127.0.0.9", "--metrics-from", "10.0.0.0/8") as server:
        c = Client(server, headers={"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "https"})
        reply = c.login("anna")
        assert reply.headers["Set-Cookie"].startswith("assay-login=") and "Strict-Transport-Security" not in reply.headers
        assert c.get("/api/v1/audit?action=login").json["items"][0]["client"] == "127.0.0.1"


def own_address():
    """Of this machine, other than loopback; None where there is none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return None if s.getsockname()[0].startswith("127.") else s.getsockname()[0]
        except OSError:
            return None


@pytest.mark.skipif(not own_address(), reason="this machine has no address but loopback")
def test_past_the_proxy_there_is_no_way(assay, tmp_path):
    """Off loopback with a proxy: who comes straight, and says what a proxy would say, is refused before anything else."""
    data = tmp_path / "data"
    user_add(assay, data, "anna", "admin")
    server = Server(assay, data, "--listen", "0.0.0.0:0", "--proxy", "10.255.255.254")
    server.address = r"http://0\.0\.0\.0:\d+"
    with server:
        anywhere = server.url
        server.url = anywhere.replace("0.0.0.0", own_address())
        https = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}
        for headers in ({}, https):
            for path in ("/api/v1/projects", "/api/v1/nothing", "/", "/v2/models/x", "/openapi.yaml"):
                reply = server.ask("GET", path, headers=headers)
                assert reply.status == 403 and reply.json["error"] == "FORBIDDEN_WAY" and "proxy" in reply.json["message"], path
            login = server.ask("POST", "/api/v1/login", {"name": "anna", "password": PASSWORD}, headers)
            assert login.status == 403 and "Set-Cookie" not in login.headers
            assert server.get("/health/live", headers=headers).status == 200
        server.url = anywhere.replace("0.0.0.0", "127.0.0.1")  # the machine's own shell
        assert Client(server).login("anna").status == 200


def test_secure_headers(house):
    for path in ("/", "/api/v1/me", "/api/v1/nothing", "/health/live"):
        try:
            headers = urllib.request.urlopen(house.server.url + path).headers
        except urllib.error.HTTPError as e:
            headers = e.headers
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_log_lines_say_what_they_are_about(assay, data, tmp_path):
    with Server(assay, tmp_path / "data", "--log-format", "json") as server:
        assert server.ask("POST", "/api/v1/projects", {"name": "a \"quoted\"\nname"}).status == 400
        asked = server.ask("GET", "/api/v1/projects", headers={"X-Request-ID": "mine-1", "User-Agent": "x\x01y"})
        assert asked.headers["X-Request-ID"] == "mine-1"
        video = server.video(server.project(), data / "odd_media/sample.avi")
        broken = server.video(server.project("b"), data / "models/models.json")
        server.video_known(video)
        server.video_known(broken)
        server.wait_for("/api/v1/tasks", lambda t: all(x["status"] in ("succeeded", "failed") for x in t["items"]))
        tasks = {t["task_id"] for t in server.get("/api/v1/tasks").json["items"]}
        assert len(tasks) >= 2
    lines = [json.loads(line) for line in server.text().splitlines()]
    assert all(x["time"] and x["level"] and x["message"] for x in lines)
    requests = [x for x in lines if x["message"] == "request"]
    assert "mine-1" in {x["request"] for x in requests} and all(x["request"] for x in requests)
    assert {x["task"] for x in lines if "task" in x} == tasks
    assert all("task" in x for x in lines if "probe" in x["message"])
