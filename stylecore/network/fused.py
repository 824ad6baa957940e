"""Convolution, bias and ReLU in one pass of a GPU over the feature maps, where they would be three."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


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
        out = torch.cudnn_convolution_relu(x, weight, bias, (1, 1), (padding, padding), (1, 1), 1)
        ctx.save_for_backward(x, weight, out)
        ctx.padding = padding
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None]:
        """Return the gradient by ``x``."""
        x, weight, out = ctx.saved_tensors
        # What ReLU let through.
        slope = torch.ops.aten.threshold_backward(gradients[0], out, 0)
        result, _, _ = torch.ops.aten.convolution_backward(
            slope, x, weight, None, (1, 1), (ctx.padding, ctx.padding), (1, 1), False, (0, 0), 1, (True, False, False)
        )
        return result, None, None, None
