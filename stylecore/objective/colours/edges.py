"""Edges: how often colours change how much from pixel to pixel, in an image and in the styles.

To the network's means and covariances faint hatching all over a picture is the same as a few strong lines on flat
ground: both have the same energy. They differ in how often which step of colour occurs. So the steps to the right and
down are taken as points in RGB, and the sliced distance of these points (:mod:`stylecore.objective.colours.sliced`) from
the styles' is kept small: flat stays flat, and a line is a line. Steps are compressed, g ↦ tanh(g/s), so that small ones,
which there are many of, count as the eye counts them, and a strong edge counts as one however strong it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.kernels import colours as kernels
from stylecore.objective.colours.lattice import Lattice
from stylecore.objective.colours.sliced import SlicedRegion, SlicedTerm, shares_of
from stylecore.tensors.resampling import with_border
from stylecore.tensors.strips import Strip

# The step (colours from 0 to 1) from which on edges are much alike: 10 of 255 levels.
_STEP = 0.04
# The distance's weight, and the most that the term comes to at the content. It is not divided by the distance there as
# others are: where photo and style hardly differ, small steps would be all that the optimiser attends to, and colours would
# not come to rest.
_WEIGHT, _MOST = 36.0, 0.5
# Along these lines in RGB the points are looked at: each colour, lightness, and what is of colour alone. Without the last
# three a drawing's small tints are lost in its strokes of light and dark.
_DIRECTIONS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (1, -1, 0), (1, 0, -1), (0, 1, -1))
# Pixels taken at a time: the steps are never whole in memory.
_TOGETHER = 1 << 19


class Edges(SlicedTerm):
    """The distance of an image's steps of colour from those of its regions' styles.

    Args:
        content: 1 × 3 × H × W in [0, 1], or the strip of it.
        regions: where which styles paint.
        strip: which part ``content`` and the images are.
        lattice: whether steps are counted on a lattice; ``None``: on a GPU.
    """

    def __init__(
        self, content: Tensor, regions: Sequence[SlicedRegion], strip: Strip, *, lattice: bool | None = None
    ) -> None:
        vectors = F.normalize(torch.tensor(_DIRECTIONS, dtype=torch.float64), dim=1)
        super().__init__(vectors, content, regions, strip, lattice)
        measured = self._counts(with_border(strip.with_halo(content, 0, 1)), content.shape[2])
        distances = [
            target.distance(shares_of(counts))[0].mean() for target, counts in zip(self._targets, measured, strict=True)
        ]
        self._weights = [
            region.share * (_MOST / distance.clamp_min(_MOST / _WEIGHT))
            for region, distance in zip(regions, distances, strict=True)
        ]

    def _points_of(self, region: SlicedRegion) -> list[tuple[Tensor, Tensor | None, float]]:
        """Return the steps of each of a region's styles; one to a transparent pixel, whose colour is made up, is none."""
        found = []
        for picture, weights, share in region.styles:
            inner = None if weights is None else -F.max_pool2d(-weights[None, None], 3, 1, 1)[0, 0]
            apart = self._apart(*picture.shape[2:])
            steps = _steps(with_border(picture)[:, :, 1:], apart)
            found.append((steps, _both(inner, 0, picture.shape[2], apart), share))
        return found

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted distance (0 where steps are as frequent as the styles') and its gradient, like ``image``.

        Args:
            image: 1 × 3 × H × W in [0, 1], or the strip of it; the value is then the whole's, the gradient the strip's.
        """
        bordered, rows = with_border(self._strip.with_halo(image, 0, 1)), image.shape[2]
        value, tables = self._compared(bordered, rows)
        gradient = torch.zeros_like(bordered)
        if (lattice := self._at_once(bordered)) is not None:
            for table, where in zip(tables, self._where, strict=True):
                lattice.add_slopes_of_steps(table, bordered, rows, where, 1 / _STEP, gradient)
            return value, self._strip.halo_returned(_border_returned(gradient), 0, 1)
        for top, bottom in _bands(rows, bordered.shape[3]):
            steps = _steps(bordered[:, :, top + 1 : bottom + 2])
            # Of g ↦ ½ tanh(g/s) + ½, in what it gives: 2 p (1 − p) / s.
            slope = self._slope(steps, top, bottom, tables).mul_(steps).mul_(1 - steps).mul_(2 / _STEP)
            right, down = slope.chunk(2, dim=2)
            middle = gradient[:, :, top + 1 : bottom + 1]
            middle[..., 2:] += right
            gradient[:, :, top + 2 : bottom + 2, 1:-1] += down
            middle[..., 1:-1] -= right + down
        return value, self._strip.halo_returned(_border_returned(gradient), 0, 1)

    def distance(self, image: Tensor) -> Tensor:
        """Return the weighted distance alone."""
        return self._compared(with_border(self._strip.with_halo(image, 0, 1)), image.shape[2])[0]

    def _compared(self, bordered: Tensor, rows: int) -> tuple[Tensor, list[Tensor]]:
        """Return the distance, and each region's slopes along each line (lines × 255)."""
        value, tables = bordered.new_zeros(()), []
        for counts, target, weight in zip(self._counts(bordered, rows), self._targets, self._weights, strict=True):
            distances, slopes = target.distance(shares_of(counts))
            value = value + (distances.mean() * weight).to(value.dtype)
            tables.append((slopes * (weight / len(slopes) * self._one(counts))).float())
        return value, tables

    def _counts(self, bordered: Tensor, rows: int) -> list[Tensor]:
        """Return how many steps lie in each bin, lines × 256, for each region: those of so many ``rows``."""
        found: list[Tensor] = []
        if (lattice := self._at_once(bordered)) is not None:
            found = [lattice.counts_of_steps(bordered, rows, where, 1 / _STEP) for where in self._where]
            return self._strip.add_up(found, "edges")
        for top, bottom in _bands(rows, bordered.shape[3]):
            steps = _steps(bordered[:, :, top + 1 : bottom + 2], self._every)
            counts = [self._counter.counts(steps, _both(where, top, bottom, self._every)) for where in self._where]
            found = [a + b for a, b in zip(found, counts, strict=True)] if found else counts
        return self._strip.add_up(found, "edges")

    def _at_once(self, bordered: Tensor) -> Lattice | None:
        """Return what takes steps and slopes straight from the image, by a GPU's kernels, if it can be."""
        return self._counter if isinstance(self._counter, Lattice) and kernels.suits(bordered) else None

    def _slope(self, steps: Tensor, top: int, bottom: int, tables: Sequence[Tensor]) -> Tensor:
        """Return the term's slope by the steps (1 × 3 × 2h × W) of some rows."""
        slope = torch.zeros_like(steps)
        for table, where in zip(tables, self._where, strict=True):
            self._counter.add_slopes(table, steps, _both(where, top, bottom), slope)
        return slope


def _bands(rows: int, width: int) -> Iterator[tuple[int, int]]:
    """Cut rows into bands: where each begins and ends."""
    together = max(4, _TOGETHER // width // 4 * 4)  # that begin where rows are counted
    for top in range(0, rows, together):
        yield top, min(top + together, rows)


def _both(where: Tensor | None, top: int, bottom: int, every: int = 1) -> Tensor | None:
    """Return which steps of some rows count, to the right and below each other those down."""
    return None if where is None else where[top:bottom:every, ::every].repeat(2, 1)


def _steps(bordered: Tensor, every: int = 1) -> Tensor:
    """Return the compressed steps to the right, and below them those down (1 × 3 × 2h × w in [0, 1]).

    Args:
        bordered: 1 × 3 × h+1 × w+2: with a row more below, and a column more on either side.
        every: which rows and columns of pixels they begin at: the first and every so many.
    """
    middle = bordered[..., :-1:every, 1:-1:every]
    right, below = bordered[..., :-1:every, 2::every], bordered[..., 1::every, 1:-1:every]
    return torch.cat([right - middle, below - middle], 2).div_(_STEP).tanh_().mul_(0.5).add_(0.5)


def _border_returned(gradient: Tensor) -> Tensor:
    """Return a gradient by :func:`with_border`'s result as one by what it was given."""
    gradient[:, :, 1] += gradient[:, :, 0]
    gradient[:, :, -2] += gradient[:, :, -1]
    gradient[..., 1] += gradient[..., 0]
    gradient[..., -2] += gradient[..., -1]
    return gradient[..., 1:-1, 1:-1]
