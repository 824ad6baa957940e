"""Brush strokes: laid along a field of directions, with bristles, ragged ends and thickness of paint.

The order of work (large brush first, smaller ones where the picture still differs) follows A. Hertzmann, Painterly
Rendering with Curved Brush Strokes of Multiple Sizes, SIGGRAPH 1998.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from .noise import Array, blur, grey, relight, step


@dataclass(frozen=True)
class Brush:
    """A brush; sizes in pixels, the rest 0..1."""

    width: float
    length: float
    bristles: float = 0.5  # how much a hair's paint differs from the next one's
    ragged: float = 0.35  # how much of the stroke's end frays
    opacity: float = 0.95
    relief: float = 1.0  # thickness of the paint
    wobble: float = 0.0  # random turn of the direction, radians
    colour_jitter: float = 0.05  # spread of the stroke colours
    soft: float = 0.3  # width of the soft edge


def gradient_field(picture: Array, sigma: float) -> Array:
    """Angles (H×W) along the edges of a picture, from its smoothed structure tensor."""
    light = blur(grey(picture), max(sigma / 4, 0.6))
    dy, dx = np.gradient(light)
    xx, yy, xy = blur(dx * dx, sigma), blur(dy * dy, sigma), blur(dx * dy, sigma)
    return 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2


def blend_angles(first: Array, second: Array, amount: Array | float) -> Array:
    """Blend two fields of directions (an angle and its opposite are the same direction)."""
    y = (1 - amount) * np.sin(2 * first) + amount * np.sin(2 * second)
    x = (1 - amount) * np.cos(2 * first) + amount * np.cos(2 * second)
    return 0.5 * np.arctan2(y, x)


class Canvas:
    """Paint on a ground: colours H×W×3 and the thickness of the paint H×W."""

    def __init__(self, ground: Array, rng: np.random.Generator):
        self.colour = ground.astype(np.float32).copy()
        self.height = np.zeros(ground.shape[:2], np.float32)
        self.rng = rng

    def path(self, field: Array, y: float, x: float, brush: Brush, reference: Array | None = None) -> Array:
        """Follow the directions both ways from a point; stops where the reference's colour changes."""
        rows, columns = field.shape
        stride = max(brush.length / 8, 1.5)
        turn = self.rng.normal(0, brush.wobble) if brush.wobble else 0.0
        origin = None if reference is None else reference[min(int(y), rows - 1), min(int(x), columns - 1)]
        arms = []
        for sign in (1, -1):
            py, px, old, arm = y, x, None, []
            for _ in range(4):
                angle = field[min(max(int(py), 0), rows - 1), min(max(int(px), 0), columns - 1)] + turn
                heading = np.array([np.sin(angle), np.cos(angle)]) * sign
                if old is not None and heading @ old < 0:
                    heading = -heading
                py, px, old = py + heading[0] * stride, px + heading[1] * stride, heading
                arm.append((py, px))
                if not (0 <= py < rows and 0 <= px < columns):
                    break
                if reference is not None and np.abs(reference[int(py), int(px)] - origin).sum() > 0.45:
                    break
            arms.append(arm)
        return np.array([*arms[1][::-1], (y, x), *arms[0]], np.float32)

    def lay(self, path: Array, brush: Brush, colour: Array, grain: Array | None = None) -> None:
        """Lay one stroke along a path (N×2, y and x in pixels); `grain` (H×W, 0..1) lets the ground show."""
        rows, columns = self.height.shape
        half = brush.width / 2
        top, left = np.maximum(np.floor(path.min(0) - half - 1).astype(int), 0)
        bottom, right = np.minimum(np.ceil(path.max(0) + half + 2).astype(int), (rows, columns))
        if bottom <= top or right <= left:
            return
        y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
        nearest = np.full(y.shape, np.inf, np.float32)
        along, across = np.zeros_like(nearest), np.zeros_like(nearest)
        done = 0.0
        for (ay, ax), (by, bx) in itertools.pairwise(path):
            dy, dx = by - ay, bx - ax
            length = float(np.hypot(dy, dx)) + 1e-6
            dy, dx = dy / length, dx / length
            ry, rx = y - ay, x - ax
            t = np.clip(ry * dy + rx * dx, 0, length)
            distance = (ry - t * dy) ** 2 + (rx - t * dx) ** 2
            better = distance < nearest
            nearest = np.where(better, distance, nearest)
            along = np.where(better, done + t, along)
            across = np.where(better, ry * dx - rx * dy, across)
            done += length
        beside = np.sqrt(nearest) / half
        hairs = self.rng.random(max(int(brush.width / 1.6), 4)).astype(np.float32)
        hair = np.interp(across / half, np.linspace(-1, 1, len(hairs)), hairs).astype(np.float32)
        alpha = step(1.0, 1.0 - brush.soft, beside + 0.2 * brush.bristles * (1 - hair))
        if brush.ragged > 0:
            left_over = (done - along) / (done * brush.ragged)
            alpha = alpha * step(0.15, 0.5, left_over - hair * 0.6 + 0.35)
        if grain is not None:
            alpha = alpha * grain[top:bottom, left:right]
        alpha = (alpha * brush.opacity)[..., None]
        tone = 1 + brush.bristles * 0.5 * (hair - 0.5)[..., None]
        window = (slice(top, bottom), slice(left, right))
        self.colour[window] += alpha * (np.clip(colour * tone, 0, 1) - self.colour[window])
        thick = brush.relief * (0.55 + 0.55 * hair * brush.bristles * 2 + 0.35 * np.minimum(beside, 1) ** 3)
        self.height[window] += alpha[..., 0] * (thick + 0.25 * self.height[window] - self.height[window])

    def cover(
        self,
        reference: Array,
        field: Array,
        brush: Brush,
        density: float = 1.0,
        threshold: float = 0.0,
        mask: Array | None = None,
        grain: Array | None = None,
    ) -> None:
        """Cover the canvas with strokes whose colours come from the reference.

        `density` is strokes per stroke area; only where the canvas differs by `threshold` and the mask is not 0.
        """
        rows, columns = self.height.shape
        soft = blur(reference, brush.width / 4)
        count = int(density * rows * columns / (brush.width * brush.length * 0.5))
        side = max(int(np.sqrt(count * columns / rows)), 1)
        lines = max(count // side, 1)
        spots = np.stack(np.meshgrid(np.arange(lines), np.arange(side), indexing="ij"), -1).reshape(-1, 2)
        spots = (spots + self.rng.random(spots.shape)) * (rows / lines, columns / side)
        self.rng.shuffle(spots)
        for y, x in spots:
            row, column = min(int(y), rows - 1), min(int(x), columns - 1)
            if mask is not None and self.rng.random() > mask[row, column]:
                continue
            wanted = soft[row, column]
            if threshold and np.abs(self.colour[row, column] - wanted).sum() < threshold:
                continue
            shade = self.rng.normal(0, brush.colour_jitter, 3) + self.rng.normal(0, brush.colour_jitter)
            self.lay(self.path(field, y, x, brush, soft), brush, np.clip(wanted + shade, 0, 1), grain)

    def lit(self, strength: float, gloss: float = 0.1, sigma: float = 0.7) -> Array:
        """The painting in slanting light that shows the thickness of the paint."""
        return relight(self.colour, blur(self.height, sigma), strength, gloss)
