"""What the artist has painted on a result since it was finished, and how the source takes it in."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace

from gi.repository import GdkPixbuf, Gimp, GLib

from canvas import pixels, provenance
from canvas.provenance import LOOK_SIDE, Area, Memory
from canvas.sources import read_whole
from server.protocol import Picture

#: A pixel of the small look counts as painted on from this mean difference of its colours (of 255) on; what JPEG loses
#: stays well below.
_LEAST_DIFFERENCE = 26


@dataclass(frozen=True)
class Marks:
    """Where a result was painted on: small pictures, white there. ``around`` is ``core`` with a stroke's soft edge."""

    core: GdkPixbuf.Pixbuf
    around: GdkPixbuf.Pixbuf

    def part(self, layer: Gimp.Layer, area: Area) -> Marks:
        """Return the area's part of marks on all the layer, in full size."""
        full = [
            each.scale_simple(layer.get_width(), layer.get_height(), GdkPixbuf.InterpType.BILINEAR)
            for each in (self.core, self.around)
        ]
        return Marks(*(each.new_subpixbuf(*area).copy() for each in full))


def marks_on(layer: Gimp.Layer, known: Memory) -> Marks | None:
    """Return where a result was painted on since it was finished; None for nowhere."""
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
    marked = _differences(before, now)
    if not any(marked):
        return None
    return Marks(*(_shown(each, width, height) for each in (marked, _grown(marked, width, height))))


def _shown(marked: bytearray, width: int, height: int) -> GdkPixbuf.Pixbuf:
    data = GLib.Bytes.new(bytes(value for mark in marked for value in (mark, mark, mark)))
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


def look_beneath(delivered: Picture, area: Area, where: Picture) -> str:
    """Return a small copy of a result by which strokes that are on it are known again.

    There, and nowhere else, it is another picture than :func:`marks_on` is going to make of the result. Empty if it cannot
    be made.

    Args:
        delivered: the whole layer.
        area: the part of it that ``where`` covers.
        where: white where a stroke is.
    """
    full = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, delivered.width, delivered.height)
    full.fill(0x000000FF)
    marks = pixels.to_pixbuf(pixels.scaled(where, area[2], area[3]))
    marks.copy_area(0, 0, area[2], area[3], full, area[0], area[1])
    try:
        look = provenance.picture_of(provenance.small_copy(delivered, LOOK_SIDE))
        marked = pixels.read_pixbuf(full.scale_simple(look.get_width(), look.get_height(), GdkPixbuf.InterpType.BILINEAR))
        picture = pixels.read_pixbuf(look)
        data = bytearray(picture.data)
        for number in range(marked.width * marked.height):
            if marked.data[number * marked.channels] > 127:
                for at in range(number * picture.channels, number * picture.channels + 3):
                    data[at] ^= 128
        _done, png = pixels.to_pixbuf(replace(picture, data=bytes(data))).save_to_bufferv("png", [], [])
    except (GLib.Error, ValueError):
        return ""
    return base64.b64encode(bytes(png)).decode("ascii")


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
    """Return ``source`` with what was painted laid over it where it was painted.

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
