"""A photo's metadata put into the files that are written, each format's own way."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from stylecore.files.metadata import exif, iso_boxes
from stylecore.files.metadata.record import Metadata

#: What of the metadata each format holds; the others hold none.
HELD = {
    "PNG": ("resolution", "EXIF", "XMP", "texts"),
    "TIFF": ("resolution", "EXIF", "XMP"),
    "EXR": ("resolution", "attributes", "XMP"),
    "JPEG": ("resolution", "EXIF", "XMP"),
    "WEBP": ("EXIF", "XMP"),
    "AVIF": ("EXIF", "XMP"),
    "JPEG2000": ("resolution", "EXIF", "XMP"),
    "BMP": ("resolution",),
    "PCX": ("resolution",),
}
#: The program that made the painting, said where something of the photo is.
SOFTWARE = "Neural Style for GIMP"
_BEHIND_PNG_HEADER = 33
#: JPEG's and PCX's own resolution is a whole number of 16 bits.
_MOST_WHOLE = 65_535


def pillow_options(kind: str, metadata: Metadata | None) -> dict[str, Any]:
    """Return what Pillow's ``save`` is to be told to write a kind of file with its metadata."""
    if metadata is None:
        return {}
    if kind == "WEBP":
        return {"exif": exif_block(metadata), "xmp": metadata.xmp}
    if kind == "AVIF":
        # With an orientation in it, Pillow would write it anew, and names in ASCII.
        return {"exif": exif_block(metadata, orientation=False), "xmp": metadata.xmp}
    options: dict[str, Any] = {}
    if kind == "JPEG":
        options = {"exif": b"Exif\0\0" + exif_block(metadata), "xmp": metadata.xmp}
    if kind in ("JPEG", "BMP") and metadata.resolution and max(metadata.resolution) <= _MOST_WHOLE:
        options["dpi"] = metadata.resolution
    return options


def embed(kind: str, data: bytes, metadata: Metadata | None) -> bytes:
    """Return an encoded PNG, TIFF, JPEG 2000 or PCX file with metadata; any other kind as it is."""
    if metadata is None:
        return data
    if kind == "PNG":
        return _into_png(data, metadata)
    if kind == "TIFF":
        picture, photo = _tags(metadata)
        return exif.add_to_tiff(data, {**picture, **({exif.XMP: metadata.xmp} if metadata.xmp else {})}, photo)
    if kind == "JPEG2000":
        return iso_boxes.with_metadata(data, exif_block(metadata), metadata.xmp, metadata.resolution)
    if kind == "PCX" and metadata.resolution:  # for which Pillow always writes 100
        across, down = (min(round(each), _MOST_WHOLE) for each in metadata.resolution)
        return data[:12] + struct.pack("<HH", across, down) + data[16:]
    return data


def exr_attributes(metadata: Metadata | None) -> dict[str, Any]:
    """Return metadata as OpenEXR's header holds it; what has no attribute of its own as OpenImageIO and GIMP name it."""
    if metadata is None:
        return {}
    across, down = metadata.resolution or (0.0, 0.0)
    taken = metadata.dates.get("DateTimeOriginal") or metadata.dates.get("DateTime", "")
    said = {
        "owner": metadata.copyright, "Artist": metadata.artist, "capDate": taken, "xmp": metadata.xmp.decode(),
        "xDensity": across, "Software": SOFTWARE,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value} | ({"pixelAspectRatio": down / across} if across else {})


def exif_block(metadata: Metadata, *, orientation: bool = True) -> bytes:
    """Return metadata as an EXIF block, without ``Exif\\0\\0``, with or without saying that the picture stands upright."""
    picture, photo = _tags(metadata)
    return exif.encode(picture if orientation else {k: v for k, v in picture.items() if k != exif.ORIENTATION}, photo)


def _tags(metadata: Metadata) -> tuple[dict[int, exif.Given], dict[int, exif.Given]]:
    """Return the tags of the picture's directory and those of the EXIF directory."""
    texts = {exif.SOFTWARE: SOFTWARE, exif.ARTIST: metadata.artist, exif.COPYRIGHT: metadata.copyright}
    picture: dict[int, exif.Given] = {exif.ORIENTATION: 1}
    picture.update({tag: text.encode("utf-8", "replace") for tag, text in texts.items() if text})
    picture.update(_dates(exif.CHANGED, metadata.dates))
    if metadata.resolution is not None:
        across, down = map(_rational, metadata.resolution)
        picture.update({exif.X_RESOLUTION: across, exif.Y_RESOLUTION: down, exif.RESOLUTION_UNIT: 2})
    # The version that has offsets of time; sRGB.
    photo: dict[int, exif.Given] = {exif.VERSION: b"0232", exif.COLOUR_SPACE: 1}
    photo.update(_dates(exif.DATES, metadata.dates))
    return picture, photo


def _dates(tags: Mapping[str, int], dates: Mapping[str, str]) -> dict[int, exif.Given]:
    return {tag: dates[name].encode("utf-8", "replace") for name, tag in tags.items() if name in dates}


def _rational(number: float) -> Fraction:
    return Fraction(number).limit_denominator(10_000)


def _into_png(png: bytes, metadata: Metadata) -> bytes:
    """Return a PNG with chunks of metadata behind its header."""
    chunks = []
    if metadata.resolution is not None:
        across, down = (max(1, round(each / 0.0254)) for each in metadata.resolution)
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", across, down, 1)))
    chunks.append(_chunk(b"eXIf", exif_block(metadata)))
    if metadata.xmp:
        chunks.append(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    for keyword, text in (("Author", metadata.artist), ("Copyright", metadata.copyright), ("Software", SOFTWARE)):
        if text:
            chunks.append(_text_chunk(keyword.encode(), text))
    view = memoryview(png)
    return b"".join((view[:_BEHIND_PNG_HEADER], *chunks, view[_BEHIND_PNG_HEADER:]))


def _text_chunk(keyword: bytes, text: str) -> bytes:
    try:
        return _chunk(b"tEXt", keyword + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", keyword + b"\0\0\0\0\0" + text.encode("utf-8", "replace"))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
