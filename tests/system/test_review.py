"""The review page in Debian's Chromium against the real server: web/tests/review."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest
import review_data
from server import Server

WEB = pathlib.Path(__file__).resolve().parent.parent.parent / "web"


@pytest.fixture(scope="module")
def made(assay, tmp_path_factory):
    if not (WEB / "node_modules/playwright-core").exists() or not shutil.which("chromium"):
        pytest.skip("the page's tests need web/node_modules (npm ci) and chromium")
    root = tmp_path_factory.mktemp("review")
    clips = {}
    with Server(assay, root / "data") as s:
        if s.get("/").status == 404:
            pytest.skip("this program was built without its page")
        project = s.project("Review")
        for name, shape in review_data.SHAPES.items():
            frames = 300 if name in ("even", "uneven") else 60
            video = s.video(project, review_data.clip(root / f"{name}.mp4", frames, name))
            known = s.video_known(video)
            unit = shape.get("unit", 1)
            assert (known["frames"], known["is_variable"], known["rotation"]) == (frames, name == "uneven", shape.get("rotate", 0))
            assert (known["width"], known["height"]) == (640 * unit, shape.get("height", 360) * unit)
            assert known["is_playable"] == (name != "foreign")
            if name == "foreign":
                s.wait_for(f"/api/v1/videos/{video}", lambda v: v["has_preview"])
            times = review_data.times_of(s, video)
            assert len(times) == frames
            clips[name] = {"video": video, "frames": frames, "times": times, "width": known["width"], "height": known["height"], "unit": unit}
    for name, c in clips.items():
        rows = review_data.marked_frames(c.pop("times"), c["unit"])
        c["session"] = review_data.add_session(root / "data", project, c["video"], rows, ["person", "car"], name)
    clips["10000"] = {"video": clips["even"]["video"], "frames": 300,
                      "session": review_data.add_session(root / "data", project, clips["even"]["video"],
                                                         review_data.many_frames(10_000, 300), ["person", "car", "dog"], "10,000 objects")}
    with Server(assay, root / "data") as s:
        file = root / "made.json"
        file.write_text(json.dumps({"url": s.url, "project": project, "clips": clips}))
        yield file


def run(made, test):
    done = subprocess.run(["npx", "vitest", "run", "--config", "vitest.page.config.ts", f"tests/review/{test}.test.ts"], cwd=WEB,
                          env={**os.environ, "ASSAY_REVIEW": str(made), "CHROMIUM": shutil.which("chromium")}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=400)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_overlay_is_of_the_pictures_frame(made):
    run(made, "frames")


def test_the_overlay_is_over_the_picture_at_every_size_and_turn(made):
    run(made, "shapes")


def test_truth_is_edited_by_two_and_nothing_is_lost(made):
    run(made, "editing")


def test_many_objects_are_listed_and_filtered(made):
    run(made, "sizes")
