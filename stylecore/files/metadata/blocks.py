"""Where picture files keep what they say beside their pixels: EXIF, XMP, resolution and texts, still unread."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from stylecore.files.metadata import exif, iso_boxes
from stylecore.files.metadata.exif import bytes_at
from stylecore.files.metadata.xmp import decoded

#: No more of a block is read, nor unpacked.
_MOST_BYTES = 32_000_000
_MOST_TEXT = 100_000
_MOST_EXR_HEADER = 1_000_000
_INCHES_IN_METRE = 1 / 0.0254
_XMP_IN_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_IN_PNG = "xml:com.adobe.xmp"
#: Photoshop's numbers for resolution, IPTC, EXIF and XMP, and IPTC's for author, copyright, date and time of creation.
_RESOLUTION, _IPTC, _EXIF, _XMP = 0x03ED, 0x0404, 0x0422, 0x0424
_IPTC_TEXTS = {(2, 80): "author", (2, 116): "copyright", (2, 55): "date", (2, 60): "time"}


@dataclass
class Blocks:
    """``tags`` are EXIF's; ``xmp`` is a packet; ``resolution`` is the format's own, in pixels per inch across and down.

    ``texts`` are by small names: ``author``, ``copyright``, and ``creation time``.
    """

    tags: dict[int, exif.Value] = field(default_factory=dict)
    xmp: bytes = b""
    resolution: tuple[float, float] | None = None
    texts: dict[str, str] = field(default_factory=dict)

    def add_exif(self, block: bytes) -> None:
        """Take an EXIF block, with ``Exif\\0\\0`` before it or not; tags that are there already stay."""
        while block.startswith(b"Exif\0"):  # some programs write it twice
            block = block[6:]
        self.tags = {**exif.read(io.BytesIO(block)), **self.tags}

    def add_text(self, name: str, text: str) -> None:
        """Take a text; one of this name that is there already stays."""
        if text.strip():
            self.texts.setdefault(name, text)


def find(path: Path) -> Blocks:
    """Return the blocks of a picture file; none is trusted to be whole, and a damaged one is left out.

    Raises:
        OSError: the file cannot be read.
    """
    blocks = Blocks()
    with path.open("rb") as file:
        head = file.read(12)
        if head.startswith(b"\xff\xd8"):
            _jpeg(file, blocks)
        elif head.startswith(b"\x89PNG\r\n\x1a\n"):
            _png(file, blocks)
        elif head[:4] == b"RIFF" and head[8:] == b"WEBP":
            _webp(file, blocks)
        elif head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            blocks.tags = exif.read(file)
        elif head[4:].startswith(iso_boxes.BEGINNINGS):
            found = iso_boxes.read(file)
            blocks.add_exif(found.exif)
            blocks.xmp, blocks.resolution = found.xmp, found.resolution
        elif head.startswith(b"8BPS"):
            _psd(file, blocks)
        elif head.startswith(b"\x76\x2f\x31\x01"):
            _exr(file, blocks)
        else:
            _other(path, blocks)
    for tag, take in ((exif.XMP, _xmp), (exif.PHOTOSHOP, _photoshop), (exif.IPTC, _iptc)):
        data = blocks.tags.pop(tag, b"")
        if isinstance(data, bytes):
            take(data, blocks)
    return blocks


def _jpeg(file: BinaryIO, blocks: Blocks) -> None:
    place, photoshop = 2, b""
    while True:
        head = bytes_at(file, place, 4)
        if len(head) < 4 or head[0] != 0xFF:
            break
        if head[1] == 0xFF:  # a filling byte
            place += 1
            continue
        if head[1] in (0xD9, 0xDA):  # the picture itself
            break
        if head[1] == 0x01 or 0xD0 <= head[1] <= 0xD8:  # these have no length
            place += 2
            continue
        length = int.from_bytes(head[2:], "big")
        if 0xE0 <= head[1] <= 0xED:
            body = bytes_at(file, place + 4, length - 2) if length > 2 else b""
            if head[1] == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 12:
                unit, across, down = struct.unpack_from(">BHH", body, 7)
                if unit in (1, 2):
                    blocks.resolution = tuple(each * (1 if unit == 1 else 2.54) for each in (across, down))
            elif head[1] == 0xE1 and body.startswith(b"Exif\0"):
                blocks.add_exif(body)
            elif head[1] == 0xE1 and body.startswith(_XMP_IN_JPEG):
                blocks.xmp = blocks.xmp or body[len(_XMP_IN_JPEG) :]
            elif head[1] == 0xED and body.startswith(b"Photoshop 3.0\0"):
                photoshop += body[14:]  # one that is long is cut into several
        place += 2 + max(length, 2)
    _photoshop(photoshop, blocks)


def _png(file: BinaryIO, blocks: Blocks) -> None:
    place = 8
    while True:
        head = bytes_at(file, place, 8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"pHYs", b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
            body = bytes_at(file, place + 8, min(length, _MOST_BYTES))
            if kind == b"pHYs" and len(body) == 9 and body[8] == 1:
                across, down = struct.unpack_from(">II", body)
                blocks.resolution = (across / _INCHES_IN_METRE, down / _INCHES_IN_METRE)
            elif kind == b"eXIf":
                blocks.add_exif(body)
            elif kind != b"pHYs":
                _png_text(kind, body, blocks)
        place += 12 + length


def _png_text(kind: bytes, body: bytes, blocks: Blocks) -> None:
    keyword, _, rest = body.partition(b"\0")
    name = decoded(keyword[:80]).lower()
    if kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:]
        rest = rest.partition(b"\0")[2].partition(b"\0")[2]  # behind language and translated keyword
    elif packed := kind == b"zTXt":
        rest = rest[1:]
    if packed:
        try:
            rest = zlib.decompressobj().decompress(rest, _MOST_BYTES)
        except zlib.error:
            return
    if name == _XMP_IN_PNG:
        blocks.xmp = blocks.xmp or rest
    elif name in ("author", "copyright", "creation time"):
        text = rest[:_MOST_TEXT]
        blocks.add_text(name, text.decode("latin-1") if kind != b"iTXt" else decoded(text))
    elif name.startswith("raw profile type "):  # how EXIF and IPTC lay in PNG before there was a chunk for them
        lines = rest.split(b"\n", 3)  # an empty line, the name, the length, and hexadecimal digits
        try:
            data = bytes.fromhex(lines[3].decode("ascii")) if len(lines) == 4 else b""
        except ValueError:
            return
        if data.startswith(_XMP_IN_JPEG) or name.endswith(" xmp"):
            blocks.xmp = blocks.xmp or data.removeprefix(_XMP_IN_JPEG)
        elif name.endswith((" exif", " app1")):
            blocks.add_exif(data)
        elif name.endswith((" iptc", " 8bim")):
            _photoshop(data, blocks)


def _webp(file: BinaryIO, blocks: Blocks) -> None:
    place = 12
    while True:
        head = bytes_at(file, place, 8)
        if len(head) < 8:
            return
        kind, length = struct.unpack("<4sI", head)
        if kind == b"EXIF":
            blocks.add_exif(bytes_at(file, place + 8, min(length, _MOST_BYTES)))
        elif kind == b"XMP ":
            blocks.xmp = blocks.xmp or bytes_at(file, place + 8, min(length, _MOST_BYTES))
        place += 8 + length + length % 2


def _psd(file: BinaryIO, blocks: Blocks) -> None:
    place = 26
    place += 4 + int.from_bytes(bytes_at(file, place, 4), "big")  # behind the palette
    length = int.from_bytes(bytes_at(file, place, 4), "big")
    _photoshop(bytes_at(file, place + 4, min(length, _MOST_BYTES)), blocks)


def _photoshop(data: bytes, blocks: Blocks) -> None:
    """Take what Photoshop's resources say, which lie in its own files, and in JPEG and TIFF."""
    place = 0
    while data[place : place + 4] == b"8BIM" and len(data) >= place + 12:
        number = int.from_bytes(data[place + 4 : place + 6], "big")
        named = data[place + 6] + 1
        place += 6 + named + named % 2
        length = int.from_bytes(data[place : place + 4], "big")
        body = data[place + 4 : place + 4 + length]
        if number == _RESOLUTION and len(body) >= 16:
            across, down = (int.from_bytes(body[at : at + 4], "big") / 65536 for at in (0, 8))
            blocks.resolution = blocks.resolution or (across, down)
        elif number == _IPTC:
            _iptc(body, blocks)
        elif number == _EXIF:
            blocks.add_exif(body)
        elif number == _XMP:
            _xmp(body, blocks)
        place += 4 + length + length % 2


def _xmp(data: bytes, blocks: Blocks) -> None:
    blocks.xmp = blocks.xmp or data


def _iptc(data: bytes, blocks: Blocks) -> None:
    said: dict[str, list[str]] = {}
    place = 0
    while data[place : place + 1] == b"\x1c" and len(data) >= place + 5:
        record, number, length = struct.unpack_from(">BBH", data, place + 1)
        if length >= 0x8000:
            break
        if (record, number) in _IPTC_TEXTS:
            text = data[place + 5 : place + 5 + length]
            said.setdefault(_IPTC_TEXTS[record, number], []).append(decoded(text))
        place += 5 + length
    blocks.add_text("author", "; ".join(said.get("author", [])))
    blocks.add_text("copyright", "; ".join(said.get("copyright", [])))
    date, time = said.get("date", [""])[0], said.get("time", [""])[0]
    if len(date) == 8:  # 20240501, and 103000+0200
        blocks.add_text("creation time", f"{date[:4]}-{date[4:6]}-{date[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}")


def _exr(file: BinaryIO, blocks: Blocks) -> None:
    said: dict[bytes, bytes] = {}
    header, place = bytes_at(file, 8, _MOST_EXR_HEADER), 0
    while (end := header.find(b"\0", place)) > place and (end_of_kind := header.find(b"\0", end + 1)) > 0:
        start = end_of_kind + 5
        length = int.from_bytes(header[start - 4 : start], "little")
        said.setdefault(header[place:end], header[start : start + length])
        place = start + length
    taken = exif.DATES["DateTimeOriginal"]
    for attribute, tag in ((b"Artist", exif.ARTIST), (b"owner", exif.COPYRIGHT), (b"capDate", taken)):
        blocks.tags[tag] = said.get(attribute, b"")
    across, aspect = said.get(b"xDensity", b""), said.get(b"pixelAspectRatio", b"")
    if len(across) == len(aspect) == 4:
        number = struct.unpack("<f", across)[0]
        blocks.resolution = (number, number * struct.unpack("<f", aspect)[0])
    blocks.xmp = said.get(b"xmp", b"")


def _other(path: Path, blocks: Blocks) -> None:
    info: dict[Any, Any] = {}
    # Only what has been read as a picture comes here; a library may trip over what it says of itself in any way.
    with contextlib.suppress(Exception), Image.open(path) as file:
        info = dict(file.info)
    dpi, packet, block = info.get("dpi"), info.get("xmp", b""), info.get("exif", b"")
    with contextlib.suppress(TypeError, ValueError, IndexError):
        blocks.resolution = (float(dpi[0]), float(dpi[1])) if isinstance(dpi, tuple | list) else None
    if isinstance(packet, bytes):
        blocks.xmp = packet
    if isinstance(block, bytes):
        blocks.add_exif(block)
