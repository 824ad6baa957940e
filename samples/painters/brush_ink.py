"""Brush and ink on absorbent paper: wet washes that fade into mist, dry strokes that show the hairs."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grid, mix, rgb, step
from .paper import paper
from .sketch import Point, curve


class _Sheet:
    """A sheet that takes up ink: its darkness grows with each stroke, as it does in paper."""

    def __init__(self, shape: tuple[int, int], rng: np.random.Generator) -> None:
        self.shape, self.rng, self.unit = shape, rng, min(shape)
        self.ink = np.zeros(shape, np.float32)

    def wash(self, dark: Array) -> None:
        """Lay ink of a darkness (H × W, 0 to 1) over what is there."""
        self.ink = 1 - (1 - self.ink) * (1 - np.clip(dark, 0, 1))

    def stroke(
        self, points: list[Point], width: float, dark: float, *, dry: float = 0.0, taper: tuple[float, float] = (0.2, 0.1)
    ) -> None:
        """Draw with a round brush along a curve; ``taper`` is its width at the ends, ``dry`` how far hairs part, 0 to 1."""
        path = np.array(curve(points, 10)) * self.unit
        length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
        count = max(2, int(length[-1] / max(1.0, width * self.unit * 0.16)))
        along = np.linspace(0, length[-1], count)
        xs, ys = (np.interp(along, length, path[:, axis]) for axis in (0, 1))
        share = along / max(length[-1], 1e-6)
        press = np.interp(share, [0, 0.18, 0.7, 1], [taper[0], 1, 0.85, taper[1]]) * (
            1 + 0.12 * np.sin(share * 17 + width * 999)
        )
        radii = np.maximum(0.45, press * width * self.unit / 2)
        reach = int(radii.max()) + 2
        left, right = max(0, int(xs.min()) - reach), min(self.shape[1], int(xs.max()) + reach + 1)
        top, bottom = max(0, int(ys.min()) - reach), min(self.shape[0], int(ys.max()) + reach + 1)
        if left >= right or top >= bottom:
            return
        mark = np.zeros((bottom - top, right - left), np.float32)
        turn = np.arctan2(np.gradient(ys), np.gradient(xs))
        hairs = self.rng.random(24)
        for x, y, radius, angle, part in zip(xs, ys, radii, turn, share, strict=True):
            r = int(radius) + 2
            t, b, lft, rgt = (
                int(v) for v in (max(top, y - r), min(bottom, y + r + 1), max(left, x - r), min(right, x + r + 1))
            )
            if t >= b or lft >= rgt:
                continue
            py, px = np.mgrid[t:b, lft:rgt].astype(np.float32)
            across = (-(px - x) * np.sin(angle) + (py - y) * np.cos(angle)) / radius
            near = np.hypot(px - x, py - y)
            touch = np.clip(radius - near + 0.5, 0, 1)
            if dry > 0 and radius > 1.2:
                hair = hairs[np.clip((across * 0.5 + 0.5) * 24, 0, 23).astype(int)]
                touch = touch * (hair > dry * (0.25 + 0.75 * part))
            window = mark[t - top : b - top, lft - left : rgt - left]
            np.maximum(window, touch, out=window)
        part_of_sheet = self.ink[top:bottom, left:right]
        self.ink[top:bottom, left:right] = 1 - (1 - part_of_sheet) * (1 - mark * dark)


def mountains(shape: tuple[int, int], seed: int) -> Array:
    """Peaks in mist, a bent pine on a rock, a boat and geese, in one black ink."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    wide, unit = shape[1] / min(shape), min(shape)
    s = unit / 768
    sheet = _Sheet(shape, rng)
    for depth, (base, rise, dark) in enumerate(((0.40, 0.22, 0.20), (0.50, 0.30, 0.34), (0.66, 0.26, 0.55))):
        _peaks(sheet, x, y, wide, base, rise, dark, depth)
    mist = step(0.0, 1.4, fractal(shape, 170 * s, rng, 3, stretch=3.0)) * step(0.42, 0.6, y) * step(0.92, 0.7, y)
    sheet.ink = sheet.ink * (1 - 0.55 * mist)
    _water(sheet, wide)
    _boat(sheet, 0.30 * wide, 0.80)
    _rock(sheet, x, y, wide)
    _pine(sheet, wide)
    for number in range(7):
        gx, gy, size = (0.16 + 0.045 * number) * wide, 0.13 + 0.02 * abs(number - 2.6), 0.017
        wings = [
            (gx - size, gy - size * 0.5),
            (gx - size * 0.3, gy - size * 0.15),
            (gx, gy),
            (gx + size * 0.4, gy - size * 0.4),
        ]
        sheet.stroke([*wings, (gx + size, gy - size * 0.45)], 0.005, 0.85)
    ink = sheet.ink
    # Where ink stood wet it crept along the fibres, and left a rim as it dried.
    wet = blur(ink, 2.2 * s)
    ink = np.clip(mix(ink, wet, 0.35) + 0.35 * np.clip(ink - wet, 0, 1), 0, 1)
    ink = np.clip(ink * (1 + 0.10 * fractal(shape, 7 * s, rng, 3, 0.8)), 0, 1) ** 1.08
    ground = paper(shape, "#f3ecdc", rng, s, 0.8)
    return np.clip(mix(ground, np.broadcast_to(rgb("#15171b"), ground.shape), ink * 0.96), 0, 1)


def _peaks(sheet: _Sheet, x: Array, y: Array, wide: float, base: float, rise: float, dark: float, depth: int) -> None:
    """Lay a range's wash, darkest along its ridge, and the strokes that model it."""
    rng, s = sheet.rng, sheet.unit / 768
    places = np.linspace(-0.1, 1.1 * wide, 26)
    summits = [(rng.uniform(0.05, 0.95) * wide, rng.uniform(0.5, 1.0), rng.uniform(0.07, 0.15)) for _ in range(4)]
    heights = np.max([h * np.exp(-(np.abs((places - c) / w) ** 1.35)) for c, h, w in summits], 0)
    ridge = base - rise * heights + rng.normal(0, 0.008, len(places))
    line = np.interp(x[0], places, ridge).astype(np.float32)[None]
    line = line + 0.006 * fractal(sheet.shape, 30 * s, rng, 4)
    below = y - line
    fade = np.exp(-np.clip(below, 0, None) / (0.07 + 0.05 * depth))
    grain = 1 + 0.28 * fractal(sheet.shape, 50 * s, rng, 5, 0.65)
    sheet.wash(dark * step(-0.004, 0.006, below) * (0.08 + 0.92 * fade) * np.clip(grain, 0.3, 1.7))
    for _ in range(30 + 26 * depth):  # folds of the rock, from the ridge down
        px = rng.uniform(-0.02, 1.02) * wide
        top = float(np.interp(px, places, ridge))
        slope = float(np.interp(px + 0.02, places, ridge)) - top
        fall, lean = rng.uniform(0.03, 0.13), (0.5 if slope > 0 else -0.5) * rng.uniform(0.2, 1.0)
        spine = [(px + lean * fall * t + rng.normal(0, 0.004), top + fall * t) for t in (0, 0.35, 0.7, 1)]
        sheet.stroke(spine, rng.uniform(0.006, 0.016), dark * rng.uniform(0.5, 1.0), dry=rng.uniform(0.25, 0.75))


def _water(sheet: _Sheet, wide: float) -> None:
    rng = sheet.rng
    for _ in range(34):
        px, py, long = rng.random() * wide, rng.uniform(0.78, 0.97), rng.uniform(0.05, 0.20)
        wave = [(px + long * t, py + rng.normal(0, 0.003)) for t in (0, 0.3, 0.6, 1)]
        sheet.stroke(wave, rng.uniform(0.003, 0.008), rng.uniform(0.15, 0.4), dry=rng.uniform(0.2, 0.6))


def _boat(sheet: _Sheet, px: float, py: float) -> None:
    sheet.stroke(
        [(px - 0.075, py - 0.004), (px - 0.03, py + 0.014), (px + 0.03, py + 0.015), (px + 0.08, py - 0.008)], 0.016, 0.9
    )
    sheet.stroke([(px - 0.02, py), (px - 0.022, py - 0.05)], 0.016, 0.85, taper=(0.9, 0.5))
    sheet.stroke([(px - 0.04, py - 0.047), (px - 0.02, py - 0.062), (px + 0.002, py - 0.045)], 0.009, 0.9)
    sheet.stroke([(px - 0.018, py - 0.03), (px + 0.03, py - 0.01), (px + 0.10, py + 0.03)], 0.0045, 0.8)
    for step_down in range(5):
        sheet.stroke(
            [(px - 0.06, py + 0.028 + 0.012 * step_down), (px + 0.06, py + 0.026 + 0.012 * step_down)],
            0.006,
            0.22 - 0.03 * step_down,
        )


def _rock(sheet: _Sheet, x: Array, y: Array, wide: float) -> None:
    rng, s = sheet.rng, sheet.unit / 768
    edge = np.interp(x[0] / wide, [0.50, 0.60, 0.68, 0.80, 0.92, 1.1], [1.1, 0.93, 0.84, 0.79, 0.80, 0.74])[None]
    below = y - edge - 0.012 * fractal(sheet.shape, 26 * s, rng, 4)
    sheet.wash(
        0.62 * step(-0.003, 0.008, below) * np.clip(0.62 + 0.3 * fractal(sheet.shape, 36 * s, rng, 5, 0.7), 0.1, 1.2)
    )
    for _ in range(80):
        px = rng.uniform(0.54, 1.02) * wide
        top = float(np.interp(px / wide, [0.50, 0.60, 0.68, 0.80, 0.92, 1.1], [1.1, 0.93, 0.84, 0.79, 0.80, 0.74]))
        py, fall = top + rng.uniform(0, 0.16), rng.uniform(0.02, 0.08)
        fold = [
            (px, py),
            (px - 0.012 + rng.normal(0, 0.006), py + fall * 0.5),
            (px - 0.02 + rng.normal(0, 0.01), py + fall),
        ]
        sheet.stroke(fold, rng.uniform(0.008, 0.022), rng.uniform(0.4, 0.9), dry=rng.uniform(0.3, 0.8))


def _pine(sheet: _Sheet, wide: float) -> None:
    """Paint a trunk that bends in the wind, its boughs, and needles in fans."""
    rng = sheet.rng

    def at(px: float, py: float) -> Point:
        return px * wide, py

    sheet.stroke(
        [at(0.80, 0.83), at(0.78, 0.68), at(0.84, 0.55), at(0.80, 0.42), at(0.70, 0.33)],
        0.050,
        0.88,
        dry=0.45,
        taper=(1.1, 0.35),
    )
    sheet.stroke([at(0.81, 0.82), at(0.795, 0.68), at(0.85, 0.55)], 0.016, 0.8, dry=0.5)
    boughs = [
        [(0.80, 0.62), (0.70, 0.58), (0.58, 0.60), (0.50, 0.57)], [(0.83, 0.54), (0.92, 0.47), (1.0, 0.48)],
        [(0.82, 0.46), (0.72, 0.44), (0.61, 0.46)], [(0.76, 0.37), (0.84, 0.29), (0.93, 0.30)],
        [(0.70, 0.33), (0.62, 0.27), (0.54, 0.29)], [(0.72, 0.34), (0.72, 0.25), (0.66, 0.19)],
    ]  # fmt: skip
    for bough in boughs:
        sheet.stroke([at(*point) for point in bough], 0.018, 0.88, dry=0.3, taper=(1.0, 0.3))
        spine = curve([at(*point) for point in bough], 12)
        for px, py in spine[len(spine) // 4 :: 4]:
            for _ in range(3):
                _needles(sheet, px + rng.normal(0, 0.018), py - 0.012 + rng.normal(0, 0.014))


def _needles(sheet: _Sheet, px: float, py: float) -> None:
    rng = sheet.rng
    first, size, dark = rng.uniform(-2.9, -2.3), rng.uniform(0.028, 0.048), rng.uniform(0.55, 0.95)
    for angle in np.linspace(first, first + rng.uniform(1.8, 2.5), 13):
        long = size * rng.uniform(0.75, 1.1)
        end = px + long * float(np.cos(angle)), py + long * float(np.sin(angle)) * 0.75
        sheet.stroke([(px, py), ((px + end[0]) / 2, (py + end[1]) / 2), end], 0.0042, dark, taper=(1.0, 0.2))
