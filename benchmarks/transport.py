"""What does the server cost? Its start, 48 MB there and back, and a job beside the same job in this process.

    python benchmarks/transport.py --output benchmarks/results/transport.json

Transport is timed with a job whose strength is 0: the engine gives the picture back as it came. What remains of its wall
time without that of the same job in this process is transport. The overhead is the wall time of a job through the server
over that of :class:`stylecore.painting.job.Job` called directly, in turns, the engine loaded in both. Also how good
the seconds left are that are told after a third of the job.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from benchmarks.soak import cpu  # noqa: E402
from server.client.client import Client, Finished, PictureArrived, Progress  # noqa: E402
from server.discovery import server_lives  # noqa: E402
from server.engine.pixels import to_picture, to_pixels  # noqa: E402
from server.events import LAST_EVENTS  # noqa: E402
from server.protocol import Picture  # noqa: E402


def noise(height: int, width: int, channels: int, seed: int) -> Picture:
    """Return a picture that no compression could make smaller."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Picture(width, height, channels, "u8", values.tobytes())


def smooth(side: int, seed: int) -> Picture:
    """Return a soft picture, 8 bit."""
    y, x = np.mgrid[:side, :side] / side * 9
    values = np.stack([np.sin(x + seed + c) * np.cos(y * (c + 1)) * 0.4 + 0.5 for c in range(3)], -1)
    return to_picture(values.astype(np.float32), "u8")


def through(client: Client, content: Picture, style: Picture, settings: Settings) -> dict[str, Any]:
    """Run a job to its end; return its seconds, the painting's own, and what was told of the time left."""
    begin = time.perf_counter()
    told: list[tuple[float, float]] = []
    client.submit(PaintRequest(content, [Style(style)], settings), previews=False)
    while not isinstance(event := client.next_event(1), LAST_EVENTS):
        if isinstance(event, Progress):
            told.append((time.perf_counter() - begin, event.seconds_left))
        elif isinstance(event, PictureArrived):
            size = event.picture.size
    seconds = time.perf_counter() - begin
    if not isinstance(event, Finished):
        raise RuntimeError(f"the job came to {event}")
    return {"seconds": seconds, "painting": event.seconds, "bytes": size, "told": told}


def directly(engine: Any, content: Picture, style: Picture, settings: Settings) -> float:
    """Run the same job in this process; return its seconds."""
    from stylecore.painting.job import Job

    begin = time.perf_counter()
    job = Job(engine, PaintRequest(to_pixels(content), [Style(to_pixels(style))], settings))
    for _ in job.run():
        continue
    to_picture(job.image(), content.kind)
    return time.perf_counter() - begin


def time_left(run: dict[str, Any]) -> float:
    """Return the seconds left that were told after a third of the job, over those that it took from then."""
    at, left = next((at, left) for at, left in run["told"] if at > run["seconds"] / 3)
    return left / (run["seconds"] - at)


def main() -> int:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=256, help="of the job's picture; it should take about ten seconds")
    parser.add_argument("--output", type=Path, help="where to write the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="neural-style-transport-") as temporary:
        report = measure(Path(temporary), options.rounds, options.side)
    text = json.dumps(report, indent=1)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")
    return 0


def measure(place: Path, rounds: int, side: int) -> dict[str, Any]:
    """Return the figures."""
    from stylecore.device.engine import Engine

    hellos = []
    for number in range(rounds):
        begin = time.perf_counter()
        with Client.connect(place / str(number)) as client:
            hellos.append(time.perf_counter() - begin)
            client.shutdown()
            client.next_event(5)
        while server_lives(place / str(number)):
            time.sleep(0.05)
    engine = Engine()
    settings = Settings(quality="normal", precision="float32")
    content, style = smooth(side, 0), smooth(side, 1)
    with Client.connect(place / "jobs") as client:
        large, small = noise(3000, 4000, 4, 0), smooth(64, 2)
        transports = []
        for _ in range(rounds + 1):  # the first loads the engine
            run = through(client, large, small, Settings(strength=0.0))
            assert run["bytes"] == 48_000_000
            transports.append(run["seconds"] - directly(engine, large, small, Settings(strength=0.0)))
            print("there and back", transports[-1], file=sys.stderr, flush=True)
        directly(engine, content, style, replace(settings, quality="draft"))
        pairs = []
        for _ in range(rounds):
            run = through(client, content, style, settings)
            pairs.append(
                {
                    "server": run["seconds"],
                    "directly": directly(engine, content, style, settings),
                    "left_told_over_left": time_left(run),
                }
            )
            print(pairs[-1], file=sys.stderr, flush=True)
        client.shutdown()
        client.next_event(5)
    ratios = [pair["server"] / pair["directly"] for pair in pairs]
    return {
        "machine": engine.device_name,
        "cpu": f"{cpu()}, {os.cpu_count()} threads",
        "rounds": rounds,
        "hello_seconds": [round(seconds, 2) for seconds in sorted(hellos)],
        "twelve_megapixels_there_and_back_seconds": [round(seconds, 2) for seconds in sorted(transports[1:])],
        "job_pixels": side * side,
        "job_seconds_directly": round(statistics.median(p["directly"] for p in pairs), 2),
        "server_over_directly": [round(ratio, 3) for ratio in sorted(ratios)],
        "overhead_percent_median": round(100 * (statistics.median(ratios) - 1), 1),
        "time_left_told_over_true_after_a_third": [round(pair["left_told_over_left"], 2) for pair in pairs],
    }


if __name__ == "__main__":
    sys.exit(main())
