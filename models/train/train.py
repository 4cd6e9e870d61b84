#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the demo model on frames of make_data.py; README.md says how it was run.

Two processes of one thread each take half of every batch and add their gradients up in shared memory. All choices
follow from --seed and the number of the step, so a training that was stopped goes on, from its last checkpoint, as if
it had not been. The learning rate rises, stays, and falls over the last part of --steps; --steps may be changed when
going on.
"""
import argparse
import copy
import math
import os
import pathlib
import time

os.environ["OMP_NUM_THREADS"] = "1"
import cv2
import numpy
import torch
import torch.multiprocessing as processes

from frames import Frames
from losses import loss_of
from network import LABELS, Network, cells, export

WORKERS = 2
WARM_UP = 200     # steps
SAVE_EVERY = 100  # steps
DECAY = 0.998     # of the averaged weights
PLAIN_PART = 0.87 # from here on frames are whole, and none is made nearer or farther
DESCRIPTION = ("Assay's demo model: vulnerable road users (" + ", ".join(LABELS) + ") in scenes drawn by `assay synth`. "
               "It was trained on drawn scenes only and knows nothing of real pictures.")


def rate_at(step, o):
    falls = o.steps * (1 - o.fall)
    rise = min(1, (step + 1) / WARM_UP)
    return o.rate * rise * (1 if step < falls else 0.01 + 0.99 * (1 + math.cos(math.pi * (step - falls) / (o.steps - falls))) / 2)


def in_turn(frames, o, nth):
    epoch, place = divmod(nth, len(frames))
    return numpy.random.default_rng([o.seed, epoch]).permutation(len(frames))[place]


def batch_of(frames, o, step, worker):
    half = o.batch // WORKERS
    pictures, objects, ignored = [], [], []
    for k in range(half):
        nth = step * o.batch + worker * half + k
        rng = numpy.random.default_rng([o.seed, 1, nth])
        early = step < o.steps * PLAIN_PART
        if early and rng.random() < o.pieces:
            picture, rows = frames.pieces(rng)
        else:
            i = frames.some_object(rng)[0] if o.pieces and rng.random() < 0.5 else in_turn(frames, o, nth)
            picture, rows = frames.whole(i, rng, early)
        pictures.append(picture)
        rows = numpy.concatenate([numpy.full((len(rows), 1), k, numpy.float32), rows], 1)
        objects.append(rows[rows[:, 6] == 0][:, :6])
        ignored.append(rows[rows[:, 6] > 0][:, [0, 2, 3, 4, 5]])
    join = lambda parts: torch.from_numpy(numpy.concatenate(parts))
    return torch.cat(pictures).contiguous(memory_format=torch.channels_last), join(objects), join(ignored)


def make_optimizer(network):
    plain = [p for p in network.parameters() if p.ndim == 1]
    shrunk = [p for p in network.parameters() if p.ndim > 1]
    return torch.optim.AdamW([{"params": shrunk, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0}],
                             betas=(0.9, 0.99))


def save(path, **what):
    torch.save(what, f"{path}.part")
    os.replace(f"{path}.part", path)


def average(kept, network, step):
    decay = min(DECAY, (step + 1) / (step + 10))
    with torch.no_grad():
        for k, v in network.state_dict().items():
            if v.is_floating_point():
                kept[k].mul_(decay).add_(v.detach(), alpha=1 - decay)


def work(worker, o, shared, barrier):
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(o.seed)
    network = Network().to(memory_format=torch.channels_last).train()
    optimizer = make_optimizer(network)
    if o.start:
        given = torch.load(o.start)["kept"]
        missing = network.load_state_dict(given, strict=False).missing_keys
        if worker == 0:
            print(f"{o.start}: {len(given)} tensors taken over, {len(missing)} begin anew", flush=True)
    kept = {k: v.clone() for k, v in network.state_dict().items()}
    step = 0
    path = o.out / "checkpoint.pt"
    if path.exists():
        state = torch.load(path)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        kept, step = state["kept"], state["step"]
    frames = Frames(o.data, o.clips)
    parameters = list(network.parameters())
    centres, strides = cells()
    log, sums, since, used = None, numpy.zeros(4), time.time(), time.process_time()
    if worker == 0:
        log = open(o.out / "log.tsv", "a", buffering=1)
    while step < o.steps:
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, o)
        pictures, objects, ignored = batch_of(frames, o, step, worker)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            grids = network(pictures)
        loss, parts = loss_of(grids, objects, ignored, centres, strides)
        loss.backward()
        torch.cat([p.grad.reshape(-1) for p in parameters], out=shared[worker])
        barrier.wait()
        mean = (shared[0] + shared[1]) / WORKERS
        barrier.wait()
        norm = mean.norm()
        if not torch.isfinite(norm):
            raise SystemExit(f"step {step}: the gradient is not finite")
        mean *= min(1, 10 / float(norm))
        at = 0
        for p in parameters:
            p.grad.copy_(mean[at:at + p.numel()].view_as(p))
            at += p.numel()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        average(kept, network, step)
        step += 1
        sums += [loss.item(), *parts]
        if worker == 0 and step % 20 == 0:
            now, cpu = time.time(), time.process_time()
            log.write("\t".join([str(step), str(step * o.batch), f"{rate_at(step - 1, o):.2e}",
                                 *(f"{v / 20:.4f}" for v in sums), f"{float(norm):.2f}", f"{now - since:.1f}",
                                 f"{cpu - used:.1f}"]) + "\n")
            sums, since, used = numpy.zeros(4), now, cpu
        if worker == 0 and (step % SAVE_EVERY == 0 or step == o.steps):
            save(path, network=network.state_dict(), optimizer=optimizer.state_dict(), kept=kept, step=step)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="directory that make_data.py filled")
    parser.add_argument("--clips", type=int, default=320, help="the first so many of them [320]")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="directory of checkpoint.pt and log.tsv")
    parser.add_argument("--start", type=pathlib.Path, help="begin with the averaged weights of this checkpoint")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--fall", type=float, default=0.35, help="share of the steps in which the rate falls [0.35]")
    parser.add_argument("--pieces", type=float, default=0.75, help="share of pictures put together of pieces of others [0.75]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--export", metavar="FILE.onnx", help="write the averaged weights of the checkpoint, and end")
    o = parser.parse_args()
    if o.export:
        network = Network()
        network.load_state_dict(torch.load(o.out / "checkpoint.pt")["kept"])
        export(network, o.export, DESCRIPTION)
        return
    o.out.mkdir(parents=True, exist_ok=True)
    shared = torch.zeros(WORKERS, sum(p.numel() for p in Network().parameters())).share_memory_()
    barrier = processes.get_context("fork").Barrier(WORKERS)
    processes.start_processes(work, (o, shared, barrier), WORKERS, start_method="fork")


if __name__ == "__main__":
    main()
