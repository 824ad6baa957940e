"""Wax-resist cloth."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, cells, fractal, mix, rgb, step
from .sketch import Sketch, curve


def batik(shape: tuple[int, int], seed: int) -> Array:
    """A peacock among leaves, in wax and dye: indigo, brown and cream, with dotted fillings and crackle."""
    rng = np.random.default_rng(seed)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    indigo, brown, cream, rust, sky, gold = "#16244f", "#6a3a1c", "#f3e3c0", "#b5532a", "#3f6fa8", "#d9982f"
    art = Sketch(shape, indigo)
    for row in range(15):  # ground: little four-petalled flowers between dots
        for column in range(int(15 * wide)):
            cx, cy = (column + 0.5 * (row % 2) + 0.25) / 14.5, (row + 0.5) / 14.5
            for k in range(4):
                a = k * np.pi / 2 + np.pi / 4
                art.disc(cx + 0.011 * np.cos(a), cy + 0.011 * np.sin(a), 0.0075, sky)
            art.disc(cx, cy, 0.0045, cream)
            art.disc(cx + 0.0345, cy, 0.003, cream)

    def outlined(points: list[tuple[float, float]], fill: str, line: float = 0.008, edge: str = cream) -> None:
        smooth = curve(points, closed=True, steps=10)
        art.polygon(smooth, fill)
        art.line([*smooth, smooth[0]], line, edge)

    def feather(x: float, y: float, angle: float, length: float, k: int) -> None:
        c, n = np.cos(angle), np.sin(angle)

        def at(u: float, v: float) -> tuple[float, float]:
            return x + c * u * length - n * v * length, y + n * u * length + c * v * length

        outlined(
            [
                at(0, 0),
                at(0.45, -0.045),
                at(0.8, -0.1),
                at(0.98, -0.085),
                at(1.06, 0),
                at(0.98, 0.085),
                at(0.8, 0.1),
                at(0.45, 0.045),
            ],
            (brown, rust, sky)[k % 3],
        )
        for t in np.linspace(0.3, 0.76, 12):
            w = 0.02 + 0.075 * t
            art.line([at(t, -w * 0.8), at(t + 0.06, 0), at(t, w * 0.8)], 0.004, cream)
        ex, ey = at(0.92, 0)
        for r, tint in ((0.078, cream), (0.068, gold), (0.05, indigo), (0.034, sky), (0.017, cream)):
            art.disc(ex, ey, r * length * 1.6, tint)

    px, py = 0.5 * wide, 0.6
    for ring, (count, length) in enumerate(((15, 0.53), (12, 0.38), (9, 0.25))):
        for k in range(count):
            feather(px, py + 0.02, np.pi + np.pi * (k + 0.5) / count * 1.06 - 0.09, length, k + ring)
    body = [
        (-0.06, -0.15),
        (-0.05, -0.27),
        (-0.075, -0.33),
        (-0.03, -0.385),
        (0.025, -0.36),
        (0.035, -0.28),
        (0.05, -0.15),
        (0.095, 0.0),
        (0.08, 0.12),
        (0.0, 0.2),
        (-0.08, 0.12),
        (-0.095, 0.0),
    ]
    outlined([(px + a, py + b) for a, b in body], sky, 0.011)
    for row in range(9):
        for column in range(-3, 4):
            cx, cy = px + column * 0.024 + 0.012 * (row % 2), py - 0.08 + row * 0.028
            if abs(column) * 0.024 < 0.078 - 0.0009 * (row - 4) ** 2 - 0.012:
                art.line([(cx - 0.009, cy), (cx, cy + 0.011), (cx + 0.009, cy)], 0.004, cream)
    art.polygon([(px - 0.07, py - 0.34), (px - 0.12, py - 0.315), (px - 0.065, py - 0.31)], gold)
    art.disc(px - 0.03, py - 0.335, 0.016, cream)
    art.disc(px - 0.03, py - 0.335, 0.008, indigo)
    for k in range(5):
        a = -np.pi / 2 + (k - 2) * 0.3
        art.line([(px - 0.015, py - 0.38), (px - 0.015 + 0.07 * np.cos(a), py - 0.38 + 0.07 * np.sin(a))], 0.004, cream)
        art.disc(px - 0.015 + 0.075 * np.cos(a), py - 0.38 + 0.075 * np.sin(a), 0.009, gold)
    for side in (-1, 1):
        vine = curve(
            [
                (px + side * 0.03, py + 0.2),
                (px + side * 0.16, py + 0.24),
                (px + side * 0.28, py + 0.16),
                (px + side * 0.4, py + 0.2),
                (px + side * 0.46, py + 0.08),
            ],
            12,
        )
        art.line(vine, 0.012, cream)
        for i in range(3, len(vine), 5):
            vx, vy = vine[i]
            a = np.arctan2(vine[i][1] - vine[i - 1][1], vine[i][0] - vine[i - 1][0])
            for turn in (-1.0, 1.0):
                b = a + turn
                tip = (vx + 0.085 * np.cos(b), vy + 0.085 * np.sin(b))
                outlined(
                    [
                        (vx, vy),
                        (vx + 0.045 * np.cos(b - 0.5), vy + 0.045 * np.sin(b - 0.5)),
                        tip,
                        (vx + 0.045 * np.cos(b + 0.5), vy + 0.045 * np.sin(b + 0.5)),
                    ],
                    (rust, brown)[i % 2],
                    0.006,
                )
                art.line([(vx, vy), tip], 0.004, gold)
    band = 0.072
    corners = ((0, 0, wide, band), (0, 1 - band, wide, 1), (0, 0, band, 1), (wide - band, 0, wide, 1))
    for a, b, c, d in corners:
        art.polygon([(a, b), (c, b), (c, d), (a, d)], brown)
    for k in range(int(13 * wide) + 1):
        t = (k + 0.5) / 13
        for edge in (0.036, 1 - 0.036):
            for cx, cy in ((t, edge), (edge * wide if edge > 0.5 else edge, t)):
                for petal in range(6):
                    a = petal * np.pi / 3
                    art.disc(cx + 0.017 * np.cos(a), cy + 0.017 * np.sin(a), 0.0095, cream)
                art.disc(cx, cy, 0.012, rust)
                art.disc(cx, cy, 0.005, gold)
    for edge in (band, 1 - band):
        art.line([(band, edge), (wide - band, edge)], 0.006, cream)
        art.line(
            [(edge * wide if edge > 0.5 else edge, band), (edge * wide if edge > 0.5 else edge, 1 - band)], 0.006, cream
        )
    cloth = art.picture()
    spots = rng.random((110, 2)) * shape
    warp = fractal(shape, 60 * s, rng, 4, 0.6)
    _, first, second = cells(shape, spots)
    crack = step(1.6 * s, 0.5 * s, np.abs(second - first + 5 * s * warp - 2 * s)) * step(
        -0.2, 0.7, fractal(shape, unit / 4, rng, 3)
    )
    fine = cells(shape, rng.random((500, 2)) * shape)
    crack = np.maximum(
        crack,
        0.7
        * step(1.1 * s, 0.3 * s, np.abs(fine[2] - fine[1] + 3 * s * warp))
        * step(0.1, 0.9, fractal(shape, unit / 5, rng, 3)),
    )
    bled = mix(cloth, blur(cloth, 4 * s), 0.3 + 0.1 * np.clip(warp, -2, 2))
    dye = 1 + 0.09 * fractal(shape, 120 * s, rng, 5, 0.6) + 0.05 * fractal(shape, 12 * s, rng, 3)
    bled = mix(bled * dye[..., None], rgb("#1b2348"), 0.75 * crack)
    py_, px_ = np.mgrid[0 : shape[0], 0 : shape[1]]
    weave = np.sin(px_ * 2 * np.pi / (3.4 * s)) * np.sin(py_ * 2 * np.pi / (3.4 * s)) + 0.5 * fractal(shape, 5 * s, rng, 2)
    return np.clip(bled * (1 + 0.045 * weave)[..., None], 0, 1)
