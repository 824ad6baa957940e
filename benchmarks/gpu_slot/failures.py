"""What was expected to fail on a GPU before there was one; each once, at the size at which it would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from benchmarks.gpu_slot.slot import Slot, difference, painted
from stylecore.device import memory_budget
from stylecore.device.engine import Engine
from stylecore.device.memory_budget import MemoryPlan
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import SETTINGS, Settings
from stylecore.tensors.resampling import resize

#: What CUDA, cuBLAS and cuDNN say when memory is short, each in its way.
_SHORT_OF_MEMORY = (
    "CUDA out of memory. Tried to allocate 2.00 GiB.",
    "CUDA error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "GET was unable to find an engine to execute this computation",
)


def failures(slot: Slot) -> None:
    """Try what was expected to fail."""
    cases: tuple[tuple[str, Callable[[Slot], None]], ...] = (
        ("shrinking much", _shrinking),
        ("a large style for a small picture", _large_style),
        ("too little memory is recognised", _memory),
        ("spilled blocks with guide, alpha and strength map", _spill),
        ("float32 is exact", _float32),
        ("the device that is chosen by itself", _auto),
        ("every objective, statistic, pooling and colour", _choices),
    )
    for name, case in cases:
        with slot.attempt(name):
            case(slot)


def _shrinking(slot: Slot) -> None:
    side = 1600 if slot.small else 4096
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    there = resize(picture.to(slot.device), (32, 32)).cpu()
    apart = float((there - resize(picture, (32, 32))).abs().max() * 255)
    slot.tell("shrinking by more than 47: levels apart from the processor", apart)
    slot.check("shrinking much", apart < 5, f"{apart:.1f} levels of 255 apart")


def _large_style(slot: Slot) -> None:
    content, _ = slot.pictures(64 if slot.small else 512)
    _, style = slot.pictures(64)
    side = 1200 if slot.small else 3464
    large = np.ascontiguousarray(np.tile(style, (side // 64 + 1, side // 64 + 1, 1))[:side, :side])
    result = painted(Job(slot.engine(), PaintRequest(content, [Style(large)], Settings(quality="draft", iterations=2))))
    slot.check("a large style for a small picture", bool(np.isfinite(result).all()))


def _memory(slot: Slot) -> None:
    for words in _SHORT_OF_MEMORY:
        slot.check(
            f"recognised: {words[:45]}", memory_budget.ran_out(RuntimeError(words)), "taken for a fault of the program"
        )
    try:
        torch.empty(1 << 50, dtype=torch.uint8, device=slot.device)
        slot.check("more memory than there is", False, "it was given")
    except RuntimeError as error:
        slot.check("more memory than there is", memory_budget.ran_out(error), error)


def _spill(slot: Slot) -> None:
    side = 64 if slot.small else 512
    engine = slot.engine()
    ramp = np.tile(np.linspace(0, 1, side, dtype=np.float32), (side, 1))
    content, style = slot.pictures(side)
    content = np.dstack([content, np.maximum(ramp.T, 0.2)])
    job = Job(
        engine,
        PaintRequest(
            content, [Style(style)], Settings(iterations=2, quality="draft"), mask=1 - ramp, strength_map=ramp + 0.1
        ),
    )
    job.scales = [replace(scale, way=memory_budget.SPILLING[0]) for scale in job.scales]
    slot.check("spilled blocks with guide, alpha and strength map", bool(np.isfinite(painted(job)).all()))


def _float32(slot: Slot) -> None:
    slot.engine()
    allowed = torch.backends.cudnn.allow_tf32 and slot.on_gpu
    slot.check("float32 is exact", not allowed, "TF32 is allowed in convolutions that the setting calls float32")


def _auto(slot: Slot) -> None:
    engine = Engine("auto", threads=1)
    slot.tell("chosen by itself", {"device": engine.device_name, "why": engine.device_note})
    slot.check("the device that is chosen by itself", engine.device.type == slot.device.type, engine.device_name)


def _choices(slot: Slot) -> None:
    engine = slot.engine()
    content, style = slot.pictures(48 if slot.small else 96)
    for setting in SETTINGS:
        if setting.kind != "choice" or setting.name in ("quality", "weights"):
            continue
        for choice in setting.choices:
            name = f"{setting.name}={choice.value}"
            with slot.attempt(name):
                settings = Settings(**{"quality": "draft", "iterations": 1, setting.name: choice.value})
                if setting.name == "precision" and choice.value == "bfloat16" and slot.small:
                    continue  # a processor without it takes long
                result = painted(Job(engine, PaintRequest(content, [Style(style)], settings)))
                slot.check(name, bool(np.isfinite(result).all()))
    one, blocks = (
        painted(slot.one_scale(engine, 64, 2, way=way, settings={"precision": "float32"}))
        for way in (MemoryPlan(), MemoryPlan(blocks=True, tiles=0.25))
    )
    slot.tell("one piece and blocks apart, levels", difference(one, blocks))
