"""TIFF of every depth and kind of colour, by tifffile; Pillow reads the compressions that it lacks."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from tifffile.tifffile import jpeg_shape

from stylecore.files.deep_formats import tiff_pages
from stylecore.files.photo_formats import pillow_files
from stylecore.files.pixels import colour_profiles, quiet, sample_range
from stylecore.files.pixels.rows import EVERYTHING, Wanted, assemble
from stylecore.files.pixels.sample_range import Range
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels, finish, unit, unmultiplied

#: What a file begins with: classic and big, of either byte order.
BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_PHOTOMETRIC = tifffile.PHOTOMETRIC
#: Channels of colour, by the kind of colour.
_COLOURS = {
    _PHOTOMETRIC.MINISWHITE: 1, _PHOTOMETRIC.MINISBLACK: 1, _PHOTOMETRIC.RGB: 3, _PHOTOMETRIC.PALETTE: 1,
    _PHOTOMETRIC.SEPARATED: 4, _PHOTOMETRIC.YCBCR: 3, _PHOTOMETRIC.CIELAB: 3, _PHOTOMETRIC.ICCLAB: 3,
}  # fmt: skip
_LAB = (_PHOTOMETRIC.CIELAB, _PHOTOMETRIC.ICCLAB)
_FAX = (2, 3, 4)
_JPEG = 7
#: Pictures of their own in every strip or tile: JPEG, JPEG 2000 and WebP.
_PICTURES = (_JPEG, 33003, 33005, 34712, 50001)
#: What tifffile is left to decode: beside these nothing, fax, LZW, Deflate, PackBits, LZMA and Zstandard. What else it
#: knows (JPEG XR, EER …) is found under microscopes, and takes any memory that a damaged file asks for.
_COMPRESSIONS = (1, *_FAX, 5, 8, 32773, 32946, 34925, 50000, *_PICTURES)
#: More channels than this are measurements, not a picture.
_MOST_CHANNELS = 32
#: Bytes of the file that tifffile holds at a time; by itself it takes 256 MB.
_READ_AHEAD = 1 << 24
#: By how much a compression can shrink at the very most; what claims to hold more is damaged.
_MOST_SHRINKING = {1: 1, 5: 3000, 8: 1100, 32773: 66, 32946: 1100}


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture:
    """Read the page of a TIFF that is its picture (:mod:`stylecore.files.deep_formats.tiff_pages`).

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Raises:
        StyleError: ``not-a-picture`` for camera raw, and for numbers of which nobody knows which is white.
        ValueError: the file is damaged, or of a kind that is not read.
    """
    with tifffile.TiffFile(path) as file:
        page, number, count = tiff_pages.choose(file, path)
        notes = (f"{path.name} has {count:,} pages; the first is painted.",) if count > 1 else ()
        if _decodable(page):
            picture = _read(page, path, check, wanted)
        elif number is None:
            raise ValueError(f"its compression {page.compression:d} is not known")
        else:
            with quiet.decoder():  # libtiff prints what it finds wrong
                picture = pillow_files.read(path, check, wanted, frame=number)
        return replace(picture, notes=notes + picture.notes)


def encode(pixels: Pixels, depth: int) -> bytes:
    """Return H × W × 3 or 4 float32 in [0, 1] (sRGB) as a TIFF of 16 bits or 32 (floats), with its profile."""
    samples = pixels.astype(np.float32) if depth == 32 else (pixels * 65535).round().astype(np.uint16)
    memory = io.BytesIO()
    tifffile.imwrite(
        memory,
        samples,
        photometric="rgb",
        compression="zlib",
        predictor=True,
        iccprofile=colour_profiles.SRGB,
        metadata=None,
        extrasamples=["unassalpha"] if samples.shape[2] == 4 else None,
    )
    return memory.getvalue()


def _decodable(page: tifffile.TiffPage) -> bool:
    if page.photometric == _PHOTOMETRIC.YCBCR:  # tifffile leaves it as it is unless it is JPEG
        return page.compression == _JPEG
    if page.compression == _JPEG and page.photometric in _LAB:  # tifffile takes it for YCbCr
        return False
    return page.dtype is not None and page.compression in _COMPRESSIONS


def _photometric(page: tifffile.TiffPage) -> tifffile.PHOTOMETRIC:
    if "PhotometricInterpretation" in page.tags:
        return _PHOTOMETRIC(page.photometric)
    if page.samplesperpixel >= 3:
        return _PHOTOMETRIC.RGB
    return _PHOTOMETRIC.MINISWHITE if page.compression in _FAX else _PHOTOMETRIC.MINISBLACK


def _read(page: tifffile.TiffPage, path: Path, check: CheckSize, wanted: Wanted) -> Picture:
    photometric = _photometric(page)
    colours = _COLOURS.get(photometric)
    if colours is None:
        raise ValueError(f"its kind of color, {photometric.name}, is not read")
    if photometric == _PHOTOMETRIC.SEPARATED and page.tags.valueof("InkSet", 1) != 1:
        raise ValueError("its inks are others than cyan, magenta, yellow and black")
    check(page.imagewidth, page.imagelength)
    samples = _decoded(page)
    if samples.shape[2] < colours:
        raise ValueError(f"it has only {samples.shape[2]} of {colours} channels")
    alpha, associated, note = _alpha(page, samples, colours, path)
    notes = [note] if note else []
    channels = [*range(colours), *([] if alpha is None else [alpha])]
    is_lab, is_palette = photometric in _LAB, photometric == _PHOTOMETRIC.PALETTE
    bits = _bits(page)
    table = _palette(page, samples) if is_palette else None
    found = None if is_lab or is_palette else _range(page, samples[..., :colours], path)
    notes += [found.note] if found is not None and found.note else []
    transparency = found
    if alpha is not None and samples.dtype.kind == "f" and not (samples[..., alpha] > 1).any():
        transparency = Range()  # whatever the colours go up to

    def convert(rows: NDArray[Any]) -> Pixels:
        rows = rows[..., channels]
        if table is not None:
            rows = np.concatenate([table[rows[..., 0]], unit(rows[..., 1:])], 2)
        elif is_lab:
            rows = _from_lab(rows, bits, signed=photometric == _PHOTOMETRIC.CIELAB)
        else:
            rows = np.concatenate(
                [_to_unit(rows[..., :colours], bits, found), _to_unit(rows[..., colours:], bits, transparency)], 2
            )
        if associated:
            rows = unmultiplied(rows)
        if photometric == _PHOTOMETRIC.MINISWHITE:
            white = rows.dtype.type(1 if rows.dtype == np.float32 else np.iinfo(rows.dtype).max)
            rows = np.concatenate([white - rows[..., :1], rows[..., 1:]], 2)
        return finish(rows, None if is_lab else page.iccprofile, alpha=alpha is not None)

    orientation = page.tags.valueof("Orientation", 1)
    pixels = assemble(samples, convert, wanted, orientation if isinstance(orientation, int) else 1)
    depth = 8 if bits <= 8 or is_palette else 16 if bits <= 16 else 32
    return Picture(pixels, depth, tuple(notes))


def _bits(page: tifffile.TiffPage) -> int:
    """Return the bits of a channel; those of 5, 6 and 5 are unpacked to 8."""
    return page.bitspersample if isinstance(page.bitspersample, int) else 8


def _decoded(page: tifffile.TiffPage) -> NDArray[Any]:
    """Return H × W × C as they lie in the file."""
    if page.dtype is not None and page.dtype.kind not in "buif":
        raise ValueError(f"its pixels are of the type {page.dtype}")
    if page.imagedepth != 1 or page.samplesperpixel > _MOST_CHANNELS or 0 in page.shape:
        raise ValueError(f"its pixels are of {page.imagedepth} layers and {page.samplesperpixel} channels")
    _check_length(page)
    bits = _bits(page)
    assert page.dtype is not None  # else it is not decodable
    if _in_words(page, page.dtype):
        page.bitspersample = page.dtype.itemsize * 8
    with quiet.decoder():
        samples = page.asarray(buffersize=_READ_AHEAD)
    page.bitspersample = bits
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8)
    if samples.ndim == 2:
        return samples[..., None]
    return np.moveaxis(samples, 0, -1) if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE else samples


def _check_length(page: tifffile.TiffPage) -> None:
    """Find out whether the file can hold the picture, before memory is taken for it."""
    size = page.parent.filehandle.size
    bits = page.bitspersample
    pixel = bits * page.samplesperpixel if isinstance(bits, int) else sum(bits)
    packed = page.imagewidth * page.imagelength * pixel // 8
    segments = zip(page.dataoffsets, page.databytecounts, strict=False)
    held = sum(min(length, max(0, size - begin)) for begin, length in segments)
    if page.compression in _PICTURES:
        _check_pictures(page)
    too_few = page.compression != 1 and len(page.dataoffsets) < math.prod(page.chunked)
    if too_few or packed > held * _MOST_SHRINKING.get(int(page.compression), packed + 1):
        raise ValueError("it is cut off or damaged")


def _check_pictures(page: tifffile.TiffPage) -> None:
    """Find out whether the pictures of which a page is made are of the size that they should be."""
    most = max(math.prod(page.chunks), 4096)
    file = page.parent.filehandle
    for begin, length in zip(page.dataoffsets, page.databytecounts, strict=False):
        file.seek(begin)
        data = file.read(length)
        if not data:
            continue
        if page.compression == _JPEG:
            _, height, width, _ = jpeg_shape(data)
        else:
            with Image.open(io.BytesIO(data), formats=("JPEG2000", "WEBP")) as picture:
                width, height = picture.size
        if width * height > most:
            raise ValueError("it is damaged")


def _in_words(page: tifffile.TiffPage, kind: np.dtype[Any]) -> bool:
    """Return whether, say, 12 bits are kept in 16 each, not packed as TIFF wants it."""
    bits = _bits(page)
    if bits in (8, 16, 32, 64) or kind.kind != "u" or page.compression in tifffile.TIFF.IMAGE_COMPRESSIONS:
        return False
    rows = page.tilelength if page.is_tiled else page.rowsperstrip
    columns = page.tilewidth if page.is_tiled else page.imagewidth
    channels = 1 if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE else page.samplesperpixel
    file = page.parent.filehandle
    file.seek(page.dataoffsets[0])
    first = file.read(page.databytecounts[0])
    if page.compression != 1:
        first = tifffile.TIFF.DECOMPRESSORS[page.compression](first)
    return len(first) >= rows * columns * channels * kind.itemsize


def _alpha(page: tifffile.TiffPage, samples: NDArray[Any], colours: int, path: Path) -> tuple[int | None, bool, str]:
    """Return the channel of transparency, whether the colours are multiplied by it, and a note."""
    kinds = [int(kind) for kind in page.extrasamples]
    for place, kind in enumerate(kinds[: samples.shape[2] - colours]):
        if kind in (1, 2):
            return colours + place, kind == 1, ""
    further = samples.shape[2] - colours
    if further > 1:
        return None, False, f"{path.name} has {further} channels beside its colors; they were left out."
    if not further or samples[..., colours].min() == samples[..., colours].max():
        return None, False, ""
    # One that is not said to be anything is transparency for libtiff and GIMP.
    return colours, False, f"{path.name} has a channel beside its colors; it was taken for transparency."


def _range(page: tifffile.TiffPage, samples: NDArray[Any], path: Path) -> Range | None:
    """Return the numbers of black and white, or ``None`` where all of a channel's bits are white."""
    bits = _bits(page)
    if samples.dtype.kind != "u" or bits >= 32:
        return sample_range.of(samples, path)
    # Cameras with fewer bits keep them in 16 and say so here.
    most = int(np.max(page.tags.valueof("MaxSampleValue", 0)))
    return sample_range.limited(samples, most, path) if bits == 16 and most in (1023, 4095, 16383) else None


def _palette(page: tifffile.TiffPage, samples: NDArray[Any]) -> NDArray[np.float32]:
    """Return the palette's colours, n × 3, of which there is one for every index in the picture."""
    if page.colormap is None:
        raise ValueError("its palette is missing")
    levels = np.asarray(page.colormap).T
    if samples[..., 0].max() >= len(levels):
        raise ValueError("its palette is too short")
    # Old ones have 8 bits; of 16, the lower 8 are those above once more or nothing, depending on the program.
    return unit((levels >> 8 if levels.max() > 255 else levels).astype(np.uint8))


def _from_lab(samples: NDArray[Any], bits: int, *, signed: bool) -> NDArray[np.float32]:
    """Return RGB, and alpha if there is one, of CIE L*a*b* as TIFF 6.0 (section 23) and ICC.1 keep it."""
    lab = samples[..., :3].astype(np.float32)
    if samples.dtype.kind != "f":
        if bits not in (8, 16):
            raise ValueError(f"its colors are L*a*b* of {bits} bits")
        one = np.float32(256 if bits == 16 else 1)
        if signed:
            lightness = lab[..., :1] * np.float32(100 / (2**bits - 1))
            chroma = samples[..., 1:3].astype(np.int16 if bits == 16 else np.int8).astype(np.float32) / one
        else:
            lightness = lab[..., :1] * np.float32(100 / (65280 if bits == 16 else 255))
            chroma = lab[..., 1:] / one - np.float32(128)
        lab = np.concatenate([lightness, chroma], 2)
    return np.concatenate([colour_profiles.lab_to_srgb(lab), unit(samples[..., 3:])], 2)


def _to_unit(samples: NDArray[Any], bits: int, found: Range | None) -> NDArray[Any]:
    """Return samples as uint8, uint16 or float32 in which 1 is white."""
    if found is not None:
        return found.unit(samples)
    return samples if bits in (8, 16) else (samples / np.float32(2**bits - 1)).astype(np.float32)
