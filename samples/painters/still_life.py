"""Fruit, a vase and a bowl by a window: a photograph-like content."""

from __future__ import annotations

import numpy as np

from .harbour import Texture, linear
from .noise import Array, step
from .rays import Convex, Ellipsoid, Material, Scene, Turned, Union, develop, photograph, unit

WINDOW = np.array([-4.2, 2.4, -1.4], np.float32)  # its middle; it looks to the right and is 2.4 wide and 2 high


def photo(shape: tuple[int, int], seed: int) -> Array:
    """Render the still life."""
    rng = np.random.default_rng(seed)
    noise = Texture(rng)

    def sky(way: Array) -> Array:
        return np.broadcast_to(np.array([0.3, 0.3, 0.32], np.float32), way.shape) * (0.6 + 0.5 * way[:, 1:2])

    def lamp(points: Array, dice: np.random.Generator) -> tuple[Array, Array, Array]:
        spot = WINDOW + np.stack(
            [np.zeros(len(points)), dice.random(len(points)) * 2 - 1, dice.random(len(points)) * 2.4 - 1.2], -1
        )
        away = (spot - points).astype(np.float32)
        distance = np.linalg.norm(away, axis=1)
        to = away / distance[:, None]
        power = 30 * np.clip(-to[:, 0], 0, 1) / distance**2
        return to, distance - 0.01, power[:, None] * np.array([1.0, 0.9, 0.74], np.float32)

    scene = Scene(sky, lamp)

    def skin(
        tint: str,
        second: str,
        gloss: float,
        stripes: float = 0.0,
        middle: tuple[float, float, float] = (0, 0, 0),
        pores: float = 0.0,
    ) -> Material:
        first, other, c = linear(tint), linear(second), np.array(middle, np.float32)

        def paint(p: Array, n: Array) -> tuple[Array, Array, Array]:
            q = p - c
            around = np.arctan2(q[:, 2], q[:, 0])
            blush = noise(q[:, 0] * 2 + around * 0.1, q[:, 1] * 2, 60)
            amount = step(
                -0.9, 1.1, blush + stripes * np.sin(around * 31 + 2 * noise(q[:, 0], q[:, 1], 200)) + 1.2 * n[:, 0] * 0.5
            )
            dots = 1 + pores * noise(around * 0.4, q[:, 1] * 1.3, 2200)
            colour = (first * (1 - amount[:, None]) + other * amount[:, None]) * np.clip(dots, 0.3, 1.6)[:, None]
            return colour.astype(np.float32), np.full(len(p), gloss, np.float32), np.zeros_like(p)

        return paint

    def wood(p: Array, n: Array) -> tuple[Array, Array, Array]:
        plank = np.floor(p[:, 2] / 0.55)
        grain = noise(p[:, 0] * 0.25 + plank * 3.7, p[:, 2] * 3 + plank, 160) + 0.5 * noise(p[:, 0] * 0.3, p[:, 2] * 9, 400)
        tone = np.clip(0.9 + 0.23 * grain + 0.12 * np.sin(plank * 5.1), 0.25, 1.6)
        seam = np.abs(p[:, 2] / 0.55 - plank - 0.5) > 0.488
        colour = linear("#94602f") * (tone * np.where(seam, 0.3, 1))[:, None]
        return colour.astype(np.float32), np.full(len(p), 0.8, np.float32), np.zeros_like(p)

    def plaster(p: Array, n: Array) -> tuple[Array, Array, Array]:
        tone = 1 + 0.1 * noise(p[:, 0], p[:, 1], 60) + 0.05 * noise(p[:, 0], p[:, 1], 420)
        return (linear("#63808a") * tone[:, None]).astype(np.float32), np.zeros(len(p), np.float32), np.zeros_like(p)

    scene.add(Convex.box((-6, -0.2, -3), (6, 0, 2.2)), wood)
    scene.add(Convex.box((-8, -2, 2.6), (8, 7, 2.8)), plaster)

    def glaze(p: Array, n: Array) -> tuple[Array, Array, Array]:
        around = np.arctan2(p[:, 2] - 0.55, p[:, 0] + 0.75)
        y = p[:, 1]
        scroll = np.sin(around * 6 + 2.2 * np.sin(y * 7)) * np.sin(y * 12 + 1.2 * np.cos(around * 6))
        blue = step(0.3, 0.5, scroll) * (y > 0.35) * (y < 1.15)
        for ring in (0.24, 0.3, 1.2, 1.26, 1.62):
            blue = np.maximum(blue, step(0.018, 0.012, np.abs(y - ring)))
        petals = step(0.1, 0.2, np.sin(around * 12) * 0.5 + (1.5 - y) * 2.2 - 0.2) * (y > 1.28) * (y < 1.58)
        blue = np.maximum(blue, petals)[:, None] * (0.85 + 0.15 * noise(around, y, 300))[:, None]
        colour = linear("#ece6da") * (1 - blue) + linear("#1d3f95") * blue
        return colour.astype(np.float32), np.full(len(p), 1.0, np.float32), np.zeros_like(p)

    scene.add(
        Turned(
            (-0.75, 0, 0.55),
            [0, 0.04, 0.25, 0.7, 1.05, 1.3, 1.5, 1.66, 1.7],
            [0.26, 0.3, 0.4, 0.62, 0.55, 0.3, 0.2, 0.27, 0.3],
        ),
        glaze,
    )
    scene.add(
        Turned(
            (1.55, 0, 0.75), [0, 0.05, 0.9, 1.15, 1.3, 1.75, 1.8, 1.84], [0.3, 0.32, 0.32, 0.26, 0.12, 0.1, 0.125, 0.12]
        ),
        skin("#16402a", "#2c6a38", 1.0),
    )
    scene.add(
        Turned((0.55, 0, -0.15), [0, 0.03, 0.1, 0.3, 0.46, 0.5], [0.3, 0.32, 0.3, 0.62, 0.76, 0.78]),
        skin("#b4572e", "#cf7a44", 0.9, 0, (0.5, 0, 0)),
    )
    fruit = [
        ((0.15, 0.62, -0.2), 0.27, "#e8801c", "#f29a2c", 0.6, 0.0, 0.22),
        ((0.6, 0.64, -0.38), 0.27, "#a81f1c", "#d8642a", 0.9, 0.5, 0.05),
        ((0.98, 0.62, -0.1), 0.26, "#7f9a22", "#c8c23a", 0.9, 0.3, 0.05),
        ((0.5, 0.68, 0.15), 0.28, "#e8801c", "#f0a030", 0.6, 0.0, 0.22),
        ((0.55, 0.96, -0.12), 0.25, "#b3261e", "#e0a03a", 0.9, 0.6, 0.05),
        ((-0.72, 0.25, -0.75), 0.26, "#b0221c", "#e2b13e", 0.9, 0.6, 0.05),
        ((1.72, 0.24, -0.62), 0.25, "#e67a18", "#f29a2c", 0.6, 0.0, 0.22),
    ]
    for middle, r, tint, second, gloss, stripes, pores in fruit:
        scene.add(Ellipsoid(middle, (r, r * 0.93, r)), skin(tint, second, gloss, stripes, middle, pores))
        if stripes:
            scene.add(
                Convex.box(
                    (middle[0] - 0.012, middle[1] + r * 0.8, middle[2] - 0.012),
                    (middle[0] + 0.012, middle[1] + r * 1.22, middle[2] + 0.012),
                ),
                skin("#3a2614", "#4a3018", 0),
            )
    for middle, radii in (((-0.12, 0.19, -1.05), (0.28, 0.2, 0.2)), ((0.12, 0.2, -0.98), (0.03, 0.035, 0.035))):
        scene.add(Ellipsoid(middle, radii), skin("#e8c01c", "#f6d83c", 0.8, 0, middle, 0.15))
    grapes = []
    for k in range(34):
        a, d = rng.random() * 6.283, 0.36 * np.sqrt(rng.random())
        c = (
            1.02 + 1.25 * d * np.cos(a),
            0.1 + 0.2 * (1 - d / 0.36) * rng.random() + 0.06 * (k % 2),
            -1.0 + 0.7 * d * np.sin(a),
        )
        grapes.append(Ellipsoid(c, (0.1, 0.105, 0.1)))
    scene.add(Union(grapes), skin("#33164c", "#6a3068", 1.0))

    def leaf(p: Array, n: Array) -> tuple[Array, Array, Array]:
        colour = linear("#3f7030") * (1 + 0.3 * noise(p[:, 0], p[:, 1], 200))[:, None]
        return colour.astype(np.float32), np.full(len(p), 0.4, np.float32), np.zeros_like(p)

    green: list[Ellipsoid] = []
    # Tulips: stems of small balls along a curve, flowers of six petals.
    for tx, ty, tz, tint, second in (
        (-1.5, 2.4, 0.45, "#d8342c", "#f08a3a"),
        (-1.0, 2.78, 0.6, "#f2c21c", "#f6e26a"),
        (-0.45, 2.62, 0.4, "#e0507a", "#f6b0c0"),
        (-0.02, 2.3, 0.6, "#f4e8dc", "#f0c0b0"),
        (-0.85, 2.25, 0.15, "#c02a50", "#e8607a"),
        (-1.75, 2.05, 0.7, "#f0a040", "#f6d080"),
    ):
        start = np.array([-0.75, 1.6, 0.55])
        end = np.array([tx, ty - 0.12, tz])
        for t in np.linspace(0, 1, 34):
            q = start * (1 - t) + end * t + np.array([0, 0.3, 0]) * t * (1 - t)
            green.append(Ellipsoid(q.tolist(), (0.034, 0.06, 0.034)))
        way = unit(end - start)
        petals = []
        for k in range(6):
            a = k / 6 * 6.283
            c = np.array([tx + 0.1 * np.cos(a), ty + 0.05 + 0.02 * (k % 2), tz + 0.1 * np.sin(a)]) + 0.06 * way
            petals.append(Ellipsoid(c.tolist(), (0.1, 0.21, 0.1)))
        scene.add(Union(petals), skin(tint, second, 0.5, 0.3, (tx, ty, tz), 0.04))
    for lx, ly, lz in ((-1.55, 1.85, 0.3), (-0.2, 1.95, 0.35), (-1.2, 2.1, 0.8), (-0.5, 2.05, 0.75)):
        for t in np.linspace(0.1, 1, 40):
            q = (
                np.array([-0.75, 1.6, 0.55]) * (1 - t)
                + np.array([lx, ly, lz]) * t
                + np.array([0, 0.35, 0]) * np.sin(t * 2.6) * 0.6
            )
            w = 0.13 * np.sin(np.pi * min(t * 0.9 + 0.08, 1))
            green.append(Ellipsoid(q.tolist(), (0.02 + w * 0.6, 0.07, 0.015 + w * 0.35)))

    scene.add(Union(green), leaf)

    def bend(p: Array, n: Array, which: Array) -> Array:
        bump = np.stack(
            [
                noise(p[:, 0] + 3, p[:, 1] + p[:, 2], 700),
                noise(p[:, 2], p[:, 1] + 5, 700),
                noise(p[:, 0], p[:, 2] + 9, 700),
            ],
            -1,
        )
        return unit(n + 0.022 * bump).astype(np.float32)

    scene.bend = bend
    light = photograph(scene, shape, (0.2, 2.0, -6.2), (0.12, 1.5, 0), 34, 9, seed)
    return develop(light, 1.15, seed, 0.008)
