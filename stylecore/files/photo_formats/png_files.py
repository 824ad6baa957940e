"""PNG of every kind, read a few rows at a time, and PNG of 16 bits in a channel written.

The file's parts are told apart here (:mod:`stylecore.files.photo_formats.png_chunks`), so that a large text, a damaged one
or a wrong check sum in what is not needed stops nothing, and the rows come from zlib as they are used. libpng (by
imagecodecs) undoes their filters: it is given each few rows as a small PNG of their own, which begins with the row before,
unfiltered. It thus never sees an interlaced picture, on which it prints a warning, and a large one takes little memory.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from stylecore.files.metadata.orientation import orientation
from stylecore.files.photo_formats import png_chunks
from stylecore.files.photo_formats.png_chunks import Header, Parts
from stylecore.files.pixels import colour_profiles
from stylecore.files.pixels.coded_colours import CodePoints
from stylecore.files.pixels.rows import EVERYTHING, Assembly, Wanted, assemble, steps
from stylecore.files.pixels.samples import CheckSize, Picture, Pixels, finish

#: What a file begins with.
BEGINNINGS = (png_chunks.SIGNATURE,)
_AFTER_HEADER = 33
# Adam7's passes: first column and row, and the steps between (PNG specification, 8.2).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def read(path: Path, check: CheckSize, wanted: Wanted = EVERYTHING) -> Picture:
    """Read a PNG.

    Args:
        path: the file.
        check: called with the width and height before anything is decoded.
        wanted: how large the picture is wanted.

    Raises:
        ValueError: the file is damaged or cut off.
    """
    with path.open("rb") as file:
        found = png_chunks.parts(file)
        check(found.header.width, found.header.height)
        return _picture(found, png_chunks.Pixels(file, found.pixels), wanted, path.name)


def _picture(found: Parts, stream: png_chunks.Pixels, wanted: Wanted, name: str) -> Picture:
    header = found.header
    colours = png_chunks.colours(found)
    turned = orientation(png_chunks.exif(found), png_chunks.xmp(found))
    table = _palette(found) if header.has_palette else None
    key = _transparent_colour(found)

    def convert(samples: NDArray[Any]) -> Pixels:
        if table is not None:
            samples = table[samples[..., 0]]
        opaque = None if key is None else (samples != key).any(2, keepdims=True)
        if header.depth < 8 and table is None:
            samples = samples * np.uint8(255 // ((1 << header.depth) - 1))
        if opaque is not None:
            samples = np.concatenate([samples, opaque * samples.dtype.type(np.iinfo(samples.dtype).max)], 2)
        return finish(samples, colours, alpha=samples.shape[2] in (2, 4))

    if header.interlaced:
        pixels = assemble(_interlaced(stream, header), convert, wanted, turned)
    else:
        reduction = wanted.reduction(header.width, header.height)
        assembly = Assembly(header.width, header.height, reduction, turned)
        for samples in _rows(stream, header, header.width, header.height, reduction):
            assembly.add(convert(samples))
        pixels = assembly.pixels()
    return Picture(pixels, 16 if header.depth == 16 else 8, _notes(found, colours, name))


def _notes(found: Parts, colours: bytes | CodePoints | None, name: str) -> tuple[str, ...]:
    notes = []
    control = found.others.get(b"acTL")
    if control is not None and len(control) == 8 and (frames := struct.unpack(">I", control[:4])[0]) > 1:
        notes.append(f"{name} has {frames:,} frames; the first is painted.")
    if isinstance(colours, CodePoints) and colours.beyond_white:
        notes.append(f"{name} {colours.beyond_white}.")
    coded = found.others.get(b"cICP")
    if coded is not None and len(coded) == 4 and (coded[2] or not CodePoints(coded[0], coded[1]).known):
        notes.append(f"{name} names its colors by code points that are not known ({coded[0]}, {coded[1]}, {coded[2]}).")
    return tuple(notes)


def _palette(found: Parts) -> NDArray[np.uint8]:
    """Return 256 colours, RGB, or RGBA where some are transparent; those that the file lacks are black."""
    entries = found.others.get(b"PLTE")
    if entries is None or len(entries) % 3 or not 0 < len(entries) <= 768:
        raise ValueError("its palette is missing or damaged")
    table = np.zeros((256, 3), np.uint8)
    table[: len(entries) // 3] = np.frombuffer(entries, np.uint8).reshape(-1, 3)
    transparent = found.others.get(b"tRNS")
    if transparent is None:
        return table
    alpha = np.full((256, 1), 255, np.uint8)
    alpha[: len(transparent), 0] = np.frombuffer(transparent[:256], np.uint8)
    return np.concatenate([table, alpha], 1)


def _transparent_colour(found: Parts) -> NDArray[np.uint16] | None:
    """Return the one grey or colour that is transparent, as samples."""
    key = found.others.get(b"tRNS")
    if key is None or found.header.colour not in (0, 2) or len(key) != 2 * found.header.channels:
        return None
    return np.frombuffer(key, ">u2").astype(np.uint16) & np.uint16((1 << found.header.depth) - 1)


def _rows(
    stream: png_chunks.Pixels, header: Header, width: int, height: int, multiple: int = 1
) -> Iterator[NDArray[np.uint8 | np.uint16]]:
    """Yield the rows of a picture, or of a pass of an interlaced one, a few at a time: n × W × C."""
    length = header.row_bytes(width)
    if header.depth < 8:  # filters do not know of samples that are smaller than a byte
        columns, depth, colour = length, 8, 0
    else:
        columns, depth, colour = width, header.depth, 0 if header.has_palette else header.colour
    last = bytes(length)
    for top, bottom in steps(width, height, multiple):
        filtered = stream.take((bottom - top) * (length + 1))
        if max(filtered[:: length + 1]) > 4:
            raise ValueError("its pixels are damaged: there is no such filter")
        small = _small_png(columns, bottom - top + 1, depth, colour, b"\0" + last + filtered)
        samples = np.asarray(imagecodecs.png_decode(small)).reshape(bottom - top + 1, columns, -1)[1:]
        last = (samples[-1].astype(">u2") if depth == 16 else samples[-1]).tobytes()
        yield _separate(samples, header.depth, width) if header.depth < 8 else samples


def _small_png(width: int, height: int, depth: int, colour: int, filtered: bytes) -> bytes:
    def chunk(body: bytes) -> bytes:
        return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">4sIIBBBBB", b"IHDR", width, height, depth, colour, 0, 0, 0)
    return b"".join([png_chunks.SIGNATURE, chunk(header), chunk(b"IDAT" + zlib.compress(filtered, 0)), chunk(b"IEND")])


def _separate(packed: NDArray[Any], depth: int, width: int) -> NDArray[np.uint8]:
    """Return samples of 1, 2 or 4 bits, several in a byte (n × bytes × 1), as one each: n × W × 1."""
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    samples = (packed >> shifts) & np.uint8((1 << depth) - 1)
    return samples.reshape(len(packed), -1, 1)[:, :width]


def _interlaced(stream: png_chunks.Pixels, header: Header) -> NDArray[Any]:
    """Return the samples of a picture in Adam7's seven passes."""
    samples = np.empty((header.height, header.width, header.channels), np.uint16 if header.depth == 16 else np.uint8)
    for left, top, right_step, down_step in _PASSES:
        target = samples[top::down_step, left::right_step]
        if target.size:
            done = 0
            for rows in _rows(stream, header, target.shape[1], target.shape[0]):
                target[done : done + len(rows)] = rows
                done += len(rows)
    return samples


def encode(pixels: Pixels) -> bytes:
    """Return H × W × 3 or 4 float32 in [0, 1] (sRGB) as a PNG of 16 bits in a channel, with its profile."""
    samples = (pixels * 65535).round().astype(np.uint16)
    return _with_profile(bytes(imagecodecs.png_encode(np.ascontiguousarray(samples), level=6)))


def _with_profile(png: bytes) -> bytes:
    """Return a PNG with sRGB's profile in an iCCP chunk behind its header (PNG specification, 11.3.2.3)."""
    body = b"iCCP" + b"sRGB\0\0" + zlib.compress(colour_profiles.SRGB)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_AFTER_HEADER] + chunk + png[_AFTER_HEADER:]
