"""Several styles in several regions, soft edges, and the strength map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stylecore.device.engine import Engine
from stylecore.errors import StyleError
from stylecore.events import StepDone
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.vgg import Network
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.layers import STYLE_LAYERS
from stylecore.objective.objective import BalancedObjective, GramObjective, Objective, PaperObjective
from stylecore.objective.regions import StylePicture, feature_guide
from stylecore.objective.weighting import Weighting
from stylecore.painting.inputs import Pixels
from stylecore.painting.job import Job
from stylecore.painting.masks import Areas, Map
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from tests.stylecore.conftest import sample
from tests.stylecore.painting.test_job import finish

CPU = torch.device("cpu")
QUICK = Settings(quality="draft", precision="float32", strength=70)
RED, BLUE = np.array([1.0, 0.25, 0.2], np.float32), np.array([0.2, 0.35, 1.0], np.float32)


def halves(side: int = 96, soft: int = 0) -> Map:
    """1 on the left, 0 on the right, and between them an edge of so many pixels."""
    x = np.arange(side, dtype=np.float32) + 0.5
    row = np.clip((side / 2 - x) / soft + 0.5, 0, 1) if soft else (x < side / 2).astype(np.float32)
    return np.tile(row.astype(np.float32), (side, 1))


def double(engine: Engine) -> Network:
    """The network in float64, for differences that rounding does not drown."""
    return Network(
        engine._weights,
        engine._scales,
        pooling="average",
        gain=True,
        replicate=True,
        device=CPU,
        arithmetic=Arithmetic(torch.float64),
    )


@pytest.fixture(scope="module")
def exact(engine: Engine) -> Network:
    return double(engine)


def picture(seed: int, height: int = 40, width: int = 48) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def two_regions(kind: type[Objective], network: Network, blocks: Blocks | None = None) -> Objective:
    guide = torch.ones(40, 48, dtype=torch.float64)
    guide[:6] = 0
    left = torch.linspace(1, 0, 48, dtype=torch.float64).expand(40, 48) * guide
    styles = [StylePicture(picture(2), paints_where=left), StylePicture(picture(3) ** 2, paints_where=guide - left)]
    emphasis = torch.linspace(0.2, 3, 40, dtype=torch.float64)[:, None].expand(40, 48)
    weighting = Weighting(
        0.3, 1.0, 0.5 if kind is BalancedObjective else 0.0, (1.0, 2.0, 1.0, 0.5, 1.0), palette=0.0, edges=0.0
    )
    return kind(network, picture(1), styles, weighting, guide, blocks, emphasis)


@pytest.mark.parametrize("kind", [BalancedObjective, GramObjective, PaperObjective])
def test_the_gradient_of_regions_is_the_slope(kind: type[Objective], exact: Network) -> None:
    objective = two_regions(kind, exact)
    image, step = picture(4), 1e-8  # so short that next to no ReLU or maximum changes sides
    evaluation = objective(image)
    for seed in range(3):
        direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        there, back = (objective(image + sign * step * direction).losses[0] for sign in (1, -1))
        slope = float((evaluation.gradient * direction).sum())
        assert float(there - back) / (2 * step) == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("kind", [BalancedObjective, PaperObjective])
def test_blocks_know_regions(kind: type[Objective], exact: Network) -> None:
    image = picture(4)
    whole, pieces = (two_regions(kind, exact, each)(image) for each in (None, Blocks(exact, 0.1)))
    assert torch.allclose(whole.losses, pieces.losses, rtol=1e-9)
    assert (whole.gradient - pieces.gradient).norm() < 1e-8 * whole.gradient.norm()


def test_two_regions_of_one_style_pull_as_hard_as_one(real_engine: Engine) -> None:
    """Their shares sum to one: a pattern that is the same on both sides has the loss it has in one piece."""
    exact = double(real_engine)
    content, style = picture(1, 32, 32).repeat(1, 1, 1, 2), picture(2)
    left = torch.cat([torch.ones(32, 32), torch.zeros(32, 32)], 1).double()
    weighting = Weighting(0.3, 1.0, 0.0)
    whole = BalancedObjective(exact, content, [StylePicture(style)], weighting)
    split = BalancedObjective(
        exact, content, [StylePicture(style, paints_where=left), StylePicture(style, paints_where=1 - left)], weighting
    )
    image = picture(3, 32, 32).repeat(1, 1, 1, 2)
    assert torch.allclose(whole(image).losses, split(image).losses, rtol=0.15)


@settings(max_examples=60, deadline=None)
@given(st.integers(16, 90), st.integers(16, 90), st.integers(0, 2**31), st.floats(0.001, 1))
def test_a_map_keeps_its_sum_and_its_edge_at_every_layer(height: int, width: int, seed: int, share: float) -> None:
    """Two maps that cover the picture do so at every layer, and no place that is guided drops out."""
    guide = torch.rand(height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    guide = (guide < share).double() * guide
    if not bool(guide.any()):
        return
    for halvings in range(5):
        size = (max(1, height >> halvings), max(1, width >> halvings))
        small = feature_guide(guide, size)
        assert small is not None and float(small.sum()) == pytest.approx(1)
        both = [torch.nn.functional.adaptive_avg_pool2d(each[None, None], size) for each in (guide, 1 - guide)]
        assert torch.allclose(both[0] + both[1], torch.ones_like(both[0]))
        assert bool(((small > 0) == (both[0][0, 0] > 0)).all())


@pytest.fixture(scope="module")
def grey(content: Pixels) -> Pixels:
    return np.repeat(content[:64, :64].mean(2, keepdims=True), 3, 2)


def test_every_region_gets_its_own_style(real_engine: Engine, grey: Pixels, style: Pixels) -> None:
    left = halves(64)
    result = finish(
        Job(real_engine, PaintRequest(grey, [Style(style * RED, paints_where=left), Style(style * BLUE)], QUICK))
    )
    red, blue = result[:, :27].mean((0, 1)), result[:, 37:].mean((0, 1))
    assert red[0] > red[2] + 0.1 and blue[2] > blue[0] + 0.1


def test_where_no_style_paints_the_photo_stays(engine: Engine, grey: Pixels, style: Pixels) -> None:
    only = finish(Job(engine, PaintRequest(grey, [Style(style * RED, paints_where=halves(64))], QUICK)))
    assert np.array_equal(only[:, 32:], grey[:, 32:]) and np.abs(only[:, :27] - grey[:, :27]).mean() > 0.03


def test_a_soft_edge_has_no_dead_zone(real_engine: Engine, grey: Pixels, style: Pixels) -> None:
    """Between two styles every column is painted as much as their insides, and the colour goes from one to the other."""
    left = halves(64, soft=32)
    result = finish(
        Job(
            real_engine,
            PaintRequest(grey, [Style(style * RED, paints_where=left), Style(style * BLUE, paints_where=1 - left)], QUICK),
        )
    )
    change = np.abs(result - grey).mean((0, 2)).reshape(8, 8).mean(1)
    assert change[2:6].min() > 0.5 * min(change[:2].mean(), change[6:].mean())
    tint = (result[..., 0] - result[..., 2]).mean(0).reshape(4, 16).mean(1)
    assert tint[0] > 0.1 > -0.1 > tint[-1] and abs(tint[1:3].mean()) < max(tint[0], -tint[-1])


def test_the_strength_map_goes_from_the_photo_to_the_set_strength(engine: Engine, content: Pixels, style: Pixels) -> None:
    levels = np.repeat(np.array([0, 0.34, 0.67, 1], np.float32), 24)
    strength = np.tile(levels[None], (96, 1))
    photo = np.tile(content[:, :24], (1, 4, 1))
    for objective in ("balanced", "gram"):
        options = replace(QUICK, objective=objective)
        result = finish(Job(engine, PaintRequest(photo, [Style(style)], options, strength_map=strength)))
        change = np.abs(result - photo).mean((0, 2)).reshape(4, 24)[:, 5:19].mean(1)
        assert change[0] == 0
        assert 0.1 * change[3] < change[1] < change[2] and change[3] > 0.02
        # One texture is about as far from the photo as another: raw weights leave it little say from some strength on.
        assert change[2] < change[3] * (1 if objective == "balanced" else 1.05)


def test_a_strength_map_of_ones_changes_nothing(engine: Engine, style: Pixels) -> None:
    """Rounding apart, which grows from step to step: ten of them at one scale."""
    photo, ones = sample("content", 64), np.ones((64, 64), np.float32)
    options = replace(QUICK, iterations=10)
    jobs = [Job(engine, PaintRequest(photo, [Style(style)], options, strength_map=each)) for each in (None, ones)]
    steps = [[event for event in job.run() if isinstance(event, StepDone)] for job in jobs]
    assert len(steps[0]) == len(steps[1]) == 10
    assert steps[0][0].total_loss == pytest.approx(steps[1][0].total_loss, rel=1e-3)
    assert steps[0][-1].total_loss == pytest.approx(steps[1][-1].total_loss, rel=0.02)


def test_strength_may_change_under_a_map(engine: Engine, content: Pixels, style: Pixels) -> None:
    job = Job(engine, PaintRequest(content, [Style(style)], replace(QUICK, strength=100), strength_map=halves(soft=40)))
    begin = np.abs(finish(job) - content).mean()
    job = Job(engine, PaintRequest(content, [Style(style)], replace(QUICK, strength=100), strength_map=halves(soft=40)))
    for number, _ in enumerate(job.run()):
        if number == 4:
            job.update(replace(job.settings, strength=10))
    assert np.abs(job.image() - content).mean() < 0.6 * begin


def test_styles_that_share_a_guide_are_blended(engine: Engine, content: Pixels) -> None:
    left = halves()
    areas = Areas((96, 96), None, None, [left, None, left.copy(), None], None, CPU)
    guide, where = areas.at((48, 48))
    assert guide is None and where[0] is where[2] and where[1] is where[3] and where[0] is not where[1]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.booleans(), st.booleans(), st.booleans())
def test_regions_stay_inside_guide_and_alpha(seed: int, selected: bool, transparent: bool, mapped: bool) -> None:
    random = np.random.default_rng(seed)
    maps = [(random.random((20, 24)) * random.integers(0, 2, (20, 24))).astype(np.float32) for _ in range(4)]
    alpha = torch.from_numpy(maps[0]) if transparent else None
    try:
        areas = Areas((20, 24), alpha, maps[1] if selected else None, [maps[2], None], maps[3] if mapped else None, CPU)
    except StyleError as error:
        assert error.code == "empty-guide"
        return
    limit = torch.ones(20, 24)
    for used, each in ((transparent, maps[0]), (selected, maps[1]), (mapped, maps[3])):
        limit = limit * torch.from_numpy(each) if used else limit
    together = torch.stack([each for each in areas.regions if each is not None]).sum(0)
    assert torch.allclose(together, limit, atol=1e-6)


ONES, ZEROS = np.ones((96, 96), np.float32), np.zeros((96, 96), np.float32)


@pytest.mark.parametrize(
    ("guide", "guides", "strength", "code", "words"),
    [
        (None, [ZEROS], None, "empty-guide", "guide of style 1 is empty"),
        (None, [ONES, ZEROS], None, "empty-guide", "guide of style 2 is empty"),
        (None, [ONES, None], None, "empty-guide", "leave nothing for style 2"),
        (halves(), [1 - halves()], None, "empty-guide", "guide of style 1 is empty"),
        (None, [None], ZEROS, "empty-guide", "strength map is 0"),
        (halves(), [None], 1 - halves(), "empty-guide", "strength map is 0"),
        (None, [ONES[:50]], None, "bad-guide", "96 × 50"),
        (None, [None], ONES[:, :50], "bad-guide", "50 × 96"),
    ],
)
def test_empty_and_wrong_maps_are_told_in_words(
    engine: Engine, content: Pixels, style: Pixels, guide: Map, guides: list[Map], strength: Map, code: str, words: str
) -> None:
    styles = [Style(style, paints_where=each) for each in guides]
    with pytest.raises(StyleError, match=words) as caught:
        Job(engine, PaintRequest(content, styles, mask=guide, strength_map=strength))
    assert caught.value.code == code and caught.value.remedy


def test_layers_have_maps_for_every_region(exact: Network) -> None:
    objective = two_regions(BalancedObjective, exact)
    shares = [region.share for region in objective._regions]
    assert sum(shares) == pytest.approx(1)
    assert all(len(objective._maps[name]) == 2 for name in STYLE_LAYERS)
