"""Colours on a lattice in RGB, for devices on which passes over a picture's pixels are what costs.

Pixels are counted in cells of a fine lattice, those in a coarser one by way of hat functions (as if each pixel were shared
out among the eight knots around it), and only the knots along lines: 36 thousand, however large the picture. What the lines
say is summed up at the knots too, and read off between them. On an H200 that is 20 times as fast at 2,048 × 2,048 px as
:class:`stylecore.objective.colour_lines.Pixels`, and tells colours apart that are half a knot, 4 of 255 levels, from each
other.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.objective.colour_lines import BINS, FINE, Lines, parts
from stylecore.tensors.summing import sum_type

# Knots along a side, and cells of the fine lattice between two of them.
_KNOTS, _CELLS = 33, 4
_SIDE = (_KNOTS - 1) * _CELLS + 1
# Pixels that are taken together. Of those that lie beside each other every other one counts in a copy of its own: pixels of
# one colour wait for each other.
_TOGETHER, _COPIES = 1 << 22, 2


class Lattice:
    """Counts pixels and reads slopes off like :class:`stylecore.objective.colour_lines.Pixels`, by way of a lattice."""

    #: What a pixel of weight 1 counts.
    unit = _CELLS**3 * FINE

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        device = lines.vectors.device
        knots = torch.linspace(0, 1, _KNOTS, device=device)
        colours = torch.stack(torch.meshgrid(knots, knots, knots, indexing="ij")).flatten(1)
        # What never changes: where the knots lie along the lines.
        self._below, above = lines.bins(colours)
        self._fine = (above * FINE).round().long()
        place = lines.places(colours).sub_(0.5).clamp_(0, BINS - 2.001)
        self._before = place.long()
        self._between = place.sub_(self._before)
        cells, at = torch.arange(_SIDE, device=device), torch.arange(_KNOTS, device=device)[:, None] * _CELLS
        self._hats = (_CELLS - (cells - at).abs()).clamp_min(0).to(sum_type(device))

    def counts(self, picture: Tensor, weights: Tensor | None) -> Tensor:
        """Return how much lies in each bin, lines × 256 whole numbers; they add up over parts of a picture.

        Args:
            picture: 1 × 3 × h × w in [0, 1].
            weights: h × w, 0 to 1; ``None``: all pixels count.
        """
        device = picture.device
        # 32 bits are enough for all pixels of the largest picture that is taken.
        kind = torch.int32 if weights is None else torch.int64
        cells = torch.zeros(_COPIES * _SIDE**3, dtype=kind, device=device)
        for _, rows, counts in parts(picture, weights, _TOGETHER):
            red, green, blue = (rows.clamp(0, 1) * (_SIDE - 1)).round_().long()
            place = red.mul_(_SIDE).add_(green).mul_(_SIDE).add_(blue)
            copy = torch.arange(len(place), device=device).remainder_(_COPIES).mul_(_SIDE**3)
            one = torch.ones_like(place, dtype=kind) if counts is None else counts
            cells.scatter_add_(0, place.add_(copy), one)
        whole = cells.view(_COPIES, -1).sum(0, dtype=self._hats.dtype)
        # Along red, green and blue in turn; whole numbers far below 2^53 all along.
        whole = (self._hats @ whole.view(_SIDE, -1)).view(_KNOTS, _SIDE, _SIDE)
        knots = (self._hats @ whole @ self._hats.t()).round().long().flatten()
        result = torch.zeros(len(self._below), BINS, dtype=torch.int64, device=device)
        upper = self._fine * knots
        result.scatter_add_(1, self._below, FINE * knots - upper)
        result.scatter_add_(1, self._below + 1, upper)
        return result

    def slopes(self, table: Tensor, image: Tensor, weights: Tensor | None) -> Iterator[tuple[slice, Tensor]]:
        """Yield parts of an image's pixels, and what a table (lines × 255) says of them, as vectors in RGB (3 × n)."""
        along = torch.lerp(table.gather(1, self._before), table.gather(1, self._before + 1), self._between)
        knots = (self._lines.vectors.t() @ along).view(1, 3, _KNOTS, _KNOTS, _KNOTS)
        for pixels, rows, counts in parts(image, weights, _TOGETHER):
            places = (rows.flip(0).t() * 2 - 1).view(1, 1, 1, -1, 3)  # the last axis, blue, comes first
            slope = F.grid_sample(knots, places, padding_mode="border", align_corners=True).view(3, -1)
            yield pixels, slope if counts is None else slope * counts
