"""Which page of a TIFF is the picture: not a thumbnail, a mask or a smaller copy, and not what a camera's sensor saw."""

from __future__ import annotations

import struct
from pathlib import Path

import tifffile

from stylecore.files.metadata import kinds

# NewSubfileType's bits (TIFF 6.0, section 8; DNG 1.7, chapter 4). tifffile translates the old SubfileType.
_REDUCED, _MASK, _DEPTH_MAP = 1, 4, 8
_NEW_SUBFILE_TYPE = 254
#: What a sensor saw: CFA, LinearRaw, and the depth maps and masks beside them.
_RAW_COLOURS = frozenset({32803, 34892})
#: Sony, Samsung, Nikon, DNG's lossy JPEG, Kodak, Pentax.
_RAW_COMPRESSIONS = frozenset({32767, 32769, 32770, 32772, 34713, 32867, 34892, 65000, 65535})
#: What a page has one number of.
_NUMBERS = (
    "imagewidth", "imagelength", "imagedepth", "samplesperpixel", "compression", "photometric", "planarconfig", "predictor",
    "rowsperstrip", "tilewidth", "tilelength", "fillorder",
)  # fmt: skip
#: Pages looked at one by one; those behind them are counted only.
_MOST_EXAMINED = 100
_DAMAGED = (tifffile.TiffFileError, OSError, ValueError, TypeError, LookupError, ArithmeticError, struct.error)


def choose(file: tifffile.TiffFile, path: Path) -> tuple[tifffile.TiffPage, int | None, int]:
    """Return the page that is painted, its number in the file (none for a page within another), and how many there are.

    Args:
        file: the opened file.
        path: its name.

    Raises:
        StyleError: ``not-a-picture`` for camera raw.
    """
    file.filehandle.seek(0)
    if kinds.begins_as_camera_raw(file.filehandle.read(16)):
        raise kinds.camera_raw(path)
    chain, beyond = _chain(file)
    full: list[tuple[tifffile.TiffPage, int | None]] = []
    for number, page in enumerate(chain):
        inner = _within(page)
        # Within a full page lie smaller copies of it, or what it was developed from.
        if _is_raw(page) or any(_is_raw(each) for each in inner):
            raise kinds.camera_raw(path)
        if _is_full(page):
            full.append((page, number))
        else:
            full += [(each, None) for each in inner if _is_full(each)]
    if kinds.is_camera_raw(path) and not any(_NEW_SUBFILE_TYPE in page.tags for page, _ in full):
        raise kinds.camera_raw(path)  # its pages are previews that do not say so
    if not full:
        largest = max(range(len(chain)), key=lambda number: chain[number].imagewidth * chain[number].imagelength)
        return chain[largest], largest, 1
    return (*full[0], len(full) + beyond)


def _chain(file: tifffile.TiffFile) -> tuple[list[tifffile.TiffPage], int]:
    """Return the pages looked at, and the number of those behind; damage ends the chain, but for the first page's."""
    pages = [file.pages.first]
    if not _is_sound(pages[0]):
        raise ValueError("its header is damaged")
    try:
        count = len(file.pages)
        for number in range(1, min(count, _MOST_EXAMINED)):
            page = file.pages[number]
            page = page if isinstance(page, tifffile.TiffPage) else page.aspage()
            if not _is_sound(page):
                return pages, 0
            pages.append(page)
    except _DAMAGED:
        return pages, 0
    return pages, max(0, count - _MOST_EXAMINED)


def _within(page: tifffile.TiffPage) -> list[tifffile.TiffPage]:
    try:
        return [each for each in page.pages or () if isinstance(each, tifffile.TiffPage) and _is_sound(each)]
    except _DAMAGED:
        return []


def _is_sound(page: tifffile.TiffPage) -> bool:
    """Return whether the tags that have one number have no more."""
    return all(isinstance(getattr(page, name), int) for name in _NUMBERS)


def _is_full(page: tifffile.TiffPage) -> bool:
    return not int(page.subfiletype) & (_REDUCED | _MASK | _DEPTH_MAP)


def _is_raw(page: tifffile.TiffPage) -> bool:
    return int(page.photometric) in _RAW_COLOURS or int(page.compression) in _RAW_COMPRESSIONS
