"""How much of a GPU's memory painting takes.

Its allocator keeps no page to itself, so that what is held is the tensors that are alive at a time. They were counted on
torch's device "meta", whose tensors have sizes and no numbers (``benchmarks/gpu_plan.py``); the suite counts them again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from stylecore.device.computing import Computing
from stylecore.tensors.resampling import Size

#: What the libraries (cuBLAS, cuDNN) take to work in, beside all tensors: measured (H200).
WORKSPACES = 90_000_000
# So much more than was counted is planned: of what an allocator has in pieces some do not fit together.
_MORE = 1.07
# As much for any picture: moments; and lattices and lines, if colours are counted.
_ANY_PICTURE, _LATTICES = 8_000_000, 38_000_000
# Bytes a pixel of a style, whose steps from pixel to pixel are counted: by torch's operations so many at a time.
_COUNTED, _STEPS_BY_TORCH, _STEP_BY_TORCH, _TOGETHER = 62, 24, 74, 1 << 22
# What the palette and the edges take at an image, after its features are gone: anyway, and a pixel.
_COLOURS, _COLOURS_OF_A_PIXEL = 68_000_000, 38
_COLOURS_BY_TORCH, _COLOURS_OF_A_PIXEL_BY_TORCH = 114_000_000, 58
_RECORDED = 24  # bytes a pixel: the image and the gradient of the recording that is played back
_CONTENT = 8  # numbers a pixel that the content has at its layer
# In blocks: what stages put out and the slopes that come back, in bytes a pixel, and of a style the former alone; and what
# of it is left on the device when it waits in main memory.
_OUTPUTS = {torch.float32: 141, torch.bfloat16: 73}
_OUTPUTS_OF_STYLE = {torch.float32: 44, torch.bfloat16: 22}
_SPILLED = {torch.float32: 20, torch.bfloat16: 12}
# Numbers of the history that are multiplied at a time (stylecore/optimiser/history.py).
_CHUNK, _CHUNK_OF_LARGE, _LARGE = 1 << 21, 1 << 22, 1 << 23
#: Of the stages that may take most (:mod:`stylecore.objective.in_blocks`): how many pixels wide a position is, the sides of
#: the tiles in positions, and how many positions they reach beyond their cores.
STAGES = ((1, 256, 6), (4, 128, 4), (8, 96, 4))


@dataclass(frozen=True)
class _Features:
    """Bytes that features take: a pixel's in one piece, and of a style; and a position's in a tile of each stage.

    In one piece they are kept for the way back, as a tile's are; a style has none.
    """

    whole: int
    style: int
    tile: tuple[int, ...]
    tile_of_style: tuple[int, ...]


_BY_KERNELS = _Features(592, 316, (893, 4700, 11000), (490, 2050))  # bfloat16 and maximum alone
_FEATURES = {
    ("max", torch.bfloat16): _Features(1020, 416, (1071, 4424, 10400), (600, 2450)),
    ("max", torch.float32): _Features(1670, 704, (1998, 8343, 19000), (1108, 4750)),
    ("average", torch.bfloat16): _Features(790, 320, (1040, 4424, 10400), (500, 2450)),
    ("average", torch.float32): _Features(1438, 640, (1935, 8343, 19000), (1050, 4750)),
    ("l2", torch.bfloat16): _Features(1854, 832, (1997, 4700, 10400), (1250, 2450)),
    ("l2", torch.float32): _Features(2050, 832, (2400, 8343, 19000), (1250, 4750)),
}


class Way(Protocol):
    """What counts of a way of painting (:class:`stylecore.device.memory_budget.MemoryPlan`)."""

    @property
    def blocks(self) -> bool: ...  # noqa: D102
    @property
    def history(self) -> int: ...  # noqa: D102
    @property
    def tiles(self) -> float: ...  # noqa: D102
    @property
    def half(self) -> bool: ...  # noqa: D102
    @property
    def spill(self) -> bool: ...  # noqa: D102


def needs(way: Way, size: Size, style: Size, computing: Computing, image: int) -> int:
    """Return the bytes that a way of painting takes at most, beside the pictures as given.

    Args:
        way: of painting.
        size, style, computing: as of :meth:`stylecore.device.memory_budget.MemoryPlan.needs`.
        image: the bytes of the image and the optimiser's history.
    """
    dtype = torch.bfloat16 if computing.dtype == torch.bfloat16 else torch.float32
    own = computing.kernels and computing.pooling == "max" and dtype == torch.bfloat16
    features = _BY_KERNELS if own else _FEATURES[computing.pooling, dtype]
    pixels, style_pixels = math.prod(size), math.prod(style)
    recorded = 0 if way.spill else pixels * _RECORDED
    if way.blocks:
        outputs = (_SPILLED if way.spill else _OUTPUTS)[dtype]
        painting = pixels * outputs + _tile(size, way.tiles, features.tile)
        outputs = 0 if way.spill else _OUTPUTS_OF_STYLE[dtype]
        targets = style_pixels * outputs + _tile(style, way.tiles, features.tile_of_style)
    else:
        painting, targets = pixels * features.whole, style_pixels * features.style
    # In full precision the free numbers of gradient changes are copied, some at a time, and multiplied.
    numbers = 3 * pixels
    copied = 0 if way.half else (way.history + 2) * 4 * min(numbers, _CHUNK_OF_LARGE if numbers > _LARGE else _CHUNK)
    anyway, colours = _ANY_PICTURE, 0
    if computing.colours:
        anyway += _LATTICES
        if computing.kernels:
            colours, counted = _COLOURS + pixels * _COLOURS_OF_A_PIXEL, 0
        else:
            colours = _COLOURS_BY_TORCH + pixels * _COLOURS_OF_A_PIXEL_BY_TORCH
            counted = style_pixels * _STEPS_BY_TORCH + min(2 * style_pixels, _TOGETHER) * _STEP_BY_TORCH
        targets = max(targets, counted, style_pixels * _COUNTED)
    targets += pixels * _CONTENT * dtype.itemsize
    at_the_image = max(anyway + max(painting, recorded + copied), recorded + colours)
    return int(max(image + at_the_image, anyway + targets) * _MORE) + WORKSPACES


def _tile(size: Size, tiles: float, bytes_of_position: Sequence[int]) -> int:
    """Return the bytes that the tile takes that takes most, whose stage is one of the first so many."""

    def longest(length: int, position: int, side: int, reach: int) -> float:
        """Return the length of a picture's largest tile, in positions: they are cut evenly."""
        positions = length / position
        return min(positions, positions / max(1, math.ceil(positions / (side * tiles))) + 2 * reach)

    stages = zip(STAGES, bytes_of_position, strict=False)
    return max(int(longest(size[0], *stage) * longest(size[1], *stage) * each) for stage, each in stages)
