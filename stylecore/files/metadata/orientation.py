"""How a picture is to be turned, by what its metadata say; nothing else in them is looked at, and nothing can go wrong."""

from __future__ import annotations

import io
import re

from stylecore.files.metadata import exif

UPRIGHT = 1
_IN_XMP = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\s*[\"'<]")


def orientation(block: bytes | None, xmp: bytes | None = None) -> int:
    """Return EXIF's orientation, 1 to 8; XMP's where EXIF has none, as GIMP does; 1 (upright) if neither has one.

    Args:
        block: EXIF as it lies in a file, with or without ``Exif\\0\\0`` before it.
        xmp: the packet.
    """
    found = _of_exif(block) if block else None
    if found is None and xmp:
        match = _IN_XMP.search(xmp)
        found = int(match[1]) if match else None
    return UPRIGHT if found is None else found


def _of_exif(block: bytes) -> int | None:
    """Return what the first directory says, or ``None`` if it says nothing that makes sense."""
    begin = block[:64].rfind(b"Exif\0\0")  # some programs write it twice
    tags = exif.read(io.BytesIO(block if begin < 0 else block[begin + 6 :]))
    said = tags.get(exif.ORIENTATION)
    if not isinstance(said, tuple) or len(said) != 1 or said[0] not in range(1, 9):
        return None
    return int(said[0])
