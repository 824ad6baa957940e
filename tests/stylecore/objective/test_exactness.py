"""Gradients beside float64's, in every arithmetic of the device that the tests run on."""

from __future__ import annotations

import functools

import pytest
import torch

from benchmarks.gpu_slot.exactness import WAYS, gradient, gradient_error
from stylecore.device.engine import Engine
from stylecore.objective.distances import DISTANCES
from tests import device
from tests.stylecore.conftest import sample

SIDE = 64


@functools.cache
def reference(engine: Engine, statistics: str, way: str) -> torch.Tensor:
    return gradient(
        engine, "float64", statistics, way, (sample("content", SIDE), sample("styles", SIDE)), torch.device("cpu")
    )


@pytest.mark.parametrize("arithmetic", device.TOLERANCES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("statistics", DISTANCES)
def test_a_gradient_is_as_exact_as_its_arithmetic(real_engine: Engine, statistics: str, way: str, arithmetic: str) -> None:
    if arithmetic == "tf32" and real_engine.device.type != "cuda":
        pytest.skip("TF32 is CUDA's")
    if arithmetic == "bfloat16" and statistics not in ("covariance", "wasserstein"):
        pytest.skip("a processor without it is slow, and the others are sums of the same")
    pictures = sample("content", SIDE), sample("styles", SIDE)
    error = gradient_error(real_engine, arithmetic, statistics, way, pictures, reference(real_engine, statistics, way))
    assert error <= device.tolerance(arithmetic, statistics), f"{error:.2g}"
