"""Points of unmixed colour."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grid, mix, ramp, relight, rgb
from .sketch import Sketch, curve


def points(shape: tuple[int, int], seed: int) -> Array:
    """A sunlit river with poplars, a sail and two figures, in points of unmixed colour."""
    rng = np.random.default_rng(seed)
    y, _x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    art = Sketch(shape, ramp([(0, "#6aa3dc"), (0.25, "#a9cbe6"), (0.42, "#fbe3b8"), (0.47, "#ffd9a0")], y))
    for cx, cy, w in ((0.25, 0.16, 0.13), (0.62, 0.1, 0.1), (0.8, 0.25, 0.12)):
        for k in range(6):
            art.disc((cx + w * (k / 5 - 0.5) * 1.6) * wide, cy + rng.normal(0, 0.008), w * 0.32, "#fff3e0", 0.6)
    art.polygon(
        [(px * wide, py) for px, py in curve([(-0.1, 0.43), (0.2, 0.38), (0.5, 0.42), (0.8, 0.37), (1.1, 0.41)])]
        + [(1.1 * wide, 0.6), (-0.1, 0.6)],
        "#8fa3cf",
    )
    art.polygon([(-0.1, 0.46), (1.1 * wide, 0.45), (1.1 * wide, 1.1), (-0.1, 1.1)], "#4f8fc4")
    art.polygon(
        [(px * wide, py) for px, py in [(-0.1, 0.44), (0.3, 0.45), (0.48, 0.475), (0.3, 0.5), (-0.1, 0.51)]], "#7fae5a"
    )
    for k, px in enumerate((0.02, 0.08, 0.14, 0.2, 0.27, 0.33)):
        h = 0.3 - 0.032 * k
        art.blob(
            [
                ((px - 0.02) * wide, 0.47),
                ((px - 0.03) * wide, 0.47 - h * 0.5),
                (px * wide, 0.47 - h),
                ((px + 0.03) * wide, 0.47 - h * 0.5),
                ((px + 0.02) * wide, 0.47),
            ],
            "#2f6f4a",
        )
        art.blob(
            [
                ((px - 0.02) * wide, 0.46),
                ((px - 0.026) * wide, 0.47 - h * 0.5),
                (px * wide, 0.48 - h),
                ((px - 0.003) * wide, 0.46),
            ],
            "#a8bf4a",
        )
        art.blob(
            [
                ((px - 0.02) * wide, 0.5),
                ((px - 0.025) * wide, 0.5 + h * 0.4),
                (px * wide, 0.5 + h * 0.8),
                ((px + 0.02) * wide, 0.5),
            ],
            "#2f6f7a",
        )
    art.disc(0.6 * wide, 0.5, 0.16, "#ffe9b0", 0.12)
    art.polygon([(0.66 * wide, 0.28), (0.67 * wide, 0.55), (0.8 * wide, 0.54)], "#fff6e4")
    art.polygon([(0.65 * wide, 0.3), (0.58 * wide, 0.54), (0.65 * wide, 0.55)], "#ffc98a")
    art.blob(
        [(0.57 * wide, 0.565), (0.7 * wide, 0.57), (0.83 * wide, 0.555), (0.78 * wide, 0.595), (0.62 * wide, 0.6)],
        "#a03a3a",
    )
    art.polygon([(0.62 * wide, 0.62), (0.78 * wide, 0.62), (0.7 * wide, 0.8)], "#f0d8c0")
    bank = [(px * wide, py) for px, py in curve([(-0.1, 0.7), (0.2, 0.73), (0.45, 0.82), (0.7, 0.86), (1.1, 0.84)])]
    art.polygon([*bank, (1.1 * wide, 1.1), (-0.1, 1.1)], "#8fb83f")
    art.polygon(
        [(px * wide, py) for px, py in curve([(0.05, 0.96), (0.3, 0.9), (0.6, 0.93), (0.8, 1.0)])]
        + [(0.5 * wide, 1.1), (-0.1, 1.1)],
        "#3f7a4f",
    )
    for cx, base, h, dress, hat in ((0.28, 0.93, 0.3, "#5a3a8a", "#f0c040"), (0.38, 0.94, 0.27, "#d8483a", "#fff0d0")):
        cx *= wide
        art.blob(
            [
                (cx - 0.06, base),
                (cx - 0.045, base - h * 0.4),
                (cx - 0.025, base - h * 0.55),
                (cx - 0.03, base - h * 0.78),
                (cx + 0.03, base - h * 0.78),
                (cx + 0.025, base - h * 0.55),
                (cx + 0.06, base),
            ],
            dress,
        )
        art.disc(cx, base - h * 0.88, 0.023, "#f2c09a")
        art.disc(cx, base - h * 0.95, 0.038, hat, 0.4)
        art.disc(cx, base - h * 0.98, 0.022, hat, 0.8)
    art.disc(0.42 * wide, 0.67, 0.075, "#f4f0ea", 0.5)
    art.polygon([(0.36 * wide, 0.675), (0.49 * wide, 0.675), (0.48 * wide, 0.71), (0.35 * wide, 0.71)], "#4f8fc4")
    art.line([(0.42 * wide, 0.64), (0.4 * wide, 0.82)], 0.007, "#5a3a2a")
    art.line(curve([(0.9 * wide, 1.02), (0.92 * wide, 0.7), (0.86 * wide, 0.4), (0.93 * wide, 0.1)]), 0.06, "#5a4070", 0.6)
    for _ in range(46):
        art.disc(
            (0.88 + 0.13 * rng.normal()) * wide,
            0.1 + 0.1 * rng.normal(),
            0.03 + 0.03 * rng.random(),
            ("#3f8a4a", "#78b04a", "#2a5f5a", "#e0b83a")[rng.integers(4)],
        )
    reference = art.picture()
    shade = fractal(shape, unit / 8, rng, 4, stretch=2.5)
    reference = np.clip(reference * (1 + 0.07 * shade)[..., None], 0, 1)
    picture = mix(np.full((*shape, 3), 0.93, np.float32) * rgb("#fff4e0"), blur(reference, 7 * s), 0.75)
    height = np.zeros(shape, np.float32)
    pure = np.stack(
        [
            rgb(c)
            for c in (
                "#1f3fa8",
                "#2f7fd8",
                "#66c0e8",
                "#1f7a5a",
                "#5fb83a",
                "#c8dc3a",
                "#ffe03a",
                "#ffab2a",
                "#f2603a",
                "#d8304a",
                "#b04a9a",
                "#5f3a9a",
                "#fff6e8",
                "#f8c0b0",
                "#2a2350",
            )
        ]
    )
    for radius, spacing, spread in ((8.0, 10.0, 0.18), (5.2, 5.6, 0.2), (3.4, 5.4, 0.14)):
        r, gap = radius * s, spacing * s
        rows, columns = max(int(shape[0] / gap), 1), max(int(shape[1] / gap), 1)
        spots = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).reshape(-1, 2)
        spots = (spots + rng.random(spots.shape)) * gap
        rng.shuffle(spots)
        for cy, cx in spots:
            row, column = min(int(cy), shape[0] - 1), min(int(cx), shape[1] - 1)
            # The eye mixes: choose a pure colour near what is missing here, then let it lean to the wanted one.
            wanted = (
                reference[row, column] + 0.45 * (reference[row, column] - picture[row, column]) + rng.normal(0, spread, 3)
            )
            chosen = pure[np.argmin(((pure - wanted) ** 2).sum(-1))]
            colour = 0.62 * chosen + 0.38 * reference[row, column]
            size = r * (0.75 + 0.45 * rng.random())
            top, left = max(int(cy - size - 1), 0), max(int(cx - size - 1), 0)
            bottom, right = min(int(cy + size + 2), shape[0]), min(int(cx + size + 2), shape[1])
            py, px = np.mgrid[top:bottom, left:right]
            d = np.hypot(py - cy, px - cx) / size
            alpha = np.clip((1 - d) * size * 0.9, 0, 1) * 0.94
            picture[top:bottom, left:right] += alpha[..., None] * (colour - picture[top:bottom, left:right])
            height[top:bottom, left:right] += alpha * ((1 - d * d) * 1.2 - height[top:bottom, left:right])
    return relight(np.clip(picture, 0, 1), blur(height, 0.6 * s), 0.3, 0.1)
