"""The HTML report in a real browser: complete, silent, small, and in need of nothing beside it."""
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
MAX_BYTES = 5_000_000
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
           "--disable-dev-shm-usage", "--enable-logging=stderr", "--hide-scrollbars"]
VOID = {"meta", "link", "br", "img", "input"}


class Balance(HTMLParser):
    """Every element that is opened is closed, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.count = [], [], {}

    def handle_starttag(self, tag, attributes):
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))


def read(page):
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < MAX_BYTES
    assert not re.search(r"https?:|//[a-z]", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)), "the page refers to something outside"
    assert "<script" not in text and "NaN" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    balance = Balance()
    balance.feed(text)
    assert not balance.wrong and not balance.open, (balance.wrong[:3], balance.open[-3:])
    return text, balance.count


def browse(page, profile, *arguments, width=900):
    """Standard output of the browser; what it had to complain about is the failure."""
    if not BROWSER:
        pytest.skip("no chromium")
    done = subprocess.run([BROWSER, *OPTIONS, f"--user-data-dir={profile}", f"--window-size={width},1000", *arguments,
                           page.as_uri()], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    assert not console, console
    return done.stdout


def overflows(page, folder, width):
    """What does not fit a window of *width* pixels, asked of the page itself in a frame of that width: by how much the page
    is too wide, and the words that are cut off or stand out of it."""
    probe = folder / f"probe-{width}.html"
    probe.write_text(f"""<body style="margin:0"><iframe id=f style="width:{width}px;height:900px;border:0" src="{page.name}">
</iframe><script>f.onload=()=>{{const d=f.contentDocument,e=d.documentElement,out=[];
for(const n of d.querySelectorAll('body *')){{if(n.closest('svg')||!n.textContent.trim()||n.children.length)continue;
const r=n.getBoundingClientRect();if(!r.width||f.contentWindow.getComputedStyle(n).fontSize=='0px')continue;
if(r.left<-1||r.right>e.clientWidth+1||n.scrollWidth>n.clientWidth+1&&n.clientWidth)out.push(n.textContent.trim().slice(0,40))}}
document.title=e.scrollWidth-e.clientWidth+' '+out.join('|')}}</script>""")
    dom = browse(probe, folder / "profile", "--allow-file-access-from-files", "--virtual-time-budget=5000", "--dump-dom",
                 width=max(width, 600))
    return re.search(r"<title>([^<]*)</title>", dom).group(1)


@pytest.fixture(scope="module")
def video_report(assay, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    case = data / "video_with_gt/mmtracking_demo_MOT17-04"
    assay.ok("validate", case / "demo.mp4", "--model", data / "models/yolox_nano_416.onnx", "--truth", case / "gt.coco.json",
             "--classes", "person", "--out", folder / "kept.jsonl", "--json", folder / "metrics.json",
             "--report", folder / "report.html")
    return folder


@pytest.fixture(scope="module")
def classes_report(assay, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    case = data / "detection/bdd100k_8videos"
    profile = folder / "p.json"
    profile.write_text(json.dumps({"name": "mine", "criteria": [{"metric": "AP50", "min": .1}, {"metric": "recall", "min": .1}]}))
    assay.ok("evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json", "--tracking",
             "--confusion-matrix", "--conventions", "all", "--truth-mistakes", "5", "--slice-by", "video,class", "--temporal",
             "--fps", "30", "--profile", profile, "--json", folder / "metrics.json", "--report", folder / "report.html")
    return folder


@pytest.fixture(scope="module")
def comparison_report(assay, data, video_report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    case = data / "video_with_gt/mmtracking_demo_MOT17-04"
    lines = (video_report / "kept.jsonl").read_text().splitlines()
    worse = []
    for line in map(json.loads, lines):
        if line["type"] == "frame":
            line["detections"] = [d for i, d in enumerate(line["detections"]) if i % 3]
        worse.append(json.dumps(line))
    (folder / "worse.jsonl").write_text("\n".join(worse) + "\n")
    assay.ok("compare", video_report / "kept.jsonl", folder / "worse.jsonl", "--truth", case / "gt.coco.json", "--source",
             case / "demo.mp4", "--json", folder / "c.json", "--report", folder / "report.html")
    return folder


@pytest.fixture(scope="module")
def conditions_report(assay, tmp_path_factory):
    """A synthetic clip whose dark and foggy frames are found by half."""
    folder = tmp_path_factory.mktemp("report")
    assay.ok("synth", "--out", folder, "--seconds", "5", "--fps", "5", "--width", "640", "--height", "360", "--quiet")
    truth = json.loads((folder / "truth.coco.json").read_text())
    condition = {i["id"]: i["condition"] for i in truth["images"]}
    found = [{"image_id": a["image_id"], "category_id": a["category_id"], "bbox": a["bbox"], "score": 0.3 + a["id"] % 60 / 100}
             for a in truth["annotations"] if a["id"] % 10 or condition[a["image_id"]] == "day"]
    found = [d for k, d in enumerate(found) if k % 2 or condition[d["image_id"]] not in ("night", "fog")]
    (folder / "found.json").write_text(json.dumps(found))
    assay.ok("evaluate", "--truth", folder / "truth.coco.json", "--detections", folder / "found.json", "--source",
             folder / "clip.mp4", "--report", folder / "report.html")
    return folder


def test_video(video_report):
    text, count = read(video_report / "report.html")
    metrics = json.loads((video_report / "metrics.json").read_text())
    assert count["image"] >= 1 and count["image"] == text.count('id="moment-')
    assert f"<b>{metrics['coco']['AP50']:.3f}</b>" in text
    point = metrics["operating_point"]
    assert f"finds {point['true_positives']:,}, misses {point['false_negatives']:,}" in text
    assert re.search(r"SHA-256 of the model</dt><dd class=\"hash\">[0-9a-f]{64}<", text)
    assert re.search(r"SHA-256 of the source</dt><dd class=\"hash\">[0-9a-f]{64}<", text)


def test_the_same_pictures_from_kept_detections(assay, data, video_report, tmp_path):
    case = data / "video_with_gt/mmtracking_demo_MOT17-04"
    page = tmp_path / "again.html"
    assay.ok("evaluate", "--truth", case / "gt.coco.json", "--detections", video_report / "kept.jsonl", "--classes", "person",
             "--source", case / "demo.mp4", "--report", page)
    pictures = [re.findall(r"base64,([A-Za-z0-9+/=]+)", p.read_text()) for p in (page, video_report / "report.html")]
    assert pictures[0] and pictures[0] == pictures[1]


def test_pictures_as_source(assay, data, tmp_path):
    case = data / "video_with_gt/TUD-Campus_frames"
    page = tmp_path / "report.html"
    assay.ok("validate", case / "img1", "--model", data / "models/yolox_nano_416.onnx", "--truth", case / "gt.coco.json",
             "--classes", "person", "--report", page)
    _, count = read(page)
    assert count["image"] >= 1


def test_classes_and_videos(classes_report):
    text, count = read(classes_report / "report.html")
    assert text.count('class="plot small"') == 7  # of eight classes one has no detections
    assert "no detections of this class" in text
    assert text.count('class="plot time many"') == 8
    assert "HOTA" in text and "image" not in count
    for part in ("parts", "confusion", "conventions", "mistakes", "tracks", "time", "verdict"):
        assert f'<section id="{part}">' in text


def rows_of(text, section):
    """The cells of the rows of a section's tables, as the reader sees them."""
    part = text.split(f'<section id="{section}">')[1].split("</section>")[0]
    rows = re.findall(r"<tr>(<th scope.*?)</tr>", part, re.S)
    return [[re.sub(r"<[^>]*>", "", c) for c in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)] for row in rows]


def test_the_page_shows_what_json_has(classes_report):
    text = (classes_report / "report.html").read_text()
    metrics = json.loads((classes_report / "metrics.json").read_text())

    def shown(value):
        return "no data" if value is None else f"{value:.3f}"

    tracks = rows_of(text, "tracks")
    overall = metrics["tracking"]["overall"]
    assert tracks[0][1:] == [shown(overall[k]) for k in ("HOTA", "DetA", "AssA", "LocA", "DetRe", "DetPr", "AssRe", "AssPr")]
    assert len([r for r in tracks if r[0] in {s["name"] for s in metrics["tracking"]["sequences"]}]) == 8
    parts = {row[0]: row for row in rows_of(text, "parts")}
    for part in metrics["slices"]:
        assert shown(part["AP50"]) in parts[part["value"]], part["value"]
    causes = rows_of(text, "conventions")
    for name, convention in metrics["conventions"].items():
        assert [name, *(shown(convention[k]) for k in ("AP", "AP50", "AP75"))] in causes
        for cause in convention["differences_from_coco"]:
            assert any(cause["rule"] == row[0] and cause["what"] in row[3] for row in causes), cause
    time = rows_of(text, "time")
    latency = metrics["temporal"]["overall"]["latency_ms"]
    assert time[0][4:] == [f"{latency[k]:.0f}" for k in ("mean", "standard_deviation", "p50", "p95", "p99", "max")]
    for name, n in latency["histogram"].items():
        assert [f"{name} ms", f"{n:,}"] in [row[:2] for row in time]
    verdict = rows_of(text, "verdict")
    for row, criterion in zip(verdict, metrics["verdict"]["criteria"]):
        assert row[0] == criterion["metric"] and row[3] == f"{criterion['low']:.3f} to {criterion['high']:.3f}"
    assert len(rows_of(text, "mistakes")) == 5


def test_comparison(comparison_report):
    text, count = read(comparison_report / "report.html")
    got = json.loads((comparison_report / "c.json").read_text())
    rows = {row[0]: row for row in rows_of(text, "figures")}
    for name, figure in got["figures"].items():
        sign = "+" if figure["difference"] > -.0005 else "\u2212"
        assert rows[name][3] == f"{sign}{abs(figure['difference']):.3f}"
        # Eight frames are too few for blocks: no interval, and that is said.
        assert (figure["low"] is None) == (rows[name][4] == "too little data")
    changes = rows_of(text, "changes")
    assert changes[0] == ["found by A, missed by B", f"{got['changed_sides']['lost']:,}"]
    assert len(changes) == 4 + min(200, len(got["changed_sides"]["objects"]))
    assert 1 <= count["image"] <= 12


def test_disagreement(assay, video_report, comparison_report, tmp_path):
    page = tmp_path / "d.html"
    assay.ok("compare", video_report / "kept.jsonl", comparison_report / "worse.jsonl", "--report", page)
    text, _ = read(page)
    assert rows_of(text, "classes") and "there is no truth" in text


def test_conditions(conditions_report):
    text, count = read(conditions_report / "report.html")
    weaker = re.findall(r"<li>condition <b>(\w+)</b> (\d+)&nbsp;%</li>", text)
    assert {name for name, _ in weaker} == {"night", "fog"} and all(int(n) < 60 for _, n in weaker)
    strip = re.search(r'<div class="strip" title="condition">(.*?)</div>', text).group(1)
    assert sorted(re.findall(r'width:20.00%">(\w+)<', strip)) == ["day", "dusk", "fog", "night", "rain"]
    assert "<caption>Frames by condition</caption>" in text and "<caption>By size</caption>" in text
    assert re.search(r"<b>\d</b>&ensp;0:0\d\.\d\d \S+ frame \d+, (night|fog)<br>", text)
    assert count["image"] >= 3 and 'class="seen"' in text


@pytest.mark.parametrize("width", [400, 900, 1600])
def test_nothing_is_wider_than_the_page_or_cut(video_report, classes_report, comparison_report, conditions_report, width):
    for folder in (video_report, classes_report, comparison_report, conditions_report):
        assert overflows(folder / "report.html", folder, width) == "0 "


@pytest.mark.parametrize("width", [600, 900, 1600])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_screenshot_is_not_empty(conditions_report, scheme, width, tmp_path):
    shot = tmp_path / "shot.png"
    browse(conditions_report / "report.html", tmp_path / "profile", f"--screenshot={shot}",
           f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}", width=width)
    cv2 = pytest.importorskip("cv2")
    pixels = cv2.imread(str(shot))
    ground = pixels[5, 5].mean()
    assert ground < 60 if scheme == "dark" else ground > 200
    assert pixels.std() > 10 and pixels.shape[1] == width


def test_paper_is_light(video_report, tmp_path):
    page = tmp_path / "report.pdf"
    browse(video_report / "report.html", tmp_path / "profile", f"--print-to-pdf={page}", "--no-pdf-header-footer",
           "--blink-settings=preferredColorScheme=0")
    assert page.read_bytes().startswith(b"%PDF") and len(page.read_bytes()) > 50_000


def test_hostile_names(assay, tmp_path):
    name = "<img src=x onerror=alert(1)>\"'&"
    truth = {"images": [{"id": 1, "file_name": name, "width": 64, "height": 48}], "categories": [{"id": 1, "name": name}],
             "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 10, 10]}]}
    folder = tmp_path / "<b>"
    folder.mkdir()
    (folder / "t.json").write_text(json.dumps(truth))
    (folder / "d.json").write_text(json.dumps([{"image_id": 1, "category_id": 1, "bbox": [30, 30, 9, 9], "score": 0.9}]))
    page = tmp_path / "report.html"
    assay.ok("evaluate", "--truth", folder / "t.json", "--detections", folder / "d.json", "--report", page)
    text, count = read(page)
    assert "img" not in count and "&lt;img src=x" in text
    assert "onerror" not in browse(page, tmp_path / "profile", "--dump-dom").replace("&lt;img src=x onerror", "")


def test_no_data_is_said(assay, tmp_path):
    (tmp_path / "t.json").write_text(json.dumps({"images": [{"id": 1}], "categories": [{"id": 1, "name": "a"}], "annotations": []}))
    (tmp_path / "d.json").write_text("[]")
    page = tmp_path / "report.html"
    assay.ok("evaluate", "--truth", tmp_path / "t.json", "--detections", tmp_path / "d.json", "--report", page)
    text, _ = read(page)
    assert text.count("no data") >= 5 and "94.2" not in text


def test_refusals(assay, data, tmp_path):
    case = data / "detection/bdd100k_8videos"
    given = ["evaluate", "--truth", case / "gt.json", "--detections", case / "dt.json"]
    assert ".html" in assay.refuses(*given, "--report", tmp_path / "report.pdf")
    assert "absent" in assay.refuses(*given, "--report", tmp_path / "absent/report.html")
    # Pictures that cannot be had are no reason to lose the report.
    done = assay.ok(*given, "--report", tmp_path / "report.html", "--source", tmp_path / "absent.mp4")
    assert "absent.mp4" in done.stderr
    assert "Pictures are missing" in (tmp_path / "report.html").read_text()


def test_events(assay, tmp_path):
    truth, found, page = tmp_path / "t.csv", tmp_path / "d.csv", tmp_path / "e.html"
    truth.write_text("time_ms,label\n100,door <b>\n500,door <b>\n")
    found.write_text("time_ms,label,confidence\n120,door <b>,0.9\n900,door <b>,0.8\n")
    given = ["evaluate", "--events", "--truth", truth, "--detections", found]
    assay.ok(*given, "--report", page, "--json", tmp_path / "e.json")
    text, _ = read(page)
    overall = json.loads((tmp_path / "e.json").read_text())["temporal"]["overall"]
    row = rows_of(text, "events")[0]
    assert row[:4] == ["all", "2", "2", "1"] and row[7:] == [f"{overall[k]:.3f}" for k in ("precision", "recall", "f1")]
    assert rows_of(text, "time")[0][1] == "+20" and "IoU" not in text
    assert "--profile" in assay.refuses(*given, "--profile", "default")
    assert "--tracking" in assay.refuses(*given, "--tracking")
