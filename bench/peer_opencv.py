#!/usr/bin/python3
"""The same job with OpenCV: VideoCapture, cv2.dnn, numpy. peer_opencv.py MODEL VIDEO [THREADS]

A YOLOX model (raw grids, BGR 0..255, top left letterbox), confidence 0.25, NMS IoU 0.7 per class. Prints one JSON line:
frames, seconds of the loop, frames per second, peak resident bytes.
"""
import json
import resource
import sys
import time

import cv2
import numpy as np

SIZE = 416
STRIDES = (8, 16, 32)
CONFIDENCE = 0.25
NMS_IOU = 0.7


def grids():
    cells, strides = [], []
    for stride in STRIDES:
        n = SIZE // stride
        y, x = np.mgrid[0:n, 0:n]
        cells.append(np.stack((x, y), 2).reshape(-1, 2))
        strides.append(np.full((n * n, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def detect(net, picture, cells, strides):
    height, width = picture.shape[:2]
    ratio = min(SIZE / height, SIZE / width)
    small = cv2.resize(picture, (int(width * ratio), int(height * ratio)), interpolation=cv2.INTER_LINEAR)
    canvas = np.full((SIZE, SIZE, 3), 114, np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small
    net.setInput(cv2.dnn.blobFromImage(canvas))
    out = net.forward()[0]
    classes = out[:, 5:].argmax(1)
    confidence = out[:, 4] * out[np.arange(len(out)), 5 + classes]
    keep = confidence >= CONFIDENCE
    centre = (out[keep, :2] + cells[keep]) * strides[keep]
    size = np.exp(out[keep, 2:4]) * strides[keep]
    boxes = np.concatenate(((centre - size / 2), size), 1) / ratio
    n = 0
    for c in np.unique(classes[keep]):
        mine = classes[keep] == c
        n += len(cv2.dnn.NMSBoxes(boxes[mine].tolist(), confidence[keep][mine].tolist(), CONFIDENCE, NMS_IOU))
    return n


def main():
    model, video = sys.argv[1:3]
    cv2.setNumThreads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
    net = cv2.dnn.readNetFromONNX(model)
    cells, strides = grids()
    capture = cv2.VideoCapture(video)
    frames = detections = 0
    begun = time.perf_counter()
    while True:
        ok, picture = capture.read()
        if not ok:
            break
        detections += detect(net, picture, cells, strides)
        frames += 1
    seconds = time.perf_counter() - begun
    print(json.dumps({"frames": frames, "detections": detections, "seconds": round(seconds, 3),
                      "frames_per_second": round(frames / seconds, 2),
                      "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
