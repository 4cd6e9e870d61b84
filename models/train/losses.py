# SPDX-License-Identifier: Apache-2.0
"""What the network is taught: which cells answer for which object, and how far off they are.

Written from the papers: task-aligned assignment (Feng et al., "TOOD", 2021), complete IoU (Zheng et al., 2020),
distribution focal loss (Li et al., "Generalized Focal Loss", 2020). Boxes are x1, y1, x2, y2 in pixels.
"""
import math

import torch
from torch.nn import functional as F

from network import BINS, CLASSES, FIRST_BIN, STRIDES

CELLS_PER_OBJECT = 8
NEAR = 4.8   # pixels: a cell this near the middle of a small object may answer for it
FINEST = 4   # the stride whose cells answer for small objects only:
SMALL = 64   # pixels of the longer side
KIND_POWER, BOX_POWER = 0.5, 6.0
KIND_WEIGHTS = (1.0, 1.5, 1.0, 1.2, 2.0)  # of the cells that answer for an object of that class: what they say it is
BOX_GAIN, BINS_GAIN, KIND_GAIN = 5.0, 1.0, 1.0


def iou_of(a, b):
    """IoU and the enclosing width and height of boxes, row by row."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    both = (high - low).clamp(min=0).prod(1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(1), (b[:, 2:] - b[:, :2]).clamp(min=0).prod(1)
    around = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    return both / (area_a + area_b - both + 1e-7), around


def complete_iou(a, b):
    iou, around = iou_of(a, b)
    apart = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) ** 2).sum(1) / 4
    size_a, size_b = (a[:, 2:] - a[:, :2]).clamp(min=1e-3), (b[:, 2:] - b[:, :2]).clamp(min=1e-3)
    shape = 4 / math.pi ** 2 * (torch.atan(size_b[:, 0] / size_b[:, 1]) - torch.atan(size_a[:, 0] / size_a[:, 1])) ** 2
    with torch.no_grad():
        weight = shape / (1 - iou + shape + 1e-7)
    return iou - apart / ((around ** 2).sum(1) + 1e-7) - weight * shape


def first_of_runs(keys):
    """True where a sorted vector has a new value."""
    new = torch.ones_like(keys, dtype=torch.bool)
    new[1:] = keys[1:] != keys[:-1]
    return new


def sides_of(bins, strides):
    """Distances in pixels from (rows, 4 * BINS) and the strides (rows, 1) of their cells."""
    distances = torch.arange(FIRST_BIN, FIRST_BIN + BINS).float()
    return (bins.reshape(-1, 4, BINS).softmax(2) @ distances) * strides


def rows_of(maps, picture, cell):
    """The rows of some cells out of maps (n, cells of the grid, values), one a grid."""
    rows = torch.zeros(len(cell), maps[0].shape[2])
    first = 0
    for m in maps:
        here = ((cell >= first) & (cell < first + m.shape[1])).nonzero()[:, 0]
        rows = rows.index_put((here,), m[picture[here], cell[here] - first].float())
        first += m.shape[1]
    return rows


def near_cells(objects, sizes):
    """(objects, cells): may this cell answer for that object? sizes: stride, rows and columns of each grid."""
    middle, half = (objects[:, 2:4] + objects[:, 4:6]) / 2, (objects[:, 4:6] - objects[:, 2:4]) / 2
    reach = half.clamp(min=NEAR)
    near = []
    for stride, rows, columns in sizes:
        x, y = ((torch.arange(n) + 0.5) * stride for n in (columns, rows))
        is_column, is_row = ((v - middle[:, i:i + 1]).abs() < reach[:, i:i + 1] for i, v in enumerate((x, y)))
        if stride == FINEST:
            is_row &= half.amax(1, keepdim=True) < SMALL / 2
        near.append((is_row[:, :, None] & is_column[:, None, :]).flatten(1))
    return torch.cat(near, 1)


@torch.no_grad()
def assign(bins, logits, objects, near, centres, strides):
    """Cells for objects. objects: rows picture, class, x1, y1, x2, y2. -> picture, cell, object, target of each."""
    which, cell = near.nonzero(as_tuple=True)
    picture, kind = objects[which, 0].long(), objects[which, 1].long()
    sides = sides_of(rows_of(bins, picture, cell), strides[cell])
    boxes = torch.cat([centres[cell] - sides[:, :2], centres[cell] + sides[:, 2:]], 1)
    iou = iou_of(boxes, objects[which, 2:6])[0]
    fit = logits[picture, cell, kind].sigmoid() ** KIND_POWER * iou ** BOX_POWER + 1e-12
    # The best cells of each object ...
    order = torch.argsort(fit, descending=True, stable=True)
    order = order[torch.argsort(which[order], stable=True)]
    first = first_of_runs(which[order])
    place = torch.arange(len(order))
    rank = place - torch.cummax(place * first, 0)[0]
    order = order[rank < CELLS_PER_OBJECT]
    # ... and of objects that share a cell, the one that its box fits best.
    order = order[torch.argsort(iou[order], descending=True, stable=True)]
    at = picture * centres.shape[0] + cell
    order = order[torch.argsort(at[order], stable=True)]
    order = order[first_of_runs(at[order])]
    which, iou, fit = which[order], iou[order], fit[order]
    best_fit = torch.zeros(len(objects)).scatter_reduce(0, which, fit, "amax")
    best_iou = torch.zeros(len(objects)).scatter_reduce(0, which, iou, "amax")
    return picture[order], cell[order], which, fit / best_fit[which] * best_iou[which]


def loss_of(grids, objects, ignored, centres, strides):
    """grids as the network gives them; ignored: rows picture, x1, y1, x2, y2. -> loss and its three parts."""
    n = grids[0][0].shape[0]
    bins = [b.permute(0, 2, 3, 1).reshape(n, -1, 4 * BINS) for b, _ in grids]
    logits = torch.cat([k.permute(0, 2, 3, 1).reshape(n, -1, CLASSES) for _, k in grids], 1).float()
    near = near_cells(objects, [(s, k.shape[2], k.shape[3]) for s, (_, k) in zip(STRIDES, grids)])
    with torch.no_grad():
        picture, cell, which, target = assign(bins, logits, objects, near, centres, strides)
        targets, weights = torch.zeros_like(logits), torch.ones_like(logits[..., :1])
        for row in ignored:
            inside = (centres > row[1:3] - 4).all(1) & (centres < row[3:5] + 4).all(1)
            weights[row[0].long(), inside] = 0
        weights[picture, cell] = torch.tensor(KIND_WEIGHTS)[objects[which, 1].long()][:, None]
        targets[picture, cell, objects[which, 1].long()] = target
        total = target.sum().clamp(min=1)
    kind_loss = (F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * weights).sum() / total
    own = rows_of(bins, picture, cell)
    sides = sides_of(own, strides[cell])
    own_boxes = torch.cat([centres[cell] - sides[:, :2], centres[cell] + sides[:, 2:]], 1)
    truth = objects[which, 2:6]
    box_loss = ((1 - complete_iou(own_boxes, truth)) * target).sum() / total
    wanted = torch.cat([centres[cell] - truth[:, :2], truth[:, 2:] - centres[cell]], 1) / strides[cell] - FIRST_BIN
    wanted = wanted.clamp(0, BINS - 1.01)
    low = wanted.floor().long()
    share = wanted - low
    log = F.log_softmax(own.reshape(-1, 4, BINS), 2)
    bins_loss = -(log.gather(2, low[..., None])[..., 0] * (1 - share) + log.gather(2, low[..., None] + 1)[..., 0] * share)
    bins_loss = (bins_loss.mean(1) * target).sum() / total
    loss = BOX_GAIN * box_loss + BINS_GAIN * bins_loss + KIND_GAIN * kind_loss
    return loss, (box_loss.item(), bins_loss.item(), kind_loss.item())
