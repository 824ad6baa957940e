"""Noise, blur and the small arithmetic that all painters share."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

Array = np.ndarray


def grid(shape: tuple[int, int]) -> tuple[Array, Array]:
    """Pixel centres as (y, x), in units of the shorter side, so that a drawing is the same at every size."""
    height, width = shape
    unit = min(shape)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (y + 0.5) / unit, (x + 0.5) / unit


def lattice(shape: tuple[int, int], cell: float, rng: np.random.Generator, stretch: float = 1.0) -> Array:
    """Smooth random values 0..1 (H×W) with features of `cell` pixels, `stretch` times as wide as they are high."""
    height, width = shape
    across, down = max(cell * stretch, 1.0), max(cell, 1.0)
    columns, rows = math.ceil(width / across) + 3, math.ceil(height / down) + 3
    values = Image.fromarray(rng.random((rows, columns), dtype=np.float32))
    box = (1.0, 1.0, 1.0 + width / across, 1.0 + height / down)
    return np.asarray(values.resize((width, height), Image.Resampling.BICUBIC, box=box))


def fractal(
    shape: tuple[int, int], cell: float, rng: np.random.Generator, octaves: int = 5, gain: float = 0.5, stretch: float = 1.0
) -> Array:
    """Fractal noise (H×W) with mean 0 and standard deviation 1; `cell` is the largest feature in pixels."""
    total = np.zeros(shape, np.float32)
    amplitude = 1.0
    for _ in range(octaves):
        total += amplitude * lattice(shape, cell, rng, stretch)
        amplitude *= gain
        cell /= 2
        if cell < 1:
            break
    return (total - total.mean()) / (total.std() + 1e-6)


def blur(picture: Array, sigma: float) -> Array:
    """Gaussian blur of H×W or H×W×C with mirrored edges; a wide one is done on a smaller copy."""
    if sigma < 0.2:
        return picture
    if picture.ndim == 3:
        return np.stack([blur(picture[..., channel], sigma) for channel in range(picture.shape[2])], axis=-1)
    height, width = picture.shape
    if sigma > 6 and min(height, width) > 32:
        half = (max(width // 2, 8), max(height // 2, 8))
        small = Image.fromarray(picture.astype(np.float32)).resize(half, Image.Resampling.BOX)
        soft = Image.fromarray(blur(np.asarray(small), sigma / 2).astype(np.float32))
        return np.asarray(soft.resize((width, height), Image.Resampling.BICUBIC))
    radius = min(math.ceil(3 * sigma), min(height, width) - 1)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    padded = np.pad(picture, ((radius, radius), (0, 0)), mode="reflect")
    down = sum(tap * padded[i : i + height] for i, tap in enumerate(taps))
    padded = np.pad(down, ((0, 0), (radius, radius)), mode="reflect")
    return sum(tap * padded[:, i : i + width] for i, tap in enumerate(taps)).astype(np.float32)


def step(low: float | Array, high: float | Array, value: Array) -> Array:
    """Smoothstep: 0 below `low`, 1 above `high` (or the other way round when low > high)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(first: Array, second: Array, amount: Array | float) -> Array:
    """Blend two pictures or colours; an H×W amount works on H×W×3 pictures."""
    amount = np.asarray(amount, np.float32)
    if amount.ndim == 2 and amount.shape[1] != 1 and (np.ndim(first) in (1, 3) and np.shape(first)[-1] == 3):
        amount = amount[..., None]
    return np.asarray(first) * (1 - amount) + np.asarray(second) * amount


def rgb(code: str) -> Array:
    """The colour `#rrggbb` as three floats 0..1."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)


def ramp(stops: list[tuple[float, str]], value: Array) -> Array:
    """A colour ramp (H×W×3) through `(position, '#rrggbb')` stops."""
    places = [place for place, _ in stops]
    colours = np.array([rgb(code) for _, code in stops])
    return np.stack([np.interp(value, places, colours[:, i]) for i in range(3)], axis=-1).astype(np.float32)


def grey(picture: Array) -> Array:
    """Luma of an H×W×3 picture."""
    return picture @ np.array([0.299, 0.587, 0.114], np.float32)


def sample(values: Array, y: Array, x: Array) -> Array:
    """Bilinear look-up of H×W (or H×W×C) values at pixel coordinates, clamped at the edges."""
    height, width = values.shape[:2]
    y, x = np.clip(y, 0, height - 1.001), np.clip(x, 0, width - 1.001)
    top, left = y.astype(np.int32), x.astype(np.int32)
    down, right = y - top, x - left
    bottom, beside = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    if values.ndim == 3:
        down, right = down[..., None], right[..., None]
    upper = values[top, left] * (1 - right) + values[top, beside] * right
    lower = values[bottom, left] * (1 - right) + values[bottom, beside] * right
    return upper * (1 - down) + lower * down


def relight(picture: Array, height: Array, strength: float, gloss: float = 0.0) -> Array:
    """Light a picture from the upper left as if `height` (H×W, in pixels) stood out of it."""
    dy, dx = np.gradient(height)
    slope = (dx + dy) * 0.7071
    shade = np.clip(1 + strength * slope, 0.45, 1.6)[..., None]
    shine = gloss * np.clip(slope * strength - 0.25, 0, 1)[..., None]
    return np.clip(picture * shade + shine, 0, 1)


def cells(shape: tuple[int, int], points: Array, tile: int = 40) -> tuple[Array, Array, Array]:
    """Voronoi cells: per pixel the nearest point's index and the distances to the nearest and the second nearest.

    `points` is N×2 (y, x) in pixels. Works tile by tile, with only the points that can matter there.
    """
    height, width = shape
    index = np.zeros(shape, np.int32)
    first, second = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    spacing = math.sqrt(height * width / len(points))
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            y, x = np.mgrid[top : min(top + tile, height), left : min(left + tile, width)].astype(np.float32)
            centre = np.array([top + tile / 2, left + tile / 2])
            reach = tile * 0.75 + spacing * 3
            while True:
                near = np.flatnonzero(np.hypot(*(points - centre).T) < reach)
                if len(near) >= 3 or len(near) == len(points):
                    break
                reach *= 1.5
            distance = np.hypot(y[..., None] - points[near, 0], x[..., None] - points[near, 1])
            order = np.argpartition(distance, 1, axis=-1)[..., :2]
            pair = np.take_along_axis(distance, order, -1)
            window = (slice(top, top + y.shape[0]), slice(left, left + y.shape[1]))
            index[window] = near[order[..., 0]]
            first[window], second[window] = pair[..., 0], pair[..., 1]
    return index, first, second
