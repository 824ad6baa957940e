"""Does ``kill -9`` at any moment leave something behind? The broker, the engine and a client, many times each.

    python benchmarks/kills.py --moments 50 --output benchmarks/results/kills.json

Each round: a client process starts (and starts the server if none runs) and paints; at a random moment of that one process
is killed; after that, the next job must succeed, and within ten seconds no process of the killed one's may remain.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.soak import cpu, picture  # noqa: E402
from server.client.client import Client, Finished  # noqa: E402
from server.discovery import ServerError  # noqa: E402
from server.events import LAST_EVENTS  # noqa: E402
from server.protocol import Picture  # noqa: E402
from stylecore.request import PaintRequest, Style  # noqa: E402
from stylecore.settings import Settings  # noqa: E402

ORPHAN_SECONDS = 10.0


def small_job(content: Picture, style: Picture, iterations: int) -> PaintRequest[Picture]:
    """Return a request that a processor paints in a moment."""
    return PaintRequest(content, [Style(style)], Settings(quality="draft", iterations=iterations, precision="float32"))


def be_client(folder: Path, iterations: int) -> None:
    """Paint one job after the other until killed, or until the server goes."""
    with Client.connect(folder, client_name="victim") as client:
        while True:
            try:
                job = client.submit(small_job(picture(0), picture(1), iterations))
            except ServerError:
                return
            while not isinstance(event := client.next_event(1), LAST_EVENTS) or event.job != job:
                continue
            if not isinstance(event, Finished):
                return


def of_folder(folder: Path) -> dict[str, list[psutil.Process]]:
    """Return the living processes that work for the folder, by what they are."""
    found: dict[str, list[psutil.Process]] = {"broker": [], "engine": [], "client": []}
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if str(folder) not in " ".join(line) or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        kind = "engine" if "server.engine.process" in line else "client" if "--client" in line else "broker"
        found[kind].append(process)
    return found


def next_job(folder: Path) -> float:
    """Run a job to its end; return the seconds it took, server and engine started if need be.

    Raises:
        RuntimeError: it did not succeed.
    """
    begin = time.monotonic()
    with Client.connect(folder, client_name="next") as client:
        job = client.submit(small_job(picture(2), picture(3), 1))
        while time.monotonic() < begin + 60:
            event = client.next_event(0.2)
            if isinstance(event, LAST_EVENTS) and event.job in (job, ""):
                if isinstance(event, Finished):
                    return time.monotonic() - begin
                raise RuntimeError(f"the next job came to {event}")
    raise RuntimeError("the next job did not end within a minute")


def one_round(folder: Path, target: str, dice: random.Random) -> dict[str, Any]:
    """Kill ``target`` at a random moment; return what came after."""
    victim = subprocess.Popen([sys.executable, __file__, "--client", str(folder), str(dice.choice([1, 4, 20]))], cwd=ROOT)
    moment = dice.random() * 4.0
    deadline = time.monotonic() + 60
    time.sleep(moment)
    while not (there := of_folder(folder)[target]):  # not begun yet: at its very beginning
        if time.monotonic() > deadline:
            raise RuntimeError(f"no {target} to kill")
        time.sleep(0.002)
    killed = there[0]
    killed.kill()
    if killed.pid == victim.pid:
        victim.wait()
    row: dict[str, Any] = {
        "moment": round(moment, 2),
        "error": "",
        "orphans_gone_after": orphans_after(folder, killed.pid) if target == "broker" else 0.0,
    }
    try:
        row["next_job_seconds"] = round(next_job(folder), 1)
    except (ServerError, RuntimeError) as error:  # what is looked for: no server, or no picture
        row["error"] = f"{type(error).__name__}: {error}"
        print(target, moment, row["error"], file=sys.stderr, flush=True)
    finally:
        victim.kill()
        victim.wait()
    return row


def orphans_after(folder: Path, pid: int) -> float:
    """Return after how many seconds no engine of the killed broker lives any more; infinity if one does after a while."""
    begin = time.monotonic()
    while (now := time.monotonic()) < begin + 2 * ORPHAN_SECONDS:
        lines = []
        for process in of_folder(folder)["engine"]:
            with contextlib.suppress(psutil.NoSuchProcess):
                lines.append(" ".join(process.cmdline()))
        if not any(f"engine-{pid}-" in line for line in lines):
            return round(now - begin, 2)
        time.sleep(0.05)
    return math.inf


def main() -> int:
    """Run as a script; returns 1 if something was left behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--targets", nargs="+", default=["broker", "engine", "client"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--client", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        be_client(Path(options.client[0]), int(options.client[1]))
        return 0
    dice = random.Random(options.seed)
    report: dict[str, Any] = {"machine": f"CPU ({cpu()}, {os.cpu_count()} threads)"}
    for target in options.targets:
        with tempfile.TemporaryDirectory(prefix="neural-style-kills-") as temporary:
            folder = Path(temporary) / "state"
            rows = [one_round(folder, target, dice) for _ in range(options.moments)]
            for process in of_folder(folder)["broker"]:
                process.terminate()
                process.wait(20)
        report[target] = {
            "kills": len(rows),
            "next_job_failed": sum(bool(row["error"]) for row in rows),
            "slowest_next_job_seconds": max(row.get("next_job_seconds", 0) for row in rows),
            "orphans_after_10_s": sum(row["orphans_gone_after"] > ORPHAN_SECONDS for row in rows),
            "orphans_gone_after_seconds": max(row["orphans_gone_after"] for row in rows),
            "rows": rows,
        }
        figures = {name: value for name, value in report[target].items() if name != "rows"}
        print(target, figures, file=sys.stderr, flush=True)
    report["good"] = not any(report[t]["next_job_failed"] or report[t]["orphans_after_10_s"] for t in options.targets)
    text = json.dumps(report, indent=1)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")
    return 0 if report["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
