# SPDX-License-Identifier: Apache-2.0
"""The frames that make_data.py left, varied: mirrored, nearer or farther, other light; whole, or in pieces."""
import cv2
import numpy
import torch

from network import HEIGHT, WIDTH

ROWS = 360  # of a frame; the network's rectangle has a border above and below it
FILL = 114
KIND_SHARES = (0.15, 0.23, 0.07, 0.2, 0.35)  # of the objects that pieces and frames are chosen for: the rarer, the more
MIN_WIDTH, MIN_HEIGHT, MIN_SHARE = 2.5, 7, 0.25  # below: ignored, as the truth's own rule is, halved


def shift_of(middle, side, whole, rng):
    """Of a piece of the frame: *middle* is not at its rim, and the piece in the frame where it can be."""
    low, high = max(0, middle - 0.8 * side), min(whole - side, middle - 0.2 * side)
    return -float(rng.uniform(min(low, high), max(low, high)))


class Frames:
    def __init__(self, folder, clips):
        self.truth, self.pictures = [], []
        for k in range(clips):
            truth = numpy.load(folder / f"{k}.npy")
            pictures = numpy.memmap(folder / f"{k}.rgb", numpy.uint8, "r").reshape(-1, ROWS, WIDTH, 3)
            for f in range(len(pictures)):
                self.pictures.append(pictures[f])
                self.truth.append(truth[truth[:, 0] == f, 1:])
        at = numpy.array([(i, k, int(row[0])) for i, rows in enumerate(self.truth) for k, row in enumerate(rows) if not row[5]])
        self.of_kind = [at[at[:, 2] == kind, :2] for kind in range(len(KIND_SHARES))]

    def __len__(self):
        return len(self.pictures)

    def some_object(self, rng):
        """Frame and row of an object, its class drawn by KIND_SHARES."""
        of_kind = self.of_kind[rng.choice(len(KIND_SHARES), p=KIND_SHARES)]
        return of_kind[rng.integers(len(of_kind))]

    def whole(self, i, rng, scales):
        """Picture (3, HEIGHT, WIDTH) and rows class, x1, y1, x2, y2, ignored. scales: also nearer or farther."""
        s, dx, dy = 1.0, 0.0, (HEIGHT - ROWS) / 2
        if scales and rng.random() < 0.5:
            s = float(numpy.exp(rng.uniform(numpy.log(0.8), numpy.log(1.4))))
            dx, dy = rng.uniform(0, 1) * (WIDTH - WIDTH * s), rng.uniform(0, 1) * (HEIGHT - ROWS * s)
        return self.view(i, (WIDTH, HEIGHT), s, dx, dy, rng)

    def pieces(self, rng):
        """Likewise, of four or six pieces of other frames; each has the middle of an object that some_object() drew."""
        rows, columns = (2 if rng.random() < 0.4 else 3), 2
        size = WIDTH // columns, HEIGHT // rows
        bands, objects = [], []
        for y in range(0, HEIGHT, size[1]):
            band = []
            for x in range(0, WIDTH, size[0]):
                i, k = self.some_object(rng)
                box = self.truth[i][k, 1:5]
                s = float(numpy.exp(rng.uniform(numpy.log(0.8), numpy.log(1.4))))
                dx = shift_of((box[0] + box[2] / 2) * s, size[0], WIDTH * s, rng)
                dy = shift_of((box[1] + box[3] / 2) * s, size[1], ROWS * s, rng)
                picture, some = self.view(i, size, s, dx, dy, rng)
                some[:, 1:5] += numpy.array([x, y, x, y], numpy.float32)
                band.append(picture)
                objects.append(some)
            bands.append(torch.cat(band, 3))
        return torch.cat(bands, 2), numpy.concatenate(objects)

    def view(self, i, size, s, dx, dy, rng):
        """Frame *i*, s times as large, moved by dx and dy and cut to size; half of them mirrored, most in other light."""
        truth = self.truth[i]
        boxes = truth[:, 1:5].copy()
        boxes[:, 2:] += boxes[:, :2]
        boxes = boxes * s + numpy.array([dx, dy, dx, dy], numpy.float32)
        turn = numpy.array([[s, 0, dx + (s - 1) / 2], [0, s, dy + (s - 1) / 2]])
        if rng.random() < 0.5:
            boxes = numpy.stack([size[0] - boxes[:, 2], boxes[:, 1], size[0] - boxes[:, 0], boxes[:, 3]], 1)
            turn = numpy.array([[-turn[0, 0], 0, size[0] - 1 - turn[0, 2]], turn[1]])
        picture = cv2.warpAffine(numpy.ascontiguousarray(self.pictures[i]), turn, size, flags=cv2.INTER_LINEAR,
                                 borderMode=cv2.BORDER_CONSTANT, borderValue=(FILL, FILL, FILL))
        picture = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        if rng.random() < 0.7:
            gain = rng.uniform(0.75, 1.3) * rng.uniform(0.93, 1.07, 3)
            picture = (picture * torch.tensor(gain, dtype=torch.float32).view(1, 3, 1, 1)
                       + float(rng.uniform(-0.05, 0.05))).clamp_(0, 1)
        return picture, self.clip(boxes, truth, size)

    @staticmethod
    def clip(boxes, truth, size):
        whole = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        boxes = numpy.stack([boxes[:, 0].clip(0, size[0]), boxes[:, 1].clip(0, size[1]), boxes[:, 2].clip(0, size[0]),
                             boxes[:, 3].clip(0, size[1])], 1)
        sides = boxes[:, 2:] - boxes[:, :2]
        ignored = ((truth[:, 5] > 0) | (sides[:, 0] < MIN_WIDTH) | (sides[:, 1] < MIN_HEIGHT)
                   | (sides.prod(1) < MIN_SHARE * whole))
        rows = numpy.concatenate([truth[:, :1], boxes, ignored[:, None]], 1).astype(numpy.float32)
        return rows[(sides > 0).all(1)]
