"""Which styles paint where: regions of the image, their maps at every layer, and their part of the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.network.vgg import layer_size
from stylecore.objective.moments import Moments
from stylecore.tensors.strips import Strip
from stylecore.tensors.summing import total


@dataclass(frozen=True)
class StylePicture:
    """One style at the size it is used at: 1 × 3 × h × w in [0, 1], its share, and its alpha: which pixels count (h × w).

    ``paints_where`` (H × W of the content, 0 to 1) is where it paints; ``None`` for the whole guide. Styles with the very
    same map are blended by their shares. ``known`` holds its moments by layer: taken as they are, or filled in if empty.
    """

    picture: Tensor
    share: float = 1.0
    alpha: Tensor | None = None
    paints_where: Tensor | None = None
    known: dict[str, Moments] | None = None


@dataclass
class Region:
    """A part of the image with a style of its own.

    A layer's style loss is the sum over regions of ``share`` × the distance of the moments under the region's map, the
    share being the region's part of the guided area. A moment's gradient at a position is its map's weight there, divided
    by the map's sum, so that with these shares every position is pulled alike, in a large region or a small one, and two
    regions with one style behave much like one.
    """

    styles: list[StylePicture]
    share: float
    guides: dict[str, Tensor | None]
    targets: dict[str, Moments]
    where: Tensor | None = None


def feature_guide(guide: Tensor | None, size: tuple[int, int]) -> Tensor | None:
    """Bring a guide (H × W, 0 to 1) to a layer's resolution by area averaging, summing to 1.

    The first of the propagations of Gatys et al. (arXiv 1611.07865): averaging keeps a soft edge soft at every layer, thin
    regions alive, and the sum of regions that cover the picture even. Eroding the map by the receptive field, which they
    prefer for hard masks, would leave a band along every edge that no style paints. ``None``, or a guide that counts no
    position, gives ``None``.
    """
    if guide is None:
        return None
    small = F.adaptive_avg_pool2d(guide[None, None], size)[0, 0]
    total = small.sum()
    return small / total if total.item() > 0 else None


def cut_for(map_: Tensor | None, layer: str, strip: Strip) -> Tensor | None:
    """Return a strip's part of a map that has a layer's resolution."""
    return None if map_ is None else strip.cut(map_, int(layer[4]) - 1)


def regions_of(
    styles: Sequence[StylePicture], guide: Tensor | None, size: tuple[int, int], strip: Strip, layers: Sequence[str]
) -> list[Region]:
    """Sort styles by the region they paint, with each region's maps at ``layers`` and its share of the guided area."""
    regions: list[tuple[Tensor | None, list[StylePicture]]] = []
    for style in styles:
        where = guide if style.paints_where is None else style.paints_where
        together = next((found for other, found in regions if other is where), None)
        if together is None:
            regions.append((where, [style]))
        else:
            together.append(style)
    area = float(size[0] * size[1]) if guide is None else total(guide)
    result = []
    for where, found in regions:
        share = 1.0 if where is guide or where is None else total(where) / area
        guides = {name: cut_for(feature_guide(where, layer_size(name, size)), name, strip) for name in layers}
        result.append(Region(found, share, guides, {}, None if where is None else strip.cut(where)))
    return result


def emphasised(guide: Tensor | None, emphasis: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the content layer's weights: the guide's (summing to 1), each times the emphasis there."""
    guide = torch.ones_like(emphasis) if guide is None else guide
    plain = F.adaptive_avg_pool2d(guide[None, None], size)[0, 0].sum()
    return F.adaptive_avg_pool2d((guide * emphasis)[None, None], size)[0, 0] / plain
