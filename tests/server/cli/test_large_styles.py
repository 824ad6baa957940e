"""A large style is read no larger than it is needed, and paints the same."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from server.cli.style import load_styles
from stylecore.files import pictures
from stylecore.files.pixels import rows
from stylecore.painting.planning.brush import LEAST_SIDE, enough_pixels, style_size
from stylecore.tensors.resampling import resize


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A style of 6 megapixels, where more than one counts as large."""
    monkeypatch.setattr(rows, "WHOLE", 1_000_000)
    noise = np.random.default_rng(1).integers(0, 256, (100, 150, 3), dtype=np.uint8)
    strokes = np.asarray(Image.fromarray(noise).resize((3000, 2000), Image.Resampling.BICUBIC))
    Image.fromarray(strokes ^ (np.indices((2000, 3000)).sum(0) % 3)[..., None].astype(np.uint8)).save(
        tmp_path / "style.jpg"
    )
    return tmp_path / "style.jpg"


def read(path: Path, content: tuple[int, int] | None, brush_size: float) -> pictures.Pixels:
    (style,) = load_styles(argparse.Namespace(styles=[path]), [2.0], content, brush_size)
    assert style.weight == 2.0
    return style.picture


@pytest.mark.parametrize(("content", "brush_size"), [((72, 96), 100), ((400, 300), 100), ((400, 300), 140), ((96, 96), 25)])
def test_a_large_style_is_read_smaller_and_used_the_same(content: tuple[int, int], brush_size: float, large: Path) -> None:
    whole, small = read(large, None, brush_size), read(large, content, brush_size)
    assert whole.shape == (2000, 3000, 3) and small.shape == (1000, 1500, 3)
    used = style_size((2000, 3000), content, brush_size)
    assert style_size((1000, 1500), content, brush_size) == used
    seen = [resize(torch.from_numpy(each.copy()).permute(2, 0, 1)[None], used) for each in (whole, small)]
    assert (seen[0] - seen[1]).abs().mean() < 0.5 / 255


def test_a_style_that_is_used_large_is_read_whole(large: Path) -> None:
    assert read(large, (1500, 1500), 100).shape == (2000, 3000, 3)
    assert read(large, (300, 300), 400).shape == (2000, 3000, 3)


def test_no_style_is_read_smaller_than_it_is_used() -> None:
    for content in ((16, 16), (512, 512), (3000, 4000)):
        for brush_size in (10.0, 100.0, 400.0):
            enough = enough_pixels(content, brush_size)
            for style in ((5000, 5000), (9000, 12_000), (20_000, 1200)):
                reduction = rows.Wanted(enough=enough).reduction(style[1], style[0])
                small = (style[0] // reduction, style[1] // reduction)
                used = style_size(style, content, brush_size)
                assert min(small) >= 2 * LEAST_SIDE
                assert reduction == 1 or (small[0] >= 1.9 * used[0] and small[1] >= 1.9 * used[1])
