"""TIFF of 16 bits, 32 bits and floats, by tifffile; Pillow would cut 16-bit colour down to 8 bits."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import tifffile

from stylecore.files import colour_profiles
from stylecore.files.rows import EVERYTHING, Wanted
from stylecore.files.samples import CheckSize, Picture, Pixels, finish, turn, unmultiplied

#: What a file begins with: classic and big, of either byte order.
BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture | None:
    """Read a TIFF of more than 8 bits in a channel.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Returns:
        ``None`` for what Pillow is to read.
    """
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        if page.dtype is None or (page.dtype.kind == "u" and page.dtype.itemsize == 1) or page.dtype.kind not in "uf":
            return None
        photometric = tifffile.PHOTOMETRIC(page.photometric)
        known = tifffile.PHOTOMETRIC
        if photometric not in (known.MINISBLACK, known.MINISWHITE, known.RGB, known.SEPARATED):
            return None
        check(page.imagewidth, page.imagelength)
        profile = page.iccprofile
        samples = page.asarray()
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and samples.ndim == 3:
            samples = np.moveaxis(samples, 0, -1)
        if samples.ndim == 2:
            samples = samples[..., None]
        if samples.ndim != 3:
            raise ValueError(f"its pixels have {samples.ndim} dimensions")
        orientation = page.tags.get("Orientation")
        samples = turn(samples, orientation.value if orientation else 1)
        colours = {known.RGB: 3, known.SEPARATED: 4}.get(photometric, 1)
        if samples.shape[2] < colours:
            raise ValueError(f"it has only {samples.shape[2]} channels")
        extra = list(page.extrasamples)
        has_alpha = bool(extra) and samples.shape[2] > colours and int(extra[0]) in (1, 2)
        depth = 16 if samples.dtype in (np.uint16, np.float16) else 32
        if samples.dtype.kind == "f":
            samples = np.nan_to_num(samples.astype(np.float32), posinf=1.0, neginf=0.0)
        elif samples.dtype != np.uint16:
            samples = (samples / np.float64(np.iinfo(samples.dtype).max)).astype(np.float32)
        if photometric == known.MINISWHITE:
            full = np.float32(1) if samples.dtype == np.float32 else np.uint16(65535)
            samples = np.concatenate([full - samples[..., :1], samples[..., 1:]], 2)
        samples = samples[..., : colours + has_alpha]
        if has_alpha and int(extra[0]) == 1:
            samples = unmultiplied(samples)
        return Picture(finish(samples, profile, alpha=has_alpha), depth)


def encode(pixels: Pixels, depth: int) -> bytes:
    """Return H × W × 3 or 4 float32 in [0, 1] (sRGB) as a TIFF of 16 bits or 32 (floats), with its profile."""
    samples = pixels.astype(np.float32) if depth == 32 else (pixels * 65535).round().astype(np.uint16)
    memory = io.BytesIO()
    tifffile.imwrite(
        memory, samples, photometric="rgb", compression="zlib", predictor=True, iccprofile=colour_profiles.SRGB,
        metadata=None, extrasamples=["unassalpha"] if samples.shape[2] == 4 else None,
    )  # fmt: skip
    return memory.getvalue()
