"""Jobs as a caller sees them: events, stop and cancel, live settings, guides, and input that cannot be used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from stylecore.device.engine import Engine
from stylecore.errors import StyleError
from stylecore.events import Finished, Note, ScaleStarted, StepDone
from stylecore.files.pictures import Pixels
from stylecore.objective.objective import BalancedObjective
from stylecore.painting.job import Job
from stylecore.painting.planning.plan import wanted_size
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from stylecore.tensors.resampling import pyramid_sizes, resize
from tests import device
from tests.stylecore.conftest import sample


def finish(job: Job) -> Pixels:
    for _ in job.run():
        pass
    return job.image()


def square(side: int, colour: float = 0.5, channels: int = 3) -> Pixels:
    return np.full((side, side, channels), colour, np.float32)


def test_events_tell_the_whole_story(engine: Engine, content: Pixels, style: Pixels) -> None:
    picture = np.concatenate([content, content[:, ::-1], content], 1)[:90]  # 90 × 288
    job = Job(engine, PaintRequest(picture, [Style(style)], Settings(quality="draft")))
    events = list(job.run())
    scales = [event for event in events if isinstance(event, ScaleStarted)]
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [(s.height, s.width) for s in scales] == [(45, 144), (90, 288)]
    assert len(steps) == sum(scale.steps for scale in scales)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1)
    assert steps[-1].seconds_left == pytest.approx(0)
    assert steps[-1].total_loss < 0.6 * next(s for s in steps if s.scale == 2).total_loss
    assert isinstance(events[-1], Finished) and not events[-1].stopped
    result = job.image()
    assert result.shape == picture.shape and result.dtype == np.float32
    assert result.min() >= 0 and result.max() <= 1
    assert np.abs(result - picture).mean() > 0.03  # it has been painted


@pytest.mark.parametrize("objective", ["gram", "paper"])
def test_raw_objectives_paint_with_their_own_weights(objective: str, real_engine: Engine, style: Pixels) -> None:
    """More style weight, more style."""
    photo = sample("content", 32)
    settings = Settings(objective=objective, iterations=30, content_weight=1.0)
    steps = []
    for weight in (1.0, 1e5):
        job = Job(real_engine, PaintRequest(photo, [Style(style)], replace(settings, style_weight=weight)))
        steps.append([event for event in job.run() if isinstance(event, StepDone)][-1])
    assert steps[1].style_loss < 0.5 * steps[0].style_loss
    assert steps[1].content_loss > steps[0].content_loss


def test_the_content_is_not_forgotten_at_the_coarse_scales(engine: Engine, content: Pixels, style: Pixels) -> None:
    """Next to no content weight is for the picture at full size; a coarser one that forgot the content is no start."""
    settings = Settings(objective="gram", quality="draft", content_weight=0.01, style_weight=10.0, iterations=4)
    job = Job(engine, PaintRequest(np.tile(content, (1, 2, 1)), [Style(style)], settings))
    weights: dict[bool, list[float]] = {False: [], True: []}
    for event in job.run():
        if isinstance(event, StepDone):
            weight = (event.total_loss - 10.0 * event.style_loss) / event.content_loss
            weights[event.scale == event.scales].append(weight)
            if event.scale < event.scales and event.step == 3:
                job.update(replace(job.settings, style_weight=10.0, layer_weights="1,1,1,1,1"))  # what is live keeps to it
    assert len(weights[True]) == 4 and len(weights[False]) > 100
    assert np.median(weights[False]) == pytest.approx(0.1, rel=0.02)
    assert np.median(weights[True]) == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("statistics", ["gram", "gram-moments", "wasserstein"])
def test_every_statistic_brings_the_picture_nearer_to_the_style(
    statistics: str, engine: Engine, content: Pixels, style: Pixels
) -> None:
    job = Job(engine, PaintRequest(content, [Style(style)], Settings(statistics=statistics, quality="draft", strength=70)))
    last = [event for event in job.run() if isinstance(event, StepDone)][-1]
    assert last.style_loss < 0.6  # it is 1 at the photo


def test_same_input_gives_the_same_bytes(engine: Engine, content: Pixels, style: Pixels) -> None:
    settings = Settings(quality="draft", start="noise", seed=7)
    first, second = (finish(Job(engine, PaintRequest(content, [Style(style)], settings))) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    other = finish(Job(engine, PaintRequest(content, [Style(style)], replace(settings, seed=8))))
    assert other.tobytes() != first.tobytes()


def test_stop_keeps_the_picture_and_cancel_ends_without_one(engine: Engine, content: Pixels, style: Pixels) -> None:
    job = Job(engine, PaintRequest(content, [Style(style)]))
    after = []
    for event in job.run():
        after.append(event)
        if isinstance(event, StepDone) and event.step == 3:
            job.stop()
    assert isinstance(after[-1], Finished) and after[-1].stopped
    assert sum(isinstance(event, StepDone) for event in after) == 3
    assert job.image().shape == content.shape
    assert np.abs(job.image() - content).mean() > 0.005

    job = Job(engine, PaintRequest(content, [Style(style)]))
    events = job.run()
    next(events), next(events)
    job.cancel()
    assert list(events) == []


def test_strength_goes_from_the_photo_to_the_style(engine: Engine, content: Pixels, style: Pixels) -> None:
    changes = []
    for strength in (0, 5, 35, 65, 100):
        settings = Settings(strength=strength, quality="draft")
        changes.append(np.abs(finish(Job(engine, PaintRequest(content, [Style(style)], settings))) - content).mean())
    assert changes[0] < 1 / 255
    assert changes == sorted(changes)


def test_live_settings_change_a_running_job(engine: Engine, content: Pixels, style: Pixels) -> None:
    job = Job(engine, PaintRequest(content, [Style(style)], Settings(quality="draft", strength=100)))
    losses = []
    for event in job.run():
        if isinstance(event, StepDone):
            losses.append((event.scale, event.content_loss))
            if event.step == 15:
                job.update(replace(job.settings, strength=5))
    assert losses[-1][1] < 0.6 * losses[14][1]  # it returned towards the photo
    with pytest.raises(StyleError) as caught:
        job.update(replace(job.settings, pooling="average"))
    assert caught.value.code == "not-live"


def test_what_came_after_the_last_step_is_not_said_to_be_painted(engine: Engine, content: Pixels, style: Pixels) -> None:
    job = Job(engine, PaintRequest(content, [Style(style)], Settings(iterations=2)))
    for event in job.run():
        if isinstance(event, StepDone):
            last = event.scale == event.scales and event.step == event.steps
            job.update(replace(job.settings, strength=80.0 if last else 70.0))
    assert isinstance(event, Finished)
    assert (event.settings.strength, job.settings.strength) == (70.0, 80.0)


def test_photo_colours_keep_the_photos_hue(engine: Engine, content: Pixels, style: Pixels) -> None:
    painted = finish(Job(engine, PaintRequest(content, [Style(style)], Settings(quality="draft"))))
    kept = finish(Job(engine, PaintRequest(content, [Style(style)], Settings(quality="draft", colours="photo"))))

    def chroma(picture: Pixels) -> Pixels:
        return picture - picture.mean(2, keepdims=True)

    def distance(picture: Pixels) -> float:
        return float(np.abs(chroma(picture) - chroma(content)).mean())

    assert distance(kept) < 0.5 * distance(painted)
    assert np.corrcoef(kept.mean(2).ravel(), painted.mean(2).ravel())[0, 1] > 0.9


def test_colours_matched_to_the_photo(engine: Engine, content: Pixels, style: Pixels) -> None:
    """The result's mean colour goes from the style's to the photo's with the amount, also when asked for on the way."""
    photo = content * np.array([0.3, 0.6, 1.0], np.float32)

    def away(settings: dict[str, object], live: dict[str, object] | None = None) -> float:
        job = Job(engine, PaintRequest(photo, [Style(style)], Settings(quality="draft", strength=90, **settings)))
        for event in job.run():
            if live and isinstance(event, StepDone) and event.step == 5 and event.scale == 1:
                job.update(replace(job.settings, **live))
        return float(np.abs(job.image().mean((0, 1)) - photo.mean((0, 1))).max())

    match = {"colours": "match"}
    painted, half, whole = away({}), away({**match, "colours_amount": 50}), away(match)
    assert whole < 0.35 * painted and whole < half < painted
    assert away({}, match) == pytest.approx(whole, abs=0.15 * painted)
    nothing = {"colours": "match", "colours_amount": 0}
    assert away(nothing) == pytest.approx(painted, abs=1e-6)


def test_the_amount_of_the_photos_colours(engine: Engine, content: Pixels, style: Pixels) -> None:
    job = Job(engine, PaintRequest(content, [Style(style)], Settings(quality="draft")))
    painted = finish(job)
    looks = []
    for colours, amount in (("style", 0), ("photo", 100), ("style", 30), ("photo", 70)):
        job.update(replace(job.settings, colours=colours, colours_amount=amount))
        looks.append(job.image())
    assert np.array_equal(looks[0], looks[1]) and np.allclose(looks[2], looks[3], atol=1e-5)
    assert 0 < np.abs(looks[2] - painted).mean() < np.abs(looks[0] - painted).mean()


def test_transparent_pixels_influence_nothing_and_stay_transparent(engine: Engine, content: Pixels, style: Pixels) -> None:
    alpha = np.ones((96, 96, 1), np.float32)
    alpha[:, 48:] = 0
    results = []
    for hidden in (0.0, 1.0):
        picture = np.concatenate([content, alpha], 2)
        picture[:, 48:, :3] = hidden
        results.append(
            finish(Job(engine, PaintRequest(picture, [Style(style)], Settings(quality="draft", precision="float32"))))
        )
    assert np.array_equal(results[0][..., 3:], alpha)
    assert np.abs(results[0][:, :48] - results[1][:, :48]).max() < 1e-3


def test_a_guide_limits_where_the_picture_changes(engine: Engine, content: Pixels, style: Pixels) -> None:
    guide = np.zeros((96, 96), np.float32)
    guide[:, :40] = 1
    guide[:, 40:44] = 0.5
    result = finish(Job(engine, PaintRequest(content, [Style(style)], Settings(quality="draft"), mask=guide)))
    assert np.abs(result[:, 44:] - content[:, 44:]).max() < 1e-6
    assert np.abs(result[:, :40] - content[:, :40]).mean() > 0.03


def test_a_warm_start_gives_a_fresh_runs_loss_in_a_third_of_its_work(
    real_engine: Engine, content: Pixels, style: Pixels
) -> None:
    first = np.round(
        finish(Job(real_engine, PaintRequest(content, [Style(style)], Settings(strength=50)))) * 255
    ) / np.float32(255)
    settings = Settings(strength=60)
    runs = [Job(real_engine, PaintRequest(content, [Style(style)], settings, start=start)) for start in (None, first)]
    losses = [[event for event in job.run() if isinstance(event, StepDone)][-1].total_loss for job in runs]
    assert losses[1] < 1.04 * losses[0]  # at 512 px within 3 %
    work = [sum(scale.steps * scale.size[0] * scale.size[1] for scale in job.scales) for job in runs]
    assert work[1] <= work[0] / 3
    assert np.abs(runs[1].image() - first).mean() > 0.005


def test_around_the_guide_the_start_picture_stays(engine: Engine, content: Pixels, style: Pixels) -> None:
    """A part of an earlier result is painted on, or anew; the rest of it stays to the last bit."""
    earlier = np.ascontiguousarray(content[::-1])
    guide = np.zeros((96, 96), np.float32)
    guide[:, :40] = 1
    guide[:, 40:44] = 0.5
    results = []
    for anew in (False, True):
        settings = Settings(quality="draft", strength=30)
        job = Job(engine, PaintRequest(content, [Style(style)], settings, mask=guide, start=earlier, anew=anew))
        results.append(finish(job))
        assert np.abs(results[-1][:, 44:] - earlier[:, 44:]).max() < 1e-6
    near = [np.abs(result[:, :40] - earlier[:, :40]).mean() for result in results]
    assert 0.01 < near[0] < 0.7 * near[1]  # going on keeps more of what was there
    assert np.abs(results[1][:, :40] - content[:, :40]).mean() < 0.7 * near[1]  # anew begins with the photo


def test_two_styles_blend(engine: Engine, content: Pixels, style: Pixels) -> None:
    """A style given twice is that style; its opposite with no weight changes nothing."""
    settings = Settings(quality="draft", precision="float32")
    alone = finish(Job(engine, PaintRequest(content, [Style(style)], settings)))
    weightless = finish(Job(engine, PaintRequest(content, [Style(style), Style(1 - style, 0.0)], settings)))
    mixed = finish(Job(engine, PaintRequest(content, [Style(style), Style(1 - style)], settings)))
    assert np.abs(alone - weightless).mean() < 2e-3
    assert np.abs(alone - mixed).mean() > 0.02


@pytest.mark.parametrize("colour", [0.0, 0.4, 1.0])
def test_constant_pictures_give_a_picture(engine: Engine, style: Pixels, colour: float) -> None:
    settings = Settings(quality="draft", iterations=5)
    for content, painting in ((square(64, colour), style), (style, square(64, colour)), (square(48), square(64))):
        result = finish(Job(engine, PaintRequest(content, [Style(painting)], settings)))
        assert np.isfinite(result).all()


@pytest.mark.parametrize("shape", [(16, 16), (17, 131), (16, 400), (101, 67)])
def test_odd_sizes(engine: Engine, content: Pixels, style: Pixels, shape: tuple[int, int]) -> None:
    tiled = np.tile(content, (2, 5, 1))[: shape[0], : shape[1]]
    assert finish(Job(engine, PaintRequest(tiled, [Style(style)], Settings(quality="draft")))).shape == (*shape, 3)


def test_not_a_number_in_the_input_does_no_harm(engine: Engine, content: Pixels, style: Pixels) -> None:
    damaged = content.copy()
    damaged[10, 10] = (np.nan, np.inf, -np.inf)
    assert np.isfinite(finish(Job(engine, PaintRequest(damaged, [Style(style)], Settings(quality="draft"))))).all()


def test_an_objective_gone_wild_never_gives_garbage(
    engine: Engine, content: Pixels, style: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not-a-number gradients from the tenth evaluation on leave the last good image."""
    calls, real = 0, BalancedObjective.__call__

    def failing(self, image):
        nonlocal calls
        calls += 1
        evaluation = real(self, image)
        if calls > 10:
            evaluation.losses.fill_(float("nan"))
            evaluation.gradient.fill_(float("nan"))
        return evaluation

    monkeypatch.setattr(BalancedObjective, "__call__", failing)
    job = Job(engine, PaintRequest(content[:64, :64], [Style(style)], Settings(quality="draft")))
    result = finish(job)
    assert np.isfinite(result).all() and np.abs(result - content[:64, :64]).mean() > 0.005


@pytest.mark.parametrize(
    ("content", "styles", "code"),
    [
        (square(1), [Style(square(64))], "picture-too-small"),
        (square(64), [Style(square(3))], "picture-too-small"),
        (np.zeros((1, 500_000_000, 3), np.uint8)[:, ::1000], [Style(square(64))], "picture-too-small"),
        (square(64, 0.0, 4), [Style(square(64))], "fully-transparent"),
        (square(64), [], "no-style"),
        (square(64), [Style(square(64), 0.0)], "no-style"),
        (square(64, channels=1), [Style(square(64))], "bad-picture"),
    ],
)
def test_bad_input_is_told_in_words(engine: Engine, content, styles, code: str) -> None:
    with pytest.raises(StyleError) as caught:
        Job(engine, PaintRequest(content, styles))
    assert caught.value.code == code
    assert caught.value.sentence.endswith(".") and caught.value.remedy


def test_an_empty_guide_is_an_error(engine: Engine, content: Pixels, style: Pixels) -> None:
    with pytest.raises(StyleError) as caught:
        Job(engine, PaintRequest(content, [Style(style)], mask=np.zeros((96, 96), np.float32)))
    assert caught.value.code == "empty-guide"


def test_a_start_picture_of_another_size_is_an_error(engine: Engine, content: Pixels, style: Pixels) -> None:
    with pytest.raises(StyleError) as caught:
        Job(engine, PaintRequest(content, [Style(style)], start=content[:90]))
    assert caught.value.code == "bad-start"


@device.processor_only("what a GPU takes at least does not depend on the size")
def test_a_picture_that_does_not_fit_is_painted_smaller_and_said_so(
    engine: Engine, content: Pixels, style: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = np.repeat(np.repeat(content, 4, 0), 4, 1)
    monkeypatch.setattr(engine, "memory", lambda: {"total": 10**9, "free": 113_000_000})
    job = Job(engine, PaintRequest(large, [Style(style)], Settings(quality="draft")))
    events = list(job.run())
    assert any(getattr(event, "code", "") == "painted-smaller" for event in events)
    assert job.scales[-1].size[0] < 384 and job.image().shape == (384, 384, 3)


def test_the_pyramid_doubles_up_to_the_full_size() -> None:
    assert pyramid_sizes(512, 512) == [(64, 64), (128, 128), (256, 256), (512, 512)]
    assert pyramid_sizes(40, 40) == [(40, 40)]
    assert all(min(size) >= 16 for size in pyramid_sizes(5000, 40))


def test_a_scale_that_is_done_can_be_refined_before_the_next(engine: Engine, content: Pixels, style: Pixels) -> None:
    job = Job(engine, PaintRequest(content, [Style(style)], Settings(quality="draft", strength=30)))
    for event in job.run():
        if isinstance(event, ScaleStarted) and event.scale == 2:
            before = job.image()
            assert before.shape[0] == 48
            job.update(replace(job.settings, strength=90))
            assert job.refine() and job.refine()
            assert np.abs(job.image() - before).max() > 0.01
    assert job.image().shape == content.shape


def fine(picture: Pixels) -> Pixels:
    """What of a picture 250 × 1000 pixels do not have."""
    whole = torch.from_numpy(picture).permute(2, 0, 1)[None]
    return (whole - resize(resize(whole, (250, 1000)), (whole.shape[2], whole.shape[3]))).numpy()


def test_a_picture_is_painted_at_the_size_that_is_asked_for(engine: Engine, style: Pixels) -> None:
    """And given back at its own, with its own detail, the same at each way to get there; what is small is left alone."""
    large = np.random.default_rng(3).random((300, 1200, 3), dtype=np.float32)
    job = Job(engine, PaintRequest(large, [Style(style)], Settings(quality="draft", iterations=1, painting_size="1000")))
    events = list(job.run())
    assert job.scales[-1].size == (250, 1000) and job.image().shape == large.shape
    assert not [event for event in events if isinstance(event, Note)]  # it was asked for, and is nothing to be told
    # The fine noise, which the smaller size does not have, is there again.
    assert np.corrcoef(fine(large).ravel(), fine(job.image()).ravel())[0, 1] > 0.5
    small = Job(engine, PaintRequest(large[:, :900], [Style(style)], Settings(painting_size="1000")))
    assert small.scales[-1].size == (300, 900)


@pytest.mark.parametrize("size", [(16, 4000), (4000, 20), (1001, 1000)])
def test_a_painting_size_leaves_what_a_picture_needs(size: tuple[int, int]) -> None:
    height, width = wanted_size(size, Settings(painting_size="1000"))
    assert max(height, width) == 1000 and min(height, width) >= 16
