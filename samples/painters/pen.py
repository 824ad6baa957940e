"""Pen and ink hatching."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grey, grid, mix, rgb, step
from .paper import paper
from .sketch import Sketch, curve


def _hatch(
    shape: tuple[int, int], tone: Array, angle: Array | float, gap: float, rng: np.random.Generator, s: float
) -> Array:
    """Ink of one set of pen lines (0..1), as thick as the tone wants it; `gap` is in pixels."""
    py, px = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    wave = fractal(shape, 60 * s, rng, 2) * 1.3 * s + fractal(shape, 14 * s, rng, 2) * 0.45 * s
    across = px * -np.sin(angle) + py * np.cos(angle) + wave
    along = px * np.cos(angle) + py * np.sin(angle)
    row = np.floor(across / gap)
    # Lines are broken off at random lengths, row by row, as a hand lifts the pen.
    lift = np.sin(along / (26 * s) + row * 2.4) + np.sin(along / (41 * s) + row * 5.1)
    offset = np.abs(across / gap - row - 0.5)
    thick = np.clip(tone, 0, 1) * 0.44 * (1 + 0.25 * fractal(shape, 20 * s, rng, 2)) - 0.07 * (lift > 1.45)
    soft = 0.5 / gap
    return step(thick + soft, thick - soft, offset) * (tone > 0.05)


def pen(shape: tuple[int, int], seed: int) -> Array:
    """A castle on a rock above a bridge, in brown-black ink: crossed hatching that follows the forms."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    sky = np.clip(0.16 + 0.26 * step(0.1, 1.3, fractal(shape, unit / 3, rng, 4, stretch=2.2)) - 0.22 * y, 0.09, 1)
    art = Sketch(shape, np.repeat(1 - sky[..., None], 3, 2))

    def shade(value: float) -> str:
        level = int(255 * (1 - value))
        return f"#{level:02x}{level:02x}{level:02x}"

    far = curve(
        [(-0.1, 0.55), (0.15 * wide, 0.44), (0.3 * wide, 0.53), (0.6 * wide, 0.47), (0.85 * wide, 0.38), (1.1 * wide, 0.5)]
    )
    art.polygon([*far, (1.1 * wide, 1.2), (-0.1, 1.2)], shade(0.25))
    art.line(far, 0.003, shade(0.9))
    art.polygon([(-0.1, 0.8), (1.1 * wide, 0.78), (1.1 * wide, 1.2), (-0.1, 1.2)], shade(0.18))
    rock = [
        (0.38, 0.84),
        (0.44, 0.7),
        (0.48, 0.6),
        (0.53, 0.52),
        (0.6, 0.47),
        (0.8, 0.45),
        (0.88, 0.52),
        (0.93, 0.62),
        (1.02, 0.72),
        (1.08, 0.86),
    ]
    art.polygon([(px * wide + rng.normal(0, 0.004), py) for px, py in curve([(a, b) for a, b in rock], 6)], shade(0.5))
    for k in range(24):
        px = 0.46 + 0.52 * rng.random()
        py = 0.56 + 0.22 * rng.random()
        art.polygon(
            [
                (px * wide, py),
                ((px + 0.03) * wide, py + 0.02),
                ((px + 0.045) * wide, py + 0.13),
                ((px + 0.01) * wide, py + 0.09),
            ],
            shade(0.25 + 0.6 * (k % 2)),
        )

    def tower(cx: float, base: float, w: float, h: float, cone: float) -> None:
        cx *= wide
        for k in range(6):  # round: lighter to the left
            a, b = cx - w + 2 * w * k / 6, cx - w + 2 * w * (k + 1) / 6 + 0.002
            art.polygon([(a, base), (a, base - h), (b, base - h), (b, base)], shade((0.12, 0.05, 0.12, 0.3, 0.55, 0.8)[k]))
        for side in (-1, 1):
            art.line([(cx + side * w, base), (cx + side * w, base - h)], 0.004, shade(1))
        art.line([(cx - w * 1.2, base - h), (cx + w * 1.2, base - h)], 0.006, shade(1))
        if cone:
            tip = (cx, base - h - cone)
            art.polygon([(cx - w * 1.25, base - h), tip, (cx, base - h)], shade(0.55))
            art.polygon([(cx, base - h), tip, (cx + w * 1.25, base - h)], shade(0.95))
            art.line([(cx - w * 1.25, base - h), tip], 0.005, shade(1))
        else:
            for k in range(4):
                a = cx - w * 1.1 + k * w * 0.62
                art.polygon(
                    [(a, base - h), (a, base - h - 0.025), (a + w * 0.35, base - h - 0.025), (a + w * 0.35, base - h)],
                    shade(0.5),
                )
        for k in range(2):
            art.polygon(
                [
                    (cx - 0.008, base - h * (0.4 + 0.3 * k)),
                    (cx - 0.008, base - h * (0.4 + 0.3 * k) - 0.03),
                    (cx + 0.008, base - h * (0.4 + 0.3 * k) - 0.03),
                    (cx + 0.008, base - h * (0.4 + 0.3 * k)),
                ],
                shade(1),
            )

    art.polygon([(0.54 * wide, 0.54), (0.54 * wide, 0.4), (0.86 * wide, 0.4), (0.86 * wide, 0.54)], shade(0.3))
    art.polygon(
        [(0.7 * wide, 0.4), (0.7 * wide, 0.3), (0.82 * wide, 0.3), (0.82 * wide, 0.5), (0.7 * wide, 0.5)], shade(0.45)
    )
    art.polygon([(0.69 * wide, 0.3), (0.72 * wide, 0.23), (0.8 * wide, 0.23), (0.83 * wide, 0.3)], shade(0.85))
    for args in (
        (0.56, 0.52, 0.035, 0.2, 0.12),
        (0.66, 0.5, 0.05, 0.3, 0.15),
        (0.86, 0.54, 0.04, 0.22, 0.0),
        (0.76, 0.32, 0.022, 0.13, 0.09),
    ):
        tower(*args)
    bridge = [(-0.1, 0.66), (0.2 * wide, 0.65), (0.52 * wide, 0.68), (0.52 * wide, 0.87), (-0.1, 0.9)]
    art.polygon(bridge, shade(0.22))
    art.polygon([(-0.1, 0.655), (0.52 * wide, 0.67), (0.52 * wide, 0.685), (-0.1, 0.675)], shade(0.75))
    for cx in (0.0, 0.17, 0.34):
        cx = (cx + 0.06) * wide
        arch = [(cx + 0.065 * np.cos(a), 0.78 - 0.07 * np.sin(a)) for a in np.linspace(0, np.pi, 20)]
        art.polygon([(cx + 0.065, 0.9), *arch, (cx - 0.065, 0.9)], shade(0.95))
        art.polygon(
            [(cx + 0.04, 0.9), *[(px * 0.75 + (cx - 0.02) * 0.25, py + 0.012) for px, py in arch[3:]], (cx - 0.065, 0.9)],
            shade(0.3),
        )
    art.polygon([(-0.1, 0.9), (0.4 * wide, 0.88), (1.1 * wide, 0.86), (1.1 * wide, 1.2), (-0.1, 1.2)], shade(0.3))
    for k in range(60):
        py = 0.9 + 0.1 * rng.random()
        px = rng.random() * wide
        art.line([(px, py), (px + 0.05 + 0.12 * rng.random(), py + 0.002)], 0.004, shade((0.02, 0.8)[k % 2]))
    for _ in range(150):
        px, py = (0.84 + 0.2 * rng.random()) * wide, 0.62 + 0.36 * rng.random()
        art.disc(px, py, 0.008 + 0.022 * rng.random(), shade(0.95 * rng.random() ** 0.6))
    art.line(curve([(0.97 * wide, 1.02), (0.95 * wide, 0.8), (0.96 * wide, 0.66)]), 0.03, shade(1), 0.5)
    picture = art.picture()
    dark = 1 - grey(picture)
    tone = np.clip(blur(dark, 1.2 * s), 0, 1)
    ink = _hatch(shape, np.clip(tone * 1.25, 0, 1), 0.62 + 0.05 * np.sin(3 * x), 5.4 * s, rng, s)
    ink = np.maximum(ink, _hatch(shape, np.clip(tone * 1.5 - 0.42, 0, 1), -0.68 + 0.05 * np.sin(2 * y), 5.8 * s, rng, s))
    ink = np.maximum(ink, _hatch(shape, np.clip(tone * 1.7 - 0.85, 0, 1), 1.45, 5.2 * s, rng, s))
    fine = np.where(y > 0.66, tone, 0)
    ink = np.maximum(ink, 0.8 * _hatch(shape, np.clip(fine * 1.2 - 0.3, 0, 1), 0.05, 7.5 * s, rng, s))
    edge = sum(np.abs(g) for g in np.gradient(blur(dark, 1.0 * s)))
    outline = step(0.045, 0.11, edge * min(s, 1.0) ** 0.5) * (0.75 + 0.3 * fractal(shape, 18 * s, rng, 2))
    ink = np.clip(np.maximum(ink, outline), 0, 1) * np.clip(0.97 + 0.04 * fractal(shape, 9 * s, rng, 3), 0, 1)
    spread = blur(ink, 0.6 * s)
    sheet = paper(shape, "#f3e8d0", rng, s)
    wash = blur(step(0.35, 0.9, tone), 5 * s) * (0.2 + 0.05 * fractal(shape, 40 * s, rng, 4))
    return mix(mix(sheet, rgb("#a87a4a"), np.clip(wash, 0, 1)), rgb("#20160f"), spread)
