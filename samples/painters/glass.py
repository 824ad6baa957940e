"""A leaded glass window."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grid, mix, relight, rgb, step
from .sketch import Sketch, curve


def window(shape: tuple[int, int], seed: int) -> Array:
    """A leaded window: sun over hills, a river and irises, in glowing streaky glass."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    region = np.zeros(shape, np.int32)
    # Each part of the drawing has a palette; parts are cut by lines, and the cuts are the leads.
    sun = np.hypot(x - 0.63 * wide, y - 0.3)
    ray = np.floor((np.arctan2(y - 0.3, x - 0.63 * wide) + np.pi) / (2 * np.pi) * 22).astype(int)
    ring = np.digitize(sun, [0.13, 0.25, 0.42, 0.62, 0.85])
    part = np.where(ring == 0, 1, 10 + ring * 40 + ray)
    family = np.where(ring == 0, 0, np.where(ring < 3, 1, 2))
    hills = [
        (0.56 + 0.06 * np.sin(4.2 * x + 0.5), 3, 6.0),
        (0.66 + 0.05 * np.sin(5.2 * x + 2.4), 4, 5.0),
        (0.76 + 0.05 * np.sin(3.6 * x + 4.4), 5, 6.0),
    ]
    for number, (line, kind, cuts) in enumerate(hills):
        below = y > line
        cut = np.floor(cuts * (x + 0.35 * (y - line) * (1 if number % 2 else -1))).astype(int)
        part = np.where(below, 1000 * (number + 1) + cut + 20 * (y > line + 0.075), part)
        family = np.where(below, kind, family)
    river = np.abs(x - (0.42 * wide + 0.1 * np.sin(y * 13) + 0.1 * (y - 0.6))) < 0.02 + 0.27 * np.clip(y - 0.62, 0, 1)
    river &= y > hills[1][0]
    part = np.where(river, 5000 + np.floor(13 * (y + 0.05 * np.sin(9 * x))).astype(int), part)
    family = np.where(river, 6, family)
    flowers = Sketch(shape, "#000000")
    shades = []

    def glass(kind: int, points: list[tuple[float, float]]) -> None:
        shades.append(kind)
        n = len(shades)
        flowers.polygon(points, f"#{n:02x}0000")

    for fx, fy, size in ((0.13, 0.63, 1.0), (0.3, 0.79, 0.72), (0.87, 0.68, 0.95), (0.71, 0.82, 0.65)):
        fx *= wide
        for side, lean in ((-1, 0.12), (1, 0.09)):
            glass(
                7,
                curve(
                    [
                        (fx, 1.02),
                        (fx + side * lean * 0.4, fy + 0.2),
                        (fx + side * lean, fy + 0.1 * size),
                        (fx + side * lean * 0.75, fy + 0.26),
                        (fx + side * 0.03, 1.02),
                    ]
                ),
            )
        glass(7, [(fx - 0.012, fy), (fx + 0.012, fy), (fx + 0.012, 1.02), (fx - 0.012, 1.02)])
        for kind, petal in (
            (8, [(0, 0), (-0.09, -0.07), (-0.07, -0.17), (0, -0.21), (0, -0.1)]),
            (9, [(0, 0), (0.09, -0.07), (0.07, -0.17), (0, -0.21), (0, -0.1)]),
            (9, [(0, 0), (-0.07, -0.04), (-0.16, 0.0), (-0.15, 0.09), (-0.06, 0.08)]),
            (8, [(0, 0), (0.07, -0.04), (0.16, 0.0), (0.15, 0.09), (0.06, 0.08)]),
            (10, [(0, -0.02), (-0.05, 0.05), (-0.035, 0.14), (0.035, 0.14), (0.05, 0.05)]),
        ):
            glass(kind, curve([(fx + a * size, fy + b * size) for a, b in petal], closed=True))
    label = np.asarray(flowers.image.resize((shape[1], shape[0]), 0))[..., 0].astype(int)
    kinds = np.array([0, *shades])
    part = np.where(label > 0, 9000 + label, part)
    family = np.where(label > 0, kinds[label], family)
    margin = np.minimum(np.minimum(y, 1 - y), np.minimum(x, wide - x)) if shape[0] <= shape[1] else np.minimum(x, wide - x)
    border = margin < 0.045
    part = np.where(border, 20000 + (np.floor(x * 9) + 31 * np.floor(y * 9)).astype(int), part)
    family = np.where(border, 11, family)
    _, region = np.unique(part, return_inverse=True)
    region = region.reshape(shape)
    palettes = [
        "#fff0a0 #ffdf6a",
        "#ffb02e #ff8a1c #ffc956",
        "#ff6a3a #e8457a #f58a4a #c2438f",
        "#3a5fb5 #5a7fd0 #3b4a9c",
        "#2a8a5a #1f7a6a #58a84c",
        "#7cb83a #a6c93f #4f9e44",
        "#4fc3e8 #9be0f0 #2a9fd6",
        "#1f7d38 #3f9e3a #176040",
        "#6a35c0 #7d4fd6",
        "#9a6af0 #8350dd",
        "#f6c23a #ffdc60",
        "#b5202c #d63a2a #8a1530 #1e4fa8",
    ]
    number = int(region.max()) + 1
    kind = np.zeros(number, int)
    kind[region.ravel()] = family.ravel()
    glass_colours = np.stack([rgb(rng.choice(palettes[k].split())) for k in kind]) * (0.92 + 0.16 * rng.random((number, 1)))
    edges = np.zeros(shape, bool)
    edges[1:] |= region[1:] != region[:-1]
    edges[:, 1:] |= region[:, 1:] != region[:, :-1]
    lead = blur(edges.astype(np.float32), 2.3 * s) * s**0.5
    streak = fractal(shape, 60 * s, rng, 5, 0.6, 3.0)
    cloud = fractal(shape, unit / 3, rng, 3)
    bubble = np.maximum(fractal(shape, 9 * s, rng, 2) - 1.6, 0)
    offset = rng.random((number, 1))[region][..., 0] * 6.28
    shade = 1 + 0.16 * np.sin(streak * 1.6 + offset) + 0.09 * cloud + 0.12 * bubble
    pane = np.clip(glass_colours[region] * shade[..., None], 0, 1)
    pane = mix(pane, np.ones(3), 0.25 * step(0.9, 2.2, np.sin(streak * 1.6 + offset) + 0.5 * cloud)[..., None])
    depth = step(0.0, 0.22, blur(edges.astype(np.float32), 7 * s))
    pane = pane * (1.08 - 0.42 * depth)[..., None]
    came = step(0.07, 0.12, lead)
    metal = rgb("#1d1c20") * (1 + 0.25 * fractal(shape, 6 * s, rng, 3))[..., None]
    metal = relight(np.clip(metal, 0, 1), lead * 26 * s, 0.5, 0.28)
    picture = mix(pane, metal, came)
    glow = blur(np.clip(picture - 0.55, 0, 1), 14 * s)
    return np.clip(picture + 0.45 * glow, 0, 1)
