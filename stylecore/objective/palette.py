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

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylecore.tensors.strips import Strip
from stylecore.tensors.summing import sum_type

#: Along so many directions, and in so many bins along each.
DIRECTIONS, BINS = 24, 256
# Parts of a bin, and of a pixel's weight, that are told apart.
_FINE = 1 << 12
# Pixels taken at a time: what is made of them then stays in the processor's cache, and does not fill a GPU's memory.
_TOGETHER, _TOGETHER_ELSEWHERE = 1 << 14, 1 << 16
# The least distance that a content is credited with: 0.01 of the range from black to white.
_LEAST = 1e-4
# A content whose colours deviate by less (of 0 to 1) is nearly flat: a white layer is to stay light and a black one dark,
# though both could be given the whole palette.
_FLAT = 0.1
# Lightness (Rec. 601's luma), which comes first: a result that has its colours from the photo takes only it.
_LIGHTNESS = (0.299, 0.587, 0.114)


def directions() -> Tensor:
    """Return unit vectors in RGB, 24 × 3 float64: that of lightness, and others spread evenly over half a sphere."""
    number = torch.arange(DIRECTIONS - 1, dtype=torch.float64)
    height = 1 - (number + 0.5) / (DIRECTIONS - 1)
    angle, around = number * (math.pi * (3 - math.sqrt(5))), (1 - height.square()).sqrt()
    spread = torch.stack([around * angle.cos(), around * angle.sin(), height], 1)
    lightness = torch.tensor([_LIGHTNESS], dtype=torch.float64)
    return torch.cat([lightness / lightness.norm(), spread])


@dataclass(frozen=True)
class _Lines:
    """The directions on a device: ``vectors`` (24 × 3), and what brings a projection to bins (``scale``, ``offset``)."""

    vectors: Tensor
    scaled: Tensor
    offset: Tensor
    step: Tensor
    middles: Tensor
    ends: Tensor

    @classmethod
    def on(cls, device: torch.device) -> _Lines:
        vectors = directions()
        low, high = vectors.clamp(max=0).sum(1, keepdim=True), vectors.clamp(min=0).sum(1, keepdim=True)
        step = (high - low) / (BINS - 1)
        middles = low + step * (torch.arange(BINS - 1, dtype=torch.float64) + 0.5)
        exact = sum_type(device)
        parts = (vectors, vectors / step, -low / step)
        return cls(
            *(part.to(device, torch.float32) for part in parts),
            *(part.to(device, exact) for part in (step, middles, torch.cat([low, high], 1))),
        )

    def deviation(self, shares: Tensor) -> Tensor:
        """Return the standard deviation of colours along a direction, the mean over all, from their shares (24 × 256)."""
        parts = torch.cat([shares[:, :1], shares.diff(dim=1)], 1)
        places = self.ends[:, :1] + self.step * torch.arange(BINS, device=shares.device)
        mean = (parts * places).sum(1, keepdim=True)
        return ((places - mean).square() * parts).sum(1).clamp_min(0).sqrt().mean()

    def places(self, rows: Tensor) -> Tensor:
        """Return where pixels (3 × n) lie, in bins (24 × n)."""
        # One operation after the other: a matrix product may round otherwise in another part of a picture or on other
        # threads, and would put a pixel that lies between two bins into another one there.
        red, green, blue = self.scaled.split(1, 1)
        place = (red * rows[:1]).add_(green * rows[1:2]).add_(blue * rows[2:]).add_(self.offset)
        return place.clamp_(0, BINS - 1.001)

    def bins(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return where pixels (3 × n) lie: the bin below (24 × n), and the part of a bin above that one."""
        place = self.places(rows)
        below = place.long()
        return below, place.sub_(below)

    def between(self, table: Tensor, rows: Tensor) -> Tensor:
        """Return what a table of the bins' middles (24 × 255) says of pixels (3 × n), between two of them: 24 × n.

        Without jumps, or rounding would grow into another picture in blocks than in one piece.
        """
        place = self.places(rows).sub_(0.5).clamp_(0, BINS - 2.001)
        below = place.long()
        return torch.lerp(table.gather(1, below), table.gather(1, below + 1), place.sub_(below))


def _parts(picture: Tensor, weights: Tensor | None) -> Iterator[tuple[slice, Tensor, Tensor | None]]:
    """Cut 1 × 3 × h × w into parts: which pixels, their colours (3 × n) and their weights in whole numbers."""
    rows = picture.detach()[0].flatten(1)
    counts = None if weights is None else weights.flatten()
    together = _TOGETHER if rows.device.type == "cpu" else _TOGETHER_ELSEWHERE
    for begin in range(0, rows.shape[1], together):
        part = slice(begin, begin + together)
        yield part, rows[:, part].float(), None if counts is None else (counts[part] * _FINE).round().long()


def _counts(lines: _Lines, picture: Tensor, weights: Tensor | None) -> Tensor:
    """Return how much lies in each bin, 24 × 256 whole numbers; they add up over parts of a picture."""
    result = torch.zeros(DIRECTIONS, BINS, dtype=torch.int64, device=picture.device)
    for _, rows, counts in _parts(picture, weights):
        below, above = lines.bins(rows)
        fine = above.mul_(_FINE).round_().long()
        rest = _FINE - fine
        if counts is not None:
            fine, rest = fine * counts, rest * counts
        result.scatter_add_(1, below, rest)
        result.scatter_add_(1, below + 1, fine)
    return result


def _shares(counts: Tensor) -> Tensor:
    """Return the distribution function at each bin, 24 × 256, of counts."""
    exact = counts.cumsum(1).to(sum_type(counts.device))
    return exact / exact[:, -1:].clamp_min(1)


class _Target:
    """Distribution functions (24 × 256) to come to; their inverse goes straight between the middles of two bins."""

    def __init__(self, lines: _Lines, shares: Tensor) -> None:
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
    """

    def __init__(self, content: Tensor, regions: Sequence[PaletteRegion], strip: Strip) -> None:
        self._strip = strip
        self._lines = _Lines.on(content.device)
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
            _shares(_counts(self._lines, picture, weights)) * (share / whole) for picture, weights, share in region.styles
        ]
        return torch.stack(shares).sum(0)

    def _measured(self, image: Tensor, where: Tensor | None) -> Tensor:
        return _shares(self._strip.add_up([_counts(self._lines, image, where)], "palette")[0])

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
            counts = self._strip.add_up([_counts(self._lines, image, where)], "palette")[0]
            distances, slopes = target.distance(_shares(counts))
            scale = part * held / _weighed(unit, colours).clamp_min(_LEAST)
            value = value + (_weighed(distances, colours) * scale).to(value.dtype)
            # Pixels were counted in whole numbers, and each is so much of the whole.
            one = scale * (_FINE / counts[0].sum().clamp_min(1))
            factors = torch.full_like(slopes[:, :1], colours / DIRECTIONS)
            factors[:1] += 1 - colours
            table = (slopes * factors * one).float()
            for pixels, rows, weights in _parts(image, where):
                slope = self._lines.vectors.t() @ self._lines.between(table, rows)
                if weights is not None:
                    slope *= weights
                flat[:, pixels] += slope.to(flat.dtype)
        return value, gradient


def _weighed(distances: Tensor, colours: float) -> Tensor:
    """Return the mean over directions, or (``colours`` 0) that along lightness, or between."""
    return distances.mean() * colours + distances[0] * (1 - colours)
