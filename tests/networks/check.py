#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The native engine against ONNX Runtime on networks of yolo.py, over random pictures.

    check.py HEAD_OUTPUTS NAME [LIMIT]    one network: outputs within LIMIT (1e-4) of each other
    check.py --counts                     the structures against their published numbers of parameters
    check.py --write FOLDER [NAME ...]    the files, to look at or to run by hand

HEAD_OUTPUTS is the program of tests/flow. A distance is measured in a number's own size where that is above 1, else in 1.
Rows that the graph chose among all boxes (v10) may change places where two confidences nearly are one; so all boxes go out
as well and are compared, and the rows of each engine must be exactly those that belong to its own boxes. Exit status 77:
no numpy or no ONNX Runtime.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

try:
    import numpy as np
except ImportError:
    print("numpy is absent")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import yolo  # noqa: E402

SIDE, N_PICTURES = 160, 2


def picture(seed):
    """A PNG of blots of random colours under noise."""
    rng = np.random.default_rng(seed)
    small = rng.random((SIDE // 16, SIDE // 16, 3)).repeat(16, 0).repeat(16, 1)
    pixels = np.clip(small * 200 + rng.normal(27, 20, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def outputs(folder, listed):
    return [np.fromfile(folder / t["file"], "<f4").reshape(t["dims"]) for t in listed]


def run(program, folder, model, seed):
    (folder / "picture.png").write_bytes(picture(seed))
    done = subprocess.run([program, model, folder / "picture.png", folder], capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr)
        sys.exit(done.returncode)
    tensors = json.loads((folder / "tensors.json").read_text())
    return outputs(folder, tensors["native"]), outputs(folder, tensors["onnxruntime"])


def distance(ours, theirs):
    assert ours.shape == theirs.shape and np.isfinite(ours).all(), "shapes differ, or not all is finite"
    return float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1)).max())


def chosen(columns, k):
    """The rows that belong to (1, 4+classes, n): the k anchors with the best class, of these the k best of all classes."""
    rows = columns[0].T
    boxes, scores = rows[:, :4], rows[:, 4:]
    first = np.argsort(-scores.max(1), kind="stable")[:k]
    flat = scores[first].ravel()
    best = np.argsort(-flat, kind="stable")[:k]
    row, kind = best // scores.shape[1], best % scores.shape[1]
    return np.concatenate([boxes[first][row], flat[best][:, None], kind[:, None]], 1)[None].astype(np.float32)


def check_rows(name, engine, rows, columns):
    if not np.array_equal(rows, chosen(columns, rows.shape[1])):
        print(f"{name}: {engine}'s rows are not those of its boxes")
        return False
    return True


def check(program, name, limit):
    worst, good = 0, True
    with tempfile.TemporaryDirectory() as room:
        folder = pathlib.Path(room)
        model = folder / f"{name}.onnx"
        model.write_bytes(yolo.NETWORKS[name].file(SIDE))
        for seed in range(N_PICTURES):
            ours, theirs = run(program, folder, model, seed)
            if yolo.NETWORKS[name].head == "end-to-end":
                good &= check_rows(name, "the native engine", *ours) and check_rows(name, "ONNX Runtime", *theirs)
                ours, theirs = ours[1:], theirs[1:]
            assert max(np.abs(t).max() for t in theirs) < 1e5 and min(t.std() for t in theirs) > 1e-3, "outputs say nothing"
            worst = max([worst] + [distance(a, b) for a, b in zip(ours, theirs)])
    print(f"{name}: {worst:.2g} over {N_PICTURES} pictures, at most {limit:g}")
    return good and worst <= limit


def counts():
    good = True
    for name, network in yolo.NETWORKS.items():
        if network.published:
            found, known = network.counts(), network.published[1:]
            good &= all(k in (None, f) for f, k in zip(found, known))
            print(f"{name}: {found[0]} parameters as trained, {found[1]} as exported; published {known[0] or known[1]}")
    return good


def main(arguments):
    if arguments[0] == "--counts":
        return counts()
    if arguments[0] == "--write":
        for name in arguments[2:] or yolo.NETWORKS:
            (pathlib.Path(arguments[1]) / f"{name}.onnx").write_bytes(yolo.NETWORKS[name].file(SIDE))
        return True
    return check(arguments[0], arguments[1], float(arguments[2]) if len(arguments) > 2 else 1e-4)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
