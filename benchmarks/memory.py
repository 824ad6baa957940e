"""Measure memory and time of a step against the picture's size, in one piece and in blocks.

    python benchmarks/memory.py [--megapixels 0.25 1 4 16] [--whole-up-to 4] [--output FOLDER]
    python benchmarks/memory.py --ratio 1536 [--rounds 7]

Each point is a process of its own: a job with the default settings at its last scale, with a style as large as the picture,
for as many steps as fill the history. Memory is the growth of the resident peak over program, network and pictures. Writes
``memory.md``, ``memory.json`` and ``memory.png``, with the exponent of growth (slope in log-log). Linux only.
With ``--ratio``, one process takes steps in one piece and in blocks in turn, and tells the ratio of their times.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import json
import math
import re
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import torch

from stylecore.device.engine import Engine
from stylecore.device.memory_budget import WAYS, MemoryPlan
from stylecore.events import StepDone
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

#: What is measured, by the names in table and plot.
MEASURED = {
    "one piece": MemoryPlan(history=3),
    "large blocks": MemoryPlan(blocks=True, history=3, tiles=2.0, keep_narrowed=True),
    "blocks": MemoryPlan(blocks=True, history=3),
    "blocks, lean": WAYS[-2],
}


def status(name: str) -> int:
    """Return a line of this process's status, in bytes."""
    found = re.search(name + r":\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found.group(1)) * 1024


def picture_of(side: int) -> np.ndarray:
    """Return a soft pattern, ``side`` × ``side`` × 3."""
    coarse = np.random.default_rng(0).random((side // 8, side // 8, 3), np.float32)
    picture = torch.from_numpy(coarse).permute(2, 0, 1)[None]
    return torch.nn.functional.interpolate(picture, (side, side), mode="bilinear")[0].permute(1, 2, 0).numpy()


def paint(side: int, name: str, precision: str) -> dict[str, object]:
    """Fill the history at ``side`` × ``side`` px and return what they took."""
    engine = Engine("cpu")
    way = MEASURED[name]
    steps = way.history + 2
    settings = Settings(precision=precision, iterations=steps)
    content = picture_of(side)
    small = np.ascontiguousarray(content[:64, :64])
    for _ in Job(engine, PaintRequest(small, [Style(small)], settings)).run():
        pass  # warms up
    job = Job(engine, PaintRequest(content, [Style(content[:, ::-1])], settings))
    job.scales = [replace(job.scales[-1], size=(side, side), steps=steps, way=way)]
    ctypes.CDLL(None).malloc_trim(0)  # what making the pictures has left unused is not the job's to grow into
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    times = []
    for event in job.run():
        if isinstance(event, StepDone):
            times.append(time.perf_counter())
    job.image()
    peak = status("VmHWM") - before
    estimate = way.needs((side, side), (side, side), engine.computing(settings, job.arithmetic))
    between = [later - earlier for earlier, later in itertools.pairwise(times)]
    return {"side": side, "way": name, "seconds": statistics.median(between), "peak": peak,
            "process": status("VmHWM"), "estimate": estimate, "machine": engine.device_name,
            "arithmetic": str(job.arithmetic)}  # fmt: skip


def take_turns(side: int, rounds: int, precision: str) -> str:
    """Take steps at ``side`` × ``side`` px in one piece and in blocks in turn; return the comparison of their times."""
    engine = Engine("cpu")
    jobs = {}
    for name in ("one piece", "blocks"):
        content = picture_of(side)
        job = Job(
            engine, PaintRequest(content, [Style(content[:, ::-1])], Settings(precision=precision, iterations=rounds + 1))
        )
        job.scales = [replace(job.scales[-1], size=(side, side), steps=rounds + 1, way=MEASURED[name])]
        jobs[name] = (event for event in job.run() if isinstance(event, StepDone))
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds + 1):
        for name, steps in jobs.items():
            begin = time.perf_counter()
            next(steps)
            times[name].append(time.perf_counter() - begin)
    ratios = [blocks / whole for whole, blocks in zip(times["one piece"][1:], times["blocks"][1:], strict=True)]
    seconds = {name: statistics.median(each[1:]) for name, each in times.items()}  # without the first, which prepares
    return (
        f"{engine.device_name}, {precision}, {side} × {side} px, {rounds} steps each, in turn: one piece "
        f"{seconds['one piece']:.2f} s a step, blocks {seconds['blocks']:.2f} s; median of the ratios "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})."
    )


def exponent(points: list[dict], key: str) -> float:
    """Return the slope of a quantity against the number of pixels, in log-log."""
    pixels = [math.log(point["side"] ** 2) for point in points]
    return float(np.polyfit(pixels, [math.log(point[key]) for point in points], 1)[0])


def report(points: list[dict], output: Path) -> None:
    """Write the table and the plot."""
    lines = [
        f"Machine: {points[0]['machine']}, torch {torch.__version__}, arithmetic {points[0]['arithmetic']}.",
        "",
        "| megapixels | way | peak memory, MB | planner's estimate, MB | whole process, MB | seconds a step |",
        "|---|---|---|---|---|---|",
    ]
    for point in points:
        lines.append(
            f"| {point['side'] ** 2 / 1e6:.2f} | {point['way']} | {point['peak'] / 2**20:,.0f} "
            f"| {point['estimate'] / 2**20:,.0f} | {point['process'] / 2**20:,.0f} | {point['seconds']:.1f} |"
        )
    matplotlib.use("agg")
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for label in MEASURED:
        chosen = [point for point in points if point["way"] == label]
        if len(chosen) > 1:
            lines += [
                "",
                f"Growth with the number of pixels, {label}: memory to the power {exponent(chosen, 'peak'):.2f}, "
                f"time to the power {exponent(chosen, 'seconds'):.2f}.",
            ]
        pixels = [point["side"] ** 2 / 1e6 for point in chosen]
        axes[0].loglog(pixels, [point["peak"] / 2**30 for point in chosen], "o-", label=label)
        axes[1].loglog(pixels, [point["seconds"] for point in chosen], "o-", label=label)
    for axis, name in zip(axes, ("peak memory, GB", "seconds a step"), strict=True):
        axis.set(xlabel="megapixels", ylabel=name)
        for ticks in (axis.xaxis, axis.yaxis):
            ticks.set_major_locator(ticker.LogLocator(base=2))
            ticks.set_major_formatter("{x:g}")
            ticks.set_minor_locator(ticker.NullLocator())
        axis.legend()
        axis.grid(True, alpha=0.3)
    figure.savefig(output / "memory.png", dpi=110)
    (output / "memory.md").write_text("\n".join(lines) + "\n")
    (output / "memory.json").write_text(json.dumps(points, indent=1) + "\n")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.25, 1.0, 4.0, 16.0])
    parser.add_argument("--whole-up-to", type=float, default=4.0, help="megapixels that are also tried in one piece")
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output")
    parser.add_argument("--ratio", type=int, metavar="SIDE", help="compare the times of one piece and of blocks")
    parser.add_argument("--rounds", type=int, default=7, help="steps that --ratio takes of each")
    parser.add_argument("--point", nargs=2, help=argparse.SUPPRESS)  # side and way: one measurement, told as JSON
    options = parser.parse_args()
    if options.point:
        print(json.dumps(paint(int(options.point[0]), options.point[1], options.precision)))
        return
    if options.ratio:
        print(take_turns(options.ratio, options.rounds, options.precision))
        return
    options.output.mkdir(parents=True, exist_ok=True)
    points = []
    for megapixels in options.megapixels:
        side = round(math.sqrt(megapixels * 2**20) / 16) * 16
        for name, way in MEASURED.items():
            if way.blocks or megapixels <= options.whole_up_to:
                command = [sys.executable, __file__, "--point", str(side), name, "--precision", options.precision]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                points.append(json.loads(done.stdout))
                report(points, options.output)
                print((options.output / "memory.md").read_text().splitlines()[3 + len(points)], flush=True)


if __name__ == "__main__":
    main()
