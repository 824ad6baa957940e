"""WebP by imagecodecs (libwebp), which decodes a still picture in a third of the memory that Pillow takes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from stylecore.files.metadata.orientation import orientation
from stylecore.files.pixels.rows import EVERYTHING, Wanted, assemble
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels, finish

_ANIMATED = 0x02


def reads(head: bytes) -> bool:
    """Return whether these first bytes are those of a WebP."""
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture | None:
    """Read a WebP; ``None`` for an animation, which Pillow is to read.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Raises:
        ValueError: it is damaged.
    """
    data = path.read_bytes()
    chunks = _chunks(data)
    extended = chunks.get(b"VP8X", b"")
    is_animated = len(extended) >= 10 and bool(extended[0] & _ANIMATED)
    if is_animated or not getattr(imagecodecs.WEBP, "available", False):
        return None
    check(*_size(chunks))
    profile = chunks.get(b"ICCP")
    samples = np.asarray(imagecodecs.webp_decode(data))

    def convert(rows: NDArray[Any]) -> Pixels:
        return finish(rows, profile, alpha=rows.shape[2] == 4)

    return Picture(assemble(samples, convert, wanted, orientation(chunks.get(b"EXIF"), chunks.get(b"XMP "))))


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the first chunk of each kind (RFC 9649, section 2.3); of the picture's, the beginning."""
    found: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, place)
        content = data[place + 8 : place + 8 + min(length, 32 if kind in (b"VP8 ", b"VP8L", b"ALPH") else length)]
        found.setdefault(kind, content)
        place += 8 + length + length % 2
    return found


def _size(chunks: dict[bytes, bytes]) -> tuple[int, int]:
    """Return width and height, the larger of what the container and the picture say."""
    sizes = []
    if len(extended := chunks.get(b"VP8X", b"")) >= 10:
        sizes.append((1 + int.from_bytes(extended[4:7], "little"), 1 + int.from_bytes(extended[7:10], "little")))
    if len(lossy := chunks.get(b"VP8 ", b"")) >= 10:
        width, height = struct.unpack_from("<HH", lossy, 6)
        sizes.append((width & 0x3FFF, height & 0x3FFF))
    if len(lossless := chunks.get(b"VP8L", b"")) >= 5:
        bits = int.from_bytes(lossless[1:5], "little")
        sizes.append((1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)))
    if not sizes:
        raise ValueError("it has no picture")
    return max(width for width, _ in sizes), max(height for _, height in sizes)
