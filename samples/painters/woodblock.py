"""A colour woodblock print."""

from __future__ import annotations

import numpy as np

from .noise import Array, fractal, grid, mix, ramp, rgb
from .paper import paper
from .sketch import Sketch, curve


def wave(shape: tuple[int, int], seed: int) -> Array:
    """A breaking wave, a boat and a snow-capped mountain as a colour woodblock print on washi."""
    rng = np.random.default_rng(seed)
    y, _x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    sky = ramp([(0, "#5f7f95"), (0.12, "#b7bfae"), (0.3, "#ead9b2"), (0.6, "#f0dfb8")], y)
    art = Sketch(shape, sky)
    ink, deep, mid, pale, foam = "#14284a", "#1f4a84", "#4a86b4", "#a9cbd0", "#f4ecd6"
    art.disc(0.8 * wide, 0.2, 0.085, "#cf4a30")
    for cy, cx, w in ((0.3, 0.72, 0.2), (0.34, 0.9, 0.16), (0.13, 0.45, 0.13)):
        for k in range(3):
            art.line(
                [((cx - w * (1 - 0.2 * k)) * wide, cy + 0.022 * k), ((cx + w * (0.8 - 0.25 * k)) * wide, cy + 0.022 * k)],
                0.016,
                "#f6ead0",
            )
    peak = [(0.46, 0.67), (0.56, 0.57), (0.63, 0.47), (0.66, 0.445), (0.69, 0.46), (0.76, 0.56), (0.9, 0.68)]
    mountain = [(px * wide, py) for px, py in curve(peak, 6)]
    art.polygon(mountain, "#5a6f86")
    art.polygon(
        [
            (px * wide, py)
            for px, py in [
                (0.585, 0.535),
                (0.63, 0.47),
                (0.66, 0.445),
                (0.69, 0.46),
                (0.735, 0.525),
                (0.715, 0.545),
                (0.7, 0.52),
                (0.68, 0.56),
                (0.66, 0.52),
                (0.64, 0.565),
                (0.62, 0.53),
                (0.605, 0.555),
            ]
        ],
        foam,
    )
    art.line(mountain, 0.005, ink)

    def sea(points: list[tuple[float, float]], fill: str, line: float = 0.006) -> None:
        edge = [(px * wide, py) for px, py in points]
        art.blob(edge, fill)
        smooth = curve(edge, closed=True)
        art.line([*smooth, smooth[0]], line, ink)

    def claws(px: float, py: float, angle: float, size: float, depth: int) -> None:
        """Foam: fingers that split and curl."""
        for k in range(4):
            a = angle + (k - 1.5) * 0.42 + rng.normal(0, 0.1)
            tip = (px + np.cos(a) * size, py + np.sin(a) * size)
            bend = (tip[0] + np.cos(a + 1.1) * size * 0.4, tip[1] + np.sin(a + 1.1) * size * 0.4)
            art.line(curve([(px, py), tip, bend], 5), size * 0.5, ink, 0.35)
            art.line(curve([(px, py), tip, bend], 5), size * 0.32, foam, 0.25)
            if depth:
                claws(*tip, a + 0.35, size * 0.62, depth - 1)

    sea([(-0.15, 0.72), (0.2, 0.69), (0.5, 0.66), (0.8, 0.7), (1.15, 0.66), (1.2, 1.2), (-0.2, 1.2)], mid)
    for k in range(7):
        ey = 0.72 + 0.035 * k
        art.line(
            [(px * wide, ey + 0.012 * np.sin(px * 19 + k * 2)) for px in np.linspace(0.3, 1.1, 40)],
            0.006,
            (pale, deep)[k % 2],
        )
    sea(
        [
            (0.52, 0.86),
            (0.62, 0.78),
            (0.72, 0.71),
            (0.82, 0.66),
            (0.86, 0.69),
            (0.84, 0.75),
            (0.92, 0.82),
            (1.2, 0.85),
            (1.2, 1.2),
            (0.4, 1.2),
        ],
        deep,
    )
    for k in range(8):
        o = 0.016 * k
        art.line(
            [
                (px * wide, py + o * 1.5)
                for px, py in curve(
                    [(0.56 + o, 0.86), (0.66 + o, 0.79), (0.76 + o * 0.8, 0.725), (0.81, 0.71 + o * 0.2)], 8
                )
            ],
            0.007,
            (pale, mid)[k % 2],
            0.4,
        )
    for px, py, a in ((0.82, 0.665, -1.9), (0.86, 0.69, -0.5), (0.77, 0.685, -2.2), (0.72, 0.71, -2.3)):
        claws(px * wide, py, a, 0.03, 1)
    boat = [(0.38, 0.8), (0.46, 0.85), (0.6, 0.85), (0.68, 0.77), (0.6, 0.815), (0.46, 0.82)]
    art.polygon([(px * wide, py) for px, py in curve(boat, 6)], "#d8b06a")
    art.line([(px * wide, py) for px, py in curve(boat[:4], 6)], 0.007, ink)
    for k in range(5):
        art.disc((0.47 + 0.03 * k) * wide, 0.805, 0.013, "#e6c39a")
        art.polygon(
            [
                ((0.455 + 0.03 * k) * wide, 0.835),
                ((0.46 + 0.03 * k) * wide, 0.81),
                ((0.48 + 0.03 * k) * wide, 0.81),
                ((0.485 + 0.03 * k) * wide, 0.835),
            ],
            "#2b3f63",
        )
    body = [
        (-0.2, 1.2),
        (-0.2, 0.5),
        (-0.05, 0.33),
        (0.08, 0.2),
        (0.22, 0.13),
        (0.36, 0.13),
        (0.46, 0.2),
        (0.5, 0.3),
        (0.45, 0.36),
        (0.42, 0.28),
        (0.35, 0.25),
        (0.27, 0.32),
        (0.22, 0.46),
        (0.23, 0.62),
        (0.31, 0.78),
        (0.44, 0.89),
        (0.6, 0.95),
        (0.8, 1.2),
    ]
    sea(body, deep, 0.009)
    for k in range(17):  # bands that follow the wave's back into its curl
        t = k / 17
        outer = np.array([(-0.15, 0.75), (0.0, 0.42), (0.14, 0.24), (0.28, 0.17), (0.4, 0.19), (0.46, 0.27)])
        inner = np.array([(0.55, 1.0), (0.34, 0.86), (0.22, 0.68), (0.19, 0.46), (0.25, 0.31), (0.36, 0.23)])
        band = outer * (1 - t) + inner * t + rng.normal(0, 0.002, outer.shape)
        art.line(
            [(px * wide, py) for px, py in curve([tuple(p) for p in band], 10)],
            0.019 - 0.006 * t,
            (pale, deep, mid, foam, ink, mid)[k % 6],
            0.45,
        )
    rim = curve([(0.02, 0.27), (0.13, 0.17), (0.26, 0.115), (0.38, 0.125), (0.48, 0.2), (0.51, 0.31), (0.45, 0.37)], 7)
    for i, (px, py) in enumerate(rim):
        t = i / len(rim)
        claws(px * wide, py, -2.0 + 4.1 * t, 0.028 + 0.03 * t, 2)
    for i in range(0, len(rim), 1):
        px, py = rim[i]
        art.disc(px * wide + rng.normal(0, 0.01), py + rng.normal(0, 0.008) + 0.012, 0.023, foam)
    for _ in range(120):
        a, d = rng.random() * 2.2 - 1.3, 0.05 + 0.26 * rng.random() ** 1.5
        art.disc(0.46 * wide + d * np.cos(a) + 0.02, 0.3 + d * np.sin(a), 0.003 + 0.005 * rng.random(), foam)
    low = [
        (-0.2, 1.2),
        (-0.2, 0.86),
        (0.0, 0.83),
        (0.16, 0.9),
        (0.36, 0.98),
        (0.56, 0.99),
        (0.75, 0.94),
        (0.9, 0.9),
        (1.2, 0.97),
        (1.2, 1.2),
    ]
    sea(low, mid, 0.008)
    for k in range(7):
        o = 0.022 * k
        art.line([(px * wide, py + 0.02 + o) for px, py in curve(low[1:9], 10)], 0.009, (foam, deep, pale)[k % 3])
    for px, py in curve([(-0.02, 0.83), (0.1, 0.87), (0.2, 0.92)], 4):
        claws(px * wide, py, -1.2, 0.024, 1)
    flat = art.picture()
    fibres = Sketch(shape, "#000000")
    for _ in range(240):
        px, py, a = rng.random() * wide, rng.random(), rng.random() * 6.28
        fibres.line(
            curve(
                [
                    (px, py),
                    (px + 0.02 * np.cos(a), py + 0.02 * np.sin(a)),
                    (px + 0.045 * np.cos(a + 0.5), py + 0.045 * np.sin(a + 0.5)),
                ],
                5,
            ),
            0.0022,
            "#ffffff",
        )
    baren = fractal(shape, 7 * s, rng, 3, 0.7, 9.0)
    mottled = fractal(shape, 4 * s, rng, 3, 0.8)
    sheet = paper(shape, "#f1e4c4", rng, s, 1.3)
    inked = np.clip(0.9 + 0.05 * baren + 0.045 * mottled, 0.6, 1)
    picture = sheet * mix(np.ones(3), flat / rgb("#f4ecd6"), inked)
    return np.clip(mix(picture, sheet * 1.05, fibres.mask() * 0.4), 0, 1)
