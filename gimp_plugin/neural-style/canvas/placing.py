"""Where a painting belongs when its layer changed its shape meanwhile, and what the user is told of what was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gi.repository import Gimp

from canvas import changes, provenance
from canvas.changes import Watched
from canvas.layers import Result
from canvas.sources import Source, read_pixels
from common.translation import _
from server.protocol import Picture


def source_now(source: Source, watched: Watched) -> Source:
    """Return the place that the source has become by what was seen of its layer's changes."""
    if watched.steps == [] or not source.layer.is_valid():
        return source
    area = None if watched.steps is None else changes.moved_area(source.area, watched.size, watched.steps)
    if watched.steps is None or area is None:
        return replace(source, there=watched.place)
    selection = None
    if source.selection is not None:
        selection = _selection_now(source.selection, source.layer, watched)
    return replace(source, area=area, selection=selection)


def _selection_now(selection: bytes, layer: Gimp.Layer, watched: Watched) -> bytes:
    """Return a selection over the layer as it was as one over the layer as it is."""
    assert watched.steps is not None
    width, height = watched.size
    kind = "u8" if len(selection) == width * height else "f32"
    whole = (0, 0, width, height)
    moved = changes.brought(Picture(width, height, 1, kind, selection), whole, watched.size, watched.steps)
    area = changes.moved_area(whole, watched.size, watched.steps)
    assert moved is not None and area is not None  # its area, which is a part of it, is still there
    pixel, across = (1 if kind == "u8" else 4), layer.get_width()
    result = bytearray(pixel * across * layer.get_height())
    for row in range(moved.height):
        start, at = pixel * moved.width * row, pixel * (across * (area[1] + row) + area[0])
        result[at : at + pixel * moved.width] = moved.data[start : start + pixel * moved.width]
    return bytes(result)


def picture_now(picture: Picture, source: Source, watched: Watched) -> Picture:
    """Return a picture of the source's area as it belongs into :func:`source_now`."""
    if not watched.steps or not source.layer.is_valid():
        return picture
    return changes.brought(picture, source.area, watched.size, watched.steps) or picture


def place_now(result: Result) -> Result:
    """Return the result with the place that it has now, but the picture as it was painted."""
    if result.watched is None:
        return result
    result.watched.look()
    return replace(result, source=source_now(result.source, result.watched))


def result_now(result: Result) -> Result:
    """Return the result as it belongs into the image now."""
    watched = result.watched
    if watched is None:
        return result
    watched.look()
    source = source_now(result.source, watched)
    if source is result.source:
        return result
    memory = result.memory
    if source.there is None:
        # It still is the same picture, so that the result is no less up to date than before.
        known = replace(
            memory.source,
            size=(source.layer.get_width(), source.layer.get_height()),
            area=source.area,
            sha256=provenance.digest(read_pixels(replace(source, selection=None))),
        )
        memory = replace(memory, source=known)
    picture = picture_now(result.picture, result.source, watched)
    return replace(result, source=source, picture=picture, memory=memory)


def tell_lost(results: Sequence[Result]) -> None:
    """Tell the user which results could not follow their layer into its new shape."""
    for name in dict.fromkeys(result.source.name for result in results if result.source.there is not None):
        Gimp.message(
            _(
                "The layer “{name}” changed its size or shape while it was being painted. The painting has the size and "
                "place that the layer had; scale or move it as you need it."
            ).format(name=name)
        )


def tell_kept(kept: Sequence[tuple[str, str]]) -> None:
    """Tell the user of layers that were painted on meanwhile, each with the name of the layer that this was kept in."""
    for name, above in kept:
        Gimp.message(
            _("“{name}” was painted on while it was being updated. What you painted is in the layer “{above}”.").format(
                name=name, above=above
            )
        )


def tell_merged() -> None:
    """Tell the user that the unfinished painting went into a layer of the image."""
    Gimp.message(
        _(
            "The image was flattened or its layers were merged while it was being painted: the unfinished painting is in "
            "the merged layer. To be rid of it, undo the merging, delete the layer “… (painting)”, then merge again."
        )
    )
