"""VGG-19's convolutions in low rank, for a processor: of 3 × 3 to few channels, and from there to all by a product.

A layer's responses lie near a space of far fewer dimensions than it has channels (Zhang, Zou, He and Sun, *Accelerating
Very Deep Convolutional Networks*, arXiv 1505.06798). With y the response before ReLU, U (C′ × d) and M (d × C′),

    y ≈ U (M W ∗ x) + c,

which takes d / C′ + 1 / 9 of the products. ``benchmarks/low_rank.py`` has found U, M and c, and says how near they come.
"""

from __future__ import annotations

import functools
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
from stylecore.network import winograd as winograd_way
from stylecore.network.weights import BUNDLED_SHA256, LAYERS

FILE = Path(__file__).with_name("low_rank.npz")
#: The layers that are approximated: of the first one there is nothing to be saved, and no term takes one beyond conv5_1.
APPROXIMATED = LAYERS[1 : LAYERS.index("conv5_1") + 1]


@dataclass(frozen=True)
class Factors:
    """What a layer's responses are made of, float32: ``narrow`` is M (d × C′), ``widen`` U (C′ × d), ``bias`` c (C′).

    For features whose every layer has a mean of 1 (``scales`` of :class:`stylecore.network.vgg.Network`).
    """

    narrow: Tensor
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
        narrow, widen = (arrays[f"{name}.{part}"] * arrays[f"{name}.{part} steps"] for part in ("narrow", "widen"))
        found[name] = Factors(
            *(torch.from_numpy(part.astype(np.float32)) for part in (narrow, widen, arrays[f"{name}.bias"]))
        )
    return found


def coded(matrix: Tensor, along: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix as it is stored: whole numbers of 8 bits, and the step that is theirs along a dimension.

    Their rounding is a hundredth of what is missed for the rank.
    """
    steps = (matrix.abs().amax(along, keepdim=True) / 127).float()
    return (matrix / steps).round().to(torch.int8).numpy(), steps.numpy()


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
        weight: C′ × C × 3 × 3, of the layer as it is; float64, on a CPU.
        factors: the layer's.
        dtype: the network's.
        by_winograd: whether float32 is convolved in Winograd's way where pictures are not tiny.
    """

    def __init__(self, weight: Tensor, factors: Factors, dtype: torch.dtype, *, by_winograd: bool = False) -> None:
        narrow = torch.einsum("dc,cihw->dihw", factors.narrow.double(), weight)
        widen = factors.widen.to(dtype)[:, :, None, None]
        self._narrow, self._widen = _Products(narrow.to(dtype), 1), _Products(widen, 0)
        self._bias = factors.bias.to(dtype)
        self._winograd = winograd_way.Convolution(narrow, torch.zeros(len(narrow))) if by_winograd else None

    def __call__(self, x: Tensor, *, tile: bool = False, narrowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the convolution of 1 × C × h × w after ReLU, 1 × C′ × h × w, and what it was widened from, 1 × d × h × w.

        Args:
            x: the layer's input.
            tile: whether others of other sizes follow, for which nothing is kept.
            narrowed: what it is widened from, where that is known; ``x`` then only gets a gradient.
        """
        narrowed = cast(Tensor, _Narrowed.apply(x, self, tile, narrowed))
        return cast(Tensor, _Widened.apply(narrowed, self, tile)), narrowed

    def narrowed(self, x: Tensor, tile: bool) -> Tensor:
        """Return narrow ∗ x, 1 × d × h × w."""
        if self._winograd is not None and self._winograd.suits(x):
            return self._winograd.linear(x)
        return self._narrow(x, tile)

    def narrowed_backward(self, gradient: Tensor, tile: bool) -> Tensor:
        """Return the gradient by ``x`` from the one by :meth:`narrowed`'s result."""
        if self._winograd is not None and self._winograd.suits(gradient):
            return self._winograd.linear_backward(gradient)
        return self._narrow.backward(gradient, tile)

    def widened(self, narrowed: Tensor, tile: bool) -> Tensor:
        """Return ReLU(widen · narrowed + bias), 1 × C′ × h × w."""
        return self._widen(narrowed, tile, self._bias)

    def widened_backward(self, gradient: Tensor, result: Tensor, tile: bool) -> Tensor:
        """Return the gradient by ``narrowed`` from the one by :meth:`widened`'s result."""
        through = torch.ops.aten.threshold_backward(gradient, result, 0)
        return self._widen.backward(through.contiguous(memory_format=torch.channels_last), tile)


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
        return ctx.convolution.widened_backward(gradients[0], result, ctx.tile), None, None


class _Products:
    """A convolution without the means of learning, and its transpose.

    Where torch would lay out its filters for the processor in every evaluation, which at small sizes takes half as long as
    the products do, they are kept as they were laid out for the last size.

    Args:
        weight: C′ × C × k × k, in the arithmetic of its inputs.
        padding: of the inputs, so that the size stays.
    """

    def __init__(self, weight: Tensor, padding: int) -> None:
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

    def __init__(self, weight: Tensor, padding: int) -> None:
        self._weight, self._padding = weight.contiguous(memory_format=torch.channels_last), padding
        self._laid_out: Tensor | None = None
        self._size: tuple[int, ...] = ()

    def convolved(self, x: Tensor, tile: bool, bias: Tensor | None) -> Tensor:
        """Return the convolution of 1 × C × h × w with the filters; with a ``bias``, after ReLU."""
        if not _laid_out_once(x.dtype):
            result = F.conv2d(x, self._weight, bias, padding=self._padding)
            return result if bias is None else F.relu_(result)
        if tile:
            return _convolved(x, self._weight, bias, self._padding)
        if self._laid_out is None or self._size != tuple(x.shape):
            self._laid_out, self._size = _laid_out(self._weight, self._padding, x), tuple(x.shape)
        return _convolved(x, self._laid_out, bias, self._padding)


def _laid_out(weight: Tensor, padding: int, x: Tensor) -> Tensor:
    around, once = [padding] * 2, [1, 1]
    return cast(Tensor, torch.ops.mkldnn._reorder_convolution_weight(weight, around, once, once, 1, list(x.shape)))


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    around, once, last = [padding] * 2, [1, 1], "none" if bias is None else "relu"
    way = torch.ops.mkldnn._convolution_pointwise
    return cast(Tensor, way(x, weight, bias, around, once, once, 1, last, [], ""))


@functools.cache
def _laid_out_once(dtype: torch.dtype) -> bool:
    """Return whether this torch convolves with filters that oneDNN has laid out, as its compiler has it do, and rightly."""
    if not torch.backends.mkldnn.is_available() or dtype not in (torch.float32, torch.bfloat16):
        return False
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.rand(size, generator=generator).to(dtype) for size in ((1, 32, 8, 8), (32, 32, 3, 3)))
    x, weight = (each.contiguous(memory_format=torch.channels_last) for each in (x, weight - 0.5))
    try:
        found = _convolved(x, _laid_out(weight, 1, x), torch.zeros(32, dtype=dtype), 1)
    except (RuntimeError, AttributeError, NotImplementedError, TypeError):  # not in this torch, or not on this processor
        return False
    return bool(torch.allclose(found.float(), F.relu(F.conv2d(x, weight, padding=1)).float(), rtol=0.05, atol=0.05))
