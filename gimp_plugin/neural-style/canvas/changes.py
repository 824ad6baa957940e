"""What becomes of a layer's shape while it is painted, and a finished picture's way through the same change.

GIMP tells nobody what was done to a layer, so its pixels are compared: mirrored, turned by quarter turns, scaled, cropped
and enlarged by a border it still is the same picture.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from gi.repository import GdkPixbuf, Gegl, Gimp

from canvas import pixels
from canvas.snapshots import snapshot
from server.protocol import Picture

#: Pictures are compared as so many pixels across and down; they are the same up to this mean difference (of 255), which
#: interpolation stays below, if every other way of holding them differs clearly more.
_GLANCE, _SAME, _CLEARLY = 48, 6.0, 2.0
#: Where a part of a picture is found again, so many of its rows are looked for, and this share of them must be the same.
_ROWS_TRIED, _ROWS_SAMPLED, _ROWS_SAME, _MOST_FINDS = 4, 24, 0.6, 2000

Area = tuple[int, int, int, int]
Size = tuple[int, int]
_TURNS = {1: Gimp.RotationType.DEGREES90, 2: Gimp.RotationType.DEGREES180, 3: Gimp.RotationType.DEGREES270}


@dataclass(frozen=True)
class Step:
    """A change of shape: mirrored left to right, then turned clockwise by ``quarters``, then scaled to ``size``.

    Of that, ``window`` (x, y, width, height) is left; it may reach beyond it.
    """

    mirrored: bool
    quarters: int
    size: Size
    window: Area

    def turned(self, area: Area, size: Size) -> Area:
        """Return where an area of a picture of ``size`` is once it is mirrored and turned."""
        x, y, across, down = area
        width, height = size
        if self.mirrored:
            x = width - x - across
        for _turn in range(self.quarters):
            x, y, across, down, width, height = height - y - down, x, down, across, height, width
        return x, y, across, down


class Watched:
    """A layer whose shape is watched from now on."""

    def __init__(self, layer: Gimp.Layer) -> None:
        self._layer = layer
        _found, x, y = layer.get_offsets()
        self.place: Area = (x, y, layer.get_width(), layer.get_height())  # in the image, at first
        #: What was done to its shape since; None if it has a shape that cannot be explained.
        self.steps: list[Step] | None = []
        self._first = self._last = picture_of(layer)
        self._seen = _glance_at(layer)

    def part(self, area: Area) -> Picture:
        """Return the pixels of an area as they were at first, 8-bit RGBA."""
        return pixels.read_pixbuf(self._first.new_subpixbuf(*area).copy())

    @property
    def size(self) -> Size:
        """What its size was."""
        return self.place[2:]

    def look(self) -> bool:
        """Look at it again; return whether its shape changed since the last look. A layer that is gone did not."""
        if not self._layer.is_valid() or self._layer.get_image() is None:
            return False
        seen = _glance_at(self._layer)
        if seen == self._seen:
            return False
        self._seen, before = seen, self.steps
        now = picture_of(self._layer)
        step = step_between(self._first, now)
        if step is not None:  # also when what was done was undone
            whole = (0, 0, *self.size)
            self.steps = [] if step == Step(False, 0, self.size, whole) else [step]
        elif before is not None and (step := step_between(self._last, now)) is not None:
            self.steps = [*before, step]
        else:
            self.steps = None
        self._last = now
        return self.steps != before


def picture_of(layer: Gimp.Layer) -> GdkPixbuf.Pixbuf:
    """Return all pixels of a layer, without its effects, as 8-bit RGBA."""
    with snapshot(layer) as now:
        area = (0, 0, now.get_width(), now.get_height())
        return pixels.to_pixbuf(pixels.read(now.get_buffer(), area, "u8", 4))


def _glance_at(layer: Gimp.Layer) -> tuple[int, int, bytes]:
    """Return what differs when the layer's shape does, quickly."""
    with snapshot(layer) as now:
        width, height = now.get_width(), now.get_height()
        factor = min(1.0, _GLANCE / max(width, height))
        place = Gegl.Rectangle.new(0, 0, max(1, int(width * factor)), max(1, int(height * factor)))
        data = now.get_buffer().get(place, factor, pixels.format_name("u8", 4), Gegl.AbyssPolicy.CLAMP)
        return width, height, bytes(data)


# What was done


def step_between(old: GdkPixbuf.Pixbuf, new: GdkPixbuf.Pixbuf) -> Step | None:
    """Return what made the ``new`` picture of the ``old`` one, None if that is not to be seen.

    A picture of the same size that cannot be explained was painted on: it has its old shape.
    """
    size, other = (old.get_width(), old.get_height()), (new.get_width(), new.get_height())
    target = _small(new)
    scores = sorted(
        (_difference(_small(_held(old, *way)), target), number, way)
        for number, way in enumerate(product((False, True), range(4)))
        if size != other or way[1] % 2 == 0 or size[0] == size[1]
    )
    best, _number, way = scores[0]
    if size == other:
        as_it_was = next(score for score, _number, way in scores if way == (False, 0))
        if best > _SAME or as_it_was < _CLEARLY * best + 1.0:
            way = (False, 0)
        return Step(*way, size, (0, 0, *size))
    ways = [way] if best <= _SAME else [each for _score, _number, each in scores]
    for each in ways:
        held = _held(old, *each)
        if (found := _found(held, new)) is not None:  # cropped
            return Step(*each, _size(held), (*found, *other))
        if (found := _found(new, held)) is not None:  # enlarged
            return Step(*each, _size(held), (-found[0], -found[1], *other))
    return Step(*way, other, (0, 0, *other)) if best <= _SAME else None


def _size(picture: GdkPixbuf.Pixbuf) -> Size:
    return picture.get_width(), picture.get_height()


def _held(picture: GdkPixbuf.Pixbuf, mirrored: bool, quarters: int) -> GdkPixbuf.Pixbuf:
    held = picture.flip(True) if mirrored else picture
    return held.rotate_simple(GdkPixbuf.PixbufRotation(360 - 90 * quarters)) if quarters else held


def _small(picture: GdkPixbuf.Pixbuf) -> bytes:
    """Return the picture squeezed into a small square, on grey where it is transparent."""
    grey = 0x808080
    small = picture.composite_color_simple(_GLANCE, _GLANCE, GdkPixbuf.InterpType.BILINEAR, 255, 16, grey, grey)
    read = pixels.read_pixbuf(small)
    return bytes(value for at, value in enumerate(read.data) if read.channels == 3 or at % 4 != 3)


def _difference(one: bytes, other: bytes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def _found(whole: GdkPixbuf.Pixbuf, part: GdkPixbuf.Pixbuf) -> tuple[int, int] | None:
    """Return where in the ``whole`` the ``part`` is, pixel for pixel in most rows; None if it is not to be found."""
    (width, height), (across, down) = _size(whole), _size(part)
    if across > width or down > height:
        return None
    data, wanted = bytes(pixels.read_pixbuf(whole).data), bytes(pixels.read_pixbuf(part).data)
    stride = 4 * across
    rows = {row: wanted[row * stride : (row + 1) * stride] for row in _spread(down, _ROWS_SAMPLED)}
    # What has most to tell is found in the fewest wrong places; a row of one colour is found everywhere.
    telling = sorted(rows, key=lambda row: len(zlib.compress(rows[row], 1)), reverse=True)[:_ROWS_TRIED]
    for row in telling:
        if rows[row] == rows[row][:4] * across:
            return None
        for x, y in _places(data, rows[row], width):
            top = y - row
            if x + across > width or top < 0 or top + down > height:
                continue
            starts = {each: 4 * ((top + each) * width + x) for each in rows}
            same = sum(data[starts[each] : starts[each] + stride] == rows[each] for each in rows)
            if same >= _ROWS_SAME * len(rows):
                return x, top
    return None


def _spread(count: int, most: int) -> list[int]:
    return sorted({number * count // most for number in range(most)})


def _places(data: bytes, row: bytes, width: int) -> Iterator[tuple[int, int]]:
    """Yield where a row's pixels are in a picture's: x and y."""
    at = data.find(row)
    for _find in range(_MOST_FINDS):
        if at < 0:
            return
        if at % 4 == 0:
            yield at // 4 % width, at // 4 // width
        at = data.find(row, at + 1)


# The same for a picture


def brought(picture: Picture, area: Area, size: Size, steps: Sequence[Step]) -> Picture | None:
    """Return a picture of a layer's ``area`` after the layer went through ``steps``, None if nothing of it is left.

    ``size`` is the layer's before them. The picture may have fewer pixels than its area, and then has all of the new one's.
    """
    for step in steps:
        moved = _moved(area, size, step)
        if moved is None:
            return None
        scaled, area, size = moved
        window = (area[0] + step.window[0] - scaled[0], area[1] + step.window[1] - scaled[1], area[2], area[3])
        picture = _through(picture, Step(step.mirrored, step.quarters, (scaled[2], scaled[3]), window))
    return picture


def moved_area(area: Area, size: Size, steps: Sequence[Step]) -> Area | None:
    """Return where an area of a layer of ``size`` is after ``steps``, None if nothing of it is left."""
    for step in steps:
        moved = _moved(area, size, step)
        if moved is None:
            return None
        _scaled, area, size = moved
    return area


def _moved(area: Area, size: Size, step: Step) -> tuple[Area, Area, Size] | None:
    """Return where an area is once it is scaled, then where what is left of it is in the window, and the window's size."""
    turned = size if step.quarters % 2 == 0 else (size[1], size[0])
    scaled = scaled_area(step.turned(area, size), turned, step.size)
    x, y, across, down = step.window
    left, top = max(scaled[0], x), max(scaled[1], y)
    right, bottom = min(scaled[0] + scaled[2], x + across), min(scaled[1] + scaled[3], y + down)
    if right <= left or bottom <= top:
        return None
    return scaled, (left - x, top - y, right - left, bottom - top), (across, down)


def scaled_area(area: Area, size: Size, other: Size) -> Area:
    """Return an area of a picture of ``size`` in the same picture of the ``other`` size."""
    x, y = other[0] / size[0], other[1] / size[1]
    left, top = min(int(area[0] * x), other[0] - 1), min(int(area[1] * y), other[1] - 1)
    right, bottom = min(round((area[0] + area[2]) * x), other[0]), min(round((area[1] + area[3]) * y), other[1])
    return left, top, max(1, right - left), max(1, bottom - top)


def _through(picture: Picture, step: Step) -> Picture:
    """Return the picture after a step, which GIMP itself does, at its depth. Its numbers stay in the space they are in."""
    bases = {1: Gimp.ImageBaseType.GRAY, 3: Gimp.ImageBaseType.RGB, 4: Gimp.ImageBaseType.RGB}
    types = {1: Gimp.ImageType.GRAY_IMAGE, 3: Gimp.ImageType.RGB_IMAGE, 4: Gimp.ImageType.RGBA_IMAGE}
    channels, size = picture.channels, (picture.width, picture.height)
    form = pixels.format_name(picture.kind, channels).replace("R'G'B'", "Y'" if channels == 1 else "R'G'B'")
    image = Gimp.Image.new_with_precision(*size, bases[channels], pixels.precision(picture.kind))
    Gimp.context_push()
    try:
        Gimp.context_set_interpolation(Gimp.InterpolationType.CUBIC)  # as GIMP scales if it is asked for nothing else
        layer = Gimp.Layer.new(image, "", *size, types[channels], 100.0, Gimp.LayerMode.NORMAL)
        image.insert_layer(layer, None, 0)
        pixels.write_raw(layer.get_buffer(), size, form, bytes(picture.data))
        if step.mirrored:
            layer.transform_flip_simple(Gimp.OrientationType.HORIZONTAL, True, 0.0)
        if step.quarters:
            layer.transform_rotate_simple(_TURNS[step.quarters], True, 0.0, 0.0)
        if (layer.get_width(), layer.get_height()) != step.size:
            layer.scale(*step.size, False)
        x, y, across, down = step.window
        if (x, y, across, down) != (0, 0, *step.size):
            layer.resize(across, down, -x, -y)
        place = Gegl.Rectangle.new(0, 0, across, down)
        data = layer.get_buffer().get(place, 1.0, form, Gegl.AbyssPolicy.NONE)
        return Picture(across, down, channels, picture.kind, bytes(data))
    finally:
        Gimp.context_pop()
        image.delete()
