"""Pictures put together from pieces: mosaic, stained glass, cut paper and facets."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, cells, fractal, grid, lattice, mix, ramp, relight, rgb, sample, step
from .sketch import Sketch, curve


def koi(shape: tuple[int, int], seed: int) -> Array:
    """Two koi in a pond, in marble tesserae whose rows follow the drawing's edges."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    swirl = np.sin(9 * np.hypot(x - 0.5 * wide, y - 0.5) - 2 * np.arctan2(y - 0.5, x - 0.5))
    pond = ramp([(-1.6, "#0c3b52"), (-0.4, "#146b7a"), (0.4, "#2c98a0"), (1.3, "#8fd0c2")],
                swirl + 0.4 * fractal(shape, unit / 4, rng, 3))
    art = Sketch(shape, pond)
    for turn, skin, patch in ((0.0, "#f4ead6", "#d8401f"), (np.pi, "#e9892b", "#3a1a14")):
        c, s = np.cos(turn), np.sin(turn)

        def place(points: list[tuple[float, float]], c: float = c, s: float = s) -> list[tuple[float, float]]:
            return [(0.5 * wide + c * px - s * py, 0.5 + s * px + c * py) for px, py in points]

        fin = "#f7c58a" if turn == 0 else "#f6d7a0"
        art.blob(place([(0.2, -0.33), (0.3, -0.45), (0.44, -0.44), (0.35, -0.36), (0.42, -0.24), (0.3, -0.26)]), fin)
        art.blob(place([(-0.12, -0.31), (-0.13, -0.44), (-0.02, -0.47), (0.02, -0.36)]), fin)
        art.blob(place([(-0.1, -0.14), (-0.06, -0.03), (0.04, -0.04), (0.0, -0.16)]), fin)
        art.blob(place([(-0.36, -0.11), (-0.33, -0.22), (-0.2, -0.32), (0.0, -0.37), (0.16, -0.36), (0.26, -0.34), (0.17, -0.28),
                        (0.0, -0.2), (-0.15, -0.12), (-0.27, -0.05)]), skin)
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
        art.polygon([(lx * wide, ly), (lx * wide + size * 1.1, ly - 0.02), (lx * wide + size * 0.9, ly + size * 0.5)], "#146b7a")
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
            glass(7, curve([(fx, 1.02), (fx + side * lean * 0.4, fy + 0.2), (fx + side * lean, fy + 0.1 * size), (fx + side * lean * 0.75, fy + 0.26), (fx + side * 0.03, 1.02)]))
        glass(7, [(fx - 0.012, fy), (fx + 0.012, fy), (fx + 0.012, 1.02), (fx - 0.012, 1.02)])
        for kind, petal in ((8, [(0, 0), (-0.09, -0.07), (-0.07, -0.17), (0, -0.21), (0, -0.1)]),
                            (9, [(0, 0), (0.09, -0.07), (0.07, -0.17), (0, -0.21), (0, -0.1)]),
                            (9, [(0, 0), (-0.07, -0.04), (-0.16, 0.0), (-0.15, 0.09), (-0.06, 0.08)]),
                            (8, [(0, 0), (0.07, -0.04), (0.16, 0.0), (0.15, 0.09), (0.06, 0.08)]),
                            (10, [(0, -0.02), (-0.05, 0.05), (-0.035, 0.14), (0.035, 0.14), (0.05, 0.05)])):
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
    palettes = ["#fff0a0 #ffdf6a", "#ffb02e #ff8a1c #ffc956", "#ff6a3a #e8457a #f58a4a #c2438f", "#3a5fb5 #5a7fd0 #3b4a9c",
                "#2a8a5a #1f7a6a #58a84c", "#7cb83a #a6c93f #4f9e44", "#4fc3e8 #9be0f0 #2a9fd6", "#1f7d38 #3f9e3a #176040",
                "#6a35c0 #7d4fd6", "#9a6af0 #8350dd", "#f6c23a #ffdc60", "#b5202c #d63a2a #8a1530 #1e4fa8"]
    number = int(region.max()) + 1
    kind = np.zeros(number, int)
    kind[region.ravel()] = family.ravel()
    glass_colours = np.stack([rgb(rng.choice(palettes[k].split())) for k in kind]) * (0.92 + 0.16 * rng.random((number, 1)))
    edges = np.zeros(shape, bool)
    edges[1:] |= region[1:] != region[:-1]
    edges[:, 1:] |= region[:, 1:] != region[:, :-1]
    lead = blur(edges.astype(np.float32), 2.3 * s) * s ** 0.5
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


def papercut(shape: tuple[int, int], seed: int) -> Array:
    """A stag in a wood before the moon: layers of cut paper with shadows between them."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
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
        bumps = [(0.52 * wide + radius * (1 + 0.012 * np.sin(k * 1.7)) * np.cos(k / 40 * 6.283), 0.4 + radius * np.sin(k / 40 * 6.283)) for k in range(40)]
        disc.blob(bumps, "#ffffff")
        layer(tint, disc.mask(), 9)
    tones = ["#d9697a", "#a8476f", "#703566", "#3f2858", "#1d1a3d"]
    for depth, tint in enumerate(tones):
        sheet = Sketch(shape, "#000000")
        base = 0.5 + 0.11 * depth
        ridge = [(px * wide, base + 0.05 * np.sin(px * (5 + depth) + depth * 2) + rng.normal(0, 0.012)) for px in np.linspace(-0.1, 1.1, 13)]
        sheet.polygon([*curve(ridge), (1.2 * wide, 1.2), (-0.2, 1.2)], "#ffffff")
        places = ([], np.arange(12) / 11, np.arange(9) / 8, [0.06, 0.17, 0.29, 0.74, 0.85, 0.96], [0.05, 0.95])[depth]
        for place in places:
            px = (place + rng.normal(0, 0.015)) * wide
            size = (0.0, 0.13, 0.17, 0.24, 0.42)[depth] * (0.75 + 0.5 * rng.random())
            ground = base + 0.08
            if depth % 2:
                for tier in range(6):
                    t = ground - size * (0.15 + tier * 0.3)
                    w = size * 0.42 * (1 - tier / 6.5)
                    fir = [(px - w, t + w * 0.25), (px - w * 0.3, t - size * 0.2), (px, t - size * 0.55), (px + w * 0.3, t - size * 0.2)]
                    sheet.polygon([*fir, (px + w, t + w * 0.25), (px, t)], "#ffffff")
                sheet.line([(px, ground + 0.05), (px, ground - size * 0.4)], size * 0.1, "#ffffff")
            else:
                _branch(sheet, px, ground + 0.04, -np.pi / 2 + rng.normal(0, 0.08), size * 0.62, size * 0.13, rng, 5)
        if depth == 3:
            _stag(sheet, 0.5 * wide, 0.86, 0.4)
        layer(tint, sheet.mask(), 7 + 2.5 * depth)
    return picture


def _branch(sheet: Sketch, x: float, y: float, angle: float, length: float, width: float, rng: np.random.Generator, left: int) -> None:
    bend = angle + rng.normal(0, 0.15)
    end = (x + length * np.cos(bend), y + length * np.sin(bend))
    sheet.line(curve([(x, y), ((x + end[0]) / 2 + rng.normal(0, length * 0.05), (y + end[1]) / 2), end], 5), width, "#ffffff", 0.6)
    if left == 0:
        sheet.disc(*end, 0.009, "#ffffff")
        return
    for turn in (-0.5, 0.45):
        _branch(sheet, *end, bend + turn + rng.normal(0, 0.12), length * 0.68, width * 0.6, rng, left - 1)


def _stag(sheet: Sketch, x: float, y: float, size: float) -> None:
    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x + px * size, y + py * size) for px, py in points]

    sheet.blob(at([(-0.42, -0.55), (-0.3, -0.62), (0.0, -0.6), (0.2, -0.66), (0.28, -0.5), (0.22, -0.36), (0.0, -0.32), (-0.25, -0.34), (-0.4, -0.4)]), "#ffffff")
    sheet.blob(at([(0.1, -0.6), (0.24, -0.85), (0.27, -1.0), (0.36, -1.03), (0.52, -0.92), (0.53, -0.87), (0.4, -0.87), (0.36, -0.7), (0.28, -0.45)]), "#ffffff")
    sheet.blob(at([(0.3, -0.98), (0.18, -1.06), (0.15, -1.03), (0.24, -0.93)]), "#ffffff")
    for top, knee, foot in (((-0.34, -0.42), (-0.36, -0.2), (-0.33, 0.06)), ((-0.24, -0.4), (-0.2, -0.2), (-0.23, 0.06)),
                            ((0.1, -0.4), (0.12, -0.18), (0.09, 0.06)), ((0.22, -0.42), (0.25, -0.2), (0.24, 0.06))):
        sheet.line(at(curve([top, knee, foot], 6)), 0.09 * size, "#ffffff", 0.4)
    for side, lean in ((-1, 0.3), (1, 0.38)):
        root = (lean, -1.0)
        beam = curve([root, (lean + side * 0.14, -1.16), (lean + side * 0.24, -1.34), (lean + side * 0.2, -1.52)], 8)
        sheet.line(at(beam), 0.042 * size, "#ffffff", 0.5)
        for k, (ox, oy) in ((7, (0.0, -0.2)), (13, (-0.02, -0.22)), (18, (0.14, -0.12))):
            bx, by = beam[k]
            sheet.line(at([(bx, by), (bx + side * (ox + 0.04), by + oy)]), 0.034 * size, "#ffffff", 0.5)


def facets(shape: tuple[int, int], seed: int) -> Array:
    """A guitar, a bottle and a bowl broken into overlapping facets of ochre, grey-blue and umber."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    art = Sketch(shape, ramp([(0, "#8f9a94"), (0.6, "#b9a67c"), (1, "#6d5a3f")], y))
    art.polygon([(-0.1, 0.72), (1.1 * wide, 0.62), (1.1 * wide, 1.1), (-0.1, 1.1)], "#7a5230")
    art.polygon([(0.05 * wide, 0.08), (0.32 * wide, 0.03), (0.3 * wide, 0.6), (0.08 * wide, 0.66)], "#55707c")
    art.polygon([(0.7 * wide, 0.05), (0.97 * wide, 0.1), (0.93 * wide, 0.56), (0.68 * wide, 0.6)], "#3f4f58")
    c = 0.5 * wide
    art.blob([(c - 0.13, 0.4), (c + 0.06, 0.36), (c + 0.14, 0.46), (c + 0.1, 0.55), (c + 0.2, 0.66), (c + 0.15, 0.84), (c - 0.05, 0.9), (c - 0.22, 0.8), (c - 0.22, 0.65), (c - 0.11, 0.56), (c - 0.18, 0.48)], "#d18a34")
    art.disc(c - 0.02, 0.63, 0.065, "#2a1a10")
    art.polygon([(c - 0.04, 0.62), (c + 0.12, 0.06), (c + 0.165, 0.07), (c + 0.02, 0.63)], "#4a2c18")
    art.polygon([(c + 0.11, 0.07), (c + 0.13, -0.02), (c + 0.2, 0.0), (c + 0.17, 0.09)], "#2e1b12")
    art.polygon([(0.8 * wide, 0.28), (0.86 * wide, 0.28), (0.86 * wide, 0.42), (0.92 * wide, 0.5), (0.92 * wide, 0.85), (0.74 * wide, 0.85), (0.74 * wide, 0.5), (0.8 * wide, 0.42)], "#2f5d4a")
    art.polygon([(0.76 * wide, 0.58), (0.9 * wide, 0.58), (0.9 * wide, 0.72), (0.76 * wide, 0.72)], "#e8dcb8")
    art.blob([(0.06 * wide, 0.72), (0.32 * wide, 0.72), (0.27 * wide, 0.87), (0.12 * wide, 0.87)], "#e6dfcd")
    for ox, oy, tint in ((0.12, 0.7, "#b8382a"), (0.2, 0.67, "#d9a22e"), (0.27, 0.705, "#8fa03a")):
        art.disc(ox * wide, oy, 0.05, tint)
    picture = art.picture()
    plain = picture.copy()
    for level in range(5):  # shards: each shows the scene shifted and tinted, shaded from one of its edges
        for _ in (range(9), range(22), range(40), range(60), range(50))[level]:
            cy, cx = rng.random() * shape[0], rng.random() * shape[1]
            size = (0.3, 0.2, 0.13, 0.085, 0.05)[level] * unit
            corners = int(rng.integers(3, 6))
            a = np.sort(rng.random(corners)) * 2.2 + np.arange(corners) / corners * 6.283 * 0.75 + rng.random() * 6.28
            points = np.stack([cy + size * np.sin(a) * (0.6 + 0.7 * rng.random(corners)), cx + size * np.cos(a) * (0.6 + 0.7 * rng.random(corners))], -1)
            points = points[np.argsort(np.arctan2(points[:, 0] - points[:, 0].mean(), points[:, 1] - points[:, 1].mean()))]
            top, left = np.maximum(np.floor(points.min(0)).astype(int), 0)
            bottom, right = np.minimum(np.ceil(points.max(0)).astype(int) + 1, shape)
            if bottom - top < 3 or right - left < 3:
                continue
            py, px = np.mgrid[top:bottom, left:right].astype(np.float32)
            inside = np.full(py.shape, np.inf, np.float32)
            for k, (ay, ax) in enumerate(points):
                by, bx = points[(k + 1) % corners]
                normal = np.array([bx - ax, -(by - ay)]) / (np.hypot(bx - ax, by - ay) + 1e-6)
                gap = (py - ay) * normal[0] + (px - ax) * normal[1]
                first_edge = gap if k == 0 else first_edge
                inside = np.minimum(inside, gap)
            if inside.max() <= 0:
                continue
            shift = rng.normal(0, 0.045 * unit, 2) * (1.0, 1.0, 0.8, 0.5, 0.4)[level]
            shard = sample(plain, py + shift[0], px + shift[1])
            fade = np.clip(first_edge / size, 0, 1.4)
            dark = rng.random() < 0.5
            shard = shard * (0.45 + 0.75 * fade if dark else 1.42 - 0.62 * fade)[..., None]
            tint = rgb(rng.choice(["#c9b384", "#6f8790", "#a9622b", "#e9dcbc", "#3d4a4c"]))
            shard = mix(shard, tint, 0.25 * rng.random())
            window = (slice(top, bottom), slice(left, right))
            cover = step(-0.6, 0.6, inside) * (0.55 + 0.35 * rng.random())
            picture[window] = mix(picture[window], np.clip(shard, 0, 1), cover)
            if rng.random() < 0.75:
                line = step(1.7 * s, 0.5 * s, np.abs(inside - 0.8 * s)) * 0.85
                picture[window] = mix(picture[window], rgb("#1c1612"), line)
    brush = fractal(shape, 22 * s, rng, 4, 0.8, 4.0)
    brush2 = fractal((shape[1], shape[0]), 22 * s, rng, 4, 0.8, 4.0).T
    marks = np.where(fractal(shape, unit / 6, rng, 1) > 0, brush, brush2)
    picture = np.clip(picture * (1 + 0.075 * marks)[..., None], 0, 1)
    return relight(picture, marks * 0.8 + blur(fractal(shape, 3, rng, 2), 0.7) * 0.4, 0.16)
