"""The quality of what is written with a loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylecore.files import pictures, writing

PIXELS = np.random.default_rng(5).random((6, 9, 3)).astype(np.float32)


@pytest.mark.parametrize(("quality", "full"), [(1, False), (60, False), (89, False), (90, True), (95, True), (100, True)])
def test_jpeg_keeps_the_colour_of_every_pixel_from_quality_90(quality: int, full: bool, tmp_path: Path) -> None:
    writing.save(tmp_path / "a.jpg", PIXELS, quality=quality)
    with Image.open(tmp_path / "a.jpg") as file:
        assert [component[1:3] for component in file.layer] == [(1, 1) if full else (2, 2), (1, 1), (1, 1)]
    stripes = np.zeros((32, 32, 3), np.float32)
    stripes[:, ::2] = [1, 0, 0]
    stripes[:, 1::2] = [0, 0, 1]
    writing.save(tmp_path / "a.avif", stripes, quality=quality)
    assert (np.abs(pictures.load(tmp_path / "a.avif").pixels - stripes).mean() < 0.1) == full


@pytest.mark.parametrize("ending", ["jpg", "webp", "avif"])
def test_less_quality_is_a_smaller_file(ending: str) -> None:
    picture = np.random.default_rng(1).random((64, 64, 3)).astype(np.float32)
    sizes = [len(writing.encode(f"a.{ending}", picture, quality=quality)) for quality in (20, 60, 95)]
    assert sizes[0] < sizes[1] * 0.8 < sizes[2] * 0.64
    assert writing.has_quality(f"a.{ending}") and not writing.has_quality("a.png")
