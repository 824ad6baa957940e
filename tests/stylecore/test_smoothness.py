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


def test_the_fewer_colours_a_style_has_the_more_they_are_held() -> None:
    colourful, grey = random(400, 30), random(400, 30, channels=1).expand(1, 3, 400, 30)
    assert colour_weight([(colourful, 1.0)]).item() == 1.0
    assert colour_weight([(grey, 1.0)]).item() == 30.0
    assert colour_weight([(torch.zeros(1, 3, 16, 16), 1.0)]).item() == 30.0
    faint = grey + (colourful - 0.5) * 0.1
    weight = colour_weight([(faint, 3.0)]).item()
    assert 1 < weight < 30
    assert weight * restless_colours(faint) == pytest.approx(0.006, rel=1e-3)
    # Half of each style's share has half of each style's colours.
    assert colour_weight([(faint, 2.0), (grey, 2.0)]).item() == pytest.approx(min(2 * weight, 30), rel=1e-3)


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
