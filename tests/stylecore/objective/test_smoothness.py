"""Total variation: in rows as in one piece, and colours held to what the styles have of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stylecore.device.engine import Engine
from stylecore.files.pictures import Pixels
from stylecore.objective import objective
from stylecore.objective.smoothness import colour_weight, total_variation, total_variation_in_rows
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from tests.stylecore.conftest import sample


def random(height: int, width: int, seed: int = 0, channels: int = 3) -> Tensor:
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def restless_colours(picture: Tensor) -> float:
    return total_variation(picture - picture.mean(1, keepdim=True)).item()


@given(st.integers(2, 700), st.integers(2, 40), st.floats(1, 30))
@settings(max_examples=20, deadline=None)
def test_in_rows_it_is_the_wholes(height: int, width: int, colours: float) -> None:
    image = random(height, width, height).float().requires_grad_(True)
    whole = total_variation(image, colours)
    (gradient,) = torch.autograd.grad(whole, image)
    value, slope = total_variation_in_rows(image.detach(), colours)
    assert value.item() == pytest.approx(whole.item(), rel=1e-4)
    assert ((slope - gradient).norm() / gradient.norm()).item() < 1e-5


@given(st.integers(0, 10**6), st.floats(1, 30))
@settings(max_examples=20, deadline=None)
def test_lightness_counts_once_and_colours_as_often_as_asked(seed: int, colours: float) -> None:
    grey, image = random(9, 7, seed, channels=1).expand(1, 3, 9, 7), random(9, 7, seed + 1)
    alike = image - image.mean(1, keepdim=True)  # of one lightness everywhere
    plain = total_variation(grey).item()
    assert total_variation(grey, colours).item() == pytest.approx(plain)
    assert total_variation(alike, colours).item() == pytest.approx(colours * total_variation(alike).item())
    assert total_variation(grey + alike, colours).item() == pytest.approx(plain + colours * total_variation(alike).item())


def weight_of(picture: Tensor, alpha: Tensor | None = None) -> float:
    return colour_weight([(picture, alpha, 3.0)]).item()


def test_the_fewer_colours_a_style_has_the_more_they_are_held() -> None:
    colourful, grey = random(400, 30), random(400, 30, channels=1).expand(1, 3, 400, 30)
    assert weight_of(colourful) == 1.0
    assert weight_of(grey) == 30.0
    assert weight_of(torch.zeros(1, 3, 16, 16)) == 30.0
    faint = grey + (colourful - 0.5) * 0.05
    weight = weight_of(faint)
    assert 1 < weight < 15
    assert weight_of(grey + (colourful - 0.5) * 0.03) == pytest.approx(min(weight * (0.05 / 0.03) ** 2, 30), rel=1e-3)
    # Half of each style's share has half of each style's colours.
    both = [(faint, None, 2.0), (grey, None, 2.0)]
    assert colour_weight(both).item() == pytest.approx(min(2 * weight, 30), rel=1e-3)


def test_edges_between_flat_colours_do_not_free_them_nor_does_what_is_transparent_hold_them() -> None:
    flat = torch.full((1, 3, 60, 60), 0.2)
    flat[:, 0, :, 20:], flat[:, 2, 30:] = 0.9, 0.7
    assert restless_colours(flat) > 4 * restless_colours(random(60, 60) * 0.05)
    assert weight_of(flat) == 30.0
    colourful, alpha = random(60, 60), torch.ones(60, 60)
    weight = weight_of(colourful * 0.05)
    assert 1 < weight < 30
    made_up = colourful * 0.05
    made_up[:, :, 20:] = 0.5
    alpha[20:] = 0
    assert weight_of(made_up) == 30.0
    assert weight_of(made_up, alpha) == pytest.approx(weight, rel=0.1)


def test_a_large_style_is_judged_by_rows_of_it() -> None:
    small = random(300, 400) * 0.05
    large = small.repeat(1, 1, 12, 12)
    assert weight_of(large) == pytest.approx(weight_of(small), rel=0.05)


def test_a_picture_has_fewer_speckles_of_colour_than_without_it(
    real_engine: Engine, style: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = sample("content", 64)
    grey = style.mean(2, keepdims=True)
    faint = (grey + (style - grey) * np.float32(0.3)).clip(0, 1)

    def speckles() -> tuple[float, float]:
        job = Job(real_engine, PaintRequest(photo, [Style(faint)], Settings(edges=0.0)))  # they hold speckles, too
        for _ in job.run():
            pass
        picture = torch.from_numpy(job.image()).permute(2, 0, 1)[None]
        return restless_colours(picture), total_variation(picture).item()

    held, all_of_it = speckles()
    monkeypatch.setattr(objective, "colour_weight", lambda styles: torch.tensor(1.0))
    free, all_of_that = speckles()
    assert held < 0.6 * free
    assert all_of_it > 0.9 * (all_of_that - free)  # and is as crisp
