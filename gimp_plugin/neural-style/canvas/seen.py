"""A painting as it will look in the image: in the colours that the image can hold, and where the selection lets it be."""

from __future__ import annotations

from gi.repository import GdkPixbuf, Gegl, Gimp

from canvas import layers, pixels
from canvas.sources import Source, is_colour, mask_format, shown, thumbnail
from server.protocol import Picture


def as_result(image: Gimp.Image, source: Source, picture: Picture, *, convert: bool) -> GdkPixbuf.Pixbuf:
    """Return a picture of the source's area, of any size, as its layer would show it above the source.

    Args:
        image: may be closed by now; then the picture is shown as it is.
        source: what it was painted from.
        picture: in the image's space.
        convert: whether a grey or indexed image becomes RGB for it.
    """
    if not image.is_valid():
        return shown(image, picture)
    in_rgb = convert or is_colour(image)
    painted = shown(image, picture) if in_rgb else pixels.to_pixbuf(_in_colours_of(image, picture))
    if source.selection is None or not source.layer.is_valid():
        return painted
    return _where_selected(image, source, painted)


def _in_colours_of(image: Gimp.Image, picture: Picture) -> Picture:
    """Return the picture as a layer of the image stores it: in its greys or its palette."""
    kind = layers.LAYER_TYPES[image.get_base_type()]
    area = (0, 0, picture.width, picture.height)
    layer = Gimp.Layer.new(image, "preview", *area[2:], kind, 100.0, Gimp.LayerMode.NORMAL)  # never in the image
    try:
        buffer = layer.get_buffer()
        pixels.write(buffer, area, picture)
        return pixels.read(buffer, area, "u8", 4)
    finally:
        layer.delete()


def _where_selected(image: Gimp.Image, source: Source, painted: GdkPixbuf.Pixbuf) -> GdkPixbuf.Pixbuf:
    """Return what was painted over the source, as far as each pixel is selected."""
    width, height = painted.get_width(), painted.get_height()
    mask = _share(image, source, width, height)
    if mask is None:
        return painted
    over = bytearray(pixels.read_pixbuf(painted if painted.get_has_alpha() else painted.add_alpha(False, 0, 0, 0)).data)
    if painted.get_has_alpha():
        over[3::4] = bytes(alpha * share // 255 for alpha, share in zip(over[3::4], mask, strict=True))
    else:
        over[3::4] = mask
    seen = thumbnail(source, max(width, height)).scale_simple(width, height, GdkPixbuf.InterpType.BILINEAR)
    top = pixels.to_pixbuf(Picture(width, height, 4, "u8", bytes(over)))
    top.composite(seen, 0, 0, width, height, 0.0, 0.0, 1.0, 1.0, GdkPixbuf.InterpType.NEAREST, 255)
    return seen


def _share(image: Gimp.Image, source: Source, width: int, height: int) -> bytes | None:
    """Return how much of each pixel of the area, brought to this size, is selected, 0 to 255; None if that is unknown."""
    form, size = mask_format(image), (source.layer.get_width(), source.layer.get_height())
    buffer = Gegl.Buffer.new(form, 0, 0, *size)
    try:
        pixels.write_raw(buffer, size, form, source.selection or b"")
    except ValueError:  # the layer has another size by now
        return None
    left, top, across, down = source.area
    part = Gegl.Buffer.new("Y u8", 0, 0, across, down)
    there, here = Gegl.Rectangle.new(left, top, across, down), Gegl.Rectangle.new(0, 0, across, down)
    buffer.copy(there, Gegl.AbyssPolicy.NONE, part, here)
    grey = part.get(here, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)
    wide = bytearray(3 * len(grey))
    wide[0::3] = wide[1::3] = wide[2::3] = grey
    small = pixels.scaled(Picture(across, down, 3, "u8", bytes(wide)), width, height)
    return bytes(small.data)[::3]
