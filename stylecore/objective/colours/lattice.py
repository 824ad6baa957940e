"""Colours on a lattice in RGB, for devices on which passes over a picture's pixels are what costs.

Pixels are counted in cells of a fine lattice, those in a coarser one by way of hat functions (as if each pixel were shared
out among the eight knots around it), and only the knots along lines: 36 thousand, however large the picture. What the lines
say is summed up at the knots too, and read off between them. On an H200 that is 20 times as fast at 2,048 × 2,048 px as
:class:`stylecore.objective.colours.lines.Pixels`, and tells colours apart that are half a knot, 4 of 255 levels, from each
other.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.kernels import colours as kernels
from stylecore.kernels.colours import KNOTS
from stylecore.objective.colours.lines import BINS, FINE, Lines, parts
from stylecore.tensors.summing import sum_type

# Cells of the fine lattice between two knots.
_CELLS = (kernels.SIDE - 1) // (KNOTS - 1)
# Pixels that are taken together. Of those that lie beside each other every other one counts in a copy of its own: pixels of
# one colour wait for each other.
_TOGETHER, _COPIES = 1 << 22, 2


class Lattice:
    """Counts pixels and reads slopes off like :class:`stylecore.objective.colours.lines.Pixels`, by way of a lattice."""

    #: What a pixel of weight 1 counts.
    unit = _CELLS**3 * FINE

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        device = lines.vectors.device
        knots = torch.linspace(0, 1, KNOTS, device=device)
        colours = torch.stack(torch.meshgrid(knots, knots, knots, indexing="ij")).flatten(1)
        # What never changes: where the knots lie along the lines.
        self._below, above = lines.bins(colours)
        self._fine = (above * FINE).round().long()
        place = lines.places(colours).sub_(0.5).clamp_(0, BINS - 2.001)
        self._before = place.long()
        self._between = place.sub_(self._before)
        cells, at = torch.arange(kernels.SIDE, device=device), torch.arange(KNOTS, device=device)[:, None] * _CELLS
        self._hats = (_CELLS - (cells - at).abs()).clamp_min(0).to(sum_type(device))

    def counts(self, picture: Tensor, weights: Tensor | None) -> Tensor:
        """Return how much lies in each bin, lines × 256 whole numbers; they add up over parts of a picture.

        Args:
            picture: 1 × 3 × h × w in [0, 1].
            weights: h × w, 0 to 1; ``None``: all pixels count.
        """
        if kernels.suits(picture):
            return self._binned(kernels.count_colours(picture, weights))
        device = picture.device
        # 32 bits are enough for all pixels of the largest picture that is taken.
        kind = torch.int32 if weights is None else torch.int64
        cells = torch.zeros(_COPIES * kernels.SIDE**3, dtype=kind, device=device)
        for _, rows, counts in parts(picture, weights, _TOGETHER):
            red, green, blue = (rows.clamp(0, 1) * (kernels.SIDE - 1)).round_().long()
            place = red.mul_(kernels.SIDE).add_(green).mul_(kernels.SIDE).add_(blue)
            copy = torch.arange(len(place), device=device).remainder_(_COPIES).mul_(kernels.SIDE**3)
            one = torch.ones_like(place, dtype=kind) if counts is None else counts
            cells.scatter_add_(0, place.add_(copy), one)
        return self._binned(cells.view(_COPIES, -1).sum(0, dtype=self._hats.dtype))

    def counts_of_steps(self, image: Tensor, rows: int, weights: Tensor | None, scale: float) -> Tensor:
        """Return :meth:`counts` of the steps from pixel to pixel (:func:`stylecore.kernels.colours.count_steps`)."""
        return self._binned(kernels.count_steps(image, rows, weights, scale))

    def _binned(self, cells: Tensor) -> Tensor:
        """Return what lies in each bin, lines × 256, of what lies in the cells of the fine lattice."""
        # Along red, green and blue in turn; whole numbers far below 2^53 all along.
        whole = (self._hats @ cells.to(self._hats.dtype).view(kernels.SIDE, -1)).view(KNOTS, kernels.SIDE, kernels.SIDE)
        knots = (self._hats @ whole @ self._hats.t()).round().long().flatten()
        result = torch.zeros(len(self._below), BINS, dtype=torch.int64, device=cells.device)
        upper = self._fine * knots
        result.scatter_add_(1, self._below, FINE * knots - upper)
        result.scatter_add_(1, self._below + 1, upper)
        return result

    def add_slopes(self, table: Tensor, image: Tensor, weights: Tensor | None, gradient: Tensor) -> None:
        """Add to a gradient like the image what a table (lines × 255) says of each pixel, as often as the pixel counts."""
        if kernels.suits(image, gradient):
            kernels.read_colours(F.pad(self._at_knots(table).t(), (0, 1)), image, weights, gradient)
            return
        knots, flat = self._at_knots(table).view(1, 3, KNOTS, KNOTS, KNOTS), gradient[0].flatten(1)
        for pixels, rows, counts in parts(image, weights, _TOGETHER):
            places = (rows.flip(0).t() * 2 - 1).view(1, 1, 1, -1, 3)  # the last axis, blue, comes first
            slope = F.grid_sample(knots, places, padding_mode="border", align_corners=True).view(3, -1)
            flat[:, pixels] += (slope if counts is None else slope * counts).to(flat.dtype)

    def add_slopes_of_steps(
        self, table: Tensor, image: Tensor, rows: int, weights: Tensor | None, scale: float, gradient: Tensor
    ) -> None:
        """Add to a gradient by ``image`` what a table says of its steps (:meth:`counts_of_steps`)."""
        kernels.read_steps(F.pad(self._at_knots(table).t(), (0, 1)), image, rows, weights, scale, gradient)

    def _at_knots(self, table: Tensor) -> Tensor:
        """Return what a table (lines × 255) says at the knots, 3 × 33³."""
        along = torch.lerp(table.gather(1, self._before), table.gather(1, self._before + 1), self._between)
        return self._lines.vectors.t() @ along
