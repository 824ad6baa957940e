"""After installing, the GPU is tried, and the build that would serve it is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from installer.environment import gpu_check, torch_build
from tests.install.conftest import REPOSITORY

#: Prints how it went; its arguments are the list of devices on the bus and the Python with PyTorch.
TELL = """
import sys; from pathlib import Path; from installer.environment import gpu_check
gpu_check.BUS = Path(sys.argv[1])
print(gpu_check.tell(Path(sys.argv[2])))
"""


def told(tmp_path: Path, *, smi: str = "", python: str = sys.executable) -> str:
    """What a user sees with a driver that answers so (none if empty)."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    if smi:
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{smi}'\n")
        program.chmod(0o755)
        environment["PATH"] = f"{program.parent}:{environment['PATH']}"
    command = [sys.executable, "-c", TELL, str(tmp_path / "bus"), python]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=True)
    return done.stdout


without_gpu = pytest.mark.skipif(torch_build.nvidia_gpu() is not None, reason="here is an NVIDIA GPU")


def card_on_the_bus(tmp_path: Path) -> None:
    device = tmp_path / "bus" / "0000:01:00.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text("0x10de\n")
    (device / "class").write_text("0x030200\n")


@without_gpu
def test_nothing_is_said_without_a_card(tmp_path: Path) -> None:
    assert told(tmp_path) == "True\n"


@without_gpu
def test_a_card_that_torch_cannot_use_is_told_with_its_name(tmp_path: Path) -> None:
    said = told(tmp_path, smi="NVIDIA GeForce RTX 4070")
    assert "NVIDIA GeForce RTX 4070" in said and "Until then the processor paints." in said and said.endswith("False\n")
    assert "./install.sh --d" in said


@without_gpu
def test_a_card_without_its_driver_is_told(tmp_path: Path) -> None:
    card_on_the_bus(tmp_path)
    assert "driver is not loaded" in told(tmp_path)


def test_a_pytorch_that_does_not_start_is_told_and_stops_nothing(tmp_path: Path) -> None:
    said = told(tmp_path, smi="NVIDIA GeForce RTX 4070", python=str(tmp_path / "no python"))
    assert "NVIDIA GeForce RTX 4070" in said and said.endswith("False\n")


OLD_DRIVER = "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver"
NO_KERNELS = "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be"


@pytest.mark.parametrize(
    ("changes", "sentence", "remedy"),
    [
        ({"cuda": ""}, "this PyTorch is the processor's", "--device=cuda"),
        ({"error": OLD_DRIVER}, "driver of the NVIDIA GPU (GTX 1080) is too old", "--device=cuda126"),
        ({"error": "no device", "warned": OLD_DRIVER}, "is too old for this PyTorch (CUDA 13.0)", "Update the driver"),
        ({"error": NO_KERNELS, "card": "NVIDIA GTX 1080"}, "(NVIDIA GTX 1080) is not served", "--device=cuda126"),
        ({"error": "something else.\nmore"}, "(GTX 1080): something else.", "--doctor"),
    ],
)
def test_the_build_that_serves_is_named(changes: dict[str, Any], sentence: str, remedy: str) -> None:
    said = {"error": "none", "card": "", "cuda": "13.0", "warned": "", **changes}
    told_sentence, told_remedy = gpu_check.advice(said, "GTX 1080")
    assert sentence in told_sentence and remedy in told_remedy
