"""The palette term: against sorted projections, finite differences, parts of the picture, and what it makes of a style."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stylecore.device.engine import Engine
from stylecore.files.pictures import Pixels
from stylecore.objective.colours import sliced
from stylecore.objective.colours.lattice import Lattice
from stylecore.objective.colours.lines import LIGHTNESS, Lines, directions
from stylecore.objective.colours.palette import _TINTS, Palette, drawn
from stylecore.objective.colours.sliced import SlicedRegion
from stylecore.objective.weighting import strength_weighting
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from stylecore.tensors.strips import Strip


def random(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def palette(content: Tensor, *regions: SlicedRegion, lattice: bool = False) -> Palette:
    return Palette(content, regions, Strip(content.shape[2]), lattice=lattice)


def only(style: Tensor, weights: Tensor | None = None) -> SlicedRegion:
    return SlicedRegion([(style, weights, 1.0)], None, 1.0)


def sorted_distance(image: Tensor, style: Tensor, along: int | None = None) -> float:
    """The sliced Wasserstein-2 distance of two pictures with as many pixels, by sorting."""
    vectors = directions()
    first, second = (torch.sort(vectors @ each[0].flatten(1), dim=1).values for each in (image, style))
    distances = (first - second).square().mean(1)
    return (distances.mean() if along is None else distances[along]).item()


by_pixels_and_lattice = pytest.mark.parametrize("lattice", [False, True], ids=["pixels", "lattice"])


@by_pixels_and_lattice
@given(seed=st.integers(0, 10**6), power=st.floats(0.5, 4))
@settings(max_examples=20, deadline=None)
def test_it_is_the_distance_that_sorting_gives(lattice: bool, seed: int, power: float) -> None:
    content, style, image = random(40, 30, seed) ** 2, random(30, 40, seed + 1), random(40, 30, seed + 2) ** power
    term = palette(content, only(style), lattice=lattice)
    for along, colours in ((None, 1.0), (0, 0.0)):
        expected = sorted_distance(image, style, along) / sorted_distance(content, style, along)
        assert term(image, colours)[0].item() == pytest.approx(expected, rel=0.02, abs=2e-3)


@by_pixels_and_lattice
@given(seed=st.integers(0, 10**6), colours=st.floats(0, 1))
@settings(max_examples=10, deadline=None)
def test_the_gradient_is_the_slope(lattice: bool, seed: int, colours: float) -> None:
    content, image = random(40, 30, seed), random(40, 30, seed + 1) * 0.9 + 0.05
    where = random(40, 30, seed + 3)[0, 0]
    two = [(random(20, 50, seed + 4) ** 3, None, 1.0), (1 - random(9, 9, seed + 5) ** 2, random(9, 9, seed)[0, 0], 2.0)]
    term = palette(content**2, only(random(33, 21, seed + 6) ** 2), SlicedRegion(two, where, 0.4), lattice=lattice)
    gradient = term(image, colours)[1]
    way, step = gradient.sign(), 0.01
    slope = (term(image + step * way, colours)[0] - term(image - step * way, colours)[0]) / (2 * step)
    assert slope.item() == pytest.approx((gradient * way).sum().item(), rel=0.03)


@by_pixels_and_lattice
def test_at_the_content_it_is_one_and_at_the_styles_colours_nothing(lattice: bool) -> None:
    content, style = random(40, 30) ** 2, random(30, 40, 1)
    term = palette(content, only(style), lattice=lattice)
    far, slope = term(content)
    assert far.item() == pytest.approx(1)
    value, gradient = term(style[..., torch.randperm(40)])
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert gradient.norm() < 0.05 * slope.norm()


@pytest.mark.parametrize("every", [2, 4])
def test_some_rows_and_columns_of_a_large_picture_stand_for_all(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The distance and the slope come to what all pixels say, those of a half of the picture to its own."""
    content, style, image = (smooth(280, 240, seed) ** power for seed, power in enumerate((1.0, 2.0, 0.7)))
    where = smooth(280, 240, 3)[0, 0]
    regions = [only(style), SlicedRegion([(style**2, None, 1.0)], where, 0.4)]
    whole, slope = palette(content, *regions)(image)
    monkeypatch.setattr(sliced, "_EVERY", ((every, 1),))
    some, near = palette(content, *regions)(image)
    assert some.item() == pytest.approx(whole.item(), rel=0.03)
    assert (near - slope).norm() < 0.1 * slope.norm()


@by_pixels_and_lattice
@given(
    seed=st.integers(0, 10**6), away=st.tuples(*[st.floats(-0.45, 0.45)] * 3).filter(lambda way: max(map(abs, way)) > 0.2)
)
@settings(max_examples=20, deadline=None)
def test_a_pixel_that_was_not_counted_comes_back_to_the_styles_colours(
    lattice: bool, seed: int, away: tuple[float, float, float]
) -> None:
    """Beyond all that were counted, on whichever side: what lies there has all or none of them below it."""
    style, image = (random(24, 24, seed + number) * 0.2 + 0.4 for number in range(2))
    image[0, :, 3, 5] = 0.5 + torch.tensor(away, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sliced, "_EVERY", ((2, 1),))
        gradient = palette(random(24, 24, seed + 2), only(style), lattice=lattice)(image)[1]
    assert gradient[0, :, 3, 5] @ torch.tensor(away, dtype=torch.float64) > 0


def smooth(height: int, width: int, seed: int) -> Tensor:
    """Colours that change over some ten pixels, as a photo's do."""
    small = random(height // 10, width // 10, seed)
    return torch.nn.functional.interpolate(small, (height, width), mode="bicubic").clamp(0, 1)


def test_several_styles_are_a_mixture_of_their_colours() -> None:
    """Red and blue pixels are a mixture of a red style and a blue one; purple ones are not."""
    red, blue = (torch.zeros(1, 3, 8, 8, dtype=torch.float64) for _ in range(2))
    red[:, 0] = blue[:, 2] = 1
    term = palette(random(16, 16), SlicedRegion([(red, None, 3.0), (blue, None, 1.0)], None, 1.0))
    mixed = torch.cat([red, red, red, blue], 3)
    assert term(mixed)[0].item() < 1e-6
    assert term(torch.full_like(mixed, 0).add_((3 * red.mean((2, 3), keepdim=True) + blue.mean()) / 4))[0].item() > 0.3


def test_parts_of_a_picture_on_a_lattice_add_up_to_the_whole() -> None:
    """In whole numbers, so that blocks and strips paint what one piece does."""
    lattice, picture = Lattice(Lines.of(directions(), torch.device("cpu"))), random(40, 31)
    where = random(40, 31, 1)[0, 0]
    for weights in (None, where):
        whole = lattice.counts(picture, weights)
        parts = [lattice.counts(picture[:, :, rows], None if weights is None else weights[rows]) for rows in halves(40)]
        assert torch.equal(whole, parts[0] + parts[1])
    assert int(lattice.counts(picture, None)[0].sum()) == 40 * 31 * lattice.unit


def halves(height: int) -> list[slice]:
    return [slice(0, height // 3), slice(height // 3, height)]


@by_pixels_and_lattice
def test_transparent_pixels_and_those_outside_count_nothing(lattice: bool) -> None:
    content, style, image = random(20, 20) ** 2, random(20, 20, 1), random(20, 20, 2)
    left = torch.zeros(20, 20)
    left[:, :10] = 1
    other = image.clone()
    other[..., 10:] = 0.3
    term = palette(content, SlicedRegion([(style, left, 1.0)], left, 1.0), lattice=lattice)
    (value, gradient), (same, _) = term(image), term(other)
    assert value.item() == same.item()
    assert not gradient[..., 10:].any()
    assert gradient[..., :10].any()
    assert value.item() == pytest.approx(
        palette(content[..., :10], only(style[..., :10]), lattice=lattice)(image[..., :10])[0].item()
    )


def test_under_the_middle_it_fades_with_the_strength() -> None:
    assert [strength_weighting(each, 0.5).palette for each in (0, 25, 50, 100)] == [0, 0.25, 1, 1]
    assert strength_weighting(50, 0.5, palette=0.3).palette == pytest.approx(0.3)


@by_pixels_and_lattice
def test_a_drawing_has_no_tints(lattice: bool) -> None:
    """Next to ink on paper a faint green is nothing in the squared distance of colours; in that of tints it counts."""
    drawing = (random(40, 30)[:, :1] * 0.8 + 0.1 + 0.002 * random(40, 30, 2)).contiguous()
    tinted, content = drawing.clone(), random(40, 30, 1)
    tinted[:, 1] += 0.05
    term = palette(content, only(drawing), lattice=lattice)
    (value, gradient), (photo, _) = term(tinted), term(content)
    assert drawn(only(drawing)) == 1
    assert drawn(only(content)) == 0
    assert photo.item() == pytest.approx(1 + _TINTS, rel=0.01)
    assert value.item() > 10 * term(drawing)[0].item()
    assert gradient[:, 1].mean() > 0 > gradient[:, 0].mean()
    # Colours from the photo: nothing is said of them.
    red, green, _ = term(tinted, 0.0)[1][0]
    torch.testing.assert_close(red / LIGHTNESS[0], green / LIGHTNESS[1])


def _paint(engine: Engine, content: Pixels, style: Pixels, **wanted: object) -> Pixels:
    job = Job(engine, PaintRequest(content, [Style(style)], Settings(precision="float32", **wanted)))
    for _ in job.run():
        pass
    return job.image()


def test_flat_colours_stay_pure(engine: Engine, content: Pixels) -> None:
    """A style of red, yellow and blue squares: fewer pixels have colours between them than without the term."""
    colours = np.array([[0.8, 0.1, 0.1], [0.95, 0.8, 0.1], [0.1, 0.2, 0.6]], np.float32)
    numbers = np.random.default_rng(0).integers(0, 3, (8, 8))
    style = colours[numbers].repeat(12, 0).repeat(12, 1)

    def impurity(**wanted: object) -> float:
        picture = _paint(engine, content, style, **wanted)
        return float(np.linalg.norm(picture[:, :, None] - colours, axis=3).min(2).mean())

    assert impurity() < 0.7 * impurity(palette=0)


def test_a_running_job_takes_another_palette(engine: Engine, content: Pixels, style: Pixels) -> None:
    jobs = [Job(engine, PaintRequest(content, [Style(style)], Settings(quality="draft"))) for _ in range(2)]
    jobs[1].update(replace(jobs[1].settings, palette=30))
    for job in jobs:
        for _ in zip(range(8), job.run(), strict=False):
            pass
        assert job._objective is not None
    whole, less = (job._objective.weighting.palette for job in jobs)
    assert less == pytest.approx(0.3 * whole)
    assert whole > 0
    jobs[0].update(replace(jobs[0].settings, palette=0))
    assert jobs[0]._objective.weighting.palette == 0
    jobs[0].update(replace(jobs[0].settings, colours="photo"))
    assert jobs[0]._objective.weighting.colours == 0
    for _ in jobs[0].run():
        pass
    assert np.isfinite(jobs[0].image()).all()
