# SPDX-License-Identifier: Apache-2.0
"""The frames that make_data.py left, varied: mirrored, nearer or farther, other light."""
import cv2
import numpy
import torch

from network import HEIGHT, WIDTH

ROWS = 360  # of a frame; the network's rectangle has a border above and below it
FILL = 114
MIN_WIDTH, MIN_HEIGHT, MIN_SHARE = 2.5, 7, 0.25  # below: ignored, as the truth's own rule is, halved


class Frames:
    def __init__(self, folder, clips):
        self.truth, self.pictures = [], []
        for k in range(clips):
            truth = numpy.load(folder / f"{k}.npy")
            pictures = numpy.memmap(folder / f"{k}.rgb", numpy.uint8, "r").reshape(-1, ROWS, WIDTH, 3)
            for f in range(len(pictures)):
                self.pictures.append(pictures[f])
                self.truth.append(truth[truth[:, 0] == f, 1:])

    def __len__(self):
        return len(self.pictures)

    def varied(self, i, rng, scales):
        """Picture (3, HEIGHT, WIDTH) and rows class, x1, y1, x2, y2, ignored. scales: also nearer or farther."""
        picture, truth = self.pictures[i], self.truth[i].copy()
        s, dx, dy = 1.0, 0.0, (HEIGHT - ROWS) / 2
        if scales and rng.random() < 0.5:
            s = float(numpy.exp(rng.uniform(numpy.log(0.8), numpy.log(1.4))))
            dx, dy = rng.uniform(0, 1) * (WIDTH - WIDTH * s), rng.uniform(0, 1) * (HEIGHT - ROWS * s)
        boxes = truth[:, 1:5]
        boxes[:, 2:] += boxes[:, :2]
        boxes = boxes * s + numpy.array([dx, dy, dx, dy], numpy.float32)
        turn = numpy.array([[s, 0, dx + (s - 1) / 2], [0, s, dy + (s - 1) / 2]])
        if rng.random() < 0.5:
            boxes = numpy.stack([WIDTH - boxes[:, 2], boxes[:, 1], WIDTH - boxes[:, 0], boxes[:, 3]], 1)
            turn = numpy.array([[-turn[0, 0], 0, WIDTH - 1 - turn[0, 2]], turn[1]])
        picture = cv2.warpAffine(numpy.ascontiguousarray(picture), turn, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR,
                                 borderMode=cv2.BORDER_CONSTANT, borderValue=(FILL, FILL, FILL))
        picture = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        if rng.random() < 0.7:
            gain = rng.uniform(0.75, 1.3) * rng.uniform(0.93, 1.07, 3)
            picture = (picture * torch.tensor(gain, dtype=torch.float32).view(1, 3, 1, 1)
                       + float(rng.uniform(-0.05, 0.05))).clamp_(0, 1)
        return picture, self.clip(boxes, truth)

    @staticmethod
    def clip(boxes, truth):
        whole = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        boxes = numpy.stack([boxes[:, 0].clip(0, WIDTH), boxes[:, 1].clip(0, HEIGHT), boxes[:, 2].clip(0, WIDTH),
                             boxes[:, 3].clip(0, HEIGHT)], 1)
        sides = boxes[:, 2:] - boxes[:, :2]
        ignored = ((truth[:, 5] > 0) | (sides[:, 0] < MIN_WIDTH) | (sides[:, 1] < MIN_HEIGHT)
                   | (sides.prod(1) < MIN_SHARE * whole))
        rows = numpy.concatenate([truth[:, :1], boxes, ignored[:, None]], 1).astype(numpy.float32)
        return rows[(sides > 0).all(1)]
