"""Edges: how often colours change how much from pixel to pixel, in an image and in the styles.

To the network's means and covariances faint hatching all over a picture is the same as a few strong lines on flat
ground: both have the same energy. They differ in how often which step of colour occurs. So the steps to the right and
down are taken as points in RGB, and the sliced distance of these points (:mod:`stylecore.objective.sliced`) from the
styles' is kept small: flat stays flat, and a line is a line. Steps are compressed, g ↦ tanh(g/s), so that small ones,
which there are many of, count as the eye counts them, and a strong edge counts as one however strong it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.objective.colour_lines import Lines
from stylecore.objective.sliced import SlicedRegion, Target, counter, mixture, shares_of
from stylecore.tensors.resampling import with_border
from stylecore.tensors.strips import Strip

# The step (colours from 0 to 1) from which on edges are much alike: 10 of 255 levels.
_STEP = 0.04
# The distance's weight, and the most that the term comes to at the content. It is not divided by the distance there as
# others are: where photo and style hardly differ, small steps would be all that the optimiser attends to, and colours would
# not come to rest.
_WEIGHT, _MOST = 36.0, 0.5
# Along these lines in RGB the points are looked at.
_DIRECTIONS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1))
# Rows taken at a time: the steps are never whole in memory.
_ROWS = 256


class Edges:
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
        self._strip = strip
        vectors = F.normalize(torch.tensor(_DIRECTIONS, dtype=torch.float64), dim=1)
        self._lines = Lines.of(vectors, content.device)
        self._counter = counter(self._lines, lattice)
        self._where = [region.where for region in regions]
        self._targets = [
            [Target(self._lines, mixture(self._counter, styles)) for styles in zip(*_steps_of(region), strict=True)]
            for region in regions
        ]
        bands = list(self._bands(content))
        distances = [
            torch.stack(
                [target.distance(shares)[0].mean() for target, shares in zip(targets, measured, strict=True)]
            ).mean()
            for targets, measured in zip(self._targets, map(_shares, self._counts(bands)), strict=True)
        ]
        self._weights = [
            region.share * (_MOST / distance.clamp_min(_MOST / _WEIGHT))
            for region, distance in zip(regions, distances, strict=True)
        ]

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted distance (0 where steps are as frequent as the styles') and its gradient, like ``image``.

        Args:
            image: 1 × 3 × H × W in [0, 1], or the strip of it; the value is then the whole's, the gradient the strip's.
        """
        bands = list(self._bands(image))
        value, tables = image.new_zeros(()), []
        for counts, targets, weight in zip(self._counts(bands), self._targets, self._weights, strict=True):
            both = []
            for shares, each, target in zip(_shares(counts), counts, targets, strict=True):
                distances, slopes = target.distance(shares)
                value = value + (distances.mean() * (weight / 2)).to(value.dtype)
                one = weight / 2 / len(slopes) * (self._counter.unit / each[0].sum().clamp_min(1))
                both.append((slopes * one).float())
            tables.append(both)
        gradient = torch.zeros_like(bands[0][2])
        for top, bottom, bordered, around in bands:
            part = bordered[:, :, around].detach().requires_grad_(True)
            with torch.enable_grad():
                steps = _steps(part)
            wanted = [self._slope(each, number, top, bottom, tables) for number, each in enumerate(steps)]
            (slope,) = torch.autograd.grad(steps, part, wanted)
            gradient[:, :, around] += slope
        return value, self._strip.halo_returned(_border_returned(gradient), 0, 1)

    def _bands(self, image: Tensor) -> Iterator[tuple[int, int, Tensor, slice]]:
        """Yield rows of the image: the first, that after the last, the image with a border, which of its rows they need."""
        bordered, rows = with_border(self._strip.with_halo(image, 0, 1)), image.shape[2]
        for top in range(0, rows, _ROWS):
            bottom = min(top + _ROWS, rows)
            yield top, bottom, bordered, slice(top + 1, bottom + 2)

    def _counts(self, bands: Sequence[tuple[int, int, Tensor, slice]]) -> list[list[Tensor]]:
        """Return how much lies in each bin, lines × 256, for each region: of the steps to the right, and down."""
        found: list[Tensor] = []
        for top, bottom, bordered, around in bands:
            both = _steps(bordered[:, :, around])
            here = [None if where is None else where[top:bottom] for where in self._where]
            counts = [self._counter.counts(steps, where) for where in here for steps in both]
            found = [a + b for a, b in zip(found, counts, strict=True)] if found else counts
        whole = self._strip.add_up(found, "edges")
        return [whole[number : number + 2] for number in range(0, len(whole), 2)]

    def _slope(self, steps: Tensor, number: int, top: int, bottom: int, tables: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return the term's slope by the steps (1 × 3 × h × W) to the right (0) or down (1) of some rows."""
        slope = torch.zeros_like(steps)
        flat = slope[0].flatten(1)
        for both, where in zip(tables, self._where, strict=True):
            here = None if where is None else where[top:bottom]
            for pixels, part in self._counter.slopes(both[number], steps.detach(), here):
                flat[:, pixels] += part.to(flat.dtype)
        return slope


def _shares(counts: Sequence[Tensor]) -> list[Tensor]:
    return [shares_of(each) for each in counts]


def _steps(bordered: Tensor) -> list[Tensor]:
    """Return the compressed steps to the right and down (1 × 3 × h × w in [0, 1]).

    Args:
        bordered: 1 × 3 × h+1 × w+2: with a row more below, and a column more on either side.
    """
    middle = bordered[..., :-1, 1:-1]
    right, below = bordered[..., :-1, 2:], bordered[..., 1:, 1:-1]
    return [torch.tanh((other - middle) / _STEP) * 0.5 + 0.5 for other in (right, below)]


def _steps_of(region: SlicedRegion) -> list[list[tuple[Tensor, Tensor | None, float]]]:
    """Return the steps of each of a region's styles, both ways.

    One to a transparent pixel, whose colour is made up, does not count.
    """
    found = []
    for picture, weights, share in region.styles:
        inner = None if weights is None else -F.max_pool2d(-weights[None, None], 3, 1, 1)[0, 0]
        found.append([(steps, inner, share) for steps in _steps(with_border(picture)[:, :, 1:])])
    return found


def _border_returned(gradient: Tensor) -> Tensor:
    """Return a gradient by :func:`with_border`'s result as one by what it was given."""
    gradient[:, :, 1] += gradient[:, :, 0]
    gradient[:, :, -2] += gradient[:, :, -1]
    gradient[..., 1] += gradient[..., 0]
    gradient[..., -2] += gradient[..., -1]
    return gradient[..., 1:-1, 1:-1]
