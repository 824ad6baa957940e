"""A woodcut in black and one red."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grid, mix, rgb, step
from .paper import paper
from .sketch import Sketch


def woodcut(shape: tuple[int, int], seed: int) -> Array:
    """Pines, a fox and a red sun: black cut with a gouge, and one red block."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    sx, sy = 0.5 * wide, 0.36
    r = np.hypot(x - sx, y - sy)
    around = np.arctan2(y - sy, x - sx)
    wob = 0.006 * fractal(shape, 40 * s, rng, 2)

    def cuts(phase: Array, thick: Array | float) -> Array:
        """White gouge cuts, pointed at their ends: black left between them."""
        return step(thick - 0.1, thick + 0.1, np.abs((phase % 1) - 0.5) * 2)

    rays = around / (2 * np.pi) * 76 + 0.3 * np.sin(r * 40)
    swell = 0.36 + 0.32 * np.sin(r * 36 + 3 * np.sin(np.floor(rays) * 2.1)) + 0.25 * step(0.9, 0.3, r)
    black = cuts(rays, np.clip(swell, 0.05, 0.95))
    black = np.where(r < 0.235 + wob, 0, black)
    red = (r < 0.225 + wob).astype(np.float32)
    for depth, (base, freq, direction) in enumerate(((0.6, 4.0, 0.5), (0.7, 3.1, -0.45), (0.8, 5.0, 0.3))):
        line = base + 0.045 * np.sin(freq * x + depth * 2.2) + 0.02 * np.sin(11 * x + depth)
        below = y - line
        phase = y * 34 + direction * x * 20 + 2.0 * np.sin(x * (7 + depth) + depth) + 6 * wob * 8
        tone = 0.25 + 0.9 * step(0.0, 0.13, below) * (0.6 + 0.4 * np.sin(9 * x + depth))
        hill = cuts(phase, np.clip(tone, 0.08, 0.96))
        hill = np.where(below < 0.008, 1, hill)
        black = np.where(below > 0, hill, black)
        red = np.where(below > 0, 0, red)
    drawing = Sketch(shape, "#000000")  # red channel: black ink; green: white cuts; blue: red ink
    for k in range(9):
        px = (0.02, 0.13, 0.24, 0.78, 0.88, 0.99, 0.07, 0.94, 0.7)[k] * wide
        base = (0.8, 0.86, 0.78, 0.8, 0.88, 0.82, 0.98, 1.0, 0.74)[k]
        h = (0.6, 0.72, 0.42, 0.4, 0.72, 0.6, 0.5, 0.55, 0.24)[k]
        drawing.line([(px, base), (px, base - h * 0.95)], 0.02 * h / 0.5, "#ff0000", 0.3)
        for tier in range(13):
            t = tier / 13
            ty = base - h * (0.14 + 0.86 * t)
            w = h * 0.24 * (1 - t) + 0.012
            for side in (-1, 1):
                tip = (px + side * w * (0.8 + 0.35 * rng.random()), ty + w * 0.45)
                drawing.polygon(
                    [
                        (px, ty - h * 0.05),
                        ((px + tip[0]) / 2, ty + w * 0.02),
                        tip,
                        ((px + tip[0]) / 2, ty + w * 0.36),
                        (px, ty + h * 0.05),
                    ],
                    "#ff0000",
                )
                for c in range(3):
                    u = 0.3 + 0.2 * c
                    ax, ay = px + (tip[0] - px) * u, ty + (tip[1] - ty) * u
                    drawing.line([(ax, ay - 0.004), (ax + side * w * 0.22, ay + w * 0.13)], 0.0055, "#00ff00", 0.3)
    fx, fy, size = 0.47 * wide, 0.9, 0.36

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(fx + px * size, fy + py * size) for px, py in points]

    for grow, tint in ((1.07, "#00ff00"), (1.0, "#0000ff")):

        def big(points: list[tuple[float, float]], grow: float = grow) -> list[tuple[float, float]]:
            c = np.mean(points, 0)
            return at([tuple(c + (np.array(p) - c) * grow) for p in points])  # type: ignore[misc]

        drawing.blob(
            big(
                [
                    (-0.2, 0.0),
                    (-0.24, -0.25),
                    (-0.16, -0.5),
                    (-0.02, -0.66),
                    (0.1, -0.55),
                    (0.16, -0.3),
                    (0.24, -0.05),
                    (0.1, 0.04),
                ]
            ),
            tint,
        )
        drawing.polygon(
            big(
                [
                    (-0.24, -0.78),
                    (-0.22, -1.03),
                    (-0.1, -0.88),
                    (0.02, -0.88),
                    (0.14, -1.03),
                    (0.16, -0.78),
                    (0.08, -0.62),
                    (-0.04, -0.5),
                    (-0.16, -0.62),
                ]
            ),
            tint,
        )
        drawing.blob(
            big(
                [
                    (0.14, -0.02),
                    (0.3, 0.0),
                    (0.5, -0.1),
                    (0.62, -0.34),
                    (0.55, -0.5),
                    (0.46, -0.3),
                    (0.32, -0.18),
                    (0.18, -0.14),
                ]
            ),
            tint,
        )
    drawing.polygon(at([(-0.09, -0.57), (-0.04, -0.5), (0.01, -0.57)]), "#ff0000")
    for side in (-1, 1):
        drawing.polygon(
            at([(-0.04 + side * 0.06, -0.71), (-0.04 + side * 0.14, -0.76), (-0.04 + side * 0.12, -0.7)]), "#ff0000"
        )
        drawing.polygon(
            at([(-0.04 + side * 0.03, -0.52), (-0.04 + side * 0.17, -0.64), (-0.04 + side * 0.1, -0.66)]), "#00ff00"
        )
        drawing.polygon(
            at([(-0.04 + side * 0.13, -0.86), (-0.04 + side * 0.17, -0.97), (-0.04 + side * 0.08, -0.87)]), "#ff0000"
        )
    for k in range(16):
        u = k / 16
        drawing.line(
            at([(-0.2 + 0.08 * np.sin(k), -0.05 - 0.5 * u), (-0.1 + 0.05 * np.sin(k * 2), 0.0 - 0.5 * u)]),
            0.005,
            "#ff0000",
            0.2,
        )
        drawing.line(at([(0.2 - 0.1 * u, -0.05 - 0.4 * u), (0.1 - 0.06 * u, 0.02 - 0.42 * u)]), 0.006, "#ff0000", 0.2)
        drawing.line(
            at([(0.28 + 0.28 * u, -0.03 - 0.36 * u * u), (0.35 + 0.26 * u, -0.1 - 0.36 * u * u)]), 0.006, "#ff0000", 0.2
        )
    drawing.polygon(at([(0.6, -0.38), (0.6, -0.5), (0.53, -0.55), (0.5, -0.4), (0.55, -0.36)]), "#00ff00")
    drawing.polygon(at([(-0.08, -0.46), (0.0, -0.46), (0.02, -0.2), (-0.04, -0.08), (-0.11, -0.22)]), "#00ff00")
    drawn = drawing.picture()
    black = np.clip(black * (1 - drawn[..., 1]) * (1 - drawn[..., 2]) + drawn[..., 0], 0, 1)
    red = np.clip(red * (1 - drawn[..., 1]) * (1 - drawn[..., 0]) + drawn[..., 2], 0, 1)
    frame = np.minimum(np.minimum(y, shape[0] / unit - y), np.minimum(x, wide - x)) + 0.003 * fractal(shape, 30 * s, rng, 3)
    black = np.where(frame < 0.03, 0, np.where(frame < 0.045, 1, black))
    red = np.where(frame < 0.045, 0, red)
    rough = fractal(shape, 5 * s, rng, 3) * 0.18
    black = step(0.38, 0.62, blur(black, 0.9 * s) + rough * 0.7)
    wood = fractal(shape, 5 * s, rng, 3, 0.6, 18.0)  # the plank's grain shows in the solid areas
    bare = step(1.2, 2.3, wood + 0.5 * fractal(shape, 3 * s, rng, 2))
    sheet = paper(shape, "#efe3c8", rng, s)
    picture = mix(sheet, rgb("#c3321f"), blur(red, 0.8 * s) * (0.93 - 0.3 * bare))
    return mix(picture, rgb("#15120f"), black * (0.96 - 0.5 * bare))
