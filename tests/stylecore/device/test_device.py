"""What a GPU asks of a step: that all of it stays there, and that nothing waits for it but once.

torch's device "meta" stands for a GPU. It has shapes and no numbers: reading one fails, and so does a sum of its tensors
and the processor's.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from stylecore.device.engine import layer_scales
from stylecore.network import vgg, weights
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.vgg import Network, activation_means
from stylecore.objective.distances import DISTANCES
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.objective import BalancedObjective, GramObjective, Objective, PaperObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import strength_weighting
from stylecore.optimiser.lbfgs import BoxLBFGS

SIDE = 48
WEIGHTING = strength_weighting(50.0, 0.5)


class Waits(TorchFunctionMode):
    """Counts what is fetched from the device, and makes up numbers for it: losses that fall, curvature above 0."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.cpu and args[0].is_meta:
            self.count += 1
            return torch.full(args[0].shape, 1.0 / self.count, dtype=args[0].dtype)
        return function(*args, **(kwargs or {}))


def there(*shape: int) -> Tensor:
    """Return a tensor of the device."""
    return torch.empty(shape, device="meta")


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def network(thin_weights: Path, request: pytest.FixtureRequest) -> Network:
    scales = layer_scales(activation_means())
    return Network(weights.load(str(thin_weights)), scales, device="meta", arithmetic=Arithmetic(request.param))


def objective(network: Network, kind: str) -> Objective:
    content = there(1, 3, SIDE, SIDE)
    styles = [StylePicture(there(1, 3, SIDE, SIDE)), StylePicture(there(1, 3, 64, 32), 2.0)]
    if kind in DISTANCES:
        return BalancedObjective(network, content, styles, WEIGHTING, distance=DISTANCES[kind])
    if kind == "blocks":
        return BalancedObjective(network, content, styles, WEIGHTING, None, Blocks(network, 0.2))
    return {"gram objective": GramObjective, "paper": PaperObjective}[kind](network, content, styles, WEIGHTING)


@pytest.mark.parametrize("kind", [*DISTANCES, "gram objective", "paper", "blocks"])
def test_a_step_waits_for_the_device_once(network: Network, kind: str) -> None:
    evaluate = objective(network, kind)
    image, movable = there(1, 3, SIDE, SIDE), there(1, 3, SIDE, SIDE)
    with Waits() as waits:
        optimiser = BoxLBFGS(image, evaluate, history=5, movable=movable)
        for number in range(4):
            before = waits.count
            optimiser.step()
            assert waits.count == before + 1, f"step {number}"
    assert optimiser.image.is_meta and math.isfinite(optimiser.losses[0])
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        optimiser.step()  # so this is what a wait looks like without the one above


def test_apple_s_feature_maps_are_not_in_channels_last(thin_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def maps() -> Tensor:
        made = Network(weights.load(str(thin_weights)))
        return made.features(torch.rand(1, 3, SIDE, SIDE), {"conv2_1"})["conv2_1"]

    assert not maps().is_contiguous()
    monkeypatch.setattr(vgg, "WITHOUT_CHANNELS_LAST", {"cpu"})
    assert maps().is_contiguous()
