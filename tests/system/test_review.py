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
        for name in ("even", "uneven"):
            video = s.video(project, review_data.clip(root / f"{name}.mp4", is_variable=name == "uneven"))
            known = s.video_known(video)
            assert (known["frames"], known["is_variable"], known["is_playable"]) == (300, name == "uneven", True)
            times = review_data.times_of(s, video)
            assert len(times) == 300
            clips[name] = {"video": video, "frames": 300, "times": times}
    for name, c in clips.items():
        c["session"] = review_data.add_session(root / "data", project, c["video"], review_data.marked_frames(c.pop("times")), ["person", "car"], name)
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


def test_truth_is_edited_by_two_and_nothing_is_lost(made):
    run(made, "editing")


def test_many_objects_are_listed_and_filtered(made):
    run(made, "sizes")
