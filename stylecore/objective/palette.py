"""The palette: how far the colours of an image's pixels are from the styles', and which way they should move.

Means and covariances allow every colour *between* those of a style. The sliced distance of the pixels' colours
(:mod:`stylecore.objective.sliced`) does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stylecore.objective.colour_lines import DIRECTIONS, LIGHTNESS, Lines, directions, tint_directions
from stylecore.objective.sliced import SlicedRegion, Target, counter, mixture, shares_of
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


def drawn(region: SlicedRegion) -> float:
    """Return how far (0 to 1) a region's styles are drawings, that is, next to without tints."""
    sums = torch.zeros(9, dtype=torch.float64)
    for picture, weights, share in region.styles:
        rows = picture[0].flatten(1).to(sum_type(picture.device))
        lightness = sum(part * row for part, row in zip(LIGHTNESS, rows, strict=True))
        values = torch.cat([torch.ones_like(rows[:1]), lightness[None], rows - lightness])
        counted = values if weights is None else values * weights.flatten().to(values.dtype)
        found = torch.cat([counted.sum(1), (counted[1:] * values[1:]).sum(1)]).double().cpu()
        sums += found * (share / found[0].clamp_min(1e-9))
    mean, square = sums[1:5] / sums[0], sums[5:] / sums[0]
    lightness, *tints = (square - mean.square()).clamp_min(0).tolist()
    times = _TINTED * (3 * lightness / max(sum(tints), 1e-9)) ** 0.5
    return min(max((times - 1) / _DRAWN, 0.0), 1.0)


class Palette:
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
        self._strip = strip
        self._where = [region.where for region in regions]
        self._parts = [region.share for region in regions]
        self._drawn = [drawn(region) for region in regions]
        colours, tints = directions(), tint_directions()
        self._lines = [
            Lines.of(torch.cat([colours, tints]) if share > 0 else colours, content.device) for share in self._drawn
        ]
        self._counters = [counter(lines, lattice) for lines in self._lines]
        self._targets = [
            Target(lines, mixture(counting, region.styles))
            for lines, counting, region in zip(self._lines, self._counters, regions, strict=True)
        ]
        measured = [shares_of(counts) for counts in self._measured(content)]
        self._units = [target.distance(shares)[0] for target, shares in zip(self._targets, measured, strict=True)]
        # How far the palette counts in a region.
        pairs = zip(self._lines, measured, strict=True)
        self._held = [(lines.deviations(shares)[:DIRECTIONS].mean() / _FLAT).clamp(max=1) for lines, shares in pairs]

    def _measured(self, image: Tensor) -> list[Tensor]:
        pairs = zip(self._counters, self._where, strict=True)
        return [self._strip.add_up([counting.counts(image, where)], "palette")[0] for counting, where in pairs]

    def __call__(self, image: Tensor, colours: float = 1.0) -> tuple[Tensor, Tensor]:
        """Return the distance (1 at the content, 0 where the colours are the styles') and its gradient, like ``image``.

        Args:
            image: 1 × 3 × H × W in [0, 1], or the strip of it; the value is then the whole's, the gradient the strip's.
            colours: how far all colours count, 0 to 1; at 0 it is lightness alone.
        """
        gradient = torch.zeros(image.shape, dtype=image.dtype, device=image.device)
        flat = gradient[0].flatten(1)
        value = image.new_zeros(())
        pairs = zip(self._targets, self._units, self._parts, self._held, strict=True)
        for index, (target, unit, part, held) in enumerate(pairs):
            counting, where = self._counters[index], self._where[index]
            counts = self._strip.add_up([counting.counts(image, where)], "palette")[0]
            distances, slopes = target.distance(shares_of(counts))
            factors = _factors(unit, colours, self._drawn[index]) * (part * held)
            value = value + (distances * factors).sum().to(value.dtype)
            # Pixels were counted in whole numbers, and each is so much of the whole.
            one = counting.unit / counts[0].sum().clamp_min(1)
            table = (slopes * (factors * one)[:, None]).float()
            for pixels, slope in counting.slopes(table, image, where):
                flat[:, pixels] += slope.to(flat.dtype)
        return value, gradient


def _factors(unit: Tensor, colours: float, tinted: float) -> Tensor:
    """Return how often the distance along each line counts, given those of the content (``unit``).

    All directions together are one term, or (``colours`` 0) that along lightness alone is, or between. The tints, if there
    are lines of theirs, are another, of the weight ``tinted``.
    """
    factors = torch.full_like(unit, colours / DIRECTIONS)
    factors[:1] += 1 - colours
    plain, tints = factors[:DIRECTIONS], factors[DIRECTIONS:]
    plain /= (plain * unit[:DIRECTIONS]).sum().clamp_min(_LEAST)
    if len(tints):
        tints.fill_(colours * tinted / len(tints)).div_(unit[DIRECTIONS:].mean().clamp_min(_LEAST))
    return factors
