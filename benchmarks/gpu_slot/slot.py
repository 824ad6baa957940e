"""What every section has: a device, how large to measure, and a file that holds what was found so far."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.painting import read, sample_pair
from stylecore.device.engine import Engine
from stylecore.device.memory_budget import MemoryPlan
from stylecore.files.pictures import Pixels
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

GIB = 2**30


@dataclass
class Slot:
    """One section's run.

    Args:
        device: what is measured.
        small: sizes for a processor and a test.
        path: where ``results``, ``passed`` and ``failed`` are written, anew after each: a section that is cut short keeps
            what it had.
        folder: where it may leave pictures.
    """

    device: torch.device
    small: bool
    path: Path
    folder: Path
    results: dict[str, Any] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def on_gpu(self) -> bool:
        """Whether the device is one that CUDA (or ROCm) drives."""
        return self.device.type == "cuda"

    def tell(self, name: str, value: Any) -> None:
        """Keep a measurement: numbers, text, and lists and mappings of them."""
        self.results[name] = value
        self._write()

    def check(self, name: str, good: bool, detail: object = "") -> None:
        """Keep whether something is as it should be."""
        if good:
            self.passed.append(name)
        else:
            self.failed[name] = str(detail) or "not so"
        self._write()

    @contextlib.contextmanager
    def attempt(self, name: str) -> Iterator[None]:
        """Go on after what fails within, and keep why."""
        try:
            yield
        except Exception as error:  # whatever it is: it is what the slot is for
            traceback.print_exc()
            self.check(name, False, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}")
            # Where it was raised may hold on to gigabytes.
            traceback.clear_frames(error.__traceback__)
            if self.on_gpu:
                torch.cuda.empty_cache()

    def _write(self) -> None:
        content = {"results": self.results, "passed": self.passed, "failed": self.failed}
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(content, indent=1) + "\n")
        new.replace(self.path)

    # What the sections share.

    def engine(self) -> Engine:
        """Return an engine of the device, which decides its arithmetic by itself."""
        return Engine(str(self.device), threads=1 if self.small else None)

    def wait(self) -> None:
        """Return when the device has done all it was asked."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def seconds(self, call: Callable[[], object], repeats: int = 10) -> float:
        """Return the median seconds of ``call``, waited for, after two that warm up."""
        taken = []
        for number in range(repeats + 2):
            self.wait()
            begin = time.perf_counter()
            call()
            self.wait()
            if number > 1:
                taken.append(time.perf_counter() - begin)
        return statistics.median(taken)

    def pictures(self, side: int) -> tuple[Pixels, Pixels]:
        """Return a content and a style of the project's own, ``side`` × ``side`` × 3."""
        content, style = sample_pair("harbour", "starlit-oil")
        return read(content, side, square=True), read(style, side, square=True)

    def one_scale(
        self,
        engine: Engine,
        side: int,
        steps: int,
        *,
        way: MemoryPlan | None = None,
        settings: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Job:
        """Return a job of the sample pictures, so many steps at full size, in a way of painting (default: the planned)."""
        content, style = self.pictures(side)
        job = Job(engine, PaintRequest(content, [Style(style)], Settings(iterations=steps, **(settings or {}))), **more)
        last = job.scales[-1]
        job.scales = [replace(last, size=(side, side), steps=steps, way=way or last.way)]
        return job

    def begin_peak(self) -> None:
        """Measure the device's peak memory anew."""
        if self.on_gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak(self) -> dict[str, int]:
        """Return the bytes of tensors, and of the allocator, at most since :meth:`begin_peak`; empty on a processor."""
        if not self.on_gpu:
            return {}
        return {
            "allocated": torch.cuda.max_memory_allocated(self.device),
            "reserved": torch.cuda.max_memory_reserved(self.device),
        }

    @contextlib.contextmanager
    def nearly_full(self, left: int) -> Iterator[None]:
        """Hold the GPU's memory but for ``left`` bytes; nothing on a processor."""
        held = []
        if self.on_gpu:
            torch.cuda.empty_cache()
            free = torch.cuda.mem_get_info(self.device)[0] - left
            with contextlib.suppress(torch.OutOfMemoryError):  # it gives what it has in pieces of its own
                while free > 0:
                    part = min(free, 4 * GIB)
                    held.append(torch.empty(part, dtype=torch.uint8, device=self.device))
                    free -= part
        try:
            yield
        finally:
            held.clear()
            if self.on_gpu:
                torch.cuda.empty_cache()


def painted(job: Job) -> Pixels:
    """Run a job to its end and return its picture."""
    for _ in job.run():
        pass
    return job.image()


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gpu-slot-") as name:
        yield Path(name)


def environment() -> dict[str, str]:
    """Return the environment for programs of this checkout."""
    # Packages that were brought along may be found by the path that there is.
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}


def difference(one: Pixels, other: Pixels) -> float:
    """Return the largest difference of two pictures, in levels of 255."""
    return float(np.abs(one - other).max() * 255)
