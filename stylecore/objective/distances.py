"""How far two layers' feature statistics are apart: what “the same style” means.

Every function takes the moments of the image and of the style (C features) and returns a scalar ≥ 0 that is 0 where they
agree. The features' scale is that of a network whose activations have mean 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from stylecore.objective.moments import Moments

Distance = Callable[[Moments, Moments], Tensor]

# Added to a variance under a root.
_LEAST = 1e-4
# Eigenvalues of less than this share of all are rounding, and so many steps of the iteration find the roots of the others:
# one step enlarges a small eigenvalue 2.25 times.
_LEAST_SHARE, _ITERATIONS = 1e-5, 20


def covariance(image: Moments, style: Moments) -> Tensor:
    """Mean squared difference of the means, and C/8 times that of the covariances.

    Unlike a Gram matrix, a covariance says nothing of the mean, so that colour and texture do not trade against each
    other. The factor brings the two parts to the same order.
    """
    return _CovarianceFunction.apply(image.mean, image.second, style.mean, style.covariance)


class _CovarianceFunction(torch.autograd.Function):
    """|m − m′|² / C + |G − m mᵀ − Σ′|² / 8 C and its gradient: next to small pictures autograd's passes would be many."""

    @staticmethod
    def forward(ctx: Any, mean: Tensor, second: Tensor, style_mean: Tensor, style_covariance: Tensor) -> Tensor:
        apart, excess = mean - style_mean, torch.addr(second, mean, mean, alpha=-1).sub_(style_covariance)
        ctx.save_for_backward(mean, apart, excess)
        return apart.square().mean() + excess.square().mean() * (len(mean) / 8)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, None, None]:
        mean, apart, excess = ctx.saved_tensors
        slope = excess * (gradients[0] / (4 * len(mean)))
        by_mean = apart * (gradients[0] * (2 / len(mean))) - slope @ mean - mean @ slope
        return by_mean, slope, None, None


def gram(image: Moments, style: Moments) -> Tensor:
    """Mean squared difference of the Gram matrices over positions (Gatys et al., arXiv 1508.06576, equation 4)."""
    return (image.second - style.second).square().mean()


def gram_moments(image: Moments, style: Moments) -> Tensor:
    """Gram matrices, and means and standard deviations beside them (SPST, arXiv 2212.13459)."""
    mean = (image.mean - style.mean).square().mean()
    deviation = (_deviation(image) - _deviation(style)).square().mean()
    return gram(image, style) * (len(image.mean) / 8) + mean + deviation


def _deviation(moments: Moments) -> Tensor:
    variance = moments.second.diagonal() - moments.mean.square()
    # The root's slope is infinite at zero, and rounding can bring a dead filter's variance below it.
    return (variance.clamp_min(0) + _LEAST).sqrt()


def wasserstein(image: Moments, style: Moments) -> Tensor:
    """Squared Wasserstein-2 distance of the Gaussians with these moments, divided by C.

    |m − m′|² + tr(Σ + Σ′ − 2 (Σ′^½ Σ Σ′^½)^½), with its gradient in closed form.
    """
    mean = (image.mean - style.mean).square().mean()
    return mean + _BuresFunction.apply(image.covariance, style.covariance, style.root) / len(image.mean)


class _BuresFunction(torch.autograd.Function):
    """tr(Σ + Σ′ − 2 (Σ′^½ Σ Σ′^½)^½); its derivative by Σ is I − Σ′^½ (Σ′^½ Σ Σ′^½)^−½ Σ′^½ (Bhatia et al. 2019)."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, style: Tensor, root: Tensor) -> Tensor:
        between = root @ image @ root
        sum_of_roots, inverse = roots_by_eigenvalues(between) if image.device.type == "cpu" else roots_by_iteration(between)
        ctx.save_for_backward(root @ inverse @ root)
        return image.trace() + style.trace() - 2 * sum_of_roots

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        (transport,) = ctx.saved_tensors
        identity = torch.eye(len(transport), device=transport.device, dtype=transport.dtype)
        return gradients[0] * (identity - transport), None, None


def roots_by_eigenvalues(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum of the eigenvalues' roots of a positive semidefinite matrix, and the pseudo-inverse of its root."""
    values, vectors = torch.linalg.eigh(matrix)
    # Fewer positions than features leave directions without variance; smaller eigenvalues are rounding. The features
    # do not reach those directions, so the pseudo-inverse is exact for them.
    least = values.max() * len(values) * torch.finfo(values.dtype).eps
    roots = torch.where(values > least, values.clamp_min(0).sqrt(), 0)
    inverse = torch.where(values > least, 1 / roots.clamp_min(1e-30), 0)
    return roots.sum(), (vectors * inverse) @ vectors.t()


def roots_by_iteration(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return what :func:`roots_by_eigenvalues` does, by products alone: a GPU's eigenvalues make the processor wait.

    The coupled Newton–Schulz iteration (Higham, *Functions of Matrices*, 2008, equation 6.35) for the inverse root of
    A + ε; A (A + ε)^−½ and A (A + ε)^−3/2 then stand for A^½ and A^−½: both vanish where A has no variance.
    """
    identity = torch.eye(len(matrix), device=matrix.device, dtype=matrix.dtype)
    # The Frobenius norm is no less than the largest eigenvalue, so that the iteration converges.
    scale = matrix.square().sum().sqrt().clamp_min(1e-30)
    scaled = matrix / scale
    power, inverse = (scaled + _LEAST_SHARE * identity) / (1 + _LEAST_SHARE), identity
    for _ in range(_ITERATIONS):
        step = 1.5 * identity - 0.5 * (inverse @ power)
        power, inverse = power @ step, step @ inverse
    inverse = inverse / (1 + _LEAST_SHARE) ** 0.5
    half = scaled @ inverse
    return half.trace() * scale.sqrt(), inverse @ half @ inverse / scale.sqrt()


#: By the value of the ``statistics`` setting.
DISTANCES: dict[str, Distance] = {
    "covariance": covariance,
    "gram": gram,
    "gram-moments": gram_moments,
    "wasserstein": wasserstein,
}
