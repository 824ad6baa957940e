"""Total variation: how restless an image is from pixel to pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from stylecore.kernels import smoothness as kernels
from stylecore.tensors.resampling import with_border
from stylecore.tensors.strips import Strip

# Rows taken at a time where memory is short.
_ROWS = 256
# A style whose colours vary this much (mean squared difference of neighbours) where they vary least leaves them as free as
# lightness; one whose colours vary less there holds them the more, up to so many times. Looked at: benchmarks/README.md.
_COLOURFUL = 0.0006
_MOST = 30.0
# The part of a style that is looked at: a few edges between flat colours must not count as restlessness of all of them.
_FLATTEST = 1 / 3
# About so many pixels of a style tell.
_ENOUGH = 1 << 16


def colour_weight(styles: Sequence[tuple[Tensor, Tensor | None, float]]) -> Tensor:
    """Return how many times as much neighbours that differ in colour count as those that differ in lightness.

    The network hardly sees single pixels of another colour, so that images come to have more of them than their styles,
    as speckles and coloured edges. They are held to what the styles have where they are flattest.

    Args:
        styles: pictures of 1 × 3 × H × W in [0, 1], at the size they are used at, their alpha (H × W; ``None``: opaque),
            and their shares.

    Returns:
        A number from 1 to 30, on the pictures' device.
    """
    whole = sum(share for *_, share in styles)
    found = [_restlessness_of_colours(picture, alpha) * (share / whole) for picture, alpha, share in styles]
    restless = torch.stack(found).sum()
    return (_COLOURFUL / restless.clamp_min(1e-9)).clamp(1.0, _MOST)


@torch.no_grad()
def _restlessness_of_colours(picture: Tensor, alpha: Tensor | None) -> Tensor:
    """Return the mean squared difference of neighbours (right, below) in colour, where a picture has least of it."""
    height, width = picture.shape[2:]
    apart = max(1, height * width // _ENOUGH)
    here, below = picture[:, :, : height - 1 : apart].float(), picture[:, :, 1::apart].float()
    here, below = (each - each.mean(1, keepdim=True) for each in (here, below))
    down = (below - here)[..., :-1]
    squares = (here.diff(dim=3).square() + down.square()).mean(1).flatten()
    counted = torch.ones_like(squares)
    if alpha is not None:  # colours under transparency are made up, and flat
        counted = (alpha[: height - 1 : apart, :-1] * alpha[1::apart, :-1]).flatten().to(squares)
    squares, order = squares.sort()
    counted = counted[order]
    before = counted.cumsum(0) - counted
    counted = counted * (before < before[-1] * _FLATTEST + 1e-6)
    return (squares * counted).sum() / counted.sum().clamp_min(1e-9)


def total_variation(image: Tensor, colours: Tensor | float = 1.0) -> Tensor:
    """Return the mean squared difference of neighbours (right, below, both diagonals), isotropic.

    Args:
        image: 1 × 3 × H × W.
        colours: how many times differences count that are not of lightness (:func:`colour_weight`).
    """
    return _squared_differences(_vivid(image, colours), image.shape[2]) / image.numel()


def in_one_pass(image: Tensor) -> bool:
    """Return whether :func:`total_variation_in_rows` takes an image at once, by a GPU's kernel."""
    return kernels.suits(image)


def total_variation_in_rows(
    image: Tensor, colours: Tensor | float = 1.0, strip: Strip | None = None
) -> tuple[Tensor, Tensor]:
    """Return :func:`total_variation` and its gradient, taking a few rows of the image at a time.

    Args:
        image: 1 × 3 × H × W, or a strip of it; the value is then the whole's, and the gradient the strip's.
        colours: as there.
        strip: which part; ``None``: all of it.
    """
    rows = image.shape[2]
    strip = strip or Strip(rows)
    image = strip.with_halo(image, 0, 1)
    numbers = image.shape[1] * strip.height * image.shape[3]
    if kernels.suits(image):
        slope = kernels.total_variation_slope(image, colours, rows, numbers)
        # Of a square form the value is half the product with its gradient; that of a lighter image is the same.
        value = (torch.dot(image.flatten(), slope.flatten()) - slope.sum() / 2) / 2
        return strip.add_up([value], "sums")[0], strip.halo_returned(slope, 0, 1)
    value = image.new_zeros(())
    gradient = torch.zeros_like(image)
    for top, bottom, end in _parts(rows, image.shape[2]):
        part = image[:, :, top:end].detach().requires_grad_(True)
        with torch.enable_grad():
            differences = _squared_differences(_vivid(part, colours), bottom - top) / numbers
        (slope,) = torch.autograd.grad(differences, part)
        gradient[:, :, top:end] += slope
        value = value + differences.detach()
    return strip.add_up([value], "sums")[0], strip.halo_returned(gradient, 0, 1)


def _parts(rows: int, there: int) -> Iterator[tuple[int, int, int]]:
    """Cut rows into parts: where each begins and ends, and where it ends with the neighbours below, if they are there."""
    for top in range(0, rows, _ROWS):
        bottom = min(top + _ROWS, rows)
        yield top, bottom, min(bottom + 1, there)


def _vivid(image: Tensor, colours: Tensor | float) -> Tensor:
    """Return the image with its colours so much stronger that the squares of their differences are ``colours`` times."""
    grey = image.mean(1, keepdim=True)
    return grey + (image - grey) * colours**0.5


def _squared_differences(image: Tensor, rows: int) -> Tensor:
    """Return the sum of weighted squared differences of the first ``rows`` rows with their neighbours."""
    padded = with_border(image)
    centre, below = padded[..., 1 : rows + 1, 1:-1], padded[..., 2 : rows + 2, :]
    straight = (padded[..., 1 : rows + 1, 2:] - centre).square().sum() + (below[..., 1:-1] - centre).square().sum()
    diagonal = (below[..., 2:] - centre).square().sum() + (below[..., :-2] - centre).square().sum()
    return straight * (2 / 3) + diagonal / 6
