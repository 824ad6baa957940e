"""Results that are to be painted again: in what, from what, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gi.repository import Gimp

from canvas import strength_masks
from canvas.changes import scaled_area
from canvas.provenance import Area, Memory
from canvas.sources import Source
from common.arguments import KEEP
from common.errors import PluginError
from common.translation import _
from painting import results
from stylecore.settings import BY_NAME
from styles.pictures import WeightedStyles


@dataclass(frozen=True)
class Task:
    """A result to be painted again.

    ``place`` is the part of the result that may change, ``source`` the layer it was painted from (None if it is gone: then
    the result's own pixels are). ``styles`` None stands for the result's own.
    """

    place: Source
    known: Memory
    source: Gimp.Layer | None
    settings: Mapping[str, Any]
    styles: WeightedStyles | None = None
    strokes: str = KEEP
    mask: Gimp.Channel | None = None  # for the strength

    @property
    def layer(self) -> Gimp.Layer:
        """The result's layer."""
        return self.place.layer


def task_for(place: Source, known: Memory, settings: Mapping[str, Any], styles: WeightedStyles | None, keep: str) -> Task:
    """Return the task of painting a result again; without a selection all of it that was painted."""
    layer = place.layer
    if place.selection is None:
        place = replace(place, area=painted_area(layer, known))
    mask = strength_masks.of_result(layer.get_image(), known.mask)
    return Task(place, known, results.source_of(layer, known), dict(settings), styles, keep, mask)


def painted_area(layer: Gimp.Layer, known: Memory) -> Area:
    """Return the part of a result that was painted, in its coordinates; it may have been scaled or cropped since."""
    size, then = (layer.get_width(), layer.get_height()), known.source.size
    if size == then:
        return known.source.area
    if not _alike(size, then):
        return 0, 0, *size
    return scaled_area(known.source.area, then, size)


def _alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether one size is the other, scaled (each side rounded to a whole pixel)."""
    return abs(one[0] * other[1] - one[1] * other[0]) <= max(*one, *other)


def part_of_source(layer: Gimp.Layer, source: Gimp.Layer, area: Area) -> Area:
    """Return the part of the source that a result's ``area`` shows.

    Raises:
        PluginError: the two do not fit any more.
    """
    size, other = (layer.get_width(), layer.get_height()), (source.get_width(), source.get_height())
    if size == other:
        return area
    if _alike(size, other):
        return scaled_area(area, size, other)
    _found, x, y = layer.get_offsets()
    _found, source_x, source_y = source.get_offsets()
    left, top = area[0] + x - source_x, area[1] + y - source_y
    if left < 0 or top < 0 or left + area[2] > other[0] or top + area[3] > other[1]:
        raise PluginError(
            _("“{name}” no longer has the size of “{source}”, which it was painted from.").format(
                name=layer.get_name(), source=source.get_name()
            ),
            _("Make a new layer instead."),
        )
    return left, top, area[2], area[3]


def continues(known: Memory, settings: Mapping[str, Any], *, same_picture: bool) -> bool:
    """Return whether a result can go on from its pixels: same source and styles, and a change that needs little."""
    changed = {name for name, value in settings.items() if known.settings.get(name) != value}
    if not same_picture or known.stopped or not all(BY_NAME[name].live for name in changed):
        return False
    return _palette(known.settings) == _palette(settings) and _shows_its_own_colours(known.settings)


def _palette(settings: Mapping[str, Any]) -> float:
    """Return how far the style's colours are brought to the photo's before it is painted."""
    return float(settings["colours_amount"]) if settings["colours"] == "match" else 0.0


def _shows_its_own_colours(settings: Mapping[str, Any]) -> bool:
    """Return whether a result's pixels have the colours it was painted in; once the photo's are in, they are lost."""
    unmixed = {"style": 100.0, "photo": 0.0}
    return settings["colours"] == "match" or settings["colours_amount"] == unmixed.get(settings["colours"])


def depends(task: Task, other: Task) -> bool:
    """Return whether a result is painted from another, or in a style that another shows."""
    if task.layer.get_id() == other.layer.get_id():
        return False
    roots = [task.source, *(results.style_layer(task.layer.get_image(), style) for style in task.known.styles)]
    inside = [each.get_id() for root in roots if root is not None for each in results.flat([root])]
    return other.layer.get_id() in inside


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks so that each comes after those that it depends on."""
    ordered: list[Task] = []
    begun: set[int] = set()

    def visit(task: Task) -> None:
        if task.layer.get_id() in begun:
            return
        begun.add(task.layer.get_id())
        for other in tasks:
            if depends(task, other):
                visit(other)
        ordered.append(task)

    for task in tasks:
        visit(task)
    return ordered
