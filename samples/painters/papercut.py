"""Layers of cut paper."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grid, lattice, mix, ramp, rgb
from .sketch import Sketch, curve


def papercut(shape: tuple[int, int], seed: int) -> Array:
    """A stag in a wood before the moon: layers of cut paper with shadows between them."""
    rng = np.random.default_rng(seed)
    y, _x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768

    def paper(colour: str | Array) -> Array:
        fibre = fractal(shape, 26 * s, rng, 5, 0.75) * 0.035 + 0.03 * (lattice(shape, 1.5, rng) - 0.5)
        return np.clip((rgb(colour) if isinstance(colour, str) else colour) * (1 + fibre)[..., None], 0, 1)

    picture = paper(ramp([(0, "#f7c59a"), (1, "#fbe7c8")], y))

    def layer(sheet: str, mask: Array, lift: float) -> None:
        nonlocal picture
        down, right = round(lift * s), round(lift * 0.8 * s)
        moved = np.pad(mask, ((down, 0), (right, 0)), mode="edge")[: shape[0], : shape[1]]
        shadow = blur(moved, lift * 0.6 * s)
        picture = picture * (1 - 0.5 * shadow * (1 - mask))[..., None]
        edge = np.clip(mask - np.pad(mask, ((1, 0), (1, 0)), mode="edge")[:-1, :-1], 0, 1) * 0.28
        picture = mix(picture, np.clip(paper(sheet) + edge[..., None], 0, 1), mask)

    for radius, tint in ((0.47, "#f3a779"), (0.39, "#ef8f6b"), (0.31, "#f9dd9b")):
        disc = Sketch(shape, "#000000")
        bumps = [
            (
                0.52 * wide + radius * (1 + 0.012 * np.sin(k * 1.7)) * np.cos(k / 40 * 6.283),
                0.4 + radius * np.sin(k / 40 * 6.283),
            )
            for k in range(40)
        ]
        disc.blob(bumps, "#ffffff")
        layer(tint, disc.mask(), 9)
    tones = ["#d9697a", "#a8476f", "#703566", "#3f2858", "#1d1a3d"]
    for depth, tint in enumerate(tones):
        sheet = Sketch(shape, "#000000")
        base = 0.5 + 0.11 * depth
        ridge = [
            (px * wide, base + 0.05 * np.sin(px * (5 + depth) + depth * 2) + rng.normal(0, 0.012))
            for px in np.linspace(-0.1, 1.1, 13)
        ]
        sheet.polygon([*curve(ridge), (1.2 * wide, 1.2), (-0.2, 1.2)], "#ffffff")
        places = ([], np.arange(12) / 11, np.arange(9) / 8, [0.06, 0.17, 0.29, 0.74, 0.85, 0.96], [0.06, 0.93])[depth]
        for place in places:
            px = (place + rng.normal(0, 0.015)) * wide
            size = (0.0, 0.13, 0.17, 0.24, 0.42)[depth] * (0.75 + 0.5 * rng.random())
            ground = base + 0.08
            if depth % 2:
                for tier in range(6):
                    t = ground - size * (0.15 + tier * 0.3)
                    w = size * 0.42 * (1 - tier / 6.5)
                    fir = [
                        (px - w, t + w * 0.25),
                        (px - w * 0.3, t - size * 0.2),
                        (px, t - size * 0.55),
                        (px + w * 0.3, t - size * 0.2),
                    ]
                    sheet.polygon([*fir, (px + w, t + w * 0.25), (px, t)], "#ffffff")
                sheet.line([(px, ground + 0.05), (px, ground - size * 0.4)], size * 0.1, "#ffffff")
            else:
                _branch(
                    sheet,
                    px,
                    ground + 0.04,
                    -np.pi / 2 + (0.35 * np.sign(place - 0.5) if depth == 4 else rng.normal(0, 0.08)),
                    size * 0.62,
                    size * 0.13,
                    rng,
                    5,
                )
        if depth == 3:
            _stag(sheet, 0.5 * wide, 0.86, 0.4)
        layer(tint, sheet.mask(), 7 + 2.5 * depth)
    return picture


def _branch(
    sheet: Sketch, x: float, y: float, angle: float, length: float, width: float, rng: np.random.Generator, left: int
) -> None:
    bend = angle + rng.normal(0, 0.15)
    end = (x + length * np.cos(bend), y + length * np.sin(bend))
    sheet.line(
        curve([(x, y), ((x + end[0]) / 2 + rng.normal(0, length * 0.05), (y + end[1]) / 2), end], 5), width, "#ffffff", 0.6
    )
    if left == 0:
        sheet.disc(*end, 0.009, "#ffffff")
        return
    for turn in (-0.5, 0.45):
        _branch(sheet, *end, bend + turn + rng.normal(0, 0.12), length * 0.68, width * 0.6, rng, left - 1)


def _stag(sheet: Sketch, x: float, y: float, size: float) -> None:
    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x + px * size, y + py * size) for px, py in points]

    sheet.blob(
        at(
            [
                (-0.42, -0.55),
                (-0.3, -0.62),
                (0.0, -0.6),
                (0.2, -0.66),
                (0.28, -0.5),
                (0.22, -0.36),
                (0.0, -0.32),
                (-0.25, -0.34),
                (-0.4, -0.4),
            ]
        ),
        "#ffffff",
    )
    sheet.blob(
        at(
            [
                (0.1, -0.6),
                (0.24, -0.85),
                (0.27, -1.0),
                (0.36, -1.03),
                (0.52, -0.92),
                (0.53, -0.87),
                (0.4, -0.87),
                (0.36, -0.7),
                (0.28, -0.45),
            ]
        ),
        "#ffffff",
    )
    sheet.blob(at([(0.3, -0.98), (0.18, -1.06), (0.15, -1.03), (0.24, -0.93)]), "#ffffff")
    for top, knee, foot in (
        ((-0.34, -0.42), (-0.36, -0.2), (-0.33, 0.06)),
        ((-0.24, -0.4), (-0.2, -0.2), (-0.23, 0.06)),
        ((0.1, -0.4), (0.12, -0.18), (0.09, 0.06)),
        ((0.22, -0.42), (0.25, -0.2), (0.24, 0.06)),
    ):
        sheet.line(at(curve([top, knee, foot], 6)), 0.09 * size, "#ffffff", 0.4)
    for side, lean in ((-1, 0.3), (1, 0.38)):
        root = (lean, -1.0)
        beam = curve([root, (lean + side * 0.14, -1.16), (lean + side * 0.24, -1.34), (lean + side * 0.2, -1.52)], 8)
        sheet.line(at(beam), 0.042 * size, "#ffffff", 0.5)
        for k, (ox, oy) in ((7, (0.0, -0.2)), (13, (-0.02, -0.22)), (18, (0.14, -0.12))):
            bx, by = beam[k]
            sheet.line(at([(bx, by), (bx + side * (ox + 0.04), by + oy)]), 0.034 * size, "#ffffff", 0.5)
