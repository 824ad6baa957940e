"""The sliced Wasserstein-2 distance of points from those of some styles, along lines, and which way each should move.

Along each of some directions the points' positions are to be distributed as the styles' are (Rabin, Peyré, Delon and
Bernot, *Wasserstein barycenter and its application to texture mixing*, 2011). On a line that hangs on nothing but two
distribution functions. Those are taken from histograms, in which a point counts in the two bins beside it: counts add
up over parts of a picture, over strips, and over styles (several styles make the mixture of their points, not points
between theirs). They are whole numbers, so that their sums are the same in any order. The gradient is that of the
distance of the histograms, in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylecore.objective.colours.lattice import Lattice
from stylecore.objective.colours.lines import Lines, Pixels
from stylecore.tensors.strips import Strip
from stylecore.tensors.summing import sum_type

# Which rows and columns are counted, from how many pixels on: 48 thousand tell a distribution to a hundredth of a percent.
# Strips begin at rows that are counted.
_EVERY = ((4, 1 << 21), (2, 3 << 16))


def shares_of(counts: Tensor) -> Tensor:
    """Return the distribution function at each bin, of counts (lines × 256)."""
    exact = counts.cumsum(1).to(sum_type(counts.device))
    return exact / exact[:, -1:].clamp_min(1)


def counter(lines: Lines, lattice: bool | None = None) -> Pixels | Lattice:
    """Return what counts points along lines; ``lattice`` says whether on one, ``None``: on a GPU."""
    return Lattice(lines) if (lines.vectors.device.type != "cpu" if lattice is None else lattice) else Pixels(lines)


@dataclass(frozen=True)
class SlicedRegion:
    """Styles (1 × 3 × h × w, which of its pixels count or ``None``, share), and where they paint.

    ``where`` is of the image's (strip's) size, or ``None`` for everywhere; ``share`` the region's part of the loss.
    """

    styles: Sequence[tuple[Tensor, Tensor | None, float]]
    where: Tensor | None
    share: float


class Target:
    """Distribution functions (lines × 256) to come to; their inverse goes straight between the middles of two bins."""

    def __init__(self, lines: Lines, shares: Tensor) -> None:
        self._lines, self._shares = lines, shares[:, :-1].contiguous()
        low, high = lines.ends.split(1, 1)
        self._knots = torch.cat([torch.zeros_like(low), shares], 1)
        self._places = torch.cat([low, lines.middles, high], 1)
        self._full = torch.searchsorted(self._knots, self._knots[:, -1:].contiguous()).clamp_(min=1)
        areas = self._knots.diff(dim=1) * (self._places[:, 1:] + self._places[:, :-1]) / 2
        self._areas = torch.cat([torch.zeros_like(low), areas.cumsum(1)], 1)
        self._area_there = self._inverse(self._shares)[1]

    def _inverse(self, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return the inverse distribution function and its integral from 0, at ``shares`` (lines × n)."""
        # All of the points lie below the first bin that has them all; those after it, up to the line's end, have none.
        after = torch.searchsorted(self._knots, shares, right=True).clamp_(min=1).minimum(self._full)
        before = after - 1
        begin, end = self._knots.gather(1, before), self._knots.gather(1, after)
        low, high = self._places.gather(1, before), self._places.gather(1, after)
        share = ((shares - begin) / (end - begin).clamp_min(1e-12)).clamp(0, 1)
        place = low + share * (high - low)
        return place, self._areas.gather(1, before) + (shares - begin) * (low + place) / 2

    def distance(self, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return the squared distance along each line, and its slope by a point's place in each bin (lines × 255).

        The slope is that of a picture of one point. Σ 2Δ ∫ (Q(t) − x) dt from the target's share to the image's, over the
        bins' middles x, is the squared distance of two distributions on a line; Q is the target's inverse.
        """
        shares = shares[:, :-1].contiguous()
        middles = self._lines.middles
        place, area = self._inverse(shares)
        excess = area - self._area_there - middles * (shares - self._shares)
        return (2 * self._lines.step * excess).sum(1).clamp_min(0), 2 * (middles - place)


class SlicedTerm:
    """What the points of an image (which, a subclass says) are compared with: the points of each region's styles.

    Args:
        vectors: of the lines, lines × 3 float64.
        content: 1 × 3 × H × W, or the strip of it: what the images are like.
        regions: where which styles paint.
        strip: which part of the whole the images are.
        lattice: whether points are counted on a lattice; ``None``: on a GPU.
    """

    def __init__(
        self, vectors: Tensor, content: Tensor, regions: Sequence[SlicedRegion], strip: Strip, lattice: bool | None
    ) -> None:
        self._strip = strip
        self._where = [region.where for region in regions]
        self._lines = Lines.of(vectors, content.device)
        self._counter = counter(self._lines, lattice)
        size = (strip.height, content.shape[3])
        self._every = self._apart(*size)
        self._counted = math.prod(-(-side // self._every) for side in size) / math.prod(size)
        self._targets = [Target(self._lines, mixture(self._counter, self._points_of(region))) for region in regions]

    def _one(self, counts: Tensor) -> Tensor:
        """Return which part of the whole a pixel is that counts in full, where so much was counted (lines × 256)."""
        return self._counter.unit * self._counted / counts[0].sum().clamp_min(1)

    def _apart(self, height: int, width: int) -> int:
        """Return how far apart the rows and columns of a picture are counted, of a large one where every pixel costs."""
        if not isinstance(self._counter, Pixels):
            return 1
        return next((step for step, pixels in _EVERY if height * width >= pixels), 1)

    def _points_of(self, region: SlicedRegion) -> list[tuple[Tensor, Tensor | None, float]]:
        """Return the points of a region's styles, as pictures in [0, 1], which of them count, and their shares."""
        found = []
        for picture, weights, share in region.styles:
            apart = self._apart(*picture.shape[2:])
            thinned = (..., slice(None, None, apart), slice(None, None, apart))
            found.append((picture[thinned], None if weights is None else weights[thinned], share))
        return found


def mixture(counting: Pixels | Lattice, styles: Sequence[tuple[Tensor, Tensor | None, float]]) -> Tensor:
    """Return the distribution functions (lines × 256) of several pictures' points, each with its share."""
    whole = sum(share for *_, share in styles)
    return torch.stack(
        [shares_of(counting.counts(picture, weights)) * (share / whole) for picture, weights, share in styles]
    ).sum(0)
