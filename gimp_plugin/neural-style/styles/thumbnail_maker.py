"""Makes thumbnails in a process of its own, since some of GdkPixbuf's loaders hold up the main loop of their process.

Reads pairs of lines (a picture's path, the thumbnail's) and answers each with a line, ``ok`` or ``failed``.
A thumbnail is raw pixels: SIZE × SIZE in RGB, the middle of the picture.
"""

from __future__ import annotations

import os
import sys

import gi

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, GLib

#: Side of a thumbnail in pixels.
SIZE = 192


def square(picture: GdkPixbuf.Pixbuf) -> bytes:
    """Return the raw pixels of a picture's thumbnail, transparency over a middle grey."""
    factor = SIZE / min(picture.get_width(), picture.get_height())
    width, height = (max(SIZE, round(side * factor)) for side in (picture.get_width(), picture.get_height()))
    scaled = picture.scale_simple(width, height, GdkPixbuf.InterpType.BILINEAR)
    if scaled.get_has_alpha():
        grey = 0xFF808080
        scaled = scaled.composite_color_simple(width, height, GdkPixbuf.InterpType.NEAREST, 255, 8, grey, grey)
    stride, channels, data = scaled.get_rowstride(), scaled.get_n_channels(), scaled.get_pixels()
    left, top = (width - SIZE) // 2, (height - SIZE) // 2
    rows = []
    for y in range(top, top + SIZE):
        row = data[y * stride + left * channels : y * stride + (left + SIZE) * channels]
        if channels == 4:
            row = bytes(value for place, value in enumerate(row) if place % 4 != 3)
        rows.append(row)
    return b"".join(rows)


def keep(thumbnail: bytes, place: str) -> None:
    """Write a thumbnail to its place in one go.

    Raises:
        OSError: it cannot be written.
    """
    new = f"{place}.{os.getpid()}"
    with open(new, "wb") as file:
        file.write(thumbnail)
    os.replace(new, place)


def main() -> None:
    """Answer until the input ends."""
    while path := sys.stdin.readline().rstrip("\n"):
        place = sys.stdin.readline().rstrip("\n")
        try:
            picture = GdkPixbuf.Pixbuf.new_from_file(path)
            keep(square(picture.apply_embedded_orientation() or picture), place)
            answer = "ok"
        except (GLib.Error, OSError) as error:
            print(f"neural-style: no thumbnail of {path}: {error}", file=sys.stderr)
            answer = "failed"
        print(answer, flush=True)


if __name__ == "__main__":
    main()
