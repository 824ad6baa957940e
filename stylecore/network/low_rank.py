"""VGG-19's convolutions in low rank, for a processor: down, across, and from few channels to all by a product.

A layer's responses lie near a space of far fewer dimensions than it has channels, and filters of 3 × 3 near sums of few
that are a column times a row (Zhang, Zou, He and Sun, *Accelerating Very Deep Convolutional Networks*, arXiv 1505.06798;
Jaderberg, Vedaldi and Zisserman, arXiv 1405.3866). With y the response before ReLU, V (d × C × 3 × 1), H (d × d × 1 × 3),
and U (C′ × d),

    y ≈ U (H ∗ (V ∗ x)) + c,

which for C = C′ = 2 d takes 5 / 36 of the products. ``benchmarks/low_rank.py`` has found U, H, V and c, and says how near
they come.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.errors import StyleError, fault
from stylecore.network import onednn
from stylecore.network.weights import BUNDLED_SHA256, LAYERS

FILE = Path(__file__).with_name("low_rank.npz")
#: The layers that are approximated: of the first one there is nothing to be saved, and no term takes one beyond conv5_1.
APPROXIMATED = LAYERS[1 : LAYERS.index("conv5_1") + 1]

_SIDES = [2, 2]  # of what is pooled


@dataclass(frozen=True)
class Factors:
    """What a layer's responses are made of, float32: V and H without the side that is 1, U, and c (C′).

    ``down`` is d × C × 3, ``across`` d × d × 3, ``widen`` C′ × d. They are for features whose every layer has a mean of 1
    (``scales`` of :class:`stylecore.network.vgg.Network`).
    """

    down: Tensor
    across: Tensor
    widen: Tensor
    bias: Tensor


def load(path: Path = FILE) -> dict[str, Factors]:
    """Return the factors of the bundled weights' layers by name.

    Raises:
        StyleError: ``weights-corrupt`` if the file is missing, damaged, or of other weights.
    """
    try:
        with np.load(path) as stored:
            arrays = {name: np.asarray(stored[name]) for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StyleError(*fault("weights-corrupt", f"it cannot be read ({error})", path=path)) from error
    if str(arrays.get("weights")) != BUNDLED_SHA256:
        raise StyleError(*fault("weights-corrupt", "it belongs to other weights", path=path))
    if str(arrays.get("digest")) != digest(arrays):
        raise StyleError(*fault("weights-corrupt", "its numbers are not those that were stored", path=path))
    found = {}
    for name in APPROXIMATED:
        matrices = (arrays[f"{name}.{part}"] * arrays[f"{name}.{part} steps"] for part in CODED)
        parts = (torch.from_numpy(part.astype(np.float32)) for part in (*matrices, arrays[f"{name}.bias"]))
        found[name] = Factors(*parts)
    return found


#: The parts of :class:`Factors` that are stored as :func:`coded`.
CODED = ("down", "across", "widen")


def coded(part: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return a part as it is stored: whole numbers of 8 bits, and the step of each of its first dimension.

    Their rounding is a hundredth of what is missed for the rank.
    """
    largest = part.abs().flatten(1).amax(1).view(-1, *[1] * (part.dim() - 1))
    steps = (largest.clamp_min(1e-30) / 127).float()
    return (part / steps).round().to(torch.int8).numpy(), steps.numpy()


def digest(arrays: dict[str, Any]) -> str:
    """Return what the numbers of a file with factors are told from others by."""
    whole = hashlib.sha256()
    for name in sorted(name for name in arrays if name.startswith("conv")):
        whole.update(
            f"{name} {arrays[name].dtype} {arrays[name].shape}".encode() + np.ascontiguousarray(arrays[name]).tobytes()
        )
    return whole.hexdigest()


class Convolution:
    """A convolution in low rank, with its bias and ReLU; and the gradient by its input.

    Args:
        factors: the layer's.
        dtype: the network's.
    """

    def __init__(self, factors: Factors, dtype: torch.dtype) -> None:
        down, across, widen = (part.to(dtype) for part in (factors.down, factors.across, factors.widen))
        self._down, self._across = _Products(down[..., None], (1, 0)), _Products(across[..., None, :], (0, 1))
        self._widen = _Products(widen[..., None, None], (0, 0))
        self._bias = factors.bias.to(dtype)

    def __call__(
        self, x: Tensor, *, tile: bool = False, narrowed: Tensor | None = None, halved: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return the convolution of 1 × C × h × w after ReLU, 1 × C′ × h × w, and what it was widened from, 1 × d × h × w.

        Args:
            x: the layer's input.
            tile: whether others of other sizes follow, for which nothing is kept.
            narrowed: what it is widened from, where that is known; ``x`` then only gets a gradient.
            halved: whether the result is the greatest of each 2 × 2 places, 1 × C′ × h/2 × w/2.
        """
        narrowed = cast(Tensor, _Narrowed.apply(x, self, tile, narrowed))
        return cast(Tensor, (_Halved if halved else _Widened).apply(narrowed, self, tile)), narrowed

    def narrowed(self, x: Tensor, tile: bool) -> Tensor:
        """Return H ∗ (V ∗ x), 1 × d × h × w."""
        return self._across(self._down(x, tile), tile)

    def narrowed_backward(self, gradient: Tensor, tile: bool) -> Tensor:
        """Return the gradient by ``x`` from the one by :meth:`narrowed`'s result."""
        return self._down.backward(self._across.backward(gradient, tile), tile)

    def widened(self, narrowed: Tensor, tile: bool) -> Tensor:
        """Return ReLU(U · narrowed + c), 1 × C′ × h × w."""
        return self._widen(narrowed, tile, self._bias)

    def widened_backward(self, gradient: Tensor, tile: bool) -> Tensor:
        """Return the gradient by ``narrowed`` from the one before ReLU, 1 × C′ × h × w."""
        return self._widen.backward(gradient.contiguous(memory_format=torch.channels_last), tile)


class _Narrowed(torch.autograd.Function):
    """Keeps nothing for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, convolution: Convolution, tile: bool, known: Tensor | None) -> Tensor:
        ctx.convolution, ctx.tile = convolution, tile
        if known is not None:
            return known.contiguous(memory_format=torch.channels_last)
        return convolution.narrowed(x, tile)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None]:
        return ctx.convolution.narrowed_backward(gradients[0], ctx.tile), None, None, None


class _Widened(torch.autograd.Function):
    """Keeps its result; a step of its own, so that this and its gradient are let go before the other's is made."""

    @staticmethod
    def forward(ctx: Any, narrowed: Tensor, convolution: Convolution, tile: bool) -> Tensor:
        result = convolution.widened(narrowed, tile)
        ctx.convolution, ctx.tile = convolution, tile
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        (result,) = ctx.saved_tensors
        through = torch.ops.aten.threshold_backward(gradients[0], result, 0)
        return ctx.convolution.widened_backward(through, ctx.tile), None, None


class _Halved(torch.autograd.Function):
    """:class:`_Widened` and max pooling: what ReLU let through is seen from what is left, in a quarter of the places."""

    @staticmethod
    def forward(ctx: Any, narrowed: Tensor, convolution: Convolution, tile: bool) -> Tensor:
        result = convolution.widened(narrowed, tile)
        pooled, places = torch.ops.aten.max_pool2d_with_indices(result, _SIDES)
        ctx.convolution, ctx.tile, ctx.shape = convolution, tile, result.shape
        ctx.save_for_backward(pooled, places)
        return pooled

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        pooled, places = ctx.saved_tensors
        through = torch.ops.aten.threshold_backward(gradients[0], pooled, 0)
        # Of what was pooled it takes the shape alone.
        like = torch.empty(ctx.shape, dtype=pooled.dtype, memory_format=torch.channels_last)
        whole = torch.ops.aten.max_pool2d_with_indices_backward(
            through.contiguous(memory_format=torch.channels_last), like, _SIDES, _SIDES, [0, 0], [1, 1], False, places
        )
        return ctx.convolution.widened_backward(whole, ctx.tile), None, None


class _Products:
    """A convolution without the means of learning, and its transpose.

    Where torch would lay out its filters for the processor in every evaluation, which at small sizes takes half as long as
    the products do, they are kept as they were laid out for the last size.

    Args:
        weight: C′ × C × k × l, in the arithmetic of its inputs.
        padding: of the inputs above and beside, so that the size stays.
    """

    def __init__(self, weight: Tensor, padding: tuple[int, int]) -> None:
        turned = weight.flip(2, 3).transpose(0, 1)
        self._forth, self._back = _Filters(weight, padding), _Filters(turned, padding)

    def __call__(self, x: Tensor, tile: bool, bias: Tensor | None = None) -> Tensor:
        """Return the convolution of 1 × C × h × w, 1 × C′ × h × w; with a ``bias``, after ReLU."""
        return self._forth.convolved(x, tile, bias)

    def backward(self, gradient: Tensor, tile: bool) -> Tensor:
        """Return the gradient by the input from the one by the output."""
        return self._back.convolved(gradient, tile, None)


class _Filters:
    """Filters, and the same as oneDNN wants them for a size: in another layout it takes fifty times as long."""

    def __init__(self, weight: Tensor, padding: tuple[int, int]) -> None:
        self._weight, self._padding = weight.contiguous(memory_format=torch.channels_last), padding
        self._laid_out: Tensor | None = None
        self._size: tuple[int, ...] = ()

    def convolved(self, x: Tensor, tile: bool, bias: Tensor | None) -> Tensor:
        """Return the convolution of 1 × C × h × w with the filters; with a ``bias``, after ReLU."""
        if not onednn.usable(x.dtype):
            result = F.conv2d(x, self._weight, bias, padding=self._padding)
            return result if bias is None else F.relu_(result)
        weight = self._weight
        if not tile:
            if self._laid_out is None or self._size != tuple(x.shape):
                self._laid_out, self._size = onednn.laid_out(weight, self._padding, x), tuple(x.shape)
            weight = self._laid_out
        return onednn.convolved(x, weight, bias, self._padding, relu=bias is not None)
