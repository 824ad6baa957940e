"""Layers as they are at one moment, for reading: what is done to the image meanwhile does not reach them.

GIMP ends a plug-in that reads pixels which are no longer there, because the image was made smaller while it read. A copy
shares its tiles with the layer, and so costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gimp


@contextmanager
def snapshot(layer: Gimp.Drawable) -> Iterator[Gimp.Drawable]:
    """Give a copy of the layer or channel, which is not in the image, without its effects merged; of a group, itself."""
    if layer.is_group():
        yield layer
        return
    copy = layer.copy()
    try:
        yield copy
    finally:
        copy.delete()


@contextmanager
def composed(layer: Gimp.Layer) -> Iterator[Gimp.Layer]:
    """Give a :func:`snapshot` in which the layer's non-destructive effects are merged."""
    with snapshot(layer) as plain:
        if layer.is_group() or not plain.get_filters():
            yield plain
            return
        with snapshot(plain) as merged:
            merged.merge_filters()
            # An effect that grows the layer (a drop shadow) would shift every pixel.
            as_large = (merged.get_width(), merged.get_height()) == (plain.get_width(), plain.get_height())
            yield merged if as_large else plain
