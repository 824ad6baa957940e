"""Sheets of paper."""

from __future__ import annotations

import numpy as np

from .noise import Array, fractal, rgb


def paper(shape: tuple[int, int], colour: str, rng: np.random.Generator, s: float, rough: float = 1.0) -> Array:
    """A sheet of paper with fibres and a slight unevenness of tone."""
    tone = 0.014 * fractal(shape, 200 * s, rng, 3) + 0.02 * rough * fractal(shape, 6 * s, rng, 4, 0.7, 2.0)
    return np.clip(rgb(colour) * (1 + tone)[..., None], 0, 1)
