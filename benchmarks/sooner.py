"""How long a painting takes, the way it was and the way it is, in units of the machine's own matrix products.

    python -m benchmarks.sooner                      # 512 px, normal and draft, two rounds
    python -m benchmarks.sooner --side 1500 --rounds 1
    python -m benchmarks.sooner --json FILE

One unit is the time of 1.65 TFLOP of products in the arithmetic that paints (bfloat16 or float32), measured beside each
painting, so that machines can be compared. The two ways take turns; given are medians, the ratio of the two, the seconds to
the end of the first scale and to the first picture of half the size, and how far both end from the style and the content by
the exact, deep objective.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from benchmarks.time_left import sample
from stylecore.device import engine as engines
from stylecore.device.engine import Engine
from stylecore.events import ScaleStarted
from stylecore.experiments.scores import Judge
from stylecore.painting import job as jobs
from stylecore.painting.job import Job
from stylecore.painting.planning import plan
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

#: A unit's products, in floating-point operations.
_UNIT = 1.65e12
# The way it was: more steps, all layers of the exact network at every scale, and nothing taken along.
_STEPS_BEFORE = {"draft": plan._Steps((30, 20, 12, 8), 12), "normal": plan._Steps((40, 30, 24, 16), 30)}


@contextmanager
def as_before() -> Iterator[None]:
    """Let jobs be planned and painted the way they were."""
    before: list[tuple[object, str, object]] = [
        (plan, "_STEPS_OF_PROCESSOR", _STEPS_BEFORE),
        (jobs, "_TAKEN_ALONG", 0),
        (engines, "IN_LOW_RANK", ()),
    ]
    now = [getattr(where, name) for where, name, _ in before]
    for where, name, value in before:
        setattr(where, name, value)
    try:
        yield
    finally:
        for (where, name, _), value in zip(before, now, strict=True):
            setattr(where, name, value)


def unit(dtype: torch.dtype, seconds: float = 1.0) -> float:
    """Return how many seconds a unit takes on this machine at this moment."""
    side = 1024
    left = torch.randn(side, side).to(dtype)
    begin, count = time.perf_counter(), 0
    while (taken := time.perf_counter() - begin) < seconds:
        left @ left
        count += 1
    return _UNIT * taken / (count * 2 * side**3)


def paint(engine: Engine, side: int, quality: str, precision: str) -> dict[str, float]:
    """Paint, and return the seconds, those to the first two pictures that can be shown, units, and what it came to."""
    content, style = sample("content", side), sample("styles", side)
    dtype = engine.arithmetic(precision).dtype
    before = unit(dtype)
    request = PaintRequest(content, [Style(style)], Settings(quality=quality, precision=precision))
    job = Job(engine, request)
    begin, half, first = time.perf_counter(), 0.0, 0.0
    for event in job.run():
        if isinstance(event, ScaleStarted) and event.scale == 2:
            first = time.perf_counter() - begin
        if isinstance(event, ScaleStarted) and event.scale == event.scales:
            half = time.perf_counter() - begin
    seconds = time.perf_counter() - begin
    one = (before + unit(dtype)) / 2
    score = Judge(engine, request).score(job.image())
    return {
        "seconds": seconds,
        "units": seconds / one,
        "first scale": first,
        "half the size": half,
        "content": score.content,
        "style": score.style,
    }


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Print a table, and return its numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512, help="px of the longer side")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--qualities", nargs="+", default=["normal", "draft"], choices=["normal", "draft"])
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--only-now", action="store_true", help="not the way it was, which may take an hour")
    parser.add_argument("--weights", help="as of the setting; for trying the program out")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    engine = Engine("cpu", options.weights)
    arithmetic = engine.arithmetic_for(Settings(precision=options.precision))
    found: dict[str, Any] = {"machine": engine.device_name, "arithmetic": str(arithmetic), "side": options.side}
    print(f"{found['machine']}, {found['arithmetic']}, {options.side} px")
    for quality in options.qualities:
        runs: dict[str, list[dict[str, float]]] = {"before": [], "now": []}
        for _ in range(options.rounds):
            if not options.only_now:
                with as_before():
                    runs["before"].append(paint(engine, options.side, quality, options.precision))
            runs["now"].append(paint(engine, options.side, quality, options.precision))
        medians = {
            way: {name: statistics.median(run[name] for run in each) for name in each[0]}
            for way, each in runs.items()
            if each
        }
        ratios = [now["units"] / before["units"] for now, before in zip(runs["now"], runs["before"], strict=False)]
        found[quality] = {**medians, "ratio": statistics.median(ratios) if ratios else None}
        for way, each in medians.items():
            print(f"  {quality}, {way}: " + ", ".join(f"{name} {value:.3g}" for name, value in each.items()))
        if ratios:
            print(f"  {quality}: {found[quality]['ratio']:.2f} of the time")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    main()
