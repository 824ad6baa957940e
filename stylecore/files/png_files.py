"""PNG of 16 bits in a channel, by imagecodecs (libpng); Pillow would cut colour down to 8 bits."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image

from stylecore.files import colour_profiles
from stylecore.files.samples import CheckSize, Picture, Pixels, finish, turn

#: What a file begins with.
BEGINNINGS = (b"\x89PNG\r\n\x1a\n",)
_AFTER_HEADER = 33


def read(path: Path, check: CheckSize) -> Picture | None:
    """Read a PNG of 16 bits in a channel; ``None`` for what Pillow is to read.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
    """
    data = path.read_bytes()
    if len(data) < _AFTER_HEADER or data[24] != 16:
        return None
    width, height = struct.unpack(">II", data[16:24])
    check(width, height)
    with Image.open(io.BytesIO(data)) as file:
        profile, orientation = file.info.get("icc_profile"), file.getexif().get(0x0112, 1)
    samples = np.asarray(imagecodecs.png_decode(data))
    if samples.ndim == 2:
        samples = samples[..., None]
    pixels = finish(samples, profile, alpha=samples.shape[2] in (2, 4))
    return Picture(np.ascontiguousarray(turn(pixels, orientation)), 16)


def encode(pixels: Pixels) -> bytes:
    """Return H × W × 3 or 4 float32 in [0, 1] (sRGB) as a PNG of 16 bits in a channel, with its profile."""
    samples = (pixels * 65535).round().astype(np.uint16)
    return _with_profile(bytes(imagecodecs.png_encode(np.ascontiguousarray(samples), level=6)))


def _with_profile(png: bytes) -> bytes:
    """Return a PNG with sRGB's profile in an iCCP chunk behind its header (PNG specification, 11.3.2.3)."""
    body = b"iCCP" + b"sRGB\0\0" + zlib.compress(colour_profiles.SRGB)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_AFTER_HEADER] + chunk + png[_AFTER_HEADER:]
