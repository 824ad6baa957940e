"""How much memory painting takes, and the way of painting that stays within a limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

# Bytes for each pixel, measured as the growth of resident memory (see benchmarks/memory.py).
_IMAGES = 120  # the image, the one that is tried, their gradients, direction, mask, and pictures at this size
_PAIR = 24  # one step and one gradient change of the optimiser's history
_WHOLE = {torch.float32: 2400, torch.bfloat16: 1450}  # all features of one piece, kept for the backward pass
_WHOLE_TARGETS = {torch.float32: 900, torch.bfloat16: 600}  # the same of a style, which needs no backward pass
_BLOCKS = {torch.float32: 200, torch.bfloat16: 105}  # pooled outputs, content target, gradients between blocks
_BLOCKS_TARGETS = {torch.float32: 180, torch.bfloat16: 100}

# Bytes of one block's tile at full side.
_TILE = {torch.float32: 320 << 20, torch.bfloat16: 190 << 20}

#: Painting in blocks takes this many times as long.
BLOCKS_SLOWDOWN = 1.7


@dataclass(frozen=True)
class Way:
    """How a scale is painted: in one piece or in blocks, with how long a history, and with how large tiles (0 to 1)."""

    blocks: bool = False
    history: int = 20
    tiles: float = 1.0

    def needs(self, pixels: int, style_pixels: int, dtype: torch.dtype) -> int:
        """Return the bytes that painting takes at most, beside the program and the pictures as they were given.

        Args:
            pixels: of the image at this scale.
            style_pixels: of the largest style at this scale.
            dtype: the network's arithmetic.
        """
        dtype = dtype if dtype in _WHOLE else torch.float32
        image = pixels * (_IMAGES + _PAIR * (self.history + 1))
        if self.blocks:
            tile = int(_TILE[dtype] * self.tiles**2)
            return tile + max(image + pixels * _BLOCKS[dtype], style_pixels * (_BLOCKS_TARGETS[dtype] + 12))
        return max(image + pixels * _WHOLE[dtype], style_pixels * (_WHOLE_TARGETS[dtype] + 12))


#: The ways from the fastest to the one that takes least.
WAYS = (
    Way(), Way(history=10), Way(blocks=True), Way(blocks=True, history=10), Way(blocks=True, history=5),
    Way(blocks=True, history=3), Way(blocks=True, history=3, tiles=0.5), Way(blocks=True, history=2, tiles=0.25),
)  # fmt: skip


def fastest(pixels: int, style_pixels: int, dtype: torch.dtype, available: float) -> Way | None:
    """Return the fastest way that needs no more than ``available`` bytes, or ``None``."""
    return next((way for way in WAYS if way.needs(pixels, style_pixels, dtype) <= available), None)


def after(way: Way) -> Iterator[Way]:
    """Return the ways that take less than ``way``, from the fastest on."""
    needed = way.needs(1 << 20, 0, torch.float32)
    return iter([each for each in WAYS if each.needs(1 << 20, 0, torch.float32) < needed])


def ran_out(error: BaseException) -> bool:
    """Return whether an error says that the device, or the computer, has no more memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)
