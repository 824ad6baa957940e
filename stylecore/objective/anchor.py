"""What holds a fine scale to the coarser one's result: their difference, as far as the coarser one could see it."""

from __future__ import annotations

from math import comb

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.tensors.resampling import resize_rows
from stylecore.tensors.strips import Strip

# The binomial filter of so many taps either side: that of the square of a filter half as wide.
_REACH = 8
# Rows taken at a time: what is filtered is never whole in memory a second time.
_ROWS = 64
# The least variance that a picture is credited with, of its colours from 0 to 1.
_LEAST = 0.005


class Anchor:
    """The squared difference of an image from its coarser self, both smoothed, over the coarser one's variance.

    |B (x − up)|² / (N · Var), B being a binomial filter of nine taps along each axis and N the image's numbers. Only what
    the coarser picture could show counts; finer strokes are free. (A block average in place of B leaves a grid of pixels.)
    The gradient is in closed form: B is symmetric, so it is 2 B² (x − up) / (N · Var), and the value is half its product
    with the difference.

    Args:
        coarse: 1 × 3 × h × w in [0, 1]: the coarser result, whole.
        width: of the image.
        strip: which part of the image this process paints, and the image's height.
    """

    def __init__(self, coarse: Tensor, width: int, strip: Strip) -> None:
        self._strip = strip
        self._size = (strip.height, width)
        rows = strip.bottom - strip.top
        above, below = strip.halo(_REACH, _REACH)
        top, bottom = strip.top - above, strip.top + rows + below
        self._up = resize_rows(coarse, self._size, top, bottom).clamp_(0, 1)
        variance = coarse.float().var((2, 3), unbiased=False).mean().clamp_min(_LEAST)
        self._unit = 1 / (variance * (3 * strip.height * width))
        taps = torch.tensor([comb(2 * _REACH, number) for number in range(2 * _REACH + 1)], dtype=torch.float64)
        self._taps = (taps / taps.sum()).to(self._up)

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the whole image's value, and the gradient by ``image`` (1 × 3 × H × W, or the strip of it)."""
        image = self._strip.with_halo(image, _REACH, _REACH)
        above, below = self._strip.halo(_REACH, _REACH)
        rows = image.shape[2] - above - below
        gradient = image.new_empty((1, 3, rows, image.shape[3]))
        value = image.new_zeros(())
        for top in range(0, rows, _ROWS):
            bottom = min(top + _ROWS, rows)
            first = max(0, top + above - _REACH)
            around = slice(first, bottom + above + _REACH)
            difference = image[:, :, around] - self._up[:, :, around]
            own = slice(top + above - first, bottom + above - first)
            smooth = self._smoothed(difference)[:, :, own]
            value += (smooth * difference[:, :, own]).sum()
            torch.mul(smooth, 2 * self._unit, out=gradient[:, :, top:bottom])
        return self._strip.add_up([value * self._unit], "sums")[0], gradient

    def distance(self, image: Tensor) -> Tensor:
        """Return the whole image's value alone."""
        return self(image)[0]

    def _smoothed(self, x: Tensor) -> Tensor:
        """Return ``x`` under the filter's square; beyond the borders there is no difference."""
        x = F.conv2d(x.transpose(0, 1), self._taps.view(1, 1, 1, -1), padding=(0, _REACH))
        return F.conv2d(x, self._taps.view(1, 1, -1, 1), padding=(_REACH, 0)).transpose(0, 1)
