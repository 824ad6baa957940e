"""Colours along lines: where pixels lie along some directions in RGB, how many lie where, and what a table says of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from stylecore.tensors.summing import sum_type

#: Along so many directions, and in so many bins along each.
DIRECTIONS, BINS = 24, 256
#: Parts of a bin, and of a pixel's weight, that are told apart.
FINE = 1 << 12
# Pixels taken at a time: what is made of them then stays in the processor's cache.
_TOGETHER = 1 << 14
#: Lightness (Rec. 601's luma), which comes first: a result that has its colours from the photo takes only it.
LIGHTNESS = (0.299, 0.587, 0.114)


def directions() -> Tensor:
    """Return unit vectors in RGB, 24 × 3 float64: that of lightness, and others spread evenly over half a sphere."""
    number = torch.arange(DIRECTIONS - 1, dtype=torch.float64)
    height = 1 - (number + 0.5) / (DIRECTIONS - 1)
    angle, around = number * (math.pi * (3 - math.sqrt(5))), (1 - height.square()).sqrt()
    spread = torch.stack([around * angle.cos(), around * angle.sin(), height], 1)
    lightness = torch.tensor([LIGHTNESS], dtype=torch.float64)
    return torch.cat([lightness / lightness.norm(), spread])


def tint_directions(count: int = 6) -> Tensor:
    """Return unit vectors in RGB, ``count`` × 3 float64, along which greys are all alike, evenly over half a circle."""
    angles = torch.arange(count, dtype=torch.float64) * (math.pi / count)
    across = torch.tensor([1, -1, 0], dtype=torch.float64) / 2**0.5
    other = torch.tensor([1, 1, -2], dtype=torch.float64) / 6**0.5
    return angles.cos()[:, None] * across + angles.sin()[:, None] * other


@dataclass(frozen=True)
class Lines:
    """Directions on a device: ``vectors`` (lines × 3), and what brings a projection to bins (``scaled``, ``offset``)."""

    vectors: Tensor
    scaled: Tensor
    offset: Tensor
    step: Tensor
    middles: Tensor
    ends: Tensor

    @classmethod
    def of(cls, vectors: Tensor, device: torch.device) -> Lines:
        """Return lines along vectors (lines × 3, float64, of any length), on a device."""
        low, high = vectors.clamp(max=0).sum(1, keepdim=True), vectors.clamp(min=0).sum(1, keepdim=True)
        step = (high - low) / (BINS - 1)
        middles = low + step * (torch.arange(BINS - 1, dtype=torch.float64) + 0.5)
        exact = sum_type(device)
        parts = (vectors, vectors / step, -low / step)
        return cls(
            *(part.to(device, torch.float32) for part in parts),
            *(part.to(device, exact) for part in (step, middles, torch.cat([low, high], 1))),
        )

    def deviations(self, shares: Tensor) -> Tensor:
        """Return the standard deviation of colours along each line, from their shares (lines × 256)."""
        parts = torch.cat([shares[:, :1], shares.diff(dim=1)], 1)
        places = self.ends[:, :1] + self.step * torch.arange(BINS, device=shares.device)
        mean = (parts * places).sum(1, keepdim=True)
        return ((places - mean).square() * parts).sum(1).clamp_min(0).sqrt()

    def places(self, rows: Tensor) -> Tensor:
        """Return where pixels (3 × n) lie, in bins (lines × n)."""
        # One operation after the other: a matrix product may round otherwise in another part of a picture or on other
        # threads, and would put a pixel that lies between two bins into another one there.
        red, green, blue = self.scaled.split(1, 1)
        place = (red * rows[:1]).add_(green * rows[1:2]).add_(blue * rows[2:]).add_(self.offset)
        return place.clamp_(0, BINS - 1.001)

    def bins(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return where pixels (3 × n) lie: the bin below (lines × n), and the part of a bin above that one."""
        place = self.places(rows)
        whole = place.floor()
        return whole.long(), place.sub_(whole)

    def between(self, table: Tensor, rows: Tensor) -> Tensor:
        """Return what a table of the bins' middles (lines × 255) says of pixels (3 × n), between two of them: lines × n.

        Without jumps, or rounding would grow into another picture in blocks than in one piece.
        """
        place = self.places(rows).sub_(0.5).clamp_(0, BINS - 2.001)
        whole = place.floor()
        below = whole.long()
        here = table.gather(1, below)
        return torch.lerp(here, table.gather(1, below.add_(1)), place.sub_(whole))


def parts(picture: Tensor, weights: Tensor | None, together: int) -> Iterator[tuple[slice, Tensor, Tensor | None]]:
    """Cut 1 × 3 × h × w into parts of so many pixels: which, their colours (3 × n), their weights in whole numbers."""
    rows = picture.detach()[0].flatten(1)
    counts = None if weights is None else weights.flatten()
    for begin in range(0, rows.shape[1], together):
        part = slice(begin, begin + together)
        yield part, rows[:, part].float(), None if counts is None else (counts[part] * FINE).round().long()


class Pixels:
    """Counts every pixel along every line: exact, and on a processor a small part of a step."""

    #: What a pixel of weight 1 counts.
    unit = FINE

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def counts(self, picture: Tensor, weights: Tensor | None) -> Tensor:
        """Return how much lies in each bin, lines × 256 whole numbers; they add up over parts of a picture.

        Args:
            picture: 1 × 3 × h × w in [0, 1].
            weights: h × w, 0 to 1; ``None``: all pixels count.
        """
        result = torch.zeros(len(self._lines.vectors), BINS, dtype=torch.int64, device=picture.device)
        for _, rows, counts in parts(picture, weights, _TOGETHER):
            below, above = self._lines.bins(rows)
            fine = above.mul_(FINE).round_().long()
            rest = FINE - fine
            if counts is not None:
                fine, rest = fine * counts, rest * counts
            result.scatter_add_(1, below, rest)
            result.scatter_add_(1, below.add_(1), fine)
        return result

    def add_slopes(self, table: Tensor, image: Tensor, weights: Tensor | None, gradient: Tensor) -> None:
        """Add to a gradient like the image what a table (lines × 255) says of each pixel, as often as the pixel counts."""
        flat = gradient[0].flatten(1)
        for pixels, rows, counts in parts(image, weights, _TOGETHER):
            slope = self._lines.vectors.t() @ self._lines.between(table, rows)
            flat[:, pixels] += (slope if counts is None else slope * counts).to(flat.dtype)
