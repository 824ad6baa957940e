"""Colours in Oklab: exact there and back, inside the gamut, and a palette that follows another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stylecore.tensors import colours

PICTURES = arrays.arrays(np.float32, (1, 3, 6, 7), elements=st.floats(0, 1, width=32)).map(torch.from_numpy)
AMOUNTS = st.floats(0, 1)


def noise(seed: int, mix: list[list[float]], mean: list[float]) -> torch.Tensor:
    """A picture with correlated colours well inside the gamut."""
    values = torch.randn(3, 64 * 64, generator=torch.Generator().manual_seed(seed)).clamp(-2, 2)
    return (torch.tensor(mix) @ values + torch.tensor(mean)[:, None]).clamp(0.02, 0.98).reshape(1, 3, 64, 64)


WARM = noise(1, [[0.09, 0, 0], [0.05, 0.04, 0], [0.02, 0.02, 0.03]], [0.6, 0.5, 0.4])
COOL = noise(2, [[0.04, 0.01, 0], [0, 0.06, 0.02], [0.02, 0.01, 0.08]], [0.35, 0.45, 0.55])


def palette(picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    rows = colours.to_oklab(picture.double())[0].reshape(3, -1)
    return rows.mean(1), torch.cov(rows)


def hue(lab: torch.Tensor) -> torch.Tensor:
    return torch.atan2(lab[:, 2], lab[:, 1])


@given(PICTURES)
def test_there_and_back(picture: torch.Tensor) -> None:
    assert (colours.from_oklab(colours.to_oklab(picture)) - picture).abs().max() < 2e-3


@given(PICTURES, PICTURES, AMOUNTS)
def test_the_photos_colours_keep_the_paintings_lightness(image: torch.Tensor, photo: torch.Tensor, amount: float) -> None:
    result = colours.with_colours_of(image, photo, amount)
    assert torch.isfinite(result).all() and result.min() >= 0 and result.max() <= 1
    # Cubed, that is, as light: a ten-thousandth beside black is far away in Oklab's lightness, and nothing to the eye.
    assert (colours.to_oklab(result)[:, 0] ** 3 - colours.to_oklab(image)[:, 0] ** 3).abs().max() < 2e-3


def test_a_colour_that_does_not_exist_loses_chroma_and_keeps_its_hue() -> None:
    """Saturated blue at the lightness of yellow: clipping would turn it cyan, a halo along every edge."""
    lab = torch.cat(
        [
            torch.linspace(0.05, 0.99, 60)[None, None, None, :],
            torch.full((1, 1, 1, 60), -0.05),
            torch.full((1, 1, 1, 60), -0.28),
        ],
        1,
    )
    mapped = colours.to_oklab(colours.into_gamut(lab))
    chroma = mapped[:, 1:].norm(dim=1)
    visible = chroma > 0.02
    assert visible.sum() > 40
    assert (hue(mapped) - hue(lab)).abs()[visible].max() < 0.03
    assert (mapped[:, 0] - lab[:, 0]).abs().max() < 5e-3
    assert (chroma[0, 0, 1:] - chroma[0, 0, :-1]).abs().max() < 0.03  # and steadily
    clipped = colours.to_oklab(colours.from_oklab(lab).clamp(0, 1))
    assert (hue(clipped) - hue(lab)).abs().max() > 0.2  # what this is good for


def test_the_amount_goes_evenly_from_one_to_the_other() -> None:
    chromas = [colours.to_oklab(colours.with_colours_of(WARM, COOL, amount))[:, 1:].mean((2, 3)) for amount in (0, 0.5, 1)]
    assert torch.allclose(chromas[1], (chromas[0] + chromas[2]) / 2, atol=3e-3)
    assert torch.equal(colours.with_colours_of(WARM, COOL, 0), WARM)


def test_a_recoloured_style_has_the_photos_palette() -> None:
    mean, spread = palette(COOL)
    for amount, far in ((1.0, 0.2), (0.5, None), (0.0, None)):
        found_mean, found_spread = palette(colours.recolouring(WARM, COOL)(WARM, amount))
        if far is not None:
            assert (found_mean - mean).abs().max() < 3e-3
            assert (found_spread - spread).norm() < far * spread.norm()
        else:
            own = palette(WARM)[0]
            assert torch.allclose(found_mean, torch.lerp(own, mean, amount), atol=3e-3)


def test_only_the_pixels_that_count_are_matched() -> None:
    photo = torch.cat([COOL, WARM.flip(1)], 3)
    weights = torch.cat([torch.ones(64, 64), torch.zeros(64, 64)], 1)
    alone, chosen = colours.recolouring(WARM, COOL), colours.recolouring(WARM, photo, None, weights)
    assert torch.allclose(alone.matrix, chosen.matrix, atol=1e-6) and torch.allclose(alone.target, chosen.target, atol=1e-6)


@settings(deadline=None)
@given(PICTURES, PICTURES)
def test_any_palette_is_matched_within_the_gamut(style: torch.Tensor, photo: torch.Tensor) -> None:
    result = colours.recolouring(style, photo)(style)
    assert torch.isfinite(result).all() and result.min() >= 0 and result.max() <= 1


@settings(deadline=None)
@given(PICTURES)
def test_a_palette_matched_to_itself_stays(style: torch.Tensor) -> None:
    assert (colours.recolouring(style, style)(style) - style).abs().max() < 5e-3


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_grey_is_no_trouble(level: float) -> None:
    grey = torch.full((1, 3, 64, 64), level)
    shades = WARM.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    for style, photo in ((grey, WARM), (WARM, grey), (grey, grey), (shades, COOL), (WARM, shades)):
        result = colours.recolouring(style, photo)(style)
        assert torch.isfinite(result).all()
    # A coloured style matched to shades of grey has next to no colour left; shades matched to colours get no noise.
    faded = colours.to_oklab(colours.recolouring(WARM, shades)(WARM))[:, 1:].norm(dim=1)
    assert faded.mean() < 0.012
    tinted = colours.to_oklab(colours.recolouring(shades, COOL)(shades))
    lightness = tinted[0, 0].flatten()
    order = lightness.argsort()
    assert (tinted[0, 1].flatten()[order].diff().abs()).max() < 0.02
