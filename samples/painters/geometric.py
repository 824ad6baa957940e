"""Flat geometric shapes and clean lines, as abstract painters of the 1920s set them."""

from __future__ import annotations

import numpy as np

from .noise import Array, fractal, lattice, mix, rgb
from .sketch import Point, Sketch

_CREAM, _INK = "#efe3c8", "#16181d"
_COLOURS = ("#c8321f", "#1f4e8c", "#e9b320", "#2f7a5b", "#e7825a", "#7fb2c9", "#16181d", "#8a2f4c")


def concert(shape: tuple[int, int], seed: int) -> Array:
    """Circles, bars, fans of lines and checks on cream, in a few pure colours: music without instruments."""
    rng = np.random.default_rng(seed)
    wide, unit = shape[1] / min(shape), min(shape)
    sketch = Sketch(shape, _CREAM)

    def colour(*, but: str = "") -> str:
        return str(rng.choice([each for each in _COLOURS if each != but]))

    def at(x: float, y: float) -> Point:
        return x * wide, y

    # Large quiet planes first, then what crosses them.
    for points, fill in (
        ([(-0.1, 0.62), (0.55, 0.30), (0.78, 1.1), (-0.1, 1.1)], "#e7825a"),
        ([(0.52, -0.1), (1.1, -0.1), (1.1, 0.52), (0.74, 0.40)], "#7fb2c9"),
        ([(-0.1, -0.1), (0.30, -0.1), (0.16, 0.36), (-0.1, 0.44)], "#e9b320"),
        ([(0.62, 0.58), (1.1, 0.46), (1.1, 1.1), (0.80, 1.1)], "#1f4e8c"),
    ):
        sketch.polygon([at(*point) for point in points], fill)
    _rings(sketch, *at(0.33, 0.36), 0.225, ("#16181d", "#c8321f", "#efe3c8", "#1f4e8c", "#e9b320"))
    _rings(sketch, *at(0.80, 0.25), 0.135, ("#efe3c8", "#c8321f", "#16181d"))
    _rings(sketch, *at(0.72, 0.80), 0.165, ("#e9b320", "#16181d", "#2f7a5b", "#efe3c8"))
    _half(sketch, *at(0.20, 0.80), 0.17, -0.5, "#16181d")
    _half(sketch, *at(0.20, 0.80), 0.17, -0.5 + np.pi, "#2f7a5b")
    _checks(sketch, at(0.44, 0.66), 0.036, 6, 4, -0.42, (_INK, _CREAM))
    _checks(sketch, at(0.86, 0.50), 0.027, 5, 5, 0.3, ("#c8321f", "#e9b320"))
    _fan(sketch, at(0.06, 0.97), 0.62, -1.25, -0.35, 9, 0.006)
    _fan(sketch, at(0.98, 0.03), 0.46, 2.0, 2.75, 7, 0.005)
    for x0, y0, x1, y1, width in (
        (0.03, 0.55, 0.97, 0.12, 0.022), (0.10, 0.08, 0.62, 0.98, 0.015),
        (0.42, 0.98, 0.98, 0.62, 0.028), (0.05, 0.30, 0.50, 0.20, 0.012),
    ):  # fmt: skip
        sketch.line([at(x0, y0), at(x1, y1)], width, _INK)
    for _ in range(30):  # small company
        x, y, size, turn = rng.random() * wide, rng.random(), 0.014 + 0.034 * rng.random() ** 2, rng.random() * 6.28
        kind, fill = rng.integers(4), colour()
        if kind == 0:
            sketch.disc(x, y, size, fill)
            if size > 0.03:
                sketch.disc(x, y, size * 0.55, colour(but=fill))
        elif kind == 1:
            sketch.polygon(_regular(x, y, size * 1.2, 3, turn), fill)
        elif kind == 2:
            sketch.polygon(_regular(x, y, size * 1.1, 4, turn), fill)
        else:
            _stairs(sketch, x, y, size * 0.7, turn, fill)
    # Paint on canvas is flat to the eye, and not to the hand.
    picture = sketch.picture()
    tooth = 0.012 * fractal(shape, 60 * unit / 768, rng, 4) + 0.014 * (lattice(shape, 1.4, rng) - 0.5)
    return np.clip(mix(picture, rgb(_CREAM), 0.03) * (1 + tooth)[..., None], 0, 1)


def _regular(x: float, y: float, radius: float, corners: int, turn: float) -> list[Point]:
    angles = turn + np.arange(corners) * 2 * np.pi / corners
    return [(x + radius * float(np.cos(a)), y + radius * float(np.sin(a))) for a in angles]


def _rings(sketch: Sketch, x: float, y: float, radius: float, fills: tuple[str, ...]) -> None:
    for number, fill in enumerate(fills):
        share = 1 - number / len(fills)
        sketch.disc(x + 0.06 * radius * number, y - 0.04 * radius * number, radius * share**1.1, fill)


def _half(sketch: Sketch, x: float, y: float, radius: float, turn: float, fill: str) -> None:
    angles = turn + np.linspace(0, np.pi, 60)
    sketch.polygon([(x + radius * float(np.cos(a)), y + radius * float(np.sin(a))) for a in angles], fill)


def _checks(
    sketch: Sketch, corner: Point, side: float, columns: int, rows: int, turn: float, fills: tuple[str, str]
) -> None:
    along, down = np.array([np.cos(turn), np.sin(turn)]) * side, np.array([-np.sin(turn), np.cos(turn)]) * side
    for row in range(rows):
        for column in range(columns):
            start = np.array(corner) + column * along + row * down
            square = [start, start + along, start + along + down, start + down]
            sketch.polygon([(float(p[0]), float(p[1])) for p in square], fills[(row + column) % 2])


def _fan(sketch: Sketch, centre: Point, length: float, first: float, last: float, count: int, width: float) -> None:
    for angle in np.linspace(first, last, count):
        end = centre[0] + length * float(np.cos(angle)), centre[1] + length * float(np.sin(angle))
        sketch.line([centre, end], width, _INK)


def _stairs(sketch: Sketch, x: float, y: float, size: float, turn: float, fill: str) -> None:
    along, down = np.array([np.cos(turn), np.sin(turn)]) * size, np.array([-np.sin(turn), np.cos(turn)]) * size
    for step in range(4):
        start = np.array([x, y]) + step * along
        bar = [start, start + 0.7 * along, start + 0.7 * along + (1 + step) * down, start + (1 + step) * down]
        sketch.polygon([(float(p[0]), float(p[1])) for p in bar], fill)
