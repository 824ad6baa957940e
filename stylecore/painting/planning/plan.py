"""How a job is cut into scales and steps, and whether it fits into memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from stylecore.device.computing import Computing
from stylecore.device.memory_budget import HELD, HELD_ON_GPU, MemoryPlan, fastest
from stylecore.errors import StyleError, fault
from stylecore.files.pictures import MOST_PIXELS
from stylecore.objective.layers import SHALLOW
from stylecore.painting.planning.brush import LEAST_SIDE, style_size
from stylecore.setting_kinds import numbers
from stylecore.settings import Settings
from stylecore.tensors.resampling import Size, pyramid_sizes
from stylecore.tensors.strips import ALONE, Ranks, Strip, largest_strip


@dataclass(frozen=True)
class _Steps:
    """How many steps are spent: at ``coarse`` scales by number, the later ones like the last, and at the ``final`` scale.

    ``shallow`` ones are for scales of the shallow layers: for one between, and for the final one; ``None``: there are none.
    """

    coarse: tuple[int, ...]
    final: int
    shallow: tuple[int, int] | None = None


# By quality; coarse scales are cheap. Looked at: benchmarks/README.md.
_STEPS = {
    "draft": _Steps((30, 14, 8, 6), 9, (6, 8)),
    "normal": _Steps((40, 22, 18, 14), 18, (10, 14)),
    "best": _Steps((60, 50, 40, 30), 90),
}
# A processor is waited for: the last steps there change little that is seen.
_STEPS_OF_PROCESSOR = {**_STEPS, "draft": _Steps((22, 7, 6, 5), 4, (4, 5)), "normal": _Steps((32, 16, 14, 12), 14, (8, 8))}
# The raw objectives are chosen for their loss, which falls on long after the look has settled (see benchmarks/).
_STEPS_RAW = {
    quality: _Steps(_STEPS[quality].coarse, final) for quality, final in (("draft", 30), ("normal", 100), ("best", 250))
}
# With next to no content weight, what becomes of the content is decided at the coarse scales: there it still costs little.
_STEPS_TEXTURE = {
    quality: _Steps((150, 120, 60, 40), final) for quality, final in (("draft", 60), ("normal", 200), ("best", 400))
}
# A scale of more than so many pixels is painted by the shallow layers, held to the one before; ``best`` takes its time.
# Below, the deep layers paint bolder strokes, and smaller ones than the scale before had room for.
_SHALLOW_FROM = 1200 * 1200
#: The content weight over the style weight under which the Gram objective is nearly pure texture. At the coarse scales the
#: content has at least this: at its own it would be forgotten before the scale at which it counts.
LEAST_COARSE_CONTENT = 0.01
# A warm start takes this share of a fresh run's time, all of it at the last scale: with the earlier picture's strokes in
# place, a coarser one only disturbs them. A change of strength by 10 then ends within 3 % of a fresh run's loss.
_WARM_SHARE = 0.33
#: Beginning a scale (the targets and the first gradient) takes as long as so many steps there.
BEGINNING = 1.67


@dataclass(frozen=True)
class Scale:
    """One scale of the pyramid: its size (height, width), how many steps are spent there, and the way they are done.

    A ``shallow`` one is painted by the shallow layers, and held to the scale before.
    """

    size: Size
    steps: int
    way: MemoryPlan = MemoryPlan()  # noqa: RUF009 (frozen)
    shallow: bool = False

    def stored(self) -> list[Any]:
        """Return it as numbers, for :meth:`from_stored`."""
        return [*self.size, self.steps, self.shallow, *astuple(self.way)]

    @classmethod
    def from_stored(cls, stored: Sequence[Any]) -> Scale:
        """Return what was :meth:`stored`."""
        height, width, steps, shallow, *way = stored
        return cls((height, width), steps, MemoryPlan(*way), shallow)


def make_plan(
    size: Size,
    settings: Settings,
    available: int,
    computing: Computing,
    styles: Sequence[Size] = (),
    *,
    warm: bool = False,
    ranks: Ranks = ALONE,
) -> list[Scale]:
    """Return the scales of a job, coarse to fine.

    Args:
        size: the content's height and width.
        settings: what the job is to do.
        available: bytes of memory that the job may take.
        computing: in what is computed.
        styles: each style's height and width.
        warm: the job goes on from an earlier result, which takes fewer steps.
        ranks: the processes that paint together; memory is then that of each.

    A scale that does not fit in one piece is painted in blocks. The last scale is of :func:`wanted_size` if that fits at
    all, else the largest that does (the caller then brings the result to full size with the content's own detail).

    Raises:
        StyleError: ``picture-too-small``, ``picture-too-large`` or ``out-of-memory``.
    """
    check_size(size, "content")
    device = computing.device

    def way_for(scale: Size) -> MemoryPlan | None:
        sizes = [style_size(style, scale, settings.brush_size) for style in styles]
        own, largest, shared = scale, max(sizes, key=math.prod, default=(0, 0)), Strip(scale[0], ranks).shared
        if shared:
            own, largest = largest_strip(*scale, ranks), largest_strip(*largest, ranks)
        held = HELD if device == "cpu" else HELD_ON_GPU
        room = available - held * math.prod(own) * _paints_shallow(scale, settings, device)
        return fastest(own, largest, computing, room, only_blocks=shared)

    height, width = wanted_size(size, settings)
    while way_for((height, width)) is None:
        height, width = int(height * 0.9), int(width * 0.9)
        if min(height, width) < LEAST_SIDE or height * width < 128 * 128:
            if available > 2**20:
                raise StyleError(*fault("out-of-memory:limit", megabytes=f"{available / 2**20:,.0f}"))
            raise StyleError(*fault("out-of-memory:program"))
    sizes = pyramid_sizes(height, width)
    shallow = [number > 0 and _paints_shallow(size, settings, device) for number, size in enumerate(sizes)]
    steps = _steps(shallow, settings, device)
    if warm:
        last = math.prod(sizes[-1])
        fresh = sum((count + BEGINNING) * math.prod(each) / last for each, count in zip(sizes, steps, strict=True))
        sizes, steps, shallow = sizes[-1:], [max(1, int(_WARM_SHARE * fresh - BEGINNING))], [False]
    # The way is that of all layers, which new settings may bring back at any step.
    return [
        Scale(each, count, way_for(each) or MemoryPlan(), few)
        for each, count, few in zip(sizes, steps, shallow, strict=True)
    ]


def wanted_size(size: Size, settings: Settings) -> Size:
    """Return the height and width that settings ask a content of ``size`` to be painted in, be there memory or not."""
    factor = settings.longest_side / max(size)
    if factor >= 1:
        return size
    # A side that hardly is one stays what a picture needs.
    height, width = (max(min(side, LEAST_SIDE), round(side * factor)) for side in size)
    return height, width


def _steps(shallow: Sequence[bool], settings: Settings, device: str) -> list[int]:
    """Return each scale's steps, coarse to fine; ``shallow`` says of each whether the shallow layers paint it."""
    last = len(shallow) - 1
    steps = [deep_steps(settings, number, len(shallow), device) for number in range(len(shallow))]
    between, final = _steps_for(settings, device).shallow or (0, 0)
    for number, few in enumerate(shallow):
        if few:
            steps[number] = final if number == last else between
    if settings.iterations:
        steps[last] = settings.iterations
    return steps


def _paints_shallow(size: Size, settings: Settings, device: str) -> bool:
    """Return whether a scale of that size, not being the first one, is painted by the shallow layers."""
    if _steps_for(settings, device).shallow is None:
        return False
    weights = numbers(settings.layer_weights)
    few = sum(weights[: len(SHALLOW.style)]) * 2 >= sum(weights)  # another choice of layers is not to be undone
    return few and math.prod(size) > _SHALLOW_FROM


def deep_steps(settings: Settings, number: int, count: int, device: str) -> int:
    """Return the steps that all layers take at scale ``number`` (from 0) of ``count``, ``iterations`` aside."""
    steps = _steps_for(settings, device)
    if number < count - 1:
        return steps.coarse[min(number, len(steps.coarse) - 1)]
    if count > 1:
        return steps.final
    # The only scale of a small picture: no other mends what it lacks, and it is soon painted anywhere.
    return max(steps.final, _steps_for(settings, "elsewhere").coarse[0])


def final_steps(settings: Settings, device: str) -> int:
    """Return the steps at the last scale that settings come to on a type of device, their ``iterations`` aside."""
    return _steps_for(settings, device).final


def _steps_for(settings: Settings, device: str) -> _Steps:
    if nearly_texture(settings):
        table = _STEPS_TEXTURE
    elif settings.objective != "balanced":
        table = _STEPS_RAW
    else:
        table = _STEPS_OF_PROCESSOR if device == "cpu" else _STEPS
    return table[settings.quality]


def nearly_texture(settings: Settings) -> bool:
    """Return whether the Gram objective is asked for with next to no content weight."""
    content, style = settings.content_weight, settings.style_weight
    return settings.objective == "gram" and content < style * LEAST_COARSE_CONTENT


def check_size(size: Size, what: Literal["content", "style"]) -> None:
    """Raise StyleError ``picture-too-small`` or ``picture-too-large`` unless a picture of this size can be used."""
    height, width = size
    if min(height, width) < LEAST_SIDE:
        raise StyleError(*fault(f"picture-too-small:{what}", width=width, height=height, least=LEAST_SIDE))
    if height * width > MOST_PIXELS:
        megapixels = {"megapixels": f"{height * width / 1e6:,.0f}", "most": f"{MOST_PIXELS / 1e6:,.0f}"}
        raise StyleError(*fault(f"picture-too-large:{what}", **megapixels))
