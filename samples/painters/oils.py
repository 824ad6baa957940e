"""Oil paintings: thick, directed strokes (a starlit night, sunflowers, an autumn avenue)."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grid, mix, ramp, rgb, step
from .sketch import Sketch, curve
from .strokes import Brush, Canvas, blend_angles, gradient_field


def starlit(shape: tuple[int, int], seed: int) -> Array:
    """A village under a whirling night sky with a moon and stars: long curved strokes of thick paint."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    sky = ramp(
        [(0, "#0d1d54"), (0.35, "#1f4a9c"), (0.6, "#3f86b8"), (0.72, "#a9c79a")],
        y + 0.03 * fractal(shape, unit / 4, rng, 3),
    )
    direction = 0.25 * np.sin(5 * x + 2) + 0.2
    lights = [
        (0.78, 0.17, 0.085),
        (0.12, 0.12, 0.04),
        (0.33, 0.2, 0.05),
        (0.56, 0.08, 0.035),
        (0.2, 0.38, 0.04),
        (0.93, 0.42, 0.04),
        (0.45, 0.5, 0.03),
        (0.62, 0.44, 0.035),
    ]
    whirls = [(0.45, 0.31, 0.14), (0.69, 0.36, 0.09)]
    for cx, cy, size in lights + whirls:
        cx *= wide
        r = np.hypot(x - cx, y - cy)
        around = np.arctan2(y - cy, x - cx) + np.pi / 2 + (0.5 if (cx, cy, size) in whirls else 0.15)
        direction = blend_angles(direction, around, np.exp(-((r / (size * 2.1)) ** 2)))
    for i, (cx, cy, size) in enumerate(lights):
        r = np.hypot(x - cx * wide, y - cy)
        rings = 0.5 + 0.5 * np.cos(r / size * 7)
        sky = mix(sky, rgb("#f2d25a" if i else "#f6b832"), np.exp(-((r / (size * 1.25)) ** 2)) * (0.55 + 0.45 * rings))
        sky = mix(sky, rgb("#fff6c8"), step(size * 0.55, size * 0.4, r))
    for cx, cy, size in whirls:
        dx, dy = x - cx * wide, y - cy
        r = np.hypot(dx, dy)
        spiral = 0.5 + 0.5 * np.cos(2 * np.arctan2(dy, dx) - r / size * 6)
        sky = mix(sky, rgb("#cfe3e6"), np.exp(-((r / (size * 1.1)) ** 2)) * spiral * 0.9)
    art = Sketch(shape, sky)
    hills = [(-0.05, 0.7), (0.15, 0.63), (0.35, 0.69), (0.55, 0.62), (0.8, 0.56), (1.05, 0.6)]
    for lift, tint in ((0.0, "#2b5f9a"), (0.06, "#1f4a70"), (0.12, "#2a6152")):
        edge = curve([(px * wide, py + lift + rng.normal(0, 0.012)) for px, py in hills])
        art.polygon([*edge, (1.1 * wide, 1.1), (-0.1, 1.1)], tint)
    for i in range(19):
        cx, base = (0.3 + 0.68 * rng.random()) * wide, 0.8 + 0.16 * i / 19
        w, h = 0.03 + 0.02 * rng.random(), 0.04 + 0.025 * rng.random()
        art.polygon(
            [(cx - w, base), (cx - w, base - h), (cx + w, base - h), (cx + w, base)],
            ("#33507c", "#4a5f78", "#27416b")[i % 3],
        )
        art.polygon(
            [(cx - w * 1.2, base - h), (cx, base - h * 1.9), (cx + w * 1.2, base - h)],
            ("#7c3b2e", "#1c2c50", "#55402f")[i % 3],
        )
        art.polygon(
            [
                (cx - w * 0.4, base - h * 0.3),
                (cx - w * 0.4, base - h * 0.8),
                (cx + w * 0.2, base - h * 0.8),
                (cx + w * 0.2, base - h * 0.3),
            ],
            "#ffc93d",
        )
    art.polygon(
        [(0.62 * wide, 0.85), (0.62 * wide, 0.7), (0.64 * wide, 0.52), (0.66 * wide, 0.7), (0.66 * wide, 0.85)], "#24335f"
    )
    for tree in (
        [
            (0.02, 1.05),
            (0.06, 0.8),
            (0.05, 0.6),
            (0.11, 0.4),
            (0.13, 0.2),
            (0.16, 0.42),
            (0.2, 0.62),
            (0.2, 0.82),
            (0.27, 1.05),
        ],
        [(0.22, 1.05), (0.24, 0.85), (0.26, 0.68), (0.29, 0.85), (0.33, 1.05)],
    ):
        art.polygon(curve([(px * wide, py) for px, py in tree]), "#12261f")
    reference = art.picture()
    land = (y > 0.6) | ((x < 0.2 * wide) & (y > 0.25) & (np.abs(x / wide - 0.13) < 0.02 + 0.09 * (y - 0.2)))
    edges = gradient_field(reference, unit / 90)
    tree = (x < 0.31 * wide) & (reference.sum(-1) < 0.45) & (y > 0.2)
    field = np.where(land, edges, direction)
    field = np.where(tree, np.pi / 2 + 0.35 * np.sin(y * 22 + x * 12), field)
    return _oil(reference, field, rng, unit / 768)


def _oil(reference: Array, field: Array, rng: np.random.Generator, s: float, jitter: float = 0.055) -> Array:
    canvas = Canvas(blur(reference, 12 * s) * 0.7, rng)
    canvas.cover(reference, field, Brush(30 * s, 110 * s, 0.7, 0.4, colour_jitter=jitter), 1.6)
    canvas.cover(reference, field, Brush(15 * s, 74 * s, 0.8, 0.35, colour_jitter=jitter * 1.25, relief=1.4), 1.7)
    canvas.cover(reference, field, Brush(9 * s, 44 * s, 0.7, 0.3, colour_jitter=jitter, relief=1.6), 1.6, threshold=0.2)
    canvas.cover(reference, field, Brush(5.5 * s, 26 * s, 0.5, 0.25, colour_jitter=0.02, relief=1.5), 1.8, threshold=0.3)
    weave = fractal(reference.shape[:2], 3, rng, 2) * 0.06
    canvas.height += weave
    return np.clip(canvas.lit(0.42, 0.18, 0.8) * 1.04, 0, 1)


def sunflowers(shape: tuple[int, int], seed: int) -> Array:
    """Sunflowers in a jug: short, loaded daubs in yellow, ochre and turquoise."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    wall = ramp([(0, "#79c2b4"), (0.5, "#9fd3bb"), (1, "#c5dfb4")], y + 0.08 * fractal(shape, unit / 3, rng, 3))
    wall = np.where((y > 0.8)[..., None], ramp([(0.8, "#d98a2b"), (1.0, "#b5611f")], y), wall)
    art = Sketch(shape, wall)
    art.line([(-0.1, 0.8), (1.1 * wide, 0.8)], 0.012, "#2c5d8f")
    mid = wide / 2
    flowers = [
        (-0.27, 0.2, 0.115),
        (0.02, 0.13, 0.105),
        (0.28, 0.2, 0.12),
        (-0.14, 0.38, 0.12),
        (0.15, 0.37, 0.125),
        (-0.36, 0.42, 0.095),
        (0.36, 0.43, 0.1),
        (0.0, 0.56, 0.09),
        (-0.25, 0.56, 0.075),
    ]
    for dx, fy, _ in flowers:
        art.line(curve([(mid + dx * 0.1, 0.75), (mid + dx * 0.6, (fy + 0.6) / 2), (mid + dx, fy)]), 0.014, "#4f7a2c")
    for _ in range(26):
        a, d = rng.random() * 6.28, 0.14 + 0.24 * rng.random()
        lx, ly = mid + np.cos(a) * d * 1.1, 0.4 + np.sin(a) * d * 0.8
        b = a + rng.normal(0, 0.7)
        art.blob(
            [
                (lx, ly),
                (lx + 0.05 * np.cos(b + 0.5), ly + 0.05 * np.sin(b + 0.5)),
                (lx + 0.1 * np.cos(b), ly + 0.1 * np.sin(b)),
                (lx + 0.05 * np.cos(b - 0.5), ly + 0.05 * np.sin(b - 0.5)),
            ],
            ("#5d8b34", "#3f6a2b", "#86a43c")[rng.integers(3)],
        )
    art.blob(
        [
            (mid - 0.09, 0.62),
            (mid - 0.17, 0.72),
            (mid - 0.15, 0.86),
            (mid - 0.08, 0.93),
            (mid + 0.08, 0.93),
            (mid + 0.15, 0.86),
            (mid + 0.17, 0.72),
            (mid + 0.09, 0.62),
        ],
        "#e8b64a",
    )
    art.blob(
        [
            (mid - 0.165, 0.78),
            (mid - 0.14, 0.87),
            (mid - 0.08, 0.925),
            (mid + 0.08, 0.925),
            (mid + 0.14, 0.87),
            (mid + 0.165, 0.78),
            (mid, 0.8),
        ],
        "#3d6fa5",
    )
    field = gradient_field(art.picture(), unit / 60)
    for dx, fy, size in flowers:
        fx = mid + dx
        for ring, tint in ((1.0, "#c98a12"), (0.95, "#f2b51d"), (0.75, "#f8d648")):
            for k in range(17):
                a = k / 17 * 6.283 + ring * 5 + rng.normal(0, 0.08)
                r = size * ring * (0.9 + 0.25 * rng.random())
                c, sn = np.cos(a), np.sin(a)
                art.polygon(
                    [
                        (fx + 0.35 * size * np.cos(a - 0.3), fy + 0.35 * size * np.sin(a - 0.3)),
                        (fx + r * 0.8 * np.cos(a - 0.16), fy + r * 0.8 * np.sin(a - 0.16)),
                        (fx + r * c, fy + r * sn),
                        (fx + r * 0.8 * np.cos(a + 0.16), fy + r * 0.8 * np.sin(a + 0.16)),
                        (fx + 0.35 * size * np.cos(a + 0.3), fy + 0.35 * size * np.sin(a + 0.3)),
                    ],
                    tint,
                )
        art.disc(fx, fy, size * 0.42, "#7a3b14")
        art.disc(fx - size * 0.05, fy - size * 0.05, size * 0.24, "#3b4a1c")
        r = np.hypot(x - fx, y - fy)
        spokes = np.arctan2(y - fy, x - fx)
        field = np.where(r < size * 0.4, spokes + np.pi / 2, np.where(r < size * 1.15, spokes, field))
    reference = art.picture()
    wallish = (np.abs(reference[..., 2] - 0.7) < 0.14) & (y < 0.8)
    field = np.where(wallish, np.pi / 4 + 0.9 * fractal(shape, unit / 5, rng, 2), field)
    return _oil(reference, field, rng, unit / 768, 0.06)
