"""Convolutions of 3 × 3 in Winograd's way, for float32 on a CPU.

A tile of 4 × 4 outputs takes 36 multiplications for each pair of channels where a convolution as written takes 144 (Lavin
and Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016: F(4 × 4, 3 × 3)). oneDNN, which does torch's
convolutions on a CPU, has it for inference on few processors only, and torch does not ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

#: The side of a tile's output, and of its input.
_OUT, _IN = 4, 6
# Where polynomials are evaluated, infinity being one more. These round less than 0, ±1, ±2, and their inverses, which the
# backward pass takes, are like them.
_POINTS = (Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-2))
_INVERSE = (None, Fraction(1), Fraction(-1), Fraction(2), Fraction(-1, 2), Fraction(0))
# Tiles for each thread at a time: their transforms stay in the cache.
_CHUNK = 64
#: With fewer tiles the filters' way through the cache costs more than is saved.
LEAST_TILES = 16


class Convolution:
    """A convolution of 3 × 3 with zero padding, its bias and ReLU; and the gradient by its input.

    Args:
        weight: C' × C × 3 × 3, float32 or float64 (which is rounded once transformed), on a CPU.
        bias: C'.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        evaluate = _evaluation(_FORWARD, 3)
        filters = torch.kron(evaluate, evaluate) @ weight.double().reshape(-1, 9).t()
        self._filters = filters.float().view(-1, *weight.shape[:2]).transpose(1, 2).contiguous()
        self._bias = bias.float()

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of 1 × C × h × w after ReLU, 1 × C' × h × w in ``channels_last``; differentiable."""
        return _Function.apply(x, self)

    @staticmethod
    def suits(x: Tensor) -> bool:
        """Return whether ``x`` is of a size, type and place for this way."""
        tiles = -(-x.shape[2] // _OUT) * -(-x.shape[3] // _OUT)
        return x.dtype == torch.float32 and x.device.type == "cpu" and tiles >= LEAST_TILES

    def forward(self, x: Tensor) -> Tensor:
        """Return ReLU(x ∗ weight + bias)."""
        padded, inner = _with_border(x)
        inner.copy_(x[0].permute(1, 2, 0))
        return _tiled(padded, x.shape[2:], _FORWARD_MATRICES, self._filters, self._bias)

    def backward(self, gradient: Tensor, result: Tensor) -> Tensor:
        """Return the gradient by ``x`` from the one by :meth:`forward`'s result."""
        padded, inner = _with_border(gradient)
        through = (each[0].permute(1, 2, 0) for each in (gradient, result))
        torch.ops.aten.threshold_backward.grad_input(*through, 0, grad_input=inner)
        return _tiled(padded, gradient.shape[2:], _BACKWARD_MATRICES, self._filters.transpose(1, 2), None)


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, convolution: Convolution) -> Tensor:
        result = convolution.forward(x)
        ctx.convolution = convolution
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        (result,) = ctx.saved_tensors
        return ctx.convolution.backward(gradients[0], result), None


def _with_border(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return a place for ``x`` (1 × C × h × w) as rows × columns × C in whole tiles, zeros around it, and its own part."""
    channels, height, width = x.shape[1:]
    rows, columns = -(-height // _OUT), -(-width // _OUT)
    padded = x.new_zeros(rows * _OUT + 2, columns * _OUT + 2, channels)
    return padded, padded[1 : height + 1, 1 : width + 1]


def _tiled(
    padded: Tensor, size: Sequence[int], matrices: tuple[Tensor, Tensor], filters: Tensor, bias: Tensor | None
) -> Tensor:
    """Return what lies within the border, 1 × C' × h × w in ``channels_last``, convolved by transformed filters.

    Args:
        padded: of :func:`_with_border`.
        size: h and w.
        matrices: of :func:`_matrices`.
        filters: 36 × C × C'.
        bias: C', for the outputs before ReLU; ``None`` for neither.
    """
    towards, back = matrices
    height, width = size
    rows, columns = padded.shape[0] // _OUT, padded.shape[1] // _OUT
    channels, after = filters.shape[1:]
    down, along, _ = padded.stride()
    result = padded.new_empty(rows * _OUT, columns * _OUT, after)
    at_once = max(1, _CHUNK * torch.get_num_threads() // columns)
    for top in range(0, rows, at_once):
        count = min(at_once, rows - top)
        # Tile by tile: a transform then works on what lies together. One product of 36 × 36 with all tiles side by side,
        # whose rows lie a power of two apart, takes up to twice as long.
        tiles = (
            padded[top * _OUT :]
            .as_strided((count, columns, _IN, _IN, channels), (down * _OUT, along * _OUT, down, along, 1))
            .reshape(count * columns, _IN * _IN, channels)
        )
        transformed = torch.bmm(towards.expand(len(tiles), -1, -1), tiles)
        products = torch.bmm(transformed.transpose(0, 1), filters)
        outputs = torch.bmm(back.expand(len(tiles), -1, -1), products.transpose(0, 1))
        if bias is not None:
            outputs = outputs.add_(bias).relu_()
        part = result[top * _OUT : (top + count) * _OUT].view(count, _OUT, columns, _OUT, after)
        part.copy_(outputs.view(count, columns, _OUT, _OUT, after).transpose(1, 2))
    return result[:height, :width].permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)


def _evaluation(points: tuple[Fraction | None, ...], count: int) -> Tensor:
    """Return the matrix that evaluates a polynomial of ``count`` coefficients at the points (``None``: infinity)."""
    rows = [
        [Fraction(int(power == count - 1)) if point is None else point**power for power in range(count)] for point in points
    ]
    return torch.tensor([[float(entry) for entry in row] for row in rows], dtype=torch.float64)


def _matrices(points: tuple[Fraction | None, ...], scales: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Return what a tile (36 rows) is multiplied by before the filters, and its products after them.

    A correlation is the transpose of a product of polynomials (Toom and Cook): evaluated at the points, multiplied there,
    interpolated. ``scales`` are those of the transformed filters by point.
    """
    interpolate = np.linalg.inv(_evaluation(points, _IN).numpy())
    towards = torch.from_numpy(interpolate.T).mul(torch.tensor(scales, dtype=torch.float64)[:, None])
    back = _evaluation(points, _OUT).t().contiguous()
    return torch.kron(towards, towards).float(), torch.kron(back, back).float()


_FORWARD: tuple[Fraction | None, ...] = (*_POINTS, None)
_FORWARD_MATRICES = _matrices(_FORWARD, (1.0,) * _IN)
# A filter w turned round has p²·w(1/p) at p: the same transformed filters serve, at the points' inverses.
_BACKWARD_MATRICES = _matrices(_INVERSE, tuple(1.0 if not p else float(p * p) for p in _INVERSE))
