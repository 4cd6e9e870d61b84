# SPDX-License-Identifier: Apache-2.0
"""net.py - ONNX files written operator by operator, with random weights: what the structures of yolo.py are made of.

A Net knows the shape of every value, so that a structure reads like its published description. Convolutions count their
parameters twice: as trained (a batch norm's scale and offset a channel) and as exported (joined, one bias a channel), to be
held against published numbers.
"""
import struct

import numpy as np

FLOAT, UINT8, INT8, INT64, BOOL, HALF = 1, 2, 3, 7, 9, 10
# Mean squares behind an activation of normally distributed numbers.
SQUARE = {"silu": 0.355, "leaky": 0.505, None: 1.0}


# --- protobuf

def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_int(number, value):
    return varint(number << 3) + varint(value)


def put(number, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(array, name=""):
    kind = {"f": FLOAT, "i": INT64, "b": BOOL, "u": UINT8}[array.dtype.kind]
    kind = {np.dtype(np.float16): HALF, np.dtype(np.int8): INT8}.get(array.dtype, kind)
    array = array.astype({FLOAT: "<f4", INT64: "<i8", BOOL: "?", UINT8: "u1", INT8: "i1", HALF: "<f2"}[kind])
    return b"".join(put_int(1, d) for d in array.shape) + put_int(2, kind) + put(8, name) + put(9, array.tobytes())


def attribute(name, value):
    data = put(1, name)
    if isinstance(value, float):
        return data + varint(2 << 3 | 5) + struct.pack("<f", value) + put_int(20, 1)
    if isinstance(value, int):
        return data + put_int(3, value) + put_int(20, 2)
    if isinstance(value, str):
        return data + put(4, value) + put_int(20, 3)
    if isinstance(value, np.ndarray):
        return data + put(5, tensor(value)) + put_int(20, 4)
    return data + b"".join(put_int(8, v) for v in value) + put_int(20, 7)


def value_info(name, shape, kind=FLOAT):
    dims = b"".join(put(1, put_int(1, d) if isinstance(d, int) else put(2, d)) for d in shape)
    return put(1, name) + put(2, put(1, put_int(1, kind) + put(2, dims)))


# --- networks

class Net:
    """Methods take names of values and return names; shape[name] is a tuple.

    square[name] is at most about the mean square of its numbers: weights are drawn so that sums of branches do not grow from
    block to block. numbers: floats; halves (a file in float16) and rounded (floats of the same values); dynamic (convolutions of
    bytes, scales found in the graph, as quantize_dynamic writes them) and widened (floats of the same weights). A random network whose every layer is scaled up to 1 enlarges each difference on the way, roundings like
    pictures, a thousandfold over the depth of these; a trained one does not.
    """

    def __init__(self, size, opset, *, seed=1, count_only=False, folded=True, metadata=None, producer="pytorch",
                 numbers="floats"):
        self.numbers = numbers
        self.float = HALF if numbers == "halves" else FLOAT
        self.quantised = {}  # values that were, and as what
        self.rng = np.random.default_rng(seed)
        self.opset, self.folded, self.count_only = opset, folded, count_only
        self.metadata, self.producer = metadata or {}, producer
        self.nodes, self.constants, self.outputs, self.renamed = [], [], [], {}
        self.shape = {"images": (1, 3, size, size)}
        self.kind = {"images": FLOAT}
        self.square = {"images": 0.3}
        self.n_names = self.n_trained = self.n_exported = 0

    def name(self, shape, kind=FLOAT, square=1.0):
        self.n_names += 1
        name = f"v{self.n_names}"
        self.square[name] = square
        self.shape[name], self.kind[name] = tuple(d if d == "k" else int(d) for d in shape), kind
        return name

    def node(self, op, inputs, *shapes, kind=FLOAT, domain="", **attributes):
        """Kinds of several outputs: a list."""
        kinds = kind if isinstance(kind, list) else [kind] * len(shapes)
        square = self.square[inputs[0]] if inputs else 1.0
        if op == "Add":
            square = sum(self.square[i] for i in inputs)
        elif op == "Concat":
            square = sum(self.square[i] for i in inputs) / len(inputs)
        outputs = [self.name(s, k, square) for s, k in zip(shapes, kinds)]
        data = put(3, f"{op}_{len(self.nodes)}") + put(4, op)
        data += b"".join(put(5, attribute(k, v)) for k, v in attributes.items() if v is not None)
        self.nodes.append((list(inputs), outputs, data + (put(7, domain) if domain else b"")))
        return outputs[0] if len(outputs) == 1 else list(outputs)

    def as_numbers(self, array):
        if self.numbers == "rounded":
            return array.astype(np.float16).astype(np.float32)
        return array.astype(np.float16) if self.numbers == "halves" else array

    def constant(self, array, kind=FLOAT):
        name = self.name(array.shape, kind)
        self.constants.append(put(5, tensor(array, name)))
        return name

    def weight(self, array):
        return self.constant(self.as_numbers(array))

    def known(self, values, always_floats=False):
        """A constant as exporters write it: an initializer where the file was simplified, else a node."""
        array = np.asarray(values)
        if array.dtype.kind == "f":
            array = array.astype(np.float32) if always_floats else self.as_numbers(array.astype(np.float32))
        kind = {"f": FLOAT, "i": INT64, "b": BOOL}[array.dtype.kind]
        if self.folded:
            return self.constant(array, kind)
        return self.node("Constant", [], array.shape, kind=kind, value=array)

    # --- layers

    def raw_conv(self, x, c2, k=1, s=1, p=None, g=1, *, bias=True, gain=1.0, offset=0.0, trained=None):
        n, c1, h, w = self.shape[x]
        p = k // 2 if p is None else p
        shape = (c2, c1 // g, k, k)
        count = int(np.prod(shape))
        self.n_trained += count + (c2 if trained is None else trained)
        self.n_exported += count + (c2 if bias else 0)
        out = (n, c2, (h + 2 * p - k) // s + 1, (w + 2 * p - k) // s + 1)
        if self.count_only:
            return self.name(out)
        weights = self.rng.standard_normal(shape, np.float32)
        weights -= weights.mean((1, 2, 3), keepdims=True)  # what all inputs have in common goes
        weights *= np.float32(gain / (c1 // g * k * k * self.square[x]) ** 0.5)
        biases = self.rng.standard_normal(c2, np.float32) * np.float32(0.1) + np.float32(offset) if bias else None
        how = {"dilations": [1, 1], "group": g, "kernel_shape": [k, k], "pads": [p] * 4, "strides": [s, s]}
        if self.numbers in ("dynamic", "widened"):
            x = self.byte_conv(x, weights, biases, out, how)
        else:
            inputs = [x, self.weight(weights)] + ([self.weight(biases)] if bias else [])
            x = self.node("Conv", inputs, out, **how)
        self.square[x] = gain * gain
        return x

    def byte_conv(self, x, weights, biases, out, how):
        """Weights as bytes around 128, one scale; what they multiply becomes bytes in the graph."""
        scale = np.float32(np.abs(weights).max() / 127)
        rounded = np.clip(np.rint(weights / scale) + 128, 0, 255).astype(np.uint8)
        if self.numbers == "widened":
            inputs = [x, self.constant((rounded.astype(np.float32) - 128) * scale)]
            return self.node("Conv", inputs + ([self.constant(biases)] if biases is not None else []), out, **how)
        if x not in self.quantised:
            self.quantised[x] = self.node("DynamicQuantizeLinear", [x], self.shape[x], (), (), kind=[UINT8, FLOAT, UINT8])
        small, x_scale, x_zero = self.quantised[x]
        zero = self.constant(np.uint8(128), UINT8)
        sums = self.node("ConvInteger", [small, self.constant(rounded, UINT8), x_zero, zero], out, **how)
        y = self.node("Cast", [sums], out, to=FLOAT)
        y = self.mul(y, self.mul(x_scale, self.constant(scale)))
        if biases is None:
            return y
        # quantize_dynamic leaves the new shape to the graph
        shape = self.constant(np.array([1, -1, 1, 1]), INT64)
        return self.add(y, self.node("Reshape", [self.constant(biases), shape], (1, len(biases), 1, 1)))

    def act(self, x, kind):
        if kind == "silu":
            x = self.mul(x, self.node("Sigmoid", [x], self.shape[x]))
        if kind == "leaky":
            x = self.node("LeakyRelu", [x], self.shape[x], alpha=0.1)
        self.square[x] = SQUARE[kind]
        return x

    def conv(self, x, c2, k=1, s=1, p=None, g=1, act="silu"):
        """Convolution and batch norm, joined as in every export, and the activation."""
        return self.act(self.raw_conv(x, c2, k, s, p, g, trained=2 * c2), act)

    def max_pool(self, x, k, s=1, p=None):
        n, c, h, w = self.shape[x]
        p = k // 2 if p is None else p
        out = (n, c, (h + 2 * p - k) // s + 1, (w + 2 * p - k) // s + 1)
        square = self.square[x]
        x = self.node("MaxPool", [x], out, ceil_mode=0, dilations=None if self.opset < 10 else [1, 1], kernel_shape=[k, k],
                      pads=[p] * 4, strides=[s, s])
        self.square[x] = square * (2 if k == 2 else 4)
        return x

    def average_pool(self, x, k, s=1):
        n, c, h, w = self.shape[x]
        if not self.folded:  # older exporters write the padding of none as well
            x = self.node("Pad", [x, self.known([0] * 8), self.known(np.float32(0))], self.shape[x], mode="constant")
        return self.node("AveragePool", [x], (n, c, (h - k) // s + 1, (w - k) // s + 1), ceil_mode=0,
                         count_include_pad=1, kernel_shape=[k, k], pads=[0] * 4, strides=[s, s])

    def resize(self, x, height, width, by_size=False):
        n, c, h, w = self.shape[x]
        how = {"coordinate_transformation_mode": "asymmetric", "cubic_coeff_a": -0.75, "mode": "nearest",
               "nearest_mode": "floor"}
        out = (n, c, height, width)
        empty = self.known(np.zeros(0), True) if self.opset < 13 else ""  # a region of interest, as no one uses it
        if by_size:
            return self.node("Resize", [x, empty, empty, self.known(list(out))], out, **how)
        return self.node("Resize", [x, empty, self.known(np.array([1, 1, height / h, width / w]), True)], out, **how)

    def upsample(self, x):
        return self.resize(x, 2 * self.shape[x][2], 2 * self.shape[x][3])

    # --- shapes

    def concat(self, xs, axis=1):
        shape = list(self.shape[xs[0]])
        shape[axis] = sum(self.shape[x][axis] for x in xs)
        return self.node("Concat", xs, shape, kind=self.kind[xs[0]], axis=axis)

    def split(self, x, sizes, axis):
        axis %= len(self.shape[x])
        shapes = [self.shape[x][:axis] + (n,) + self.shape[x][axis + 1:] for n in sizes]
        kind = self.kind[x]
        if self.opset < 13:
            return self.node("Split", [x], *shapes, kind=kind, axis=axis, split=list(sizes))
        return self.node("Split", [x, self.known(list(sizes))], *shapes, kind=kind, axis=axis)

    def halves(self, x):
        """chunk(2, 1): two slices where the file was not simplified, the sizes computed."""
        c = self.shape[x][1] // 2
        if self.folded:
            return self.split(x, (c, c), 1)
        size = self.node("Gather", [self.node("Shape", [x], (4,), kind=INT64), self.known(1)], (), kind=INT64, axis=0)
        size = self.node("Div", [self.node("Add", [size, self.known(1)], (), kind=INT64), self.known(2)], (), kind=INT64)
        ends = [self.node("Mul", [size, self.known([i])], (1,), kind=INT64) for i in (1, 2)]
        part = self.shape[x][:1] + (c,) + self.shape[x][2:]
        return [self.node("Slice", [x, start, end, self.known([1])], part)
                for start, end in ((self.known([0]), ends[0]), (ends[0], ends[1]))]

    def slice(self, x, axis, start, end):
        shape = list(self.shape[x])
        shape[axis] = end - start
        return self.node("Slice", [x, self.known([start]), self.known([end]), self.known([axis])], shape, kind=self.kind[x])

    def reshape(self, x, *dims):
        n = int(np.prod(self.shape[x]))
        rest = int(np.prod([d for d in dims if d != -1]))
        shape = [n // rest if d == -1 else d for d in dims]
        if not self.folded:  # the batch and what else was not written down is asked of the value
            first = self.node("Gather", [self.node("Shape", [x], (len(self.shape[x]),), kind=INT64), self.known(0)], (),
                              kind=INT64, axis=0)
            if shape[0] == self.shape[x][0]:
                parts = [self.unsqueeze(first, 0)] + [self.known([d]) for d in dims[1:]]
                return self.node("Reshape", [x, self.concat(parts, 0)], shape, kind=self.kind[x])
        return self.node("Reshape", [x, self.known(list(dims))], shape, kind=self.kind[x])

    def transpose(self, x, *perm):
        return self.node("Transpose", [x], [self.shape[x][p] for p in perm], kind=self.kind[x], perm=list(perm))

    def unsqueeze(self, x, axis):
        shape = list(self.shape[x])
        shape.insert(axis if axis >= 0 else axis + len(shape) + 1, 1)
        if self.opset < 13:
            return self.node("Unsqueeze", [x], shape, kind=self.kind[x], axes=[axis])
        return self.node("Unsqueeze", [x, self.known([axis])], shape, kind=self.kind[x])

    def flatten(self, x, axis):
        rows = int(np.prod(self.shape[x][:axis]))
        return self.node("Flatten", [x], (rows, int(np.prod(self.shape[x])) // rows), kind=self.kind[x], axis=axis)

    def tile(self, x, *repeats):
        return self.node("Tile", [x, self.known(list(repeats))], [d * r for d, r in zip(self.shape[x], repeats)],
                         kind=self.kind[x])

    # --- arithmetic

    def binary(self, op, x, y, kind=None):
        shape = np.broadcast_shapes(self.shape[x], self.shape[y])
        return self.node(op, [x, y], shape, kind=self.kind[x] if kind is None else kind)

    def add(self, x, y):
        return self.binary("Add", x, y)

    def mul(self, x, y):
        return self.binary("Mul", x, y)

    def unary(self, op, x, kind=None, **attributes):
        return self.node(op, [x], self.shape[x], kind=self.kind[x] if kind is None else kind, **attributes)

    def to_float(self, x):
        return self.unary("Cast", x, FLOAT, to=self.float)

    def matmul(self, x, y):
        return self.node("MatMul", [x, y], self.shape[x][:-1] + self.shape[y][-1:])

    def softmax(self, x, axis):
        n = len(self.shape[x])
        if self.opset >= 13 or axis % n == n - 1:
            return self.unary("Softmax", x, axis=axis)
        perm = list(range(n))  # before operator set 13 only the last axis stands for itself
        perm[axis], perm[-1] = perm[-1], perm[axis]
        return self.transpose(self.unary("Softmax", self.transpose(x, *perm), axis=n - 1), *perm)

    def reduce(self, op, x, axis, keep):
        axis %= len(self.shape[x])
        shape = self.shape[x][:axis] + ((1,) if keep else ()) + self.shape[x][axis + 1:]
        as_input = self.opset >= (13 if op == "ReduceSum" else 18)
        if as_input:
            return self.node(op, [x, self.known([axis])], shape, keepdims=int(keep))
        return self.node(op, [x], shape, axes=[axis], keepdims=int(keep))

    def top_k(self, x, k):
        shape = self.shape[x][:-1] + (k,)
        return self.node("TopK", [x, self.known([k])], shape, shape, kind=[FLOAT, INT64], axis=-1, largest=1, sorted=1)

    def gather_elements(self, x, index, axis):
        return self.node("GatherElements", [x, index], self.shape[index], kind=self.kind[x], axis=axis)

    # --- the file

    def output(self, x, name):
        self.renamed[x] = name
        self.outputs.append(value_info(name, self.shape[x], self.float if self.kind[x] == FLOAT else self.kind[x]))

    def file(self):
        new = self.renamed
        nodes = b"".join(put(1, b"".join(put(1, new.get(i, i)) for i in inputs) +
                             b"".join(put(2, new.get(o, o)) for o in outputs) + rest) for inputs, outputs, rest in self.nodes)
        if self.numbers == "rounded":  # the picture too
            nodes = b"".join(put(1, put(1, a) + put(2, b) + put(3, f"Cast_{b}") + put(4, "Cast") + put(5, attribute("to", to)))
                             for a, b, to in (("pixels", "rounded", HALF), ("rounded", "images", FLOAT))) + nodes
        graph = nodes + put(2, "main_graph") + b"".join(self.constants)
        first = "pixels" if self.numbers == "rounded" else "images"
        graph += put(11, value_info(first, self.shape["images"], self.float)) + b"".join(put(12, o) for o in self.outputs)
        model = put_int(1, 8) + put(2, self.producer) + put(7, graph) + put(8, put_int(2, self.opset))
        return model + b"".join(put(14, put(1, k) + put(2, v)) for k, v in self.metadata.items())
