"""Whether layers and masks still look as they did: seen small, so that one can look again and again."""

from __future__ import annotations

import hashlib

from gi.repository import Gegl, Gimp

from canvas.snapshots import snapshot

#: Pixels of the longer side of what is compared.
_SIDE = 256


def at(drawable: Gimp.Drawable | None) -> tuple[object, ...]:
    """Return a value that changes with what a layer or mask shows, its size and its place; of one that is gone, nothing."""
    if drawable is None or not drawable.is_valid():
        return ()
    place = drawable.get_offsets()[1:] if not isinstance(drawable, Gimp.LayerMask) else None
    pixel_format = "Y u8" if isinstance(drawable, Gimp.Channel) else "R'G'B'A u8"
    with snapshot(drawable) as now:
        width, height = now.get_width(), now.get_height()
        factor = min(1.0, _SIDE / max(width, height))
        small = Gegl.Rectangle.new(0, 0, max(1, int(width * factor)), max(1, int(height * factor)))
        pixels = now.get_buffer().get(small, factor, pixel_format, Gegl.AbyssPolicy.NONE)
        effects = [(each.get_id(), each.get_visible()) for each in drawable.get_filters()]
    return drawable.get_id(), place, (width, height), hashlib.sha256(bytes(pixels)).hexdigest(), str(effects)
