"""Sizes and resampling of images (1 × C × H × W tensors in float32)."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

# A GPU's filter for this takes (32·kw + 33·kh)·4 bytes of its 48 KB of shared memory, k = 1 + 2⌈2·factor⌉: CUDA refuses to
# shrink by more than 47 times, ROCm by more than 31. It happens once for a picture, at its first scale.
_MOST_SHRINKING_ELSEWHERE = 24.0

#: A scale with fewer pixels than this squared shows nothing that the next one would not.
_COARSEST = 64

Size = tuple[int, int]


def pyramid_sizes(height: int, width: int) -> list[Size]:
    """Return the sizes (height, width) of the scales, coarse to fine, each about twice the one before.

    The last is the full size; the first has an area of 64² to 128² px unless the picture itself is smaller. No side falls
    under 16 px, what the deepest layer needs.
    """
    sizes = [(height, width)]
    factor = 2
    while True:
        smaller = (round(height / factor), round(width / factor))
        if math.sqrt(smaller[0] * smaller[1]) < _COARSEST or min(smaller) < 16:
            return sizes
        sizes.insert(0, smaller)
        factor *= 2


def resize(image: Tensor, size: Size) -> Tensor:
    """Bring ``image`` to ``size`` (height, width): bicubic, with an anti-aliasing filter where it shrinks."""
    if tuple(image.shape[2:]) == size:
        return image
    shrinks = size[0] < image.shape[2] or size[1] < image.shape[3]
    if image.device.type != "cpu" and max(image.shape[2] / size[0], image.shape[3] / size[1]) > _MOST_SHRINKING_ELSEWHERE:
        return resize(image.cpu(), size).to(image.device)
    return F.interpolate(image, size=size, mode="bicubic", align_corners=False, antialias=shrinks)


def resize_rows(image: Tensor, size: Size, top: int, bottom: int) -> Tensor:
    """Return the rows from ``top`` to ``bottom`` of :func:`resize`'s result; to enlarge, no others are made."""
    height = image.shape[2]
    if (top, bottom) == (0, size[0]) or size[0] < height or size[1] < image.shape[3]:
        return resize(image, size)[:, :, top:bottom]
    # On the processor: not every device has float64.
    places = (torch.arange(top, bottom, dtype=torch.float64) + 0.5) * (height / size[0]) - 0.5
    first = places.floor()
    rows = image.new_zeros((*image.shape[:2], bottom - top, image.shape[3]))
    for offset in range(-1, 3):
        weights = _cubic((places - first - offset).abs()).to(image)
        rows += image[:, :, (first.long() + offset).clamp(0, height - 1).to(image.device)] * weights[:, None]
    return resize(rows, (bottom - top, size[1]))


def _cubic(distance: Tensor) -> Tensor:
    """Return the weights of bicubic interpolation at distances of 0 to 2 (Keys 1981, with torch's parameter of −0.75)."""
    near = (1.25 * distance - 2.25) * distance**2 + 1
    far = ((-0.75 * distance + 3.75) * distance - 6) * distance + 3
    return torch.where(distance <= 1, near, torch.where(distance < 2, far, 0.0))


def upsample_with_detail(image: Tensor, content: Tensor, top: int = 0, bottom: int | None = None) -> Tensor:
    """Bring ``image`` to ``content``'s size together with the detail that the content loses at the image's size.

    ``up(x) + C − up(down(C))``, clamped to [0, 1]: the start of a finer scale. Only the rows from ``top`` to ``bottom``.
    """
    coarse: Size = (image.shape[2], image.shape[3])
    size: Size = (content.shape[2], content.shape[3])
    bottom = size[0] if bottom is None else bottom
    own = content[:, :, top:bottom]
    if coarse == size:
        return image[:, :, top:bottom]
    up, smooth = (resize_rows(each, size, top, bottom) for each in (image, resize(content, coarse)))
    return (up + own - smooth).clamp(0, 1)


def fill_transparent(picture: Tensor, alpha: Tensor) -> Tensor:
    """Replace colour under transparency by what lies around it, so that it influences nothing.

    A pull-push pyramid (Gortler et al., *The Lumigraph*, 1996, section 3.4): averages of the opaque pixels at ever coarser
    resolution fill what is transparent.

    Args:
        picture: 1 × 3 × H × W.
        alpha: 1 × 1 × H × W in [0, 1].
    """
    height, width = picture.shape[2:]
    if height <= 1 and width <= 1:
        return picture
    weight = alpha.clamp_min(1e-12)
    size = (max(1, (height + 1) // 2), max(1, (width + 1) // 2))
    coarse_weight = F.adaptive_avg_pool2d(weight, size)
    coarse = F.adaptive_avg_pool2d(picture * weight, size) / coarse_weight
    filled = fill_transparent(coarse, (coarse_weight * 4).clamp(0, 1)) if max(size) < max(height, width) else coarse
    behind = F.interpolate(filled, size=(height, width), mode="bilinear", align_corners=False)
    return torch.lerp(behind, picture, alpha)


def with_border(x: Tensor) -> Tensor:
    """Return x (1 × C × h × w) with its outermost pixels once more around it.

    What torch has for it adds up the gradient of a GPU's border in any order, and so differently each time.
    """
    return cast(Tensor, _Border.apply(x))


class _Border(torch.autograd.Function):
    """One copy forward, one backward; autograd's own for cut and joined parts makes a copy for each of them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        channels, height, width = x.shape[1:]
        layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        out = torch.empty((1, channels, height + 2, width + 2), dtype=x.dtype, device=x.device, memory_format=layout)
        out[:, :, 1:-1, 1:-1] = x
        out[:, :, 0, 1:-1], out[:, :, -1, 1:-1] = x[:, :, 0], x[:, :, -1]
        out[..., 0], out[..., -1] = out[..., 1], out[..., -2]
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Tensor:
        slope = gradients[0].clone()
        slope[..., 1] += slope[..., 0]
        slope[..., -2] += slope[..., -1]
        slope[:, :, 1] += slope[:, :, 0]
        slope[:, :, -2] += slope[:, :, -1]
        return slope[:, :, 1:-1, 1:-1]
