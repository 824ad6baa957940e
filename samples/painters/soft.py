"""Soft media: watercolour, chalk pastel and points of pure colour."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grid, lattice, mix, ramp, relight, rgb, sample, step
from .prints import paper
from .sketch import Sketch, curve
from .strokes import Brush, Canvas, blend_angles


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

    def wash(mask: Array, colour: str | Array, strength: float = 1.0, second: str | None = None, wet: float = 0.0, dry: float = 0.0) -> None:
        """One transparent wash: pigment gathers at the rim, in the paper's hollows and where water ran back."""
        nonlocal picture
        mask = sample(mask, py + warp_y * (1 + 2 * wet), px + warp_x * (1 + 2 * wet))
        if dry:
            mask = mask * step(-0.5, 0.3, tooth + 1.6 - 2.4 * dry * (lattice(shape, 60 * s, rng) + 0.25))
        inside = step(0.5 - 0.45 * min(1.0, 0.12 + wet), 0.5 + 0.45 * min(1.0, 0.12 + wet), blur(mask, (0.8 + 26 * wet) * s))
        rim = np.clip(inside - blur(inside, 4.5 * s), 0, 1) * inside * (1 - 0.8 * wet)
        bloom = fractal(shape, 130 * s, rng, 6, 0.6)
        run = np.exp(-((bloom - 0.75) ** 2) * 60) * (bloom > -3)
        density = inside * (0.66 + 0.19 * bloom + 0.16 * tooth * 0.6 - 0.12 * step(0.75, 1.2, bloom)) + 1.25 * rim + 0.22 * inside * run
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
    wash(drawn([(-0.1, 0.62), (-0.1, 0.53), (0.15, 0.49), (0.4, 0.53), (0.7, 0.48), (1.1, 0.52), (1.1, 0.62)]), "#8b9bcf", 0.8, "#b59ac4", 0.12)
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
        wash(drawn([(a - 0.012, top + 0.006), ((a + b) / 2, top - 0.05), (b + 0.012, top + 0.006)]), "#b4543c", 1.1, "#8a4450")
        wash(drawn([((a * 0.35 + b * 0.65), top), (b, top), (b, 0.635), ((a * 0.55 + b * 0.45), 0.635)]), "#9c8ab0", 0.55)
        panes = [box(c, d, c + 0.016, d + 0.034) for c in np.linspace(a + 0.014, b - 0.03, 3) for d in np.arange(top + 0.025, 0.59, 0.064)]
        wash(drawn(*panes), "#41506e", 1.2)
        wash(drawn(box((a + b) / 2 - 0.013, 0.59, (a + b) / 2 + 0.013, 0.635)), "#4a5a4a", 1.1)
        wash(drawn([(a, 0.645), (b, 0.645), (b + 0.01, 0.72 + 0.1 * rng.random()), ((a + b) / 2, 0.84), (a - 0.01, 0.73)]), tint, 0.75, "#7a86b0", 0.12)
    wash(drawn(box(0.485, 0.2, 0.53, 0.63)), "#d98f6a", 1.0, "#c56f62")
    wash(drawn(box(0.508, 0.2, 0.53, 0.63)), "#8a6a98", 0.6)
    wash(drawn([(0.475, 0.205), (0.5075, 0.08), (0.54, 0.205)]), "#4f8f84", 1.1, "#3b6f7f")
    wash(drawn(box(0.498, 0.225, 0.517, 0.27)), "#41506e", 1.2)
    wash(drawn([(0.487, 0.645), (0.528, 0.645), (0.535, 0.95), (0.48, 0.93)]), "#c97a68", 0.7, "#7a86b0", 0.12)
    for bx, by, size, hull, sail in ((0.27, 0.83, 1.0, "#34567a", "#f6e3b0"), (0.74, 0.78, 0.8, "#a33a34", "#e9806a"), (0.56, 0.7, 0.42, "#3f6a5a", "#f4dcae")):
        def at(points: list[tuple[float, float]], bx: float = bx, by: float = by, size: float = size) -> list[tuple[float, float]]:
            return [(bx + a * size, by + b * size) for a, b in points]

        kept = drawn(at([(0.008, -0.37), (0.02, -0.05), (0.14, -0.06)]), at([(-0.012, -0.33), (-0.1, -0.06), (-0.015, -0.05)]))
        kept = sample(kept, py + warp_y, px + warp_x)  # paper kept dry for the sails
        picture = mix(picture, np.ones(3), 0.92 * kept)
        wash(drawn(at([(0.0, -0.37), (0.02, -0.05), (0.15, -0.06)])), sail, 1.1, "#e9b070")
        wash(drawn(at([(-0.01, -0.34), (-0.11, -0.06), (-0.015, -0.05)])), sail, 0.9, "#f0c890")
        wash(drawn(at([(0.0, -0.39), (0.007, -0.39), (0.007, -0.01), (0.0, -0.01)])), "#4a3428", 1.3)
        wash(drawn(at(curve([(-0.16, -0.03), (0.0, -0.015), (0.17, -0.045), (0.12, 0.035), (-0.11, 0.04)], closed=True))), hull, 1.25)
        wash(drawn(at([(-0.12, 0.045), (0.12, 0.04), (0.1, 0.09), (0.04, 0.12), (0.0, 0.3), (-0.04, 0.11), (-0.1, 0.08)])), hull, 0.75, None, 0.08)
    ripples = fractal(shape, 24 * s, rng, 3, 0.6, 6.0) + 2.4 * (y - 0.85)
    wash(step(0.75, 1.0, ripples) * (y > 0.66), "#4f88a8", 0.8, None, 0.0, 0.55)
    wash(step(0.9, 1.1, fractal(shape, 60 * s, rng, 3, 0.5, 5.0) + 2.2 * (y - 0.92)) * (y > 0.72), "#2d5f88", 0.7, "#48709c")
    for _ in range(70):
        sy, sx, r = rng.random(), rng.random() * wide, 0.001 + 0.0045 * rng.random() ** 3
        spot = np.hypot(y - sy, x - sx) < r
        picture[spot] *= rgb(rng.choice(["#8aa0c8", "#d98f6a", "#7fb2b2"])) ** 0.8
    edge = 0.028 + 0.007 * fractal(shape, 90 * s, rng, 5, 0.65)
    border = np.minimum(np.minimum(x, wide - x), np.minimum(y, shape[0] / unit - y))
    picture = mix(np.ones(3), picture, step(edge - 0.002, edge + 0.002, border))
    return relight(np.clip(sheet * picture, 0, 1), tooth * 0.8 * s, 0.06 / max(s, 0.2))


def pastel(shape: tuple[int, int], seed: int) -> Array:
    """Peonies and pears in chalk on dark rough paper: the paper shows through every stroke."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    art = Sketch(shape, ramp([(0, "#34456e"), (0.62, "#51538a"), (0.68, "#3d6a66"), (1, "#5f9a7c")], y + 0.03 * np.sin(5 * x)))
    field = 0.9 + 0.5 * fractal(shape, unit / 3, rng, 2)
    field = np.where(y > 0.68, 0.1 + 0.2 * fractal(shape, unit / 3, rng, 1), field)
    mid = 0.46 * wide
    art.blob([(mid - 0.1, 0.55), (mid - 0.15, 0.68), (mid - 0.12, 0.84), (mid, 0.88), (mid + 0.12, 0.84), (mid + 0.15, 0.68), (mid + 0.1, 0.55)], "#3f7fc0")
    art.blob([(mid - 0.08, 0.57), (mid - 0.125, 0.68), (mid - 0.1, 0.8), (mid - 0.04, 0.83), (mid - 0.05, 0.68), (mid - 0.04, 0.57)], "#a8dcf0")
    art.blob([(mid + 0.06, 0.57), (mid + 0.14, 0.68), (mid + 0.11, 0.83), (mid + 0.03, 0.86), (mid + 0.07, 0.7)], "#1f3f80")
    for _ in range(22):
        a = -np.pi * (0.02 + 0.96 * rng.random())
        bx, by = mid + 0.3 * np.cos(a), 0.4 + 0.3 * np.sin(a) * 0.9
        turn = a + rng.normal(0, 0.5)
        art.blob([(bx, by), (bx + 0.06 * np.cos(turn - 0.4), by + 0.06 * np.sin(turn - 0.4)), (bx + 0.13 * np.cos(turn), by + 0.13 * np.sin(turn)),
                  (bx + 0.06 * np.cos(turn + 0.4), by + 0.06 * np.sin(turn + 0.4))], ("#4fa05a", "#2f6f4a", "#a8cf5a")[rng.integers(3)])
    blooms = [(-0.18, 0.32, 0.145, "#f26a8d"), (0.13, 0.24, 0.15, "#fbd3c4"), (0.22, 0.45, 0.125, "#e2345e"), (-0.03, 0.48, 0.14, "#ff9a6a"), (-0.28, 0.52, 0.1, "#fbe6a0")]
    for dx, fy, size, tint in blooms:
        fx = mid + dx
        base = rgb(tint)
        for ring in range(5):
            r = size * (1 - 0.18 * ring)
            for k in range(9 - ring):
                a = k / (9 - ring) * 6.283 + ring * 0.6 + rng.normal(0, 0.1)
                tone = (0.62 + 0.42 * rng.random()) * (1 - 0.09 * ring) * (1.1 - 0.22 * np.sin(a))
                cx, cy = fx + 0.6 * r * np.cos(a), fy + 0.6 * r * np.sin(a)
                art.disc(cx, cy, r * 0.42, np.clip(base * tone, 0, 1))
                art.disc(cx - r * 0.03, cy - r * 0.07, r * 0.33, np.clip(base * tone * 1.12 + 0.07, 0, 1))
        art.disc(fx, fy, size * 0.12, "#ffd24a")
        near = np.hypot(x - fx, y - fy)
        field = np.where(near < size * 1.05, np.arctan2(y - fy, x - fx) + np.pi / 2 * (near < size * 0.62), field)
    for cx, cy, size, tint, light in ((0.8, 0.83, 0.085, "#d9a82e", "#ffe88a"), (0.67, 0.885, 0.075, "#b84a2a", "#ffb06a"), (0.14, 0.86, 0.08, "#8fb03a", "#e4f08a")):
        cx *= wide
        art.disc(cx + size * 0.35, cy + size * 0.8, size * 1.1, "#26324a", 0.3)
        art.blob([(cx - size, cy + size * 0.2), (cx - size * 0.45, cy - size * 0.7), (cx, cy - size * 1.3), (cx + size * 0.4, cy - size * 0.7), (cx + size, cy + size * 0.2), (cx, cy + size)], tint)
        art.disc(cx - size * 0.3, cy, size * 0.4, light, 1.3)
        art.line([(cx, cy - size * 1.25), (cx + size * 0.15, cy - size * 1.6)], 0.012, "#3a2a1a")
        near = np.hypot(x - cx, y - cy)
        field = np.where(near < size * 1.1, np.arctan2(y - cy, x - cx) + np.pi / 2, field)
    reference = art.picture()
    tooth = fractal(shape, 5 * s, rng, 3, 0.8)
    canvas = Canvas(paper(shape, "#2c2a3a", rng, s), rng)
    for width, length, density, bias, threshold, jitter in ((26, 110, 1.0, 0.1, 0, 0.05), (15, 80, 1.6, 0.35, 0.15, 0.09), (9, 52, 1.8, 0.5, 0.2, 0.08), (5, 30, 1.9, 0.8, 0.3, 0.05)):
        grain = 0.12 + 0.88 * step(-1.3, 0.2, tooth + bias)
        canvas.cover(reference, field, Brush(width * s, length * s, 0.8, 0.5, 0.9, wobble=0.22, colour_jitter=jitter, soft=0.6), density, threshold, None, grain)
    hatch = blend_angles(field, np.full(shape, 0.85), 0.75)
    bright = np.clip(reference * 1.3 + 0.06, 0, 1)
    canvas.cover(bright, hatch, Brush(4.5 * s, 60 * s, 0.7, 0.6, 0.85, wobble=0.1, colour_jitter=0.1, soft=0.6), 0.28, 0, None, 0.1 + 0.9 * step(-0.6, 0.6, tooth))
    return relight(canvas.colour, tooth * s, 0.07 / max(s, 0.2))


def points(shape: tuple[int, int], seed: int) -> Array:
    """A sunlit river with poplars, a sail and two figures, in points of unmixed colour."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    art = Sketch(shape, ramp([(0, "#6aa3dc"), (0.25, "#a9cbe6"), (0.42, "#fbe3b8"), (0.47, "#ffd9a0")], y))
    for cx, cy, w in ((0.25, 0.16, 0.13), (0.62, 0.1, 0.1), (0.8, 0.25, 0.12)):
        for k in range(6):
            art.disc((cx + w * (k / 5 - 0.5) * 1.6) * wide, cy + rng.normal(0, 0.008), w * 0.32, "#fff3e0", 0.6)
    art.polygon([(px * wide, py) for px, py in curve([(-0.1, 0.43), (0.2, 0.38), (0.5, 0.42), (0.8, 0.37), (1.1, 0.41)])] + [(1.1 * wide, 0.6), (-0.1, 0.6)], "#8fa3cf")
    art.polygon([(-0.1, 0.46), (1.1 * wide, 0.45), (1.1 * wide, 1.1), (-0.1, 1.1)], "#4f8fc4")
    art.polygon([(px * wide, py) for px, py in [(-0.1, 0.44), (0.3, 0.45), (0.48, 0.475), (0.3, 0.5), (-0.1, 0.51)]], "#7fae5a")
    for k, px in enumerate((0.02, 0.08, 0.14, 0.2, 0.27, 0.33)):
        h = 0.3 - 0.032 * k
        art.blob([((px - 0.02) * wide, 0.47), ((px - 0.03) * wide, 0.47 - h * 0.5), (px * wide, 0.47 - h), ((px + 0.03) * wide, 0.47 - h * 0.5), ((px + 0.02) * wide, 0.47)], "#2f6f4a")
        art.blob([((px - 0.02) * wide, 0.46), ((px - 0.026) * wide, 0.47 - h * 0.5), (px * wide, 0.48 - h), ((px - 0.003) * wide, 0.46)], "#a8bf4a")
        art.blob([((px - 0.02) * wide, 0.5), ((px - 0.025) * wide, 0.5 + h * 0.4), (px * wide, 0.5 + h * 0.8), ((px + 0.02) * wide, 0.5)], "#2f6f7a")
    art.disc(0.6 * wide, 0.5, 0.16, "#ffe9b0", 0.12)
    art.polygon([(0.66 * wide, 0.28), (0.67 * wide, 0.55), (0.8 * wide, 0.54)], "#fff6e4")
    art.polygon([(0.65 * wide, 0.3), (0.58 * wide, 0.54), (0.65 * wide, 0.55)], "#ffc98a")
    art.blob([(0.57 * wide, 0.565), (0.7 * wide, 0.57), (0.83 * wide, 0.555), (0.78 * wide, 0.595), (0.62 * wide, 0.6)], "#a03a3a")
    art.polygon([(0.62 * wide, 0.62), (0.78 * wide, 0.62), (0.7 * wide, 0.8)], "#f0d8c0")
    bank = [(px * wide, py) for px, py in curve([(-0.1, 0.7), (0.2, 0.73), (0.45, 0.82), (0.7, 0.86), (1.1, 0.84)])]
    art.polygon([*bank, (1.1 * wide, 1.1), (-0.1, 1.1)], "#8fb83f")
    art.polygon([(px * wide, py) for px, py in curve([(0.05, 0.96), (0.3, 0.9), (0.6, 0.93), (0.8, 1.0)])] + [(0.5 * wide, 1.1), (-0.1, 1.1)], "#3f7a4f")
    for cx, base, h, dress, hat in ((0.28, 0.93, 0.3, "#5a3a8a", "#f0c040"), (0.38, 0.94, 0.27, "#d8483a", "#fff0d0")):
        cx *= wide
        art.blob([(cx - 0.06, base), (cx - 0.045, base - h * 0.4), (cx - 0.025, base - h * 0.55), (cx - 0.03, base - h * 0.78), (cx + 0.03, base - h * 0.78), (cx + 0.025, base - h * 0.55), (cx + 0.06, base)], dress)
        art.disc(cx, base - h * 0.88, 0.023, "#f2c09a")
        art.disc(cx, base - h * 0.95, 0.038, hat, 0.4)
        art.disc(cx, base - h * 0.98, 0.022, hat, 0.8)
    art.disc(0.42 * wide, 0.67, 0.075, "#f4f0ea", 0.5)
    art.polygon([(0.36 * wide, 0.675), (0.49 * wide, 0.675), (0.48 * wide, 0.71), (0.35 * wide, 0.71)], "#4f8fc4")
    art.line([(0.42 * wide, 0.64), (0.4 * wide, 0.82)], 0.007, "#5a3a2a")
    art.line(curve([(0.9 * wide, 1.02), (0.92 * wide, 0.7), (0.86 * wide, 0.4), (0.93 * wide, 0.1)]), 0.06, "#5a4070", 0.6)
    for _ in range(46):
        art.disc((0.88 + 0.13 * rng.normal()) * wide, 0.1 + 0.1 * rng.normal(), 0.03 + 0.03 * rng.random(), ("#3f8a4a", "#78b04a", "#2a5f5a", "#e0b83a")[rng.integers(4)])
    reference = art.picture()
    shade = fractal(shape, unit / 8, rng, 4, stretch=2.5)
    reference = np.clip(reference * (1 + 0.07 * shade)[..., None], 0, 1)
    picture = mix(np.full((*shape, 3), 0.93, np.float32) * rgb("#fff4e0"), blur(reference, 7 * s), 0.75)
    height = np.zeros(shape, np.float32)
    pure = np.stack([rgb(c) for c in ("#1f3fa8", "#2f7fd8", "#66c0e8", "#1f7a5a", "#5fb83a", "#c8dc3a", "#ffe03a", "#ffab2a", "#f2603a", "#d8304a", "#b04a9a", "#5f3a9a", "#fff6e8", "#f8c0b0", "#2a2350")])
    for radius, spacing, spread in ((8.0, 10.0, 0.18), (5.2, 5.6, 0.2), (3.4, 5.4, 0.14)):
        r, gap = radius * s, spacing * s
        rows, columns = max(int(shape[0] / gap), 1), max(int(shape[1] / gap), 1)
        spots = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).reshape(-1, 2)
        spots = (spots + rng.random(spots.shape)) * gap
        rng.shuffle(spots)
        for cy, cx in spots:
            row, column = min(int(cy), shape[0] - 1), min(int(cx), shape[1] - 1)
            # The eye mixes: choose a pure colour near what is missing here, then let it lean to the wanted one.
            wanted = reference[row, column] + 0.45 * (reference[row, column] - picture[row, column]) + rng.normal(0, spread, 3)
            chosen = pure[np.argmin(((pure - wanted) ** 2).sum(-1))]
            colour = 0.62 * chosen + 0.38 * reference[row, column]
            size = r * (0.75 + 0.45 * rng.random())
            top, left = max(int(cy - size - 1), 0), max(int(cx - size - 1), 0)
            bottom, right = min(int(cy + size + 2), shape[0]), min(int(cx + size + 2), shape[1])
            py, px = np.mgrid[top:bottom, left:right]
            d = np.hypot(py - cy, px - cx) / size
            alpha = np.clip((1 - d) * size * 0.9, 0, 1) * 0.94
            picture[top:bottom, left:right] += alpha[..., None] * (colour - picture[top:bottom, left:right])
            height[top:bottom, left:right] += alpha * ((1 - d * d) * 1.2 - height[top:bottom, left:right])
    return relight(np.clip(picture, 0, 1), blur(height, 0.6 * s), 0.3, 0.1)


