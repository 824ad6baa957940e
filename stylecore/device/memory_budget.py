"""How much memory painting takes, and the way of painting that stays within a limit."""

from __future__ import annotations

import errno
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from stylecore.device import gpu_memory, host
from stylecore.device.computing import Computing
from stylecore.tensors.resampling import Size

# Bytes for each pixel, measured as the growth of resident memory (see benchmarks/memory.py).
_IMAGES = 45  # the image, the one that is tried, a gradient, which pixels are free to move, and a little more
_PAIR = 24  # one step and one gradient change of the optimiser's history, in full precision
_WHOLE = {torch.float32: 1700, torch.bfloat16: 1060}  # all features of one piece, kept for the backward pass
_WHOLE_TARGETS = {torch.float32: 900, torch.bfloat16: 600}  # the same of a style, which needs no backward pass
_BLOCKS = {torch.float32: 115, torch.bfloat16: 60}  # pooled outputs, content target, gradients between stages
_BLOCKS_TARGETS = {torch.float32: 180, torch.bfloat16: 100}
_NARROWED = 84  # numbers a pixel that low rank widens, in all layers up to conv5_1
# What the allocator cannot use again: it keeps buffers under 32 MB (of pictures up to about 2 megapixels) in pieces.
_LEFT_OVER = {torch.float32: 240, torch.bfloat16: 95}
_LEFT_OVER_UP_TO = 2 << 20
#: What a scale takes beside that, which is held to the one before: that one enlarged, and a content of more numbers.
HELD = 28
#: The same on a GPU, where all layers, which the way is for, take more than the shallow ones.
HELD_ON_GPU = 12

# Bytes that do not depend on the picture's size: in one piece, and in tiles of full side beside what they take at any side.
_BASE = {torch.float32: 50 << 20, torch.bfloat16: 40 << 20}
_TILE = {torch.float32: 290 << 20, torch.bfloat16: 210 << 20}
_ANY_TILE = 50 << 20

# glibc's names for mallopt(3): what it keeps of freed memory at the heap's end, and from what size on a buffer is the
# system's own, which is new memory, to be cleared, each time. In blocks that is what is larger than a tile's features.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MOST = (1 << 31) - 1
_KEPT_OF_BLOCKS = 64 << 20
_GLIBC_S_OWN = {_MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20}
# What keeping buffers takes beside a step's own, in one piece, in bytes for each pixel: pieces that do not fit together.
_KEPT = {torch.float32: 1350, torch.bfloat16: 540}
_KEPT_ANYWAY = 1 << 18  # pixels up to which buffers are too small for the system to be asked for each

# Larger tensors end the process on Apple's GPUs.
_MOST_OF_APPLE_S = 1 << 32

# A picture of several tiles of any kind.
_LARGE = (2048, 2048)

# Pixels up to which what earlier scales let go is kept: to ask the system for it again, page by page, takes longer.
_ASKED_FOR_AGAIN = 1 << 20
# Pixels from which on low rank gains nothing by the memory of one piece: to be handed that takes as long as is saved.
_WHOLE_IN_LOW_RANK = 1200 * 1200
# Steps are cheap there, and a longer history, at whose products they wait, leads no further.
_HISTORY_IN_LOW_RANK = 10
#: Painting in blocks takes so many times as long: by the exact network, and by the one in low rank.
BLOCKS, BLOCKS_KEEPING_NARROWED = 1.5, 1.1


@dataclass(frozen=True)
class MemoryPlan:
    """How a scale is painted.

    In one piece or in ``blocks``, their ``tiles`` so many times as wide as a processor's; with a ``history`` of so many
    steps, kept at ``half`` the precision or in full. With ``spill``, what blocks put out waits in main memory, where a
    GPU's is short. With ``keep_narrowed``, blocks of a network in low rank keep what its layers widen, which spares the way
    back most of what has to be computed again.
    """

    blocks: bool = False
    history: int = 20
    tiles: float = 1.0
    half: bool = False
    spill: bool = False
    keep_narrowed: bool = False

    def needs(self, size: Size, style: Size, computing: Computing) -> int:
        """Return the bytes of the device that painting takes at most, beside the program and the pictures as given.

        Args:
            size: height and width of the image at this scale.
            style: of the largest style at this scale.
            computing: in what is computed.
        """
        pixels, style_pixels = math.prod(size), math.prod(style)
        image = pixels * (_IMAGES + self.pair * (self.history + 1))
        if computing.device != "cpu":
            return gpu_memory.needs(self, size, style, computing, image)
        dtype = computing.dtype if computing.dtype in _WHOLE else torch.float32
        if self.blocks:
            tile = _ANY_TILE + int(_TILE[dtype] * self.tiles**2)
            left_over = min(pixels, _LEFT_OVER_UP_TO) * _LEFT_OVER[dtype]
            targets = style_pixels * (_BLOCKS_TARGETS[dtype] + 12)
            outputs = _BLOCKS[dtype] + _NARROWED * dtype.itemsize * self.keep_narrowed
            return tile + max(left_over + image + pixels * outputs, targets)
        kept = pixels if keeps_buffers() else min(pixels, _KEPT_ANYWAY)
        whole = pixels * _WHOLE[dtype] + kept * _KEPT[dtype]
        return _BASE[dtype] + max(image + whole, style_pixels * (_WHOLE_TARGETS[dtype] + 12))

    @property
    def pair(self) -> int:
        """The bytes of a pixel's step and gradient change in the history."""
        return _PAIR // 2 if self.half else _PAIR

    def largest_tensor(self, size: Size, style: Size, dtype: torch.dtype) -> int:
        """Return the bytes of the largest single tensor: block 1's features, or the history (see :meth:`needs`)."""
        history = math.prod(size) * (self.history + 1) * self.pair
        features = 0 if self.blocks else max(math.prod(size), math.prod(style)) * 64 * dtype.itemsize
        return max(history, features)

    def suits(self, low_rank: bool) -> bool:
        """Return whether a network is painted with like this, in low rank or exact."""
        return self.history <= _HISTORY_IN_LOW_RANK if low_rank else not self.keep_narrowed

    @property
    def slowdown(self) -> float:
        """How many times as long as in one piece painting takes, about."""
        return 1.0 if not self.blocks else BLOCKS_KEEPING_NARROWED if self.keep_narrowed else BLOCKS


#: The ways from the fastest to the one that takes least.
WAYS = (
    MemoryPlan(), MemoryPlan(history=10), MemoryPlan(blocks=True, history=10, tiles=2.0, keep_narrowed=True),
    MemoryPlan(blocks=True, history=10, tiles=2.0, half=True, keep_narrowed=True),
    MemoryPlan(blocks=True), MemoryPlan(blocks=True, history=10),
    MemoryPlan(blocks=True, history=10, half=True), MemoryPlan(blocks=True, history=5, half=True),
    MemoryPlan(blocks=True, history=3, half=True),
    MemoryPlan(blocks=True, history=3, tiles=0.5, half=True), MemoryPlan(blocks=True, history=2, tiles=0.5, half=True),
    MemoryPlan(blocks=True, history=2, tiles=0.25, half=True),
)  # fmt: skip
#: Those of a GPU that CUDA (or ROCm) drives: its tensor cores multiply a history in bfloat16, with which a picture comes to
#: the same loss, and it is kept waiting by small tiles. The last ones turn to main memory.
WAYS_OF_GPU = (
    MemoryPlan(half=True), MemoryPlan(history=10, half=True),
    MemoryPlan(blocks=True, tiles=4.0, half=True), MemoryPlan(blocks=True, tiles=4.0, history=10, half=True),
    MemoryPlan(blocks=True, tiles=2.0, history=10, half=True), MemoryPlan(blocks=True, tiles=2.0, history=5, half=True),
    MemoryPlan(blocks=True, history=5, half=True), MemoryPlan(blocks=True, history=3, half=True),
    MemoryPlan(blocks=True, history=3, tiles=0.5, half=True), MemoryPlan(blocks=True, history=2, tiles=0.5, half=True),
    MemoryPlan(blocks=True, history=2, tiles=0.25, half=True),
    MemoryPlan(blocks=True, history=3, tiles=2.0, half=True, spill=True),
    MemoryPlan(blocks=True, history=3, tiles=0.5, half=True, spill=True),
    MemoryPlan(blocks=True, history=2, tiles=0.25, half=True, spill=True),
)  # fmt: skip
#: Those of them in which what blocks put out waits in main memory.
SPILLING = tuple(way for way in WAYS_OF_GPU if way.spill)


def ways(device: str) -> tuple[MemoryPlan, ...]:
    """Return the ways for a type of device (``'cpu'``, ``'cuda'`` …)."""
    return WAYS_OF_GPU if device == "cuda" else WAYS


def fastest(
    size: Size, style: Size, computing: Computing, available: float, *, only_blocks: bool = False
) -> MemoryPlan | None:
    """Return the fastest way (of those in blocks) that needs no more than ``available`` bytes, or ``None``.

    By a network in low rank large pictures are painted in blocks even where there is memory.
    """
    only_blocks = only_blocks or (computing.low_rank and math.prod(size) > _WHOLE_IN_LOW_RANK)
    possible = [way for way in ways(computing.device) if (way.blocks or not only_blocks) and way.suits(computing.low_rank)]
    if computing.device == "mps":
        possible = [way for way in possible if way.largest_tensor(size, style, computing.dtype) < _MOST_OF_APPLE_S]
    return next((way for way in possible if way.needs(size, style, computing) <= available), None)


def after(way: MemoryPlan, computing: Computing) -> Iterator[MemoryPlan]:
    """Return the ways that take less than ``way`` (of a large picture), from the fastest on."""
    needed = way.needs(_LARGE, (0, 0), computing)
    possible = (each for each in ways(computing.device) if each.suits(computing.low_rank))
    return iter([each for each in possible if each.needs(_LARGE, (0, 0), computing) < needed])


#: What the libraries below torch say when there is no memory, in errors of no kind of their own.
_NO_MEMORY = re.compile(
    r"allocate memory|not enough memory|out of memory|std::bad_alloc"
    r"|could not create a (primitive|memory)"  # oneDNN
    r"|CU(BLAS|DNN|SOLVER|SPARSE)_STATUS_(ALLOC_FAILED|INTERNAL_ERROR_HOST_ALLOCATION_FAILED)"
    r"|(HIP|MI)\w*OutOfMemory|miopenStatusAllocFailed"
    r"|unable to find an engine to execute this computation"  # cuDNN, of which each has asked for too much
    r"|failed to map segment",  # a library that is loaded only then
    re.IGNORECASE,
)


def ran_out(error: BaseException) -> bool:
    """Return whether an error says that the device, or the computer, has no more memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError | ImportError) and _NO_MEMORY.search(str(error)) is not None


def empty_cache(device: torch.device) -> None:
    """Let a GPU's allocator give back what it only keeps."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def give_back(device: torch.device | None = None) -> None:
    """Give the system back what the C library keeps of memory that was let go, where it can be asked to (glibc).

    Hundreds of megabytes otherwise stay with the process after pictures were read or a scale was painted. So does what a
    GPU's allocator keeps, if it is the ``device``.
    """
    host.trim_memory()
    if device is not None:
        empty_cache(device)


def give_back_before(size: Size) -> None:
    """:func:`give_back` before so much (height, width) is painted, unless so little that it would be asked for again."""
    if math.prod(size) > _ASKED_FOR_AGAIN:
        give_back()


def keeps_buffers() -> bool:
    """Return whether what a step lets go is kept for the next one.

    Not where addresses are limited: those of kept buffers cannot all be given back, so that a job which has run out of
    memory would find no room for any other way.
    """
    return not host.addresses_are_limited()


def keep_buffers(way: MemoryPlan) -> None:
    """Let the C library (glibc) keep what a step lets go for the next one, if :func:`keeps_buffers`.

    A step otherwise asks the system for gigabytes, page by page, which takes a tenth to a third of its time.
    :func:`give_back` ends it for what is kept at that moment.
    """
    # An older glibc refuses the first, and then the second alone would switch its own adjustment off.
    wanted = {_MMAP_THRESHOLD: _KEPT_OF_BLOCKS if way.blocks else _MOST, _TRIM_THRESHOLD: _MOST}
    wanted = wanted if keeps_buffers() else _GLIBC_S_OWN
    if host.set_allocator(_MMAP_THRESHOLD, wanted[_MMAP_THRESHOLD]):
        host.set_allocator(_TRIM_THRESHOLD, wanted[_TRIM_THRESHOLD])
