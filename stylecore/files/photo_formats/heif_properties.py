"""What HEIC and AVIF say of their picture (ISO/IEC 23008-12) before it is decoded."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from stylecore.files.metadata.iso_boxes import Box, body_of, boxes
from stylecore.files.pixels.coded_colours import CodePoints

# Turned anticlockwise by so many quarters, then mirrored (at a level axis: 0, at an upright one: 1): EXIF's orientation.
_TURNS = {
    (0, None): 1, (1, None): 8, (2, None): 3, (3, None): 6,
    (0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7,
    (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5,
}  # fmt: skip


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


def heif(file: BinaryIO) -> Heif:
    """Return what the file says of the picture that it is opened with.

    Raises:
        ValueError: it says no size.
    """
    meta = _inside(file, Box(b"", 0, file.seek(0, os.SEEK_END))).get(b"meta")
    inner = _inside(file, meta._replace(start=meta.start + 4)) if meta else {}
    if b"pitm" not in inner or b"iprp" not in inner:
        raise ValueError("it names no picture")
    primary = body_of(file, inner[b"pitm"])
    number = int.from_bytes(primary[4:6] if primary[:1] == b"\0" else primary[4:8], "big")
    properties = _inside(file, inner[b"iprp"])
    if b"ipco" not in properties or b"ipma" not in properties:
        raise ValueError("it says nothing of its picture")
    container = properties[b"ipco"]
    every = [(box.kind, body_of(file, box)) for box in boxes(file, container.start, container.end)]
    places = _associated(body_of(file, properties[b"ipma"]), number)
    own = [every[place - 1] for place in places if 0 < place <= len(every)]
    size = next((content for kind, content in own if kind == b"ispe" and len(content) >= 12), None)
    if size is None:
        raise ValueError("it says no size")
    width, height = struct.unpack_from(">II", size, 4)
    turned = next((content[0] & 3 for kind, content in own if kind == b"irot" and content), 0)
    mirrored = next((content[0] & 1 for kind, content in own if kind == b"imir" and content), None)
    return Heif(width, height, _depth(own, every), _TURNS[turned, mirrored], _colours(own))


def _inside(file: BinaryIO, box: Box) -> dict[bytes, Box]:
    return {each.kind: each for each in boxes(file, box.start, box.end)}


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
