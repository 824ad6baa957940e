"""Large pictures' fine scales: painted by the shallow layers, held to the coarser result, and deep again where asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stylecore.device import memory_budget
from stylecore.device.computing import Computing
from stylecore.device.engine import Engine
from stylecore.events import Finished, StepDone
from stylecore.files.pictures import Pixels
from stylecore.objective.anchor import Anchor
from stylecore.painting.job import Job
from stylecore.painting.planning import plan
from stylecore.painting.planning.costs import Costs
from stylecore.painting.planning.plan import Scale, make_plan
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from stylecore.tensors.resampling import resize
from stylecore.tensors.strips import Strip
from tests import device
from tests.stylecore.conftest import sample
from tests.stylecore.painting.test_resume import saved_and_loaded

PLENTY = 1 << 40
EXACT = Computing(torch.float32)
SIDE = 144
WANTED = Settings(quality="draft", precision="float32")


@pytest.fixture
def fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scales are fine from 100 px on."""
    monkeypatch.setattr(plan, "_SHALLOW_FROM", 100 * 100)


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return sample("content", SIDE)


def make(engine: Engine, photo: Pixels, style: Pixels, settings: Settings = WANTED) -> Job:
    return Job(engine, PaintRequest(photo, [Style(style)], settings))


@settings(max_examples=20, deadline=None)
@given(st.integers(16, 300), st.integers(16, 60), st.integers(0, 9))
def test_the_anchors_gradient_is_its_values(height: int, width: int, seed: int) -> None:
    """By finite differences, at random and at the borders of the rows that are taken at a time."""
    generator = torch.Generator().manual_seed(seed)
    image, direction = (torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64) for _ in range(2))
    coarse = torch.rand(1, 3, max(8, height // 2), max(8, width // 2), generator=generator, dtype=torch.float64)
    anchor = Anchor(coarse, width, Strip(height))
    value, gradient = anchor(image)
    ahead, behind = (anchor(image + step * direction)[0] for step in (1e-4, -1e-4))
    assert value > 0
    assert ((ahead - behind) / 2e-4).item() == pytest.approx((gradient * direction).sum().item(), rel=1e-6)


def test_the_anchor_holds_what_the_coarser_picture_could_show_and_nothing_finer() -> None:
    coarse = torch.from_numpy(sample("content", 64)).permute(2, 0, 1)[None]
    anchor = Anchor(coarse, 128, Strip(128))
    up = resize(coarse, (128, 128)).clamp(0, 1)
    assert anchor(up)[0] == 0
    checks = torch.tensor([[0.1, -0.1], [-0.1, 0.1]]).repeat(64, 64)
    fine, tone = anchor(up + checks)[0], anchor(up + 0.1)[0]  # the same size, pixel by pixel
    assert fine < 1e-3 * tone


@pytest.mark.parametrize("quality", ["draft", "normal"])
def test_large_scales_are_shallow_and_begin_with_a_deep_one(quality: str) -> None:
    scales = make_plan((3000, 4000), Settings(quality=quality), PLENTY, EXACT, [(600, 600)])
    assert [scale.shallow for scale in scales] == [scale.size[0] * scale.size[1] > 1200 * 1200 for scale in scales]
    assert [scale.shallow for scale in scales] == [False] * (len(scales) - 2) + [True] * 2
    assert not any(scale.shallow for scale in make_plan((900, 1200), Settings(quality=quality), PLENTY, EXACT))


@pytest.mark.parametrize(
    "other", [{"quality": "best"}, {"objective": "gram"}, {"objective": "paper"}, {"layer_weights": "0,0,1,1,1"}], ids=str
)
def test_who_asks_for_all_layers_gets_them(other: dict[str, str]) -> None:
    assert not any(scale.shallow for scale in make_plan((1500, 1500), Settings(**other), PLENTY, EXACT))


def test_what_a_fine_scale_is_held_by_is_within_the_memory_that_there_is() -> None:
    """A way that only just fits by itself is not taken where the coarser result has to be kept, too."""
    size, styles = (2000, 2000), [(600, 600)]
    (needed,) = {scale.way.needs(size, (0, 0), EXACT) for scale in make_plan(size, Settings(), PLENTY, EXACT, styles)[-1:]}
    best, normal = (
        make_plan(size, Settings(quality=quality), needed + 1000, EXACT, styles)[-1].way for quality in ("best", "normal")
    )
    assert not best.blocks and best.history == 20
    assert normal.needs(size, (0, 0), EXACT) + memory_budget.HELD * 4_000_000 <= needed + 1000


def test_a_result_that_is_gone_on_with_is_painted_by_all_layers() -> None:
    assert [scale.shallow for scale in make_plan((1500, 1500), Settings(), PLENTY, EXACT, warm=True)] == [False]


@pytest.mark.usefixtures("fine")
def test_a_fine_scale_paints_and_stays_with_the_coarser_one(real_engine: Engine, photo: Pixels, style: Pixels) -> None:
    """It comes to the style in the shallow layers (1 is the photo), and keeps the coarser result's colours in place."""
    job = make(real_engine, photo, style)
    assert [scale.shallow for scale in job.scales] == [False, True]
    events = list(job.run())
    assert isinstance(events[-1], Finished)
    losses = [event.style_losses for event in events if isinstance(event, StepDone) and event.scale == 2]
    assert list(losses[-1]) == ["conv1_1", "conv2_1", "conv3_1"]
    assert losses[-1]["conv3_1"] < min(0.25, 0.6 * losses[0]["conv3_1"])
    coarse = job._coarse
    assert coarse is not None
    found = torch.from_numpy(job.image()).permute(2, 0, 1)[None]
    small = resize(found, (coarse.shape[2] // 2, coarse.shape[3] // 2))
    there = resize(coarse, (coarse.shape[2] // 2, coarse.shape[3] // 2))
    content = resize(torch.from_numpy(photo).permute(2, 0, 1)[None], (there.shape[2], there.shape[3]))
    assert (small - there).square().mean() < 0.15 * (content - there).square().mean()


@pytest.mark.usefixtures("fine")
@pytest.mark.parametrize("after", [1, 5])
def test_an_interruption_of_a_fine_scale_leaves_no_trace(after: int, engine: Engine, photo: Pixels, style: Pixels) -> None:
    whole = make(engine, photo, style)
    list(whole.run())
    first, done = make(engine, photo, style), 0
    for event in first.run():
        done += isinstance(event, StepDone) and event.scale == 2
        if done == after:
            break
    second = make(engine, photo, style)
    second.restore(saved_and_loaded(first))
    list(second.run())
    assert second.image().tobytes() == whole.image().tobytes()


@pytest.mark.usefixtures("fine")
def test_new_settings_in_a_fine_scale_bring_all_layers_back(engine: Engine, photo: Pixels, style: Pixels) -> None:
    """Held to what was painted by the old settings, it could not come to what the new ones want."""
    weak = replace(WANTED, strength=20.0, edges=0.0)
    before = make(engine, photo, style, weak)
    list(before.run())
    moved = []
    for shallow in (True, False):
        job, seen, fractions = make(engine, photo, style, weak), 0, []
        if not shallow:  # what such a change did before there were shallow scales
            job.scales[-1] = replace(job.scales[-1], shallow=False, steps=3 + plan.final_steps(WANTED, device.name()))
        for event in job.run():
            if not (isinstance(event, StepDone) and event.scale == 2):
                continue
            seen += 1
            if seen == 3:
                job.update(replace(job.settings, strength=95.0))
            if seen > 3:
                assert len(event.style_losses) == 5 and event.step == seen <= event.steps
                assert event.seconds_left is None or event.seconds_left >= 0
                fractions.append(event.fraction)
        assert not job.scales[-1].shallow and seen == 3 + plan.final_steps(WANTED, device.name())
        assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1.0)
        moved.append(np.abs(job.image() - before.image()).mean())
    assert moved[0] > 0.6 * moved[1]


@pytest.mark.usefixtures("fine")
def test_settings_changed_before_a_fine_scale_leave_it_shallow(engine: Engine, photo: Pixels, style: Pixels) -> None:
    job = make(engine, photo, style)
    for event in job.run():
        if isinstance(event, StepDone) and (event.scale, event.step) == (1, 2):
            job.update(replace(job.settings, strength=80.0))
    assert job.scales[-1].shallow


def test_a_fine_scale_is_expected_to_take_about_half(engine: Engine) -> None:
    costs = Costs(engine.rates, "cpu", Settings(), engine.arithmetic("float32"))
    (deep, _), (shallow, _) = costs.expected([Scale((500, 500), 10), Scale((500, 500), 10, shallow=True)])
    assert 0.4 < shallow.step / deep.step < 0.6
