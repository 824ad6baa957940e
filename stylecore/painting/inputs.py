"""What a job is given: pictures as arrays, made tensors of."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylecore.errors import StyleError, fault
from stylecore.painting.planning.plan import check_size
from stylecore.tensors.resampling import fill_transparent

Pixels = NDArray[np.float32]


def picture_tensors(
    pixels: Pixels, what: Literal["content", "style"], device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Return RGB as 1 × 3 × H × W in [0, 1] (colour under transparency filled) and alpha as H × W or ``None``.

    Args:
        pixels: H × W × 3 (RGB) or 4 (RGB and straight alpha); what is beyond [0, 1] or no number is brought into it.
        what: ``'content'`` or ``'style'``, for what is said of it.
        device: where the tensors are wanted.

    Raises:
        StyleError: ``bad-picture``, ``fully-transparent``, ``picture-too-small`` or ``picture-too-large``.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise StyleError(*fault(f"bad-picture:{what}", shape=pixels.shape))
    check_size((pixels.shape[0], pixels.shape[1]), what)
    tensor = torch.from_numpy(np.ascontiguousarray(pixels, np.float32)).to(device)
    # Wide-gamut and high-dynamic-range pictures reach beyond [0, 1], damaged ones are not numbers.
    tensor = torch.nan_to_num(tensor, nan=0.0, posinf=1.0, neginf=0.0).clamp(0, 1).permute(2, 0, 1)[None].contiguous()
    if pixels.shape[2] == 3:
        return tensor, None
    rgb, alpha = tensor[:, :3].contiguous(), tensor[:, 3:]
    if not bool((alpha > 0).any()):
        raise StyleError(*fault(f"fully-transparent:{what}"))
    if bool((alpha == 1).all()):
        return rgb, None if what == "style" else alpha[0, 0]
    return fill_transparent(rgb, alpha), alpha[0, 0]
