"""What several benchmarks share: the project's samples, reading pictures, and painting one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from stylecore.device.engine import Engine
from stylecore.files.pictures import Pixels
from stylecore.painting.frames import within_frame
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

_SAMPLES = Path(__file__).parent.parent / "samples"


def sample_pair(content: str, style: str) -> tuple[Path, Path]:
    """Return the files of a content and a style of the project's own."""
    return _SAMPLES / "content" / f"{content}.jpg", _SAMPLES / "styles" / f"{style}.jpg"


def read(path: Path, side: int, *, square: bool = False) -> Pixels:
    """Return a picture file as H × W × 3 in [0, 1], its longer side brought to ``side`` px, or its square middle part."""
    picture = Image.open(path).convert("RGB")
    make = ImageOps.fit if square else ImageOps.contain
    return np.asarray(make(picture, (side, side), Image.Resampling.LANCZOS), np.float32) / np.float32(255)


def paint(engine: Engine, content: Pixels, style: Pixels, settings: Settings = Settings()) -> Pixels:
    """Return ``content`` painted in the manner of ``style``."""
    job = Job(engine, PaintRequest(content, [Style(style)], settings))
    for _ in job.run():
        pass
    return job.image()


def as_used(style: Pixels, content: Pixels) -> Pixels:
    """Return what of a style is painted from: within its frame, and of as many pixels as the content."""
    inner = within_frame(style).cut(style)
    factor = (content.shape[0] * content.shape[1] / (inner.shape[0] * inner.shape[1])) ** 0.5
    shape = round(inner.shape[1] * factor), round(inner.shape[0] * factor)
    return np.asarray(to_image(inner).resize(shape, Image.Resampling.LANCZOS), np.float32) / np.float32(255)


def to_image(pixels: Pixels) -> Image.Image:
    """Return the 8-bit picture of RGB values in [0, 1]."""
    return Image.fromarray((pixels * 255).round().astype(np.uint8))
