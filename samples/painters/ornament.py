"""Ornament: wax-resist cloth (batik) and a poster in whiplash curves."""

from __future__ import annotations

import numpy as np

from .noise import Array, blur, cells, fractal, grid, lattice, mix, ramp, relight, rgb, step
from .prints import paper
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

        outlined([at(0, 0), at(0.45, -0.045), at(0.8, -0.1), at(0.98, -0.085), at(1.06, 0), at(0.98, 0.085), at(0.8, 0.1), at(0.45, 0.045)], (brown, rust, sky)[k % 3])
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
    body = [(-0.06, -0.15), (-0.05, -0.27), (-0.075, -0.33), (-0.03, -0.385), (0.025, -0.36), (0.035, -0.28), (0.05, -0.15), (0.095, 0.0), (0.08, 0.12), (0.0, 0.2), (-0.08, 0.12), (-0.095, 0.0)]
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
        vine = curve([(px + side * 0.03, py + 0.2), (px + side * 0.16, py + 0.24), (px + side * 0.28, py + 0.16), (px + side * 0.4, py + 0.2), (px + side * 0.46, py + 0.08)], 12)
        art.line(vine, 0.012, cream)
        for i in range(3, len(vine), 5):
            vx, vy = vine[i]
            a = np.arctan2(vine[i][1] - vine[i - 1][1], vine[i][0] - vine[i - 1][0])
            for turn in (-1.0, 1.0):
                b = a + turn
                tip = (vx + 0.085 * np.cos(b), vy + 0.085 * np.sin(b))
                outlined([(vx, vy), (vx + 0.045 * np.cos(b - 0.5), vy + 0.045 * np.sin(b - 0.5)), tip, (vx + 0.045 * np.cos(b + 0.5), vy + 0.045 * np.sin(b + 0.5))], (rust, brown)[i % 2], 0.006)
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
        art.line([(edge * wide if edge > 0.5 else edge, band), (edge * wide if edge > 0.5 else edge, 1 - band)], 0.006, cream)
    cloth = art.picture()
    spots = rng.random((110, 2)) * shape
    warp = fractal(shape, 60 * s, rng, 4, 0.6)
    _, first, second = cells(shape, spots)
    crack = step(1.6 * s, 0.5 * s, np.abs(second - first + 5 * s * warp - 2 * s)) * step(-0.2, 0.7, fractal(shape, unit / 4, rng, 3))
    fine = cells(shape, rng.random((500, 2)) * shape)
    crack = np.maximum(crack, 0.7 * step(1.1 * s, 0.3 * s, np.abs(fine[2] - fine[1] + 3 * s * warp)) * step(0.1, 0.9, fractal(shape, unit / 5, rng, 3)))
    bled = mix(cloth, blur(cloth, 4 * s), 0.3 + 0.1 * np.clip(warp, -2, 2))
    dye = 1 + 0.09 * fractal(shape, 120 * s, rng, 5, 0.6) + 0.05 * fractal(shape, 12 * s, rng, 3)
    bled = mix(bled * dye[..., None], rgb("#1b2348"), 0.75 * crack)
    py_, px_ = np.mgrid[0 : shape[0], 0 : shape[1]]
    weave = np.sin(px_ * 2 * np.pi / (3.4 * s)) * np.sin(py_ * 2 * np.pi / (3.4 * s)) + 0.5 * fractal(shape, 5 * s, rng, 2)
    return np.clip(bled * (1 + 0.045 * weave)[..., None], 0, 1)


def lilies(shape: tuple[int, int], seed: int) -> Array:
    """Water lilies, dragonflies and a rising moon in whiplash lines and flat, muted gold and green."""
    rng = np.random.default_rng(seed)
    y, x = grid(shape)
    unit = min(shape)
    wide = shape[1] / unit
    s = unit / 768
    ink = "#3a2416"
    mid = wide / 2
    sky = ramp([(0, "#d8b36a"), (0.35, "#efd9a0"), (0.6, "#c4cba0"), (1, "#4f7a6a")], y + 0.01 * fractal(shape, unit / 5, rng, 3))
    art = Sketch(shape, sky)
    art.disc(mid, 0.34, 0.3, "#b5763a")
    art.disc(mid, 0.34, 0.29, "#f6e6b4")
    art.disc(mid, 0.34, 0.225, "#f9efcf")
    for k in range(36):  # halo of drops
        a = k / 36 * 6.283
        art.blob([(mid + 0.235 * np.cos(a), 0.34 + 0.235 * np.sin(a)), (mid + 0.26 * np.cos(a + 0.04), 0.34 + 0.26 * np.sin(a + 0.04)),
                  (mid + 0.28 * np.cos(a), 0.34 + 0.28 * np.sin(a)), (mid + 0.26 * np.cos(a - 0.04), 0.34 + 0.26 * np.sin(a - 0.04))], ("#c98a3a", "#8a9a5a")[k % 2])

    def shape_of(points: list[tuple[float, float]], fill: str, line: float = 0.006) -> None:
        smooth = curve(points, closed=True, steps=10)
        art.polygon(smooth, fill)
        for i, (a, b) in enumerate(zip(smooth, [*smooth[1:], smooth[0]], strict=True)):
            art.line([a, b], line * (0.6 + 0.6 * abs(np.sin(i * 0.11))), ink)

    for k in range(11):  # water: whiplash lines
        base = 0.68 + 0.032 * k
        points = [(px * wide, base + 0.02 * np.sin(px * 9 + k * 1.3) + 0.01 * np.sin(px * 23 + k)) for px in np.linspace(-0.05, 1.05, 26)]
        art.polygon([*curve(points, 4), (1.1 * wide, 1.2), (-0.1, 1.2)], ("#8fae8c", "#7a9f86", "#5f8f80", "#46786f", "#6a977c")[k % 5])
        art.line(curve(points, 4), 0.0045, "#2f4f48")

    def lily(cx: float, cy: float, r: float, tint: str, second: str) -> None:
        for ring, (count, reach) in enumerate(((9, 1.0), (7, 0.8), (5, 0.55))):
            for k in range(count):
                a = -np.pi * (0.06 + 0.88 * (k + 0.5) / count)
                tip = (cx + reach * r * 1.15 * np.cos(a), cy + reach * r * np.sin(a) * (0.85 + 0.25 * ring))
                side = (np.cos(a + np.pi / 2) * r * 0.22, np.sin(a + np.pi / 2) * r * 0.22)
                mx, my = cx + (tip[0] - cx) * 0.55, cy + (tip[1] - cy) * 0.55
                shape_of([(cx, cy + 0.01), (mx + side[0], my + side[1]), tip, (mx - side[0], my - side[1])], (tint, second, "#fbf1dc")[ring], 0.005)
                art.line([(cx, cy), ((mx + cx) / 2, (my + cy) / 2)], 0.003, "#b5603a")
        art.disc(cx, cy - r * 0.12, r * 0.13, "#e0a02c")

    for side in (-1, 1):
        for k in range(5):  # long stems that swing to the top corners
            sway = 0.035 * k
            stem = curve([(mid + side * (0.1 + sway), 1.05), (mid + side * (0.44 - sway * 0.4), 0.8), (mid + side * (0.3 + sway), 0.55), (mid + side * (0.46 - sway * 0.2), 0.3),
                          (mid + side * (0.33 + sway * 0.9), 0.08), (mid + side * (0.2 + 0.07 * k), 0.035 + 0.02 * k)], 12)
            art.line(stem, 0.019, ink, 0.5)
            art.line(stem, 0.012, ("#6f8a3a", "#a8a84a", "#4f7040")[k % 3], 0.45)
            bx, by = stem[-1]
            lean = -side
            shape_of([(bx, by), (bx + lean * 0.02, by + 0.035), (bx + lean * 0.055, by + 0.07), (bx + lean * 0.075, by + 0.02), (bx + lean * 0.035, by - 0.01)], ("#d9764a", "#f0b090", "#c2506a")[k % 3], 0.004)
        for k in range(3):
            lx, ly = mid + side * (0.36 + 0.05 * (k % 2)), 0.3 + 0.2 * k
            shape_of([(lx, ly), (lx - side * 0.06, ly - 0.05), (lx - side * 0.15, ly - 0.03), (lx - side * 0.1, ly + 0.025)], ("#7f9a48", "#5f7f48", "#b0ac58")[k], 0.005)
            art.line(curve([(lx, ly), (lx - side * 0.07, ly - 0.015), (lx - side * 0.14, ly - 0.028)]), 0.0035, ink)
    for cx, cy, r in ((0.18, 0.86, 0.13), (0.82, 0.84, 0.14), (0.5, 0.93, 0.2), (0.35, 0.76, 0.08), (0.68, 0.74, 0.075)):
        pad = [(cx * wide + r * np.cos(a), cy + 0.33 * r * np.sin(a)) for a in np.linspace(0.3, 6.0, 18)] + [(cx * wide, cy)]
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
                shape_of([at(side * 0.05, 0), at(side * 0.5, -lean - 0.12), at(side * 1.0, -lean * 1.3), at(side * 0.55, -lean + 0.12)], tint, 0.004)
                for t in (0.35, 0.6, 0.8):
                    art.line([at(side * t, -lean * t * 1.3 - 0.08), at(side * t, -lean * t * 1.3 + 0.08)], 0.0025, ink)
        art.line([at(0, -0.2), at(0, 0.85)], 0.012, "#2f5f6a", 0.5)
        art.disc(*at(0, -0.25), 0.011, ink)
    for inset, width, tint in ((0.018, 0.022, "#8a5a2a"), (0.018, 0.012, "#e6c26a"), (0.038, 0.005, ink)):
        art.line([(inset, inset), (wide - inset, inset), (wide - inset, 1 - inset), (inset, 1 - inset), (inset, inset)], width, tint)
    flat = art.picture()
    # A lithograph's crayon grain and the gold's dull sheen.
    grain = fractal(shape, 4 * s, rng, 3, 0.85)
    tone = np.clip(1 + 0.045 * grain + 0.04 * fractal(shape, 90 * s, rng, 4) - 0.07 * (lattice(shape, 2.2 * s, rng) > 0.86), 0, 1.3)
    sheet = paper(shape, "#fbf4e2", rng, s)
    return relight(np.clip(flat * tone[..., None] * sheet, 0, 1), grain * s, 0.03 / max(s, 0.2))
