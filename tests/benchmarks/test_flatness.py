"""What the benchmark of flatness measures, against pictures of which it is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.flatness import detail


def picture(hatching: float, channels: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
    """Grey, with every second column lighter and the others darker by so many levels, and with noise in its upper half."""
    result = np.full((96, 96, 3), 0.5, np.float32)
    result += np.where(np.arange(96) % 2, 1, -1)[:, None] * np.float32(channels) * np.float32(hatching / 255)
    result[:48] += np.random.default_rng(0).normal(0, 0.1, (48, 96, 3)).astype(np.float32)
    return result


def test_hatching_on_flat_ground_is_told_in_levels() -> None:
    assert detail(picture(0)) == pytest.approx((0, 0), abs=1e-3)
    assert detail(picture(3)) == pytest.approx((3, 0), abs=0.1)


def test_hatching_of_colour_is_told_apart() -> None:
    lightness, colour = detail(picture(3, (1, -0.299 / 0.587, 0)))
    assert lightness < 0.05
    assert colour == pytest.approx(3 * (1 + (0.299 / 0.587) ** 2) ** 0.5, rel=0.05)
