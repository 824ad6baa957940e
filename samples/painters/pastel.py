"""Chalk pastel on dark paper."""

from __future__ import annotations

import numpy as np

from .noise import Array, fractal, grid, ramp, relight, rgb, step
from .paper import paper
from .sketch import Sketch
from .strokes import Brush, Canvas, blend_angles


def pastel(shape: tuple[int, int], seed: int) -> Array:
    """Peonies and pears in chalk on dark rough paper: the paper shows through every stroke."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    art = Sketch(
        shape, ramp([(0, "#34456e"), (0.62, "#51538a"), (0.68, "#3d6a66"), (1, "#5f9a7c")], y + 0.03 * np.sin(5 * x))
    )
    field = 0.9 + 0.5 * fractal(shape, unit / 3, rng, 2)
    field = np.where(y > 0.68, 0.1 + 0.2 * fractal(shape, unit / 3, rng, 1), field)
    mid = 0.46 * wide
    art.blob(
        [
            (mid - 0.1, 0.55),
            (mid - 0.15, 0.68),
            (mid - 0.12, 0.84),
            (mid, 0.88),
            (mid + 0.12, 0.84),
            (mid + 0.15, 0.68),
            (mid + 0.1, 0.55),
        ],
        "#3f7fc0",
    )
    art.blob(
        [
            (mid - 0.08, 0.57),
            (mid - 0.125, 0.68),
            (mid - 0.1, 0.8),
            (mid - 0.04, 0.83),
            (mid - 0.05, 0.68),
            (mid - 0.04, 0.57),
        ],
        "#a8dcf0",
    )
    art.blob([(mid + 0.06, 0.57), (mid + 0.14, 0.68), (mid + 0.11, 0.83), (mid + 0.03, 0.86), (mid + 0.07, 0.7)], "#1f3f80")
    for _ in range(22):
        a = -np.pi * (0.02 + 0.96 * rng.random())
        bx, by = mid + 0.3 * np.cos(a), 0.4 + 0.3 * np.sin(a) * 0.9
        turn = a + rng.normal(0, 0.5)
        art.blob(
            [
                (bx, by),
                (bx + 0.06 * np.cos(turn - 0.4), by + 0.06 * np.sin(turn - 0.4)),
                (bx + 0.13 * np.cos(turn), by + 0.13 * np.sin(turn)),
                (bx + 0.06 * np.cos(turn + 0.4), by + 0.06 * np.sin(turn + 0.4)),
            ],
            ("#4fa05a", "#2f6f4a", "#a8cf5a")[rng.integers(3)],
        )
    blooms = [
        (-0.18, 0.32, 0.145, "#f26a8d"),
        (0.13, 0.24, 0.15, "#fbd3c4"),
        (0.22, 0.45, 0.125, "#e2345e"),
        (-0.03, 0.48, 0.14, "#ff9a6a"),
        (-0.28, 0.52, 0.1, "#fbe6a0"),
    ]
    for dx, fy, size, tint in blooms:
        fx = mid + dx
        base = rgb(tint)
        for ring in range(5):
            r = size * (1 - 0.18 * ring)
            for k in range(9 - ring):
                a = k / (9 - ring) * 6.283 + ring * 0.6 + rng.normal(0, 0.1)
                tone = (0.62 + 0.42 * rng.random()) * (1 - 0.09 * ring) * (1.1 - 0.22 * np.sin(a))
                cx, cy = fx + 0.6 * r * np.cos(a), fy + 0.6 * r * np.sin(a)
                art.disc(cx, cy, r * 0.42, np.clip(base * tone, 0, 1))
                art.disc(cx - r * 0.03, cy - r * 0.07, r * 0.33, np.clip(base * tone * 1.12 + 0.07, 0, 1))
        art.disc(fx, fy, size * 0.12, "#ffd24a")
        near = np.hypot(x - fx, y - fy)
        field = np.where(near < size * 1.05, np.arctan2(y - fy, x - fx) + np.pi / 2 * (near < size * 0.62), field)
    for cx, cy, size, tint, light in (
        (0.8, 0.83, 0.085, "#d9a82e", "#ffe88a"),
        (0.67, 0.885, 0.075, "#b84a2a", "#ffb06a"),
        (0.14, 0.86, 0.08, "#8fb03a", "#e4f08a"),
    ):
        cx *= wide
        art.disc(cx + size * 0.35, cy + size * 0.8, size * 1.1, "#26324a", 0.3)
        art.blob(
            [
                (cx - size, cy + size * 0.2),
                (cx - size * 0.45, cy - size * 0.7),
                (cx, cy - size * 1.3),
                (cx + size * 0.4, cy - size * 0.7),
                (cx + size, cy + size * 0.2),
                (cx, cy + size),
            ],
            tint,
        )
        art.disc(cx - size * 0.3, cy, size * 0.4, light, 1.3)
        art.line([(cx, cy - size * 1.25), (cx + size * 0.15, cy - size * 1.6)], 0.012, "#3a2a1a")
        near = np.hypot(x - cx, y - cy)
        field = np.where(near < size * 1.1, np.arctan2(y - cy, x - cx) + np.pi / 2, field)
    reference = art.picture()
    tooth = fractal(shape, 5 * s, rng, 3, 0.8)
    canvas = Canvas(paper(shape, "#2c2a3a", rng, s), rng)
    for width, length, density, bias, threshold, jitter in (
        (26, 110, 1.0, 0.1, 0, 0.05),
        (15, 80, 1.6, 0.35, 0.15, 0.09),
        (9, 52, 1.8, 0.5, 0.2, 0.08),
        (5, 30, 1.9, 0.8, 0.3, 0.05),
    ):
        grain = 0.12 + 0.88 * step(-1.3, 0.2, tooth + bias)
        canvas.cover(
            reference,
            field,
            Brush(width * s, length * s, 0.8, 0.5, 0.9, wobble=0.22, colour_jitter=jitter, soft=0.6),
            density,
            threshold,
            None,
            grain,
        )
    hatch = blend_angles(field, np.full(shape, 0.85), 0.75)
    bright = np.clip(reference * 1.3 + 0.06, 0, 1)
    canvas.cover(
        bright,
        hatch,
        Brush(4.5 * s, 60 * s, 0.7, 0.6, 0.85, wobble=0.1, colour_jitter=0.1, soft=0.6),
        0.28,
        0,
        None,
        0.1 + 0.9 * step(-0.6, 0.6, tooth),
    )
    return relight(canvas.colour, tooth * s, 0.07 / max(s, 0.2))
