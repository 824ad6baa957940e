"""Where a style's figures may be painted: on what is even in the photo, not on faces, lettering and buildings.

What the deep layers know of a style are whole things: flowers, stars, eyes. Left to themselves they put them anywhere. A
sky or a wall can take them; where the photo has detail of its own they spoil it. So those layers pull at the image the less
the busier the photo is at a place; the shallow layers, which know strokes and colours, paint all over. The deep ones go on
*looking* everywhere: a house in the photo is one that need not be painted into the sky.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.tensors.resampling import resize

#: The layers that know whole figures.
LAYERS = ("conv4_1", "conv5_1")
# What of the style layers' weights is left where none are wanted; conv4_1 has the long strokes, too.
_WITHOUT = (1.0, 1.0, 1.0, 0.25, 0.0)
# How far they are kept off where the photo is busy, and the longer side in px at which that is looked at.
_KEPT_OFF, _SIDE = 0.9, 256
# The standard deviation, in px there, of the surroundings that count.
_AROUND = 5.0
# The same of a smoothing that takes a photo's grain away beforehand.
_FINEST = 1.0
# The mean slope of colours (of 0 to 1, from px to px) that is even, and the one that is busy. A strong edge counts as one
# of the slope _STRONG, and what a tenth of the picture has less of is its grain.
_EVEN, _BUSY, _STRONG = 0.012, 0.03, 0.1
_GRAIN, _MOST_GRAIN = 0.1, 0.03


def room_for_figures(content: Tensor) -> Tensor:
    """Return how far figures may be painted at each place, 0.1 (the photo is busy) to 1 (even): h × w float32.

    Args:
        content: 1 × 3 × H × W in [0, 1]; h and w are at most 256.
    """
    height, width = content.shape[2:]
    share = min(1.0, _SIDE / max(height, width))
    small = resize(content, (max(1, round(height * share)), max(1, round(width * share)))).float()
    small = small if small.device.type == "cuda" else small.cpu()
    small = _surroundings(small, _FINEST)
    bordered = F.pad(small, (1, 1, 1, 1), mode="replicate")
    along, down = bordered[..., 1:-1, 2:] - bordered[..., 1:-1, :-2], bordered[..., 2:, 1:-1] - bordered[..., :-2, 1:-1]
    slope = (along.square() + down.square()).sum(1, keepdim=True).sqrt() / 2
    busy = _surroundings((slope / _STRONG).tanh() * _STRONG, _AROUND * max(small.shape[2:]) / _SIDE)
    grain = busy.flatten().quantile(_GRAIN).clamp(max=_MOST_GRAIN)
    return 1 - _KEPT_OFF * ((busy - grain - _EVEN) / (_BUSY - _EVEN)).clamp(0, 1)[0, 0]


def without_figures(weights: tuple[float, ...]) -> tuple[float, ...]:
    """Return the style layers' weights with little left of those that know figures; as they are if there are no others."""
    kept = tuple(weight * share for weight, share in zip(weights, _WITHOUT, strict=True))
    return kept if sum(kept[: -len(LAYERS)]) > 0 else weights


def at_layer(room: Tensor, size: tuple[int, int]) -> Tensor:
    """Return :func:`room_for_figures` at a layer's size (height, width)."""
    return F.interpolate(room[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]


def _surroundings(x: Tensor, deviation: float) -> Tensor:
    """Return the mean around each place, weighted by a Gaussian, of 1 × C × h × w."""
    reach = max(1, round(3 * deviation))
    taps = torch.exp(-(torch.arange(-reach, reach + 1, device=x.device) / max(deviation, 0.1)).square() / 2)
    taps = taps / taps.sum()
    x = F.pad(x, (reach, reach, reach, reach), mode="replicate").transpose(0, 1)
    return F.conv2d(F.conv2d(x, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1)).transpose(0, 1)
