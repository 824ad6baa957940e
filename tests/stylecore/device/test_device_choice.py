"""A GPU is taken only if it has shown that it can paint; else the processor, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stylecore.device import choice, memory_budget
from stylecore.device.choice import choose_device
from stylecore.device.computing import Computing
from stylecore.device.engine import Engine
from stylecore.errors import StyleError
from stylecore.kernels import compiling
from stylecore.network.arithmetic import Arithmetic
from stylecore.settings import Settings
from tests import device
from tests.stylecore.device.pretended_gpu import NAME, pretended_gpu

needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


@needs_no_gpu
def test_a_gpu_that_cannot_compute_is_left_out_and_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch claims one, as it does of cards that its build has no kernels for; a convolution then fails."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    device, why = choose_device("auto")
    assert device.type == "cpu" and why is not None and why.details["case"] == "failed" and why.details["detail"]


@needs_no_gpu
def test_a_processor_alone_needs_no_words(thin_weights: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "why_no_gpu", lambda: None)
    engine = Engine("auto", str(thin_weights), threads=1)
    assert engine.device.type == "cpu" and engine.device_note == ""


@needs_no_gpu
@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps", "gpu", "cuda:x"])
def test_a_device_that_was_named_and_is_not_there_is_an_error(name: str) -> None:
    with pytest.raises(StyleError) as told:
        choose_device(name)
    assert told.value.code == "device-missing" and name in told.value.sentence and "--device" in told.value.remedy


@device.processor_only("a process cannot have the pretended GPU beside a real one")
def test_apples_gpu_is_taken_if_it_computes_what_the_processor_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with pretended_gpu(without_float64=True):
        there = torch.device(NAME)
        assert choice._trouble(there) == "" and choice._disagreement(there) == ""
        wrong = torch.nn.functional.conv2d

        def otherwise(image: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
            return wrong(image, *others) + (0.05 if image.device.type == NAME else 0.0)

        monkeypatch.setattr(torch.nn.functional, "conv2d", otherwise)
        assert "otherwise than the processor" in choice._disagreement(there)


def test_float32_is_exact_on_a_gpu(thin_weights: object) -> None:
    Engine("cpu", str(thin_weights), threads=1)
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


def test_memory_is_planned_for_own_kernels_where_all_of_them_are(
    thin_weights: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine("cpu", str(thin_weights), threads=1)
    arithmetic, settings = Arithmetic(torch.bfloat16), Settings()
    assert engine.computing(settings, arithmetic) == Computing(torch.bfloat16)
    assert engine.computing(Settings(objective="gram"), arithmetic) == Computing(
        torch.bfloat16, pooling="average", colours=False
    )
    engine.device = torch.device("cuda")
    needed = []
    for usable in (True, False):
        monkeypatch.setattr(compiling, "all_usable", lambda device, usable=usable: usable)
        computing = engine.computing(settings, arithmetic)
        assert computing == Computing(torch.bfloat16, "cuda", kernels=usable)
        needed.append(memory_budget.WAYS_OF_GPU[0].needs((2048, 2048), (0, 0), computing))
    assert needed[0] < 0.75 * needed[1]


@pytest.mark.parametrize("megapixels", [4, 12, 30, 60])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_apple_s_pictures_are_planned_below_tensors_of_4_gb(megapixels: int, dtype: torch.dtype) -> None:
    """However much memory there is; and a picture of four megapixels needs nothing of the kind."""
    size, pixels = (1000, megapixels * 1000), megapixels * 10**6
    way = memory_budget.fastest(size, size, Computing(dtype, "mps"), 1 << 50)
    assert way is not None and way.largest_tensor(size, size, dtype) < 1 << 32
    assert (way == memory_budget.MemoryPlan()) is (megapixels == 4)
    assert memory_budget.fastest(size, size, Computing(dtype, "cuda"), 1 << 50) == memory_budget.WAYS_OF_GPU[0]
    # Of a feature map, and of the history, as they are made.
    largest = memory_budget.MemoryPlan().largest_tensor(size, (0, 0), dtype)
    assert largest >= max(pixels * 64 * dtype.itemsize, 2 * 21 * 3 * pixels * 4)


def test_only_a_gpu_s_libraries_compile(thin_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An AMD GPU's for minutes, which is not to count as a hang (the engine process expects a step to take so long)."""
    engine = Engine("cpu", str(thin_weights), 1)
    assert engine.compile_seconds == 0
    engine.device = torch.device("cuda")
    assert engine.compile_seconds == 30
    monkeypatch.setattr(torch.version, "hip", "7.0")
    assert engine.compile_seconds >= 300
