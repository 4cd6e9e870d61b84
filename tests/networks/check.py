#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The native engine against ONNX Runtime on networks of yolo.py, over random pictures.

    check.py HEAD_OUTPUTS NAME [LIMIT]    one network: outputs within LIMIT (1e-4) of each other
    check.py HEAD_OUTPUTS NAME halves     its file in float16 against floats of the same values: the outputs' own rounding
    check.py HEAD_OUTPUTS NAME dynamic    dynamically quantised against floats of the same weights, within 1e-4
    check.py HEAD_OUTPUTS NAME bf16       in that precision: the boxes that fp32 is sure of are there
    check.py HEAD_OUTPUTS NAME int8 ASSAY likewise, calibrated by that program
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


def run(program, folder, model, seed, precision="fp32", reference=None):
    (folder / "picture.png").write_bytes(picture(seed))
    command = [program, model, folder / "picture.png", folder, precision, reference or model]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
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


# --- other files, other precisions

LIMITS = {"halves": 2.0 ** -11 + 1e-4, "dynamic": 1e-4}
REFERENCES = {"halves": "rounded", "dynamic": "widened"}
# Of the boxes that fp32 is sure of, those that are there, in the same place, as sure of that class.
AGREEMENT = {"bf16": 0.97, "int8": 0.9}
SURE = {"yolov5": 0.05}  # a product of two; others 0.3


def check_file(program, name, numbers):
    """A file of other numbers: the native engine on it, ONNX Runtime on floats of the same values; and that ONNX Runtime takes it."""
    worst, network = 0, yolo.NETWORKS[name]
    with tempfile.TemporaryDirectory() as room:
        folder = pathlib.Path(room)
        model, reference = folder / f"{name}.onnx", folder / "reference.onnx"
        model.write_bytes(network.file(SIDE, numbers=numbers))
        reference.write_bytes(network.file(SIDE, numbers=REFERENCES[numbers]))
        run(program, folder, model, 0)
        for seed in range(N_PICTURES):
            ours, theirs = run(program, folder, model, seed, "fp32", reference)
            if network.head == "end-to-end":  # of equal halves either may be chosen
                ours, theirs = ours[1:], theirs[1:]
            worst = max([worst] + [distance(a, b) for a, b in zip(ours, theirs)])
    print(f"{name}, {numbers}: {worst:.2g} over {N_PICTURES} pictures, at most {LIMITS[numbers]:.2g}")
    return worst <= LIMITS[numbers]


def boxes_of(network, outputs):
    """Corners, a pixel outside, and confidences of all boxes: random heads make boxes of less than one."""
    rows = outputs[-1][0] if network.head == "yolov5" else outputs[-1][0].T
    scores = rows[:, 5:] * rows[:, 4:5] if network.head == "yolov5" else rows[:, 4:]
    middle, size = rows[:, :2], rows[:, 2:4]
    if network.head == "end-to-end":
        middle, size = (rows[:, :2] + rows[:, 2:4]) / 2, rows[:, 2:4] - rows[:, :2]
    return np.concatenate((middle - size / 2 - 1, middle + size / 2 + 1), 1), scores


def overlap(a, b):
    sides = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None)
    both = sides.prod(1)
    return both / ((a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - both)


def check_precision(program, name, precision, assay):
    kept, network = [], yolo.NETWORKS[name]
    with tempfile.TemporaryDirectory() as room:
        folder = pathlib.Path(room)
        model, frames = folder / f"{name}.onnx", folder / "frames"
        model.write_bytes(network.file(SIDE))
        if precision == "int8":
            frames.mkdir()
            for seed in range(10, 14):
                (frames / f"{seed}.png").write_bytes(picture(seed))
            subprocess.run([assay, "model", "quantize", model, "--calibrate", frames, "--max-loss", "1"], check=True,
                           stdout=subprocess.DEVNULL)
        for seed in range(N_PICTURES):
            ours, theirs = run(program, folder, model, seed, precision)
            assert all(np.isfinite(a).all() for a in ours), "not all is finite"
            (box, scores), (true_box, true_scores) = boxes_of(network, ours), boxes_of(network, theirs)
            kind, true_sure = true_scores.argmax(1, keepdims=True), true_scores.max(1)
            off = np.abs(np.take_along_axis(scores, kind, 1)[:, 0] - true_sure)
            near = (overlap(box, true_box) > 0.5) & (off < 0.1 + 0.1 * true_sure)
            kept.append(near[true_sure > SURE.get(network.head, 0.3)])
    kept = np.concatenate(kept)
    print(f"{name}, {precision}: {kept.mean():.3f} of {kept.size} boxes, at least {AGREEMENT[precision]}")
    return kept.size >= 10 and kept.mean() >= AGREEMENT[precision]


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
    if arguments[2:] and arguments[2] in LIMITS:
        return check_file(*arguments[:3])
    if arguments[2:] and arguments[2] in AGREEMENT:
        return check_precision(*arguments[:3], arguments[3] if arguments[3:] else None)
    return check(arguments[0], arguments[1], float(arguments[2]) if len(arguments) > 2 else 1e-4)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
