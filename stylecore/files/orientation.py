"""How a picture is to be turned, by what its metadata say; nothing else in them is looked at, and nothing can go wrong."""

from __future__ import annotations

import re
import struct

UPRIGHT = 1
_TAG = 0x0112
# Its kind is a SHORT; some programs write a LONG.
_KINDS = {3: "H", 4: "I"}
_IN_XMP = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\s*[\"'<]")


def orientation(exif: bytes | None, xmp: bytes | None = None) -> int:
    """Return EXIF's orientation, 1 to 8; XMP's where EXIF has none, as GIMP does; 1 (upright) if neither has one.

    Args:
        exif: the block as it lies in a file, with or without ``Exif\\0\\0`` before it.
        xmp: the packet.
    """
    found = _of_exif(exif) if exif else None
    if found is None and xmp:
        match = _IN_XMP.search(xmp)
        found = int(match[1]) if match else None
    return UPRIGHT if found is None else found


def _of_exif(block: bytes) -> int | None:
    """Return what the first folder of tags says, or ``None`` if it says nothing that makes sense."""
    begin = block[:64].find(b"Exif\0\0")  # some programs write it twice
    if begin >= 0:
        block = block[begin + 6 :]
        if block.startswith(b"Exif\0\0"):
            block = block[6:]
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return None
    try:
        (folder,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, folder)
        for number in range(count):
            place = folder + 2 + 12 * number
            tag, kind, values = struct.unpack_from(order + "HHI", block, place)
            if tag != _TAG:
                continue
            if kind not in _KINDS or values != 1:
                return None
            (value,) = struct.unpack_from(order + _KINDS[kind], block, place + 8)
            return value if 1 <= value <= 8 else None
    except struct.error:  # cut off
        pass
    return None
