"""Where a job paints, with which style, and how strongly: guides, and the strength map.

The strength map m (0 to 1) is a local strength S·m. Under the balanced objective a place's style counts m times, and its
content m·λ(S·m)/λ(S) times, λ being :func:`stylecore.objective.objective.content_weight`: the two are then in
the proportion of that strength, and places that are to stay the photo do not make the others carry their part of the
style. Below :data:`_FADE` the result fades into the photo, so that 0 is the photo to the last bit. The objectives with raw
weights have no strength; theirs takes the place of :data:`MIDDLE`, so that 1 is their weights and less leans to the photo
by the same curve.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylecore.errors import StyleError, fault
from stylecore.objective.weighting import content_weight
from stylecore.tensors.resampling import Size, resize

#: The strength that stands for raw weights, and the most that a map can lessen: at 100 the photo has no say to give back.
MIDDLE, MOST = 50.0, 99.5
_FADE = 0.1

Map = NDArray[np.float32]


class Areas:
    """The maps of a job at full size.

    Args:
        size: of the content (height, width).
        alpha: the content's, H × W, or ``None``.
        guide: where anything is painted, or ``None`` for everywhere.
        style_guides: for each style where it paints, or ``None`` for what the others leave.
        strength: the strength map, or ``None``.
        device: where the maps are wanted.

    Raises:
        StyleError: ``bad-guide`` (its size) or ``empty-guide``.
    """

    def __init__(
        self,
        size: Size,
        alpha: Tensor | None,
        guide: Map | None,
        style_guides: Sequence[Map | None],
        strength: Map | None,
        device: torch.device,
    ) -> None:
        chosen = _map(guide, size, "guide", device)
        if chosen is not None:
            self._check(chosen, alpha, "picture")
        given = [_map(each, size, "style", device, number) for number, each in enumerate(style_guides, 1)]
        own = _together(given)
        rest = None
        if any(each is not None for each in own):
            # Styles that share a guide are one region.
            distinct = list({id(each): each for each in own if each is not None}.values())
            covered = torch.stack(distinct).sum(0).clamp(0, 1)
            rest = 1 - covered
            if all(each is not None for each in own):
                chosen = covered if chosen is None else chosen * covered
        #: The strength map, H × W, or ``None``.
        self.strength = _map(strength, size, "strength", device)
        #: How much of the result is seen over the photo, transparency aside; ``None``: all.
        self.visible = chosen
        if self.strength is not None:
            fade = (self.strength / _FADE).clamp(0, 1)
            self.visible = fade if chosen is None else chosen * fade
            self._check(self.visible, alpha, "strength")
        #: Where the image counts, transparency included; ``None``: everywhere.
        self.guide = _product(self.visible, alpha)
        base = _product(_map(guide, size, "guide", device), alpha, self.strength)
        made: dict[int, Tensor | None] = {}
        #: For each style where it paints; ``None``: all over the guide.
        self.regions: list[Tensor | None] = []
        for number, each in enumerate(own, 1):
            if id(each) not in made:
                region = _product(rest if each is None else each, base)
                whole = rest is None and self.strength is None
                made[id(each)] = None if whole else region
                if region is not None:
                    self._check(region, None, "rest" if each is None else "style", number)
            self.regions.append(made[id(each)])

    def at(self, size: Size) -> tuple[Tensor | None, list[Tensor | None]]:
        """Return guide and regions at a scale's size; styles of one region get the very same map."""
        small = {id(each): None if each is None else resize_guide(each, size) for each in self.regions}
        guide = None if self.guide is None else resize_guide(self.guide, size)
        return guide, [small[id(each)] for each in self.regions]

    def emphasis(self, size: Size, strength: float) -> Tensor | None:
        """Return how many times the content weight of ``strength`` counts at each place; ``None``: once everywhere."""
        if self.strength is None:
            return None
        local = resize_guide(self.strength, size)
        whole = content_weight(torch.tensor(strength, dtype=torch.float64)).item()
        return local * content_weight(local * strength) / whole

    @staticmethod
    def _check(area: Tensor, alpha: Tensor | None, which: str, number: int = 0) -> None:
        if not bool(((area if alpha is None else area * alpha) > 0).any()):
            raise StyleError(*fault(f"empty-guide:{which}", number=number))


def resize_guide(guide: Tensor, size: Size) -> Tensor:
    """Bring a map (H × W) to ``size`` by area averaging when it shrinks, so that its sum is kept."""
    if tuple(guide.shape) == size:
        return guide
    if size[0] <= guide.shape[0] and size[1] <= guide.shape[1]:
        return torch.nn.functional.adaptive_avg_pool2d(guide[None, None], size)[0, 0]
    return resize(guide[None, None], size)[0, 0].clamp(0, 1)


def _map(given: Map | None, size: Size, which: str, device: torch.device, number: int = 0) -> Tensor | None:
    if given is None:
        return None
    if given.shape != size:
        height, width = given.shape
        sizes = {"width": width, "height": height, "picture_width": size[1], "picture_height": size[0]}
        raise StyleError(*fault(f"bad-guide:{which}", number=number, **sizes))
    return torch.nan_to_num(torch.from_numpy(np.ascontiguousarray(given, np.float32)).to(device)).clamp(0, 1)


def _together(maps: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Return the maps, equal ones as the very same tensor."""
    result: list[Tensor | None] = []
    for each in maps:
        same = None if each is None else next((o for o in result if o is not None and torch.equal(o, each)), each)
        result.append(same)
    return result


def _product(*maps: Tensor | None) -> Tensor | None:
    product: Tensor | None = None
    for each in maps:
        if each is not None:
            product = each if product is None else product * each
    return product
