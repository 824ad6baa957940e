"""Convolution, bias, ReLU and pooling in one or two passes of a GPU over the feature maps, where they would be four."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from stylecore.kernels.pooling import pool, pool_slope


def suits(x: Tensor) -> bool:
    """Return whether ``x`` can be convolved in this way: in bfloat16, on NVIDIA's GPUs, by cuDNN.

    Not in float32, which is for exactness: whether cuDNN then keeps from TF32 here, too, has not been measured.
    """
    by_cudnn = x.is_cuda and torch.version.hip is None and torch.backends.cudnn.is_available()
    return by_cudnn and x.dtype == torch.bfloat16


class Convolution(torch.autograd.Function):
    """max(0, x ∗ weight + bias), whose gradient is by ``x`` alone: a network's weights stay as they are."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
        """Return 1 × D × h × w, of 1 × C × h × w, D × C × 3 × 3 and D."""
        out = _convolved(x, weight, bias, padding)
        ctx.save_for_backward(x, weight, out)
        ctx.padding = padding
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None]:
        """Return the gradient by ``x``."""
        x, weight, out = ctx.saved_tensors
        # What ReLU let through.
        slope = torch.ops.aten.threshold_backward(gradients[0], out, 0)
        return _slope(slope, x, weight, ctx.padding), None, None, None


class HalvedConvolution(torch.autograd.Function):
    """:class:`Convolution` and max pooling, of which only the pooled features are kept, and where each came from."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
        """Return 1 × D × h/2 × w/2."""
        out = _convolved(x, weight, bias, padding)
        pooled, places = pool(out)
        ctx.save_for_backward(x, weight, places)
        ctx.padding, ctx.size = padding, out.shape[2:]
        return pooled

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None]:
        """Return the gradient by ``x``."""
        x, weight, places = ctx.saved_tensors
        return _slope(pool_slope(gradients[0], places, ctx.size), x, weight, ctx.padding), None, None, None


class Pool(torch.autograd.Function):
    """Max pooling of 2 × 2 positions of what ReLU has left."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return 1 × C × h/2 × w/2, of 1 × C × h × w."""
        pooled, places = pool(x)
        ctx.save_for_backward(places)
        ctx.size = x.shape[2:]
        return pooled

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Tensor:
        """Return the gradient by ``x``, as ReLU lets it through."""
        (places,) = ctx.saved_tensors
        return pool_slope(gradients[0], places, ctx.size)


def _convolved(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    return torch.cudnn_convolution_relu(x, weight, bias, (1, 1), (padding, padding), (1, 1), 1)


def _slope(gradient: Tensor, x: Tensor, weight: Tensor, padding: int) -> Tensor:
    """Return a convolution's gradient by ``x``."""
    result, _, _ = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, (1, 1), (padding, padding), (1, 1), False, (0, 0), 1, (True, False, False)
    )
    return cast(Tensor, result)
