"""The measure of colours: against closed forms, and where it must be nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.palette import directions, distance
from stylecore.files.pictures import Pixels
from stylecore.objective.colours import lines


def flat(*colour: float, height: int = 7, width: int = 9) -> Pixels:
    return np.broadcast_to(np.array(colour, np.float32), (height, width, 3)).copy()


def test_it_is_the_squared_way_of_a_flat_colour_to_another() -> None:
    expected = (directions() @ torch.tensor([0.25, -0.5, 0.75], dtype=torch.float64)).square().mean().item()
    assert distance(flat(0.5, 0.25, 0), flat(0.25, 0.75, -0.75)) == pytest.approx(expected, rel=1e-6)
    assert distance(flat(0, 0, 0), flat(1, 1, 1)) == pytest.approx(1, rel=0.2)  # a third of 3, in many directions


def test_it_does_not_ask_where_pixels_are_nor_how_many() -> None:
    picture = np.random.default_rng(1).random((24, 30, 3), dtype=np.float32)
    shuffled = np.random.default_rng(2).permutation(picture.reshape(-1, 3)).reshape(30, 24, 3)
    assert distance(picture, shuffled) == 0
    assert distance(picture, picture.repeat(2, 0).repeat(3, 1)) < 1e-5
    assert distance(picture, picture**2) > 1e-3


def test_colours_between_those_of_a_style_are_far_from_it() -> None:
    """As mean and covariance do not say: the same of both in every channel, but other colours."""
    pure = np.concatenate([flat(0, 0, 0), flat(1, 1, 1)])
    noise = np.random.default_rng(0).standard_normal((1, 4000, 1)).astype(np.float32)
    between = np.repeat((noise - noise.mean()) / noise.std() / 2 + 0.5, 3, 2)
    assert abs(between.mean() - pure.mean()) < 1e-4 and abs(between.std() - pure.std()) < 1e-4
    assert distance(between, pure) > 0.05


def test_it_looks_along_other_directions_than_the_term_does() -> None:
    assert (directions() @ lines.directions().t()).abs().max() < 1 - 1e-6
