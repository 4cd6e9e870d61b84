#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who is nearer to the truth: both engines' outputs against the network computed in float64.

    exact.py HEAD_OUTPUTS MODEL.onnx SOURCE [LIMIT]

HEAD_OUTPUTS (built from head_outputs.c) runs the first picture of SOURCE in both engines and leaves input and outputs in
a folder; this computes the same ONNX file operator by operator in double precision, rounding nowhere, and prints each
engine's distances from it. Paths may be relative to ASSAY_TEST_DATA. A distance is measured in a number's own size where
that is above 1, else in 1. With LIMIT the native engine's worst one must not be above it; 77 as exit status: no numpy, no
data or no ONNX Runtime. Quantised files are computed with their weights as they are and activations that are not rounded:
that is what we do, and ONNX Runtime does not.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("numpy is absent")
    sys.exit(77)

TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}


# --- the file

def fields(data):
    """(number, value) of a protobuf message: integers, or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            n = varint() if key & 7 == 2 else 4 if key & 7 == 5 else 8
            yield key >> 3, data[at:at + n]
            at += n


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def numbers(values):
    """Repeated integers, packed or not."""
    found = []
    for value in values:
        if isinstance(value, int):
            found.append(signed(value))
        else:
            found += [signed(v) for _, v in fields(b"".join(b"\0" + part for part in split_varints(value)))]
    return found


def split_varints(data):
    start = 0
    for at, byte in enumerate(data):
        if byte < 128:
            yield data[start:at + 1]
            start = at + 1


def tensor(data):
    parts = {}
    for number, value in fields(data):
        parts.setdefault(number, []).append(value)
    kind = TYPES[parts[2][0]]
    dims = numbers(parts.get(1, []))
    if 9 in parts:
        a = np.frombuffer(parts[9][0], kind)
    elif 4 in parts:
        a = np.frombuffer(b"".join(parts[4]), np.float32)
    elif kind is np.float16:
        a = np.array(numbers(parts[5]), np.uint16).view(np.float16)
    else:
        a = np.array(numbers(parts.get(5, parts.get(7, []))), kind)
    a = a.reshape(dims)
    name = parts.get(8, [b""])[0].decode()
    return name, a.astype(np.float64) if a.dtype.kind == "f" else a


def attribute(data):
    name, value, lists = "", None, {7: [], 8: []}
    for number, v in fields(data):
        if number == 1:
            name = v.decode()
        elif number == 2:
            value = struct.unpack("<f", v)[0]
        elif number == 3:
            value = signed(v)
        elif number == 4:
            value = v.decode()
        elif number == 5:
            value = tensor(v)[1]
        elif number == 7:
            lists[7] += struct.unpack(f"<{len(v) // 4}f", v)
        elif number == 8:
            lists[8] += numbers([v])
    return name, lists[7] or lists[8] or value


def node(data):
    n = {1: [], 2: [], 4: [b""], 5: []}
    for number, value in fields(data):
        n.setdefault(number, []).append(value)
    return n[4][-1].decode(), [v.decode() for v in n[1]], [v.decode() for v in n[2]], dict(attribute(a) for a in n[5])


def read(path):
    graph = next(v for number, v in fields(pathlib.Path(path).read_bytes()) if number == 7)
    nodes, constants, inputs, outputs = [], {}, [], []
    for number, value in fields(graph):
        if number == 1:
            nodes.append(node(value))
        elif number == 5:
            name, a = tensor(value)
            constants[name] = a
        elif number in (11, 12):
            (inputs if number == 11 else outputs).append(next(v for n, v in fields(value) if n == 1).decode())
    return nodes, constants, [i for i in inputs if i not in constants], outputs


# --- operators

def pads(a, rank=2):
    return a.get("pads") or [0] * (2 * rank)


def windows(x, kernel, strides, pad, dilations, fill, ceil=0):
    """(kernel row, kernel column, picture at that place) of every place of a kernel."""
    size = []
    for d in range(2):
        room = x.shape[2 + d] + pad[d] + pad[d + 2] - dilations[d] * (kernel[d] - 1) - 1
        n = (-(-room // strides[d]) if ceil else room // strides[d]) + 1
        size.append(n)
    extra = [max(0, (size[d] - 1) * strides[d] + dilations[d] * (kernel[d] - 1) + 1 - x.shape[2 + d] - pad[d] - pad[d + 2])
             for d in range(2)]
    x = np.pad(x, ((0, 0), (0, 0), (pad[0], pad[2] + extra[0]), (pad[1], pad[3] + extra[1])), constant_values=fill)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * dilations[0], j * dilations[1]
            yield i, j, x[:, :, top:top + (size[0] - 1) * strides[0] + 1:strides[0],
                          left:left + (size[1] - 1) * strides[1] + 1:strides[1]]


def conv(a, x, w, b=None):
    assert a.get("auto_pad", "NOTSET") == "NOTSET"
    groups = a.get("group", 1)
    out = 0
    for i, j, part in windows(x, w.shape[2:], a.get("strides", [1, 1]), pads(a), a.get("dilations", [1, 1]), 0.0):
        n, c, h, width = part.shape
        part = part.reshape(n, groups, c // groups, h * width)
        k = w[:, :, i, j].reshape(groups, w.shape[0] // groups, c // groups)
        out = out + (k[None] @ part if c > groups else k[None] * part)
    out = out.reshape(n, w.shape[0], h, width)
    return out if b is None else out + b.reshape(1, -1, 1, 1)


def pool(a, x, kind):
    assert a.get("auto_pad", "NOTSET") == "NOTSET"
    fill = -np.inf if kind == "max" else 0.0
    ways = (a["kernel_shape"], a.get("strides", [1, 1]), pads(a), a.get("dilations", [1, 1]))
    parts = [p for _, _, p in windows(x, *ways, fill, a.get("ceil_mode", 0))]
    if kind == "max":
        return np.maximum.reduce(parts)
    ones = np.ones_like(x[:1, :1])
    if a.get("count_include_pad", 0):
        return sum(parts) / len(parts)
    return sum(parts) / sum(p for _, _, p in windows(ones, *ways, 0.0, a.get("ceil_mode", 0)))


def resize(a, x, roi=None, scales=None, sizes=None):
    how = a.get("coordinate_transformation_mode", "half_pixel")
    for axis in (2, 3):
        n = x.shape[axis]
        m = int(sizes[axis]) if sizes is not None and sizes.size else int(np.floor(n * scales[axis]))
        scale = m / n if sizes is not None and sizes.size else scales[axis]
        at = np.arange(m)
        if how == "asymmetric":
            at = at / scale
        elif how == "align_corners":
            at = at * (n - 1) / max(m - 1, 1)
        else:
            assert how in ("half_pixel", "pytorch_half_pixel"), how
            at = (at + 0.5) / scale - 0.5 if m > 1 or how == "half_pixel" else 0 * at
        if a.get("mode", "nearest") == "nearest":
            way = a.get("nearest_mode", "round_prefer_floor")
            at = np.floor(at) if way == "floor" else np.ceil(at) if way == "ceil" else \
                np.ceil(at - 0.5) if way == "round_prefer_floor" else np.floor(at + 0.5)
            x = np.take(x, np.clip(at, 0, n - 1).astype(int), axis)
        else:
            at = np.clip(at, 0, n - 1)
            low = np.floor(at).astype(int)
            share = (at - low).reshape([-1 if d == axis else 1 for d in range(4)])
            x = np.take(x, low, axis) * (1 - share) + np.take(x, np.minimum(low + 1, n - 1), axis) * share
    return x


def cut(a, x, starts=None, ends=None, axes=None, steps=None):
    starts = a.get("starts") if starts is None else starts
    ends = a.get("ends") if ends is None else ends
    axes = a.get("axes", range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    where = [slice(None)] * x.ndim
    for s, e, axis, step in zip(starts, ends, axes, steps):
        where[int(axis)] = slice(int(s), int(min(e, 1 << 60)), int(step))
    return x[tuple(where)]


def split(a, x, sizes=None, n=None):
    sizes = a.get("split") if sizes is None else sizes
    axis = a.get("axis", 0)
    if sizes is None:
        return np.split(x, n, axis)
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def reshape(x, shape):
    return x.reshape([x.shape[i] if d == 0 else int(d) for i, d in enumerate(shape)])


def softmax(a, x, opset_axis=-1):
    axis = a.get("axis", opset_axis)
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def unsqueeze(a, x, axes=None):
    for axis in sorted(a.get("axes") if axes is None else axes):
        x = np.expand_dims(x, int(axis))
    return x


def divide(x, y):
    return x // y if x.dtype.kind == "i" else x / y


def pad_op(a, x, amounts=None, value=0.0):
    amounts = a.get("pads") if amounts is None else amounts
    n = x.ndim
    return np.pad(x, [(int(amounts[d]), int(amounts[d + n])) for d in range(n)], constant_values=value)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


OPERATORS = {
    "Add": lambda a, x, y: x + y,
    "AveragePool": lambda a, x: pool(a, x, "average"),
    "Cast": lambda a, x: x.astype(np.float64 if a["to"] in (1, 10, 11) else TYPES[a["to"]]),
    "Clip": lambda a, x, low=None, high=None: np.clip(x, a.get("min", -np.inf) if low is None else low,
                                                      a.get("max", np.inf) if high is None else high),
    "Concat": lambda a, *x: np.concatenate(x, a["axis"]),
    "Constant": lambda a: a["value"],
    "Conv": conv,
    "ConvInteger": lambda a, x, w, x_zero=0, w_zero=0: conv(a, x - x_zero, w.astype(np.float64) - w_zero),
    "Div": lambda a, x, y: divide(x, y),
    "DynamicQuantizeLinear": lambda a, x: (x, np.float64(1), np.float64(0)),  # without its rounding, as we do
    "Floor": lambda a, x: np.floor(x),
    "Gather": lambda a, x, i: np.take(x, i, a.get("axis", 0)),
    "GlobalAveragePool": lambda a, x: x.mean((2, 3), keepdims=True),
    "HardSigmoid": lambda a, x: np.clip(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1),
    "LeakyRelu": lambda a, x: np.where(x < 0, a.get("alpha", 0.01) * x, x),
    "MatMul": lambda a, x, y: x @ y,
    "MaxPool": lambda a, x: pool(a, x, "max"),
    "Mul": lambda a, x, y: x * y,
    "Pad": pad_op,
    "Pow": lambda a, x, y: x ** y,
    "Relu": lambda a, x: np.maximum(x, 0),
    "Reshape": lambda a, x, shape: reshape(x, shape),
    "Resize": resize,
    "Shape": lambda a, x: np.array(x.shape, np.int64),
    "Sigmoid": lambda a, x: sigmoid(x),
    "Slice": cut,
    "Softmax": softmax,
    "Sub": lambda a, x, y: x - y,
    "Transpose": lambda a, x: np.transpose(x, a["perm"]),
    "Unsqueeze": unsqueeze,
}


def compute(path, picture):
    nodes, values, inputs, outputs = read(path)
    values[inputs[0]] = picture.astype(np.float64)
    last = {name: i for i, n in enumerate(nodes) for name in n[1]}
    for i, (op, names, made, attributes) in enumerate(nodes):
        arguments = [values[n] if n else None for n in names]
        if op == "Split":
            results = split(attributes, *arguments, n=len(made))
        else:
            results = OPERATORS[op](attributes, *arguments)
            results = results if isinstance(results, tuple) else [results]
        values.update(zip(made, results))
        for n in names:
            if n and last[n] == i and n not in outputs:
                values.pop(n, None)
    return [values[o] for o in outputs]


# --- the engines

def load(folder, about):
    return np.fromfile(folder / about["file"], np.float32).reshape(about["dims"])


def distances(a, truth):
    far = np.abs(a.astype(np.float64) - truth)
    return (far / np.maximum(1, np.abs(truth))).max(), np.sqrt((far ** 2).mean()), far.max()


def main():
    tool = sys.argv[1]
    model, source = (os.path.join(os.environ.get("ASSAY_TEST_DATA", ""), name) for name in sys.argv[2:4])
    limit = float(sys.argv[4]) if len(sys.argv) > 4 else None
    if not pathlib.Path(source).exists() or not pathlib.Path(model).exists():
        print("no test data")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        status = subprocess.run([tool, model, source, str(folder)]).returncode
        if status:
            return status
        made = json.loads((folder / "tensors.json").read_text())
        truth = compute(model, load(folder, made["input"]))
        worst = 0
        print(f"{pathlib.Path(model).name}, {pathlib.Path(source).name}: worst of a number's size or 1 (root of the mean square, worst)")
        for i, exact in enumerate(truth):
            parts = []
            ours = load(folder, made["native"][i])
            theirs = load(folder, made["onnxruntime"][i])
            for name, a, against in (("native", ours, exact), ("ONNX Runtime", theirs, exact),
                                     ("one from the other", ours, theirs.astype(np.float64))):
                far = distances(a, against)
                parts.append(f"{name} {far[0]:.2g} ({far[1]:.2g}, {far[2]:.2g})")
                worst = max(worst, far[0]) if name == "native" else worst
            print(f"  output {i}, up to {np.abs(exact).max():.4g}: " + "; ".join(parts))
    return 0 if limit is None or worst <= limit else f"the native engine is {worst:.3g} from the truth, more than {limit:g}"


if __name__ == "__main__":
    sys.exit(main())
