"""A poster in whiplash curves."""

from __future__ import annotations

import numpy as np

from .noise import Array, fractal, grid, lattice, ramp, relight
from .paper import paper
from .sketch import Sketch, curve


def lilies(shape: tuple[int, int], seed: int) -> Array:
    """Water lilies, dragonflies and a rising moon in whiplash lines and flat, muted gold and green."""
    rng = np.random.default_rng(seed)
    y, _x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    ink = "#3a2416"
    mid = wide / 2
    sky = ramp(
        [(0, "#d8b36a"), (0.35, "#efd9a0"), (0.6, "#c4cba0"), (1, "#4f7a6a")], y + 0.01 * fractal(shape, unit / 5, rng, 3)
    )
    art = Sketch(shape, sky)
    art.disc(mid, 0.34, 0.3, "#b5763a")
    art.disc(mid, 0.34, 0.29, "#f6e6b4")
    art.disc(mid, 0.34, 0.225, "#f9efcf")
    for k in range(36):  # halo of drops
        a = k / 36 * 6.283
        art.blob(
            [
                (mid + 0.235 * np.cos(a), 0.34 + 0.235 * np.sin(a)),
                (mid + 0.26 * np.cos(a + 0.04), 0.34 + 0.26 * np.sin(a + 0.04)),
                (mid + 0.28 * np.cos(a), 0.34 + 0.28 * np.sin(a)),
                (mid + 0.26 * np.cos(a - 0.04), 0.34 + 0.26 * np.sin(a - 0.04)),
            ],
            ("#c98a3a", "#8a9a5a")[k % 2],
        )

    def shape_of(points: list[tuple[float, float]], fill: str, line: float = 0.006) -> None:
        smooth = curve(points, closed=True, steps=10)
        art.polygon(smooth, fill)
        for i, (a, b) in enumerate(zip(smooth, [*smooth[1:], smooth[0]], strict=True)):
            art.line([a, b], line * (0.6 + 0.6 * abs(np.sin(i * 0.11))), ink)

    for k in range(11):  # water: whiplash lines
        base = 0.68 + 0.032 * k
        points = [
            (px * wide, base + 0.02 * np.sin(px * 9 + k * 1.3) + 0.01 * np.sin(px * 23 + k))
            for px in np.linspace(-0.05, 1.05, 26)
        ]
        art.polygon(
            [*curve(points, 4), (1.1 * wide, 1.2), (-0.1, 1.2)],
            ("#8fae8c", "#7a9f86", "#5f8f80", "#46786f", "#6a977c")[k % 5],
        )
        art.line(curve(points, 4), 0.0045, "#2f4f48")

    def lily(cx: float, cy: float, r: float, tint: str, second: str) -> None:
        for ring, (count, reach) in enumerate(((9, 1.0), (7, 0.8), (5, 0.55))):
            for k in range(count):
                a = -np.pi * (0.06 + 0.88 * (k + 0.5) / count)
                tip = (cx + reach * r * 1.15 * np.cos(a), cy + reach * r * np.sin(a) * (0.85 + 0.25 * ring))
                side = (np.cos(a + np.pi / 2) * r * 0.22, np.sin(a + np.pi / 2) * r * 0.22)
                mx, my = cx + (tip[0] - cx) * 0.55, cy + (tip[1] - cy) * 0.55
                shape_of(
                    [(cx, cy + 0.01), (mx + side[0], my + side[1]), tip, (mx - side[0], my - side[1])],
                    (tint, second, "#fbf1dc")[ring],
                    0.005,
                )
                art.line([(cx, cy), ((mx + cx) / 2, (my + cy) / 2)], 0.003, "#b5603a")
        art.disc(cx, cy - r * 0.12, r * 0.13, "#e0a02c")

    for side in (-1, 1):
        for k in range(5):  # long stems that swing to the top corners
            sway = 0.035 * k
            stem = curve(
                [
                    (mid + side * (0.1 + sway), 1.05),
                    (mid + side * (0.44 - sway * 0.4), 0.8),
                    (mid + side * (0.3 + sway), 0.55),
                    (mid + side * (0.46 - sway * 0.2), 0.3),
                    (mid + side * (0.33 + sway * 0.9), 0.08),
                    (mid + side * (0.2 + 0.07 * k), 0.035 + 0.02 * k),
                ],
                12,
            )
            art.line(stem, 0.019, ink, 0.5)
            art.line(stem, 0.012, ("#6f8a3a", "#a8a84a", "#4f7040")[k % 3], 0.45)
            bx, by = stem[-1]
            lean = -side
            shape_of(
                [
                    (bx, by),
                    (bx + lean * 0.02, by + 0.035),
                    (bx + lean * 0.055, by + 0.07),
                    (bx + lean * 0.075, by + 0.02),
                    (bx + lean * 0.035, by - 0.01),
                ],
                ("#d9764a", "#f0b090", "#c2506a")[k % 3],
                0.004,
            )
        for k in range(3):
            lx, ly = mid + side * (0.36 + 0.05 * (k % 2)), 0.3 + 0.2 * k
            shape_of(
                [(lx, ly), (lx - side * 0.06, ly - 0.05), (lx - side * 0.15, ly - 0.03), (lx - side * 0.1, ly + 0.025)],
                ("#7f9a48", "#5f7f48", "#b0ac58")[k],
                0.005,
            )
            art.line(curve([(lx, ly), (lx - side * 0.07, ly - 0.015), (lx - side * 0.14, ly - 0.028)]), 0.0035, ink)
    for cx, cy, r in ((0.18, 0.86, 0.13), (0.82, 0.84, 0.14), (0.5, 0.93, 0.2), (0.35, 0.76, 0.08), (0.68, 0.74, 0.075)):
        pad = [(cx * wide + r * np.cos(a), cy + 0.33 * r * np.sin(a)) for a in np.linspace(0.3, 6.0, 18)] + [
            (cx * wide, cy)
        ]
        art.polygon(pad, "#3f6a44")
        art.line([*pad, pad[0]], 0.006, ink)
        for a in np.linspace(0.5, 5.8, 11):
            art.line([(cx * wide, cy), (cx * wide + r * 0.85 * np.cos(a), cy + 0.28 * r * np.sin(a))], 0.0035, "#8fae6a")
    lily(0.5 * wide, 0.9, 0.17, "#e58f86", "#f4c4b0")
    lily(0.19 * wide, 0.85, 0.1, "#f0d8b8", "#f8ecd8")
    lily(0.8 * wide, 0.83, 0.11, "#d9707a", "#f0b0a0")
    for cx, cy, turn, r in ((0.36 * wide, 0.3, 0.5, 0.14), (0.63 * wide, 0.48, -0.7, 0.11)):

        def at(u: float, v: float, cx: float = cx, cy: float = cy, turn: float = turn, r: float = r) -> tuple[float, float]:
            return cx + r * (u * np.cos(turn) - v * np.sin(turn)), cy + r * (u * np.sin(turn) + v * np.cos(turn))

        for side in (-1, 1):
            for lean, tint in ((0.28, "#9fc4b8"), (-0.22, "#c8d8b0")):
                shape_of(
                    [
                        at(side * 0.05, 0),
                        at(side * 0.5, -lean - 0.12),
                        at(side * 1.0, -lean * 1.3),
                        at(side * 0.55, -lean + 0.12),
                    ],
                    tint,
                    0.004,
                )
                for t in (0.35, 0.6, 0.8):
                    art.line([at(side * t, -lean * t * 1.3 - 0.08), at(side * t, -lean * t * 1.3 + 0.08)], 0.0025, ink)
        art.line([at(0, -0.2), at(0, 0.85)], 0.012, "#2f5f6a", 0.5)
        art.disc(*at(0, -0.25), 0.011, ink)
    for inset, width, tint in ((0.018, 0.022, "#8a5a2a"), (0.018, 0.012, "#e6c26a"), (0.038, 0.005, ink)):
        art.line(
            [(inset, inset), (wide - inset, inset), (wide - inset, 1 - inset), (inset, 1 - inset), (inset, inset)],
            width,
            tint,
        )
    flat = art.picture()
    # A lithograph's crayon grain and the gold's dull sheen.
    grain = fractal(shape, 4 * s, rng, 3, 0.85)
    tone = np.clip(
        1 + 0.045 * grain + 0.04 * fractal(shape, 90 * s, rng, 4) - 0.07 * (lattice(shape, 2.2 * s, rng) > 0.86), 0, 1.3
    )
    sheet = paper(shape, "#fbf4e2", rng, s)
    return relight(np.clip(flat * tone[..., None] * sheet, 0, 1), grain * s, 0.03 / max(s, 0.2))
