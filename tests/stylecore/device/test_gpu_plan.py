"""What is planned for a GPU, held against a step of the real network on tensors without numbers."""

from __future__ import annotations

import pytest
import torch

from benchmarks import gpu_plan
from stylecore.network.vgg import Network


@pytest.fixture(scope="module", params=[torch.bfloat16, torch.float32], ids=["bfloat16", "float32"])
def network(request: pytest.FixtureRequest) -> Network:
    return gpu_plan.network(request.param)


@pytest.mark.parametrize(
    "way, side, most_kernels",
    [
        ("one piece", 512, 710),
        ("one piece, history of 10", 768, 780),
        ("blocks, tiles × 4", 2048, 2450),
        ("blocks, history of 5", 1024, 3250),
    ],
)
def test_the_estimate_is_within_15_per_cent(network: Network, way: str, side: int, most_kernels: int) -> None:
    """And a step launches no more kernels than it did."""
    measured = gpu_plan.measure(network, way, side)
    assert abs(measured.planned / measured.peak - 1) < 0.15
    assert measured.kernels < most_kernels
