"""A harbour town with a lighthouse in evening light: a photograph-like content."""

from __future__ import annotations

import numpy as np

from .noise import Array, fractal, mix, rgb, sample, step
from .rays import Convex, Ellipsoid, Material, Scene, develop, photograph, unit

SUN = np.array([-0.72, 0.36, -0.6], np.float32) / np.linalg.norm([0.72, 0.36, 0.6])
SUNLIGHT = np.array([5.4, 3.2, 1.5], np.float32)


class Texture:
    """Tileable-enough noise, looked up by position."""

    def __init__(self, rng: np.random.Generator):
        self.values = fractal((1024, 1024), 128, rng, 7, 0.6)

    def __call__(self, u: Array, v: Array, scale: float) -> Array:
        """Noise of about ±1 with features of 128/scale units and less."""
        return sample(self.values, np.abs((v * scale + 3000) % 2040 - 1020), np.abs((u * scale + 3000) % 2040 - 1020))


def linear(code: str) -> Array:
    """A colour as reflectance."""
    return rgb(code) ** 2.2


def _matt(shape: int) -> Array:
    return np.zeros(shape, np.float32)


def photo(shape: tuple[int, int], seed: int) -> Array:
    """Render the harbour."""
    rng = np.random.default_rng(seed)
    noise = Texture(rng)
    bearing = fractal((1, 2048), 400, rng, 8, 0.52)[0]

    def sky(way: Array) -> Array:
        up = way[:, 1]
        high = np.clip(up, 0, 1)
        warm = np.clip(way @ np.array([-0.7, 0, -0.2], np.float32) * 0.5 + 0.5, 0, 1)[:, None]
        base = linear("#f7c9a0") * (1 - warm) + linear("#ffd890") * warm
        light = mix(base, linear("#8fb0d6"), step(0.0, 0.28, high)[:, None])
        light = mix(light, linear("#3b6cb4"), step(0.15, 0.75, high)[:, None])
        h = 1 / (high + 0.12)
        u, v = way[:, 0] * h, way[:, 2] * h
        cloud = noise(u, v * 1.6, 120) * 0.75 + 0.45 * noise(u + 7, v * 1.6, 420)
        toward = noise(u - 0.25, v * 1.6 - 0.15, 120) * 0.75 + 0.45 * noise(u + 6.75, v * 1.6 - 0.15, 420)
        cover = step(-0.15, 1.0, cloud) * step(0.02, 0.14, up)
        glow = np.clip(0.62 + 0.4 * (cloud - toward), 0.2, 1.2)[:, None]
        light = mix(light, mix(linear("#8f8aa8"), linear("#ffdcb8") * 1.25, glow), (cover * 0.9)[:, None])
        where = (np.arctan2(way[:, 0], way[:, 2]) / (2 * np.pi) % 1) * 2047
        for number, (lift, size, tint) in enumerate(((0.085, 0.028, "#a9b0c8"), (0.05, 0.024, "#7f8fa0"))):
            ridge = lift + size * bearing[(where * (1 + number) + 700 * number).astype(int) % 2048]
            light = mix(light, linear(tint), step(0.0015, -0.0015, up - ridge)[:, None])
        return (light * 1.15).astype(np.float32)

    def lamp(points: Array, dice: np.random.Generator) -> tuple[Array, Array, Array]:
        to = unit(SUN + dice.normal(0, 0.012, points.shape).astype(np.float32))
        return to, np.full(len(points), 1e5, np.float32), np.broadcast_to(SUNLIGHT, points.shape)

    scene = Scene(sky, lamp, haze=(900.0, linear("#efb890")))

    def wall(tint: str, base: float, left: float, shutters: str, night: int) -> Material:
        colour = linear(tint)

        def paint(p: Array, n: Array) -> tuple[Array, Array, Array]:
            across = np.where(np.abs(n[:, 2]) > 0.5, p[:, 0] - left, p[:, 2])
            up = p[:, 1] - base
            stain = 1 + 0.12 * noise(across, up, 22) + 0.07 * noise(across, up, 160) - 0.3 * np.clip(0.8 - up, 0, 1)
            skin = colour * stain[:, None]
            column, row = np.floor(across / 2.1), np.floor((up - 0.5) / 2.7)
            u, v = across / 2.1 - column - 0.5, (up - 0.5) / 2.7 - row - 0.52
            wide, tall = np.abs(u) * 2.1, np.abs(v) * 2.7
            frame = (wide < 0.52) & (tall < 0.82)
            glass = (wide < 0.42) & (tall < 0.72) & (wide > 0.035) & (np.abs(v * 2.7 + 0.1) > 0.035)
            shut = (wide > 0.52) & (wide < 0.92) & (tall < 0.8)
            skin = np.where(shut[:, None], linear(shutters) * (0.75 + 0.4 * (np.sin(v * 2.7 * 34) > 0))[:, None], skin)
            skin = np.where(frame[:, None], linear("#efe6d6"), skin)
            lit = (np.sin(column * 12.9 + row * 78.2 + night * 3.7) > 0.55) & glass
            skin = np.where(glass[:, None], linear("#20303c"), skin)
            given = np.where(lit[:, None], linear("#ffc060") * 1.3, 0).astype(np.float32)
            return skin.astype(np.float32), np.where(glass, 1.0, 0.0).astype(np.float32) * 4, given

        return paint

    def tiles(tint: str) -> Material:
        colour = linear(tint)

        def paint(p: Array, n: Array) -> tuple[Array, Array, Array]:
            across = np.where(np.abs(n[:, 0]) > np.abs(n[:, 2]), p[:, 2], p[:, 0])
            row = p[:, 1] / 0.3
            rows = 0.72 + 0.4 * (row % 1) ** 0.7
            columns = 0.85 + 0.18 * np.sin(across * 2 * np.pi / 0.42)
            odd = 1 + 0.25 * np.sin(np.floor(row) * 91.7 + np.floor(across / 0.42) * 37.3)
            worn = 1 + 0.22 * noise(across, p[:, 1], 24)
            return (colour * (rows * columns * odd * worn)[:, None]).astype(np.float32), _matt(len(p)), np.zeros_like(p)

        return paint

    def plain(tint: str, scale: float = 30.0, rough: float = 0.2, gloss: float = 0.0) -> Material:
        colour = linear(tint)

        def paint(p: Array, n: Array) -> tuple[Array, Array, Array]:
            spots = noise(p[:, 0] + p[:, 2] * 0.7, p[:, 1] + p[:, 2] * 0.5, scale) + 0.5 * noise(
                p[:, 2], p[:, 0], scale * 4
            )
            shade = np.clip(1 + rough * spots, 0.1, 2)[:, None]
            return (colour * shade).astype(np.float32), np.full(len(p), gloss, np.float32), np.zeros_like(p)

        return paint

    def stones(p: Array, n: Array) -> tuple[Array, Array, Array]:
        row = np.floor(p[:, 1] / 0.55)
        along = (p[:, 0] + p[:, 2]) / 1.2 + 0.5 * (row % 2)
        joint = (np.abs(p[:, 1] / 0.55 - row - 0.5) > 0.44) | (np.abs(along - np.floor(along) - 0.5) > 0.46)
        tone = 1 + 0.22 * np.sin(np.floor(along) * 45.1 + row * 17.3) + 0.25 * noise(p[:, 0], p[:, 1], 60)
        tone = np.where(joint & (np.abs(n[:, 1]) < 0.5), 0.45, tone) * np.clip(0.45 + p[:, 1] * 0.6, 0.35, 1)
        return (linear("#b09c82") * tone[:, None]).astype(np.float32), _matt(len(p)), np.zeros_like(p)

    def house(
        x: float, z: float, w: float, d: float, base: float, h: float, tint: str, roof: str, gable: bool, k: int
    ) -> None:
        scene.add(
            Convex.box((x, base, z), (x + w, base + h, z + d)),
            wall(tint, base, x, ("#3f6a5a", "#34567a", "#7a3a30")[k % 3], k),
        )
        rise, eave = (0.5 if gable else 0.38) * (w if gable else d), 0.35
        y = base + h
        if gable:  # ridge points away from us
            corners = [
                (x - eave, y, z - eave),
                (x + w + eave, y, z - eave),
                (x + w / 2, y + rise, z - eave),
                (x - eave, y, z + d),
                (x + w + eave, y, z + d),
                (x + w / 2, y + rise, z + d),
            ]
        else:
            corners = [
                (x - eave, y, z - eave),
                (x - eave, y, z + d + eave),
                (x - eave, y + rise, z + d / 2),
                (x + w + eave, y, z - eave),
                (x + w + eave, y, z + d + eave),
                (x + w + eave, y + rise, z + d / 2),
            ]
        body = Convex.through(corners, [(0, 1, 2), (3, 4, 5), (0, 1, 3), (1, 2, 4), (0, 2, 3)])
        skin, slate = wall(tint, base, x, "#3f6a5a", k), tiles(roof)

        def cover(p: Array, n: Array) -> tuple[Array, Array, Array]:
            colour, gloss, given = slate(p, n)
            front = np.abs(n[:, 2]) > 0.95
            if gable and front.any():
                colour[front] = skin(p[front], n[front])[0]
            return colour, gloss, given

        scene.add(body, cover)
        if k % 3 != 1:
            cx, cz = x + w * 0.72, z + d * 0.5
            scene.add(Convex.box((cx, y, cz), (cx + 0.8, y + rise * 0.75 + 1.4, cz + 0.8)), plain("#a8644a"))

    scene.add(
        Convex.box((-300, -6, -300), (300, 0, 600)),
        lambda p, n: (
            np.broadcast_to(linear("#123c4a"), p.shape).astype(np.float32),
            np.full(len(p), 1.0, np.float32),
            np.zeros_like(p),
        ),
    )
    scene.add(Convex.box((-80, -2, 34), (17, 1.5, 160)), stones)
    hill = [(-90, 1.5, 46), (30, 1.5, 46), (34, 1.5, 150), (-90, 34, 150), (10, 26, 150), (-90, 1.5, 150)]
    scene.add(Convex.through(hill, [(0, 1, 4), (1, 2, 4), (3, 4, 5), (0, 3, 5), (0, 1, 2)]), plain("#5f6f34", 14, 0.4))
    fronts = ["#e3a15c", "#f2e3c4", "#c9604a", "#9fb8c4", "#efc36a", "#e8d2b0", "#d98a70", "#b7c49a"]
    roofs = ["#b5583a", "#9c4a34", "#7a4a44", "#a8623f"]
    for row, (z, base, start, stop) in enumerate(((38, 1.5, -40, 13), (53, 6.0, -52, 9), (68, 11.0, -60, 6))):
        x, k = float(start), row * 3
        while x < stop:
            w, h = 5.5 + 3.5 * rng.random(), (6.2, 6.0, 5.6)[row] + 4.0 * rng.random()
            if row == 0 or rng.random() < 0.8:
                house(
                    x,
                    z + 2 * rng.random(),
                    w,
                    8,
                    base - 2.5 * (row > 0),
                    h + 2.5 * (row > 0),
                    fronts[(k * 3 + row) % 8],
                    roofs[k % 4],
                    rng.random() < 0.55,
                    k,
                )
            x += w + (0.05 if row == 0 else 1.5 * rng.random())
            k += 1
    house(-15, 58, 5, 5, 6, 19, "#efdcb8", "#7a4a44", False, 4)
    spire = [(-15.4, 25, 57.6), (-9.6, 25, 57.6), (-9.6, 25, 63.4), (-15.4, 25, 63.4), (-12.5, 36, 60.5)]
    scene.add(Convex.through(spire, [(0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4), (0, 1, 2)]), tiles("#5f7a74"))
    for _ in range(46):
        x, z = -62 + 84 * rng.random(), 52 + 60 * rng.random()
        ground = 1.5 + (z - 46) * 0.28
        r = 1.6 + 1.8 * rng.random()
        green = ("#3f5a24", "#5a6f2a", "#2f4a2a")[rng.integers(3)]
        if rng.random() < 0.35:
            scene.add(Ellipsoid((x, ground + r * 1.8, z), (r * 0.5, r * 2.4, r * 0.5)), plain("#24401f", 60, 0.5))
        else:
            for _ in range(2):
                scene.add(
                    Ellipsoid((x + rng.normal(0, r / 2), ground + r, z + rng.normal(0, r / 2)), r), plain(green, 60, 0.5)
                )
    # The lighthouse on its rocks.
    lx, lz = 25.0, 30.0
    for _ in range(26):
        c = np.array([lx + rng.normal(0, 5.0), rng.random() * 1.2 - 0.5, lz + rng.normal(0, 3.5)])
        r = 1.2 + 2.0 * rng.random()
        normals = unit(rng.normal(size=(14, 3)))
        scene.add(
            Convex(normals.tolist(), (normals @ c + r * (0.55 + 0.4 * rng.random(14))).tolist(), c.tolist(), r * 1.9),
            plain("#7f6a58", 40, 0.4),
        )
    scene.add(Convex.box((lx - 3.6, 0, lz - 3.6), (lx + 3.6, 3.2, lz + 3.6)), stones)

    def frustum(y0: float, y1: float, r0: float, r1: float) -> Convex:
        a = np.arange(24) / 24 * 2 * np.pi
        lean = (r0 - r1) / (y1 - y0)
        normals = [[np.cos(t), lean, np.sin(t)] for t in a] + [[0, 1, 0], [0, -1, 0]]
        offsets = [np.cos(t) * lx + np.sin(t) * lz + lean * y0 + r0 for t in a] + [y1, -y0]
        return Convex(normals, offsets, (lx, (y0 + y1) / 2, lz), float(np.hypot((y1 - y0) / 2, max(r0, r1) * 1.05)))

    def bands(p: Array, n: Array) -> tuple[Array, Array, Array]:
        red = (np.floor((p[:, 1] - 3.2) / 3.3) % 2).astype(bool)
        worn = 1 + 0.1 * noise(p[:, 0] - p[:, 2], p[:, 1], 30) - 0.1 * np.clip(noise(p[:, 0] * 6, p[:, 1], 30), 0, 2)
        slit = (np.abs(p[:, 0] - lx + 0.3) < 0.3) & (np.abs((p[:, 1] - 3.2) % 6.6 - 5) < 0.6) & (n[:, 2] < 0)
        colour = np.where(red[:, None], linear("#c23a2c"), linear("#f4eee2")) * worn[:, None]
        return np.where(slit[:, None], 0.02, colour).astype(np.float32), _matt(len(p)), np.zeros_like(p)

    scene.add(frustum(3.2, 19.7, 2.5, 1.6), bands)
    scene.add(frustum(19.7, 20.3, 2.3, 2.3), plain("#2f3438"))
    scene.add(
        frustum(20.3, 22.6, 1.15, 1.15),
        lambda p, n: (
            np.full(p.shape, 0.1, np.float32),
            np.full(len(p), 1.0, np.float32),
            np.where(np.abs((p[:, 1] - 20.3) % 1.1 - 0.55)[:, None] < 0.47, linear("#ffd27a") * 2.4, 0).astype(np.float32),
        ),
    )
    scene.add(frustum(22.6, 24.6, 1.6, 0.1), plain("#a8302a"))
    # Boats: hull, masts, sails.
    for bx, bz, size, hull, sail, turn in (
        (-11, 7, 1.25, "#23507a", "#f6ecd8", 0.5),
        (7, 14, 1.1, "#b03428", "#e8a05a", -0.4),
        (-26, 20, 1.0, "#e8e0d0", "", 0.2),
        (-19, 28, 0.9, "#2f6a4f", "", -0.1),
        (-3, 29, 0.8, "#efe6d6", "", 0.1),
        (14, 24, 0.8, "#34567a", "", 0.3),
    ):
        c, s = np.cos(turn), np.sin(turn)

        def at(
            u: float, y: float, v: float, bx: float = bx, bz: float = bz, c: float = c, s: float = s, size: float = size
        ) -> tuple[float, float, float]:
            return bx + (u * c - v * s) * size, y * size, bz + (u * s + v * c) * size

        deck = [at(-3.2, 1.1, -0.9), at(2.0, 1.1, -1.1), at(4.4, 1.6, 0), at(2.0, 1.1, 1.1), at(-3.2, 1.1, 0.9)]
        keel = [at(-2.8, -0.5, -0.4), at(2.6, -0.5, 0.0), at(-2.8, -0.5, 0.4)]
        scene.add(
            Convex.through([*deck, *keel], [(0, 1, 5), (1, 2, 6), (2, 3, 6), (3, 4, 7), (0, 4, 5), (0, 1, 3), (5, 6, 7)]),
            plain(hull, 20, 0.1, 1.0),
        )
        scene.add(
            Convex.box(at(-0.5, 1.0, -0.5), np.add(at(-0.5, 1.0, -0.5), (1.5 * size, 0.9 * size, 1.0 * size)).tolist()),
            plain("#f0e8da"),
        )
        mx, my, mz = at(0.6, 1.0, 0)
        scene.add(Convex.box((mx - 0.07, my, mz - 0.07), (mx + 0.07, my + 8.2 * size, mz + 0.07)), plain("#6a4a30"))
        if sail:
            for corners in (
                [at(0.4, 1.9, 0.06), at(0.5, 8.8, 0.06), at(-3.4, 2.1, 0.5)],
                [at(0.9, 1.7, 0.0), at(0.8, 7.8, 0.0), at(4.2, 1.9, -0.5)],
            ):
                thick = [tuple(np.add(q, (0.0, 0.0, 0.06))) for q in corners]
                scene.add(
                    Convex.through([*corners, *thick], [(0, 1, 2), (3, 4, 5), (0, 1, 3), (1, 2, 4), (0, 2, 3)]),
                    plain(sail, 8, 0.06),
                )
    scene.add(Convex.box((-34, 0.9, 12), (-31, 1.3, 34)), plain("#8a6a4a", 50, 0.3))
    for z in range(12, 34, 4):
        for x in (-34, -31.3):
            scene.add(Convex.box((x, -1, z), (x + 0.3, 2.0, z + 0.3)), plain("#5f4a38"))

    waves = [
        (a, k, ph)
        for a, k, ph in zip(rng.normal(0.3, 0.75, 22), 0.35 * 1.24 ** np.arange(22), rng.random(22) * 6.28, strict=True)
    ]

    def bend(p: Array, n: Array, which: Array) -> Array:
        water = which == 0
        if not water.any():
            return n
        n = n.copy()
        q = p[water]
        far = np.clip(np.hypot(q[:, 0], q[:, 2] + 34), 8, 400)
        slope_x, slope_z = np.zeros(len(q), np.float32), np.zeros(len(q), np.float32)
        for angle, k, phase in waves:
            c, s = np.sin(angle), np.cos(angle)
            fade = 0.034 / (1 + (k * far / 260) ** 2)
            swing = (
                np.cos(k * (c * q[:, 0] + s * q[:, 2]) + phase + 1.3 * np.sin(0.11 * q[:, 0] + 0.07 * q[:, 2] + phase))
                * fade
            )
            slope_x += c * swing
            slope_z += s * swing
        n[water] = unit(np.stack([-slope_x, np.ones_like(slope_x), -slope_z], -1))
        return n

    scene.bend = bend
    light = photograph(scene, shape, (3, 6.5, -34), (0.5, 9.2, 40), 40, 8, seed)
    return develop(light, 0.62, seed, 0.007)
