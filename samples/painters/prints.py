"""Pictures in lines and plates: pen hatching, woodcut, colour woodblock and halftone print."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, fractal, grey, grid, lattice, mix, ramp, rgb, step
from .sketch import Sketch, curve


def paper(shape: tuple[int, int], colour: str, rng: np.random.Generator, s: float, rough: float = 1.0) -> Array:
    """A sheet of paper with fibres and a slight unevenness of tone."""
    tone = 0.014 * fractal(shape, 200 * s, rng, 3) + 0.02 * rough * fractal(shape, 6 * s, rng, 4, 0.7, 2.0)
    return np.clip(rgb(colour) * (1 + tone)[..., None], 0, 1)


def _hatch(shape: tuple[int, int], tone: Array, angle: Array | float, gap: float, rng: np.random.Generator, s: float) -> Array:
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

    far = curve([(-0.1, 0.55), (0.15 * wide, 0.44), (0.3 * wide, 0.53), (0.6 * wide, 0.47), (0.85 * wide, 0.38), (1.1 * wide, 0.5)])
    art.polygon([*far, (1.1 * wide, 1.2), (-0.1, 1.2)], shade(0.25))
    art.line(far, 0.003, shade(0.9))
    art.polygon([(-0.1, 0.8), (1.1 * wide, 0.78), (1.1 * wide, 1.2), (-0.1, 1.2)], shade(0.18))
    rock = [(0.38, 0.84), (0.44, 0.7), (0.48, 0.6), (0.53, 0.52), (0.6, 0.47), (0.8, 0.45), (0.88, 0.52), (0.93, 0.62), (1.02, 0.72), (1.08, 0.86)]
    art.polygon([(px * wide + rng.normal(0, 0.004), py) for px, py in curve([(a, b) for a, b in rock], 6)], shade(0.5))
    for k in range(24):
        px = 0.46 + 0.52 * rng.random()
        py = 0.56 + 0.22 * rng.random()
        art.polygon([(px * wide, py), ((px + 0.03) * wide, py + 0.02), ((px + 0.045) * wide, py + 0.13), ((px + 0.01) * wide, py + 0.09)], shade(0.25 + 0.6 * (k % 2)))

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
                art.polygon([(a, base - h), (a, base - h - 0.025), (a + w * 0.35, base - h - 0.025), (a + w * 0.35, base - h)], shade(0.5))
        for k in range(2):
            art.polygon([(cx - 0.008, base - h * (0.4 + 0.3 * k)), (cx - 0.008, base - h * (0.4 + 0.3 * k) - 0.03), (cx + 0.008, base - h * (0.4 + 0.3 * k) - 0.03), (cx + 0.008, base - h * (0.4 + 0.3 * k))], shade(1))

    art.polygon([(0.54 * wide, 0.54), (0.54 * wide, 0.4), (0.86 * wide, 0.4), (0.86 * wide, 0.54)], shade(0.3))
    art.polygon([(0.7 * wide, 0.4), (0.7 * wide, 0.3), (0.82 * wide, 0.3), (0.82 * wide, 0.5), (0.7 * wide, 0.5)], shade(0.45))
    art.polygon([(0.69 * wide, 0.3), (0.72 * wide, 0.23), (0.8 * wide, 0.23), (0.83 * wide, 0.3)], shade(0.85))
    for args in ((0.56, 0.52, 0.035, 0.2, 0.12), (0.66, 0.5, 0.05, 0.3, 0.15), (0.86, 0.54, 0.04, 0.22, 0.0), (0.76, 0.32, 0.022, 0.13, 0.09)):
        tower(*args)
    bridge = [(-0.1, 0.66), (0.2 * wide, 0.65), (0.52 * wide, 0.68), (0.52 * wide, 0.87), (-0.1, 0.9)]
    art.polygon(bridge, shade(0.22))
    art.polygon([(-0.1, 0.655), (0.52 * wide, 0.67), (0.52 * wide, 0.685), (-0.1, 0.675)], shade(0.75))
    for cx in (0.0, 0.17, 0.34):
        cx = (cx + 0.06) * wide
        arch = [(cx + 0.065 * np.cos(a), 0.78 - 0.07 * np.sin(a)) for a in np.linspace(0, np.pi, 20)]
        art.polygon([(cx + 0.065, 0.9), *arch, (cx - 0.065, 0.9)], shade(0.95))
        art.polygon([(cx + 0.04, 0.9), *[(px * 0.75 + (cx - 0.02) * 0.25, py + 0.012) for px, py in arch[3:]], (cx - 0.065, 0.9)], shade(0.3))
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


def woodcut(shape: tuple[int, int], seed: int) -> Array:
    """Pines, a fox and a red sun: black cut with a gouge, and one red block."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    sx, sy = 0.5 * wide, 0.36
    r = np.hypot(x - sx, y - sy)
    around = np.arctan2(y - sy, x - sx)
    wob = 0.006 * fractal(shape, 40 * s, rng, 2)

    def cuts(phase: Array, thick: Array | float) -> Array:
        """White gouge cuts, pointed at their ends: black left between them."""
        return step(thick - 0.1, thick + 0.1, np.abs((phase % 1) - 0.5) * 2)

    rays = around / (2 * np.pi) * 76 + 0.3 * np.sin(r * 40)
    swell = 0.36 + 0.32 * np.sin(r * 36 + 3 * np.sin(np.floor(rays) * 2.1)) + 0.25 * step(0.9, 0.3, r)
    black = cuts(rays, np.clip(swell, 0.05, 0.95))
    black = np.where(r < 0.235 + wob, 0, black)
    red = (r < 0.225 + wob).astype(np.float32)
    for depth, (base, freq, direction) in enumerate(((0.6, 4.0, 0.5), (0.7, 3.1, -0.45), (0.8, 5.0, 0.3))):
        line = base + 0.045 * np.sin(freq * x + depth * 2.2) + 0.02 * np.sin(11 * x + depth)
        below = y - line
        phase = (y * 34 + direction * x * 20 + 2.0 * np.sin(x * (7 + depth) + depth) + 6 * wob * 8)
        tone = 0.25 + 0.9 * step(0.0, 0.13, below) * (0.6 + 0.4 * np.sin(9 * x + depth))
        hill = cuts(phase, np.clip(tone, 0.08, 0.96))
        hill = np.where(below < 0.008, 1, hill)
        black = np.where(below > 0, hill, black)
        red = np.where(below > 0, 0, red)
    drawing = Sketch(shape, "#000000")  # red channel: black ink; green: white cuts; blue: red ink
    for k in range(9):
        px = (0.02, 0.13, 0.24, 0.78, 0.88, 0.99, 0.07, 0.94, 0.7)[k] * wide
        base = (0.8, 0.86, 0.78, 0.8, 0.88, 0.82, 0.98, 1.0, 0.74)[k]
        h = (0.6, 0.72, 0.42, 0.4, 0.72, 0.6, 0.5, 0.55, 0.24)[k]
        drawing.line([(px, base), (px, base - h * 0.95)], 0.02 * h / 0.5, "#ff0000", 0.3)
        for tier in range(13):
            t = tier / 13
            ty = base - h * (0.14 + 0.86 * t)
            w = h * 0.24 * (1 - t) + 0.012
            for side in (-1, 1):
                tip = (px + side * w * (0.8 + 0.35 * rng.random()), ty + w * 0.45)
                drawing.polygon([(px, ty - h * 0.05), ((px + tip[0]) / 2, ty + w * 0.02), tip, ((px + tip[0]) / 2, ty + w * 0.36), (px, ty + h * 0.05)], "#ff0000")
                for c in range(3):
                    u = 0.3 + 0.2 * c
                    ax, ay = px + (tip[0] - px) * u, ty + (tip[1] - ty) * u
                    drawing.line([(ax, ay - 0.004), (ax + side * w * 0.22, ay + w * 0.13)], 0.0055, "#00ff00", 0.3)
    fx, fy, size = 0.47 * wide, 0.9, 0.36

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(fx + px * size, fy + py * size) for px, py in points]

    for grow, tint in ((1.07, "#00ff00"), (1.0, "#0000ff")):
        def big(points: list[tuple[float, float]], grow: float = grow) -> list[tuple[float, float]]:
            c = np.mean(points, 0)
            return at([tuple(c + (np.array(p) - c) * grow) for p in points])  # type: ignore[misc]

        drawing.blob(big([(-0.2, 0.0), (-0.24, -0.25), (-0.16, -0.5), (-0.02, -0.66), (0.1, -0.55), (0.16, -0.3), (0.24, -0.05), (0.1, 0.04)]), tint)
        drawing.polygon(big([(-0.24, -0.78), (-0.22, -1.03), (-0.1, -0.88), (0.02, -0.88), (0.14, -1.03), (0.16, -0.78), (0.08, -0.62), (-0.04, -0.5), (-0.16, -0.62)]), tint)
        drawing.blob(big([(0.14, -0.02), (0.3, 0.0), (0.5, -0.1), (0.62, -0.34), (0.55, -0.5), (0.46, -0.3), (0.32, -0.18), (0.18, -0.14)]), tint)
    drawing.polygon(at([(-0.09, -0.57), (-0.04, -0.5), (0.01, -0.57)]), "#ff0000")
    for side in (-1, 1):
        drawing.polygon(at([(-0.04 + side * 0.06, -0.71), (-0.04 + side * 0.14, -0.76), (-0.04 + side * 0.12, -0.7)]), "#ff0000")
        drawing.polygon(at([(-0.04 + side * 0.03, -0.52), (-0.04 + side * 0.17, -0.64), (-0.04 + side * 0.1, -0.66)]), "#00ff00")
        drawing.polygon(at([(-0.04 + side * 0.13, -0.86), (-0.04 + side * 0.17, -0.97), (-0.04 + side * 0.08, -0.87)]), "#ff0000")
    for k in range(16):
        u = k / 16
        drawing.line(at([(-0.2 + 0.08 * np.sin(k), -0.05 - 0.5 * u), (-0.1 + 0.05 * np.sin(k * 2), 0.0 - 0.5 * u)]), 0.005, "#ff0000", 0.2)
        drawing.line(at([(0.2 - 0.1 * u, -0.05 - 0.4 * u), (0.1 - 0.06 * u, 0.02 - 0.42 * u)]), 0.006, "#ff0000", 0.2)
        drawing.line(at([(0.28 + 0.28 * u, -0.03 - 0.36 * u * u), (0.35 + 0.26 * u, -0.1 - 0.36 * u * u)]), 0.006, "#ff0000", 0.2)
    drawing.polygon(at([(0.6, -0.38), (0.6, -0.5), (0.53, -0.55), (0.5, -0.4), (0.55, -0.36)]), "#00ff00")
    drawing.polygon(at([(-0.08, -0.46), (0.0, -0.46), (0.02, -0.2), (-0.04, -0.08), (-0.11, -0.22)]), "#00ff00")
    drawn = drawing.picture()
    black = np.clip(black * (1 - drawn[..., 1]) * (1 - drawn[..., 2]) + drawn[..., 0], 0, 1)
    red = np.clip(red * (1 - drawn[..., 1]) * (1 - drawn[..., 0]) + drawn[..., 2], 0, 1)
    frame = np.minimum(np.minimum(y, shape[0] / unit - y), np.minimum(x, wide - x)) + 0.003 * fractal(shape, 30 * s, rng, 3)
    black = np.where(frame < 0.03, 0, np.where(frame < 0.045, 1, black))
    red = np.where(frame < 0.045, 0, red)
    rough = fractal(shape, 5 * s, rng, 3) * 0.18
    black = step(0.38, 0.62, blur(black, 0.9 * s) + rough * 0.7)
    wood = fractal(shape, 5 * s, rng, 3, 0.6, 18.0)  # the plank's grain shows in the solid areas
    bare = step(1.2, 2.3, wood + 0.5 * fractal(shape, 3 * s, rng, 2))
    sheet = paper(shape, "#efe3c8", rng, s)
    picture = mix(sheet, rgb("#c3321f"), blur(red, 0.8 * s) * (0.93 - 0.3 * bare))
    return mix(picture, rgb("#15120f"), black * (0.96 - 0.5 * bare))


def wave(shape: tuple[int, int], seed: int) -> Array:
    """A breaking wave, a boat and a snow-capped mountain as a colour woodblock print on washi."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    sky = ramp([(0, "#5f7f95"), (0.12, "#b7bfae"), (0.3, "#ead9b2"), (0.6, "#f0dfb8")], y)
    art = Sketch(shape, sky)
    ink, deep, mid, pale, foam = "#14284a", "#1f4a84", "#4a86b4", "#a9cbd0", "#f4ecd6"
    art.disc(0.8 * wide, 0.2, 0.085, "#cf4a30")
    for cy, cx, w in ((0.3, 0.72, 0.2), (0.34, 0.9, 0.16), (0.13, 0.45, 0.13)):
        for k in range(3):
            art.line([((cx - w * (1 - 0.2 * k)) * wide, cy + 0.022 * k), ((cx + w * (0.8 - 0.25 * k)) * wide, cy + 0.022 * k)], 0.016, "#f6ead0")
    peak = [(0.46, 0.67), (0.56, 0.57), (0.63, 0.47), (0.66, 0.445), (0.69, 0.46), (0.76, 0.56), (0.9, 0.68)]
    mountain = [(px * wide, py) for px, py in curve(peak, 6)]
    art.polygon(mountain, "#5a6f86")
    art.polygon([(px * wide, py) for px, py in [(0.585, 0.535), (0.63, 0.47), (0.66, 0.445), (0.69, 0.46), (0.735, 0.525), (0.715, 0.545), (0.7, 0.52), (0.68, 0.56), (0.66, 0.52), (0.64, 0.565), (0.62, 0.53), (0.605, 0.555)]], foam)
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
        art.line([(px * wide, ey + 0.012 * np.sin(px * 19 + k * 2)) for px in np.linspace(0.3, 1.1, 40)], 0.006, (pale, deep)[k % 2])
    sea([(0.52, 0.86), (0.62, 0.78), (0.72, 0.71), (0.82, 0.66), (0.86, 0.69), (0.84, 0.75), (0.92, 0.82), (1.2, 0.85), (1.2, 1.2), (0.4, 1.2)], deep)
    for k in range(8):
        o = 0.016 * k
        art.line([(px * wide, py + o * 1.5) for px, py in curve([(0.56 + o, 0.86), (0.66 + o, 0.79), (0.76 + o * 0.8, 0.725), (0.81, 0.71 + o * 0.2)], 8)], 0.007, (pale, mid)[k % 2], 0.4)
    for px, py, a in ((0.82, 0.665, -1.9), (0.86, 0.69, -0.5), (0.77, 0.685, -2.2), (0.72, 0.71, -2.3)):
        claws(px * wide, py, a, 0.03, 1)
    boat = [(0.38, 0.8), (0.46, 0.85), (0.6, 0.85), (0.68, 0.77), (0.6, 0.815), (0.46, 0.82)]
    art.polygon([(px * wide, py) for px, py in curve(boat, 6)], "#d8b06a")
    art.line([(px * wide, py) for px, py in curve(boat[:4], 6)], 0.007, ink)
    for k in range(5):
        art.disc((0.47 + 0.03 * k) * wide, 0.805, 0.013, "#e6c39a")
        art.polygon([((0.455 + 0.03 * k) * wide, 0.835), ((0.46 + 0.03 * k) * wide, 0.81), ((0.48 + 0.03 * k) * wide, 0.81), ((0.485 + 0.03 * k) * wide, 0.835)], "#2b3f63")
    body = [(-0.2, 1.2), (-0.2, 0.5), (-0.05, 0.33), (0.08, 0.2), (0.22, 0.13), (0.36, 0.13), (0.46, 0.2), (0.5, 0.3), (0.45, 0.36), (0.42, 0.28),
            (0.35, 0.25), (0.27, 0.32), (0.22, 0.46), (0.23, 0.62), (0.31, 0.78), (0.44, 0.89), (0.6, 0.95), (0.8, 1.2)]
    sea(body, deep, 0.009)
    for k in range(17):  # bands that follow the wave's back into its curl
        t = k / 17
        outer = np.array([(-0.15, 0.75), (0.0, 0.42), (0.14, 0.24), (0.28, 0.17), (0.4, 0.19), (0.46, 0.27)])
        inner = np.array([(0.55, 1.0), (0.34, 0.86), (0.22, 0.68), (0.19, 0.46), (0.25, 0.31), (0.36, 0.23)])
        band = outer * (1 - t) + inner * t + rng.normal(0, 0.002, outer.shape)
        art.line([(px * wide, py) for px, py in curve([tuple(p) for p in band], 10)], 0.019 - 0.006 * t, (pale, deep, mid, foam, ink, mid)[k % 6], 0.45)
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
    low = [(-0.2, 1.2), (-0.2, 0.86), (0.0, 0.83), (0.16, 0.9), (0.36, 0.98), (0.56, 0.99), (0.75, 0.94), (0.9, 0.9), (1.2, 0.97), (1.2, 1.2)]
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
        fibres.line(curve([(px, py), (px + 0.02 * np.cos(a), py + 0.02 * np.sin(a)), (px + 0.045 * np.cos(a + 0.5), py + 0.045 * np.sin(a + 0.5))], 5), 0.0022, "#ffffff")
    baren = fractal(shape, 7 * s, rng, 3, 0.7, 9.0)
    mottled = fractal(shape, 4 * s, rng, 3, 0.8)
    sheet = paper(shape, "#f1e4c4", rng, s, 1.3)
    inked = np.clip(0.9 + 0.05 * baren + 0.045 * mottled, 0.6, 1)
    picture = sheet * mix(np.ones(3), flat / rgb("#f4ecd6"), inked)
    return np.clip(mix(picture, sheet * 1.05, fibres.mask() * 0.4), 0, 1)


def halftone(shape: tuple[int, int], seed: int) -> Array:
    """A hot-air balloon over a city in three spot inks, printed as dots a little out of register."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    art = Sketch(shape, ramp([(0, "#3a7fc8"), (0.45, "#ffd9b0"), (0.75, "#ff9aa0")], y))
    art.disc(0.76 * wide, 0.5, 0.16, "#ffe14a")
    for cx, cy, size in ((0.16, 0.23, 0.07), (0.85, 0.14, 0.06), (0.1, 0.55, 0.05), (0.9, 0.4, 0.05)):
        for k in range(5):
            art.disc(cx * wide + size * (k - 2) * 0.8, cy - size * 0.35 * (k % 2), size * (0.9 - 0.15 * abs(k - 2)), "#ffffff", 0.75)
    cx, cy, r = 0.42 * wide, 0.29, 0.24
    for k in range(8):
        a, b = -1 + k / 4, -0.75 + k / 4
        strip = [(cx + r * np.sin(a * 1.57) * np.cos(t), cy + r * np.sin(t)) for t in np.linspace(-1.57, 0.95, 16)]
        other = [(cx + r * np.sin(b * 1.57) * np.cos(t), cy + r * np.sin(t)) for t in np.linspace(0.95, -1.57, 16)]
        neck = [(cx + 0.05 * a, cy + r * 1.2), (cx + 0.05 * b, cy + r * 1.2)]
        art.polygon([*strip, *neck, *other], ("#ff4a6a", "#ffe14a", "#2a4ab0", "#ffffff")[k % 4])
    for side in (-1, 1):
        art.line([(cx + side * 0.05, cy + r * 1.2), (cx + side * 0.03, cy + r * 1.5)], 0.005, "#202860")
    art.polygon([(cx - 0.04, cy + r * 1.48), (cx + 0.04, cy + r * 1.48), (cx + 0.032, cy + r * 1.7), (cx - 0.032, cy + r * 1.7)], "#c0482a")
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
    for channel, ink, angle, shift in ((2, "#ffd400", 0.0, (0, 0)), (1, "#ff3d6e", 1.31, (3, -2)), (0, "#1558b8", 0.78, (-2, 3))):
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
