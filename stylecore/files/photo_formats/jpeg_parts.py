"""The parts that a JPEG file is made of (ITU-T T.81, annex B): what a decoder needs, and what they say of the picture."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from stylecore.files.metadata.orientation import orientation

#: What a file begins with.
SIGNATURE = b"\xff\xd8"
END = b"\xff\xd9"
_START_OF_SCAN, _APPLICATION, _COMMENT, _ADOBE = 0xDA, 0xE0, 0xFE, 0xEE
_END = 0xD9
#: Frames by Huffman's code and arithmetic, but no differential ones, which belong to a hierarchy that nothing decodes.
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB}
_LOSSLESS = {0xC3, 0xCB}
_ALONE = {0x01, *range(0xD0, 0xD9)}
# What ends a scan: a marker that is neither a stuffed byte nor one to restart at, nor padding.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_COEFFICIENTS = 64


@dataclass
class Parts:
    """What a JPEG consists of.

    ``data`` is the file without what only speaks about the picture. ``precision`` is its bits in a sample, ``band`` how
    many rows are coded together. ``is_whole`` is whether it has its end, and ``has_begun_all`` whether the last scan of
    everything has at least begun.
    """

    data: bytearray = field(default_factory=lambda: bytearray(SIGNATURE))
    width: int = 0
    height: int = 0
    precision: int = 0
    components: int = 0
    band: int = 8
    is_lossless: bool = False
    is_progressive: bool = False
    has_adobe: bool = False
    exif: bytes | None = None
    xmp: bytes | None = None
    profiles: dict[int, bytes] = field(default_factory=dict)
    is_whole: bool = False
    has_begun_all: bool = False

    @property
    def orientation(self) -> int:
        """EXIF's, 1 to 8."""
        return orientation(self.exif, self.xmp)

    @property
    def profile(self) -> bytes | None:
        """The ICC profile, put together from its pieces."""
        return b"".join(piece for _, piece in sorted(self.profiles.items())) or None


def parts(file: bytes) -> Parts:
    """Return what a JPEG consists of, up to the end of its first picture.

    Raises:
        ValueError: it has no picture.
    """
    found = Parts()
    scans: dict[int, set[int]] = {}  # the coefficients of each component whose last bit has begun to come
    place = 2
    while (place := file.find(b"\xff", place)) >= 0 and place + 1 < len(file):
        marker = file[place + 1]
        if marker in (0, 0xFF) or marker in _ALONE:
            place += 1 if marker == 0xFF else 2
            continue
        if marker == _END:
            found.is_whole = True
            break
        length = int.from_bytes(file[place + 2 : place + 4], "big")
        end = place + 2 + length
        if length < 2 or end > len(file):
            break  # cut off in the middle of a part
        body = file[place + 4 : end]
        if marker in _FRAMES:
            _frame(marker, body, found)
        elif marker >= _APPLICATION:
            _application(marker, body, found)
        if marker == _START_OF_SCAN:
            _scan(body, scans, found.is_lossless)
            match = _AFTER_SCAN.search(file, end)
            end = match.start() if match else len(file)
        if marker < _APPLICATION or marker in (_APPLICATION, _ADOBE):
            found.data += file[place:end]
        place = end
    if not found.precision or not scans:
        raise ValueError("it has no picture")
    every = set(range(_COEFFICIENTS)) if not found.is_lossless else {0}
    found.has_begun_all = len(scans) == found.components and all(each >= every for each in scans.values())
    return found


def _frame(marker: int, body: bytes, found: Parts) -> None:
    if found.precision or len(body) < 6:
        return
    found.precision, found.height, found.width, found.components = struct.unpack_from(">BHHB", body)
    found.is_lossless, found.is_progressive = marker in _LOSSLESS, marker in (0xC2, 0xCA)
    tallest = max((factors & 15 for factors in body[7::3]), default=1)
    found.band = max(1, tallest) * (1 if found.is_lossless else 8)


def _application(marker: int, body: bytes, found: Parts) -> None:
    if marker == 0xE1 and body.startswith(_EXIF):
        found.exif = found.exif or body
    elif marker == 0xE1 and body.startswith(_XMP):
        found.xmp = found.xmp or body[len(_XMP) :]
    elif marker == 0xE2 and body.startswith(_ICC) and len(body) > len(_ICC) + 2:
        found.profiles.setdefault(body[len(_ICC)], body[len(_ICC) + 2 :])
    elif marker == _ADOBE and body.startswith(b"Adobe"):
        found.has_adobe = True


def _scan(body: bytes, scans: dict[int, set[int]], is_lossless: bool) -> None:
    """Note which coefficients of which components come to their last bit in a scan (T.81, B.2.3)."""
    count = body[0] if body else 0
    if len(body) < 4 + 2 * count:
        return
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    for number in range(count):
        done = scans.setdefault(body[1 + 2 * number], set())
        if is_lossless:
            done.add(0)
        elif not bits & 15:
            done.update(range(first, min(last, 63) + 1))
