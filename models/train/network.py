# SPDX-License-Identifier: Apache-2.0
"""The demo model: a small one-stage detector without anchor boxes, and its export to ONNX.

Shapes: a picture is (3, 384, 640), RGB 0..1. Four grids of strides 4, 8, 16, 32 give 20400 cells. A cell has CLASSES
class values and, for each of the four sides, BINS values: the distance from the cell's centre to that side, in
strides, is the mean of FIRST_BIN.. under their softmax. Distances may be negative: a box narrower than a stride need
not hold a cell's centre.
"""
import torch
from torch import nn

LABELS = ("pedestrian", "cyclist", "motorcyclist", "wheelchair_user", "scooter_rider")
CLASSES = len(LABELS)
HEIGHT, WIDTH = 384, 640
STRIDES = (4, 8, 16, 32)
BINS, FIRST_BIN = 16, -1


class Conv(nn.Module):
    def __init__(self, c_in, c_out, size=3, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.03)

    def forward(self, x):
        return torch.relu_(self.norm(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b = Conv(c, c), Conv(c, c)

    def forward(self, x):
        return x + self.b(self.a(x))


class Stage(nn.Module):
    """Half of the channels go through *n* residual pairs; everything met on the way is joined again."""

    def __init__(self, c_in, c_out, n):
        super().__init__()
        half = c_out // 2
        self.left, self.right = Conv(c_in, half, 1), Conv(c_in, half, 1)
        self.steps = nn.ModuleList(Residual(half) for _ in range(n))
        self.join = Conv(half * (2 + n), c_out, 1)

    def forward(self, x):
        parts = [self.left(x), self.right(x)]
        for step in self.steps:
            parts.append(step(parts[-1]))
        return self.join(torch.cat(parts, 1))


class Pyramid(nn.Module):
    """Sees far: maxima over 5, 9 and 13 cells beside the map itself."""

    def __init__(self, c):
        super().__init__()
        self.enter, self.leave = Conv(c, c // 2, 1), Conv(c * 2, c, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        a = self.enter(x)
        b = self.pool(a)
        c = self.pool(b)
        return self.leave(torch.cat([a, b, c, self.pool(c)], 1))


def believe(box_out, kind_out, bias):
    """At first all sides are a stride or so away, and nearly nothing is believed to be an object."""
    distances = torch.arange(FIRST_BIN, FIRST_BIN + BINS).float()
    box_out.bias.data[:] = (-(distances - 1).abs()).repeat(4)
    nn.init.constant_(kind_out.bias, bias)


class Head(nn.Module):
    def __init__(self, c_in, c, bias):
        super().__init__()
        self.box, self.kind = Conv(c_in, c), Conv(c_in, c)
        self.box_out, self.kind_out = nn.Conv2d(c, 4 * BINS, 1), nn.Conv2d(c, CLASSES, 1)
        believe(self.box_out, self.kind_out, bias)

    def forward(self, x):
        return self.box_out(self.box(x)), self.kind_out(self.kind(x))


class FineHead(nn.Module):
    """Of the finest grid, where every channel is dear: sees what is meant there from the grid above it."""

    def __init__(self, c_above, c, bias):
        super().__init__()
        self.above, self.mix = Conv(c_above, c, 1), Conv(c, c)
        self.up = nn.Upsample(scale_factor=2)
        self.box_out, self.kind_out = nn.Conv2d(c, 4 * BINS, 1), nn.Conv2d(c, CLASSES, 1)
        believe(self.box_out, self.kind_out, bias)

    def forward(self, x, above):
        x = self.mix(x + self.up(self.above(above)))
        return self.box_out(x), self.kind_out(x)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.to4 = nn.Sequential(Conv(3, 16, 3, 2), Conv(16, 32, 3, 2), Conv(32, 32))
        self.to8 = nn.Sequential(Conv(32, 64, 3, 2), Stage(64, 64, 2))
        self.to16 = nn.Sequential(Conv(64, 96, 3, 2), Stage(96, 96, 2))
        self.to32 = nn.Sequential(Conv(96, 160, 3, 2), Stage(160, 160, 1), Pyramid(160))
        self.up = nn.Upsample(scale_factor=2)
        self.down16 = Stage(160 + 96, 96, 1)
        self.down8 = Stage(96 + 64, 64, 1)
        self.back16 = Conv(64, 64, 3, 2)
        self.out16 = Stage(64 + 96, 96, 1)
        self.back32 = Conv(96, 96, 3, 2)
        self.out32 = Stage(96 + 160, 128, 1)
        self.fine = FineHead(64, 32, -6.5)
        self.heads = nn.ModuleList([Head(64, 32, -5.5), Head(96, 32, -5), Head(128, 32, -4.5)])

    def forward(self, x):
        """Per grid: box bins (n, 4 x BINS, rows, columns) and class logits (n, CLASSES, rows, columns)."""
        finest = self.to4(x)
        a = self.to8(finest)
        b = self.to16(a)
        c = self.to32(b)
        b = self.down16(torch.cat([self.up(c), b], 1))
        a = self.down8(torch.cat([self.up(b), a], 1))
        b = self.out16(torch.cat([self.back16(a), b], 1))
        c = self.out32(torch.cat([self.back32(b), c], 1))
        return [self.fine(finest, a), *(head(x) for head, x in zip(self.heads, (a, b, c)))]


def cells(height=HEIGHT, width=WIDTH):
    """Centres (cells, 2) in pixels and strides (cells, 1), in the order of the grids."""
    centres, strides = [], []
    for s in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // s), torch.arange(width // s), indexing="ij")
        centres.append((torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * s)
        strides.append(torch.full((centres[-1].shape[0], 1), float(s)))
    return torch.cat(centres).float(), torch.cat(strides)


class Exported(nn.Module):
    """The network with boxes decoded: (1, 4 + CLASSES, cells), rows cx, cy, w, h in pixels, then confidences."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.bins = nn.Conv2d(BINS, 1, 1, bias=False)
        self.bins.weight.data[:] = torch.arange(FIRST_BIN, FIRST_BIN + BINS).float().view(1, BINS, 1, 1)
        centres, strides = cells()
        self.register_buffer("centres", centres.t()[None])
        self.register_buffer("strides", strides.t()[None])

    def forward(self, x):
        grids = self.network(x)
        box = torch.cat([b.reshape(1, 4 * BINS, -1) for b, _ in grids], 2)
        kind = torch.cat([k.reshape(1, CLASSES, -1) for _, k in grids], 2)
        sides = self.bins(box.reshape(1, 4, BINS, -1).transpose(1, 2).softmax(1)).reshape(1, 4, -1)
        before, after = sides.chunk(2, 1)
        middle = self.centres + (after - before) * (self.strides / 2)
        return torch.cat([middle, (before + after) * self.strides, kind.sigmoid()], 1)


def fold_norms(module):
    """Batch normalisation becomes part of the convolution before it; in place."""
    for m in module.modules():
        if isinstance(m, Conv):
            scale = m.norm.weight / torch.sqrt(m.norm.running_var + m.norm.eps)
            folded = nn.Conv2d(m.conv.in_channels, m.conv.out_channels, m.conv.kernel_size, m.conv.stride,
                               m.conv.padding)
            folded.weight.data = m.conv.weight.data * scale.data.view(-1, 1, 1, 1)
            folded.bias.data = (m.norm.bias - m.norm.running_mean * scale).data
            m.conv, m.norm = folded, nn.Identity()


def export(network, path, description):
    """*network* is used up."""
    import onnx

    network.eval()
    fold_norms(network)
    model = Exported(network).eval()
    torch.onnx.export(model, torch.zeros(1, 3, HEIGHT, WIDTH), path, input_names=["images"],
                      output_names=["output0"], opset_version=13, training=torch.onnx.TrainingMode.EVAL)
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, {
        "names": str(dict(enumerate(LABELS))), "description": description, "author": "Assay", "license": "Apache-2.0",
        "task": "detect", "stride": str(STRIDES[-1]), "imgsz": str([HEIGHT, WIDTH])})
    graph.doc_string = description
    onnx.checker.check_model(graph)
    onnx.save(graph, path)
