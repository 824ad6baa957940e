"""HEIC by pi-heif (libheif and libde265) and AVIF by imagecodecs (libavif), of 8, 10 and 12 bits.

Phones save their photos as HEIC. pi-heif only decodes: there is none of x265 (GPL) in it, as in the wheel of the same
project that also encodes, which is four times the size. To write, AVIF is the better choice in every way.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from stylecore.files.photo_formats.heif_properties import Heif, heif
from stylecore.files.pixels.coded_colours import CodePoints
from stylecore.files.pixels.rows import EVERYTHING, Wanted, assemble
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels, finish, unmultiplied

_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_AVIF = (b"avif",)
#: Names that both kinds go by; the names behind them tell which it is.
_EITHER = (b"mif1", b"mif2", b"msf1", b"miaf")


def reads(head: bytes) -> bool:
    """Return whether these first bytes are those of a file for :func:`read`."""
    return _kind(head) is not None


def _kind(head: bytes) -> str | None:
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[place : place + 4] for place in range(16, end - 3, 4))]
    for brand in brands:
        if brand in _HEIC:
            return "HEIC"
        if brand in _AVIF:
            return "AVIF"
        if brand not in _EITHER and brand == brands[0]:
            return None  # a film, or a sequence, which Pillow reads
    return None


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture | None:
    """Read HEIC or AVIF.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Returns:
        ``None`` for what Pillow is to read.

    Raises:
        ValueError: it is damaged.
    """
    data = path.read_bytes()
    found = heif(io.BytesIO(data))
    check(found.width, found.height)
    if _kind(data[:256]) == "HEIC":
        return _heic(data, found, wanted, path.name)
    if not getattr(imagecodecs.AVIF, "available", False):
        return None
    samples = np.asarray(imagecodecs.avif_decode(data, 0))
    return _picture(samples, (1 << found.depth) - 1, found, wanted, found.orientation, path.name)


def _heic(data: bytes, found: Heif, wanted: Wanted, name: str) -> Picture:
    try:
        import pi_heif  # which takes a moment
    except ImportError as error:
        raise ValueError("it is HEIC, which takes the package pi-heif: there is none for this machine") from error
    file = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    image = file[file.primary_index]
    samples = np.asarray(image)
    # libheif has turned it, and filled up its numbers to 16 bits.
    most = np.iinfo(samples.dtype).max
    return _picture(samples, most, found, wanted, 1, name, multiplied=image.premultiplied_alpha)


def _picture(
    samples: NDArray[Any], most: int, found: Heif, wanted: Wanted, orientation: int, name: str, *, multiplied: bool = False
) -> Picture:
    """Return decoded samples, from 0 to ``most``, as a picture."""
    samples = samples if samples.ndim == 3 else samples[..., None]
    colours = found.colours
    if isinstance(colours, CodePoints) and (colours.is_srgb or not colours.known):
        colours = None
    alpha = samples.shape[2] in (2, 4)

    def convert(rows: NDArray[Any]) -> Pixels:
        if rows.dtype != np.uint8 and most != np.iinfo(rows.dtype).max:
            rows = rows.astype(np.float32) / np.float32(most)
        if multiplied:
            rows = unmultiplied(rows)
        return finish(rows, colours, alpha=alpha)

    is_brighter = isinstance(colours, CodePoints) and colours.beyond_white
    notes = (f"{name} {is_brighter}.",) if is_brighter else ()
    return Picture(assemble(samples, convert, wanted, orientation), 16 if found.depth > 8 else 8, notes)
