"""JPEG XL by imagecodecs (libjxl): of any depth, turned by the decoder, the first frame of an animation."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from stylecore.files.metadata.iso_boxes import boxes
from stylecore.files.photo_formats import jpeg_files, jpegxl_header
from stylecore.files.pixels.coded_colours import LINEAR, CodePoints
from stylecore.files.pixels.rows import EVERYTHING, Wanted, assemble
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels, finish, unmultiplied

#: What a file begins with.
BEGINNINGS = (jpegxl_header.BARE, jpegxl_header.BOXED)


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture:
    """Read a JPEG XL.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Raises:
        ValueError: it is damaged.
    """
    data = path.read_bytes()
    told = jpegxl_header.header(data)
    check(told.width, told.height)
    if not getattr(imagecodecs.JPEGXL, "available", False):
        raise ValueError("it is JPEG XL, which this build of imagecodecs lacks")
    if told.has_profile and not told.is_xyb and (jpeg := _jpeg(data)):
        return jpeg_files.picture(jpeg, path.name, check, wanted)
    samples = np.asarray(imagecodecs.jpegxl_decode(data, 0 if told.animated else None))
    if samples.ndim == 2:
        samples = samples[..., None]
    if samples.ndim != 3 or samples.shape[:2] != (told.height, told.width) or samples.shape[2] > 4:
        raise ValueError("its channels are of a kind that is not read")
    alpha = samples.shape[2] in (2, 4)
    colours = told.colours if told.colours is not None and told.colours.known and not told.colours.is_srgb else None
    if told.has_profile and told.is_xyb:  # then the decoder gives light
        colours = CodePoints(transfer=LINEAR)
    # A decoder gives integers of more than 8 bits in 16, not filled up.
    most = 65535 if told.depth > 16 or samples.dtype != np.uint16 else (1 << told.depth) - 1

    def convert(rows: NDArray[Any]) -> Pixels:
        if rows.dtype == np.uint16 and most != 65535:
            rows = rows.astype(np.float32) / np.float32(most)
        elif rows.dtype.kind == "f":
            rows = np.nan_to_num(rows.astype(np.float32), posinf=1.0, neginf=0.0)
        if told.multiplied and alpha:
            rows = unmultiplied(rows)
        return finish(rows, colours, alpha=alpha)

    notes = []
    if told.animated:
        notes.append(f"{path.name} is an animation; the first frame is painted.")
    if told.has_profile and not told.is_xyb:
        notes.append(f"{path.name} has a color profile that cannot be read; its colors are taken for sRGB.")
    if colours is not None and colours.beyond_white:
        notes.append(f"{path.name} {colours.beyond_white}.")
    depth = 8 if samples.dtype == np.uint8 else 32 if samples.dtype == np.float32 else 16
    return Picture(assemble(samples, convert, wanted), depth, tuple(notes))


def _jpeg(data: bytes) -> bytes | None:
    """Return the JPEG that a file was made of without loss, and which has the profile."""
    if not any(box.kind == b"jbrd" for box in boxes(io.BytesIO(data), 0, len(data))):
        return None
    try:
        return bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=1))
    except imagecodecs.JpegxlError:
        return None
