"""The parts that a PNG file is made of (PNG specification, third edition, section 5), and what they say of its picture."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import imagecodecs
import numpy as np

from stylecore.files.pixels import colour_profiles
from stylecore.files.pixels.coded_colours import CodePoints

SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: No profile or text is unpacked to more bytes than this.
MOST_UNPACKED = 1 << 25
# Bytes that are read at once.
_BLOCK = 1 << 16
_NAME = re.compile(rb"[A-Za-z]{4}")
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
#: The samples in a pixel, by the header's kind of colour.
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE = 3
# sRGB's, for files that name a gamma alone.
_SRGB_CORNERS = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


@dataclass(frozen=True)
class Chunk:
    """A part of the file: its four letters and its content, which of the pixels' chunks is not read yet.

    ``place`` is where in the file the content begins, ``length`` how many bytes of it the file has.
    """

    kind: bytes
    place: int
    length: int
    content: bytes = b""


@dataclass(frozen=True)
class Header:
    """What the picture's samples are."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def channels(self) -> int:
        """Samples in a pixel."""
        return CHANNELS[self.colour]

    @property
    def has_palette(self) -> bool:
        """Whether the samples are numbers of a palette's colours."""
        return self.colour == _PALETTE

    def row_bytes(self, width: int) -> int:
        """Return the bytes of a row of so many pixels, without its filter's."""
        return (width * self.channels * self.depth + 7) // 8


@dataclass(frozen=True)
class Parts:
    """All of a PNG that a reader needs.

    ``pixels`` are the chunks that hold one zlib stream. ``others`` has the first sound chunk of each other kind, and
    ``texts`` those of tEXt, zTXt and iTXt by keyword.
    """

    header: Header
    pixels: list[Chunk]
    others: Mapping[bytes, bytes] = field(default_factory=dict)
    texts: Mapping[bytes, Chunk] = field(default_factory=dict)

    def text(self, keyword: bytes) -> bytes:
        """Return what a text says (Latin-1; in iTXt UTF-8); nothing if it is not there, damaged or longer than any text."""
        chunk = self.texts.get(keyword)
        if chunk is None:
            return b""
        rest = chunk.content[len(keyword) + 1 :]
        if chunk.kind == b"tEXt":
            return rest
        if chunk.kind == b"zTXt":
            return unpacked(rest[1:])
        text = rest[2:].split(b"\0", 2)[-1]
        return unpacked(text) if rest[:1] == b"\1" else text


def chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield a PNG's chunks, up to and without IEND; what lies behind it is no part of the picture.

    As libpng does, a chunk that is not needed for the picture and whose check sum is wrong is passed over. Those of the
    pixels are not looked into: :class:`Pixels` does.

    Args:
        file: read from its beginning.

    Raises:
        ValueError: a chunk that is needed is damaged, unknown or cut off.
    """
    size = file.seek(0, 2)
    place = len(SIGNATURE)
    while True:
        file.seek(place)
        beginning = file.read(8)
        if len(beginning) < 8:
            raise ValueError("it is cut off")
        length, kind = struct.unpack(">I4s", beginning)
        if not _NAME.fullmatch(kind) or length > 0x7FFFFFFF:
            raise ValueError("it is damaged: a part of it has no name")
        needed = not kind[0] & 0x20
        if needed and kind not in _CRITICAL:
            raise ValueError(f"it needs a part, {kind.decode()}, that is not PNG's")
        if kind == b"IEND":
            return
        place += 8
        if kind == b"IDAT":  # where it is cut off there may still be enough of it
            yield Chunk(kind, place, min(length, size - place))
        elif place + length + 4 > size:
            raise ValueError("it is cut off")
        elif needed or length <= MOST_UNPACKED:
            content = file.read(length)
            if zlib.crc32(content, zlib.crc32(kind)) == int.from_bytes(file.read(4), "big"):
                yield Chunk(kind, place, length, content)
            elif needed:
                raise ValueError(f"its part {kind.decode()} is damaged: the check sum is wrong")
        place += length + 4


def parts(file: BinaryIO) -> Parts:
    """Return what a PNG consists of.

    Raises:
        ValueError: the file is damaged before its pixels.
    """
    walk = chunks(file)
    first = next(walk, None)
    if first is None or first.kind != b"IHDR":
        raise ValueError("it does not begin with a header")
    header = _header(first.content)
    pixels: list[Chunk] = []
    others: dict[bytes, bytes] = {}
    texts: dict[bytes, Chunk] = {}
    over = False
    try:
        for chunk in walk:
            if chunk.kind == b"IDAT":
                if not over:
                    pixels.append(chunk)
                continue
            over = bool(pixels)
            if chunk.kind in (b"tEXt", b"zTXt", b"iTXt"):
                texts.setdefault(chunk.content[:80].partition(b"\0")[0], chunk)
            else:
                others.setdefault(chunk.kind, chunk.content)
    except ValueError:
        if not pixels:  # behind them, nothing that is lacking or wrong concerns the picture
            raise
    if not pixels:
        raise ValueError("it has no pixels")
    return Parts(header, pixels, others, texts)


class Pixels:
    """What the pixels' chunks hold, read and unpacked as it is asked for.

    Args:
        file: the PNG.
        pieces: the chunks.

    Raises:
        ValueError: they do not begin as they must.
    """

    def __init__(self, file: BinaryIO, pieces: list[Chunk]) -> None:
        self._blocks = self._read(file, pieces)
        beginning = b""
        while len(beginning) < 2:
            beginning += self._next()
        if beginning[0] & 15 != 8 or int.from_bytes(beginning[:2], "big") % 31 or beginning[1] & 32:
            raise ValueError("its pixels are damaged")
        # Raw, since each chunk's own check sum is looked at; one of zlib's that is wrong would cost the last rows.
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._packed = beginning[2:]

    @staticmethod
    def _read(file: BinaryIO, pieces: list[Chunk]) -> Iterator[bytes]:
        for piece in pieces:
            file.seek(piece.place)
            check, left = zlib.crc32(b"IDAT"), piece.length
            while left > 0 and (block := file.read(min(left, _BLOCK))):
                check, left = zlib.crc32(block, check), left - len(block)
                yield block
            told = file.read(4)
            if len(told) == 4 and check != int.from_bytes(told, "big"):
                raise ValueError("its pixels are damaged: a check sum is wrong")

    def _next(self) -> bytes:
        try:
            return next(self._blocks)
        except StopIteration:
            raise ValueError("it is cut off") from None

    def take(self, count: int) -> bytearray:
        """Return the next ``count`` bytes.

        Raises:
            ValueError: the file has no more, or is damaged here.
        """
        plain = bytearray()
        while len(plain) < count:
            if self._inflate.eof:
                raise ValueError("it has fewer pixels than its header says")
            if not self._packed:
                self._packed = self._next()
            plain += self._inflate.decompress(self._packed, count - len(plain))
            self._packed = self._inflate.unconsumed_tail
        return plain


def _header(content: bytes) -> Header:
    if len(content) != 13:
        raise ValueError("its header is damaged")
    width, height, depth, colour, packing, filters, interlacing = struct.unpack(">IIBBBBB", content)
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31 or depth not in _DEPTHS.get(colour, ()):
        raise ValueError("its header makes no sense")
    if packing or filters or interlacing > 1:
        raise ValueError("it is packed in a way that is not PNG's")
    return Header(width, height, depth, colour, bool(interlacing))


def unpacked(packed: bytes, most: int = MOST_UNPACKED) -> bytes:
    """Return what zlib's stream holds, no more than ``most`` bytes; nothing if it is damaged or would be longer."""
    try:
        stream = zlib.decompressobj()
        plain = stream.decompress(packed, most + 1)
    except zlib.error:
        return b""
    return plain if len(plain) <= most and stream.eof else b""


def exif(found: Parts) -> bytes | None:
    """Return the EXIF block: the chunk's, or the text that ImageMagick puts it in."""
    if b"eXIf" in found.others:
        return found.others[b"eXIf"]
    for keyword in (b"Raw profile type exif", b"Raw profile type APP1"):
        lines = found.text(keyword).split(b"\n", 3)
        if len(lines) == 4:
            try:
                return bytes.fromhex(lines[3].decode("ascii"))
            except ValueError:
                continue
    return None


def xmp(found: Parts) -> bytes | None:
    """Return the XMP packet."""
    return found.text(b"XML:com.adobe.xmp") or None


def colours(found: Parts) -> bytes | CodePoints | None:
    """Return what the samples mean: an ICC profile, code points, or ``None`` for sRGB.

    In the specification's order: cICP, iCCP, sRGB, then gAMA and cHRM, which are read as GIMP reads them: a curve that is a
    power alone, and sRGB's where there is only cHRM. What makes no sense is passed over.
    """
    if (coded := found.others.get(b"cICP")) is not None and len(coded) == 4 and coded[2] == 0:
        points = CodePoints(coded[0], coded[1], coded[3] == 1)
        if points.known:
            return None if points.is_srgb else points
    if (embedded := found.others.get(b"iCCP")) is not None:
        profile = unpacked(embedded.partition(b"\0")[2][1:])
        if profile[36:40] == b"acsp":
            return profile
    if b"sRGB" in found.others:
        return None
    return _measured(found)


def _measured(found: Parts) -> bytes | None:
    """Return a profile of what gAMA and cHRM say."""
    gamma = _hundred_thousandths(found.others.get(b"gAMA"), 1)
    corners = _hundred_thousandths(found.others.get(b"cHRM"), 8)
    if gamma is not None and not 0.1 <= gamma[0] <= 10:
        gamma = None
    if found.header.colour in (0, 4):  # grey has no primaries
        return bytes(imagecodecs.cms_profile("gray", gamma=1 / gamma[0])) if gamma else None
    if corners is not None and not colour_profiles.make_sense((*corners[2:], *corners[:2])):
        corners = None
    if gamma is None and corners is None:
        return None
    white, primaries = (corners or _SRGB_CORNERS)[:2], (corners or _SRGB_CORNERS)[2:]
    with_luminance = [each for x, y in zip(primaries[0::2], primaries[1::2], strict=True) for each in (x, y, 1)]
    if gamma:
        curve: dict[str, Any] = {"gamma": 1 / gamma[0]}
    else:
        light = colour_profiles.decode_srgb(np.linspace(0, 1, 4096, dtype=np.float32))
        curve = {"transferfunction": (light * 65535).round().astype(np.uint16)}
    return bytes(imagecodecs.cms_profile("rgb", whitepoint=[*white, 1], primaries=with_luminance, **curve))


def _hundred_thousandths(content: bytes | None, count: int) -> tuple[float, ...] | None:
    if content is None or len(content) != 4 * count:
        return None
    values = struct.unpack(f">{count}I", content)
    return tuple(value / 100_000 for value in values)
