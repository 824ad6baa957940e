"""The GPU's measurements: the program itself, on the processor, so that the first GPU finds it working."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from torch.autograd import DeviceType

from benchmarks.gpu_slot.__main__ import MOST_SECONDS, SECTIONS, run_all, run_section
from benchmarks.gpu_slot.steps import device_times, step_operations

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def thin(thin_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sections paint with a network of few channels, on one thread."""
    monkeypatch.setenv("NEURAL_STYLE_WEIGHTS", str(thin_weights))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_the_whole_program_from_the_command_line_to_its_table(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu_slot", "--device", "cpu", "--output", str(tmp_path)]
    sections = ["machine", "same-bytes", "steps", "first-preview"]
    done = subprocess.run([*command, "--only", *sections], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "gpu_slot.json").read_text())
    assert found["small"] and list(found["sections"]) == sections
    assert all(section["state"] == "done" and not section["failed"] for section in found["sections"].values())
    measured = {name: section["results"] for name, section in found["sections"].items()}
    assert measured["machine"]["matrix products float32, Tflop/s"] > 0
    assert len(found["sections"]["same-bytes"]["passed"]) == 3  # twice, after going on, in another process
    assert measured["steps"]["steps"]["64"]["ms"] > 0
    assert len(measured["first-preview"]["click to first preview, s"]) == 2
    table = (tmp_path / "gpu_slot.md").read_text()
    assert done.stdout.endswith(table + "\n") and "| 96 | " in table and "| same-bytes | done" in table


def test_what_fails_is_said_and_the_next_goes_on(tmp_path: Path) -> None:
    found = run_all(["steps", "ranks"], "abacus", True, tmp_path)
    broken, ranks = found["sections"]["steps"], found["sections"]["ranks"]
    assert broken["state"] == "broken" and "abacus" in broken["failed"]["the section itself"]
    assert ranks["state"] == "broken"
    assert "steps, the section itself" in (tmp_path / "gpu_slot.md").read_text()


def test_a_section_whose_time_is_up_ends_with_all_that_it_started(tmp_path: Path) -> None:
    others = _alive_below_this()  # those of tests before, of which some stay for the next
    section = run_section("engine-start", "cpu", True, tmp_path, 2.5)  # five processes import torch, one by one
    assert section["state"] == "cut off"
    assert section["seconds"] < 30
    # One that was killed takes a moment to give back its memory.
    end = time.monotonic() + 30
    while (left := _alive_below_this().keys() - others.keys()) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left, [line for number, line in _alive_below_this().items() if number in left]


def _alive_below_this() -> dict[int, str]:
    found = {}
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if each.status() != psutil.STATUS_ZOMBIE:
                found[each.pid] = " ".join(each.cmdline())
    return found


def test_all_sections_fit_into_eight_minutes() -> None:
    assert MOST_SECONDS < 480
    assert all(0 < section.seconds < MOST_SECONDS / 3 for section in SECTIONS.values())


def test_a_kernels_time_counts_once() -> None:
    """The operator on the processor has it too, and so has the label around both."""

    def event(name: str, kind: DeviceType, microseconds: float, *, label: bool = False) -> SimpleNamespace:
        span = SimpleNamespace(elapsed_us=lambda: microseconds)
        return SimpleNamespace(name=name, device_type=kind, time_range=span, is_user_annotation=label)

    events = [
        event("aten::conv2d", DeviceType.CPU, 90.0),
        event("implicit_gemm", DeviceType.CUDA, 40.0),
        event("implicit_gemm", DeviceType.CUDA, 50.0),
        event("Memcpy DtoH", DeviceType.CUDA, 2.0),
        event("step", DeviceType.CUDA, 95.0, label=True),
    ]
    assert device_times(events) == {"implicit_gemm": 90.0, "Memcpy DtoH": 2.0}


def test_a_steps_operations_are_those_of_convolutions_and_gram_matrices() -> None:
    """For each pixel 9 products and sums of 40,128 pairs of channels and of 17,408 in Gram matrices, there and back."""
    assert step_operations(1024) == 1024**2 * 2 * 2 * (9 * 40_128 + 17_408)
