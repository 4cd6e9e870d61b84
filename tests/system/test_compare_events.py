"""Two systems that report timed events, compared: sessions of the server, and lists on the command line; docs/COMPARING.md has the rules."""
import json

import pytest
from server import Server
from test_sessions import finish, outside, post

CLIP = "video_with_gt/vtest_PETS09-S2L1/vtest.mp4"  # 79.5 s
BOXES = "video_with_gt/vtest_PETS09-S2L1/gt.coco.json"
FOUND = "video_with_gt/vtest_PETS09-S2L1/ref_dets_yolox_nano.json"

# A misses every tenth of fifty events, 20 ms late; B every second one, 60 ms late. One false report of each is the same, one only B's.
TIMES = [1500 * i for i in range(1, 51)]
TRUTH = [{"label": "gate", "time_ms": t} for t in TIMES]
OF_A = [{"label": "gate", "time_ms": t + 20} for i, t in enumerate(TIMES, 1) if i % 10] + [{"label": "gate", "time_ms": 700}]
OF_B = [{"label": "gate", "time_ms": t + 60} for i, t in enumerate(TIMES, 1) if i % 2] + [{"label": "gate", "time_ms": 760},
                                                                                          {"label": "door", "time_ms": 9000, "confidence": 0.5}]
FIGURES = {"precision": (45 / 46, 25 / 27), "recall": (45 / 50, 25 / 50), "f1": (90 / 96, 50 / 77), "in_time": (45 / 50, 25 / 50),
           "latency_p50_ms": (20, 60), "latency_p95_ms": (20, 60)}


@pytest.fixture(scope="module")
def server(assay, tmp_path_factory):
    with Server(assay, tmp_path_factory.mktemp("events") / "data") as s:
        yield s


@pytest.fixture(scope="module")
def project(server):
    return server.project("events")


@pytest.fixture(scope="module")
def video(server, project, data):
    v = server.video(project, data / CLIP)
    put_truth(server, v, TRUTH)
    server.video_known(v)
    return v


def put_truth(server, video, events):
    server.made("PUT", f"/api/v1/videos/{video}/truth?name=truth.json", json.dumps({"events": events}).encode(), {"Content-Type": "application/json"},
                status=201)


def session_of(server, project, videos, lists, **more):
    """Judged; a list of each video."""
    session = outside(server, project, videos, **more)
    for v, events in zip(videos, lists):
        server.made("POST", f"/api/v1/sessions/{session}/play", {"video_id": v})
        post(server, session, json.dumps({"events": events}).encode(), "application/json", video=v)
    finish(server, session)
    return session


def compared(server, a, b):
    made = server.get(f"/api/v1/sessions/{a}/compare/{b}")
    if made.status == 202:
        done = server.task_end(made.json["task_id"])
        assert done["status"] == "succeeded", done
    return server.made("GET", f"/api/v1/sessions/{a}/compare/{b}", status=200)


def check(c):
    """What was worked out by hand."""
    assert c["events"] is True and (c["truths"], c["found_by_both"], c["found_by_neither"]) == (50, 25, 5)
    for name, (a, b) in FIGURES.items():
        f = c["figures"][name]
        assert (f["a"], f["b"], f["difference"]) == pytest.approx((a, b, b - a)), name
    sides = c["changed_sides"]
    assert [sides[s] for s in ("lost", "found", "false_new", "false_gone")] == [20, 0, 1, 0]
    lost = [e for e in sides["events"] if e["side"] == "lost"]
    assert [e["time_ms"] for e in lost] == [t for i, t in enumerate(TIMES, 1) if i % 10 and i % 2 == 0]
    assert all((e["a_time_ms"], e["b_time_ms"]) == (e["time_ms"] + 20, None) for e in lost)
    assert sides["events"][-1] == {"side": "false_new", "label": "door", "time_ms": 9000, "a_time_ms": None, "b_time_ms": 9000, "evidence": 0.5}
    # Twenty of fifty lost, each later: no noise. The tail is not judged by so few.
    assert c["verdict"] == c["figures"]["recall"]["verdict"] == c["figures"]["f1"]["verdict"] == c["figures"]["latency_p50_ms"]["verdict"] == "worse"
    assert c["figures"]["recall"]["low"] < -0.4 < c["figures"]["recall"]["high"] < 0 and c["figures"]["recall"]["beyond_noise"]
    assert c["figures"]["precision"]["verdict"] != "worse" and c["figures"]["latency_p95_ms"]["low"] is None
    assert [(k["label"], k["truths"]) for k in c["classes"]] == [("door", 0), ("gate", 50)]


def test_two_sessions(server, project, video):
    a, b = (session_of(server, project, [video], [events]) for events in (OF_A, OF_B))
    made = compared(server, a, b)
    c = made["comparison"]
    check(c)
    assert (c["a"], c["b"], c["notices"]) == (a, b, []) and [v["video_id"] for v in made["videos"]] == [video]
    for side, session in (("a", a), ("b", b)):  # the same figures as each session's own
        own = server.made("GET", f"/api/v1/sessions/{session}/results")["metrics"]["temporal"]["overall"]
        assert [c["figures"][f][side] for f in ("precision", "recall", "f1")] == [own[f] for f in ("precision", "recall", "f1")]
        assert c["figures"]["latency_p95_ms"][side] == own["difference_ms"]["p95"]
        assert c["figures"]["arrival_p50_ms"][side] == pytest.approx(server.made("GET", f"/api/v1/sessions/{session}/results")["more"]["arrival_ms"]["p50"])
    # The other way round it is the reverse; with itself under another name, nothing.
    back = compared(server, b, a)["comparison"]
    assert back["verdict"] == "better" and back["changed_sides"]["found"] == 20 and back["changed_sides"]["false_gone"] == 1
    again = session_of(server, project, [video], [OF_A])
    none = compared(server, a, again)["comparison"]
    assert none["verdict"] == "no_difference" and none["changed_sides"]["events"] == [] and none["figures"]["recall"]["low"] == 0


def test_several_videos_and_other_settings(server, project, video, data):
    other = server.video(project, data / CLIP)
    put_truth(server, other, TRUTH[:2])
    server.video_known(other)
    a = session_of(server, project, [video, other], [OF_A, OF_A[:2]], settings={"tolerance_ms": 50})
    b = session_of(server, project, [other, video], [OF_B[:1], OF_B], settings={"tolerance_ms": 100})
    c = compared(server, a, b)["comparison"]
    # By A's 50 ms nothing of B is found, and that is said.
    assert c["figures"]["recall"]["b"] == 0 and c["figures"]["recall"]["a"] == pytest.approx(47 / 52)
    assert c["notices"] == ["B was judged with tolerance_ms 100: here both are judged by A's 50"]
    assert {e["video"] for e in c["changed_sides"]["events"]} == {video, other}
    back = compared(server, b, a)["comparison"]
    assert back["settings"]["tolerance_ms"] == 100 and back["figures"]["recall"]["a"] == pytest.approx(26 / 52)


def test_only_the_classes_that_are_asked_for(server, project, video):
    a, b = (session_of(server, project, [video], [events], settings={"classes": ["gate"]}) for events in (OF_A, OF_B))
    c = compared(server, a, b)["comparison"]
    assert [k["label"] for k in c["classes"]] == ["gate"] and c["changed_sides"]["false_new"] == 0
    assert c["figures"]["precision"]["b"] == pytest.approx(25 / 26)


def test_few_events(server, project, data):
    short = server.video(project, data / CLIP)
    put_truth(server, short, TRUTH[:3])
    a, b = (session_of(server, project, [short], [events]) for events in (OF_A[:3], OF_B[:1]))
    c = compared(server, a, b)["comparison"]
    assert c["verdict"] == "no_data" and c["figures"]["recall"]["low"] is None
    assert c["notices"] == ["3 events are too few for intervals: differences may be chance"]


def test_boxes_and_events_are_not_compared(server, project, data):
    v = server.video(project, data / CLIP)
    truth = json.loads((data / BOXES).read_text())
    for n, image in enumerate(sorted(truth["images"], key=lambda i: i["id"])):
        image["pts_us"] = n * 100_000  # what appears is an event where there are times
    server.made("PUT", f"/api/v1/videos/{v}/truth", json.dumps(truth).encode(), {"Content-Type": "application/json"}, status=201)
    events = session_of(server, project, [v], [[{"label": "person", "time_ms": 100}]])
    boxes = outside(server, project, [v])
    server.made("PUT", f"/api/v1/sessions/{boxes}/detections", (data / FOUND).read_bytes(), {"Content-Type": "application/json"}, status=201)
    finish(server, boxes)
    for a, b, words in ((events, boxes, "A is judged by timed events and B by boxes"), (boxes, events, "B is judged by timed events and A by boxes")):
        task = server.get(f"/api/v1/sessions/{a}/compare/{b}").json["task_id"]
        assert server.task_end(task)["status"] == "failed"
        reply = server.get(f"/api/v1/sessions/{a}/compare/{b}")
        assert reply.status == 409 and words in reply.json["message"], reply.body


# --- the command line


def write_lists(tmp_path):
    paths = []
    for name, events in (("truth", TRUTH), ("a", OF_A), ("b", OF_B)):
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps({"events": events}))
    return paths


def test_two_lists(assay, tmp_path):
    truth, a, b = write_lists(tmp_path)
    out, page = tmp_path / "out.json", tmp_path / "out.md"
    text = assay.ok("compare", a, b, "--truth", truth, "--events", "--json", out, "--markdown", page, "--list", 2).stdout
    made = json.loads(out.read_text())
    check(made)
    assert made["figures"]["arrival_p50_ms"]["a"] is None and made["notices"] == []
    assert "verdict    B is worse" in text and "found by A, missed by B       20" in text and "the 2 of 21" in text, text
    assert "**B is worse**" in page.read_text() and "| found by A, missed by B | 20 |" in page.read_text()
    # Within 50 ms nothing of B is found.
    made = json.loads(assay.ok("compare", a, b, "--truth", truth, "--events", "--tolerance-ms", 50, "--json", "-").stdout)
    assert made["changed_sides"]["lost"] == 45 and made["figures"]["latency_p50_ms"]["b"] is None


def test_lists_refused(assay, tmp_path):
    truth, a, b = write_lists(tmp_path)
    assert "--truth is wanted" in assay.refuses("compare", a, b, "--events")
    assert "--block is for boxes" in assay.refuses("compare", a, b, "--truth", truth, "--events", "--block", 3)
    assert "--classes is not taken" in assay.refuses("compare", a, b, "--truth", truth, "--events", "--classes", "person")
    for option in ("--tolerance-ms", "--latency-threshold-ms", "--event-gap-ms"):
        assert option in assay.refuses("compare", a, b, option, 50)
    assert "--report is for boxes" in assay.refuses("compare", a, b, "--truth", truth, "--events", "--report", tmp_path / "x.html")
    assert "compare --events" in assay.refuses("compare", a, b, "--truth", truth)
    b.write_text("label,when\n")
    assert "b.json" in assay.refuses("compare", a, b, "--truth", truth, "--events")
