"""Boxes that files are made of (ISO/IEC 14496-12): HEIC, AVIF, JPEG 2000 and JPEG XL; and HEIF's picture among them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from stylecore.files.coded_colours import CodePoints

# Turned anticlockwise by so many quarters, then mirrored (at a level axis: 0, at an upright one: 1): EXIF's orientation.
_TURNS = {
    (0, None): 1, (1, None): 8, (2, None): 3, (3, None): 6,
    (0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7,
    (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5,
}  # fmt: skip


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the four letters and the content of each box that lies whole in ``data``; the last may go on to its end."""
    place = 0
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        begin = 8
        if length == 1 and place + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, place + 8)
            begin = 16
        elif length == 0:
            length = len(data) - place
        if length < begin or place + length > len(data):
            return
        yield kind, data[place + begin : place + length]
        place += length


def first(data: bytes, kind: bytes) -> bytes | None:
    """Return the content of the first box of a kind."""
    return next((content for each, content in boxes(data) if each == kind), None)


@dataclass(frozen=True)
class Heif:
    """What HEIC or AVIF says of its picture.

    Its size before it is turned, the bits in a channel, how it is to be turned (as EXIF's orientation), and its colours: an
    ICC profile, code points, or ``None`` if nothing is said.
    """

    width: int
    height: int
    depth: int = 8
    orientation: int = 1
    colours: bytes | CodePoints | None = None


def heif(data: bytes) -> Heif:
    """Return what the file says of the picture that it is opened with (ISO/IEC 23008-12).

    Raises:
        ValueError: it says no size.
    """
    meta = first(data, b"meta")
    inner = dict(boxes(meta[4:])) if meta else {}
    if b"pitm" not in inner or b"iprp" not in inner:
        raise ValueError("it names no picture")
    primary = inner[b"pitm"]
    number = int.from_bytes(primary[4:6] if primary[:1] == b"\0" else primary[4:8], "big")
    properties = dict(boxes(inner[b"iprp"]))
    every = list(boxes(properties.get(b"ipco", b"")))
    own = [every[i - 1] for i in _associated(properties.get(b"ipma", b""), number) if 0 < i <= len(every)]
    size = next((content for kind, content in own if kind == b"ispe" and len(content) >= 12), None)
    if size is None:
        raise ValueError("it says no size")
    width, height = struct.unpack_from(">II", size, 4)
    turned = next((content[0] & 3 for kind, content in own if kind == b"irot" and content), 0)
    mirrored = next((content[0] & 1 for kind, content in own if kind == b"imir" and content), None)
    return Heif(width, height, _depth(own, every), _TURNS[turned, mirrored], _colours(own))


def _associated(content: bytes, number: int) -> list[int]:
    """Return the places, from 1, of the properties that belong to an item."""
    try:
        version, flags = content[0], content[3]
        (count,) = struct.unpack_from(">I", content, 4)
        place = 8
        for _ in range(count):
            (item,) = struct.unpack_from(">H" if version < 1 else ">I", content, place)
            place += 2 if version < 1 else 4
            found, size = content[place], 2 if flags & 1 else 1
            places = [
                int.from_bytes(content[place + 1 + size * i : place + 1 + size * (i + 1)], "big")
                & (0x7FFF if size == 2 else 0x7F)
                for i in range(found)
            ]
            if item == number:
                return places
            place += 1 + size * found
    except (struct.error, IndexError):
        pass
    return []


def _depth(own: list[tuple[bytes, bytes]], every: list[tuple[bytes, bytes]]) -> int:
    """Return the bits in a channel; of a picture that is put together from tiles, theirs."""
    for kind, content in own:
        if kind == b"pixi" and len(content) > 5:
            return content[5]
    for kind, content in (*own, *every):
        if kind == b"av1C" and len(content) > 2:
            return (12 if content[2] & 0x20 else 10) if content[2] & 0x40 else 8
        if kind == b"hvcC" and len(content) > 17:
            return 8 + (content[17] & 7)
    return 8


def _colours(own: list[tuple[bytes, bytes]]) -> bytes | CodePoints | None:
    """Return the profile, and where there is none the code points."""
    said = [content for kind, content in own if kind == b"colr"]
    for content in said:
        if content[:4] in (b"prof", b"rICC"):
            return content[4:]
    for content in said:
        if content[:4] == b"nclx" and len(content) >= 10:
            # The range is that of the stored brightness, which a decoder has made whole.
            return CodePoints(*struct.unpack_from(">HH", content, 4))
    return None
