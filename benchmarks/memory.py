"""Measure memory and time of a step against the picture's size, in one piece and in blocks.

    python benchmarks/memory.py [--megapixels 0.25 1 4 16] [--whole-up-to 4] [--output FOLDER]

Each point is a process of its own: the balanced objective with a style as large as the picture, the targets and two steps.
Memory is the growth of the resident peak over the loaded network. Writes ``memory.md`` and ``memory.png`` with the exponent
of growth (slope in log-log). Linux only.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch

from stylecore import settings as declared
from stylecore.blocks import Blocks
from stylecore.engine import Engine
from stylecore.memory import Way
from stylecore.objective import BalancedObjective, StylePicture, strength_weighting
from stylecore.optimiser import BoxLBFGS


def status(name: str) -> int:
    """Return a line of this process's status, in bytes."""
    found = re.search(name + r":\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found.group(1)) * 1024


def paint(side: int, way: Way, precision: str, steps: int) -> dict[str, object]:
    """Do a few steps at ``side`` × ``side`` px and return what they took."""
    engine = Engine("cpu")
    dtype = engine.dtype(precision)
    network = engine.network({**declared.defaults(), "precision": precision})
    weighting = strength_weighting(50.0, 0.5)
    small = torch.rand(1, 3, 64, 64)
    BoxLBFGS(small, BalancedObjective(network, small, [StylePicture(small)], weighting)).step()  # warms up
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, side // 8, side // 8, generator=generator)
    content = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")
    blocks = Blocks(network, way.tiles) if way.blocks else None
    objective = BalancedObjective(network, content, [StylePicture(content.flip(3))], weighting, blocks=blocks)
    optimiser = BoxLBFGS(content, objective, history=way.history)
    seconds = []
    for _ in range(steps):
        begin = time.perf_counter()
        optimiser.step()
        seconds.append(time.perf_counter() - begin)
    peak = status("VmHWM") - before
    estimate = way.needs(side * side, side * side, dtype)
    return {"side": side, "blocks": way.blocks, "seconds": min(seconds), "peak": peak, "estimate": estimate,
            "machine": engine.device_name, "arithmetic": str(dtype).split(".")[-1]}  # fmt: skip


def exponent(points: list[dict], key: str) -> float:
    """Return the slope of a quantity against the number of pixels, in log-log."""
    pixels = [math.log(point["side"] ** 2) for point in points]
    return float(np.polyfit(pixels, [math.log(point[key]) for point in points], 1)[0])


def report(points: list[dict], output: Path) -> None:
    """Write the table and the plot."""
    lines = [
        f"Machine: {points[0]['machine']}, torch {torch.__version__}, arithmetic {points[0]['arithmetic']}, "
        "history of 5 steps.",
        "",
        "| megapixels | way | peak memory, MB | planner's estimate, MB | seconds a step |",
        "|---|---|---|---|---|",
    ]
    for point in points:
        lines.append(
            f"| {point['side'] ** 2 / 1e6:.2f} | {'blocks' if point['blocks'] else 'one piece'} "
            f"| {point['peak'] / 2**20:,.0f} | {point['estimate'] / 2**20:,.0f} | {point['seconds']:.1f} |"
        )
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for blocks, label in ((False, "one piece"), (True, "blocks")):
        chosen = [point for point in points if point["blocks"] == blocks]
        if len(chosen) > 1:
            lines += ["", f"Growth with the number of pixels, {label}: memory to the power {exponent(chosen, 'peak'):.2f}, "
                          f"time to the power {exponent(chosen, 'seconds'):.2f}."]  # fmt: skip
        pixels = [point["side"] ** 2 / 1e6 for point in chosen]
        axes[0].loglog(pixels, [point["peak"] / 2**30 for point in chosen], "o-", label=label)
        axes[1].loglog(pixels, [point["seconds"] for point in chosen], "o-", label=label)
    for axis, name in zip(axes, ("peak memory, GB", "seconds a step"), strict=True):
        axis.set(xlabel="megapixels", ylabel=name)
        axis.legend()
        axis.grid(True, which="both", alpha=0.3)
    figure.savefig(output / "memory.png", dpi=110)
    (output / "memory.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.25, 1.0, 4.0, 16.0])
    parser.add_argument("--whole-up-to", type=float, default=4.0, help="megapixels that are also tried in one piece")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output")
    parser.add_argument("--point", nargs=2, help=argparse.SUPPRESS)  # side and way: one measurement, told as JSON
    options = parser.parse_args()
    if options.point:
        way = Way(blocks=options.point[1] == "blocks", history=5)
        print(json.dumps(paint(int(options.point[0]), way, options.precision, options.steps)))
        return
    options.output.mkdir(parents=True, exist_ok=True)
    points = []
    for megapixels in options.megapixels:
        side = round(math.sqrt(megapixels * 2**20) / 16) * 16
        for way in ("one piece", "blocks"):
            if way == "blocks" or megapixels <= options.whole_up_to:
                command = [sys.executable, __file__, "--point", str(side), way, "--precision", options.precision]
                done = subprocess.run([*command, "--steps", str(options.steps)], capture_output=True, text=True, check=True)
                points.append(json.loads(done.stdout))
                report(points, options.output)


if __name__ == "__main__":
    main()
