"""Flat, antialiased drawing in coordinates of the shorter side (the scenes that are then painted over)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .noise import Array, rgb

Point = tuple[float, float]


def curve(points: Sequence[Point], steps: int = 14, closed: bool = False) -> list[Point]:
    """A Catmull-Rom curve through (x, y) points."""
    p = np.array(points, float)
    p = np.vstack([p[-1:], p, p[:2]]) if closed else np.vstack([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    out: list[Point] = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        for t in np.linspace(0, 1, steps, endpoint=False):
            q = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            out.append((float(q[0]), float(q[1])))
    if not closed:
        out.append((float(p[-2][0]), float(p[-2][1])))
    return out


class Sketch:
    """A picture (or a mask) drawn at three times its size and scaled down."""

    OVER = 3

    def __init__(self, shape: tuple[int, int], ground: str | Array = "#ffffff"):
        height, width = shape
        self.shape = shape
        self.scale = min(shape) * self.OVER
        large = (width * self.OVER, height * self.OVER)
        if isinstance(ground, str):
            self.image = Image.new("RGB", large, ground)
        else:
            picture = Image.fromarray((np.clip(ground, 0, 1) * 255).astype(np.uint8))
            self.image = picture.resize(large, Image.Resampling.BICUBIC)
        self.draw = ImageDraw.Draw(self.image)

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self.scale, y * self.scale) for x, y in points]

    def polygon(self, points: Sequence[Point], fill: str | Array) -> None:
        """Fill a polygon."""
        self.draw.polygon(self._pixels(points), fill=code(fill))

    def blob(self, points: Sequence[Point], fill: str | Array) -> None:
        """Fill the closed smooth curve through the points."""
        self.polygon(curve(points, closed=True), fill)

    def disc(self, x: float, y: float, radius: float, fill: str | Array, flat: float = 1.0) -> None:
        """Fill a circle, or an ellipse `flat` times as high as it is wide."""
        s = self.scale
        self.draw.ellipse(
            ((x - radius) * s, (y - radius * flat) * s, (x + radius) * s, (y + radius * flat) * s), fill=code(fill)
        )

    def line(self, points: Sequence[Point], width: float, fill: str | Array, taper: float = 1.0) -> None:
        """Draw a line with round joints, whose width changes to `taper` times its start."""
        spots = self._pixels(points)
        for i, (a, b) in enumerate(itertools.pairwise(spots)):
            now = max(width, 0) * self.scale * (1 + (taper - 1) * i / max(len(spots) - 1, 1))
            self.draw.line((a, b), fill=code(fill), width=max(1, round(now)))
            r = now / 2
            self.draw.ellipse((b[0] - r, b[1] - r, b[0] + r, b[1] + r), fill=code(fill))

    def picture(self) -> Array:
        """What has been drawn, H×W×3 floats 0..1."""
        height, width = self.shape
        small = self.image.resize((width, height), Image.Resampling.BOX)
        return np.asarray(small, np.float32) / 255

    def mask(self) -> Array:
        """The red channel, for drawings in white on black."""
        return self.picture()[..., 0]


def code(colour: str | Array) -> str:
    """A colour as Pillow wants it."""
    if isinstance(colour, str):
        return colour
    return "#{:02x}{:02x}{:02x}".format(*(round(float(np.clip(c, 0, 1)) * 255) for c in colour))


__all__ = ["Point", "Sketch", "code", "curve", "rgb"]
