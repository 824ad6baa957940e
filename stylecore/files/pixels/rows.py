"""A picture put together from rows as they are decoded: shrunk and turned on the way.

Decoded samples take a byte or two each, and the same picture as floats four: so floats are made of a few rows at a time,
and what is wanted small never lies in memory as floats at its full size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylecore.files.pixels.samples import Pixels, turn

#: A picture of no more pixels than this is read whole where only the number of its pixels counts.
WHOLE = 16_000_000
# A long strip of a picture keeps this much of its shorter side where only the number of its pixels counts.
_LEAST_SIDE = 64
# Pixels that are converted at once.
_AT_ONCE = 1 << 20
# What turns a picture back that was turned as EXIF's orientation says.
_BACK = {6: 8, 8: 6}


@dataclass(frozen=True)
class Wanted:
    """How large a picture is wanted.

    ``longest``: it will be shrunk to this many pixels on the longer side; 0 for no bound. ``enough``: a picture of more
    than ``WHOLE`` pixels may be read smaller, with no fewer pixels than this; 0 for all of them.
    """

    longest: int = 0
    enough: int = 0

    def smallest(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height under which a picture of this size must not be decoded."""
        factor = max(1.0, self._by_pixels(width, height))
        if self.longest:
            factor = max(factor, max(width, height) / self.longest)
        return math.ceil(width / factor), math.ceil(height / factor)

    def reduction(self, width: int, height: int) -> int:
        """Return by how much rows and columns are to be averaged while reading: 1 or more.

        At least twice the longest side that is wanted is left for a finer filter.
        """
        by_longest = max(width, height) // (2 * self.longest) if self.longest else 1
        return max(1, by_longest, int(self._by_pixels(width, height)))

    def _by_pixels(self, width: int, height: int) -> float:
        pixels = width * height
        if not self.enough or pixels <= WHOLE:
            return 1.0
        return min(math.sqrt(pixels / self.enough), max(1.0, min(width, height) / _LEAST_SIDE))


EVERYTHING = Wanted()


class Assembly:
    """Takes a picture's rows, top to bottom, and gives the picture.

    Args:
        width: of the rows that will come.
        height: how many will come.
        reduction: every square of this many pixels a side becomes one, the mean by area; transparent colour counts nothing.
        orientation: EXIF's, 1 to 8, as it is to be turned.
    """

    def __init__(self, width: int, height: int, reduction: int = 1, orientation: int = 1) -> None:
        self._width, self._height, self._reduction, self._orientation = width, height, reduction, orientation
        self._pixels: Pixels | None = None
        self._target: Pixels | None = None
        self._done = 0
        self._waiting: list[Pixels] = []

    def add(self, rows: Pixels) -> None:
        """Take n × W × 3 or 4 (straight alpha) float32 in [0, 1]."""
        if self._target is None:
            size = (-(-self._height // self._reduction), -(-self._width // self._reduction))
            turned = size[::-1] if self._orientation in (5, 6, 7, 8) else size
            self._pixels = np.empty((*turned, rows.shape[2]), np.float32)
            self._target = turn(self._pixels, _BACK.get(self._orientation, self._orientation))
        if self._reduction == 1:
            self._put(rows)
            return
        self._waiting.append(rows)
        count = sum(map(len, self._waiting))
        come = self._done * self._reduction + count
        whole = count if come >= self._height else count - count % self._reduction
        if whole:
            rows = np.concatenate(self._waiting) if len(self._waiting) > 1 else rows
            self._waiting = [rows[whole:].copy()] if whole < count else []
            self._put(averaged(rows[:whole], self._reduction))

    def _put(self, rows: Pixels) -> None:
        assert self._target is not None
        self._target[self._done : self._done + len(rows)] = rows
        self._done += len(rows)

    def pixels(self) -> Pixels:
        """Return the picture.

        Raises:
            ValueError: rows are missing.
        """
        if self._pixels is None or self._target is None or self._done != len(self._target):
            raise ValueError(f"only {self._done * self._reduction:,} of its {self._height:,} rows are there")
        return self._pixels


def averaged(rows: Pixels, size: int) -> Pixels:
    """Return n × W × 3 or 4 with squares of ``size`` pixels a side averaged; so is what is left over at an end."""
    if rows.shape[2] == 4:  # colour under transparency must not bleed into its surroundings
        rows = np.concatenate([rows[..., :3] * rows[..., 3:], rows[..., 3:]], 2)
    for axis in (0, 1):
        begins = np.arange(0, rows.shape[axis], size)
        counts = np.diff(np.append(begins, rows.shape[axis])).astype(np.float32)
        sums = np.add.reduceat(rows, begins, axis)
        rows = np.divide(sums, counts[:, None, None] if axis == 0 else counts[None, :, None], dtype=np.float32)
    if rows.shape[2] == 4:
        rows[..., :3] /= np.maximum(rows[..., 3:], np.float32(1e-6))
    return rows.clip(0, 1)


def steps(width: int, height: int, reduction: int = 1) -> Iterator[tuple[int, int]]:
    """Yield first and last (excluded) of the rows that are converted at once."""
    count = max(1, _AT_ONCE // max(1, width))
    count = -(-count // reduction) * reduction
    for top in range(0, height, count):
        yield top, min(height, top + count)


def assemble(
    samples: NDArray[Any], convert: Callable[[NDArray[Any]], Pixels], wanted: Wanted = EVERYTHING, orientation: int = 1
) -> Pixels:
    """Return decoded samples (H × W × C) as pixels: what ``convert`` makes of some rows, shrunk as wanted, and turned."""
    height, width = samples.shape[:2]
    reduction = wanted.reduction(width, height)
    assembly = Assembly(width, height, reduction, orientation)
    for top, bottom in steps(width, height, reduction):
        assembly.add(convert(samples[top:bottom]))
    return assembly.pixels()
