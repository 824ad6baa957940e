"""Distances of feature statistics, against formulas that can be written out and finite differences."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stylecore.objective.distances import DISTANCES, wasserstein
from stylecore.objective.moments import Moments, blend, moments, tapped


def features(seed: int, channels: int, positions: int) -> Tensor:
    return torch.rand(1, channels, positions, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 40))
def test_moments_are_those_of_numpy_and_their_gradient_is_autograds(seed: int, channels: int, positions: int) -> None:
    f = features(seed, channels, positions).requires_grad_(True)
    weights = torch.rand(positions, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for counted in (None, weights / weights.sum()):
        rows = f[0, :, :, 0].t()
        share = torch.full((positions, 1), 1 / positions, dtype=torch.float64) if counted is None else counted
        expected_mean, expected_second = (rows * share).sum(0), rows.t() @ (rows * share)
        found = moments(f, counted)
        assert torch.allclose(found.mean, expected_mean) and torch.allclose(found.second, expected_second)
        loss = found.mean.square().sum() + (found.second**3).sum()
        expected = expected_mean.square().sum() + (expected_second**3).sum()
        assert torch.allclose(torch.autograd.grad(loss, f)[0], torch.autograd.grad(expected, f)[0])


@given(
    seed=st.integers(0, 10**6), channels=st.integers(1, 40), side=st.integers(1, 12), regions=st.integers(1, 2),
    weighted=st.booleans(), pulled=st.booleans(), means=st.booleans(), on=st.booleans(),
    dtype=st.sampled_from([torch.float64, torch.float32, torch.bfloat16]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_their_gradient_is_added_to_that_of_what_is_gone_on_with(
    seed: int,
    channels: int,
    side: int,
    regions: int,
    weighted: bool,
    pulled: bool,
    means: bool,
    on: bool,
    dtype: torch.dtype,
) -> None:
    """One after the other, as a layer's regions are; whether the distance takes means, and whether a layer follows."""
    generator = torch.Generator().manual_seed(seed)
    values = (
        torch.rand(1, channels, side, side + 1, generator=generator).to(dtype).contiguous(memory_format=torch.channels_last)
    )
    maps = [torch.rand(side, side + 1, generator=generator) if weighted else None for _ in range(regions)]
    far = torch.rand(side, side + 1, generator=generator) if pulled else None
    upstream = torch.rand(values.shape, generator=generator).to(dtype)

    def loss(found: Moments) -> Tensor:
        return found.second.square().sum() + (found.mean.square().sum() if means else 0)

    x = values.clone().requires_grad_(True)
    through, losses = x * 2, []
    for counted in maps:
        through, found = tapped(through, counted, far)
        losses.append(loss(found))
    (gradient,) = torch.autograd.grad([*losses, *([(through * upstream).sum()] if on else [])], x)
    exact = (values.double() * 2).requires_grad_(True)
    (expected,) = torch.autograd.grad([loss(moments(exact, counted)) for counted in maps], exact)
    expected = 2 * (expected * (1 if far is None else far) + (upstream if on else 0))
    rounding = {torch.float64: 1e-6, torch.float32: 1e-4, torch.bfloat16: 0.03}[dtype]  # weights and maps are float32
    assert gradient.dtype == dtype
    assert (gradient.double() - expected).abs().max() <= rounding * expected.abs().max()


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize(("positions", "channels"), [(50, 8), (4, 8), (20, 16)])
def test_gradient_agrees_with_finite_differences(name: str, positions: int, channels: int) -> None:
    distance, style = DISTANCES[name], moments(features(1, channels, 300))
    f, direction = features(2, channels, positions), features(3, channels, positions) - 0.5
    x = f.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(distance(moments(x), style), x)
    step = 1e-6
    ahead = distance(moments(f + step * direction), style)
    behind = distance(moments(f - step * direction), style)
    assert (gradient * direction).sum().item() == pytest.approx((ahead - behind).item() / (2 * step), rel=1e-6)


@pytest.mark.parametrize("name", DISTANCES)
def test_nothing_lies_between_a_style_and_itself(name: str) -> None:
    here, there = moments(features(1, 6, 50)), moments(features(2, 6, 50))
    assert DISTANCES[name](here, here).item() == pytest.approx(0, abs=1e-7)
    assert DISTANCES[name](here, there).item() > 1e-6


def test_wasserstein_of_independent_features_is_that_of_their_deviations() -> None:
    """For diagonal covariances: |m − m′|² + |σ − σ′|²."""
    m, m2 = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 4.0])
    s, s2 = torch.tensor([0.3, 1.5]), torch.tensor([0.7, 1.0])
    first = Moments(m, torch.diag(s**2) + torch.outer(m, m))
    second = Moments(m2, torch.diag(s2**2) + torch.outer(m2, m2))
    expected = ((m - m2).square().sum() + (s - s2).square().sum()) / 2
    assert wasserstein(first, second).item() == pytest.approx(expected.item(), rel=1e-4)


def test_moments_blend_like_the_pixels_they_count() -> None:
    """Blending two pictures' moments by their sizes gives the moments of both together."""
    first, second = features(1, 5, 30), features(2, 5, 60)
    together = moments(torch.cat([first, second], 2))
    blended = blend([(moments(first), 1.0), (moments(second), 2.0)])
    assert torch.allclose(blended.mean, together.mean) and torch.allclose(blended.second, together.second)
