"""Whole jobs: the default settings, the first preview through the server, and the engine's tests on this device."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu_slot.slot import Slot, environment, painted, temporary_folder
from benchmarks.painting import to_image
from server.client.client import Client, Failed, PictureArrived
from server.discovery import server_lives
from server.engine.pixels import to_picture
from server.events import LAST_EVENTS
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

#: Seconds that a user looks at the dialog before the first click: the engine starts meanwhile.
_LOOKING_AROUND = 8.0
ROOT = Path(__file__).resolve().parents[2]
#: The engine's tests that paint on the device, the quickest to tell first; the others are of files and of the processor.
_TESTS = (
    "kernels",
    "figures",
    "captured",
    "exactness",
    "targets",
    "job",
    "flat",
    "regions",
    "smoothness",
    "settling",
    "resume",
)
_OUTCOME = re.compile(r"^\[gw\d+\] \[ *\d+%\] (PASSED|FAILED|ERROR|SKIPPED|XFAIL) (tests/.+?) *$", re.MULTILINE)
#: Processes that share them: most of a small test is waiting for launches.
_PROCESSES = 6


def engine_tests(slot: Slot) -> None:
    """Run the engine's tests on the device, for as long as there is time; a test that is cut off is not counted."""
    names = ["targets"] if slot.small else _TESTS
    files = [path for name in names for path in (ROOT / "tests" / "stylecore").rglob(f"test_{name}.py")]
    log = slot.folder / "engine_tests.log"
    command = [
        *(sys.executable, "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider"),
        *("-n", "1" if slot.small else str(_PROCESSES), "--device", str(slot.device)),
    ]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *map(str, files)],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment(), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        )
        while True:
            ended = process.poll() is not None
            outcomes = _OUTCOME.findall(log.read_text(errors="replace"))
            slot.passed = [name for outcome, name in outcomes if outcome == "PASSED"]
            slot.failed = {name: outcome for outcome, name in outcomes if outcome in ("FAILED", "ERROR")}
            slot.tell("skipped", sum(outcome == "SKIPPED" for outcome, _ in outcomes))
            if ended:
                break
            time.sleep(1)
    lines = log.read_text(errors="replace").strip().splitlines()
    slot.tell("pytest says", lines[-1].strip("= ") if lines else "nothing")
    slot.check("pytest ended well", process.returncode == 0, f"status {process.returncode}; see {log.name}")


def default_job(slot: Slot) -> None:
    """Paint the sample pictures with the default settings, twice at each size, and keep the pictures to be looked at."""
    engine = slot.engine()
    rows: dict[str, Any] = {}
    for side in (64,) if slot.small else (512, 1024, 2048):
        with slot.attempt(f"{side} px"):
            content, style = slot.pictures(side)
            taken = []
            for _ in range(2):  # the first warms up
                begin = time.perf_counter()
                result = painted(
                    Job(
                        engine, PaintRequest(content, [Style(style)], Settings(quality="draft" if slot.small else "normal"))
                    )
                )
                taken.append(time.perf_counter() - begin)
            rows[str(side)] = {"first, s": taken[0], "warm, s": taken[1]}
            slot.tell("default job", rows)
            slot.check(f"{side} px: a painted picture", 0.02 < float(np.abs(result - content).mean()) < 0.4)
            to_image(result).save(slot.folder / f"default_{side}.jpg", quality=90)


def first_preview(slot: Slot) -> None:
    """Measure the time from a click to the first preview, through a server: its first job, and the next ones."""
    side = 64 if slot.small else 1024
    content, style = (to_picture(each, "u8") for each in slot.pictures(side))
    with temporary_folder() as folder:
        # A sandboxed folder of its own: the user's server is left alone.
        command = [sys.executable, "-m", "server", "--folder", str(folder), "--device", str(slot.device)]
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            begin = time.perf_counter()
            while not server_lives(folder):
                if server.poll() is not None or time.perf_counter() > begin + 20:
                    raise RuntimeError("the server did not start")
                time.sleep(0.02)
            with Client.connect(folder, start=False, timeout=20, client_name="gpu slot") as client:
                seconds = []
                client.prepare()  # as the dialog does when it opens
                time.sleep(_LOOKING_AROUND if slot.on_gpu else 0)
                for strength in (50, 60, 40) if not slot.small else (50, 60):
                    seconds.append(_first_picture(client, content, style, strength, slot.small))
                    slot.tell("click to first preview, s", seconds)
            if slot.on_gpu:
                slot.check("the first preview within a second of the click", max(seconds) < 1.0, f"{max(seconds):.2f} s")
        finally:
            server.terminate()
            server.wait(20)


def _first_picture(client: Client, content: Any, style: Any, strength: int, small: bool) -> float:
    begin = time.perf_counter()
    settings = Settings(strength=strength, quality="draft") if small else Settings(strength=strength)
    job = client.submit(PaintRequest(content, [Style(style)], settings), until="preview", preview_every=0.2)
    while time.perf_counter() < begin + 100:
        event = client.next_event(0.05)
        if isinstance(event, PictureArrived) and event.job == job:
            seconds = time.perf_counter() - begin
            client.cancel(job)
            while not isinstance(client.next_event(5), (*LAST_EVENTS, type(None))):
                continue
            return seconds
        if isinstance(event, Failed):
            raise RuntimeError(f"{event.sentence} {event.remedy}")
    raise RuntimeError("no preview came")


def alone_or_beside(slot: Slot) -> None:
    """Run two engines on one card: whether both come to an end, and how much longer they take than one."""
    script = (
        "import sys, torch; from pathlib import Path; from benchmarks.gpu_slot.slot import Slot; "
        "from benchmarks.gpu_slot.exactness import digest; "
        "slot = Slot(torch.device(sys.argv[1]), sys.argv[3] == 'True', Path('unused'), Path()); "
        "print(digest(slot.engine(), slot.pictures(int(sys.argv[2]))))"
    )
    side = 64 if slot.small else 1024
    command = [sys.executable, "-c", script, str(slot.device), str(side), str(slot.small)]
    said = []
    for count in (1, 2):
        begin = time.perf_counter()
        running = [
            subprocess.Popen(
                command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(count)
        ]
        for process in running:
            out, error = process.communicate(timeout=120)
            said.append(out.strip())
            slot.check(f"one of {count} comes to its end", process.returncode == 0, error.strip()[-300:])
        slot.tell(f"{count} at once, s", time.perf_counter() - begin)
    slot.check("all paint the same", len(set(said)) == 1, said)


def ranks(slot: Slot) -> None:
    """Exchange what ranks exchange (sums in float64, pictures as bytes) between as many processes as there are GPUs."""
    import torch

    count = min(2, torch.cuda.device_count()) if slot.on_gpu else 2
    script = (
        "import sys, torch, torch.distributed as dist\n"
        "backend, rank, count, store = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]\n"
        "device = torch.device('cuda', rank) if backend == 'nccl' else torch.device('cpu')\n"
        "if backend == 'nccl': torch.cuda.set_device(device)\n"
        "dist.init_process_group(backend, store=dist.FileStore(store, count), rank=rank, world_size=count)\n"
        "for dtype in (torch.float64, torch.float32, torch.bfloat16):\n"
        "    x = torch.full((1000,), 1.0, dtype=dtype, device=device); dist.all_reduce(x)\n"
        "    assert x.eq(count).all().item(), dtype\n"
        "x = torch.full((1000,), rank + 7, dtype=torch.uint8, device=device); dist.broadcast(x, 0)\n"
        "assert x.eq(7).all().item()\n"
        "if count > 1:\n"
        "    other, y = 1 - rank, torch.zeros_like(x); x.fill_(rank)\n"
        "    ops = [dist.P2POp(dist.isend, x, other), dist.P2POp(dist.irecv, y, other)]\n"
        "    [each.wait() for each in dist.batch_isend_irecv(ops)]; assert y.eq(other).all().item()\n"
        "dist.destroy_process_group(); print('done')\n"
    )
    backend = "nccl" if slot.on_gpu else "gloo"
    slot.tell("processes", count)
    with temporary_folder() as folder:
        running = [
            subprocess.Popen(
                [sys.executable, "-c", script, backend, str(rank), str(count), str(folder / "meeting")],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"},
            )
            for rank in range(count)
        ]
        for rank, process in enumerate(running):
            out, error = process.communicate(timeout=60)
            slot.check(f"{backend}, process {rank + 1} of {count}", out.strip().endswith("done"), error.strip()[-300:])
