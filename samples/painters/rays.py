"""A small path tracer in numpy: convex solids, ellipsoids and turned shapes in the light of the sun or a window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from .noise import Array, blur

FAR = np.float32(1e6)


def dot(a: Array, b: Array) -> Array:
    """Dot products of N×3 vectors."""
    return np.einsum("ij,ij->i", a, b)


def unit(v: Array) -> Array:
    """Vectors of length 1."""
    return v / (np.linalg.norm(v, axis=-1, keepdims=True) + 1e-9)


class Shape(Protocol):
    """What a ray can hit."""

    centre: Array
    radius: float

    def hit(self, origin: Array, way: Array) -> tuple[Array, Array]:
        """Distances (N, `FAR` where missed) and outward normals (N×3)."""


class Convex:
    """A solid bounded by planes `normal · p <= offset`."""

    def __init__(
        self, normals: Sequence[Sequence[float]], offsets: Sequence[float], centre: Sequence[float], radius: float
    ):
        length = np.linalg.norm(np.array(normals), axis=1)
        self.normals = (np.array(normals) / length[:, None]).astype(np.float32)
        self.offsets = (np.array(offsets) / length).astype(np.float32)
        self.centre, self.radius = np.array(centre, np.float32), float(radius)

    @staticmethod
    def box(low: Sequence[float], high: Sequence[float]) -> Convex:
        """An upright box."""
        a, b = np.array(low, float), np.array(high, float)
        normals = np.vstack([np.eye(3), -np.eye(3)])
        return Convex(normals.tolist(), [*b, *-a], ((a + b) / 2).tolist(), float(np.linalg.norm(b - a) / 2))

    @staticmethod
    def through(points: Sequence[Sequence[float]], faces: Sequence[Sequence[int]]) -> Convex:
        """A solid from its corners and faces (three corners each; outward is away from the middle)."""
        p = np.array(points, float)
        middle = p.mean(0)
        normals, offsets = [], []
        for i, j, k in faces:
            n = np.cross(p[j] - p[i], p[k] - p[i])
            n = n if n @ (p[i] - middle) > 0 else -n
            normals.append(n.tolist())
            offsets.append(float(n @ p[i]))
        return Convex(normals, offsets, middle.tolist(), float(np.linalg.norm(p - middle, axis=1).max()))

    def hit(self, origin: Array, way: Array) -> tuple[Array, Array]:
        """See Shape."""
        speed = way @ self.normals.T
        gap = self.offsets - origin @ self.normals.T
        with np.errstate(divide="ignore", invalid="ignore"):
            t = gap / speed
        enter = np.where(speed < 0, t, np.where((speed == 0) & (gap < 0), FAR, -FAR))
        leave = np.where(speed > 0, t, FAR)
        face = enter.argmax(1)
        near = enter[np.arange(len(face)), face]
        good = (near < leave.min(1)) & (near > 1e-3)
        return np.where(good, near, FAR), self.normals[face]


class Ellipsoid:
    """A sphere, stretched along the axes."""

    def __init__(self, centre: Sequence[float], radii: float | Sequence[float]):
        self.centre = np.array(centre, np.float32)
        self.radii = np.broadcast_to(np.array(radii, np.float32), 3)
        self.radius = float(self.radii.max())

    def hit(self, origin: Array, way: Array) -> tuple[Array, Array]:
        """See Shape."""
        o, d = (origin - self.centre) / self.radii, way / self.radii
        a, b, c = dot(d, d), dot(o, d), dot(o, o) - 1
        inside = b * b - a * c
        root = np.sqrt(np.maximum(inside, 0))
        t = (-b - root) / a
        t = np.where((inside > 0) & (t > 1e-3), t, FAR)
        p = o + np.where(t < FAR, t, 0)[:, None] * d
        return t, unit(p / self.radii)


class Union:
    """Several shapes of one material, with a common bounding sphere so that most rays skip them all."""

    def __init__(self, parts: Sequence[Shape]):
        self.parts = list(parts)
        low = np.min([part.centre - part.radius for part in parts], axis=0)
        high = np.max([part.centre + part.radius for part in parts], axis=0)
        self.centre = ((low + high) / 2).astype(np.float32)
        self.radius = float(max(np.linalg.norm(part.centre - self.centre) + part.radius for part in parts))

    def hit(self, origin: Array, way: Array) -> tuple[Array, Array]:
        """See Shape."""
        best, normal = np.full(len(way), FAR, np.float32), np.zeros_like(way)
        for part in self.parts:
            to = part.centre - origin
            along = dot(to, way)
            near = np.flatnonzero(dot(to, to) - along * along < part.radius**2)
            if len(near):
                t, n = part.hit(origin[near], way[near])
                closer = t < best[near]
                best[near[closer]], normal[near[closer]] = t[closer], n[closer]
        return best, normal


class Turned:
    """A shape turned on the lathe: its radius for each height, around an upright axis."""

    def __init__(self, foot: Sequence[float], heights: Sequence[float], radii: Sequence[float]):
        self.foot = np.array(foot, np.float32)
        self.y = np.linspace(heights[0], heights[-1], 400, dtype=np.float32)
        self.r = np.interp(self.y, heights, radii).astype(np.float32)
        taps = np.exp(-0.5 * (np.arange(-24, 25) / 9.0) ** 2)
        self.r = np.convolve(np.pad(self.r, 24, mode="edge"), taps / taps.sum(), mode="valid").astype(np.float32)
        self.top = float(heights[-1])
        self.centre = self.foot + np.array([0, self.top / 2, 0], np.float32)
        self.radius = float(np.hypot(self.top / 2, max(radii)))

    def gap(self, p: Array) -> Array:
        """A lower bound of the distance from the surface."""
        around = np.hypot(p[:, 0], p[:, 2]) - np.interp(p[:, 1], self.y, self.r)
        return np.maximum(around * 0.6, np.maximum(p[:, 1] - self.top, -p[:, 1]))

    def hit(self, origin: Array, way: Array) -> tuple[Array, Array]:
        """See Shape."""
        o = origin - self.foot
        t = np.maximum(dot(self.centre - origin, way) - self.radius, 2e-3)
        for _ in range(60):
            gap = self.gap(o + t[:, None] * way)
            t = t + np.maximum(gap, 3e-4)
        p = o + t[:, None] * way
        good = (self.gap(p) < 2e-3) & (t > 2e-3)
        e = 2e-3
        normal = np.stack([self.gap(p + s) - self.gap(p - s) for s in (np.eye(3, dtype=np.float32) * e)], -1)
        return np.where(good, t, FAR), unit(normal).astype(np.float32)


Material = Callable[[Array, Array], tuple[Array, Array, Array]]  # points, normals -> colour, gloss, light given off


@dataclass
class Scene:
    """Solids with materials, a sky and one lamp."""

    sky: Callable[[Array], Array]  # directions -> light
    lamp: Callable[[Array, np.random.Generator], tuple[Array, Array, Array]]  # points -> way, distance, light
    solids: list[tuple[Shape, Material]] = field(default_factory=list)
    bend: Callable[[Array, Array, Array], Array] | None = None  # points, normals, solid numbers -> bent normals
    haze: tuple[float, Array] | None = None  # distance in which two thirds are lost, and its colour

    def add(self, shape: Shape, material: Material) -> None:
        """Put a solid into the scene."""
        self.solids.append((shape, material))

    def nearest(self, origin: Array, way: Array, reach: Array | None = None) -> tuple[Array, Array, Array]:
        """The first hit: distance (`FAR` for none), normal, number of the solid."""
        best = np.full(len(way), FAR, np.float32) if reach is None else reach.astype(np.float32).copy()
        normal = np.zeros_like(way)
        number = np.full(len(way), -1, np.int32)
        for i, (shape, _) in enumerate(self.solids):
            to = shape.centre - origin
            along = dot(to, way)
            off = dot(to, to) - along * along
            near = np.flatnonzero((off < shape.radius**2) & (along > -shape.radius) & (along - shape.radius < best))
            if not len(near):
                continue
            t, n = shape.hit(origin[near], way[near])
            closer = t < best[near]
            chosen = near[closer]
            best[chosen], normal[chosen], number[chosen] = t[closer], n[closer], i
        if reach is not None:
            best = np.where(number >= 0, best, FAR)
        return best, normal, number

    def light(self, origin: Array, way: Array, rng: np.random.Generator, bounces: int = 1, mirrors: int = 1) -> Array:
        """Light (N×3, linear) that arrives along rays, with `bounces` diffuse and `mirrors` glossy reflections."""
        t, normal, number = self.nearest(origin, way)
        out = self.sky(way)
        seen = np.flatnonzero(number >= 0)
        if not len(seen):
            return out
        p = origin[seen] + t[seen, None] * way[seen]
        n, d, which = normal[seen], way[seen], number[seen]
        if self.bend is not None:
            n = self.bend(p, n, which)
        colour, gloss, given = (
            np.zeros((len(p), 3), np.float32),
            np.zeros(len(p), np.float32),
            np.zeros((len(p), 3), np.float32),
        )
        for i in np.unique(which):
            mine = which == i
            colour[mine], gloss[mine], given[mine] = self.solids[i][1](p[mine], n[mine])
        start = p + normal[seen] * 6e-3
        to, distance, lamp = self.lamp(start, rng)
        facing = np.clip(dot(n, to), 0, 1)
        lit = np.flatnonzero(facing > 0)
        shade = np.zeros(len(p), np.float32)
        if len(lit):
            _, _, blocker = self.nearest(start[lit], to[lit], distance[lit])
            shade[lit] = blocker < 0
        direct = lamp * (facing * shade)[:, None]
        scatter = unit(n + unit(rng.normal(size=n.shape).astype(np.float32)))
        indirect = self.light(start, scatter, rng, bounces - 1, 0) if bounces > 0 else self.sky(n) * 0.45
        result = colour * (direct + indirect) + given
        if mirrors > 0:
            fresnel = gloss * (0.04 + 0.96 * (1 - np.clip(-dot(n, d), 0, 1)) ** 5)
            shiny = np.flatnonzero(fresnel > 0.004)
            if len(shiny):
                mirror = d[shiny] - 2 * dot(d[shiny], n[shiny])[:, None] * n[shiny]
                mirror[:, 1] = np.where(n[shiny, 1] > 0.9, np.abs(mirror[:, 1]) + 1e-3, mirror[:, 1])
                seen_there = self.light(start[shiny], unit(mirror), rng, 0, mirrors - 1)
                f = fresnel[shiny, None]
                result[shiny] = result[shiny] * (1 - f) + seen_there * f
                half = unit(to[shiny] - d[shiny])
                spark = np.clip(dot(n[shiny], half), 0, 1) ** 220 * shade[shiny] * gloss[shiny] * 3.0
                result[shiny] += lamp[shiny] * np.minimum(spark, 2.5)[:, None]
        if self.haze is not None:
            lost = 1 - np.exp(-t[seen] / self.haze[0])
            result = result + (self.haze[1] - result) * lost[:, None]
        out[seen] = result
        return out


def photograph(
    scene: Scene,
    shape: tuple[int, int],
    eye: Sequence[float],
    target: Sequence[float],
    angle: float,
    samples: int,
    seed: int,
) -> Array:
    """Take the picture (linear light, H×W×3); `angle` is the vertical field of view in degrees."""
    rng = np.random.default_rng(seed)
    height, width = shape
    o = np.array(eye, np.float32)
    ahead = unit(np.array(target, np.float32) - o)
    right = unit(np.cross(np.array([0, 1, 0], np.float32), ahead))
    up = np.cross(ahead, right)
    scale = 2 * np.tan(np.radians(angle) / 2) / height
    total = np.zeros((height, width, 3), np.float32)
    band = max(1, 60000 // width)
    for top in range(0, height, band):
        rows = min(band, height - top)
        for _ in range(samples):
            y, x = np.mgrid[top : top + rows, 0:width]
            y, x = y + rng.random(y.shape), x + rng.random(x.shape)
            way = ahead + ((x - width / 2) * scale)[..., None] * right - ((y - height / 2) * scale)[..., None] * up
            way = unit(way.reshape(-1, 3)).astype(np.float32)
            seen = scene.light(np.broadcast_to(o, way.shape).copy(), way, rng)
            total[top : top + rows] += np.minimum(seen, 6.0).reshape(rows, width, 3)
    return total / samples


def develop(linear: Array, exposure: float, seed: int, grain: float = 0.012) -> Array:
    """Film: glow of the lights, filmic curve, darker corners, grain; returns perceptual sRGB 0..1."""
    rng = np.random.default_rng(seed)
    shape = linear.shape[:2]
    light = linear * exposure
    light = light + 0.12 * (blur(np.clip(light - 0.9, 0, 4), min(shape) / 60))
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    light = light * (1 - 0.2 * (x * x + y * y) / 2)[..., None]
    curve = np.clip(light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14), 0, 1)
    encoded = np.where(curve < 0.0031308, curve * 12.92, 1.055 * np.maximum(curve, 1e-6) ** (1 / 2.4) - 0.055)
    noise = blur(rng.normal(size=shape).astype(np.float32), 0.6)
    return np.clip(encoded + grain * noise[..., None] * 1.6, 0, 1).astype(np.float32)
