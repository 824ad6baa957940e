"""Files made of boxes (ISO 15444-12): JPEG 2000, JPEG XL, AVIF and HEIC; what they say beside their pixels."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO, NamedTuple

import imagecodecs

from stylecore.files.metadata.exif import bytes_at

#: What a file begins with, behind the first box's length.
BEGINNINGS = (b"jP  \r\n\x87\n", b"JXL \r\n\x87\n", b"ftyp")
_UUID_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_UUID_EXIF = b"JpgTiffExif->JP2"
#: No more of a block is read, and no more boxes.
_MOST_BYTES, _MOST_BOXES, _MOST_ITEMS = 32_000_000, 4096, 4096
_METRE = Fraction(10_000, 254)  # in inches


class Found(NamedTuple):
    """Blocks of a file, empty for none, and its resolution in pixels per inch across and down."""

    exif: bytes = b""
    xmp: bytes = b""
    resolution: tuple[float, float] | None = None


class Box(NamedTuple):
    """Four letters, and where in the file the content is."""

    kind: bytes
    start: int  # of its body
    end: int


def read(file: BinaryIO) -> Found:
    """Return what such a file says beside its pixels; lengths and places are not trusted."""
    exif = xmp = b""
    resolution = None
    for box in boxes(file, 0, file.seek(0, os.SEEK_END)):
        if box.kind == b"uuid":
            body = body_of(file, box)
            if body.startswith(_UUID_XMP):
                xmp = xmp or body[16:]
            elif body.startswith(_UUID_EXIF):
                exif = exif or body[16:]
        elif box.kind in (b"xml ", b"Exif", b"brob"):
            kind, body = _unpacked(box.kind, body_of(file, box))
            if kind == b"Exif":
                exif = exif or _behind_offset(body)
            elif kind == b"xml " and b"http://www.w3.org/1999/02/22-rdf-syntax-ns#" in body:
                xmp = xmp or body
        elif box.kind == b"meta" and not (exif or xmp):
            exif, xmp = _items(file, box)
        elif box.kind == b"jp2h":
            resolution = _resolution(file, box)
    return Found(exif, xmp, resolution)


def with_metadata(jp2: bytes, exif: bytes, xmp: bytes, resolution: tuple[float, float] | None) -> bytes:
    """Return a JPEG 2000 file with these blocks, and with its resolution in pixels per inch across and down."""
    parts, place = [], 0
    while place < len(jp2):
        length, kind = struct.unpack_from(">I4s", jp2, place)
        if kind == b"jp2c":  # the picture itself, up to the end
            parts += [_box(b"uuid", code + block) for code, block in ((_UUID_EXIF, exif), (_UUID_XMP, xmp)) if block]
            parts.append(jp2[place:])
            break
        box = jp2[place : place + length]
        if kind == b"jp2h" and resolution is not None:
            box = _box(kind, box[8:] + _box(b"res ", _box(b"resc", _per_metre(resolution))))
        parts.append(box)
        place += length
    return b"".join(parts)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def _per_metre(resolution: tuple[float, float]) -> bytes:
    """Return the body of a resolution box: down, then across, as fractions of 16 bits, and their powers of ten."""
    numbers: list[int] = []
    for each in reversed(resolution):
        value = Fraction(each) * _METRE
        power = 0 if value < 65_536 else 2
        value /= 10**power
        fraction = value.limit_denominator(max(1, 65_535 // max(1, int(value) + 1)))
        numbers += [min(fraction.numerator, 65_535), fraction.denominator, power]
    down, across = numbers[:3], numbers[3:]
    return struct.pack(">4H2b", *down[:2], *across[:2], down[2], across[2])


def _resolution(file: BinaryIO, header: Box) -> tuple[float, float] | None:
    """Return what JPEG 2000's header says, the resolution it is to be shown with before the one it was captured with."""
    said = {}
    for box in boxes(file, header.start, header.end):
        if box.kind == b"res ":
            said.update({each.kind: body_of(file, each) for each in boxes(file, box.start, box.end)})
    for kind in (b"resd", b"resc"):
        if len(said.get(kind, b"")) == 10:
            over, under, over_across, under_across, power, power_across = struct.unpack(">4H2b", said[kind])
            if under and under_across:
                across = over_across / under_across * 10.0**power_across
                return across / float(_METRE), over / under * 10.0**power / float(_METRE)
    return None


def _items(file: BinaryIO, meta: Box) -> tuple[bytes, bytes]:
    """Return AVIF's and HEIC's EXIF and XMP, which are items of their ``meta`` box."""
    inside = {box.kind: box for box in boxes(file, meta.start + 4, meta.end)}
    if b"iinf" not in inside or b"iloc" not in inside:
        return b"", b""
    places = _places(body_of(file, inside[b"iloc"]))
    data = inside.get(b"idat")
    exif = xmp = b""
    listed = inside[b"iinf"]
    version = bytes_at(file, listed.start, 1)
    for box in boxes(file, listed.start + (6 if version == b"\0" else 8), listed.end):
        body = body_of(file, box)
        if box.kind != b"infe" or len(body) < 12 or body[0] not in (2, 3):
            continue
        number = int.from_bytes(body[4:6] if body[0] == 2 else body[4:8], "big")
        kind, rest = (body[8:12], body[12:]) if body[0] == 2 else (body[10:14], body[14:])
        is_xmp = kind == b"mime" and rest.split(b"\0")[1:2] == [b"application/rdf+xml"]
        if (kind != b"Exif" and not is_xmp) or number not in places:
            continue
        in_data, extents = places[number]
        start = data.start if in_data and data else 0
        block = b"".join(bytes_at(file, start + place, min(size or _MOST_BYTES, _MOST_BYTES)) for place, size in extents)
        if is_xmp:
            xmp = xmp or block
        else:
            exif = exif or _behind_offset(block)
    return exif, xmp


def _places(body: bytes) -> dict[int, tuple[bool, list[tuple[int, int]]]]:
    """Return where items lie: for each whether in the ``idat`` box, and the places and lengths of its parts."""
    at = 4

    def number(size: int) -> int:
        nonlocal at
        if at + size > len(body):
            raise _Cut
        at += size
        return int.from_bytes(body[at - size : at], "big")

    found: dict[int, tuple[bool, list[tuple[int, int]]]] = {}
    try:
        version = body[0] if body else 0
        sizes = number(2)
        of_place, of_length, of_base, of_index = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15
        for _ in range(min(number(4 if version == 2 else 2), _MOST_ITEMS)):
            item = number(4 if version == 2 else 2)
            method = number(2) & 15 if version else 0
            number(2)  # in which file: this one
            base = number(of_base)
            extents = []
            for _ in range(min(number(2), _MOST_ITEMS)):
                if version:
                    number(of_index)
                place = number(of_place)
                extents.append((base + place, number(of_length)))
            if method in (0, 1):
                found[item] = (method == 1, extents)
    except _Cut:
        pass  # the items before are known
    return found


class _Cut(Exception):
    """A list ends before its time."""


def boxes(file: BinaryIO, place: int, end: int) -> Iterator[Box]:
    """Yield the boxes that lie between two places of a file; what is cut off ends where they do."""
    for _ in range(_MOST_BOXES):
        head = bytes_at(file, place, 16)
        if place + 8 > end or len(head) < 8:
            return
        length, kind = struct.unpack_from(">I4s", head)
        start = place + 8
        if length == 1 and len(head) == 16:
            length, start = int.from_bytes(head[8:], "big"), place + 16
        stop = end if length == 0 else place + length
        if stop < start:
            return
        yield Box(kind, start, min(stop, end))
        place = stop


def body_of(file: BinaryIO, box: Box) -> bytes:
    """Return a box's content, or the beginning of a very large one."""
    return bytes_at(file, box.start, min(box.end - box.start, _MOST_BYTES))


def _unpacked(kind: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Return a box's kind and body, which JPEG XL may have packed."""
    if kind != b"brob":
        return kind, body
    try:
        return body[:4], bytes(imagecodecs.brotli_decode(body[4:], out=_MOST_BYTES))
    except (imagecodecs.BrotliError, ValueError):
        return b"", b""


def _behind_offset(block: bytes) -> bytes:
    """Return EXIF behind the number that says where in the block it begins."""
    return block[4 + min(int.from_bytes(block[:4], "big"), len(block)) :]
