"""Mean and second raw moment of feature maps, with their gradient in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from stylecore.network import onednn

# On a CPU a symmetric product is computed in so many strips from the diagonal on: more would be too narrow for it.
_STRIPS = 4
# Positions whose products are added up in bfloat16 on a processor, at least and at most, and how many parts of so many
# there have to be: of fewer the rounding shows.
_LEAST_PART, _MOST_PART, _PARTS = 128, 512, 16


@dataclass(frozen=True)
class Moments:
    """The mean (C) and the second raw moment (C × C) of C features over positions, float32.

    Both are linear in the distribution, so those of several styles blend by weight (covariances would not).
    """

    mean: Tensor
    second: Tensor

    @cached_property
    def covariance(self) -> Tensor:
        """C × C; kept, like the root."""
        return self.second - torch.outer(self.mean, self.mean)

    @cached_property
    def root(self) -> Tensor:
        """The covariance's root, C × C; kept, since a style's is asked for at every step, and a GPU is waited for."""
        values, vectors = torch.linalg.eigh(self.covariance)
        return (vectors * values.clamp_min(0).sqrt()) @ vectors.t()


def moments(features: Tensor, weights: Tensor | None = None) -> Moments:
    """Return the moments of ``features`` (1 × C × h × w), each position counted by its weight.

    Args:
        features: any floating dtype; sums are in float32, or float64 for float64 features.
        weights: h × w, at least 0, summing to 1; ``None`` counts all positions alike.
    """
    return tapped(features, weights)[1]


def tapped(features: Tensor, weights: Tensor | None = None, pulled: Tensor | None = None) -> tuple[Tensor, Moments]:
    """Return ``features`` to go on with, and their :func:`moments`.

    Their gradient by the moments is added in place to the one by what was gone on with, which must be nobody else's.

    Args:
        features, weights: see :func:`moments`.
        pulled: h × w, 0 to 1: how far a position's gradient counts; what it is less is taken as given. ``None``: all of it.
    """
    features, mean, second = _MomentsFunction.apply(features, weights, pulled)
    return features, Moments(mean, second)


def blend(parts: Sequence[tuple[Moments, float]]) -> Moments:
    """Return the weighted mean of moments; weights are at least 0 and not all 0."""
    total = sum(weight for _, weight in parts)
    mean = torch.stack([part.mean * (weight / total) for part, weight in parts]).sum(0)
    second = torch.stack([part.second * (weight / total) for part, weight in parts]).sum(0)
    return Moments(mean, second)


def _rows(features: Tensor) -> Tensor:
    """Return 1 × C × h × w as (h·w) × C; no copy for ``channels_last``."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


class _MomentsFunction(torch.autograd.Function):
    """Forward: m = Σ wᵢ fᵢ, G = Σ wᵢ fᵢ fᵢᵀ. Backward: wᵢ (∂m + (∂G + ∂Gᵀ) fᵢ), one product instead of autograd's two."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weights: Tensor | None, pulled: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        mean, second = summed_moments(features, weights)
        if weights is None:
            count = features.shape[2] * features.shape[3]
            mean, second = mean / count, second / count
        ctx.save_for_backward(features, weights, pulled)
        ctx.set_materialize_grads(False)  # there is none where nothing was gone on with, and not every distance takes means
        return features.view_as(features), mean, second

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, None, None]:
        features, weights, pulled = ctx.saved_tensors
        onto, *slopes = gradients
        if all(slope is None for slope in slopes):
            return onto, None, None
        channels = features.shape[1]
        mean, second = (
            features.new_zeros(shape, dtype=torch.promote_types(features.dtype, torch.float32)) if slope is None else slope
            for slope, shape in zip(slopes, ((channels,), (channels, channels)), strict=True)
        )
        count = features.shape[2] * features.shape[3]
        return moments_gradient(features, weights, mean, second, count, pulled, onto), None, None


def summed_moments(features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return Σ wᵢ fᵢ and Σ wᵢ fᵢ fᵢᵀ over positions, with weight 1 where there are no weights.

    Sums over tiles of a picture add up to the picture's.
    """
    rows = _rows(features)
    on_processor = rows.device.type == "cpu"
    worth_it = not on_processor or len(rows) >= _PARTS * _LEAST_PART
    if rows.dtype == torch.bfloat16 and worth_it:
        # Of positions that count differently the root of each weight on either side of the product.
        each = torch.ones_like(rows[:, :1]) if weights is None else weights.reshape(-1, 1).sqrt().to(rows.dtype)
        scaled = rows if weights is None else rows * each
        product = _product_in_parts if on_processor else _short_product
        return product(each, scaled)[0], product(scaled, scaled)
    exact = rows.double() if rows.dtype == torch.float64 else rows.float()
    if weights is None:
        return exact.sum(0), _symmetric_product(exact, exact)
    weighted = exact * weights.reshape(-1, 1).to(exact.dtype)
    return weighted.sum(0), _symmetric_product(exact, weighted)


def _short_product(left: Tensor, right: Tensor) -> Tensor:
    """Return leftᵀ right of bfloat16 in float32, which a GPU's tensor cores add up in where torch can tell them to."""
    try:
        return torch.mm(left.t(), right, out_dtype=torch.float32)
    except (NotImplementedError, TypeError):  # no such kernel, or an older torch
        return left.float().t() @ right.float()


def _product_in_parts(left: Tensor, right: Tensor) -> Tensor:
    """Return leftᵀ right of bfloat16 in float32, on a processor, whose products are bfloat16 again: added up in parts.

    Each is off by at most 1/512, to either side, so that the sum of many is off by a small share of that.
    """
    part = min(_MOST_PART, len(right) // _PARTS)
    whole = len(right) // part * part
    first, second = (each[:whole].view(-1, part, each.shape[1]) for each in (left, right))
    total = torch.bmm(first.transpose(1, 2), second).sum(0, dtype=torch.float32)
    return total if whole == len(right) else total + left[whole:].float().t() @ right[whole:].float()


def _symmetric_product(left: Tensor, right: Tensor) -> Tensor:
    """Return leftᵀ right (C × C), which is known to be symmetric, for rows of C features each.

    On a CPU little more than the half that differs is computed.
    """
    channels = left.shape[1]
    if left.device.type != "cpu" or channels % _STRIPS:
        return left.t() @ right
    product = left.new_empty(channels, channels)
    for begin in range(0, channels, channels // _STRIPS):
        end = begin + channels // _STRIPS
        torch.mm(left[:, begin:end].t(), right[:, begin:], out=product[begin:end, begin:])
        product[begin:end, :begin] = product[:begin, begin:end].t()
    return product


def moments_gradient(
    features: Tensor,
    weights: Tensor | None,
    mean_gradient: Tensor,
    second_gradient: Tensor,
    count: int,
    pulled: Tensor | None = None,
    onto: Tensor | None = None,
) -> Tensor:
    """Return wᵢ (∂m + (∂G + ∂Gᵀ) fᵢ): the gradient by features (all, or a tile's) of a loss of the whole's moments.

    Args:
        features: 1 × C × h × w.
        weights: of these positions, or ``None`` for 1/``count``.
        mean_gradient, second_gradient: of the loss by the mean (C) and by the second moment (C × C).
        count: the positions of the whole picture.
        pulled: of these positions, how far each gradient counts; ``None``: all of it.
        onto: like the features: what it is added to, in place, and what is returned.
    """
    symmetric = second_gradient + second_gradient.t()
    if weights is None:
        symmetric, mean_gradient = symmetric / count, mean_gradient / count
    # bfloat16 has float32's exponents: small entries do not drown, and nothing need be scaled.
    mean_gradient, symmetric = mean_gradient.to(features.dtype), symmetric.to(features.dtype)
    if weights is None and pulled is None and features.device.type == "cpu" and onednn.usable(features.dtype):
        onto = None if onto is None else onto.contiguous(memory_format=torch.channels_last)
        return onednn.product(features.contiguous(memory_format=torch.channels_last), symmetric, mean_gradient, onto)
    rows = _rows(features)
    product = torch.addmm(mean_gradient, rows, symmetric)
    for factor in (weights, pulled):
        if factor is not None:
            product.mul_(factor.reshape(-1, 1).to(product.dtype))
    height, width = features.shape[2:]
    found = product.reshape(1, height, width, -1).permute(0, 3, 1, 2).to(features.dtype)
    return found if onto is None else onto.add_(found)
