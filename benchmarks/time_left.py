"""How right the time left is: what was told at each moment of a painting, against what it then took.

    python -m benchmarks.time_left                          # 256, 512 and 1500 px
    python -m benchmarks.time_left --sizes 256 512 --busy   # with another busy process beside it

Each size is painted on a machine that has painted nothing, and again when it has. Told is the worst ratio of the two times
(1 is right, 2 is twice as long or half) from the first fifth of the painting on, until a second before its end, and the
share of the time for which nothing was told.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stylecore.device.engine import Engine
from stylecore.events import Finished, ScaleStarted, StepDone
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
_BUSY = "while True: pass"


def sample(folder: str, side: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The first sample of a folder, its longer side scaled to ``side``: h × w × 3 in [0, 1]."""
    with Image.open(sorted((SAMPLES / folder).glob("*.jpg"))[0]) as file:
        picture = file.convert("RGB")
    size = tuple(round(side * each / max(picture.size)) for each in picture.size)
    return np.asarray(picture.resize((size[0], size[1]), Image.Resampling.LANCZOS), np.float32) / np.float32(255)


def trace(engine: Engine, side: int, quality: str) -> tuple[float, list[tuple[float, float | None]]]:
    """Paint, and return the seconds it took and what was told after how many."""
    job = Job(engine, PaintRequest(sample("content", side), [Style(sample("styles", side))], Settings(quality=quality)))
    told: list[tuple[float, float | None]] = []
    begin = time.perf_counter()
    for event in job.run():
        if isinstance(event, ScaleStarted | StepDone):
            told.append((time.perf_counter() - begin, event.seconds_left))
        assert not isinstance(event, Finished) or not event.stopped
    return time.perf_counter() - begin, told


def judged(whole: float, told: Sequence[tuple[float, float | None]], since: float = 0.2) -> dict[str, float]:
    """Return the worst ratio from a part of the time on, and the share of it for which nothing was told."""
    worst, silent = 1.0, 0.0
    for (at, left), (following, _) in zip(told, [*told[1:], (whole, None)], strict=True):
        if left is None:
            silent += following - at
        elif at >= since * whole and whole - at > 1.0:
            worst = max(worst, (left + 0.5) / (whole - at + 0.5), (whole - at + 0.5) / (left + 0.5))
    return {"seconds": round(whole, 1), "worst": round(worst, 2), "silent": round(silent / whole, 3)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and write JSON if asked to; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1500])
    parser.add_argument("--quality", default="normal")
    parser.add_argument("--busy", action="store_true", help="beside another busy process")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    busy = subprocess.Popen([sys.executable, "-c", _BUSY]) if options.busy else None
    found = []
    try:
        for size in options.sizes:
            with tempfile.TemporaryDirectory() as folder:
                for known in (False, True):
                    engine = Engine(threads=options.threads, folder=Path(folder))
                    row = {"size": size, "busy": options.busy, "painted before": known}
                    found.append({**row, **judged(*trace(engine, size, options.quality))})
                    print(found[-1], flush=True)
    finally:
        if busy is not None:
            busy.kill()
            busy.wait()
    if options.json:
        options.json.write_text(json.dumps({"device": engine.device_name, "runs": found}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
