"""What a job tells people before it begins: how it will paint, where that is not as they may expect."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from stylecore.device.computing import Computing
from stylecore.device.memory_budget import MemoryPlan
from stylecore.errors import fault
from stylecore.events import Note
from stylecore.painting.planning.brush import style_size
from stylecore.painting.planning.plan import Scale, wanted_size
from stylecore.painting.scale_inputs import Materials
from stylecore.tensors.strips import Ranks, Strip


def opening_notes(scales: Sequence[Scale], materials: Materials, computing: Computing, ranks: Ranks) -> Iterator[Note]:
    """Yield what is to be said of a job's plan: strips, frames left out, a smaller size, blocks.

    Args:
        scales: the job's.
        materials: what it paints from.
        computing: in what is computed.
        ranks: the processes that paint together.
    """
    last = scales[-1]
    height, width = last.size
    shared = Strip(height, ranks).shared
    if ranks.count > 1:
        yield Note(*fault("in-strips", count=ranks.count) if shared else fault("in-strips:each"))
    for inner_height, inner_width in materials.without_frame:
        yield Note(*fault("frame-left-out", width=inner_width, height=inner_height))
    if last.size != wanted_size(materials.size, materials.settings):
        yield Note(*fault("painted-smaller", width=width, height=height))
    elif last.way.blocks and not last.way.keep_narrowed and not shared:  # else it hardly takes longer
        gigabytes = {
            name: _gigabytes(last, way, materials, computing)
            for name, way in (("whole", MemoryPlan()), ("blocks", last.way))
        }
        slower = f"{last.way.slowdown:g}"
        yield Note(*fault("in-blocks", width=width, height=height, slower=slower, **gigabytes))


def _gigabytes(scale: Scale, way: MemoryPlan, materials: Materials, computing: Computing) -> str:
    """Return for people what painting a scale in a way takes, beside the program and the pictures as given."""
    brush = materials.settings.brush_size
    sizes = [style_size(style, scale.size, brush) for style in materials.style_sizes]
    largest = max(sizes, key=math.prod)
    return f"{way.needs(scale.size, largest, computing) / 2**30:.1f}"
