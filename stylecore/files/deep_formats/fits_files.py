"""FITS, in which astronomers keep measurements: numbers of any size, the lowest row first.

Pillow would take 16-bit numbers for unsigned ones, which they are not, and a cube of three colours for its first.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stylecore.files.pixels import sample_range
from stylecore.files.pixels.rows import EVERYTHING, Wanted, assemble
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels, finish

#: What a file begins with.
BEGINNINGS = (b"SIMPLE  =",)

# The standard's sizes (FITS 4.0, 3.1 and 4.1) and types (4.4.1).
_BLOCK, _CARD = 2880, 80
_TYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_MOST_BLOCKS = 1000


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture | None:
    """Read the first picture in a FITS file: the least number is black and the largest white, unless it is of bytes.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Returns:
        ``None`` if it is compressed, or there is none: Pillow is to say so.

    Raises:
        ValueError: the file is damaged.
    """
    with path.open("rb") as file:
        while (header := _header(file)) is not None:
            sizes = [int(header[f"NAXIS{axis}"]) for axis in range(1, int(header["NAXIS"]) + 1)]
            kind = np.dtype(_TYPES[int(header["BITPIX"])])
            is_picture = header.get("XTENSION", "'IMAGE").startswith("'IMAGE") and len(sizes) >= 2 and all(sizes)
            if is_picture:
                return _picture(file, sizes, kind, path, check, wanted)
            length = math.prod(sizes) * kind.itemsize if sizes else 0
            length += int(header.get("PCOUNT", 0))
            if length < 0:
                raise ValueError("its header is damaged")
            if "ZIMAGE" in header:
                return None
            file.seek(math.ceil(length / _BLOCK) * _BLOCK, 1)
    return None


def _header(file: BinaryIO) -> dict[str, str] | None:
    cards: dict[str, str] = {}
    for _ in range(_MOST_BLOCKS):
        block = file.read(_BLOCK)
        if len(block) < _BLOCK:
            break
        for begin in range(0, _BLOCK, _CARD):
            card = block[begin : begin + _CARD].decode("latin-1")
            if card.startswith("END     "):
                return cards
            if card[8:10] == "= ":
                cards[card[:8].strip()] = card[10:].split("/")[0].strip()
    return None


def _picture(
    file: BinaryIO, sizes: list[int], kind: np.dtype[Any], path: Path, check: CheckSize, wanted: Wanted
) -> Picture:
    width, height, *others = sizes
    if min(width, height) < 1:
        raise ValueError("its header is damaged")
    check(width, height)
    planes = math.prod(others)
    colours = 3 if others[:1] == [3] and planes == 3 else 1
    count = width * height * colours
    data = file.read(count * kind.itemsize)
    if len(data) < count * kind.itemsize:
        raise ValueError("it is cut off")
    samples = np.moveaxis(np.frombuffer(data, kind).reshape(colours, height, width), 0, -1)[::-1]
    samples = samples.astype(kind.newbyteorder("="))
    found = sample_range.stretched(samples, path)
    notes = [found.note] if found.note else []
    if planes > colours:
        notes.append(f"{path.name} has {planes:,} planes; the first is painted.")
    depth = {1: 8, 2: 16}.get(kind.itemsize, 32)

    def convert(rows: NDArray[Any]) -> Pixels:
        return finish(found.unit(rows), None, alpha=False)

    return Picture(assemble(samples, convert, wanted), depth, tuple(notes))
