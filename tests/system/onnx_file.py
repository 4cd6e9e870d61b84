"""ONNX files written by hand: what no exporter would write."""
import struct


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def floats(*numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


def integers(*numbers):
    return struct.pack(f"<{len(numbers)}q", *numbers)


FLOAT, INT64, BOOL = 1, 7, 9


def tensor(name, dims, kind=FLOAT, raw=b""):
    return b"".join(field(1, d) for d in dims) + field(2, kind) + field(8, name) + field(9, raw)


def value(name, dims, kind=FLOAT):
    shape = b"".join(field(1, field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def attribute(name, v):
    """A whole number, a graph (bytes), a list of whole numbers or a tensor (in a tuple)."""
    if isinstance(v, int):
        return field(1, name) + field(3, v) + field(20, 2)
    if isinstance(v, bytes):
        return field(1, name) + field(6, v) + field(20, 5)
    if isinstance(v, tuple):
        return field(1, name) + field(5, v[0]) + field(20, 4)
    return field(1, name) + b"".join(field(8, i) for i in v) + field(20, 7)


def node(op, inputs, outputs, **attributes):
    return (b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs) + field(4, op)
            + b"".join(field(5, attribute(k, v)) for k, v in attributes.items()))


def graph(nodes, inputs, outputs, tensors=()):
    return (b"".join(field(1, n) for n in nodes) + field(2, "g") + b"".join(field(5, t) for t in tensors)
            + b"".join(field(11, i) for i in inputs) + b"".join(field(12, o) for o in outputs))


def model(g, metadata):
    return field(1, 8) + field(8, field(1, "") + field(2, 13)) + field(7, g) + b"".join(field(14, field(1, k) + field(2, v)) for k, v in metadata)


TRUE = node("Constant", [], ["true"], value=(tensor("", [], BOOL, b"\1"),))


def detector(row=(32., 32., 10., 10., .9, .1), names=b"{0: 'one', 1: 'two'}", between=None):
    """Sees the same in every picture: *row* (middle, size, confidence of each class) at each of its 84 places. *between* may put nodes
    and tensors between a number that depends on the picture ("zero", which is 0) and the end."""
    n, columns = 84, len(row)
    tensors = [tensor("rows", [1, columns, n], FLOAT, floats(*[x for x in row for _ in range(n)])),
               tensor("none", [1], FLOAT, floats(0.)), tensor("one_number", [1], INT64, integers(1))]
    nodes = [TRUE, node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=1), node("Reshape", ["mean", "one_number"], ["flat"]),
             node("Mul", ["flat", "none"], ["zero"])]
    last = "zero"
    if between:
        more, more_tensors, last = between
        nodes += more
        tensors += more_tensors
    nodes.append(node("Add", ["rows", last], ["output0"]))
    return model(graph(nodes, [value("images", [1, 3, 64, 64])], [value("output0", [1, columns, n])], tensors),
                 [("names", names), ("task", "detect"), ("stride", "32"), ("imgsz", "[64, 64]")])


def loops_where_there_is_a_picture():
    """At once over a picture of one colour, as models are tried with; never done over any other one."""
    body = graph([node("Identity", ["go_on"], ["goes_on"]), node("Add", ["x", "none"], ["y"])],
                 [value("i", [], INT64), value("go_on", [], BOOL), value("x", [1])], [value("goes_on", [], BOOL), value("y", [1])])
    return detector(between=([node("ReduceMax", ["images"], ["most"], keepdims=0), node("ReduceMin", ["images"], ["least"], keepdims=0),
                              node("Sub", ["most", "least"], ["apart"]), node("Mul", ["apart", "many"], ["rounds"]),
                              node("Cast", ["rounds"], ["trips"], to=INT64), node("Loop", ["trips", "true", "zero"], ["looped"], body=body)],
                             [tensor("many", [], FLOAT, floats(1e15))], "looped"))


def wants_memory(n):
    return detector(between=([node("Expand", ["zero", "size"], ["large"]), node("ReduceSum", ["large"], ["sum"], keepdims=0),
                              node("Mul", ["sum", "none"], ["nothing"])], [tensor("size", [2], INT64, integers(n, n))], "nothing"))
