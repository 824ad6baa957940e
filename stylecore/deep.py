"""Files with more than 8 bits in a channel: PNG and TIFF of 16 bits, TIFF of 32 bits and floats, OpenEXR.

Pillow, which reads everything else, cuts 16-bit colour down to 8 bits. Here imagecodecs (libpng, and the compressions of
TIFF), tifffile and the Academy's own OpenEXR do it: all three BSD, released several times a year, 28 MB together.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import OpenEXR
import tifffile
from numpy.typing import NDArray

from stylecore import profiles

Pixels = NDArray[np.float32]
#: Raises if a picture of this width and height is too large.
CheckSize = Callable[[int, int], None]

_PNG = b"\x89PNG\r\n\x1a\n"
_EXR = b"\x76\x2f\x31\x01"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True)
class Decoded:
    """``pixels``: H × W × 3 or 4 (straight alpha) float32 in [0, 1], sRGB; ``depth``: 16, or 32 for more than that."""

    pixels: Pixels
    depth: int


def load(path: Path, profile: bytes | None, check: CheckSize) -> Decoded | None:
    """Return a file's pixels if it is deeper than 8 bits and of a kind that is read here, else ``None``.

    Args:
        path: the file.
        profile: its ICC profile, if whoever looked already has found one.
        check: called with the width and height before anything is decoded.

    Raises:
        OSError: the file is damaged, or it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(32)
    read: Callable[[Path, bytes | None, CheckSize], Decoded | None] | None
    if head.startswith(_PNG):
        read = _read_png if len(head) > 24 and head[24] == 16 else None
    elif head.startswith(_TIFF):
        read = _read_tiff
    else:
        read = _read_exr if head.startswith(_EXR) else None
    if read is None:
        return None
    try:
        return read(path, profile, check)
    except (OSError, MemoryError):
        raise
    except (RuntimeError, ValueError, TypeError, ArithmeticError, LookupError, struct.error, zlib.error) as error:
        # What the three libraries raise for damaged files; tifffile's parser trips in any way a parser can.
        raise OSError(str(error) or type(error).__name__) from error


def save(path: Path, pixels: Pixels, kind: str, depth: int) -> None:
    """Write H × W × 3 or 4 float32 in [0, 1] (sRGB), with its profile.

    Args:
        path: the file, replaced if it is there.
        pixels: the picture.
        kind: ``'PNG'`` (16 bits), ``'TIFF'`` (16 bits or float32) or ``'EXR'`` (float32, linear light).
        depth: 16 or 32 bits in a channel.

    Raises:
        OSError: it cannot be written.
    """
    pixels = np.nan_to_num(pixels).clip(0, 1)
    if kind == "EXR":
        _write_exr(path, pixels)
        return
    samples = pixels.astype(np.float32) if kind == "TIFF" and depth == 32 else (pixels * 65535).round().astype(np.uint16)
    if kind == "PNG":
        path.write_bytes(_with_profile(bytes(imagecodecs.png_encode(np.ascontiguousarray(samples), level=6))))
        return
    tifffile.imwrite(
        path, samples, photometric="rgb", compression="zlib", predictor=True, iccprofile=profiles.SRGB, metadata=None,
        extrasamples=["unassalpha"] if samples.shape[2] == 4 else None,
    )  # fmt: skip


def _read_png(path: Path, profile: bytes | None, check: CheckSize) -> Decoded:
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    check(width, height)
    samples = np.asarray(imagecodecs.png_decode(data))
    if samples.ndim == 2:
        samples = samples[..., None]
    return Decoded(_finish(samples, profile, alpha=samples.shape[2] in (2, 4)), 16)


def _read_tiff(path: Path, profile: bytes | None, check: CheckSize) -> Decoded | None:
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        if page.dtype is None or (page.dtype.kind == "u" and page.dtype.itemsize == 1) or page.dtype.kind not in "uf":
            return None
        photometric = tifffile.PHOTOMETRIC(page.photometric)
        known = tifffile.PHOTOMETRIC
        if photometric not in (known.MINISBLACK, known.MINISWHITE, known.RGB, known.SEPARATED):
            return None
        check(page.imagewidth, page.imagelength)
        profile = page.iccprofile or profile
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
            samples = _unmultiplied(samples)
        return Decoded(_finish(samples, profile, alpha=has_alpha), depth)


def _read_exr(path: Path, _profile: bytes | None, check: CheckSize) -> Decoded:
    header = OpenEXR.File(str(path), header_only=True).header()
    (left, top), (right, bottom) = (corner.tolist() for corner in header["dataWindow"])
    check(right - left + 1, bottom - top + 1)
    channels = OpenEXR.File(str(path), separate_channels=True).channels()
    names = [name for name in ("R", "G", "B") if name in channels] or [name for name in ("Y",) if name in channels]
    if len(names) not in (1, 3):
        raise ValueError(f"it has no R, G and B, but {', '.join(sorted(channels)) or 'nothing'}")
    if any(channels[name].xSampling != 1 or channels[name].ySampling != 1 for name in names):
        raise ValueError("its channels are of different sizes")
    linear = np.stack([channels[name].pixels.astype(np.float32) for name in names], -1)
    depth = 16 if channels[names[0]].pixels.dtype == np.float16 else 32
    linear = np.nan_to_num(linear, posinf=1.0, neginf=0.0)
    alpha = None
    if "A" in channels:
        alpha = np.nan_to_num(channels["A"].pixels.astype(np.float32)).clip(0, 1)[..., None]
        linear = _unmultiplied(np.concatenate([linear, alpha], 2))[..., :-1]
    if len(names) == 3 and (corners := header.get("chromaticities")) is not None:
        linear = (linear @ profiles.primaries_to_srgb(tuple(map(float, corners))).T).astype(np.float32)
    colour = profiles.encode_srgb(np.repeat(linear, 3, 2) if len(names) == 1 else linear)
    return Decoded(colour if alpha is None else np.concatenate([colour, alpha], 2), depth)


def _write_exr(path: Path, pixels: Pixels) -> None:
    linear = profiles.decode_srgb(pixels[..., :3])
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "chromaticities": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
    }
    name = "RGB"
    if pixels.shape[2] == 4:  # OpenEXR's colour is multiplied by its alpha
        linear, name = np.concatenate([linear * pixels[..., 3:], pixels[..., 3:]], 2), "RGBA"
    try:
        OpenEXR.File(header, {name: np.ascontiguousarray(linear, np.float32)}).write(str(path))
    except RuntimeError as error:
        raise OSError(str(error)) from error


def _finish(samples: NDArray[Any], profile: bytes | None, *, alpha: bool) -> Pixels:
    """Return uint16 or float32 samples (grey, RGB or CMYK, straight alpha last) as sRGB float32."""
    colour = samples[..., :-1] if alpha else samples
    converted = profiles.to_srgb(colour, profile)
    if converted is None:
        converted = _unit(colour)
        if colour.shape[2] == 1:
            converted = np.repeat(converted, 3, 2)
        elif colour.shape[2] == 4:
            converted = (1 - converted[..., :3]) * (1 - converted[..., 3:])
    return np.concatenate([converted, _unit(samples[..., -1:])], 2) if alpha else converted


def _unit(samples: NDArray[Any]) -> Pixels:
    if samples.dtype == np.uint16:
        return samples.astype(np.float32) / np.float32(65535)
    return samples.astype(np.float32).clip(0, 1)


def _unmultiplied(samples: NDArray[Any]) -> Pixels:
    """Return colour divided by its alpha, the last channel; transparent black stays black."""
    floats = samples.astype(np.float32) / np.float32(65535 if samples.dtype == np.uint16 else 1)
    alpha = floats[..., -1:]
    colour = np.divide(floats[..., :-1], alpha, out=np.zeros_like(floats[..., :-1]), where=alpha > 0)
    return np.concatenate([colour, alpha], 2)


def turn(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return H × W × C as EXIF's orientation (1 to 8) says it is to be seen."""
    if orientation in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples


def _with_profile(png: bytes) -> bytes:
    """Return a PNG with sRGB's profile in an iCCP chunk behind its header (PNG specification, 11.3.2.3)."""
    body = b"iCCP" + b"sRGB\0\0" + zlib.compress(profiles.SRGB)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    after_header = len(_PNG) + 25
    return png[:after_header] + chunk + png[after_header:]
