"""JPEG: of 8 bits by Pillow, of others by imagecodecs (both libjpeg-turbo).

They are given what they decode and nothing else (:mod:`stylecore.files.photo_formats.jpeg_parts`), so that no odd value in
EXIF or in a camera maker's notes, and no second picture behind the first, can stop them.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylecore.files.photo_formats import jpeg_parts
from stylecore.files.photo_formats.jpeg_parts import Parts
from stylecore.files.pixels.rows import EVERYTHING, Assembly, Wanted, assemble, steps
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels, finish

#: What a file begins with.
BEGINNINGS = (jpeg_parts.SIGNATURE + b"\xff",)
#: A picture that lacks more than this share of its pixels is not painted.
_MOST_MISSING = 0.05
# What a decoder takes for pixels where a file goes on, and does not miss where it was complete.
_GARBAGE = bytes(range(1, 255)) * 32


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture:
    """Read a JPEG.

    One whose end is missing is read if next to nothing else is, as GIMP does, and said so in a note.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Raises:
        ValueError: it is no picture, or more of it is missing.
    """
    return picture(path.read_bytes(), path.name, check, wanted)


def picture(data: bytes, name: str, check: CheckSize, wanted: Wanted) -> Picture:
    """Return what :func:`read` does, of the bytes of a file of this name."""
    found = jpeg_parts.parts(data)
    check(found.width, found.height)
    notes = () if found.is_whole else _mend(found, name)
    found.data += jpeg_parts.END
    if found.precision == 8:
        return Picture(_by_pillow(found, wanted), 8, notes)
    return Picture(_by_imagecodecs(found, wanted), 16 if found.precision > 8 else 8, notes)


def _by_pillow(found: Parts, wanted: Wanted) -> Pixels:
    with _open(found.data) as image:
        full = wanted.reduction(*image.size)
        # It decodes straight to a half, a quarter or an eighth.
        scale = image.width
        image.draft(None, wanted.smallest(*image.size))
        scale = round(scale / image.width)
        found.data.clear()
        image.load()
        reduction = max(1, full // scale)
        assembly = Assembly(*image.size, reduction, found.orientation)
        for top, bottom in steps(*image.size, reduction):
            samples = np.asarray(image.crop((0, top, image.width, bottom)))
            assembly.add(_finished(samples if samples.ndim == 3 else samples[..., None], found.profile))
        return assembly.pixels()


def _by_imagecodecs(found: Parts, wanted: Wanted) -> Pixels:
    samples = _decoded(found.data)
    most = np.float32((1 << found.precision) - 1)

    def convert(rows: NDArray[Any]) -> Pixels:
        floats = rows.astype(np.float32) / most
        if rows.shape[2] == 4 and found.has_adobe:
            floats = 1 - floats  # Adobe's ink is upside down
        return _finished(floats, found.profile)

    return assemble(samples, convert, wanted, found.orientation)


def _finished(samples: NDArray[Any], profile: bytes | None) -> Pixels:
    return finish(samples, profile, alpha=False)


def _open(data: bytes | bytearray) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["JPEG"])


def _decoded(data: bytes | bytearray) -> NDArray[Any]:
    samples = np.asarray(imagecodecs.jpeg8_decode(bytes(data)))
    return samples if samples.ndim == 3 else samples[..., None]


def _mend(found: Parts, name: str) -> tuple[str, ...]:
    """Find out what is missing of a JPEG without its end, and bring it into a state in which the rest can be decoded.

    A decoder fills up what is missing with grey. What is not grey where the file goes on with any bytes, was there.

    Raises:
        ValueError: too much is missing.
    """
    if not found.has_begun_all:
        raise ValueError("it is cut off")
    data = found.data.rstrip(b"\0")  # some programs reserve the room before they write
    found.data[len(data.rstrip(b"\xff")) :] = b""
    with_grey, with_garbage = (_sketch(found, found.data + rest + jpeg_parts.END) for rest in (b"", _GARBAGE))
    differs = (with_grey != with_garbage).any(2)
    if not differs.any():
        return ()
    if found.is_progressive:
        return (f"{name} is cut off; it lacks some of its finest detail.",)
    missing = _missing(differs, found)
    if missing > _MOST_MISSING:
        raise ValueError(f"it is cut off: about {100 * missing:.0f} % of it is missing")
    return (f"{name} is cut off; about {max(0.1, 100 * missing):.1f} % of it is missing, and gray.",)


def _missing(differs: NDArray[np.bool_], found: Parts) -> float:
    """Return the share of a picture that comes behind the first difference, by where that is."""
    if differs.shape[0] == found.height:  # in the middle of blocks, since colour of half the size runs over their borders
        differs = differs[min(4, found.height - 1) :: 8, min(4, found.width - 1) :: 8]
    if not differs.any():
        return 0.0
    # What is missing lies to the right in a band of blocks, and in all bands below.
    height, width = differs.shape
    band = max(1, found.band // 8)
    top = int(differs.any(1).argmax()) // band * band
    left = int(differs[top : top + band].any(0).argmax())
    return 1 - (top * width + min(band, height - top) * left) / (height * width)


def _sketch(found: Parts, data: bytearray) -> NDArray[Any]:
    """Return samples, H × W × C, of an eighth of the size where that tells enough."""
    if found.precision != 8:
        return _decoded(data)
    with _open(data) as image:
        if not found.is_progressive and not found.is_lossless:
            image.draft(None, (1, 1))
        samples = np.asarray(image)
    return samples if samples.ndim == 3 else samples[..., None]
