"""JPEG 2000 of more than 8 bits in a channel, by imagecodecs (OpenJPEG); Pillow would cut colour down to 8."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from stylecore.files.metadata.iso_boxes import Box, boxes
from stylecore.files.pixels.rows import EVERYTHING, Wanted, assemble
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels, finish, unmultiplied

#: What a file begins with: one with boxes, and a bare code stream.
BEGINNINGS = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
_SRGB, _GREY = 16, 17
_KNOWN = (0, _SRGB, _GREY)


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    depths: tuple[int, ...]
    usual: bool  # no signed samples and none of a coarser grid


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture | None:
    """Read a JPEG 2000 of more than 8 bits in a channel; ``None`` for what Pillow is to read.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Raises:
        ValueError: it is damaged, or of a kind that is not read.
    """
    data = path.read_bytes()
    is_bare = data.startswith(BEGINNINGS[1])
    outer = {} if is_bare else _inside(data, Box(b"", 0, len(data)))
    if not is_bare and b"jp2c" not in outer:
        raise ValueError("it is cut off")
    header = _header(memoryview(data)[0 if is_bare else outer[b"jp2c"].start :])
    check(header.width, header.height)
    deepest = max(header.depths)
    if deepest <= 8 or not getattr(imagecodecs.JPEG2K, "available", False):
        return None
    profile, space, alpha = _colours(data, outer.get(b"jp2h", Box(b"", 0, 0)))
    count = len(header.depths)
    if space not in _KNOWN or not header.usual or len(set(header.depths)) > 1 or deepest > 16 or count > 5:
        raise ValueError("its channels are of a kind that is not read beyond 8 bits")
    samples = np.asarray(imagecodecs.jpeg2k_decode(data))
    if samples.ndim == 2:
        samples = samples[..., None]
    if alpha is None and count in (2, 4):
        alpha = 1  # a bare stream cannot say, and many writers do not; Pillow takes it so too
    colours = 1 if count < 3 else 3
    most = np.float32((1 << deepest) - 1)

    def convert(rows: NDArray[Any]) -> Pixels:
        channels = rows.astype(np.float32) / most
        if alpha is None or count <= colours:
            return finish(channels[..., :colours], profile, alpha=False)
        channels = channels[..., [*range(colours), count - 1]]
        return finish(unmultiplied(channels) if alpha == 2 else channels, profile, alpha=True)

    return Picture(assemble(samples, convert, wanted), 16)


def _header(stream: memoryview) -> _Header:
    """Return what the code stream says of its size (ISO/IEC 15444-1, A.5.1).

    Raises:
        ValueError: it is damaged.
    """
    try:
        right, bottom, left, top = struct.unpack_from(">4I", stream, 8)
        (count,) = struct.unpack_from(">H", stream, 40)
        components = [struct.unpack_from(">3B", stream, 42 + 3 * number) for number in range(count)]
    except struct.error:
        raise ValueError("it is cut off") from None
    if right <= left or bottom <= top or not components:
        raise ValueError("its header makes no sense")
    depths = tuple((precision & 0x7F) + 1 for precision, _, _ in components)
    usual = all(precision < 0x80 and (across, down) == (1, 1) for precision, across, down in components)
    return _Header(right - left, bottom - top, depths, usual)


def _inside(data: bytes, box: Box) -> dict[bytes, Box]:
    return {each.kind: each for each in boxes(io.BytesIO(data), box.start, box.end)}


def _colours(data: bytes, header: Box) -> tuple[bytes | None, int, int | None]:
    """Return the profile, the number of the colours' space, and the kind of the alpha if there is one (1, or 2 for one that
    the colours are multiplied by).
    """
    profile, space, alpha = None, 0, None
    for box in boxes(io.BytesIO(data), header.start, header.end):
        kind, content = box.kind, data[box.start : box.end]
        if kind == b"colr" and len(content) > 3 and not profile and not space:
            if content[0] == 2:
                profile = content[3:]
            elif content[0] == 1 and len(content) >= 7:
                space = int.from_bytes(content[3:7], "big")
        elif kind == b"cdef" and len(content) >= 2:
            entries = struct.iter_unpack(">3H", content[2 : 2 + (len(content) - 2) // 6 * 6])
            alpha = next((what for _, what, _ in entries if what in (1, 2)), None)
    return profile, space, alpha
