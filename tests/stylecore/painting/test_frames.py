"""What is a frame of a style and what is the painting, and that a frame is not painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from stylecore.device.engine import Engine
from stylecore.events import Note
from stylecore.files.pictures import Pixels
from stylecore.painting.frames import Inner, within_frame
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

SAMPLES = sorted((Path(__file__).parents[3] / "samples").glob("*/*.jpg"))
#: Samples that are printed or painted on paper with a margin.
ON_PAPER = {"fox-woodcut", "lagoon-watercolour"}


def painting(height: int = 200, width: int = 240, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def framed(inner: Pixels, widths: tuple[int, int, int, int], colour: tuple[float, float, float]) -> Pixels:
    top, bottom, left, right = widths
    whole = np.empty((inner.shape[0] + top + bottom, inner.shape[1] + left + right, 3), np.float32)
    whole[:] = colour
    whole[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return whole


colours = st.tuples(*[st.floats(0, 1)] * 3)


@given(st.integers(0, 30), st.integers(0, 30), colours, st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_bars_and_margins_are_found_to_the_line(
    high: int, wide: int, colour: tuple[float, float, float], seed: int
) -> None:
    """Black bars above and below or beside, and margins around; the paper may be grainy."""
    picture = framed(painting(seed=seed), (high, high, wide, wide), colour)
    noise = np.random.default_rng(seed + 1).normal(0, 0.012, picture.shape).astype(np.float32)
    noise[high : picture.shape[0] - high, wide : picture.shape[1] - wide] = 0
    inner = within_frame((picture + noise).clip(0, 1))
    assert inner == Inner(high, 200 + high, wide, 240 + wide)


@pytest.mark.parametrize("name", [path.stem for path in SAMPLES if path.stem not in ON_PAPER])
def test_pictures_without_a_frame_are_taken_whole(name: str) -> None:
    with Image.open(next(path for path in SAMPLES if path.stem == name)) as file:
        pixels = np.asarray(file.convert("RGB"), np.float32) / 255
    assert within_frame(pixels) == Inner(0, pixels.shape[0], 0, pixels.shape[1])


def drawn(name: str) -> Pixels:
    """Pictures whose edges are of one colour, and no frames."""
    image = Image.new("RGB", (300, 300), (250, 248, 240))
    draw = ImageDraw.Draw(image)
    if name == "a drawing in the middle of white paper":
        draw.ellipse((90, 90, 210, 210), outline=(20, 20, 20), width=4)
        draw.line((60, 220, 240, 240), fill=(20, 20, 20), width=3)
    elif name == "a flat sky over a straight horizon":
        draw.rectangle((0, 80, 300, 300), fill=(40, 90, 60))
        draw.rectangle((100, 150, 180, 260), fill=(160, 60, 40))
    elif name == "one colour":
        pass
    return np.asarray(image, np.float32) / 255


@pytest.mark.parametrize(
    "name", ["a drawing in the middle of white paper", "a flat sky over a straight horizon", "one colour"]
)
def test_flat_edges_are_not_always_frames(name: str) -> None:
    assert within_frame(drawn(name)) == Inner(0, 300, 0, 300)


def test_a_frame_in_a_frame() -> None:
    picture = framed(framed(painting(), (9, 9, 9, 9), (0.9, 0.9, 0.85)), (20, 20, 0, 0), (0, 0, 0))
    assert within_frame(picture) == Inner(29, 229, 9, 249)


def test_what_has_been_cut_out_is_taken_as_it_is() -> None:
    picture = framed(painting(), (20, 20, 20, 20), (0, 0, 0))
    alpha = np.ones((*picture.shape[:2], 1), np.float32)
    assert within_frame(np.dstack([picture, alpha])) == Inner(20, 220, 20, 260)
    alpha[100, 100] = 0
    assert within_frame(np.dstack([picture, alpha])) == Inner(0, 240, 0, 280)


def test_a_frame_is_said_and_not_painted(engine: Engine, content: Pixels, style: Pixels) -> None:
    """The picture is the very one of the style without it; other people's objectives take all of the style."""
    large = np.repeat(np.repeat(style, 2, 0), 2, 1)
    whole = framed(large, (24, 24, 16, 16), (1.0, 1.0, 1.0))

    def paint(picture: Pixels, **wanted: object) -> tuple[Pixels, list[str]]:
        job = Job(engine, PaintRequest(content, [Style(picture)], Settings(quality="draft", iterations=3, **wanted)))
        events = list(job.run())
        return job.image(), [event.sentence for event in events if isinstance(event, Note)]

    (without, nothing_said), (picture, said) = paint(large), paint(whole)
    assert np.array_equal(picture, without) and not nothing_said
    assert len(said) == 1 and "192 × 192" in said[0]
    assert not np.array_equal(paint(whole, objective="gram")[0], paint(large, objective="gram")[0])
