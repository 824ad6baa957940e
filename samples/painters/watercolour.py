"""Watercolour washes."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grid, lattice, mix, relight, rgb, sample, step
from .paper import paper
from .sketch import Sketch, curve


def watercolour(shape: tuple[int, int], seed: int) -> Array:
    """Boats in a lagoon town: washes with dark rims, backruns and granulation on rough paper."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    tooth = fractal(shape, 7 * s, rng, 3, 0.75)
    sheet = paper(shape, "#fbf7ee", rng, s, 0.4)
    picture = np.ones((*shape, 3), np.float32)
    warp_y, warp_x = (fractal(shape, 70 * s, rng, 6, 0.6) * 3.4 * s for _ in range(2))
    py, px = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)

    def wash(
        mask: Array,
        colour: str | Array,
        strength: float = 1.0,
        second: str | None = None,
        wet: float = 0.0,
        dry: float = 0.0,
    ) -> None:
        """One transparent wash: pigment gathers at the rim, in the paper's hollows and where water ran back."""
        nonlocal picture
        mask = sample(mask, py + warp_y * (1 + 2 * wet), px + warp_x * (1 + 2 * wet))
        if dry:
            mask = mask * step(-0.5, 0.3, tooth + 1.6 - 2.4 * dry * (lattice(shape, 60 * s, rng) + 0.25))
        inside = step(
            0.5 - 0.45 * min(1.0, 0.12 + wet), 0.5 + 0.45 * min(1.0, 0.12 + wet), blur(mask, (0.8 + 26 * wet) * s)
        )
        rim = np.clip(inside - blur(inside, 4.5 * s), 0, 1) * inside * (1 - 0.8 * wet)
        bloom = fractal(shape, 130 * s, rng, 6, 0.6)
        run = np.exp(-((bloom - 0.75) ** 2) * 60) * (bloom > -3)
        density = (
            inside * (0.66 + 0.19 * bloom + 0.16 * tooth * 0.6 - 0.12 * step(0.75, 1.2, bloom))
            + 1.25 * rim
            + 0.22 * inside * run
        )
        density = np.clip(density, 0, 1.7) * strength
        tint = rgb(colour) if isinstance(colour, str) else colour
        if second is not None:
            tint = mix(np.broadcast_to(tint, (*shape, 3)), rgb(second), step(-0.9, 0.9, fractal(shape, 170 * s, rng, 4)))
        picture = picture * np.clip(tint, 0.03, 1) ** density[..., None]

    def drawn(*polygons: list[tuple[float, float]]) -> Array:
        art = Sketch(shape, "#000000")
        for polygon in polygons:
            art.polygon([(a * wide, b) for a, b in polygon], "#ffffff")
        return art.mask()

    def box(a: float, b: float, c: float, d: float) -> list[tuple[float, float]]:
        return [(a, b), (c, b), (c, d), (a, d)]

    wash(step(0.62, 0.3, y + 0.08 * fractal(shape, unit / 3, rng, 3)), "#7fb2dc", 1.0, "#b9a5d8", 0.5)
    wash(step(0.25, 0.75, y) * step(0.7, 0.5, y), "#fbc98a", 1.0, "#f79a8f", 0.6)
    cloud = fractal(shape, unit / 3.2, rng, 5, stretch=1.8)
    wash(step(0.4, 1.3, cloud) * (y < 0.4), "#8a92bd", 0.7, None, 0.35)
    wash((y > 0.6).astype(np.float32), "#8ecfcf", 1.0, "#6aa9cf", 0.1)
    wash(
        drawn([(-0.1, 0.62), (-0.1, 0.53), (0.15, 0.49), (0.4, 0.53), (0.7, 0.48), (1.1, 0.52), (1.1, 0.62)]),
        "#8b9bcf",
        0.8,
        "#b59ac4",
        0.12,
    )
    fronts = ["#f0a070", "#f6d07a", "#e88a80", "#f4c9a0", "#d9a2b0", "#f2b45e", "#e5806a"]
    left = -0.02
    houses = []
    while left < 1.0:
        w, top = 0.075 + 0.05 * rng.random(), 0.36 + 0.09 * rng.random()
        if not 0.42 < left + w / 2 < 0.6:
            houses.append((left, top, left + w))
        left += w + 0.004
    for number, (a, top, b) in enumerate(houses):
        tint = fronts[number % len(fronts)]
        wash(drawn(box(a, top, b, 0.635)), tint, 1.0, fronts[(number + 2) % len(fronts)])
        wash(
            drawn([(a - 0.012, top + 0.006), ((a + b) / 2, top - 0.05), (b + 0.012, top + 0.006)]),
            "#b4543c",
            1.1,
            "#8a4450",
        )
        wash(drawn([((a * 0.35 + b * 0.65), top), (b, top), (b, 0.635), ((a * 0.55 + b * 0.45), 0.635)]), "#9c8ab0", 0.55)
        panes = [
            box(c, d, c + 0.016, d + 0.034)
            for c in np.linspace(a + 0.014, b - 0.03, 3)
            for d in np.arange(top + 0.025, 0.59, 0.064)
        ]
        wash(drawn(*panes), "#41506e", 1.2)
        wash(drawn(box((a + b) / 2 - 0.013, 0.59, (a + b) / 2 + 0.013, 0.635)), "#4a5a4a", 1.1)
        wash(
            drawn([(a, 0.645), (b, 0.645), (b + 0.01, 0.72 + 0.1 * rng.random()), ((a + b) / 2, 0.84), (a - 0.01, 0.73)]),
            tint,
            0.75,
            "#7a86b0",
            0.12,
        )
    wash(drawn(box(0.485, 0.2, 0.53, 0.63)), "#d98f6a", 1.0, "#c56f62")
    wash(drawn(box(0.508, 0.2, 0.53, 0.63)), "#8a6a98", 0.6)
    wash(drawn([(0.475, 0.205), (0.5075, 0.08), (0.54, 0.205)]), "#4f8f84", 1.1, "#3b6f7f")
    wash(drawn(box(0.498, 0.225, 0.517, 0.27)), "#41506e", 1.2)
    wash(drawn([(0.487, 0.645), (0.528, 0.645), (0.535, 0.95), (0.48, 0.93)]), "#c97a68", 0.7, "#7a86b0", 0.12)
    for bx, by, size, hull, sail in (
        (0.27, 0.83, 1.0, "#34567a", "#f6e3b0"),
        (0.74, 0.78, 0.8, "#a33a34", "#e9806a"),
        (0.56, 0.7, 0.42, "#3f6a5a", "#f4dcae"),
    ):

        def at(
            points: list[tuple[float, float]], bx: float = bx, by: float = by, size: float = size
        ) -> list[tuple[float, float]]:
            return [(bx + a * size, by + b * size) for a, b in points]

        kept = drawn(
            at([(0.008, -0.37), (0.02, -0.05), (0.14, -0.06)]), at([(-0.012, -0.33), (-0.1, -0.06), (-0.015, -0.05)])
        )
        kept = sample(kept, py + warp_y, px + warp_x)  # paper kept dry for the sails
        picture = mix(picture, np.ones(3), 0.92 * kept)
        wash(drawn(at([(0.0, -0.37), (0.02, -0.05), (0.15, -0.06)])), sail, 1.1, "#e9b070")
        wash(drawn(at([(-0.01, -0.34), (-0.11, -0.06), (-0.015, -0.05)])), sail, 0.9, "#f0c890")
        wash(drawn(at([(0.0, -0.39), (0.007, -0.39), (0.007, -0.01), (0.0, -0.01)])), "#4a3428", 1.3)
        wash(
            drawn(at(curve([(-0.16, -0.03), (0.0, -0.015), (0.17, -0.045), (0.12, 0.035), (-0.11, 0.04)], closed=True))),
            hull,
            1.25,
        )
        wash(
            drawn(at([(-0.12, 0.045), (0.12, 0.04), (0.1, 0.09), (0.04, 0.12), (0.0, 0.3), (-0.04, 0.11), (-0.1, 0.08)])),
            hull,
            0.75,
            None,
            0.08,
        )
    ripples = fractal(shape, 24 * s, rng, 3, 0.6, 6.0) + 2.4 * (y - 0.85)
    wash(step(0.75, 1.0, ripples) * (y > 0.66), "#4f88a8", 0.8, None, 0.0, 0.55)
    wash(
        step(0.9, 1.1, fractal(shape, 60 * s, rng, 3, 0.5, 5.0) + 2.2 * (y - 0.92)) * (y > 0.72), "#2d5f88", 0.7, "#48709c"
    )
    for _ in range(70):
        sy, sx, r = rng.random(), rng.random() * wide, 0.001 + 0.0045 * rng.random() ** 3
        spot = np.hypot(y - sy, x - sx) < r
        picture[spot] *= rgb(rng.choice(["#8aa0c8", "#d98f6a", "#7fb2b2"])) ** 0.8
    edge = 0.028 + 0.007 * fractal(shape, 90 * s, rng, 5, 0.65)
    border = np.minimum(np.minimum(x, wide - x), np.minimum(y, shape[0] / unit - y))
    picture = mix(np.ones(3), picture, step(edge - 0.002, edge + 0.002, border))
    return relight(np.clip(sheet * picture, 0, 1), tooth * 0.8 * s, 0.06 / max(s, 0.2))
