#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Draws labelled clips with `assay synth` and keeps their frames, scaled, for train.py.

Clip K has seed FIRST_SEED + K, so seeds below FIRST_SEED are never trained on. A clip is drawn, encoded and decoded
again: the model sees what a codec leaves of a picture, as it will in use. Two files a clip, in one directory:
K.rgb (frames of HEIGHT x WIDTH x 3 bytes) and K.npy (an object a row: frame, class, x, y, w, h in pixels of K.rgb,
1 where it is ignored). A clip that is there already is not made again, so the work may be stopped at any time.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import numpy

FIRST_SEED = 100000
WIDTH, HEIGHT = 640, 360  # half of the clip's 1280 x 720
SECONDS, FPS = 25, 1      # five places, one of each condition, and five frames of each
FRAMES = SECONDS * FPS
DENSITIES = (1, 0.8, 1.3, 1.6)


def read_truth(path):
    truth = json.loads(path.read_text())
    frames = {image["id"]: image["frame"] for image in truth["images"]}
    labels = {category["id"]: i for i, category in enumerate(sorted(truth["categories"], key=lambda c: c["id"]))}
    rows = [[frames[a["image_id"]], labels[a["category_id"]], *(side / 2 for side in a["bbox"]), a["ignore"]]
            for a in truth["annotations"]]
    return numpy.array(rows, numpy.float32).reshape(-1, 7)


def make_clip(assay, out, k):
    if (out / f"{k}.npy").exists():
        return
    with tempfile.TemporaryDirectory(dir=out) as work:
        work = pathlib.Path(work)
        subprocess.run([assay, "synth", "--out", work / "clip", "--seed", str(FIRST_SEED + k), "--seconds", str(SECONDS),
                        "--fps", str(FPS), "--density", str(DENSITIES[k % len(DENSITIES)])],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Halving by "area" is the mean of four pixels, as the letterbox's bilinear halving is.
        subprocess.run(["ffmpeg", "-v", "error", "-threads", "1", "-i", work / "clip/clip.mp4", "-vf",
                        f"scale={WIDTH}:{HEIGHT}:flags=area+accurate_rnd+full_chroma_int", "-pix_fmt", "rgb24", "-f",
                        "rawvideo", work / "frames.rgb"], check=True, stdin=subprocess.DEVNULL)
        assert (work / "frames.rgb").stat().st_size == FRAMES * HEIGHT * WIDTH * 3
        shutil.move(work / "frames.rgb", out / f"{k}.rgb")
        numpy.save(work / "truth.npy", read_truth(work / "clip/truth.coco.json"))
        shutil.move(work / "truth.npy", out / f"{k}.npy")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assay", default="build/src/app/assay")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--clips", type=int, default=640, help="of 25 frames (17 MB) each [640]")
    o = parser.parse_args()
    o.out.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for n, _ in enumerate(pool.map(lambda k: make_clip(os.path.abspath(o.assay), o.out, k), range(o.clips)), 1):
            if n % 20 == 0:
                print(f"{n} of {o.clips} clips", flush=True)


if __name__ == "__main__":
    main()
