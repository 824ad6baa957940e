"""How does a folder's painting scale with the machines of a Ray cluster, and what does the cluster itself take?

    python benchmarks/cluster.py --output benchmarks/results/cluster.json

Machines are Ray nodes of one processor each on this computer, so it should have as many idle ones as the most nodes asked
for. The head paints nothing. Times are of the whole command; the rate is that between the first result and the last,
without starting up. The same folder without a cluster, in one process on one processor, is what they are measured by.

What the cluster takes is timed with photos of 2 megapixels and a strength of 0: the engine gives them back as they came,
and what remains is reading, sending there and back, and writing.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from benchmarks.soak import cpu  # noqa: E402

STYLE = ROOT / "samples" / "styles" / "starlit-oil.jpg"


def folder_of(place: Path, count: int, size: tuple[int, int]) -> Path:
    """Make a folder of so many different photos of ``size`` (width, height)."""
    place.mkdir()
    with Image.open(ROOT / "samples" / "content" / "harbour.jpg") as file:
        photo = file.convert("RGB")
    for number in range(count):
        step = number * photo.width // (2 * count)
        cut = photo.crop((step, 0, step + photo.width // 2, photo.height))
        cut.resize(size, Image.Resampling.LANCZOS).save(place / f"{number:03}.jpg", quality=95)
    return place


def timed(photos: Path, flags: list[str], processors: set[int]) -> dict[str, Any]:
    """Run the command; return its seconds, those until the first result, and the results a minute after that."""
    count = len(list(photos.iterdir()))
    with tempfile.TemporaryDirectory() as out:
        begin = time.perf_counter()
        command = ["style", str(photos), str(STYLE), "-o", out, "--precision", "float32", *flags]
        with subprocess.Popen(
            [sys.executable, "-m", "server.cli.main", *command],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            preexec_fn=lambda: os.sched_setaffinity(0, processors),
        ) as process:
            first = 0.0
            while process.poll() is None:
                time.sleep(0.01)
                if not first and any(Path(out).iterdir()):
                    first = time.perf_counter() - begin
        seconds = time.perf_counter() - begin
        assert process.returncode == 0 and len(list(Path(out).iterdir())) == count
    return {"seconds": round(seconds, 1), "first_seconds": round(first, 1),
            "pictures_a_minute": round((count - 1) / (seconds - first) * 60, 1)}  # fmt: skip


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--pictures", type=int, default=16, metavar="N")
    parser.add_argument("--side", type=int, default=96, metavar="PX")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the results there, as JSON")
    options = parser.parse_args()
    os.environ.update(
        RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), PYTHONPATH=str(ROOT)
    )
    from ray.cluster_utils import Cluster

    everywhere = os.sched_getaffinity(0)
    result: dict[str, Any] = {"cpu": f"{cpu()}, {len(everywhere)} threads"}
    result.update(pictures=options.pictures, side=options.side)
    with tempfile.TemporaryDirectory() as place:
        photos = folder_of(Path(place) / "photos", options.pictures, (options.side, options.side))
        large = folder_of(Path(place) / "large", 12, (1632, 1224))
        result["one process"] = timed(photos, ["--local"], {min(everywhere)})
        print(json.dumps(result), file=sys.stderr, flush=True)
        for count in options.nodes:
            cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
            for _ in range(count):
                cluster.add_node(num_cpus=1)
            flags = ["--cluster", cluster.address]
            result[f"{count} nodes"] = timed(photos, flags, everywhere)
            if count == options.nodes[-1]:
                result["2 megapixels, nothing painted"] = timed(large, [*flags, "--strength", "0"], everywhere)
            cluster.shutdown()
            print(json.dumps(result), file=sys.stderr, flush=True)
    print(json.dumps(result, indent=1))
    if options.output is not None:
        options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
