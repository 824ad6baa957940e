"""A mosaic of marble tesserae."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, cells, fractal, grid, mix, ramp, relight, rgb, sample, step
from .sketch import Sketch


def koi(shape: tuple[int, int], seed: int) -> Array:
    """Two koi in a pond, in marble tesserae whose rows follow the drawing's edges."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    swirl = np.sin(9 * np.hypot(x - 0.5 * wide, y - 0.5) - 2 * np.arctan2(y - 0.5, x - 0.5))
    pond = ramp(
        [(-1.6, "#0c3b52"), (-0.4, "#146b7a"), (0.4, "#2c98a0"), (1.3, "#8fd0c2")],
        swirl + 0.4 * fractal(shape, unit / 4, rng, 3),
    )
    art = Sketch(shape, pond)
    for turn, skin, patch in ((0.0, "#f4ead6", "#d8401f"), (np.pi, "#e9892b", "#3a1a14")):
        c, s = np.cos(turn), np.sin(turn)

        def place(points: list[tuple[float, float]], c: float = c, s: float = s) -> list[tuple[float, float]]:
            return [(0.5 * wide + c * px - s * py, 0.5 + s * px + c * py) for px, py in points]

        fin = "#f7c58a" if turn == 0 else "#f6d7a0"
        art.blob(place([(0.2, -0.33), (0.3, -0.45), (0.44, -0.44), (0.35, -0.36), (0.42, -0.24), (0.3, -0.26)]), fin)
        art.blob(place([(-0.12, -0.31), (-0.13, -0.44), (-0.02, -0.47), (0.02, -0.36)]), fin)
        art.blob(place([(-0.1, -0.14), (-0.06, -0.03), (0.04, -0.04), (0.0, -0.16)]), fin)
        art.blob(
            place(
                [
                    (-0.36, -0.11),
                    (-0.33, -0.22),
                    (-0.2, -0.32),
                    (0.0, -0.37),
                    (0.16, -0.36),
                    (0.26, -0.34),
                    (0.17, -0.28),
                    (0.0, -0.2),
                    (-0.15, -0.12),
                    (-0.27, -0.05),
                ]
            ),
            skin,
        )
        art.blob(place([(-0.2, -0.28), (-0.06, -0.35), (-0.02, -0.28), (-0.1, -0.2), (-0.19, -0.2)]), patch)
        art.blob(place([(0.05, -0.35), (0.15, -0.35), (0.17, -0.3), (0.08, -0.27)]), patch)
        art.blob(place([(-0.35, -0.12), (-0.3, -0.19), (-0.26, -0.14), (-0.3, -0.08)]), patch)
        for ex, ey in ((-0.31, -0.17), (-0.27, -0.09)):
            [(px, py)] = place([(ex, ey)])
            art.disc(px, py, 0.022, "#fff3d0")
            art.disc(px, py, 0.013, "#101418")
    for lx, ly, size in ((0.14, 0.16, 0.1), (0.86, 0.85, 0.11), (0.88, 0.12, 0.07), (0.1, 0.86, 0.075)):
        art.disc(lx * wide, ly, size, "#3f7d3a")
        art.disc(lx * wide, ly, size * 0.62, "#78aa48")
        art.polygon(
            [(lx * wide, ly), (lx * wide + size * 1.1, ly - 0.02), (lx * wide + size * 0.9, ly + size * 0.5)], "#146b7a"
        )
        art.disc(lx * wide - size * 0.2, ly - size * 0.1, size * 0.3, "#f2b8c6")
        art.disc(lx * wide - size * 0.2, ly - size * 0.1, size * 0.13, "#f6e27a")
    drawing = art.picture()
    s = unit / 768
    # Tesserae lie along the iso-lines of the distance from the edges: points relaxed on a field bent by the gradient.
    spacing = 13.5 * s
    rows, columns = int(shape[0] / spacing), int(shape[1] / spacing)
    spots = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).astype(float)
    spots[1::2, :, 1] += 0.5
    spots = (spots.reshape(-1, 2) + 0.5 + rng.normal(0, 0.1, (rows * columns, 2))) * spacing
    soft = blur(drawing, 2.2 * s)
    edge = sum(np.hypot(*np.gradient(soft[..., i])) for i in range(3))
    pull_y, pull_x = np.gradient(blur(edge, 3 * s) / (edge.max() + 1e-6))
    for _ in range(6):  # seams to the edges, stones away from them
        spots[:, 0] -= 160 * s * s * sample(pull_y, spots[:, 0], spots[:, 1])
        spots[:, 1] -= 160 * s * s * sample(pull_x, spots[:, 0], spots[:, 1])
        index, _, _ = cells(shape, spots)
        count = np.bincount(index.ravel(), minlength=len(spots)) + 1e-6
        py, px = np.mgrid[0 : shape[0], 0 : shape[1]]
        middle = np.stack([np.bincount(index.ravel(), p.ravel(), len(spots)) / count for p in (py, px)], -1)
        spots = np.where(count[:, None] > 1, 0.4 * spots + 0.6 * middle, spots)
    index, first, second = cells(shape, spots)
    return _stones(drawing, index, second - first, rng, s)


def _stones(drawing: Array, index: Array, margin: Array, rng: np.random.Generator, s: float) -> Array:
    number = int(index.max()) + 1
    count = np.bincount(index.ravel(), minlength=number) + 1e-6
    colours = np.stack([np.bincount(index.ravel(), drawing[..., i].ravel(), number) / count for i in range(3)], -1)
    colours = np.clip(colours * (1 + rng.normal(0, 0.11, (number, 1))) + rng.normal(0, 0.025, (number, 3)), 0, 1)
    gold = rng.random(number) < 0.012
    colours[gold] = rgb("#d9a93a")
    stone = colours[index].astype(np.float32)
    shape = index.shape
    stone *= (1 + 0.06 * fractal(shape, 8 * s, rng, 3))[..., None]
    inside = step(1.6 * s, 3.4 * s, margin)
    grout = rgb("#b9ad98") * (0.55 + 0.1 * fractal(shape, 5 * s, rng, 3))[..., None]
    tilt = rng.normal(0, 0.1, (number, 2))[index]
    height = inside * 2.2 * s
    lit = relight(mix(grout, stone, inside), blur(height, 0.8 * s), 0.55 / s, 0.1)
    return np.clip(lit * (1 + 0.7 * inside * (tilt[..., 0] + tilt[..., 1]))[..., None], 0, 1)
