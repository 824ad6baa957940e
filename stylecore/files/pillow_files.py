"""Everything that Pillow reads, which is nearly all of 8 bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from stylecore.files import colour_profiles
from stylecore.files.orientation import orientation
from stylecore.files.rows import EVERYTHING, Assembly, Wanted, steps
from stylecore.files.samples import CheckSize, Picture

# Pillow's own guard is lower and only warns below twice its limit; ours speaks for both.
Image.MAX_IMAGE_PIXELS = None

_SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture:
    """Read a picture: rotated as its EXIF says, colours converted to sRGB, the first frame of an animation.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.
    """
    with Image.open(path) as file:
        check(*file.size)
        file.load()
        return _assembled(file, wanted)


def _assembled(image: Image.Image, wanted: Wanted) -> Picture:
    """Return a decoded picture, a few rows at a time and turned."""
    # A TIFF is turned by Pillow.
    turned = 1 if image.format == "TIFF" else orientation(image.info.get("exif"), image.info.get("xmp"))
    reduction = wanted.reduction(*image.size)
    assembly = Assembly(*image.size, reduction, turned)
    picture = None
    for top, bottom in steps(*image.size, reduction):
        picture = _converted(image.crop((0, top, image.width, bottom)))
        assembly.add(picture.pixels)
    assert picture is not None  # no picture is without rows
    return replace(picture, pixels=assembly.pixels())


def _converted(picture: Image.Image) -> Picture:
    """Return a decoded picture of any of Pillow's modes."""
    if picture.mode in _SIXTEEN_BIT_GREY:
        grey = np.asarray(picture).astype(np.float32) / np.float32(65535)
        return Picture(np.repeat(grey[..., None], 3, 2).clip(0, 1), 16)
    if picture.mode == "F":
        grey = np.nan_to_num(np.asarray(picture, np.float32), posinf=1.0, neginf=0.0)
        return Picture(np.repeat(grey[..., None], 3, 2).clip(0, 1), 32)
    profile = picture.info.get("icc_profile")
    if picture.mode == "LAB":
        picture, profile = colour_profiles.lab_to_srgb(picture), None
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    colour = None
    if profile and picture.mode in ("RGB", "RGBA", "L", "LA", "CMYK"):
        samples = np.asarray(picture)
        samples = samples[..., None] if samples.ndim == 2 else samples
        colour = colour_profiles.to_srgb(samples[..., :-1] if picture.mode in ("RGBA", "LA") else samples, profile)
    elif profile and picture.mode in ("P", "PA", "YCbCr"):
        colour = colour_profiles.to_srgb(np.asarray(picture.convert("RGB")), profile)
    converted = np.asarray(picture.convert("RGBA" if has_alpha else "RGB"), np.float32) / np.float32(255)
    if colour is not None:
        converted = np.concatenate([colour, converted[..., 3:]], 2)
    return Picture(converted)
