"""Pixels between the wire, GEGL and GTK; knows no image and no layer."""

from __future__ import annotations

import gi

gi.require_version("Gegl", "0.4")
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, Gegl, GLib

from server.protocol import Picture

_SUFFIXES = {"u8": "u8", "u16": "u16", "f32": "float"}


def format_name(kind: str, channels: int) -> str:
    """Return babl's name of the wire's pixels: perceptual sRGB, straight alpha.

    A plain name always means sRGB; GEGL converts from and to the image's own profile.
    """
    return f"R'G'B'{'A' if channels == 4 else ''} {_SUFFIXES[kind]}"


def read(buffer: Gegl.Buffer, area: tuple[int, int, int, int], kind: str, channels: int) -> Picture:
    """Return the pixels of ``area`` (x, y, width, height in the buffer's coordinates) as the wire carries them."""
    rectangle = Gegl.Rectangle.new(*area)
    data = buffer.get(rectangle, 1.0, format_name(kind, channels), Gegl.AbyssPolicy.NONE)
    return Picture(area[2], area[3], channels, kind, data)


def write(buffer: Gegl.Buffer, area: tuple[int, int, int, int], picture: Picture) -> None:
    """Put ``picture`` into ``area`` of the buffer; a picture of another size is resampled (as 8-bit)."""
    if (picture.width, picture.height) != area[2:]:
        pixbuf = to_pixbuf(picture).scale_simple(area[2], area[3], GdkPixbuf.InterpType.BILINEAR)
        picture = _from_pixbuf(pixbuf)
    # A Picture has checked that its bytes fit its size; GEGL would only log a mismatch, and write nothing.
    buffer.set(Gegl.Rectangle.new(*area), format_name(picture.kind, picture.channels), bytes(picture.data))
    buffer.flush()


def to_pixbuf(picture: Picture) -> GdkPixbuf.Pixbuf:
    """Return the picture as GTK shows it (8-bit)."""
    if picture.kind != "u8":
        area = (0, 0, picture.width, picture.height)
        buffer = Gegl.Buffer.new(format_name(picture.kind, picture.channels), *area)
        write(buffer, area, picture)
        picture = read(buffer, area, "u8", picture.channels)
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(bytes(picture.data)), GdkPixbuf.Colorspace.RGB, picture.channels == 4, 8,
        picture.width, picture.height, picture.width * picture.channels,
    )  # fmt: skip


def fitted(pixbuf: GdkPixbuf.Pixbuf, width: int, height: int) -> GdkPixbuf.Pixbuf:
    """Return the picture scaled to fit into ``width`` × ``height``, small ones enlarged."""
    factor = min(width / pixbuf.get_width(), height / pixbuf.get_height())
    size = (max(1, round(pixbuf.get_width() * factor)), max(1, round(pixbuf.get_height() * factor)))
    return pixbuf.scale_simple(*size, GdkPixbuf.InterpType.BILINEAR)


def _from_pixbuf(pixbuf: GdkPixbuf.Pixbuf) -> Picture:
    width, height, channels = pixbuf.get_width(), pixbuf.get_height(), pixbuf.get_n_channels()
    data, stride, row = pixbuf.get_pixels(), pixbuf.get_rowstride(), width * channels
    if stride != row:
        data = b"".join(data[start : start + row] for start in range(0, stride * height, stride))
    return Picture(width, height, channels, "u8", bytes(data[: row * height]))
