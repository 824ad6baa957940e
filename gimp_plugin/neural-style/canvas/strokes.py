"""What the artist has painted on a result since it was finished, and how the source takes it in."""

from __future__ import annotations

import re

from gi.repository import GdkPixbuf, Gimp, GLib

from canvas import pixels, provenance
from canvas.provenance import LOOK_SIDE, Memory
from canvas.sources import read_whole
from server.protocol import Picture

#: A pixel of the small look counts as painted on from this mean difference of its colours (of 255) on; what JPEG loses
#: stays well below.
_LEAST_DIFFERENCE = 26


def mask(layer: Gimp.Layer, known: Memory) -> GdkPixbuf.Pixbuf | None:
    """Return where a result was painted on since it was finished: a small picture, white there; None for nowhere."""
    whole = read_whole(layer, "u8")
    if not known.delivered or not known.look or provenance.digest(read_whole(layer)) == known.delivered:
        return None
    try:
        before = provenance.picture_of(known.look)
    except (GLib.Error, ValueError):
        return None
    # The same small picture is made of the layer as it is now, so that only what differs in it counts.
    now = provenance.picture_of(provenance.small_copy(whole, LOOK_SIDE))
    if (now.get_width(), now.get_height()) != (before.get_width(), before.get_height()):
        now = now.scale_simple(before.get_width(), before.get_height(), GdkPixbuf.InterpType.BILINEAR)
    width, height = before.get_width(), before.get_height()
    marked = _grown(_differences(before, now), width, height)
    if not any(marked):
        return None
    grey = bytes(value for mark in marked for value in (mark, mark, mark))
    data = GLib.Bytes.new(grey)
    return GdkPixbuf.Pixbuf.new_from_bytes(data, GdkPixbuf.Colorspace.RGB, False, 8, width, height, 3 * width)


def _differences(before: GdkPixbuf.Pixbuf, now: GdkPixbuf.Pixbuf) -> bytearray:
    """Return 255 for each pixel that differs, 0 for the others, row by row."""
    width, height = before.get_width(), before.get_height()
    marked = bytearray(width * height)
    pictures = [(p.get_pixels(), p.get_rowstride(), p.get_n_channels()) for p in (before, now)]
    (one, one_row, one_step), (two, two_row, two_step) = pictures
    for y in range(height):
        for x in range(width):
            i, j = y * one_row + x * one_step, y * two_row + x * two_step
            if sum(abs(one[i + c] - two[j + c]) for c in range(3)) >= 3 * _LEAST_DIFFERENCE:
                marked[y * width + x] = 255
    return marked


def changed(before: Picture, now: Picture, tolerance: int) -> bytes | None:
    """Return 255 for each pixel that differs by more than ``tolerance`` (of 255), else 0; None if none does.

    Both are 8-bit RGBA and of one size; what is transparent in both is alike.
    """
    old, new = bytes(before.data), bytes(now.data)
    marks, block = bytearray(now.width * now.height), 4 * 64
    for start in range(0, len(new), block):
        if old[start : start + block] == new[start : start + block]:
            continue
        for at in range(start, min(start + block, len(new)), 4):
            differs = any(abs(old[at + c] - new[at + c]) > tolerance for c in range(4))
            if differs and (old[at + 3] or new[at + 3]):
                marks[at // 4] = 255
    return bytes(marks) if any(marks) else None


def where_marked(picture: Picture, marks: bytes) -> Picture:
    """Return the picture with all pixels transparent that are not marked; it has an alpha channel."""
    pixel = len(bytes(picture.data)) // len(marks)
    data, result = bytes(picture.data), bytearray(len(marks) * pixel)
    for run in re.finditer(rb"\xff+", marks):
        start, end = run.start() * pixel, run.end() * pixel
        result[start:end] = data[start:end]
    return Picture(picture.width, picture.height, picture.channels, picture.kind, bytes(result))


def _grown(marked: bytearray, width: int, height: int) -> bytearray:
    """Return the marks grown by one pixel in every direction, so that a stroke's soft edge is in."""
    grown = bytearray(marked)
    for y in range(height):
        for x in range(width):
            if marked[y * width + x]:
                for row in range(max(0, y - 1), min(height, y + 2)):
                    left, right = max(0, x - 1), min(width, x + 2)
                    grown[row * width + left : row * width + right] = b"\xff" * (right - left)
    return grown


def taken_in(source: Picture, painted: Picture, where: GdkPixbuf.Pixbuf) -> Picture:
    """Return ``source`` with what was painted laid over it where it was painted: what the style is to be put on.

    All three cover the same place; ``where`` is white for painted and is brought to their size. GIMP itself lays one over
    the other, at their depth.
    """
    width, height = source.width, source.height
    image = Gimp.Image.new_with_precision(width, height, Gimp.ImageBaseType.RGB, pixels.precision(source.kind))
    try:
        layers = []
        for picture in (source, painted):
            layer = Gimp.Layer.new(image, "", width, height, Gimp.ImageType.RGBA_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
            image.insert_layer(layer, None, 0)
            pixels.write(layer.get_buffer(), (0, 0, width, height), picture)
            layers.append(layer)
        over = layers[1].create_mask(Gimp.AddMaskType.BLACK)
        layers[1].add_mask(over)
        grey = where.scale_simple(width, height, GdkPixbuf.InterpType.BILINEAR)
        shape = pixels.read_pixbuf(grey)
        pixels.write_raw(over.get_buffer(), (width, height), "Y u8", bytes(shape.data[:: shape.channels]))
        seen = Gimp.Layer.new_from_visible(image, image, "seen")
        try:
            return pixels.read(seen.get_buffer(), (0, 0, width, height), source.kind, source.channels)
        finally:
            seen.delete()
    finally:
        image.delete()
