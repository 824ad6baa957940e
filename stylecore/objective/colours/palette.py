"""The palette: how far the colours of an image's pixels are from the styles', and which way they should move.

Means and covariances allow every colour *between* those of a style. The sliced distance of the pixels' colours
(:mod:`stylecore.objective.colours.sliced`) does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from stylecore.objective.colours.lines import DIRECTIONS, LIGHTNESS, directions, parts, tint_directions
from stylecore.objective.colours.sliced import SlicedRegion, SlicedTerm, shares_of
from stylecore.tensors.strips import Strip
from stylecore.tensors.summing import sum_type

# The least distance that a content is credited with: 0.01 of the range from black to white.
_LEAST = 1e-4
# A content whose colours deviate by less (of 0 to 1) is nearly flat: a white layer is to stay light and a black one dark,
# though both could be given the whole palette.
_FLAT = 0.1
# In a style whose tints deviate less than this share of its lightness, a drawing, they are looked at for themselves, the
# more the less they do: next to the step from ink to paper the squared distance would not see a green shadow.
_TINTED, _DRAWN = 0.5, 3.0
# Pixels taken at a time in full precision.
_TOGETHER = 1 << 20
# How many times the tints of a drawing count as much as all of its colours.
_TINTS = 4.0


def drawn(region: SlicedRegion) -> Tensor:
    """Return how far (0 to 1) a region's styles are drawings, that is, next to without tints; on their device."""
    sums = []
    for picture, weights, share in region.styles:
        found = torch.zeros(9, dtype=sum_type(picture.device), device=picture.device)
        for _, rows, counts in parts(picture, weights, _TOGETHER):
            rows = rows.to(found.dtype)
            lightness = sum(weight * row for weight, row in zip(LIGHTNESS, rows, strict=True))
            values = torch.cat([torch.ones_like(rows[:1]), lightness[None], rows - lightness])
            counted = values if counts is None else values * counts
            found += torch.cat([counted.sum(1), (counted[1:] * values[1:]).sum(1)])
        sums.append(found * (share / found[0].clamp_min(1e-9)))
    whole = torch.stack(sums).sum(0)
    lightness, *tints = ((whole[5:] - whole[1:5].square() / whole[0]) / whole[0]).clamp_min(0)
    times = _TINTED * (3 * lightness / torch.stack(tints).sum().clamp_min(1e-9)).sqrt()
    return ((times - 1) / _DRAWN).clamp(0, 1)


class Palette(SlicedTerm):
    """The distance of an image's colours to those of its regions' styles, over the same distance at the content.

    Args:
        content: 1 × 3 × H × W in [0, 1], or the strip of it.
        regions: where which styles paint.
        strip: which part ``content`` and the images are.
        lattice: whether colours are counted on a lattice; ``None``: on a GPU.
    """

    def __init__(
        self, content: Tensor, regions: Sequence[SlicedRegion], strip: Strip, *, lattice: bool | None = None
    ) -> None:
        self._parts = [region.share for region in regions]
        self._drawn = [drawn(region) for region in regions]
        # A processor does without what counts for nothing; a GPU would have to be waited for, and hardly gain.
        some = content.device.type != "cpu" or any(bool(each > 0) for each in self._drawn)
        tints = [tint_directions()] if some else []
        super().__init__(torch.cat([directions(), *tints]), content, regions, strip, lattice)
        measured = [self._measured(content, where) for where in self._where]
        self._units = [target.distance(shares)[0] for target, shares in zip(self._targets, measured, strict=True)]
        # How far the palette counts in a region.
        deviations = (self._lines.deviations(shares)[:DIRECTIONS].mean() for shares in measured)
        self._held = [(deviation / _FLAT).clamp(max=1) for deviation in deviations]

    def _measured(self, image: Tensor, where: Tensor | None) -> Tensor:
        return shares_of(self._counts(image, where))

    def _counts(self, image: Tensor, where: Tensor | None) -> Tensor:
        """Return how many of the whole's pixels lie in each bin, lines × 256."""
        rows_and_columns = (..., slice(None, None, self._every), slice(None, None, self._every))
        counted = None if where is None else where[rows_and_columns]
        return self._strip.add_up([self._counter.counts(image[rows_and_columns], counted)], "palette")[0]

    def __call__(self, image: Tensor, colours: float = 1.0) -> tuple[Tensor, Tensor]:
        """Return the distance (1 at the content, 0 where the colours are the styles') and its gradient, like ``image``.

        Args:
            image: 1 × 3 × H × W in [0, 1], or the strip of it; the value is then the whole's, the gradient the strip's.
            colours: how far all colours count, 0 to 1; at 0 it is lightness alone.
        """
        gradient = torch.zeros(image.shape, dtype=image.dtype, device=image.device)
        value = image.new_zeros(())
        for distance, table, where in self._compared(image, colours):
            value = value + distance
            self._counter.add_slopes(table, image, where, gradient)
        return value, gradient

    def distance(self, image: Tensor, colours: float = 1.0) -> Tensor:
        """Return the distance alone."""
        return torch.stack([distance for distance, *_ in self._compared(image, colours)]).sum()

    def _compared(self, image: Tensor, colours: float) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield each region's part of the distance, the slopes along each line (lines × 255), and where it is."""
        regions = zip(self._targets, self._where, self._units, self._parts, self._held, self._drawn, strict=True)
        for target, where, unit, part, held, tinted in regions:
            counts = self._counts(image, where)
            distances, slopes = target.distance(shares_of(counts))
            factors = _factors(unit, colours, tinted) * (part * held)
            table = (slopes * (factors * self._one(counts))[:, None]).float()
            yield (distances * factors).sum().to(image.dtype), table, where


def _factors(unit: Tensor, colours: float, tinted: Tensor) -> Tensor:
    """Return how often the distance along each line counts, given those of the content (``unit``).

    All directions together are one term, or (``colours`` 0) that along lightness alone is, or between. The tints are
    another, which counts the more the nearer to 1 ``tinted`` is (:func:`drawn`).
    """
    factors = torch.full_like(unit[:DIRECTIONS], colours / DIRECTIONS)
    factors[:1] += 1 - colours
    tints = unit[DIRECTIONS:]
    factors = factors / (factors * unit[:DIRECTIONS]).sum().clamp_min(_LEAST)
    if not len(tints):  # no style is a drawing
        return factors
    share = _TINTS * tinted * colours / (len(tints) * tints.mean().clamp_min(_LEAST))
    return torch.cat([factors, share.expand_as(tints)])
