"""A print in halftone dots."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grid, lattice, mix, ramp, rgb, step
from .paper import paper
from .sketch import Sketch


def halftone(shape: tuple[int, int], seed: int) -> Array:
    """A hot-air balloon over a city in three spot inks, printed as dots a little out of register."""
    rng = np.random.default_rng(seed)
    y, _x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    art = Sketch(shape, ramp([(0, "#3a7fc8"), (0.45, "#ffd9b0"), (0.75, "#ff9aa0")], y))
    art.disc(0.76 * wide, 0.5, 0.16, "#ffe14a")
    for cx, cy, size in ((0.16, 0.23, 0.07), (0.85, 0.14, 0.06), (0.1, 0.55, 0.05), (0.9, 0.4, 0.05)):
        for k in range(5):
            art.disc(
                cx * wide + size * (k - 2) * 0.8,
                cy - size * 0.35 * (k % 2),
                size * (0.9 - 0.15 * abs(k - 2)),
                "#ffffff",
                0.75,
            )
    cx, cy, r = 0.42 * wide, 0.29, 0.24
    for k in range(8):
        a, b = -1 + k / 4, -0.75 + k / 4
        strip = [(cx + r * np.sin(a * 1.57) * np.cos(t), cy + r * np.sin(t)) for t in np.linspace(-1.57, 0.95, 16)]
        other = [(cx + r * np.sin(b * 1.57) * np.cos(t), cy + r * np.sin(t)) for t in np.linspace(0.95, -1.57, 16)]
        neck = [(cx + 0.05 * a, cy + r * 1.2), (cx + 0.05 * b, cy + r * 1.2)]
        art.polygon([*strip, *neck, *other], ("#ff4a6a", "#ffe14a", "#2a4ab0", "#ffffff")[k % 4])
    for side in (-1, 1):
        art.line([(cx + side * 0.05, cy + r * 1.2), (cx + side * 0.03, cy + r * 1.5)], 0.005, "#202860")
    art.polygon(
        [(cx - 0.04, cy + r * 1.48), (cx + 0.04, cy + r * 1.48), (cx + 0.032, cy + r * 1.7), (cx - 0.032, cy + r * 1.7)],
        "#c0482a",
    )
    for row, (tint, lit) in enumerate((("#8aa0d8", "#ffe9a0"), ("#e0506a", "#ffe14a"), ("#27358a", "#ffd24a"))):
        px = -0.02
        while px < wide:
            w, top = 0.07 + 0.06 * rng.random(), 0.78 + 0.07 * row - 0.14 * rng.random()
            art.polygon([(px, 1.1), (px, top), (px + w, top), (px + w, 1.1)], tint)
            if rng.random() < 0.4:
                art.polygon([(px, top), (px + w / 2, top - 0.05), (px + w, top)], tint)
            for wy in np.arange(top + 0.02, 1.0, 0.035):
                for wx in np.arange(px + 0.013, px + w - 0.02, 0.026):
                    if rng.random() < 0.6:
                        art.polygon([(wx, wy), (wx + 0.013, wy), (wx + 0.013, wy + 0.018), (wx, wy + 0.018)], lit)
            px += w + 0.008 * rng.random()
    picture = art.picture()
    sheet = paper(shape, "#f6f0e2", rng, s)
    py, px_ = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    pitch = 8.5 * s
    for channel, ink, angle, shift in (
        (2, "#ffd400", 0.0, (0, 0)),
        (1, "#ff3d6e", 1.31, (3, -2)),
        (0, "#1558b8", 0.78, (-2, 3)),
    ):
        amount = 1 - blur(picture[..., channel], 1.0 * s)
        dy, dx = (round(v * s) for v in shift)
        amount = np.roll(np.pad(amount, 4, mode="edge"), (dy, dx), (0, 1))[4:-4, 4:-4]
        u = (px_ * np.cos(angle) + py * np.sin(angle)) / pitch
        v = (-px_ * np.sin(angle) + py * np.cos(angle)) / pitch
        screen = 0.5 - 0.25 * (np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v))
        dots = step(-0.09, 0.09, amount * 1.08 - screen - 0.02)
        grain = np.clip(0.9 + 0.1 * fractal(shape, 3 * s, rng, 2) - 0.3 * (lattice(shape, 1.6, rng) > 0.93), 0, 1)
        sheet = sheet * mix(np.ones(3), rgb(ink), dots * grain)
    return sheet
