"""Find out in one go how the engine does on this machine's GPU, in under eight minutes and without a network.

    python -m benchmarks.gpu_slot [--device cuda] [--small] [--only SECTION ...] [--output FOLDER]

Each section is a process of its own with a time limit; what fails in one is said, and the next goes on. After each,
``FOLDER/gpu_slot.json`` has what is known so far, and ``gpu_slot.md`` the table, which is printed last. Where there is no
GPU everything runs on the processor, small, to see that the program itself works.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.gpu_slot import report
from benchmarks.gpu_slot.slot import Slot, environment

#: All sections together take no longer than this.
MOST_SECONDS = 470.0


class Section(NamedTuple):
    """A section: the function that it runs (imported only there: what is missing fails alone), and its time limit."""

    function: str
    seconds: float


#: In the order in which they run: what explains the rest first, what only few need last.
SECTIONS = {
    "machine": Section("machine.versions_and_rates", 25),
    "engine-start": Section("machine.engine_start", 50),
    "failures": Section("failures.failures", 40),
    "gradients": Section("exactness.gradients", 75),
    "same-bytes": Section("exactness.same_bytes", 40),
    "steps": Section("steps.by_size", 60),
    "default-job": Section("jobs.default_job", 40),
    "first-preview": Section("jobs.first_preview", 40),
    "large-pictures": Section("memory.large_pictures", 45),
    "out-of-memory": Section("memory.out_of_memory", 25),
    "other-ways": Section("steps.other_ways", 45),
    "two-engines": Section("jobs.alone_or_beside", 40),
    "ranks": Section("jobs.ranks", 25),
    "engine-tests": Section("jobs.engine_tests", 110),
}


def run_section(name: str, device: str, small: bool, folder: Path, seconds: float) -> dict[str, Any]:
    """Run a section in a process of its own; return what it found, its ``state`` and its ``seconds``.

    The state is ``'done'``, ``'cut off'`` (its time was up) or ``'broken'`` (it ended by itself, and not well).
    """
    path, log = folder / f"{name}.json", folder / f"{name}.log"
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.gpu_slot", "--section", name, "--device", device, "--output", str(folder)]
    begin = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *["--small"] * small],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        try:
            state = "done" if process.wait(seconds) == 0 else "broken"
        except subprocess.TimeoutExpired:
            state = "cut off"
        finally:
            with contextlib.suppress(ProcessLookupError):  # with all that it has started
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    found = json.loads(path.read_text()) if path.exists() else {"results": {}, "passed": [], "failed": {}}
    if state == "broken":
        lines = log.read_text(errors="replace").strip().splitlines()
        found["failed"]["the section itself"] = lines[-1][:300] if lines else f"status {process.returncode}"
    return {"state": state, "seconds": time.perf_counter() - begin, **found}


def run_all(names: list[str], device: str, small: bool, folder: Path) -> dict[str, Any]:
    """Run sections one after another, writing all that is known after each; return it."""
    begin = time.perf_counter()
    found: dict[str, Any] = {"device": device, "small": small, "sections": {}}
    for name in names:
        left = MOST_SECONDS - (time.perf_counter() - begin)
        if left < 5:
            found["sections"][name] = {"state": "no time", "seconds": 0.0, "results": {}, "passed": [], "failed": {}}
        else:
            found["sections"][name] = run_section(name, device, small, folder, min(SECTIONS[name].seconds, left))
        found["seconds"] = time.perf_counter() - begin
        (folder / "gpu_slot.json").write_text(json.dumps(found, indent=1) + "\n")
        (folder / "gpu_slot.md").write_text(report.table(found))
        print(report.line(name, found["sections"][name]), flush=True)
    return found


def main() -> int:
    """Run what the command line asks for; returns 0 if nothing failed, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    there = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=there, help=f"what to measure (here: {there})")
    parser.add_argument("--small", action="store_true", help="sizes for trying the program out, as on a processor")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), metavar="SECTION")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "output" / "gpu_slot")
    parser.add_argument("--section", choices=SECTIONS, help=argparse.SUPPRESS)  # this process is one section
    options = parser.parse_args()
    small = options.small or torch.device(options.device).type == "cpu"
    options.output.mkdir(parents=True, exist_ok=True)
    if options.section:
        path = options.output / f"{options.section}.json"
        module, function = SECTIONS[options.section].function.split(".")
        run = getattr(importlib.import_module(f"benchmarks.gpu_slot.{module}"), function)
        run(Slot(torch.device(options.device), small, path, options.output))
        return 0
    found = run_all(options.only, options.device, small, options.output.resolve())
    print("\n" + report.table(found))
    return 0 if report.good(found) else 1


if __name__ == "__main__":
    sys.exit(main())
