"""The palette: how far the colours of an image's pixels are from the styles', and which way they should move.

Means and covariances allow every colour *between* those of a style. The sliced Wasserstein-2 distance (Rabin, Peyré, Delon
and Bernot, *Wasserstein barycenter and its application to texture mixing*, 2011) does not: along each of some directions in
RGB the pixels' positions are to be distributed as the styles' are.

On a line the distance hangs on nothing but two distribution functions. Those are taken from histograms, in which a pixel
counts in the two bins beside it: counts add up over parts of a picture, over strips, and over styles (several styles make
the mixture of their colours, not colours between theirs). They are whole numbers, so that their sums are the same in any
order. The gradient is that of the distance of the histograms, in closed form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylecore.objective.colour_lattice import Lattice
from stylecore.objective.colour_lines import BINS, DIRECTIONS, Lines, Pixels
from stylecore.tensors.strips import Strip
from stylecore.tensors.summing import sum_type

# The least distance that a content is credited with: 0.01 of the range from black to white.
_LEAST = 1e-4
# A content whose colours deviate by less (of 0 to 1) is nearly flat: a white layer is to stay light and a black one dark,
# though both could be given the whole palette.
_FLAT = 0.1


def _shares(counts: Tensor) -> Tensor:
    """Return the distribution function at each bin, 24 × 256, of counts."""
    exact = counts.cumsum(1).to(sum_type(counts.device))
    return exact / exact[:, -1:].clamp_min(1)


class _Target:
    """Distribution functions (24 × 256) to come to; their inverse goes straight between the middles of two bins."""

    def __init__(self, lines: Lines, shares: Tensor) -> None:
        self._lines, self._shares = lines, shares[:, :-1].contiguous()
        low, high = lines.ends.split(1, 1)
        self._knots = torch.cat([torch.zeros_like(low), shares], 1)
        self._places = torch.cat([low, lines.middles, high], 1)
        areas = self._knots.diff(dim=1) * (self._places[:, 1:] + self._places[:, :-1]) / 2
        self._areas = torch.cat([torch.zeros_like(low), areas.cumsum(1)], 1)
        self._area_there = self._inverse(self._shares)[1]

    def _inverse(self, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return the inverse distribution function and its integral from 0, at ``shares`` (24 × n)."""
        after = torch.searchsorted(self._knots, shares, right=True).clamp_(1, BINS)
        before = after - 1
        begin, end = self._knots.gather(1, before), self._knots.gather(1, after)
        low, high = self._places.gather(1, before), self._places.gather(1, after)
        share = ((shares - begin) / (end - begin).clamp_min(1e-12)).clamp(0, 1)
        place = low + share * (high - low)
        return place, self._areas.gather(1, before) + (shares - begin) * (low + place) / 2

    def distance(self, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return the squared distance along each direction (24), and its slope by a pixel's place in each bin (24 × 255).

        The slope is that of a picture of one pixel. Σ 2Δ ∫ (Q(t) − x) dt from the target's share to the image's, over the
        bins' middles x, is the squared distance of two distributions on a line; Q is the target's inverse.
        """
        shares = shares[:, :-1].contiguous()
        middles = self._lines.middles
        place, area = self._inverse(shares)
        excess = area - self._area_there - middles * (shares - self._shares)
        return (2 * self._lines.step * excess).sum(1).clamp_min(0), 2 * (middles - place)


@dataclass(frozen=True)
class PaletteRegion:
    """Styles (1 × 3 × h × w, which of its pixels count or ``None``, share), and where they paint.

    ``where`` is of the image's (strip's) size, or ``None`` for everywhere; ``share`` the region's part of the loss.
    """

    styles: Sequence[tuple[Tensor, Tensor | None, float]]
    where: Tensor | None
    share: float


class Palette:
    """The distance of an image's colours to those of its regions' styles, over the same distance at the content.

    Args:
        content: 1 × 3 × H × W in [0, 1], or the strip of it.
        regions: where which styles paint.
        strip: which part ``content`` and the images are.
        lattice: whether colours are counted on a lattice; ``None``: on a GPU.
    """

    def __init__(
        self, content: Tensor, regions: Sequence[PaletteRegion], strip: Strip, *, lattice: bool | None = None
    ) -> None:
        self._strip = strip
        self._lines = Lines.on(content.device)
        by_lattice = content.device.type != "cpu" if lattice is None else lattice
        self._colours = Lattice(self._lines) if by_lattice else Pixels(self._lines)
        self._where = [region.where for region in regions]
        self._parts = [region.share for region in regions]
        self._targets = [_Target(self._lines, self._mixture(region)) for region in regions]
        measured = [self._measured(content, where) for _, where in self._pairs()]
        self._units = [target.distance(shares)[0] for target, shares in zip(self._targets, measured, strict=True)]
        # How far the palette counts in a region.
        self._held = [(self._lines.deviation(shares) / _FLAT).clamp(max=1) for shares in measured]

    def _pairs(self) -> Iterator[tuple[_Target, Tensor | None]]:
        return zip(self._targets, self._where, strict=True)

    def _mixture(self, region: PaletteRegion) -> Tensor:
        whole = sum(share for *_, share in region.styles)
        shares = [
            _shares(self._colours.counts(picture, weights)) * (share / whole) for picture, weights, share in region.styles
        ]
        return torch.stack(shares).sum(0)

    def _measured(self, image: Tensor, where: Tensor | None) -> Tensor:
        return _shares(self._strip.add_up([self._colours.counts(image, where)], "palette")[0])

    def __call__(self, image: Tensor, colours: float = 1.0) -> tuple[Tensor, Tensor]:
        """Return the distance (1 at the content, 0 where the colours are the styles') and its gradient, like ``image``.

        Args:
            image: 1 × 3 × H × W in [0, 1], or the strip of it; the value is then the whole's, the gradient the strip's.
            colours: how far all colours count, 0 to 1; at 0 it is lightness alone.
        """
        gradient = torch.zeros(image.shape, dtype=image.dtype, device=image.device)
        flat = gradient[0].flatten(1)
        value = image.new_zeros(())
        regions = zip(self._targets, self._where, self._units, self._parts, self._held, strict=True)
        for target, where, unit, part, held in regions:
            counts = self._strip.add_up([self._colours.counts(image, where)], "palette")[0]
            distances, slopes = target.distance(_shares(counts))
            scale = part * held / _weighed(unit, colours).clamp_min(_LEAST)
            value = value + (_weighed(distances, colours) * scale).to(value.dtype)
            # Pixels were counted in whole numbers, and each is so much of the whole.
            one = scale * (self._colours.unit / counts[0].sum().clamp_min(1))
            factors = torch.full_like(slopes[:, :1], colours / DIRECTIONS)
            factors[:1] += 1 - colours
            table = (slopes * factors * one).float()
            for pixels, slope in self._colours.slopes(table, image, where):
                flat[:, pixels] += slope.to(flat.dtype)
        return value, gradient


def _weighed(distances: Tensor, colours: float) -> Tensor:
    """Return the mean over directions, or (``colours`` 0) that along lightness, or between."""
    return distances.mean() * colours + distances[0] * (1 - colours)
