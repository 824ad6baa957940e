"""The edges' term: against sorted steps, finite differences, parts of the picture, and what it makes of a style."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stylecore.objective.colours import edges as module
from stylecore.objective.colours import sliced
from stylecore.objective.colours.edges import _DIRECTIONS, _MOST, _STEP, _WEIGHT, Edges
from stylecore.objective.colours.sliced import SlicedRegion
from stylecore.objective.weighting import strength_weighting
from stylecore.tensors.strips import Strip
from tests.stylecore.objective.test_palette import by_pixels_and_lattice, only, random, smooth


def edges(content: Tensor, *regions: SlicedRegion, lattice: bool = False) -> Edges:
    return Edges(content, regions, Strip(content.shape[2]), lattice=lattice)


def sorted_distance(image: Tensor, style: Tensor) -> float:
    """The sliced distance of the compressed steps of two pictures of one size, by sorting."""
    vectors = torch.nn.functional.normalize(torch.tensor(_DIRECTIONS, dtype=torch.float64), dim=1)
    found = []
    for picture in (image, style):
        right = torch.diff(picture, dim=3, append=picture[..., -1:])
        down = torch.diff(picture, dim=2, append=picture[:, :, -1:])
        steps = torch.cat([right, down], 2)[0].flatten(1)
        found.append(torch.sort(vectors @ torch.tanh(steps / _STEP) / 2, dim=1).values)
    return (found[0] - found[1]).square().mean().item()


@by_pixels_and_lattice
@given(seed=st.integers(0, 10**6), faint=st.floats(0.01, 1))
@settings(max_examples=20, deadline=None)
def test_it_is_the_distance_that_sorting_gives(lattice: bool, seed: int, faint: float) -> None:
    content, style, image = (random(40, 30, seed + number) * scale for number, scale in enumerate((0.1, 0.03, faint)))
    weight = min(_WEIGHT, _MOST / sorted_distance(content, style))
    expected = weight * sorted_distance(image, style)
    assert edges(content, only(style), lattice=lattice)(image)[0].item() == pytest.approx(expected, rel=0.04, abs=0.02)


@by_pixels_and_lattice
@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_the_gradient_is_the_slope(lattice: bool, seed: int) -> None:
    content, image = random(40, 30, seed), random(40, 30, seed + 1) * 0.1
    where = random(40, 30, seed + 3)[0, 0]
    two = [(random(20, 50, seed + 4) * 0.2, None, 1.0), (random(9, 9, seed + 5) * 0.02, random(9, 9, seed)[0, 0], 2.0)]
    term = edges(content, only(random(33, 21, seed + 6) * 0.05), SlicedRegion(two, where, 0.4), lattice=lattice)
    gradient = term(image)[1]
    way, step = gradient.sign(), 3e-4
    slope = (term(image + step * way)[0] - term(image - step * way)[0]) / (2 * step)
    assert slope.item() == pytest.approx((gradient * way).sum().item(), rel=0.05)


@pytest.mark.parametrize("every", [2, 4])
def test_some_rows_and_columns_of_a_large_picture_stand_for_all(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bands of rows, too: they begin at rows that count."""
    content, style, image = smooth(280, 240, 0), smooth(240, 280, 1) * 0.3, smooth(280, 240, 2) * 0.6
    where = smooth(280, 240, 3)[0, 0]
    regions = [only(style), SlicedRegion([(style * 0.5, None, 1.0)], where, 0.4)]
    whole, slope = edges(content, *regions)(image)
    monkeypatch.setattr(sliced, "_EVERY", ((every, 1),))
    some, near = edges(content, *regions)(image)
    assert some.item() == pytest.approx(whole.item(), rel=0.03)
    assert (near - slope).norm() < 0.1 * slope.norm()
    monkeypatch.setattr(module, "_TOGETHER", 7 * 240)
    banded, same = edges(content, *regions)(image)
    assert banded.item() == pytest.approx(some.item(), rel=1e-9)
    torch.testing.assert_close(same, near)


def test_a_step_that_was_not_counted_is_smoothed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Larger than all that were counted, in one colour alone, of a style that has hardly any."""
    monkeypatch.setattr(sliced, "_EVERY", ((2, 1),))
    style, image = (random(24, 24, seed) * 0.02 + 0.4 for seed in range(2))
    image[0, 2, 3, 5] += 0.1
    gradient = edges(random(24, 24, 3), only(style))(image)[1]
    assert gradient[0, 2, 3, 5] > 3 * gradient[0, 2].abs().median()


def test_bands_of_rows_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    content, style, image = random(50, 30) * 0.2, random(30, 40, 1) * 0.1, random(50, 30, 2) * 0.2
    where = random(50, 30, 3)[0, 0]
    value, gradient = edges(content, SlicedRegion([(style, None, 1.0)], where, 1.0))(image)
    monkeypatch.setattr("stylecore.objective.colours.edges._TOGETHER", 250)
    again, same = edges(content, SlicedRegion([(style, None, 1.0)], where, 1.0))(image)
    assert again.item() == value.item()
    torch.testing.assert_close(same, gradient, rtol=1e-12, atol=1e-15)


def test_hatching_is_told_from_lines_of_the_same_energy() -> None:
    """A few strong lines on flat ground, and a faint hatching: the same mean square of steps, another picture."""
    lines, hatching = (
        torch.full((1, 3, 64, 64), 0.5, dtype=torch.float64),
        torch.full((1, 3, 64, 64), 0.5, dtype=torch.float64),
    )
    lines[..., 16::32] = 0.9
    hatching[..., ::2] += 0.4 / 16**0.5
    energy = [torch.diff(each).square().sum().item() for each in (lines, hatching)]
    assert energy[0] == pytest.approx(energy[1], rel=0.1)
    term = edges(hatching, only(lines))
    assert term(lines)[0].item() < 1e-6
    assert term(hatching)[0].item() > 0.3


@by_pixels_and_lattice
def test_steps_to_transparent_pixels_and_outside_count_nothing(lattice: bool) -> None:
    content, style, image = random(20, 20), random(20, 20, 1) * 0.1, random(20, 20, 2) * 0.1
    left = torch.zeros(20, 20)
    left[:, :10] = 1
    made_up = style.clone()
    made_up[..., 10:] = 0.7
    first, second = (
        edges(content, SlicedRegion([(each, left, 1.0)], left, 1.0), lattice=lattice) for each in (style, made_up)
    )
    (value, gradient), (same, _) = first(image), second(image)
    assert value.item() == same.item()
    assert gradient[..., :10].any()
    assert not gradient[..., 11:].any()


def test_under_the_middle_it_fades_with_the_strength() -> None:
    assert [strength_weighting(each, 0.5).edges for each in (0, 25, 50, 100)] == [0, 0.25, 1, 1]
    assert strength_weighting(50, 0.5, edges=0.3).edges == pytest.approx(0.3)
