"""A still life broken into facets."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grid, mix, ramp, relight, rgb, sample, step
from .sketch import Sketch


def facets(shape: tuple[int, int], seed: int) -> Array:
    """A guitar, a bottle and a bowl broken into overlapping facets of ochre, grey-blue and umber."""
    rng = np.random.default_rng(seed)
    y, _x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    art = Sketch(shape, ramp([(0, "#8f9a94"), (0.6, "#b9a67c"), (1, "#6d5a3f")], y))
    art.polygon([(-0.1, 0.72), (1.1 * wide, 0.62), (1.1 * wide, 1.1), (-0.1, 1.1)], "#7a5230")
    art.polygon([(0.05 * wide, 0.08), (0.32 * wide, 0.03), (0.3 * wide, 0.6), (0.08 * wide, 0.66)], "#55707c")
    art.polygon([(0.7 * wide, 0.05), (0.97 * wide, 0.1), (0.93 * wide, 0.56), (0.68 * wide, 0.6)], "#3f4f58")
    c = 0.5 * wide
    art.blob(
        [
            (c - 0.13, 0.4),
            (c + 0.06, 0.36),
            (c + 0.14, 0.46),
            (c + 0.1, 0.55),
            (c + 0.2, 0.66),
            (c + 0.15, 0.84),
            (c - 0.05, 0.9),
            (c - 0.22, 0.8),
            (c - 0.22, 0.65),
            (c - 0.11, 0.56),
            (c - 0.18, 0.48),
        ],
        "#d18a34",
    )
    art.disc(c - 0.02, 0.63, 0.065, "#2a1a10")
    art.polygon([(c - 0.04, 0.62), (c + 0.12, 0.06), (c + 0.165, 0.07), (c + 0.02, 0.63)], "#4a2c18")
    art.polygon([(c + 0.11, 0.07), (c + 0.13, -0.02), (c + 0.2, 0.0), (c + 0.17, 0.09)], "#2e1b12")
    art.polygon(
        [
            (0.8 * wide, 0.28),
            (0.86 * wide, 0.28),
            (0.86 * wide, 0.42),
            (0.92 * wide, 0.5),
            (0.92 * wide, 0.85),
            (0.74 * wide, 0.85),
            (0.74 * wide, 0.5),
            (0.8 * wide, 0.42),
        ],
        "#2f5d4a",
    )
    art.polygon([(0.76 * wide, 0.58), (0.9 * wide, 0.58), (0.9 * wide, 0.72), (0.76 * wide, 0.72)], "#e8dcb8")
    art.blob([(0.06 * wide, 0.72), (0.32 * wide, 0.72), (0.27 * wide, 0.87), (0.12 * wide, 0.87)], "#e6dfcd")
    for ox, oy, tint in ((0.12, 0.7, "#b8382a"), (0.2, 0.67, "#d9a22e"), (0.27, 0.705, "#8fa03a")):
        art.disc(ox * wide, oy, 0.05, tint)
    picture = art.picture()
    plain = picture.copy()
    for level in range(5):  # shards: each shows the scene shifted and tinted, shaded from one of its edges
        for _ in (range(9), range(22), range(40), range(60), range(50))[level]:
            cy, cx = rng.random() * shape[0], rng.random() * shape[1]
            size = (0.3, 0.2, 0.13, 0.085, 0.05)[level] * unit
            corners = int(rng.integers(3, 6))
            a = np.sort(rng.random(corners)) * 2.2 + np.arange(corners) / corners * 6.283 * 0.75 + rng.random() * 6.28
            points = np.stack(
                [
                    cy + size * np.sin(a) * (0.6 + 0.7 * rng.random(corners)),
                    cx + size * np.cos(a) * (0.6 + 0.7 * rng.random(corners)),
                ],
                -1,
            )
            points = points[np.argsort(np.arctan2(points[:, 0] - points[:, 0].mean(), points[:, 1] - points[:, 1].mean()))]
            top, left = np.maximum(np.floor(points.min(0)).astype(int), 0)
            bottom, right = np.minimum(np.ceil(points.max(0)).astype(int) + 1, shape)
            if bottom - top < 3 or right - left < 3:
                continue
            py, px = np.mgrid[top:bottom, left:right].astype(np.float32)
            inside = np.full(py.shape, np.inf, np.float32)
            first_edge = inside
            for k, (ay, ax) in enumerate(points):
                by, bx = points[(k + 1) % corners]
                normal = np.array([bx - ax, -(by - ay)]) / (np.hypot(bx - ax, by - ay) + 1e-6)
                gap = (py - ay) * normal[0] + (px - ax) * normal[1]
                first_edge = gap if k == 0 else first_edge
                inside = np.minimum(inside, gap)
            if inside.max() <= 0:
                continue
            shift = rng.normal(0, 0.045 * unit, 2) * (0.7, 0.7, 0.6, 0.5, 0.4)[level]
            shard = sample(plain, py + shift[0], px + shift[1])
            fade = np.clip(first_edge / size, 0, 1.4)
            dark = rng.random() < 0.5
            shard = shard * (0.4 + 0.85 * fade if dark else 1.5 - 0.75 * fade)[..., None]
            tint = rgb(rng.choice(["#c9b384", "#6f8790", "#a9622b", "#e9dcbc", "#3d4a4c"]))
            shard = mix(shard, tint, 0.2 * rng.random())
            window = (slice(top, bottom), slice(left, right))
            cover = step(-0.6, 0.6, inside) * (0.72 + 0.26 * rng.random())
            picture[window] = mix(picture[window], np.clip(shard, 0, 1), cover)
            if rng.random() < 0.75:
                line = step(1.7 * s, 0.5 * s, np.abs(inside - 0.8 * s)) * 0.85
                picture[window] = mix(picture[window], rgb("#1c1612"), line)
    brush = fractal(shape, 22 * s, rng, 4, 0.8, 4.0)
    brush2 = fractal((shape[1], shape[0]), 22 * s, rng, 4, 0.8, 4.0).T
    marks = np.where(fractal(shape, unit / 6, rng, 1) > 0, brush, brush2)
    picture = np.clip(picture * (1 + 0.075 * marks)[..., None], 0, 1)
    return relight(picture, marks * 0.8 + blur(fractal(shape, 3, rng, 2), 0.7) * 0.4, 0.16)
