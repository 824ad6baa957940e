"""VGG-19's convolutions as a feature extractor for RGB pictures in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.kernels import pooling
from stylecore.network import fused, low_rank
from stylecore.network import winograd as winograd_way
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.weights import BLOCKS, LAYERS, Weights
from stylecore.tensors.resampling import with_border

#: Gains that restore the activations' scale after pooling (measured; see DESIGN: average 2.0, L2 0.78).
POOLING_GAINS = {"max": 1.0, "average": 2.0, "l2": 0.78}

#: The layers that gain from Winograd's way; the first two have too few channels for its transforms.
WINOGRAD_LAYERS = LAYERS[LAYERS.index("conv2_1") : LAYERS.index("conv5_1") + 1]

#: Kinds of devices that are slow backward in ``channels_last``, with wrong results on record: Apple's GPUs.
WITHOUT_CHANNELS_LAST = {"mps"}

Tap = Callable[[str, Tensor], Tensor]

_MEANS_FILE = Path(__file__).with_name("activation_means.npz")


def activation_means() -> dict[str, Tensor]:
    """Return each filter's mean activation by layer name, as ``benchmarks/activation_means.py`` measured it.

    They belong to the original weights, RGB in [0, 1], max pooling.
    """
    with np.load(_MEANS_FILE) as stored:
        return {name: torch.from_numpy(stored[name]).float() for name in LAYERS}


def layer_size(name: str, size: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width of a layer's feature maps for a picture of that size."""
    height, width = size
    for _ in range(int(name[4]) - 1):
        height, width = max(1, height // 2), max(1, width // 2)
    return height, width


class Network:
    """VGG-19 up to any layer, with its pooling, padding and arithmetic chosen.

    Args:
        weights: the convolutions (:func:`stylecore.network.weights.load`).
        scales: a number (or one per filter) for each layer; the features are the original's divided by it. ReLU and
            pooling are positively homogeneous, so nothing else changes (Gatys, Ecker and Bethge, CVPR 2016, section 2).
        pooling: ``'max'``, ``'average'`` or ``'l2'``.
        gain: whether average and L2 pooling are multiplied by :data:`POOLING_GAINS`.
        replicate: pad the first convolution with the border's own colour (no dark frame) instead of the mean colour
            that Caffe's zero padding amounts to.
        device, arithmetic: where and in which arithmetic the convolutions run. In Winograd's way, which is for a CPU,
            those of :data:`WINOGRAD_LAYERS` do, of pictures that are not tiny; for that their filters are kept a second
            time, four times as large (200 MB). In low rank, which is for a CPU, for the bundled weights, and for
            ``scales`` that give every layer a mean of 1, those of :data:`stylecore.network.low_rank.APPROXIMATED` are.

    Raises:
        StyleError: ``weights-corrupt`` if what low rank takes cannot be read.
    """

    def __init__(
        self,
        weights: Weights,
        scales: Mapping[str, Tensor | float] | None = None,
        *,
        pooling: str = "max",
        gain: bool = True,
        replicate: bool = True,
        device: torch.device | str = "cpu",
        arithmetic: Arithmetic = Arithmetic(),  # noqa: B008 (frozen)
    ) -> None:
        if pooling not in POOLING_GAINS:
            raise ValueError(f"pooling must be one of {', '.join(POOLING_GAINS)}, not {pooling!r}")
        self.pooling = pooling
        self.gain = POOLING_GAINS[pooling] if gain else 1.0
        self.replicate = replicate
        self.arithmetic = arithmetic
        self.dtype = arithmetic.dtype
        self.device = torch.device(device)
        #: How feature maps lie in memory.
        self.layout = torch.contiguous_format if self.device.type in WITHOUT_CHANNELS_LAST else torch.channels_last
        self.mean = weights.mean.view(1, 3, 1, 1).to(self.device)
        self._layers: dict[str, tuple[Tensor, Tensor]] = {}
        self._convolutions: dict[str, winograd_way.Convolution | low_rank.Convolution] = {}
        self._channels = {name: len(weights.convolutions[name].bias) for name in LAYERS}
        factors = low_rank.load() if arithmetic.low_rank else {}
        before: Tensor | float = 1.0
        for name in LAYERS:
            convolution = weights.convolutions[name]
            after = scales[name] if scales else 1.0
            weight = convolution.weight.double()
            bias = convolution.bias.double()
            if name == "conv1_1" and replicate:  # no padding needs the mean, so it can go into the bias
                bias = bias - (weight * weights.mean.view(1, 3, 1, 1)).sum((1, 2, 3))
            inputs = torch.as_tensor(before, dtype=torch.float64).reshape(1, -1, 1, 1)
            outputs = torch.as_tensor(after, dtype=torch.float64).reshape(-1)
            weight, bias = weight * inputs / outputs.view(-1, 1, 1, 1), bias / outputs
            before = after
            if name in factors:
                self._convolutions[name] = low_rank.Convolution(factors[name], self.dtype)
                continue
            # A convolution of few channels in NCHW is up to fifty times slower on a CPU.
            self._layers[name] = (
                weight.to(self.device, self.dtype).contiguous(memory_format=self.layout),
                bias.to(self.device, self.dtype),
            )
            if arithmetic.winograd and name in WINOGRAD_LAYERS:
                self._convolutions[name] = winograd_way.Convolution(weight, bias)

    def features(self, image: Tensor, wanted: Collection[str], tap: Tap | None = None) -> dict[str, Tensor]:
        """Return the activations after ReLU of the wanted layers.

        Args:
            image: 1 × 3 × H × W, RGB in [0, 1]; any height and width from 1.
            wanted: layer names; no layer beyond the last of them is computed.
            tap: what is done with the activations of a wanted layer, by its name; what it returns takes their place.

        Returns:
            By layer name, 1 × C × h × w in :attr:`layout`, of this network's dtype. A picture too small to be
            halved again keeps its size at that pooling.
        """
        last = max(LAYERS.index(name) for name in wanted)
        result: dict[str, Tensor] = {}
        x = image
        for block, count in enumerate(BLOCKS, 1):
            before = sum(BLOCKS[: block - 1])
            if before > last:
                break
            x, found = self.block(x, block, min(count, last + 1 - before), wanted, halved=before + count <= last, tap=tap)
            result.update(found)
        return result

    def block(
        self,
        x: Tensor,
        block: int,
        depth: int,
        wanted: Collection[str],
        *,
        halved: bool = False,
        tile: bool = False,
        narrowed: dict[str, Tensor] | None = None,
        tap: Tap | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run the first ``depth`` convolutions of a block (1 to 5) and return the last activations and the wanted ones.

        Args:
            x: the picture (1 × 3 × H × W in [0, 1]) for block 1, else the block before's pooled output.
            block, depth: which block, and how many of its convolutions.
            wanted: layer names; those of other blocks are passed over.
            halved: whether the last activations are pooled.
            tile: whether other parts of the picture, of other sizes, follow.
            narrowed: by layer, what low rank widens (:mod:`stylecore.network.low_rank`): taken from there where it is
                known, else put there.
            tap: as of :meth:`features`.
        """
        found: dict[str, Tensor] = {}
        if block == 1 and not self.replicate:
            x = x - self.mean
        x = x.to(self.dtype).contiguous(memory_format=self.layout)
        for number in range(1, depth + 1):
            name = f"conv{block}_{number}"
            together = halved and number == depth and name not in wanted  # with pooling, if it can be
            x, pooled = self._convolved(x, name, together, tile, narrowed)
            if name in wanted:
                found[name] = x = x if tap is None else tap(name, x)
            if halved and number == depth and not pooled:
                x = self.pool(x)
        return x, found

    def _convolved(
        self, x: Tensor, name: str, halved: bool, tile: bool, narrowed: dict[str, Tensor] | None
    ) -> tuple[Tensor, bool]:
        """Return the activations of a layer after ReLU, from the layer's input; pooled, too, if asked to and able to."""
        convolution = self._convolutions.get(name)
        if isinstance(convolution, low_rank.Convolution):
            halved = halved and self.pooling == "max" and min(x.shape[2:]) >= 2
            x, here = convolution(x, tile=tile, narrowed=narrowed.get(name) if narrowed else None, halved=halved)
            if narrowed is not None:
                narrowed[name] = here
            return x, halved
        if convolution is not None and convolution.suits(x):
            return convolution(x), False
        (weight, bias), padding = self._layers[name], 1
        if name == "conv1_1" and self.replicate:
            x, padding = with_border(x).contiguous(memory_format=self.layout), 0
        if not fused.suits(x):
            return F.relu_(F.conv2d(x, weight, bias, padding=padding)), False
        halved = halved and self.pooling == "max" and pooling.suits(x, len(bias)) and min(x.shape[2:]) + 2 * padding >= 4
        way = fused.HalvedConvolution if halved else fused.Convolution
        return cast(Tensor, way.apply(x, weight, bias, padding)), halved

    def channels(self, block: int) -> int:
        """Return how many channels a block (1 to 5) puts out."""
        return self._channels[f"conv{block}_{BLOCKS[block - 1]}"]

    def pool(self, x: Tensor) -> Tensor:
        """Halve the feature maps (rounding down, but never to nothing)."""
        size = (min(2, x.shape[2]), min(2, x.shape[3]))
        if self.pooling == "max":
            return cast(Tensor, fused.Pool.apply(x)) if pooling.suits(x) else F.max_pool2d(x, size)
        if self.pooling == "average":
            x = F.avg_pool2d(x, size)
        else:
            # The sum under the root is kept off zero, where the root's slope is infinite.
            exact = x.to(torch.promote_types(x.dtype, torch.float32))
            x = (F.avg_pool2d(exact.square(), size) * (size[0] * size[1]) + 1e-8).sqrt().to(x.dtype)
        return x * self.gain if self.gain != 1.0 else x
