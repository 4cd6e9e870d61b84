# SPDX-License-Identifier: Apache-2.0
"""yolo.py - detectors whose files are not at hand, in the structure that their authors publish: YOLOv7, v9, v10, 12; and
YOLOv8 in the sizes that bench/shapes measures.

Weights are random, so that such a network detects nothing; it is what an engine has to compute that is real. Each entry of
NETWORKS says how wide and deep it is built here; `published` builds it in its published size and counts.
"""
import heads
import net as networks

NAMES = {"names": str({i: f"thing {i}" for i in range(80)}), "task": "detect", "stride": "32"}


class Size:
    """Widths and depths in the units of the published tables."""

    def __init__(self, width=1.0, depth=1.0, most=4096):
        self.width, self.depth, self.most = width, depth, most

    def __call__(self, channels):
        return -(-int(min(channels, self.most) * self.width) // 8) * 8

    def times(self, n):
        return max(round(n * self.depth), 1)


# --- YOLOv7: ELAN, downsampling by a pool beside a convolution, SPPCSPC

def elan(n, x, hidden, out, taken, step, act):
    """taken: which of the chain's values are joined; all chain convolutions have *step* channels."""
    chain = [n.conv(x, hidden, act=act), n.conv(x, hidden, act=act)]
    for _ in range(max(taken) - 1):
        chain.append(n.conv(chain[-1], step, 3, act=act))
    return n.conv(n.concat([chain[i] for i in sorted(taken, reverse=True)]), out, act=act)


def pool_down(n, x, out, others=()):
    pooled = n.conv(n.max_pool(x, 2, 2, 0), out)
    strided = n.conv(n.conv(x, out), out, 3, 2)
    return n.concat([strided, pooled, *others])


def sppcspc(n, x, out):
    y = n.conv(n.conv(n.conv(x, out), out, 3), out)
    y = n.concat([y] + [n.max_pool(y, k) for k in (5, 9, 13)])
    y = n.conv(n.conv(y, out), out, 3)
    return n.conv(n.concat([y, n.conv(x, out)]), out)


def yolov7(n, size, classes, form):
    w = size

    def backbone(x, hidden, out):
        return elan(n, x, w(hidden), w(out), (0, 1, 3, 5), w(hidden), "silu")

    def neck(x, out):
        return elan(n, x, w(out), w(out), (0, 1, 2, 3, 4, 5), w(out // 2), "silu")

    x = n.conv(n.conv(n.conv("images", w(32), 3), w(64), 3, 2), w(64), 3)
    x = backbone(n.conv(x, w(128), 3, 2), 64, 256)
    p3 = backbone(pool_down(n, x, w(128)), 128, 512)
    p4 = backbone(pool_down(n, p3, w(256)), 256, 1024)
    p5 = sppcspc(n, backbone(pool_down(n, p4, w(512)), 256, 1024), w(512))
    m4 = neck(n.concat([n.conv(p4, w(256)), n.upsample(n.conv(p5, w(256)))]), 256)
    m3 = neck(n.concat([n.conv(p3, w(128)), n.upsample(n.conv(m4, w(128)))]), 128)
    l4 = neck(pool_down(n, m3, w(128), [m4]), 256)
    l5 = neck(pool_down(n, l4, w(256), [p5]), 512)
    # RepConv: the three branches are one convolution in every export.
    maps = [n.conv(m3, w(256), 3), n.conv(l4, w(512), 3), n.conv(l5, w(1024), 3)]
    heads.anchor_head(n, maps, heads.ANCHORS["yolov7"], classes, form)


def yolov7_tiny(n, size, classes, form):
    w = size

    def conv(x, out, k=1, s=1):
        return n.conv(x, w(out), k, s, act="leaky")

    def block(x, hidden, out):
        return elan(n, x, w(hidden), w(out), (0, 1, 2, 3), w(hidden), "leaky")

    x = block(conv(conv("images", 32, 3, 2), 64, 3, 2), 32, 64)
    p3 = block(n.max_pool(x, 2, 2, 0), 64, 128)
    p4 = block(n.max_pool(p3, 2, 2, 0), 128, 256)
    p5 = block(n.max_pool(p4, 2, 2, 0), 256, 512)
    side, y = conv(p5, 256), conv(p5, 256)
    y = conv(n.concat([n.max_pool(y, k) for k in (13, 9, 5)] + [y]), 256)
    p5 = conv(n.concat([y, side]), 256)
    m4 = block(n.concat([conv(p4, 128), n.upsample(conv(p5, 128))]), 64, 128)
    m3 = block(n.concat([conv(p3, 64), n.upsample(conv(m4, 64))]), 32, 64)
    l4 = block(n.concat([conv(m3, 128, 3, 2), m4]), 64, 128)
    l5 = block(n.concat([conv(l4, 256, 3, 2), p5]), 128, 256)
    maps = [conv(m3, 128, 3), conv(l4, 256, 3), conv(l5, 512, 3)]
    heads.anchor_head(n, maps, heads.ANCHORS["yolov7-tiny"], classes, form)


# --- YOLOv9: GELAN

def rep_csp(n, x, out, times):
    hidden = out // 2
    y, side = n.conv(x, hidden), n.conv(x, hidden)
    for _ in range(times):
        if not n.count_only:
            y = n.add(y, n.conv(n.conv(y, hidden, 3), hidden, 3))
            continue
        y = n.conv(n.conv(y, hidden, 3), hidden, 3)
        n.n_trained += hidden * hidden + 2 * hidden  # while it is trained a 1x1 branch stands beside the 3x3
    return n.conv(n.concat([y, side]), out)


def gelan(n, x, out, split, hidden, times):
    y = n.halves(n.conv(x, split))
    for _ in range(2):
        y.append(n.conv(rep_csp(n, y[-1], hidden, times), hidden, 3))
    return n.conv(n.concat(y), out)


def elan1(n, x, out, split, hidden):
    y = n.halves(n.conv(x, split))
    for _ in range(2):
        y.append(n.conv(y[-1], hidden, 3))
    return n.conv(n.concat(y), out)


def average_down(n, x, out):
    return n.conv(n.average_pool(x, 2), out, 3, 2)


def average_down_split(n, x, out):
    left, right = n.halves(n.average_pool(x, 2))
    return n.concat([n.conv(left, out // 2, 3, 2), n.conv(n.max_pool(right, 3, 2, 1), out // 2)])


def spp_elan(n, x, out, hidden):
    y = [n.conv(x, hidden)]
    for _ in range(3):
        y.append(n.max_pool(y[-1], 5))
    return n.conv(n.concat(y), out)


def yolov9_tiny(n, size, classes, form):
    w = size
    x = n.conv(n.conv("images", w(16), 3, 2), w(32), 3, 2)
    x = elan1(n, x, w(32), w(32), w(16))
    p3 = gelan(n, average_down(n, x, w(64)), w(64), w(64), w(32), 3)
    p4 = gelan(n, average_down(n, p3, w(96)), w(96), w(96), w(48), 3)
    p5 = gelan(n, average_down(n, p4, w(128)), w(128), w(128), w(64), 3)
    p5 = spp_elan(n, p5, w(128), w(64))
    m4 = gelan(n, n.concat([n.upsample(p5), p4]), w(96), w(96), w(48), 3)
    m3 = gelan(n, n.concat([n.upsample(m4), p3]), w(64), w(64), w(32), 3)
    l4 = gelan(n, n.concat([average_down(n, m3, w(48)), m4]), w(96), w(96), w(48), 3)
    l5 = gelan(n, n.concat([average_down(n, l4, w(64)), p5]), w(128), w(128), w(64), 3)
    # Its authors' head has four groups and 128 channels at most; Ultralytics' none and 100.
    groups, cap = (4, min(2 * classes, 128)) if form == "author" else (1, 100)
    n.output(heads.bin_rows(n, [m3, l4, l5], classes, groups=groups, cap=cap), "output0")


def fuse(n, levels, x):
    """Levels brought to the size of *x* and added up, as a stack and a sum."""
    height, width = n.shape[x][2:]
    parts = [n.unsqueeze(n.resize(v, height, width, by_size=True), 0) for v in levels] + [n.unsqueeze(x, 0)]
    return n.reduce("ReduceSum", n.concat(parts, 0), 0, False)


def yolov9_dual(n, size, classes, form):
    """YOLOv9-C as it is trained: the auxiliary branch has a head of its own, and both go out."""
    w = size

    def trunk(x, levels=None):
        x = n.conv(n.conv(x, w(64), 3, 2), w(128), 3, 2)
        x = gelan(n, x, w(256), w(128), w(64), 1)
        found = []
        for i, (down, out, split, hidden) in enumerate(((256, 512, 256, 128), (512, 512, 512, 256), (512, 512, 512, 256))):
            x = average_down_split(n, x, w(down))
            if levels:
                x = fuse(n, [v[i] for v in levels if len(v) > i], x)
            x = gelan(n, x, w(out), w(split), w(hidden), 1)
            found.append(x)
        return found

    p3, p4, p5 = trunk("images")
    top = spp_elan(n, p5, w(512), w(256))
    m4 = gelan(n, n.concat([n.upsample(top), p4]), w(512), w(512), w(256), 1)
    m3 = gelan(n, n.concat([n.upsample(m4), p3]), w(256), w(256), w(128), 1)
    l4 = gelan(n, n.concat([average_down_split(n, m3, w(256)), m4]), w(512), w(512), w(256), 1)
    l5 = gelan(n, n.concat([average_down_split(n, l4, w(512)), top]), w(512), w(512), w(256), 1)

    def routes(x, *channels):
        y = n.raw_conv(x, sum(channels))
        return n.split(y, channels, 1) if len(channels) > 1 else [y]

    levels = [routes(p3, w(256)), routes(p4, w(256), w(512)), routes(p5, w(256), w(512), w(512))]
    sides = trunk("images", levels)
    for name, maps in (("output0", sides), ("output1", [m3, l4, l5])):
        n.output(heads.bin_rows(n, maps, classes, groups=4, cap=min(2 * classes, 128)), name)


# --- YOLOv8, 10 and 12

def c2f(n, x, out, times, inner, shrink=0.5):
    y = n.halves(n.conv(x, 2 * int(out * shrink)))
    for _ in range(times):
        y.append(inner(y[-1]))
    return n.conv(n.concat(y), out)


def bottleneck(n, x, adds, shrink=1.0):
    c = n.shape[x][1]
    y = n.conv(n.conv(x, int(c * shrink), 3), c, 3)
    return n.add(x, y) if adds else y


def cib(n, x, adds, large):
    c = n.shape[x][1]
    y = n.conv(n.conv(x, c, 3, g=c), 2 * c)
    if large:  # 7x7, while it is trained a 3x3 beside it
        y = n.conv(y, 2 * c, 7, g=2 * c)
        n.n_trained += 2 * c * 9 + 4 * c
    else:
        y = n.conv(y, 2 * c, 3, g=2 * c)
    y = n.conv(n.conv(y, c), c, 3, g=c)
    return n.add(x, y) if adds else y


def cheap_down(n, x, out):
    return n.conv(n.conv(x, out), out, 3, 2, g=out, act=None)


def sppf(n, x, out):
    y = [n.conv(x, n.shape[x][1] // 2)]
    for _ in range(3):
        y.append(n.max_pool(y[-1], 5))
    return n.conv(n.concat(y), out)


def attention(n, x, n_heads):
    _, c, height, width = n.shape[x]
    each, key, cells = c // n_heads, c // n_heads // 2, height * width
    y = n.conv(x, c + 2 * key * n_heads, act=None)
    q, k, v = n.split(n.reshape(y, 1, n_heads, 2 * key + each, cells), (key, key, each), 2)
    weights = n.mul(n.matmul(n.transpose(q, 0, 1, 3, 2), k), n.known(networks.np.float32(key ** -.5)))
    weights = n.softmax(weights, -1)
    y = n.reshape(n.matmul(v, n.transpose(weights, 0, 1, 3, 2)), 1, c, height, width)
    place = n.conv(n.reshape(v, 1, c, height, width), c, 3, g=c, act=None)
    return n.conv(n.add(y, place), c, act=None)


def psa(n, x):
    c = n.shape[x][1] // 2
    a, b = n.split(n.conv(x, 2 * c), (c, c), 1)
    b = n.add(b, attention(n, b, max(c // 64, 1)))
    b = n.add(b, n.conv(n.conv(b, 2 * c), c, act=None))
    return n.conv(n.concat([a, b]), 2 * c)


def yolov8(n, size, classes, form):
    w = size

    def part(x, out, times, adds):
        return c2f(n, x, w(out), size.times(times), lambda y: bottleneck(n, y, adds))

    x = part(n.conv(n.conv("images", w(64), 3, 2), w(128), 3, 2), 128, 3, True)
    p3 = part(n.conv(x, w(256), 3, 2), 256, 6, True)
    p4 = part(n.conv(p3, w(512), 3, 2), 512, 6, True)
    p5 = sppf(n, part(n.conv(p4, w(1024), 3, 2), 1024, 3, True), w(1024))
    m4 = part(n.concat([n.upsample(p5), p4]), 512, 3, False)
    m3 = part(n.concat([n.upsample(m4), p3]), 256, 3, False)
    l4 = part(n.concat([n.conv(m3, w(256), 3, 2), m4]), 512, 3, False)
    l5 = part(n.concat([n.conv(l4, w(512), 3, 2), p5]), 1024, 3, False)
    n.output(heads.bin_rows(n, [m3, l4, l5], classes), "output0")


def yolov10(n, size, classes, form):
    """form: the variant's places of CIB blocks (n or b), then how the k best are written."""
    variant, tail = form.split("/")
    w = size
    everywhere = variant == "b"

    def plain(x, out, times, adds):
        return c2f(n, x, w(out), size.times(times), lambda y: bottleneck(n, y, adds))

    def compact(x, out, times):
        return c2f(n, x, w(out), size.times(times), lambda y: cib(n, y, True, variant == "n"))

    x = n.conv(n.conv("images", w(64), 3, 2), w(128), 3, 2)
    p3 = plain(n.conv(plain(x, 128, 3, True), w(256), 3, 2), 256, 6, True)
    p4 = plain(cheap_down(n, p3, w(512)), 512, 6, True)
    x = cheap_down(n, p4, w(1024))
    p5 = psa(n, sppf(n, compact(x, 1024, 3) if everywhere else plain(x, 1024, 3, True), w(1024)))
    x = n.concat([n.upsample(p5), p4])
    m4 = compact(x, 512, 3) if everywhere else plain(x, 512, 3, False)
    m3 = plain(n.concat([n.upsample(m4), p3]), 256, 3, False)
    x = n.concat([n.conv(m3, w(256), 3, 2), m4])
    l4 = compact(x, 512, 3) if everywhere else plain(x, 512, 3, False)
    l5 = compact(n.concat([cheap_down(n, l4, w(512)), p5]), 1024, 3)
    maps = [m3, l4, l5]
    columns = heads.bin_rows(n, maps, classes, light=True, joined=tail == "author", corners=True)
    if n.count_only:  # while it is trained there is a head of many boxes an object beside this one
        before = n.n_exported
        trained = n.n_trained
        heads.bin_rows(n, maps, classes, light=True, corners=True)
        n.n_exported = before
        n.n_trained -= heads.BINS  # the distribution's weights are shared
        assert n.n_trained > trained
        return
    n.output(heads.best_rows(n, columns, 300, classes, tail), "output0")
    n.output(columns, "all")  # what the rows were chosen from: the test chooses itself


def area_attention(n, x, area, turbo):
    _, c, height, width = n.shape[x]
    n_heads, cells = c // 32, height * width // area

    def tokens(y):  # (area, cells, channels)
        y = n.transpose(n.reshape(y, 1, n.shape[y][1], height * width), 0, 2, 1)
        return n.reshape(y, area, cells, n.shape[y][2]) if area > 1 else y

    if turbo:  # positions see the values before they are cut into areas; softmax by hand
        both = n.conv(x, 2 * c, act=None)
        values = n.conv(x, c, act=None)
        place = n.conv(values, c, 5, g=c, act=None)
        q, k = n.split(tokens(both), (c, c), 2)
        q, k, v = (n.reshape(n.transpose(y, 0, 2, 1), area, n_heads, 32, cells) for y in (q, k, tokens(values)))
    else:
        y = n.reshape(tokens(n.conv(x, 3 * c, act=None)), area, cells, n_heads, 96)
        q, k, v = n.split(n.transpose(y, 0, 2, 3, 1), (32, 32, 32), 2)
    weights = n.mul(n.matmul(n.transpose(q, 0, 1, 3, 2), k), n.known(networks.np.float32(32 ** -.5)))
    if turbo:
        top = n.reduce("ReduceMax", weights, -1, True)
        weights = n.unary("Exp", n.binary("Sub", weights, top))
        weights = n.binary("Div", weights, n.reduce("ReduceSum", weights, -1, True))
    else:
        weights = n.softmax(weights, -1)

    def picture(y):
        y = n.transpose(y, 0, 3, 1, 2)
        y = n.reshape(y, 1, height * width, c) if area > 1 else y
        return n.transpose(n.reshape(y, 1, height, width, c), 0, 3, 1, 2)

    y = picture(n.matmul(v, n.transpose(weights, 0, 1, 3, 2)))
    if not turbo:
        place = n.conv(picture(v), c, 7, g=c, act=None)
    return n.conv(n.add(y, place), c, act=None)


def c3k(n, x, times):
    c = n.shape[x][1] // 2
    y, side = n.conv(x, c), n.conv(x, c)
    for _ in range(times):
        y = bottleneck(n, y, True)
    return n.conv(n.concat([y, side]), 2 * c)


def a2c2f(n, x, out, times, area, turbo, residual=False, wide=2.0):
    """R-ELAN: each part is two blocks of area attention, or, without an area, a small CSP block."""
    c = out // 2
    y = [n.conv(x, c)]
    for _ in range(times):
        z = y[-1]
        if area < 1:
            y.append(c3k(n, z, 2))
            continue
        for _ in range(2):
            z = n.add(z, area_attention(n, z, area, turbo))
            z = n.add(z, n.conv(n.conv(z, int(c * wide)), c, act=None))
        y.append(z)
    y = n.conv(n.concat(y), out)
    if not residual or area < 1:
        return y
    n.n_trained += out
    n.n_exported += out
    scale = n.weight(n.rng.random((1, out, 1, 1)) * .1) if not n.count_only else n.name((1, out, 1, 1))
    return n.add(x, n.mul(scale, y))


def yolo12(n, size, classes, form):
    """form: turbo (its authors' second release, and Ultralytics' for the published counts), plain, large (residuals)."""
    w, turbo, large = size, form == "turbo", form == "large"

    def area_part(x, out, times, area):
        return a2c2f(n, x, w(out), size.times(times), area, turbo, large, 1.5 if large else 2.0)

    def small(x, out, shrink):
        def inner(y):
            return c3k(n, y, 2) if large else bottleneck(n, y, True, .5)
        return c2f(n, x, w(out), size.times(2), inner, shrink)

    x = n.conv("images", w(64), 3, 2)
    x = small(n.conv(x, w(128), 3, 2, g=2 if turbo else 1), 256, .25)
    p3 = small(n.conv(x, w(256), 3, 2, g=4 if turbo else 1), 512, .25)
    p4 = area_part(n.conv(p3, w(512), 3, 2), 512, 4, 4)
    p5 = area_part(n.conv(p4, w(1024), 3, 2), 1024, 4, 1)
    m4 = area_part(n.concat([n.upsample(p5), p4]), 512, 2, -1)
    m3 = area_part(n.concat([n.upsample(m4), p3]), 256, 2, -1)
    l4 = area_part(n.concat([n.conv(m3, w(256), 3, 2), m4]), 512, 2, -1)
    x = n.concat([n.conv(l4, w(512), 3, 2), p5])
    l5 = c2f(n, x, w(1024), size.times(2), lambda y: c3k(n, y, 2))
    n.output(heads.bin_rows(n, [m3, l4, l5], classes, light=True, joined=turbo), "output0")


# --- what is built

class Network:
    def __init__(self, build, form, opset, size, *, folded=True, metadata=None, published=None, head="yolov8"):
        self.build, self.form, self.opset, self.size, self.folded = build, form, opset, size, folded
        self.metadata, self.published, self.head = metadata or {}, published, head

    def file(self, pixels=160, classes=80, numbers="floats"):
        n = networks.Net(pixels, self.opset, folded=self.folded, metadata=self.metadata, numbers=numbers)
        self.build(n, self.size, classes, self.form)
        return n.file()

    def counts(self):
        """Parameters in the published size: as trained, as exported."""
        n = networks.Net(640, self.opset, count_only=True, folded=True)
        self.build(n, self.published[0], 80, self.form)
        return n.n_trained, n.n_exported


def of_yolov8(size, n_parameters):
    return Network(yolov8, "", 17, size, metadata=NAMES, published=(size, n_parameters, None))


NETWORKS = {
    "yolov8n": of_yolov8(Size(.25, 1 / 3), 3157200),
    "yolov8s": of_yolov8(Size(.5, 1 / 3), 11166560),
    "yolov8m": of_yolov8(Size(.75, 2 / 3, 768), 25902640),
    "yolov8l": of_yolov8(Size(1, 1, 512), 43691520),
    "yolov7": Network(yolov7, "grid", 12, Size(.25), published=(Size(), None, 36905341), head="yolov5"),
    "yolov7-tiny": Network(yolov7_tiny, "grid", 12, Size(.5), folded=False, published=(Size(), None, 6219709),
                           head="yolov5"),
    "yolov7-rows": Network(yolov7_tiny, "grid", 12, Size(.25), head="yolov5"),
    "yolov7-maps": Network(yolov7_tiny, "maps", 12, Size(.25), head=None),
    "yolov7-planes": Network(yolov7_tiny, "planes", 12, Size(.25), head=None),
    "yolov7-channels": Network(yolov7_tiny, "channels", 12, Size(.25), head=None),
    "yolov7-sigmoid": Network(yolov7_tiny, "sigmoid", 12, Size(.25), head=None),
    "yolov7-anchors": Network(yolov7_tiny, "maps", 12, Size(.25), head=None, metadata={
        "anchors": str([list(level) for level in heads.ANCHORS["yolov7-tiny"]])}),
    "yolov7-nms": Network(yolov7_tiny, "nms", 12, Size(.25), head="end-to-end"),
    "yolov9t": Network(yolov9_tiny, "ultralytics", 17, Size(), metadata=NAMES, published=(Size(), 2128720, None)),
    "yolov9t-author": Network(yolov9_tiny, "author", 12, Size(), folded=False),
    "yolov9c-dual": Network(yolov9_dual, "", 12, Size(.125)),
    "yolov10n": Network(yolov10, "n/author", 13, Size(.25, 1 / 3), published=(Size(.25, 1 / 3), 2775520, None),
                        head="end-to-end"),
    "yolov10n-plain": Network(yolov10, "n/author", 13, Size(.25, 1 / 3), folded=False, head="end-to-end"),
    "yolov10n-ultralytics": Network(yolov10, "n/ultralytics", 20, Size(.25, 1 / 3), head="end-to-end",
                                    metadata={**NAMES, "end2end": "True"}),
    "yolov10b": Network(yolov10, "b/gather_nd", 18, Size(.25, 2 / 3, 512), folded=False, metadata={**NAMES, "end2end": "True"},
                        head="end-to-end"),
    "yolo12n": Network(yolo12, "plain", 17, Size(.25, .5, 1024), metadata=NAMES, published=(Size(.25, .5, 1024), 2602288, None)),
    "yolo12n-turbo": Network(yolo12, "turbo", 17, Size(.25, .5, 1024), folded=False,
                             published=(Size(.25, .5, 1024), 2553904, None)),
    "yolo12l": Network(yolo12, "large", 12, Size(.25, 1, 512)),
}
