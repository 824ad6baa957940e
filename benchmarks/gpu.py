"""Measure the engine on a GPU: time of a step, share of the card's arithmetic, launches, and a default job.

    python benchmarks/gpu.py [--device cuda] [--size 512 1024 2048] [--output FOLDER]

A step's arithmetic is that of the convolutions up to conv5_1, forward and backward to the image (twice the forward's),
and of the Gram matrices; the card's rate is the best of large square matrix products in the same arithmetic, measured
here. Launch overhead is the share of a step in which the device had nothing to do (wall time less the device's own time,
from the profiler). Writes ``gpu.md``. It also runs with ``--device cpu``, for trying it out.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from stylecore import settings as declared
from stylecore.device.engine import Engine
from stylecore.objective.objective import STYLE_LAYERS, BalancedObjective, StylePicture, strength_weighting
from stylecore.painting.job import Job, Style
from stylecore.painting.lbfgs import BoxLBFGS

_CONVOLUTIONS = (
    (3, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 2), (128, 256, 4), (256, 256, 4), (256, 256, 4), (256, 256, 4),
    (256, 512, 8), (512, 512, 8), (512, 512, 8), (512, 512, 8), (512, 512, 16),
)  # fmt: skip
_GRAMS = ((64, 1), (128, 2), (256, 4), (512, 8), (512, 16))


def step_operations(side: int) -> float:
    """Return the floating-point operations of one step at ``side`` × ``side`` px."""
    convolutions = sum(2 * 9 * i * o * (side // down) ** 2 for i, o, down in _CONVOLUTIONS)
    grams = sum(2 * channels**2 * (side // down) ** 2 for channels, down in _GRAMS)
    return 2 * (convolutions + grams)  # forward, and backward to the input only


def wait(device: torch.device) -> None:
    """Return when the device has done all it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Return the device's best measured rate of matrix products, in operations a second."""
    best = 0.0
    for side in (1024, 2048) if device.type == "cpu" else (4096, 8192):
        left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        for _ in range(5):
            wait(device)
            begin = time.perf_counter()
            left @ right
            wait(device)
            best = max(best, 2 * side**3 / (time.perf_counter() - begin))
    return best


def measure(engine: Engine, side: int, steps: int) -> tuple[float, float | None]:
    """Return the median seconds of a step at ``side`` px and, on a GPU, the share of it in which the device was idle."""
    generator = torch.Generator().manual_seed(0)
    content, style = (torch.rand(1, 3, side, side, generator=generator).to(engine.device) for _ in range(2))
    network = engine.network(declared.defaults(), engine.arithmetic())
    objective = BalancedObjective(network, content, [StylePicture(style)], strength_weighting(50.0, 0.5))
    optimiser = BoxLBFGS(content, objective)
    for _ in range(3):
        optimiser.step()
    seconds = []
    for _ in range(steps):
        wait(engine.device)
        begin = time.perf_counter()
        optimiser.step()
        wait(engine.device)
        seconds.append(time.perf_counter() - begin)
    if engine.device.type != "cuda":
        return statistics.median(seconds), None
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as told:
        begin = time.perf_counter()
        for _ in range(5):
            optimiser.step()
        wait(engine.device)
        wall = time.perf_counter() - begin
    busy = sum(event.self_device_time_total for event in told.key_averages()) / 1e6
    return statistics.median(seconds), max(0.0, 1 - busy / wall)


def default_job(engine: Engine, side: int) -> float:
    """Return the seconds of a warm default job at ``side`` px."""
    random = np.random.default_rng(0)
    content, style = (random.random((side, side, 3), np.float32) for _ in range(2))
    taken = []
    for _ in range(2):  # the first warms up
        begin = time.perf_counter()
        job = Job(engine, content, [Style(style)])
        for _ in job.run():
            pass
        job.image()
        taken.append(time.perf_counter() - begin)
    return taken[-1]


def main() -> None:
    """Run the measurements that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    engine = Engine(options.device)
    arithmetic = engine.arithmetic()
    rate = matrix_rate(engine.device, arithmetic.dtype)
    lines = [
        f"Machine: {engine.device_name}, {platform.system()}, torch {torch.__version__}, "
        f"arithmetic {arithmetic}, matrix products {rate / 1e12:.1f} Tflop/s, "
        f"style layers {', '.join(STYLE_LAYERS)}.",
        "",
        "| px | ms a step | Tflop/s | share of the matrix rate | device idle | default job, s |",
        "|---|---|---|---|---|---|",
    ]
    for side in options.size:
        seconds, idle = measure(engine, side, options.steps)
        achieved = step_operations(side) / seconds
        lines.append(
            f"| {side} | {seconds * 1000:.1f} | {achieved / 1e12:.2f} | {achieved / rate:.0%} "
            f"| {'' if idle is None else f'{idle:.0%}'} | {default_job(engine, side):.2f} |"
        )
        print(lines[-1], flush=True)
    (options.output / "gpu.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
