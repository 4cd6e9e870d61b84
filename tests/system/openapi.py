"""openapi.yaml as a judge: every answer of the server, and every request that it took, against what the file says.

An unknown route, status, media type, query parameter or member is a failure. Lists of more than MANY items are judged by
their first, last and evenly spread ones: jsonschema takes half a millisecond for a detection.
"""
import functools
import json
import pathlib
import re
import urllib.parse

import jsonschema
import yaml

FILE = pathlib.Path(__file__).resolve().parent.parent.parent / "openapi.yaml"
MANY = 200
OURS = ("/api/", "/v2", "/ws/", "/health/", "/metrics", "/openapi.yaml", "/version")

# Libyaml's loader where it is there: 15 times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.lru_cache(maxsize=1)
def document():
    return yaml.load(FILE.read_text(), LOADER)


def resolved(node):
    while "$ref" in node:
        at = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        node = at
    return node


@functools.lru_cache(maxsize=None)
def _validator(text):
    # The components stand in the schema itself, so that "#/components/..." is found in it.
    return jsonschema.Draft202012Validator({"components": document()["components"], **json.loads(text)})


def thinned(value):
    if isinstance(value, list):
        if len(value) > MANY:
            step = len(value) // (MANY // 2)
            value = value[:MANY // 2] + value[MANY // 2:-10:step] + value[-10:]
        return [thinned(v) for v in value]
    return {k: thinned(v) for k, v in value.items()} if isinstance(value, dict) else value


def check_schema(value, schema, what):
    """Also for what is no answer: messages of WebSockets, {"$ref": "#/components/schemas/TaskProgress"}."""
    wrong = sorted(_validator(json.dumps(schema)).iter_errors(thinned(value)), key=lambda e: len(e.absolute_path), reverse=True)
    # Of an anyOf the branch that came closest says most.
    lines = []
    for e in wrong[:5]:
        while e.context:
            e = min(e.context, key=lambda c: (len(c.schema_path), -len(c.absolute_path)))
        lines.append(f"  at {'/'.join(map(str, e.absolute_path)) or 'the top'}: {e.message[:300]}")
    assert not wrong, f"{what} is not as openapi.yaml says:\n" + "\n".join(lines)


@functools.lru_cache(maxsize=None)
def _paths():
    """(pattern, item) with fixed text before parameters, as the server's router has it."""
    found = []
    for path, item in document()["paths"].items():
        pattern = re.compile(re.sub(r"\\\{\w+\\\.\\\.\\\.\\\}", r".+", re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(path))))
        found.append((path.count("{"), -len(path), pattern, path, item))
    return sorted(found, key=lambda f: f[:2])


def find(path):
    path = urllib.parse.unquote(path)
    if path.startswith("/api/") and not path.startswith("/api/v1/"):
        path = "/api/v1/" + path.removeprefix("/api/")
    return next(((template, item) for _, _, pattern, template, item in _paths() if pattern.fullmatch(path)), (None, None))


def media_type(header):
    return (header or "").split(";")[0].strip().lower()


def check_error(status, headers, body, what):
    assert status >= 400, f"{what}: status {status} is not in openapi.yaml"
    if body:
        assert media_type(headers.get("Content-Type")) == "application/json", f"{what}: an error as {headers.get('Content-Type')}"
        check_schema(json.loads(body), {"$ref": "#/components/schemas/Error"}, what)


def check_body(response, status, headers, body, what):
    contents = response.get("content", {})
    if not contents:
        assert not body, f"{what}: status {status} has a body, which openapi.yaml does not know"
        return
    kind = media_type(headers.get("Content-Type"))
    assert kind in contents, f"{what}: {kind or 'no type'} is not in openapi.yaml, which has {', '.join(contents)}"
    if kind == "application/json" and status != 206 and body:
        check_schema(json.loads(body), contents[kind]["schema"], what)


def check_request(item, operation, path, headers, body, what):
    """A request that was taken is one that the file describes."""
    known = {p["name"]: p["schema"] for p in map(resolved, item.get("parameters", []) + operation.get("parameters", [])) if p["in"] == "query"}
    for name, value in urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query, keep_blank_values=True):
        assert name in known, f"{what}: the query's {name} is not in openapi.yaml"
    kind = media_type(headers.get("Content-Type"))
    if body and "requestBody" in operation:
        contents = resolved(operation["requestBody"])["content"]
        if kind == "application/json" and kind in contents:
            check_schema(json.loads(body), contents[kind]["schema"], f"the body of {what}")
    else:
        assert not body or kind != "application/json", f"{what} takes no body by openapi.yaml"


def check(method, path, request_headers, request_body, status, headers, body):
    what = f"{method} {path} ({status})"
    if not urllib.parse.unquote(path).startswith(OURS) and media_type(headers.get("Content-Type")) != "application/json":
        return None  # a view of the page, or one of its files
    template, item = find(urllib.parse.urlsplit(path).path)
    if method == "POST":
        method = request_headers.get("X-HTTP-Method-Override", method)
    operations = item or {}
    operation = operations.get(method.lower()) or (operations.get("get") if method == "HEAD" else None)
    if not operation:
        assert status >= 400, f"{what}: no such route in openapi.yaml"
        return check_error(status, headers, body, what)
    responses = operation["responses"]
    if str(status) not in responses:
        return check_error(status, headers, body, what)
    check_body(resolved(responses[str(status)]), status, headers, b"" if method == "HEAD" else body, what)
    if status < 400:
        check_request(item, operation, path, request_headers, request_body, what)
