"""Netpbm's portable pictures beyond 8 bits, with transparency (PAM) and as floats (PFM); Pillow reads the rest."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylecore.files.pixels import colour_profiles, sample_range
from stylecore.files.pixels.rows import EVERYTHING, Wanted, assemble
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels, finish

#: What a file begins with: grey and colour as text and as bytes, any number of channels, and floats.
BEGINNINGS = (b"P2", b"P3", b"P5", b"P6", b"P7", b"PF", b"Pf")

_CHANNELS = {b"P2": 1, b"P3": 3, b"P5": 1, b"P6": 3, b"PF": 3, b"Pf": 1}
#: Numbers in a header are parted by white space, and by comments to the end of a line.
_GAP = rb"(?:\s|#[^\n]*\n)+"
_WORDS = re.compile(rb"P[2356Ff]" + (_GAP + rb"([-+.0-9eE]+)") * 3 + rb"\s")
_PAM = re.compile(rb"P7\s.*?ENDHDR[^\n]*\n", re.DOTALL)
_MOST_HEADER = 1 << 16
_COMMENT = re.compile(rb"#[^\n]*")


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture | None:
    """Read a portable picture.

    Floats (PFM) are light, as for GIMP.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Returns:
        ``None`` for what Pillow is to read.

    Raises:
        ValueError: the file is cut off or damaged.
    """
    data = path.read_bytes()
    kind = data[:2]
    if kind == b"P7":
        return _pam(data, check, wanted)
    header = _WORDS.match(data[:_MOST_HEADER])
    if header is None:
        return None
    width, height = int(header[1]), int(header[2])
    body, channels = memoryview(data)[header.end() :], _CHANNELS[kind]
    if kind in (b"PF", b"Pf"):
        check(width, height)
        return _floats(body, (height, width, channels), float(header[3]), path, wanted)
    most = int(header[3])
    if not 255 < most < 65536:
        return None
    check(width, height)
    if kind in (b"P2", b"P3"):
        words = _COMMENT.sub(b"", bytes(body)).split()[: width * height * channels]
        numbers = np.fromiter(map(int, words), np.int64, len(words))
    else:
        numbers = np.frombuffer(body[: width * height * channels * 2], ">u2")
    return _integers(numbers, (height, width, channels), most, wanted)


def _integers(numbers: NDArray[Any], shape: tuple[int, int, int], most: int, wanted: Wanted) -> Picture:
    _check_count(numbers, shape)

    def convert(rows: NDArray[Any]) -> Pixels:
        return finish((rows / np.float32(most)).astype(np.float32), None, alpha=shape[2] in (2, 4))

    return Picture(assemble(numbers.reshape(shape), convert, wanted), 8 if most < 256 else 16)


def _check_count(numbers: NDArray[Any], shape: tuple[int, int, int]) -> None:
    if min(shape) < 1 or numbers.size < math.prod(shape):
        raise ValueError("it is cut off")


def _floats(body: memoryview, shape: tuple[int, int, int], scale: float, path: Path, wanted: Wanted) -> Picture:
    numbers = np.frombuffer(body[: math.prod(shape) * 4], "<f4" if scale < 0 else ">f4")
    _check_count(numbers, shape)
    samples = numbers.reshape(shape)[::-1].astype(np.float32) * np.float32(abs(scale) or 1)
    found = sample_range.of(samples, path)

    def convert(rows: NDArray[Any]) -> Pixels:
        light = found.unit(rows)
        return finish(light if found.guessed else colour_profiles.encode_srgb(light), None, alpha=False)

    return Picture(assemble(samples, convert, wanted), 32, (found.note,) if found.note else ())


def _pam(data: bytes, check: CheckSize, wanted: Wanted) -> Picture:
    header = _PAM.match(data[:_MOST_HEADER])
    if header is None:
        raise ValueError("its header is damaged")
    words = dict(line.split(None, 1) for line in header[0].splitlines() if len(line.split(None, 1)) == 2)
    height, width, channels, most = (int(words[name]) for name in (b"HEIGHT", b"WIDTH", b"DEPTH", b"MAXVAL"))
    if not 1 <= channels <= 4 or not 0 < most < 65536:
        raise ValueError(f"it has {channels} channels of numbers to {most}")
    check(width, height)
    size = 1 if most < 256 else 2
    numbers = np.frombuffer(memoryview(data)[header.end() :][: width * height * channels * size], f">u{size}")
    return _integers(numbers, (height, width, channels), most, wanted)
