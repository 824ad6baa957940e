"""Does anything leak? Many small jobs from several clients, some cancelled, some stopped, some clients and engines killed.

    python benchmarks/soak.py --jobs 1000 --clients 8 --output benchmarks/results/soak.json

A real server in a folder of its own, real client processes, the real engine at 32 px. Measured all along: processes, open
files and sockets, threads and resident memory of the broker and of the engine, files in the server's folder. Engines are
killed in the first third only, so that one engine lives long enough to show whether it grows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from server.client.client import Client, Disconnected, Failed, Finished, PictureArrived  # noqa: E402
from server.events import LAST_EVENTS  # noqa: E402
from server.protocol import Picture  # noqa: E402
from stylecore.request import PaintRequest, Style  # noqa: E402
from stylecore.settings import Settings  # noqa: E402

SIDE = 32


def picture(seed: int) -> Picture:
    """Return a small picture of stripes and noise."""
    noise = random.Random(seed)
    values = bytes(
        (x * 5 + y * 3 + c * 40 + noise.randrange(60)) % 256 for y in range(SIDE) for x in range(SIDE) for c in range(3)
    )
    return Picture(SIDE, SIDE, 3, "u8", values)


def one_job(client: Client, dice: random.Random) -> str:
    """Run a job, perhaps cancelling or stopping it on its way; return how it ended."""
    settings = Settings(quality="draft", iterations=dice.randrange(1, 8), precision="float32")
    request = PaintRequest(picture(dice.randrange(100)), [Style(picture(dice.randrange(100)))], settings)
    job = client.submit(request, previews=dice.random() < 0.5, preview_every=0.0)
    chance, when = dice.random(), time.monotonic() + dice.random() * 1.5
    ask = client.cancel if chance < 0.15 else client.stop if chance < 0.25 else client.snapshot if chance < 0.35 else None
    final = False
    while True:
        event = client.next_event(0.05)
        if ask is not None and time.monotonic() > when:
            ask(job)
            ask = None
        if isinstance(event, PictureArrived) and event.kind == "final":
            final = event.picture.width == SIDE
        if isinstance(event, LAST_EVENTS) and event.job == job:
            if isinstance(event, Finished) and not final:
                return "finished without a picture"
            return event.code if isinstance(event, Failed) else type(event).__name__.lower()
        if isinstance(event, Disconnected):
            return "disconnected"


def be_client(folder: Path, seed: int) -> None:
    """Run jobs until killed, a line on the standard output for each."""
    dice = random.Random(seed)
    while True:
        with Client.connect(folder, start=False, timeout=30, client_name=f"soak-{seed % 100}") as client:
            outcome = ""
            while outcome != "disconnected":
                outcome = one_job(client, dice)
                print(outcome, flush=True)


class Watched:
    """The client processes and what their jobs came to."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._seed = 0
        self.outcomes: dict[str, int] = {}
        self._lock = threading.Lock()
        self.processes = [self._start() for _ in range(count)]

    @property
    def jobs(self) -> int:
        """How many jobs are over."""
        with self._lock:
            return sum(self.outcomes.values())

    def _start(self) -> subprocess.Popen[str]:
        self._seed += 1
        process = subprocess.Popen(
            [sys.executable, __file__, "--client", str(self._folder), str(self._seed)], stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        return process

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._lock:
                self.outcomes[line.strip()] = self.outcomes.get(line.strip(), 0) + 1

    def kill_one(self, dice: random.Random) -> None:
        """Kill a client as GIMP kills a plug-in, and start another."""
        place = dice.randrange(len(self.processes))
        self.processes[place].kill()
        self.processes[place].wait()
        self.processes[place] = self._start()

    def end(self) -> None:
        """End all clients."""
        for process in self.processes:
            process.kill()
            process.wait()


def measure(broker: psutil.Process, folder: Path, jobs: int, begin: float) -> dict[str, Any]:
    """Return the figures of this moment."""
    children = broker.children(recursive=True)
    row: dict[str, Any] = {
        "jobs": jobs,
        "seconds": round(time.monotonic() - begin),
        "processes": 1 + len(children),
        "broker_files": broker.num_fds(),
        "broker_sockets": len(broker.net_connections()),
        "broker_threads": broker.num_threads(),
        "broker_mb": mb(broker),
        "folder_files": sum(path.is_file() or path.is_socket() for path in folder.rglob("*")),
        "folder_kb": round(sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1024),
    }
    if children:
        row |= {
            "engine_pid": children[0].pid,
            "engine_files": children[0].num_fds(),
            "engine_threads": children[0].num_threads(),
            "engine_mb": mb(children[0]),
        }
    return row


def mb(process: psutil.Process) -> float:
    """Return the memory that is this process's alone, in MB: without what it shares with others."""
    return round(process.memory_full_info().uss / 2**20, 1)


def main() -> int:
    """Run as a script; returns 1 if something leaked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--output", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--client", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        be_client(Path(options.client[0]), int(options.client[1]))
    with tempfile.TemporaryDirectory(prefix="neural-style-soak-") as temporary:
        report = soak(Path(temporary) / "state", options.jobs, options.clients)
    text = json.dumps(report, indent=1)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")
    return 0 if report["good"] else 1


def soak(folder: Path, jobs: int, clients: int) -> dict[str, Any]:
    """Run the soak and return its figures."""
    dice = random.Random(1)
    command = [sys.executable, "-m", "server", "--folder", str(folder), "--threads", "1", "--auto"]
    server = subprocess.Popen(command, cwd=ROOT)
    broker = psutil.Process(server.pid)
    while not (folder / "connection.json").exists():
        time.sleep(0.05)
    begin = time.monotonic()
    watched = Watched(folder, clients)
    rows: list[dict[str, Any]] = []
    killed = {"clients": 0, "engines": 0}
    next_row = next_kill = 0
    while watched.jobs < jobs:
        time.sleep(0.1)
        done = watched.jobs
        if done >= next_kill:
            next_kill = done + dice.randrange(8, 20)
            watched.kill_one(dice)
            killed["clients"] += 1
            if done < jobs / 3 and killed["engines"] < 10 and (engines := broker.children()):
                os.kill(engines[0].pid, signal.SIGKILL)
                killed["engines"] += 1
        if done >= next_row:
            next_row = done + jobs // 20
            rows.append(measure(broker, folder, done, begin))
            print(rows[-1], file=sys.stderr, flush=True)
    watched.end()
    time.sleep(8)  # the leases of the killed clients end
    with Client.connect(folder, start=False, client_name="soak") as client:
        status = client.status()
    time.sleep(1)
    last = measure(broker, folder, watched.jobs, begin)
    engine = broker.children()[0]
    begin_end = time.monotonic()
    server.terminate()
    server.wait(20)
    leaked = int(engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE)
    steady = [row for row in rows if row["jobs"] >= jobs * 0.4 and row.get("engine_pid") == last["engine_pid"]]
    growth = {name: round(100 * (last[name] / steady[0][name] - 1), 1) for name in ("broker_mb", "engine_mb")}
    files = {name: last[name] - steady[0][name] for name in ("broker_files", "broker_sockets", "engine_files")}
    return {
        "machine": f"CPU ({cpu()}, {os.cpu_count()} threads)",
        "jobs": watched.jobs,
        "clients": clients,
        "killed": killed,
        "outcomes": watched.outcomes,
        "seconds": round(begin_end - begin),
        "jobs_left": len(status["jobs"]),
        "growth_percent": growth,
        "more_files_at_the_end": files,
        "processes_left": leaked,
        "files_left": sorted(str(p.relative_to(folder)) for p in folder.rglob("*.socket")),
        "good": max(growth.values()) < 5
        and max(files.values()) <= 0
        and not leaked
        and not status["jobs"]
        and "finished without a picture" not in watched.outcomes,
        "rows": [*rows, last],
    }


def cpu() -> str:
    """Return the processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


if __name__ == "__main__":
    sys.exit(main())
