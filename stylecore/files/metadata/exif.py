"""EXIF, which is a small TIFF: its tags read one by one, and written."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

#: What a tag holds, as it is read: text and raw bytes as bytes, numbers as floats (nan for a division by zero).
Value = bytes | tuple[float, ...]
#: What is written: text as bytes without its end, numbers.
Given = bytes | int | Fraction

SUBFILE_TYPE, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 254, 274, 282, 283, 296
SOFTWARE, ARTIST, XMP, COPYRIGHT, IPTC, PHOTOSHOP, EXIF_DIRECTORY = 305, 315, 700, 33432, 33723, 34377, 34665
XP_AUTHOR, VERSION, COLOUR_SPACE = 40093, 36864, 40961
#: The dates' tags by EXIF's names: those of the picture's directory, and those of the EXIF directory.
CHANGED = {"DateTime": 306}
DATES = {
    "DateTimeOriginal": 36867, "DateTimeDigitized": 36868, "OffsetTime": 36880, "OffsetTimeOriginal": 36881,
    "OffsetTimeDigitized": 36882, "SubSecTime": 37520, "SubSecTimeOriginal": 37521, "SubSecTimeDigitized": 37522,
}  # fmt: skip

_WANTED = {
    SUBFILE_TYPE, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, ARTIST, XMP, COPYRIGHT, IPTC, PHOTOSHOP,
    EXIF_DIRECTORY, XP_AUTHOR, *CHANGED.values(), *DATES.values(),
}  # fmt: skip
#: No more of a tag is read: XMP with the history of a much edited picture takes megabytes.
_MOST_BYTES = 32_000_000
_MOST_ENTRIES, _MOST_DIRECTORIES, _MOST_NUMBERS = 4096, 16, 16
_TEXT, _BYTES, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 2, 1, 3, 4, 5, 7
#: TIFF's types of numbers, in struct's letters; a rational is two.
_NUMBERS = {3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_RATIONALS = (5, 10)
#: The types of raw bytes; 129 is EXIF 3's text in UTF-8.
_RAW = (1, 2, 7, 129)
_TYPE_OF = {
    ORIENTATION: _SHORT, RESOLUTION_UNIT: _SHORT, COLOUR_SPACE: _SHORT, X_RESOLUTION: _RATIONAL, Y_RESOLUTION: _RATIONAL,
    XMP: _BYTES, VERSION: _UNDEFINED, EXIF_DIRECTORY: _LONG,
}  # fmt: skip


@dataclass(frozen=True)
class _Layout:
    """How a TIFF is laid out: struct's letter for its byte order, and whether it is a BigTIFF."""

    order: str
    big: bool

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.big else "H")

    @property
    def place(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def entry(self) -> str:
        """Struct's format of tag, type, count, and the value or its place."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")

    @property
    def first(self) -> int:
        """Where the header says where the first directory is."""
        return 8 if self.big else 4


_LAYOUTS = {
    b"II*\0": _Layout("<", big=False),
    b"MM\0*": _Layout(">", big=False),
    b"II+\0": _Layout("<", big=True),
    b"MM\0+": _Layout(">", big=True),
}


def read(file: BinaryIO) -> dict[int, Value]:
    """Return the wanted tags of a TIFF, or of an EXIF block without its ``Exif\\0\\0``.

    Each entry is taken by itself, and its lengths and places are not trusted: one that is damaged is left out, and the
    others stay. Of a thumbnail that comes first, only what the picture behind it does not say is taken.
    """
    head = bytes_at(file, 0, 16)
    layout = _LAYOUTS.get(head[:4])
    if layout is None:
        return {}
    place = _number(layout.place, head[layout.first :])
    found: dict[int, Value] = {}
    for _ in range(_MOST_DIRECTORIES):
        tags, place = _directory(file, layout, place)
        found.update(tags)
        if not _reduced(tags) or not place:
            break
    photo = found.pop(EXIF_DIRECTORY, ())
    if isinstance(photo, tuple) and photo:
        found = {**_directory(file, layout, int(photo[0]))[0], **found}
    return found


def encode(picture: Mapping[int, Given], photo: Mapping[int, Given]) -> bytes:
    """Return an EXIF block (without ``Exif\\0\\0``) of the picture's directory and the EXIF directory, by tags."""
    return add_to_tiff(struct.pack("<2sHIHI", b"II", 42, 8, 0, 0), picture, photo)


def add_to_tiff(tiff: bytes, picture: Mapping[int, Given], photo: Mapping[int, Given]) -> bytes:
    """Return a TIFF with these tags in its first directory, in place of its own, and an EXIF directory.

    Everything that the file holds stays where it is; the directories are put behind it.
    """
    layout, view = _LAYOUTS[tiff[:4]], memoryview(tiff)  # which is hundreds of megabytes, and not to be copied
    old = _number(layout.place, view[layout.first :])
    count = _number(layout.count, view[old:])
    start, size = old + struct.calcsize(layout.count), struct.calcsize(layout.entry)
    kept = {}
    for at in range(start, start + count * size, size):
        kept[_number(layout.order + "H", view[at:])] = bytes(view[at : at + size])
    following = bytes(view[start + count * size :][: struct.calcsize(layout.place)])
    tail = bytes(-len(tiff) % 8)  # directories begin at even places
    if photo:
        picture = {**picture, EXIF_DIRECTORY: len(tiff) + len(tail)}
        tail += _written(layout, len(tiff) + len(tail), photo, {}, bytes(len(following)))
    first = len(tiff) + len(tail)
    tail += _written(layout, first, picture, kept, following)
    pointer = struct.pack(layout.place, first)
    return b"".join((view[: layout.first], pointer, view[layout.first + len(pointer) :], tail))


def _written(layout: _Layout, place: int, tags: Mapping[int, Given], kept: Mapping[int, bytes], following: bytes) -> bytes:
    """Return a directory that is to lie at ``place``, with what does not fit into its entries behind it."""
    room = struct.calcsize(layout.place)
    entries = dict(kept)
    behind = place + struct.calcsize(layout.count) + struct.calcsize(layout.entry) * len({*tags, *kept}) + room
    values = b""
    for tag, value in tags.items():
        kind = _TYPE_OF.get(tag, _TEXT)
        if isinstance(value, bytes):
            data, count = (value + b"\0", len(value) + 1) if kind == _TEXT else (value, len(value))
        elif isinstance(value, Fraction):
            data, count = struct.pack(layout.order + "II", value.numerator, value.denominator), 1
        else:
            kind = 18 if kind == _LONG and layout.big else kind
            data, count = struct.pack(layout.order + _NUMBERS[kind], value), 1
        if len(data) > room:
            values += bytes(-len(values) % 8)
            said = struct.pack(layout.place, behind + len(values))
            values += data
        else:
            said = data.ljust(room, b"\0")
        entries[tag] = struct.pack(layout.entry, tag, kind, count, said)
    listed = b"".join(entries[tag] for tag in sorted(entries))
    return struct.pack(layout.count, len(entries)) + listed + following + values + bytes(-len(values) % 8)


def _directory(file: BinaryIO, layout: _Layout, place: int) -> tuple[dict[int, Value], int]:
    """Return a directory's wanted tags, and where the next one is; 0 for none."""
    head = struct.calcsize(layout.count)
    count = _number(layout.count, bytes_at(file, place, head)) if place else 0
    size = struct.calcsize(layout.entry)
    if count > _MOST_ENTRIES:
        return {}, 0
    listed = bytes_at(file, place + head, count * size + struct.calcsize(layout.place))
    found: dict[int, Value] = {}
    for at in range(0, min(count * size, len(listed) - size + 1), size):
        tag, kind, number, said = struct.unpack_from(layout.entry, listed, at)
        if tag in _WANTED and tag not in found:
            value = _value(file, layout, kind, number, said)
            if value is not None:
                found[tag] = value
    return found, _number(layout.place, listed[count * size :])


def _value(file: BinaryIO, layout: _Layout, kind: int, count: int, said: bytes) -> Value | None:
    """Return what an entry holds; ``None`` for no type that is known, and for what goes on beyond the file's end."""
    letters = _NUMBERS.get(kind, "")
    if kind not in _RAW and not letters:
        return None
    unit = struct.calcsize(layout.order + letters) if letters else 1
    size = unit * min(count, _MOST_NUMBERS if letters else _MOST_BYTES)
    data = said[:size]
    if count * unit > len(said):
        data = bytes_at(file, _number(layout.place, said), size)
        if len(data) < size:
            return None
    if not letters:
        return data
    numbers = [float(number) for number in struct.unpack(layout.order + letters * (size // unit), data)]
    if kind in _RATIONALS:
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        return tuple(over / under if under else float("nan") for over, under in pairs)
    return tuple(numbers)


def bytes_at(file: BinaryIO, place: int, size: int) -> bytes:
    """Return as many of ``size`` bytes as the file has at ``place``, which may lie anywhere."""
    if place >= file.seek(0, os.SEEK_END):
        return b""
    file.seek(place)
    return file.read(size)


def _number(form: str, data: bytes | memoryview) -> int:
    """Return the whole number at the beginning of ``data``; 0 if it is cut off."""
    size = struct.calcsize(form)
    return int(struct.unpack(form, data[:size])[0]) if len(data) >= size else 0


def _reduced(tags: Mapping[int, Value]) -> bool:
    """Return whether a directory is that of a smaller copy of the picture."""
    said = tags.get(SUBFILE_TYPE)
    return isinstance(said, tuple) and bool(said) and said[0] % 2 == 1
