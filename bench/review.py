#!/usr/bin/python3
"""How quick and how large the review page is with 10,000, 100,000 and 1,000,000 objects in one video of 20,000 frames.

    bench/review.py [FOLDER [OBJECTS...]]   needs web/node_modules (npm ci), chromium and ffmpeg; FOLDER keeps what was made;
                                            OBJECTS: only these sizes (10000 100000 1000000), so that each run is short

Prints what web/tests/review/sizes.test.ts reads from the browser. ASSAY_REVIEW_LIMITS=1 makes passing a limit an error.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/system"))
import review_data  # noqa: E402
from conftest import Assay  # noqa: E402
from server import Server  # noqa: E402

FRAMES = 20_000
SIZES = (10_000, 100_000, 1_000_000)


def make(assay, root):
    file = root / "made.json"
    if file.exists():
        return file
    clip = root / "long.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-frames:v", str(FRAMES), "-c:v", "libx264",
                    "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p", clip], check=True)
    with Server(assay, root / "data") as s:
        project = s.project("Bench")
        video = s.video(project, clip)
        assert s.wait_for(f"/api/v1/videos/{video}", lambda v: v["status"] != "uploaded", 600)["frames"] == FRAMES
    labels = ["person", "car", "dog"]
    sessions = {"empty": review_data.add_session(root / "data", project, video, ((n, n * 40000, []) for n in range(FRAMES)), labels)}
    for n in SIZES:
        sessions[str(n)] = review_data.add_session(root / "data", project, video, review_data.many_frames(n, FRAMES), labels)
    file.write_text(json.dumps({"project": project, "clips": {k: {"video": video, "session": v, "frames": FRAMES} for k, v in sessions.items()}}))
    return file


def measure(assay, root, sizes=()):
    file = make(assay, root)
    with Server(assay, root / "data") as s:
        made = json.loads(file.read_text())
        if sizes:
            made["clips"] = {k: v for k, v in made["clips"].items() if k == "empty" or k in sizes}
        made["url"] = s.url
        now = root / "now.json"
        now.write_text(json.dumps(made))
        return subprocess.run(["npx", "vitest", "run", "--config", "vitest.page.config.ts", "tests/review/sizes.test.ts"], cwd=ROOT / "web",
                              env={**os.environ, "ASSAY_REVIEW": str(now)}).returncode


def main():
    assay = Assay(str(ROOT / "build/src/app/assay"))
    if len(sys.argv) > 1:
        root = pathlib.Path(sys.argv[1])
        root.mkdir(parents=True, exist_ok=True)
        return measure(assay, root, sys.argv[2:])
    with tempfile.TemporaryDirectory() as folder:
        return measure(assay, pathlib.Path(folder))


if __name__ == "__main__":
    sys.exit(main())
