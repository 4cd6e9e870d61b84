# SPDX-License-Identifier: Apache-2.0
"""heads.py - detection heads as public exporters write them: anchors with objectness (v7), box bins (v8 on), the k best."""
import numpy as np

from net import BOOL, INT64

BINS = 16
STRIDES = (8, 16, 32)
# Of class logits: most cells show nothing, some are sure. Random layers leave small differences between cells.
OFFSET, GAIN = -3.0, 8.0


# --- YOLOv7

ANCHORS = {  # width and height of three boxes a level, as published
    "yolov7": ((12, 16, 19, 36, 40, 28), (36, 75, 76, 55, 72, 146), (142, 110, 192, 243, 459, 401)),
    "yolov7-tiny": ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326)),
}


def anchor_level(net, x, stride, anchors, classes, form):
    n, _, height, width = net.shape[x]
    columns = 5 + classes
    x = net.raw_conv(x, 3 * columns, offset=OFFSET, gain=GAIN)
    if form == "channels":
        return x
    if form == "sigmoid":
        return net.unary("Sigmoid", x)
    x = net.reshape(x, n, 3, columns, height, width)
    if form == "planes":
        return x
    x = net.transpose(x, 0, 1, 3, 4, 2)
    if form == "maps":
        return x
    xy, wh, rest = net.split(net.unary("Sigmoid", x), (2, 2, 1 + classes), 4)
    cells = np.stack(np.meshgrid(np.arange(width), np.arange(height)), 2).reshape(1, 1, height, width, 2)
    xy = net.add(net.mul(xy, net.known(np.float32(2 * stride))), net.known((cells - 0.5).astype(np.float32) * stride))
    sizes = np.array(anchors, np.float32).reshape(1, 3, 1, 1, 2)
    wh = net.mul(net.binary("Pow", wh, net.known(np.float32(2))), net.known(4 * sizes))
    return net.reshape(net.concat([xy, wh, rest], 4), n, -1, columns)


def anchor_head(net, maps, anchors, classes, form="grid"):
    """form: grid (all boxes in one output), nms (suppression in the graph); or an output a level, no grid: maps (boxes, rows,
    columns, numbers), planes (boxes, numbers, rows, columns), channels (boxes x numbers, rows, columns), sigmoid (likewise,
    behind a sigmoid; the coarsest level first)."""
    levels = [anchor_level(net, x, s, a, classes, form) for x, s, a in zip(maps, STRIDES, anchors)]
    if form in ("maps", "planes", "channels", "sigmoid"):
        for x in reversed(levels) if form == "sigmoid" else levels:
            net.output(x, f"map{levels.index(x)}")
        return
    rows = net.concat(levels, 1)
    if form == "nms":
        rows = suppressed(net, rows, classes)
    net.output(rows, "output")


def suppressed(net, rows, classes):
    """The (k, 7) of YOLOv7's end-to-end export for ONNX Runtime."""
    boxes = net.slice(rows, 2, 0, 4)
    scores = net.mul(net.slice(rows, 2, 5, 5 + classes), net.slice(rows, 2, 4, 5))
    corners = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-.5, 0, .5, 0], [0, -.5, 0, .5]], np.float32)
    boxes = net.matmul(boxes, net.known(corners))
    best = net.reduce("ReduceMax", scores, 2, True)
    kind = net.node("ArgMax", [scores], net.shape[best], kind=INT64, axis=2, keepdims=1)
    apart = net.add(boxes, net.mul(net.to_float(kind), net.known(np.float32(640))))
    limits = [net.known([100]), net.known(np.array([.45], np.float32)), net.known(np.array([.25], np.float32))]
    chosen = net.node("NonMaxSuppression", [apart, net.transpose(best, 0, 2, 1)] + limits, ("k", 3), kind=INT64)
    picture, at = (net.node("Gather", [chosen, net.known(i)], ("k",), kind=INT64, axis=1) for i in (0, 2))
    both = net.node("Concat", [net.node("Unsqueeze", [v], ("k", 1), kind=INT64, axes=[1]) for v in (picture, at)],
                    ("k", 2), kind=INT64, axis=1)
    parts = [net.node("Cast", [net.node("Unsqueeze", [picture], ("k", 1), kind=INT64, axes=[1])], ("k", 1), to=1)]
    parts += [net.node("GatherND", [v, both], ("k", n)) for v, n in ((boxes, 4), (net.to_float(kind), 1), (best, 1))]
    return net.node("Concat", parts, ("k", 7), axis=1)


# --- box bins

def bins(net, box, anchors):
    """The mean of each side's distribution."""
    x = net.transpose(net.reshape(box, 1, 4, BINS, anchors), 0, 2, 1, 3)
    x = net.softmax(x, 1)
    weights = net.weight(np.arange(BINS, dtype=np.float32).reshape(1, BINS, 1, 1)) if not net.count_only else ""
    net.n_trained += BINS
    net.n_exported += BINS
    x = net.node("Conv", [x, weights], (1, 1, 4, anchors), dilations=[1, 1], group=1, kernel_shape=[1, 1],
                 pads=[0] * 4, strides=[1, 1])
    return net.reshape(x, 1, 4, anchors)


def points(net, maps):
    """Cell centres (1, 2, n) and strides (1, n)."""
    at, strides = [], []
    for x, stride in zip(maps, STRIDES):
        height, width = net.shape[x][2:]
        xs, ys = np.meshgrid(np.arange(width) + .5, np.arange(height) + .5)
        at.append(np.stack((xs, ys)).reshape(2, -1))
        strides.append(np.full(height * width, stride))
    return np.concatenate(at, 1)[None].astype(np.float32), np.concatenate(strides)[None].astype(np.float32)


def decode(net, box, maps, corners):
    at, strides = points(net, maps)
    sides = bins(net, box, at.shape[2])
    before, behind = net.halves(sides)
    first = net.binary("Sub", net.known(at), before)
    last = net.add(net.known(at), behind)
    if corners:
        both = net.concat([first, last], 1)
    else:
        middle = net.binary("Div", net.add(first, last), net.known(np.float32(2)))
        both = net.concat([middle, net.binary("Sub", last, first)], 1)
    return net.mul(both, net.known(strides))


def class_branch(net, x, width, classes, light):
    if light:  # depthwise, then 1x1
        for _ in range(2):
            x = net.conv(net.conv(x, net.shape[x][1], 3, g=net.shape[x][1]), width)
    else:
        x = net.conv(net.conv(x, width, 3), width, 3)
    return net.raw_conv(x, classes, offset=OFFSET, gain=GAIN)


def box_branch(net, x, width, groups):
    x = net.conv(net.conv(x, width, 3), width, 3, g=groups)
    return net.raw_conv(x, 4 * BINS, g=groups, gain=2)


def bin_rows(net, maps, classes, *, light=False, groups=1, joined=True, corners=False, cap=100):
    """(1, 4+classes, n). joined: box and classes of a level in one value before the levels are joined, as exporters did until
    2025."""
    first = net.shape[maps[0]][1]
    box_width = max(16, first // 4, 4 * BINS)
    box_width = -(-box_width // groups) * groups
    class_width = max(first, min(classes, cap))
    boxes = [box_branch(net, x, box_width, groups) for x in maps]
    scores = [class_branch(net, x, class_width, classes, light) for x in maps]
    if joined:
        levels = [net.reshape(net.concat([b, s], 1), 1, 4 * BINS + classes, -1) for b, s in zip(boxes, scores)]
        box, score = net.split(net.concat(levels, 2), (4 * BINS, classes), 1)
    else:
        box = net.concat([net.reshape(b, 1, 4 * BINS, -1) for b in boxes], -1)
        score = net.concat([net.reshape(s, 1, classes, -1) for s in scores], -1)
    return net.concat([decode(net, box, maps, corners), net.unary("Sigmoid", score)], 1)


# --- the k best, without suppression

def floor_divide(net, x, by):
    """Whole numbers downwards, as exporters write it where nothing simplifies the file."""
    quotient = net.binary("Div", x, net.known(by))
    if net.folded:
        return quotient
    zero = net.known(0)
    negative = net.binary("Xor", net.binary("Less", x, zero, BOOL),
                          net.node("Less", [net.known(by), zero], (), kind=BOOL), BOOL)
    uneven = net.unary("Not", net.binary("Equal", net.binary("Mod", x, net.known(by)), zero, BOOL))
    mask = net.binary("And", negative, uneven, BOOL)
    lower = net.binary("Sub", quotient, net.known(1))
    return net.node("Where", [mask, lower, quotient], net.shape[x], kind=INT64)


def same_shape(net, x):
    """An expansion to the shape that it has, with the exporters' detour for sizes of -1."""
    shape = net.shape[x]
    if net.folded:
        return x
    ones = net.node("ConstantOfShape", [net.known([len(shape)])], (len(shape),), kind=INT64, value=np.ones(1, np.int64))
    open_ones = net.binary("Mul", ones, net.known(-1))
    wanted = net.known(list(shape))
    size = net.node("Where", [net.binary("Equal", wanted, open_ones, BOOL), ones, wanted], (len(shape),), kind=INT64)
    return net.node("Expand", [x, size], shape, kind=net.kind[x])


def best_rows(net, columns, k, classes, form):
    """(1, k, 6) of (1, 4+classes, n). form: author (YOLOv10's own exporter), ultralytics, or gather_nd (newer exporters)."""
    rows = net.transpose(columns, 0, 2, 1)
    boxes, scores = net.split(rows, (4, classes), -1)
    _, first = net.top_k(net.reduce("ReduceMax", scores, -1, False), k)
    first = net.unsqueeze(first, -1)
    scores = net.gather_elements(scores, net.tile(first, 1, 1, classes), 1)
    if form != "gather_nd":
        boxes = boxes if form == "ultralytics" else net.gather_elements(boxes, net.tile(first, 1, 1, 4), 1)
    confidence, index = net.top_k(net.flatten(scores, 1), k)
    kind = net.binary("Mod", index, net.known(classes))
    row = floor_divide(net, index, classes)
    if form == "author":
        boxes = net.gather_elements(boxes, net.tile(net.unsqueeze(same_shape(net, row), -1), 1, 1, 4), 1)
    elif form == "ultralytics":  # the anchor of a row, by one flat list, then the boxes
        anchor = net.node("Gather", [net.flatten(first, 2), row], (1, k, 1), kind=INT64, axis=0)
        boxes = net.gather_elements(boxes, net.tile(anchor, 1, 1, 4), 1)
    else:
        picture = net.known(np.zeros((1, k, 1), np.int64))
        anchor = net.node("GatherND", [first, net.concat([picture, net.unsqueeze(row, -1)], -1)], (1, k, 1), kind=INT64)
        boxes = net.node("GatherND", [boxes, net.concat([picture, anchor], -1)], (1, k, 4))
    return net.concat([boxes, net.unsqueeze(confidence, -1), net.to_float(net.unsqueeze(kind, -1))], -1)
