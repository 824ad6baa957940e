"""Radiance HDR (.hdr, .pic): light in floats with a common exponent, by imagecodecs.

What imagecodecs does not know is told apart here: the older way of packing, XYZ in place of RGB, and scanlines in another
order. The numbers are taken as they are: ``EXPOSURE`` says how somebody has already made the picture brighter.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from stylecore.files.pixels import colour_profiles
from stylecore.files.pixels.rows import EVERYTHING, Wanted, assemble
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels

#: What a file begins with.
BEGINNINGS = (b"#?RADIANCE", b"#?RGBE", b"#?AUTOPANO")
_MOST_HEADER = 1 << 16
_SIZE = re.compile(rb"\n\r?\n\s*([-+])([XY]) +(\d{1,6}) +([-+])([XY]) +(\d{1,6})\r?\n")
_CORNERS = re.compile(rb"^PRIMARIES=[ \t]*(.+?)\r?$", re.M)
#: EXIF's orientation for the order of scanlines and of the pixels in them, of which -Y +X is the usual one.
_TURNS = {
    (b"-Y", b"+X"): 1, (b"-Y", b"-X"): 2, (b"+Y", b"-X"): 3, (b"+Y", b"+X"): 4,
    (b"+X", b"-Y"): 5, (b"-X", b"-Y"): 6, (b"-X", b"+Y"): 7, (b"+X", b"+Y"): 8,
}  # fmt: skip


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture:
    """Read a Radiance HDR file as perceptual sRGB; light brighter than 1 becomes white.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Raises:
        ValueError: it is damaged.
    """
    data = path.read_bytes()
    found = _SIZE.search(data, 0, _MOST_HEADER)
    if found is None or {found[2], found[5]} != {b"X", b"Y"}:
        raise ValueError("its header says no size")
    header, body = data[: found.start() + 1], data[found.end() :]
    lines, length = int(found[3]), int(found[6])
    if not lines or not length:
        raise ValueError("it has no pixels")
    check(length, lines)
    orientation = _TURNS[found[1] + found[2], found[4] + found[5]]
    to_srgb = _matrix(header)

    def convert(light: NDArray[Any]) -> Pixels:
        light = np.nan_to_num(light, posinf=1.0, neginf=0.0)
        return colour_profiles.encode_srgb(light if to_srgb is None else (light @ to_srgb.T).astype(np.float32))

    return Picture(assemble(_light(body, length, lines), convert, wanted, orientation), 32)


def _matrix(header: bytes) -> NDArray[np.float64] | None:
    if b"FORMAT=32-bit_rle_xyze" in header:
        return np.linalg.inv(colour_profiles.SRGB_TO_XYZ)
    corners = _CORNERS.search(header)
    if corners is None:
        return None
    try:
        numbers = tuple(float(each) for each in corners[1].split())
    except ValueError:
        return None
    return colour_profiles.primaries_to_srgb(numbers) if colour_profiles.make_sense(numbers) else None


def _light(body: bytes, width: int, height: int) -> NDArray[np.float32]:
    """Return scanlines of floats: H × W × 3."""
    usual = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (height, width)
    try:
        return np.asarray(imagecodecs.rgbe_decode(usual + body))
    except imagecodecs.RgbeError:
        return _from_older(body, width, height)


def _from_older(body: bytes, width: int, height: int) -> NDArray[np.float32]:
    """Unpack the way of Radiance before 1991: a pixel of 1, 1, 1 and n stands for n more of the one before it."""
    pixels = np.frombuffer(body[: len(body) // 4 * 4], np.uint8).reshape(-1, 4)
    repeats = (pixels[:, :3] == 1).all(1)
    if not repeats.any() or repeats[0]:
        raise ValueError("it is damaged or cut off")
    place = np.arange(len(pixels))
    last_pixel = np.maximum.accumulate(np.where(repeats, 0, place))
    # Each further one in a row counts 256 times as much.
    shift = np.minimum(8 * (place - last_pixel - 1).clip(0), 24)
    counts = np.where(repeats, pixels[:, 3].astype(np.int64) << shift, 1)
    if counts.sum() < width * height:
        raise ValueError("it is cut off")
    needed = int(np.searchsorted(counts.cumsum(), width * height)) + 1
    over = int(counts[:needed].sum()) - width * height
    counts[needed - 1] -= over
    whole = np.repeat(pixels[last_pixel[:needed]], counts[:needed], axis=0).reshape(height, width, 4)
    scale = np.ldexp(np.float32(1), whole[..., 3:].astype(np.int32) - 136).astype(np.float32)
    return whole[..., :3].astype(np.float32) * np.where(whole[..., 3:] > 0, scale, np.float32(0))
