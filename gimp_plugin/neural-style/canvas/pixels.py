"""Pixels between the wire, GEGL and GTK; knows no image and no layer."""

from __future__ import annotations

import gi

gi.require_version("Babl", "0.1")
gi.require_version("Gegl", "0.4")
gi.require_version("GdkPixbuf", "2.0")
gi.require_version("Gimp", "3.0")
from gi.repository import Babl, GdkPixbuf, Gegl, Gimp, GLib

from server.protocol import Picture

_SUFFIXES = {"u8": "u8", "u16": "u16", "f32": "float"}
_PRECISIONS = {
    "u8": Gimp.Precision.U8_NON_LINEAR,
    "u16": Gimp.Precision.U16_NON_LINEAR,
    "f32": Gimp.Precision.FLOAT_NON_LINEAR,
}


def format_name(kind: str, channels: int, space: Babl.Object | None = None) -> str:
    """Return babl's name of the wire's pixels: perceptual RGB, straight alpha.

    A plain name always means sRGB; GEGL converts from and to the image's own profile. With ``space``, the numbers are
    those of an image in that space.
    """
    name = f"R'G'B'{'A' if channels == 4 else ''} {_SUFFIXES[kind]}"
    return name if space is None else Babl.get_name(Babl.format_with_space(name, space))


def precision(kind: str) -> Gimp.Precision:
    """Return the precision of an image that holds the wire's pixels of this ``kind`` as they are."""
    return _PRECISIONS[kind]


def converted(picture: Picture, source: Babl.Object | None, target: Babl.Object | None) -> Picture:
    """Return the picture, whose numbers are those of the space ``source``, with those of ``target`` (None: sRGB)."""
    if source is target:
        return picture
    area = (0, 0, picture.width, picture.height)
    buffer = Gegl.Buffer.new(format_name(picture.kind, picture.channels, source), *area)
    write(buffer, area, picture, source)
    return read(buffer, area, picture.kind, picture.channels, target)


def read(
    buffer: Gegl.Buffer, area: tuple[int, int, int, int], kind: str, channels: int, space: Babl.Object | None = None
) -> Picture:
    """Return the pixels of ``area`` (x, y, width, height in the buffer's coordinates) as the wire carries them."""
    rectangle = Gegl.Rectangle.new(*area)
    data = buffer.get(rectangle, 1.0, format_name(kind, channels, space), Gegl.AbyssPolicy.NONE)
    return Picture(area[2], area[3], channels, kind, data)


def write(buffer: Gegl.Buffer, area: tuple[int, int, int, int], picture: Picture, space: Babl.Object | None = None) -> None:
    """Put ``picture`` into ``area`` of the buffer; a picture of another size is resampled (as 8-bit)."""
    if (picture.width, picture.height) != area[2:]:
        pixbuf = to_pixbuf(picture).scale_simple(area[2], area[3], GdkPixbuf.InterpType.BILINEAR)
        picture = read_pixbuf(pixbuf)
    # A Picture has checked that its bytes fit its size; GEGL would only log a mismatch, and write nothing.
    buffer.set(Gegl.Rectangle.new(*area), format_name(picture.kind, picture.channels, space), bytes(picture.data))
    buffer.flush()


def write_raw(buffer: Gegl.Buffer, size: tuple[int, int], form: str, data: bytes) -> None:
    """Fill the buffer's ``size`` (width, height) with bytes in babl's format ``form``.

    Raises:
        ValueError: there are too many or too few bytes.
    """
    whole = Gegl.Rectangle.new(0, 0, *size)
    expected = size[0] * size[1] * Babl.format_get_bytes_per_pixel(Babl.format(form))
    if len(data) != expected:  # GEGL would only log it, and write nothing
        raise ValueError(f"{len(data)} bytes where {expected} are needed")
    buffer.set(whole, form, data)
    buffer.flush()


def to_pixbuf(picture: Picture) -> GdkPixbuf.Pixbuf:
    """Return the picture as GTK shows it (8-bit)."""
    if picture.kind != "u8":
        area = (0, 0, picture.width, picture.height)
        buffer = Gegl.Buffer.new(format_name(picture.kind, picture.channels), *area)
        write(buffer, area, picture)
        picture = read(buffer, area, "u8", picture.channels)
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(bytes(picture.data)),
        GdkPixbuf.Colorspace.RGB,
        picture.channels == 4,
        8,
        picture.width,
        picture.height,
        picture.width * picture.channels,
    )


def fitted(pixbuf: GdkPixbuf.Pixbuf, width: int, height: int) -> GdkPixbuf.Pixbuf:
    """Return the picture scaled to fit into ``width`` × ``height``, small ones enlarged."""
    factor = min(width / pixbuf.get_width(), height / pixbuf.get_height())
    size = (max(1, round(pixbuf.get_width() * factor)), max(1, round(pixbuf.get_height() * factor)))
    return pixbuf.scale_simple(*size, GdkPixbuf.InterpType.BILINEAR)


def escaped(text: str) -> str:
    """Return text that has no meaning in Pango's markup."""
    return GLib.markup_escape_text(text)


def scaled(picture: Picture, width: int, height: int) -> Picture:
    """Return the picture in another size (as 8-bit), or as it is if it has that size."""
    if (picture.width, picture.height) == (width, height):
        return picture
    return read_pixbuf(to_pixbuf(picture).scale_simple(width, height, GdkPixbuf.InterpType.BILINEAR))


def encoded(pixbuf: GdkPixbuf.Pixbuf) -> bytes:
    """Return the picture as a JPEG file's bytes; transparency is left out."""
    if pixbuf.get_has_alpha():  # with it gdk-pixbuf 2.44, which has glycin save pictures, makes a gray one
        pixbuf = to_pixbuf(_opaque(read_pixbuf(pixbuf)))
    _done, data = pixbuf.save_to_bufferv("jpeg", ["quality"], ["92"])
    return bytes(data)


def _opaque(picture: Picture) -> Picture:
    """Return an 8-bit RGBA picture without its alpha."""
    data = bytearray(3 * picture.width * picture.height)
    for channel in range(3):
        data[channel::3] = picture.data[channel::4]
    return Picture(picture.width, picture.height, 3, picture.kind, bytes(data))


def decoded(data: bytes) -> GdkPixbuf.Pixbuf:
    """Return the picture in a file's bytes.

    Raises:
        GLib.Error: they are not a picture.
    """
    loader = GdkPixbuf.PixbufLoader()
    try:
        loader.write(data)
    finally:
        loader.close()
    return loader.get_pixbuf()


def read_pixbuf(pixbuf: GdkPixbuf.Pixbuf) -> Picture:
    """Return a picture of GTK as the wire carries it."""
    width, height, channels = pixbuf.get_width(), pixbuf.get_height(), pixbuf.get_n_channels()
    data, stride, row = pixbuf.get_pixels(), pixbuf.get_rowstride(), width * channels
    if stride != row:
        data = b"".join(data[start : start + row] for start in range(0, stride * height, stride))
    return Picture(width, height, channels, "u8", bytes(data[: row * height]))
