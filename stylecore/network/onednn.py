"""Convolutions of a processor's own library, oneDNN, in one pass where torch takes several.

That is with ReLU, with filters that were laid out for the processor before, or added to something. Torch's compiler has
these operations for itself; where a torch lacks them, or does them wrongly, :func:`usable` says so.
"""

from __future__ import annotations

import functools
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

_ONCE = [1, 1]


def laid_out(weight: Tensor, padding: tuple[int, int], x: Tensor) -> Tensor:
    """Return filters as oneDNN wants them for inputs like ``x``: for another size it would take fifty times as long."""
    return cast(Tensor, torch.ops.mkldnn._reorder_convolution_weight(weight, padding, _ONCE, _ONCE, 1, list(x.shape)))


def convolved(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], *, relu: bool = False) -> Tensor:
    """Return the convolution of 1 × C × h × w with C′ × C × k × l, plus a bias, after ReLU if asked for."""
    way = torch.ops.mkldnn._convolution_pointwise
    return cast(Tensor, way(x, weight, bias, padding, _ONCE, _ONCE, 1, "relu" if relu else "none", [], ""))


def product(x: Tensor, matrix: Tensor, bias: Tensor, onto: Tensor | None = None) -> Tensor:
    """Return the channels of 1 × C × h × w through a matrix (C′ × C), plus a bias (C′).

    Args:
        x: the channels.
        matrix: of the same dtype, like the bias.
        bias: what is added at every place.
        onto: 1 × C′ × h × w that it is added to, in place, and which is returned.
    """
    weight = matrix[:, :, None, None].contiguous(memory_format=torch.channels_last)
    if onto is None:
        return convolved(x, weight, bias, (0, 0))
    way = torch.ops.mkldnn._convolution_pointwise_.binary
    return cast(Tensor, way(onto, x, weight, bias, [0, 0], _ONCE, _ONCE, 1, "add", 1.0, None, [], None))


@functools.cache
def usable(dtype: torch.dtype) -> bool:
    """Return whether this torch, on this processor, has these operations for numbers of a type, and does them rightly."""
    if not torch.backends.mkldnn.is_available() or dtype not in (torch.float32, torch.bfloat16):
        return False
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.rand(size, generator=generator).to(dtype) for size in ((1, 32, 8, 8), (32, 32, 3, 3)))
    x, weight = (each.contiguous(memory_format=torch.channels_last) for each in (x, weight - 0.5))
    bias, matrix = x[0, :, 0, 0], weight[:, :, 1, 1]
    try:
        found = [convolved(x, laid_out(weight, (1, 1), x), bias, (1, 1), relu=True), product(x, matrix, bias, x.clone())]
    except (RuntimeError, AttributeError, NotImplementedError, TypeError):  # not in this torch, or not on this processor
        return False
    exact, weight, matrix, bias = (each.float() for each in (x, weight, matrix, bias))
    right = [F.relu(F.conv2d(exact, weight, bias, padding=1)), exact + F.conv2d(exact, matrix[:, :, None, None], bias)]
    return all(torch.allclose(a.float(), b, rtol=0.05, atol=0.05) for a, b in zip(found, right, strict=True))
