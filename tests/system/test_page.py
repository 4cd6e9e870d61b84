"""The page as the program serves it: what browsers may keep, what they may run, how large it is; then its own tests,
of its logic in Node and of the whole in Chromium."""
import gzip
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from server import Server

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WEB = ROOT / "web"

FIRST_SCRIPT_MAX = 200 * 1000  # bytes, gzipped, of what the first page runs
EMBEDDED_MAX = 2 * 1000 * 1000


@pytest.fixture(scope="module")
def server(assay, tmp_path_factory):
    with Server(assay, tmp_path_factory.mktemp("page") / "data") as s:
        if s.get("/").status == 404:
            pytest.skip("the program was built without its page (-Dpage=disabled, or no node)")
        yield s


@pytest.fixture(scope="module")
def modules(server):
    """What the page's own tests run with: node_modules."""
    if not shutil.which("node"):
        pytest.skip("node is absent")
    done = subprocess.run(["node", "embed.mjs", "--modules"], cwd=WEB, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


def index(server):
    return server.get("/").body.decode()


def test_index_is_asked_for_again_and_names_its_files(server):
    reply = server.get("/")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-cache"
    again = server.get("/", headers={"If-None-Match": reply.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert re.search(r'src="/assets/[\w-]+-[\w-]{8}\.js"', index(server))


def test_policy_allows_nothing_inline_and_nothing_from_elsewhere(server):
    policy = server.get("/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    page = index(server)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page), "an inline script"
    assert not re.search(r"<style|\sstyle=|\son\w+=", page), "an inline style or handler"
    assert not re.search(r'(src|href)="(?!/)', page), "a file from elsewhere"


@pytest.mark.parametrize("path", ["/projects", "/projects/01J", "/projects/01J/videos/01J/review", "/sessions/01J", "/compare?a=1&b=2",
                                  "/models/01J", "/tasks", "/settings/keys", "/login"])
def test_each_address_of_the_page_gives_the_page(server, path):
    assert server.get(path).body == server.get("/").body


@pytest.mark.parametrize("path", ["/nowhere", "/assets/none-12345678.js", "/assets/../index.html", "/index.html"])
def test_what_is_no_address_is_not_found(server, path):
    assert server.get(path).status in (400, 404)


def test_files_are_kept_for_ever_and_come_compressed(server):
    for path in set(re.findall(r'"(/assets/[^"]+)"', index(server))):
        plain = server.get(path)
        assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable", path
        assert "Content-Encoding" not in plain.headers
        packed = server.get(path, headers={"Accept-Encoding": "gzip"})
        if len(plain.body) > 1000:
            assert packed.headers["Content-Encoding"] == "gzip", path
            assert gzip.decompress(packed.body) == plain.body
            assert server.get(path, headers={"Accept-Encoding": "br, gzip"}).headers["Content-Encoding"] == "br"
        assert packed.headers["Vary"] == "Accept-Encoding"


def reached_by_import(server, path, seen):
    """Every script that *path* needs before it runs."""
    if path not in seen:
        seen[path] = len(server.get(path, headers={"Accept-Encoding": "gzip"}).body)
        text = server.get(path).body.decode()
        for name in re.findall(r'(?:from|import)\s*"\./([^"]+\.js)"', text):
            reached_by_import(server, "/assets/" + name, seen)
    return seen


def test_the_first_page_is_small(server):
    main = re.search(r'src="(/assets/[^"]+\.js)"', index(server)).group(1)
    seen = reached_by_import(server, main, {})
    dashboard = re.search(r'"(?:\./|assets/)(DashboardPage-[\w-]+\.js)"', server.get(main).body.decode()).group(1)
    seen = reached_by_import(server, "/assets/" + dashboard, seen)
    print(f"{sum(seen.values())} bytes in {len(seen)} scripts")
    assert 50_000 < sum(seen.values()) < FIRST_SCRIPT_MAX, seen


def test_the_page_adds_little_to_the_program(server, request):
    built = pathlib.Path(request.config.getoption("--assay")).resolve().parents[2] / "web" / "embedded_page.bin"
    if not built.exists():
        pytest.skip("the program was built elsewhere")
    assert built.stat().st_size < EMBEDDED_MAX


def test_licences_of_its_parts_come_with_it(server):
    text = server.get("/third-party.txt").body.decode()
    for name in ("react-dom", "uplot", "@fontsource-variable/inter"):
        assert re.search(rf"^{re.escape(name)} \d", text, re.M), name


def test_vitals_are_counted_by_page(server):
    vitals = [{"name": "LCP", "page": "dashboard", "value": 120.5}, {"name": "CLS", "page": "no such page", "value": 0.02}]
    assert server.ask("POST", "/api/v1/vitals", vitals).status == 204
    metrics = server.get("/metrics").body.decode()
    assert 'web_vitals_lcp_seconds_count{page="dashboard"} 1' in metrics
    assert 'web_vitals_cls_count{page="other"} 1' in metrics


@pytest.mark.parametrize("body", [{}, {"vitals": []}, [{}], [{"name": "LCP"}], [{"name": "XXX", "value": 1}], [{"name": "LCP", "value": -1}],
                                  [{"name": "LCP", "value": "1"}], [{"name": "LCP", "value": 1, "more": 1}], [{"name": "LCP", "value": 1}] * 65])
def test_vitals_that_are_none_are_refused(server, body):
    before = server.get("/metrics").body.decode().count("web_vitals_lcp_seconds_count")
    reply = server.ask("POST", "/api/v1/vitals", body)
    assert (reply.status, reply.json["error"]) == (400, "INVALID")
    assert server.get("/metrics").body.decode().count("web_vitals_lcp_seconds_count") == before


def node(*command, env=None, timeout=240):
    done = subprocess.run(command, cwd=WEB, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                          env={**os.environ, **(env or {}), "NO_COLOR": "1", "CI": "1"})
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def test_types_and_format(modules):
    node("node_modules/.bin/tsc", "--noEmit")
    node("node_modules/.bin/prettier", "--log-level", "warn", "--check", ".")


def test_types_are_those_of_openapi_yaml(modules, tmp_path):
    fresh = tmp_path / "schema.ts"
    node("node_modules/.bin/openapi-typescript", ROOT / "openapi.yaml", "-o", fresh)
    assert fresh.read_text() == (WEB / "src/api/schema.ts").read_text(), "run `npm run api` in web/"


def test_logic(modules):
    assert re.search(r"Tests +\d+ passed", node("node_modules/.bin/vitest", "run"))


# Those of review/ are test_review.py's.
@pytest.mark.parametrize("name", sorted(p.name for p in (WEB / "tests").glob("*.test.ts")))
def test_in_the_browser(modules, assay, data, name):
    if not shutil.which("chromium"):
        pytest.skip("chromium is absent")
    node("node_modules/.bin/vitest", "run", "--config", "vitest.page.config.ts", f"tests/{name}",
         env={"ASSAY_PROGRAM": str(assay.program), "ASSAY_TEST_DATA": str(data)}, timeout=400)
