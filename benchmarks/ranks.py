"""Measure how painting one picture in strips scales with the number of processes, and what they exchange.

    python -m benchmarks.ranks [--side 1024] [--ranks 1 2] [--rounds 3] [--output FOLDER]

Each process has one thread. The numbers of processes take turns, each time anew, for so many rounds; a run is some steps at
one scale in blocks. What is exchanged is counted, in bytes that a rank hands over for each evaluation of the objective.
Writes ``ranks.md`` and ``ranks.json``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import start_processes

from benchmarks.memory import picture_of
from stylecore.device.engine import Engine
from stylecore.device.memory_budget import MemoryPlan
from stylecore.events import StepDone
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from stylecore.tensors.strips import Ranks

_STEPS = 6
_HISTORY = 10


def _paint(rank: int, count: int, side: int, precision: str, folder: str) -> None:
    """Take some steps, and tell on rank 0 how long each took and what was exchanged."""
    os.environ.update(GLOO_SOCKET_IFNAME="lo", LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE=str(count))
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[rank % len(cores)]})
    dist.init_process_group("gloo", store=dist.FileStore(f"{folder}/meeting", count), rank=rank, world_size=count)
    ranks = Ranks.joined()
    engine = Engine("cpu", threads=1)
    content = picture_of(side)
    settings = Settings(precision=precision, iterations=_STEPS)
    job = Job(engine, PaintRequest(content, [Style(np.ascontiguousarray(content[:, ::-1]))], settings), ranks=ranks)
    way = MemoryPlan(blocks=True, history=_HISTORY)
    job.scales = [replace(job.scales[-1], size=(side, side), steps=_STEPS, way=way)]
    times, before = [], ranks.traffic.copy()
    for event in job.run():
        if isinstance(event, StepDone):
            times.append(time.perf_counter())
            if len(times) == 1:  # with it come the targets and the first evaluation
                before = ranks.traffic.copy()
            if len(times) == _STEPS:
                break
    traffic = {what: (ranks.traffic[what] - before[what]) / (_STEPS - 1) for what in ("halos", "sums", "products")}
    if rank == min(1, count - 1):  # of three or more, one with two neighbours
        between = [later - earlier for earlier, later in itertools.pairwise(times)]
        told = {"seconds": statistics.median(between), "traffic": traffic, "device": engine.device_name}
        Path(folder, "told").write_text(json.dumps(told))
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    runs: dict[int, list[dict]] = {count: [] for count in options.ranks}
    for _ in range(options.rounds):
        for count, found in runs.items():
            with tempfile.TemporaryDirectory() as folder:
                start_processes(_paint, (count, options.side, options.precision, folder), count, start_method="spawn")
                found.append(json.loads(Path(folder, "told").read_text()))
    first = options.ranks[0]
    lines = [
        f"{options.side} × {options.side} px, {options.precision}, history {_HISTORY}, {runs[first][0]['device']} for each "
        f"process, torch {torch.__version__}; medians of {options.rounds} rounds in turn.",
        "",
        "| processes | seconds a step | speed-up (each round) | halos, kB a step | sums, kB | products, kB |",
        "|---|---|---|---|---|---|",
    ]
    for count, found in runs.items():
        gains = [base["seconds"] / each["seconds"] for base, each in zip(runs[first], found, strict=True)]
        traffic = found[0]["traffic"]
        lines.append(
            f"| {count} | {statistics.median(each['seconds'] for each in found):.2f} "
            f"| {statistics.median(gains):.2f} ({', '.join(f'{gain:.2f}' for gain in gains)}) "
            f"| {traffic['halos'] / 1e3:,.0f} | {traffic['sums'] / 1e3:,.0f} | {traffic['products'] / 1e3:,.1f} |"
        )
    (options.output / "ranks.md").write_text("\n".join(lines) + "\n")
    (options.output / "ranks.json").write_text(json.dumps(runs, indent=1) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
