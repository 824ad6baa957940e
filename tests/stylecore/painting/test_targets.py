"""What is known of the styles, taken from one job to others."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np

from stylecore.device.engine import Engine
from stylecore.files.pictures import Pixels
from stylecore.painting.job import Job
from stylecore.painting.targets import Targets
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

SETTINGS = Settings(quality="draft", iterations=2, precision="float32")


def paint(engine: Engine, content: Pixels, style: Pixels, **more: object) -> Pixels:
    job = Job(
        engine,
        PaintRequest(content, [Style(style), Style(style[:, ::-1], 0.5)], replace(SETTINGS, **more.pop("settings", {}))),
        **more,
    )
    for _ in job.run():
        pass
    return job.image()


def test_a_picture_is_the_same_with_targets_that_travelled(engine: Engine, content: Pixels, style: Pixels) -> None:
    content = np.concatenate([content, content], 1)[:80]  # two scales
    known = Targets()
    grey = np.full_like(content, 0.5)
    Job(engine, PaintRequest(grey, [Style(style), Style(style[:, ::-1], 0.5)], SETTINGS), targets=known).measure_styles()
    known = pickle.loads(pickle.dumps(known))
    expected = paint(engine, content, style)
    assert np.array_equal(paint(engine, content, style, targets=known), expected)


def test_targets_that_are_known_are_not_measured_again(engine: Engine, content: Pixels, style: Pixels) -> None:
    """With another style in its place the picture stays the same.

    Without smoothing, palette and edges, which are the style's own at any size, and no targets.
    """
    settings = {"total_variation": 0.0, "palette": 0.0, "edges": 0.0}
    known = Targets()
    expected = paint(engine, content, style, settings=settings, targets=known)
    other = np.ascontiguousarray(1 - style[::-1])
    assert np.array_equal(paint(engine, content, other, settings=settings, targets=known), expected)
    assert not np.array_equal(paint(engine, content, other, settings=settings), expected)


def test_styles_in_the_photo_s_colours_are_measured_for_each_photo(engine: Engine, content: Pixels, style: Pixels) -> None:
    known = Targets()
    settings = {"colours": "match"}
    paint(engine, content, style, settings=settings, targets=known)
    other = content[::-1] * np.float32([1, 0.5, 0.2])
    with_known = paint(engine, other, style, settings=settings, targets=known)
    assert np.array_equal(with_known, paint(engine, other, style, settings=settings))
