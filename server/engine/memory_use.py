"""The memory that jobs take: how much it was at most, and letting go of it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from stylecore.device import host

if TYPE_CHECKING:
    from stylecore.device.engine import Engine


def begin_peak(engine: Engine) -> None:
    """Measure the peak memory anew."""
    if engine.device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(engine.device)
    else:
        host.begin_peak()


def peak(engine: Engine) -> int:
    """Return the bytes taken at most since :func:`begin_peak`: the device's, or the whole process's on a CPU."""
    if engine.device.type == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated(engine.device))
    return host.peak_memory()


def give_back(engine: Engine, *, everything: bool) -> None:
    """Let go of what a job has left, so that other programs can have it; with ``everything``, buffers in store too."""
    from stylecore.device import memory_budget

    gc.collect()
    if everything:
        memory_budget.give_back()
    memory_budget.empty_cache(engine.device)
