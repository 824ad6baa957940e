"""Picture files read, with everything that a file can bring: depth, profile, rotation, palette, transparency."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from stylecore.errors import StyleError
from stylecore.files.deep_formats import exr_files, fits_files, portable_files, radiance_files, tiff_files
from stylecore.files.metadata import kinds, record
from stylecore.files.photo_formats import (
    heif_files,
    jpeg2000_files,
    jpeg_files,
    jpegxl_files,
    pillow_files,
    png_files,
    webp_files,
)
from stylecore.files.pixels.rows import Wanted
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels

__all__ = ["MOST_PIXELS", "Map", "Picture", "Pixels", "as_map", "load", "load_map"]

#: H × W in [0, 1].
Map = NDArray[np.float32]

#: More pixels than this are refused when the file's header is read, before anything is decoded.
MOST_PIXELS = 400_000_000
# Damage in a header can make a small file claim any size. A photo has a byte for a few pixels, what is flat for hundreds.
_ANY_FILE = 48_000_000
_MOST_IN_A_BYTE = 2_000
# A decoder takes at least so many bytes for a pixel.
_DECODER_BYTES = 8

# How libraries say that they got no memory, where they raise something else than MemoryError.
_NO_MEMORY = re.compile(r"bad_?alloc|(out of|insufficient|not enough|cannot allocate|could not allocate) memory", re.I)

_Read = Callable[[Path, CheckSize, Wanted], Picture | None]

#: Readers of what Pillow would cut down to 8 bits, refuse, or cannot read, by the file's first bytes.
_READERS: tuple[tuple[tuple[bytes, ...], _Read], ...] = (
    (png_files.BEGINNINGS, png_files.read),
    (jpeg_files.BEGINNINGS, jpeg_files.read),
    (tiff_files.BEGINNINGS, tiff_files.read),
    (exr_files.BEGINNINGS, exr_files.read),
    (jpegxl_files.BEGINNINGS, jpegxl_files.read),
    (jpeg2000_files.BEGINNINGS, jpeg2000_files.read),
    (radiance_files.BEGINNINGS, radiance_files.read),
    (fits_files.BEGINNINGS, fits_files.read),
    (portable_files.BEGINNINGS, portable_files.read),
)
#: Those of files that say at another place what they are.
_READERS_THAT_LOOK: tuple[tuple[Callable[[bytes], bool], _Read], ...] = (
    (heif_files.reads, heif_files.read),
    (webp_files.reads, webp_files.read),
)
# Of a file, to choose the reader by.
_HEAD = 256


def load(path: str | Path, longest: int = 0, *, enough: int = 0) -> Picture:
    """Read a picture file: rotated as its EXIF says, colours converted to sRGB, the first frame of an animation.

    Colours outside sRGB's gamut, and light brighter than white in OpenEXR, Radiance HDR, float TIFF and pictures in PQ or
    HLG, become the nearest inside.

    Args:
        path: any format that Pillow reads, OpenEXR, Radiance HDR, JPEG XL and HEIC; what has more than 8 bits keeps them.
        longest: shrink to this many pixels on the longer side; 0 keeps the size.
        enough: a picture of more than 16 megapixels may be read smaller, with no fewer pixels than this; 0 keeps the size.

    Raises:
        StyleError: ``file-missing``, ``not-a-picture``, ``picture-too-large`` or ``out-of-memory``.
    """
    path = Path(path)
    check = _SizeCheck(path)
    try:
        with np.errstate(all="ignore"):  # floats of a damaged file may be anything
            picture = replace(_read(path, Wanted(longest, enough), check), metadata=record.read(path))
    except StyleError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StyleError("file-missing", f"There is no file {path}.", "Check the name.") from error
    except IsADirectoryError as error:
        raise StyleError("not-a-picture", f"{path} is a folder, not a picture.", "Name a picture file.") from error
    except PermissionError as error:
        raise StyleError("file-missing", f"{path} may not be read.", "Check the file's permissions.") from error
    except Exception as error:  # a damaged file can make a parser trip in any way
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            raise StyleError("file-missing", f"There is no file {path}: the name is too long.", "Check it.") from error
        if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) or check.lacks_memory():
            raise StyleError(
                "out-of-memory",
                f"There is too little memory to read {path}.",
                "Close other programs, or scale the picture down first.",
            ) from error
        known = kinds.error_about(path)
        if known is not None:
            raise known from error
        why = "" if isinstance(error, UnidentifiedImageError) else f" ({error})"
        raise StyleError(
            "not-a-picture", f"{path} is not a picture that can be read{why}.", "Open it in GIMP and export it as PNG."
        ) from error
    return replace(picture, pixels=_shrink(picture.pixels, longest))


def load_map(path: str | Path, size: tuple[int, int]) -> Map:
    """Read a guide or a strength map: black is 0, white is 1, transparent is 0, colours count by their mean.

    Args:
        path: any picture file, of the photo's shape.
        size: the photo's height and width, which the map is brought to.

    Raises:
        StyleError: like :func:`load`, and ``bad-guide`` if its shape is another than the photo's.
    """
    return as_map(load(path), path, size)


def as_map(picture: Picture, path: str | Path, size: tuple[int, int]) -> Map:
    """Return a picture that was read from ``path`` as :func:`load_map` would.

    Raises:
        StyleError: ``bad-guide``.
    """
    pixels = picture.pixels
    height, width = pixels.shape[:2]
    # A pixel's rounding is allowed, so that a mask of the full size fits a photo that is painted smaller.
    if abs(height * size[1] - width * size[0]) > max(height, width) + max(size):
        raise StyleError(
            "bad-guide",
            f"{path} has {width} × {height} pixels, the photo {size[1]} × {size[0]}: another shape.",
            "Make the mask from the photo itself, so that one lies over the other.",
        )
    values = pixels[..., :3].mean(2) * (pixels[..., 3] if pixels.shape[2] == 4 else np.float32(1))
    if values.shape != size:
        kind = Image.Resampling.BOX if height >= size[0] else Image.Resampling.BILINEAR
        values = np.asarray(Image.fromarray(values).resize((size[1], size[0]), kind))
    return values.astype(np.float32).clip(0, 1)


class _SizeCheck:
    """Refuses a picture that is too large, and remembers how large it is."""

    def __init__(self, path: Path) -> None:
        self._path, self._pixels = path, 0

    def __call__(self, width: int, height: int) -> None:
        """Raise if a picture of this size is too large, or cannot be in a file of so few bytes."""
        if width < 1 or height < 1:
            raise ValueError(f"it is damaged: it names {width} × {height} pixels")
        self._pixels = width * height
        if self._pixels > MOST_PIXELS:
            raise StyleError(
                "picture-too-large",
                f"{self._path} has {width} × {height} pixels; at most {MOST_PIXELS / 1e6:,.0f} megapixels can be used.",
                "Scale it down first.",
            )
        size = self._path.stat().st_size
        if self._pixels > max(_ANY_FILE, size * _MOST_IN_A_BYTE):
            raise ValueError(f"it is cut off or damaged: it names {width} × {height} pixels, but has only {size:,} bytes")

    def lacks_memory(self) -> bool:
        """Return whether what a decoder takes is not to be had; some fail without a word about it."""
        try:
            np.empty(self._pixels * _DECODER_BYTES, np.uint8)
        except MemoryError:
            return True
        return False


def _read(path: Path, wanted: Wanted, check: CheckSize) -> Picture:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    fitting = [read for beginnings, read in _READERS if head.startswith(beginnings)]
    fitting += [read for reads, read in _READERS_THAT_LOOK if reads(head)]
    for read in fitting:
        found = read(path, check, wanted)
        if found is not None:
            return found
    return pillow_files.read(path, check, wanted)


def _shrink(pixels: Pixels, longest: int) -> Pixels:
    height, width, count = pixels.shape
    if not longest or max(height, width) <= longest:
        return pixels
    factor = longest / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if count == 4:  # colour under transparency must not bleed into its surroundings
        pixels = np.concatenate([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], 2)
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(pixels[..., i])).resize(size, Image.Resampling.LANCZOS))
        for i in range(count)
    ]
    small = np.stack(channels, -1)
    if count == 4:
        small[..., :3] /= np.maximum(small[..., 3:], np.float32(1e-6))
    return small.clip(0, 1).astype(np.float32)
