"""Picture files written: encoded in memory, so that no library's short write passes for a picture."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from stylecore import system
from stylecore.errors import StyleError
from stylecore.files.deep_formats import exr_files, tiff_files
from stylecore.files.metadata import embedding
from stylecore.files.metadata.record import Metadata
from stylecore.files.photo_formats import png_files
from stylecore.files.pixels import colour_profiles
from stylecore.files.pixels.samples import Pixels
from stylecore.files.replacing import cannot_write, temporary_name, write_whole

#: Quality of JPEG, WebP and AVIF unless another is asked for, and the one from which colour has the full resolution.
QUALITY, FULL_COLOUR = 95, 90


@dataclass(frozen=True)
class Format:
    """A format that can be written.

    ``kind`` is Pillow's name, or ``'EXR'``. ``depths`` are the bits in a channel that it has; ``most`` is its longest side
    in pixels, 0 for no bound that matters. ``least_share`` of the samples' size is the least that a painting takes.
    """

    kind: str
    endings: tuple[str, ...]
    depths: tuple[int, ...] = (8,)
    alpha: bool = True
    lossless: bool = True
    most: int = 0
    least_share: float = 0.05


#: What Pillow could write beside these holds no full colour (.xbm, .palm), holds it at sizes of its own (.ico, .icns),
#: needs a program that is not there (.wmf, .h5), or cannot be read again without one (.eps, .pdf).
FORMATS = (
    Format("PNG", (".png", ".apng"), (8, 16)),
    Format("TIFF", (".tif", ".tiff"), (8, 16, 32)),
    Format("EXR", (".exr",), (32,)),
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), alpha=False, lossless=False, most=65_500, least_share=0.01),
    Format("WEBP", (".webp",), lossless=False, most=16_383, least_share=0.005),
    Format("AVIF", (".avif", ".avifs"), lossless=False, most=65_536, least_share=0.002),
    Format("JPEG2000", (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"), least_share=0.02),
    Format("BMP", (".bmp", ".dib"), alpha=False),  # it has 32 bits, which every reader takes otherwise
    Format("TGA", (".tga", ".icb", ".vda", ".vst"), most=65_535),
    Format("PPM", (".ppm", ".pnm"), alpha=False),
    Format("SGI", (".sgi", ".rgb", ".rgba"), most=65_535),
    Format("PCX", (".pcx",), alpha=False, most=65_535),
    Format("DDS", (".dds",)),
    Format("IM", (".im",)),
    Format("GIF", (".gif",), lossless=False, most=65_535, least_share=0.001),
)
#: Of a deep picture that is written to find out whether it can be.
_BLANK_ROWS = 256
_BY_ENDING = {ending: each for each in FORMATS for ending in each.endings}


def to_image(pixels: Pixels) -> Image.Image:
    """Return float pixels in [0, 1], H × W × 3 or 4, as an 8-bit Pillow image, rounded."""
    height, width, channels = pixels.shape
    levels = (np.nan_to_num(pixels).clip(0, 1) * 255).round().astype(np.uint8)
    return Image.frombytes("RGBA" if channels == 4 else "RGB", (width, height), levels.tobytes())


def can_write(path: str | Path) -> bool:
    """Return whether :func:`save` knows the format that the ending says."""
    return Path(path).suffix.lower() in _BY_ENDING


def has_quality(path: str | Path) -> bool:
    """Return whether :func:`save` heeds the quality in the format that the ending says."""
    form = _BY_ENDING.get(Path(path).suffix.lower())
    return form is not None and form.kind in ("JPEG", "WEBP", "AVIF")


def format_of(path: str | Path) -> Format:
    """Return the format that a name's ending says.

    Raises:
        StyleError: ``cannot-write`` if it is none that can be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _BY_ENDING:
        said = f"“{Path(path).name}” does not end in a kind of picture that can be written."
        heic = suffix in (".heic", ".heif", ".hif")
        raise StyleError("cannot-write", said, f"Use {'.avif, ' if heic else ''}.png, .jpg, .tif, .webp or .exr.")
    return _BY_ENDING[suffix]


def check(path: str | Path, size: tuple[int, int], channels: int, *, depth: int = 8) -> None:
    """Find out, before hours of painting, whether a picture could be saved: a blank one of its kind is.

    It is written under a temporary name beside ``path``, together with as much as a painting of the size takes at least,
    and removed.

    Args:
        path: where the picture is to go.
        size: its height and width in pixels.
        channels: 3, or 4 with alpha.
        depth: as for :func:`save`.

    Raises:
        StyleError: ``cannot-write``, with the remedy.
    """
    path = Path(path)
    form = format_of(path)
    height, width = size
    if form.most and max(size) > form.most:
        raise StyleError(
            "cannot-write",
            f"{form.kind} holds at most {form.most:,} pixels in a side, and the picture has {width} × {height}.",
            "Use .png or .tif.",
        )
    bits = nearest_depth(form, depth)
    if bits == 8:
        blank = _encode_image(form, Image.new("RGBA" if channels == 4 else "RGB", (width, height)), QUALITY)
    else:  # what has more bits has no bound of its size, and all of it as floats might not fit into memory
        blank = encode(path, np.zeros((min(height, _BLANK_ROWS), width, channels), np.float32), depth=depth)
    least = int(height * width * channels * bits / 8 * form.least_share)
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        if error.errno != errno.ENOENT:  # a name too long for the file system, say, which the temporary one is not
            raise cannot_write(path, error) from error
    check_room(path, blank, max(len(blank), least))


def check_room(path: Path, data: bytes, least: int) -> None:
    """Write ``data`` under a temporary name beside ``path``, reserve ``least`` bytes in all, and remove it.

    Raises:
        StyleError: ``cannot-write``.
    """
    temporary = temporary_name(path)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            system.reserve(file, least)
            os.fsync(file.fileno())
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def nearest_depth(form: Format, depth: int) -> int:
    """Return the bits in a channel that a format will hold where ``depth`` are wanted."""
    return next((each for each in form.depths if each >= depth), form.depths[-1])


def save(
    path: str | Path, pixels: Pixels, *, depth: int = 8, quality: int = QUALITY, metadata: Metadata | None = None
) -> None:
    """Write a picture; the ending says the format. A file that was there is replaced only when all is written.

    Args:
        path: the file.
        pixels: H × W × 3 or 4 float32 in [0, 1], perceptual sRGB, whose profile is embedded.
        depth: bits in a channel wanted: 8, 16 or 32 (float). PNG has 8 and 16 and TIFF all three; OpenEXR is always 32 and
            linear, and the other formats are always 8.
        quality: of JPEG, WebP and AVIF, 1 to 100; from :data:`FULL_COLOUR` on, JPEG and AVIF keep every pixel's colour
            (4:4:4), below one for each four (4:2:0), which WebP always does.
        metadata: the photo's, put into every format that can hold it.

    Raises:
        StyleError: ``cannot-write``, with the remedy.
    """
    write_whole(Path(path), encode(path, pixels, depth=depth, quality=quality, metadata=metadata))


def write_image(path: str | Path, image: Image.Image, *, quality: int = QUALITY) -> None:
    """Write a Pillow image like :func:`save`."""
    write_whole(Path(path), _encode_image(format_of(path), image, quality))


def encode(
    path: str | Path, pixels: Pixels, *, depth: int = 8, quality: int = QUALITY, metadata: Metadata | None = None
) -> bytes:
    """Return the bytes of the file that :func:`save` would write.

    Raises:
        StyleError: ``cannot-write`` if the format cannot hold the picture.
    """
    form = format_of(path)
    bits = nearest_depth(form, depth)
    if bits == 8:
        return _encode_image(form, to_image(pixels), quality, metadata)
    pixels = np.nan_to_num(pixels).clip(0, 1)
    try:
        if form.kind == "EXR":
            return exr_files.encode(pixels, embedding.exr_attributes(metadata))
        data = tiff_files.encode(pixels, bits) if form.kind == "TIFF" else png_files.encode(pixels)
    except OSError as error:
        raise cannot_write(Path(path), error) from error
    return embedding.embed(form.kind, data, metadata)


def _encode_image(form: Format, image: Image.Image, quality: int, metadata: Metadata | None = None) -> bytes:
    if image.mode == "RGBA" and not form.alpha:
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    memory = io.BytesIO()
    options = embedding.pillow_options(form.kind, metadata)
    if form.kind in ("JPEG", "AVIF"):
        options["subsampling"] = "4:4:4" if quality >= FULL_COLOUR else "4:2:0"
    try:
        image.save(memory, form.kind, quality=quality, icc_profile=colour_profiles.SRGB, **options)
    except (OSError, ValueError, RuntimeError, KeyError, struct.error) as error:
        raise StyleError("cannot-write", f"{form.kind} cannot hold this picture ({error}).", "Use .png or .tif.") from error
    return embedding.embed(form.kind, memory.getvalue(), metadata)
