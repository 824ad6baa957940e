"""The device that the engine's and the server's tests run on: the processor, or what ``tests/run --device`` names."""

from __future__ import annotations

import os

import pytest
import torch

#: Carries ``--device`` to the programs that tests start; read here alone.
VARIABLE = "NEURAL_STYLE_TEST_DEVICE"

#: How far a gradient may be from float64's, ‖g − g₆₄‖ / ‖g₆₄‖, by what the network computes in. On a processor, with
#: VGG-19 at 64 px, float32 was 1e-6 away and bfloat16 (8 bits of mantissa) 0.09 to 0.12; TF32 has 11, an eighth of that.
TOLERANCES = {"float32": 1e-4, "tf32": 0.03, "bfloat16": 0.2}
#: Wasserstein's way of leaving out directions without variance goes by the rounding of sums in float32; 0.05 was seen.
_TOLERANCE_WASSERSTEIN = 0.1


def tolerance(arithmetic: str, statistics: str) -> float:
    """Return how far a gradient in an arithmetic of :data:`TOLERANCES`, by such statistics, may be from float64's."""
    return max(TOLERANCES[arithmetic], _TOLERANCE_WASSERSTEIN if statistics == "wasserstein" else 0.0)


def name() -> str:
    """Return the device as the engine takes it: ``'cpu'``, ``'cuda'``, ``'cuda:1'`` or ``'mps'``."""
    return os.environ.get(VARIABLE) or "cpu"


def is_processor() -> bool:
    """Return whether the tests run on the processor."""
    return torch.device(name()).type == "cpu"


def processor_only(reason: str) -> pytest.MarkDecorator:
    """Return the mark of a test that says nothing about another device, and why."""
    return pytest.mark.skipif(not is_processor(), reason=reason)
