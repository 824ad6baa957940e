"""What belongs to a photo beside its pixels, and stays with its painting: resolution, dates, author, copyright."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stylecore.files.metadata import exif, xmp
from stylecore.files.metadata.blocks import Blocks, find

#: Pixels per inch that a file may claim.
_LEAST_RESOLUTION, _MOST_RESOLUTION = 0.1, 100_000.0
#: Turned by a quarter, as EXIF's orientation says it.
_QUARTERS = (5, 6, 7, 8)
#: In bytes: two such texts fit into the 64 KB that a JPEG has for EXIF, and no date is longer.
_MOST_TEXT, _MOST_DATE = 16_000, 40
_MOMENT = re.compile(
    r"(\d{4})[-:/.](\d\d)[-:/.](\d\d)(?:[T ]+(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?"
)


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its pixels and keeps when they are painted; empty where it says nothing.

    ``resolution`` is in pixels per inch, across and down as the picture is seen. ``dates`` are by EXIF's names
    (``DateTimeOriginal``, ``OffsetTimeOriginal``, …), as text in EXIF's form. ``artist`` and ``copyright`` are one line
    each. ``xmp`` is a packet with the rights, and with nothing else that the photo's own may have held.
    """

    resolution: tuple[float, float] | None = None
    dates: Mapping[str, str] = field(default_factory=dict)
    artist: str = ""
    copyright: str = ""
    xmp: bytes = b""


def read(path: Path) -> Metadata | None:
    """Return what a picture file says beside its pixels; ``None`` if it says nothing that is kept.

    Orientation (the pixels are turned already), thumbnail, place, maker's notes and everything else are left behind.
    What is damaged or makes no sense is left out, and takes nothing else with it.

    Raises:
        OSError: the file cannot be read.
    """
    blocks = find(path)
    rights = xmp.read(blocks.xmp) if blocks.xmp else xmp.Rights()
    tags, texts = blocks.tags, blocks.texts
    windows = tags.get(exif.XP_AUTHOR, b"")
    found = Metadata(
        _resolution(blocks),
        _dates(blocks, rights),
        _first(
            _text(tags.get(exif.ARTIST)),
            windows.decode("utf-16-le", "replace") if isinstance(windows, bytes) else "",
            rights.artist,
            texts.get("author", ""),
        ),
        _first(_text(tags.get(exif.COPYRIGHT), parts=2), rights.copyright, texts.get("copyright", "")),
        rights.packet,
    )
    return None if found == Metadata() else found


def _resolution(blocks: Blocks) -> tuple[float, float] | None:
    """Return the format's own resolution, or EXIF's, turned like the picture."""
    tags = blocks.tags
    across, down = (_number(tags.get(tag)) for tag in (exif.X_RESOLUTION, exif.Y_RESOLUTION))
    unit = _number(tags.get(exif.RESOLUTION_UNIT, (2.0,)))
    inches = 1.0 if unit == 2 else 2.54 if unit == 3 else 0.0
    for pair in (blocks.resolution, (across * inches, down * inches), (across * inches,) * 2):
        if pair is not None and all(_LEAST_RESOLUTION <= each <= _MOST_RESOLUTION for each in pair):
            first, second = pair[::-1] if _number(tags.get(exif.ORIENTATION)) in _QUARTERS else pair
            return float(first), float(second)
    return None


def _dates(blocks: Blocks, rights: xmp.Rights) -> dict[str, str]:
    """Return EXIF's dates; where it has none, what XMP, IPTC and PNG's texts say."""
    found = {}
    for name, tag in {**exif.CHANGED, **exif.DATES}.items():
        text = _line(_text(blocks.tags.get(tag)))
        if len(text) <= _MOST_DATE and re.search(r"[1-9]" if "Date" in name else r"\d", text):
            found[name] = text
    for name, part, said in (
        ("DateTimeOriginal", "Original", rights.taken or blocks.texts.get("creation time", "")),
        ("DateTimeDigitized", "Digitized", rights.digitised),
        ("DateTime", "", rights.changed),
    ):
        if name not in found and (moment := _moment(said)):
            date, fraction, offset = moment
            found[name] = date
            found.update({f"SubSecTime{part}": fraction} if fraction else {})
            found.update({f"OffsetTime{part}": offset} if offset else {})
    return found


def _moment(text: str) -> tuple[str, str, str] | None:
    """Return a date in EXIF's form, with its fraction of a second and its offset, from ISO's form or a letter's."""
    match = _MOMENT.match(text.strip())
    if match is None:
        try:
            moment = email.utils.parsedate_to_datetime(text[:100])
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        match = _MOMENT.match(moment.isoformat())
        if match is None:
            return None
    year, month, day, hour, minute, second, fraction, offset = (part or "" for part in match.groups())
    offset = "+00:00" if offset == "Z" else f"{offset[:3]}:{offset[-2:]}" if offset else ""
    return f"{year}:{month}:{day} {hour or '00'}:{minute or '00'}:{second or '00'}", fraction, offset


def _number(value: exif.Value | None) -> float:
    """Return a tag's first number; 0 if it has none."""
    return value[0] if isinstance(value, tuple) and value else 0.0


def _text(value: exif.Value | None, parts: int = 1) -> str:
    """Return a tag's text; of a copyright both parts, the photographer's and the editor's, each with its end."""
    said = value.split(b"\0")[:parts] if isinstance(value, bytes) else []
    return "; ".join(text for part in said if (text := _line(xmp.decoded(part))))


def _line(text: str) -> str:
    """Return text in one line, without what cannot be printed; empty if it is longer than any name or statement."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line.encode("utf-8", "replace")) <= _MOST_TEXT else ""


def _first(*texts: str) -> str:
    return next((line for line in map(_line, texts) if line), "")
