"""Everything that Pillow reads, which is nearly all of 8 bits."""

from __future__ import annotations

import contextlib
import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylecore.errors import StyleError
from stylecore.files.metadata import kinds
from stylecore.files.metadata.orientation import orientation
from stylecore.files.pixels import colour_profiles, sample_range
from stylecore.files.pixels.rows import EVERYTHING, Assembly, Wanted, assemble, steps
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels

# Pillow's own guard is lower and only warns below twice its limit; ours speaks for both.
Image.MAX_IMAGE_PIXELS = None

_SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
#: Formats whose frames are pictures of their own. A phone's MPO holds the same one again, smaller or as a depth map; an
#: icon's sizes and a Photoshop file's layers are no further pictures either.
_FRAMES = {"GIF": "frames", "WEBP": "frames", "AVIF": "frames", "FLI": "frames", "IM": "frames",
           "SPIDER": "pictures", "DCX": "pages"}  # fmt: skip
#: Formats whose fourth byte is often left at 0 by programs that know no transparency.
_UNUSED_ALPHA = ("BMP", "DIB", "TGA")
#: Formats that hold measurements as often as pictures.
_MEASURED = ("FITS", "SPIDER")
#: The resource in which Photoshop says whether there is a flattened picture in the file, in its fifth byte.
_PHOTOSHOP_VERSION = 0x0421
_ICON, _CURSOR = b"\0\0\1\0", b"\0\0\2\0"


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING, frame: int = 0) -> Picture:
    """Read a picture: rotated as its EXIF says, colours converted to sRGB, the first frame of an animation.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.
        frame: which of a file's frames or pages is read, from 0.
    """
    with Image.open(_best_of_icon(path) or path, formats=kinds.pillow_formats()) as file:
        if frame:
            file.seek(frame)
        check(*file.size)
        file.load()
        if file.format == "PSD" and not _is_flattened(file):
            raise StyleError(
                "not-a-picture",
                f"{path} holds only layers; Photoshop saved no flattened picture with them.",
                "Save it with “Maximize Compatibility”, or open it in GIMP and export it as PNG or TIFF.",
            )
        picture = _numbers(file, wanted, path) if file.mode in ("I", "F") else _assembled(file, wanted)
        return picture if frame else replace(picture, notes=picture.notes + _notes(file, path))


def _best_of_icon(path: Path) -> io.BytesIO | None:
    """Return a Windows icon or cursor as an icon of its largest frame only, of those the one of most colours.

    Pillow takes the one of fewest colours, cursors of 256 pixels for ones of 0, and none that are PNG.
    """
    with path.open("rb") as file:
        head = file.read(6)
        if head[:4] not in (_ICON, _CURSOR):
            return None
        data = bytearray(head + file.read())
    count = struct.unpack_from("<H", data, 4)[0]
    if not count or len(data) < 6 + 16 * count:  # a Targa picture can begin like a cursor
        return None
    best: tuple[int, int] = (0, 0)
    entry = b""
    for number in range(count):
        found = data[6 + 16 * number : 22 + 16 * number]
        begin = struct.unpack_from("<I", found, 12)[0]
        is_png = data[begin : begin + 4] == b"\x89PNG"
        bits = 32 if is_png else struct.unpack_from("<H", data, begin + 14)[0]
        if ((found[0] or 256) * (found[1] or 256), bits) > best:
            best = (found[0] or 256) * (found[1] or 256), bits
            entry = bytes(found[:4]) + struct.pack("<HH", 1, bits) + bytes(found[8:])  # a cursor has its hot spot there
    data[:22] = _ICON + struct.pack("<H", 1) + entry
    return io.BytesIO(data)


def _is_flattened(file: Image.Image) -> bool:
    version = [data for kind, _, data in getattr(file, "resources", []) if kind == _PHOTOSHOP_VERSION]
    return not version or len(version[0]) < 5 or version[0][4] != 0


def _notes(file: Image.Image, path: Path) -> tuple[str, ...]:
    what = _FRAMES.get(file.format or "")
    count = 1
    if what is not None:
        with contextlib.suppress(OSError, EOFError, SyntaxError, ValueError, LookupError, struct.error):
            count = getattr(file, "n_frames", 1)  # damage behind the first frame is no harm
    return (f"{path.name} has {count:,} {what}; the first is painted.",) if count > 1 else ()


def _assembled(file: Image.Image, wanted: Wanted) -> Picture:
    """Return a decoded picture, a few rows at a time and turned."""
    image = _opaque_if_unused(file)
    reduction = wanted.reduction(*image.size)
    assembly = Assembly(*image.size, reduction, _turned(file))
    picture = None
    for top, bottom in steps(*image.size, reduction):
        picture = _converted(image.crop((0, top, image.width, bottom)))
        assembly.add(picture.pixels)
    assert picture is not None  # no picture is without rows
    return replace(picture, pixels=assembly.pixels())


def _turned(file: Image.Image) -> int:
    # A TIFF is turned by Pillow.
    return 1 if file.format == "TIFF" else orientation(file.info.get("exif"), file.info.get("xmp"))


def _opaque_if_unused(file: Image.Image) -> Image.Image:
    if file.format in _UNUSED_ALPHA and file.mode in ("RGBA", "LA") and file.getchannel("A").getextrema() == (0, 0):
        return file.convert(file.mode[:-1])
    return file


def _numbers(file: Image.Image, wanted: Wanted, path: Path) -> Picture:
    """Return a picture of one number in a pixel, of which it is not said which is white."""
    numbers = np.asarray(file)[..., None]
    found = (sample_range.stretched if file.format in _MEASURED else sample_range.of)(numbers, path)

    def convert(rows: NDArray[Any]) -> Pixels:
        return np.repeat(found.unit(rows).clip(0, 1), 3, 2)

    return Picture(assemble(numbers, convert, wanted, _turned(file)), 32, (found.note,) if found.note else ())


def _converted(picture: Image.Image) -> Picture:
    """Return a decoded picture of any of Pillow's other modes."""
    if picture.mode in _SIXTEEN_BIT_GREY:
        grey = np.asarray(picture).astype(np.float32) / np.float32(65535)
        return Picture(np.repeat(grey[..., None], 3, 2).clip(0, 1), 16)
    profile = picture.info.get("icc_profile")
    if picture.mode == "LAB":
        lightness, chroma = np.asarray(picture)[..., :1], np.asarray(picture)[..., 1:].view(np.int8)
        return Picture(colour_profiles.lab_to_srgb(np.concatenate([lightness * np.float32(100 / 255), chroma], 2)))
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
