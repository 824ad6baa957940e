"""Small pictures with everything that cameras and programs say beside the pixels, each written its own way."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from stylecore.files.metadata import record
from stylecore.files.metadata.record import Metadata

PIXELS = np.random.default_rng(5).random((6, 9, 3)).astype(np.float32)
LEVELS = (PIXELS * 255).round().astype(np.uint8)
TAKEN, CHANGED, ARTIST, COPYRIGHT = "2024:05:01 10:20:30", "2024:06:02 08:00:00", "Ann Müller", "© 2024 Ann Müller"
#: Nothing of this may be in any file that is written.
SECRETS = (b"MAKER-NOTE", b"THUMBNAIL", b"GPS-AREA", b"EDIT-HISTORY", b"48,8.25N", b"A-FACE")
TYPES = {"byte": 1, "text": 2, "short": 3, "long": 4, "rational": 5, "any": 7, "ifd": 4}
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}>
<rdf:Description rdf:about="" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmpRights:Marked="True" xmpRights:WebStatement="https://example.org/rights" photoshop:Credit="Archive &amp; Co"
 exif:GPSLatitude="48,8.25N"/>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:cc="http://creativecommons.org/ns#"
 xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/">
<dc:creator><rdf:Seq><rdf:li>Ann Müller</rdf:li><rdf:li>Bo</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li xml:lang="de">Alle Rechte</rdf:li><rdf:li xml:lang="x-default">All rights</rdf:li></rdf:Alt>
</dc:rights>
<cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/>
<Iptc4xmpCore:CreatorContactInfo rdf:parseType="Resource">
<Iptc4xmpCore:CiEmailWork>ann@example.org</Iptc4xmpCore:CiEmailWork>
</Iptc4xmpCore:CreatorContactInfo>
<plus:Licensor><rdf:Seq><rdf:li rdf:parseType="Resource"><plus:LicensorURL>https://example.org/buy</plus:LicensorURL></rdf:li>
</rdf:Seq></plus:Licensor>
<xmpMM:History><rdf:Seq><rdf:li>EDIT-HISTORY</rdf:li></rdf:Seq></xmpMM:History>
<mwg-rs:Regions><rdf:Bag><rdf:li>A-FACE</rdf:li></rdf:Bag></mwg-rs:Regions>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>""".encode()
#: What of it is kept.
RIGHTS = (
    b"xmpRights:Marked>True<", b"https://example.org/rights", b"Archive &amp; Co", "Ann Müller".encode(), b"Bo<",
    b"Alle Rechte", b"https://creativecommons.org/licenses/by/4.0/", b"ann@example.org", b"https://example.org/buy",
)  # fmt: skip

Entry = tuple[int, str, int, bytes]


def text(tag: int, said: str | bytes) -> Entry:
    data = (said if isinstance(said, bytes) else said.encode()) + b"\0"
    return tag, "text", len(data), data


def rational(tag: int, over: int, under: int = 1, order: str = "<") -> Entry:
    return tag, "rational", 1, struct.pack(order + "II", over, under)


def short(tag: int, number: int, order: str = "<") -> Entry:
    return tag, "short", 1, struct.pack(order + "H", number)


def exif(entries: Sequence[Entry], inner: Mapping[int, Sequence[Entry]] | None = None, order: str = "<") -> bytes:
    """An EXIF block as a camera writes it: its directory, those inside by the tags that point to them, a thumbnail's."""
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))

    def directory(listed: Sequence[Entry], following: int = 0) -> None:
        start = len(block)
        size = 2 + 12 * len(listed) + 4
        block.extend(bytes(size))
        lines = b""
        for tag, kind, count, data in sorted(listed):
            said = data.ljust(4, b"\0")
            if len(data) > 4:
                said = struct.pack(order + "I", len(block))
                block.extend(data)
            lines += struct.pack(order + "HHI4s", tag, TYPES.get(kind, 99), count, said)
        last = struct.pack(order + "I", following and len(block))
        block[start : start + size] = struct.pack(order + "H", len(listed)) + lines + last

    pointers = [(tag, "long", 1, bytes(4)) for tag in inner or {}]
    start = len(block)
    directory([*entries, *pointers], following=1)
    directory([(0x0201, "long", 1, struct.pack(order + "I", 8)), text(0x010E, b"THUMBNAIL")])
    for tag, listed in (inner or {}).items():
        where = 2 + start + 12 * [each[0] for each in sorted([*entries, *pointers])].index(tag)
        block[where + 8 : where + 12] = struct.pack(order + "I", len(block))
        directory(listed)
    return bytes(block)


def camera(order: str = "<", orientation: int = 0) -> bytes:
    """All that a camera says."""
    return exif(
        [
            *([short(0x0112, orientation, order)] if orientation else []),
            text(0x010F, "Maker"),
            rational(0x011A, 300, 1, order),
            rational(0x011B, 300, 1, order),
            short(0x0128, 2, order),
            text(0x0132, CHANGED),
            text(0x013B, ARTIST),
            text(0x8298, COPYRIGHT),
        ],
        {
            0x8769: [
                text(0x9003, TAKEN),
                text(0x9004, TAKEN),
                text(0x9011, "+02:00"),
                text(0x9291, "25"),
                (0x927C, "any", 10, b"MAKER-NOTE"),
            ],
            0x8825: [text(1, "N"), (0x001C, "any", 8, b"GPS-AREA")],
        },
        order,
    )


def jpeg(block: bytes, **more: Any) -> bytes:
    memory = io.BytesIO()
    Image.fromarray(LEVELS).save(memory, "JPEG", exif=b"Exif\0\0" + block, quality=95, **more)
    return memory.getvalue()


def read(data: bytes, folder: Path, ending: str = "jpg") -> Metadata:
    path = folder / f"source.{ending}"
    path.write_bytes(data)
    found = record.read(path)
    assert found is not None
    return found


def with_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with more chunks behind its header."""
    png = saved("PNG")
    more = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return png[:33] + more + png[33:]


def saved(kind: str, **options: Any) -> bytes:
    memory = io.BytesIO()
    Image.fromarray(LEVELS).save(memory, kind, **options)
    return memory.getvalue()


def tiff(*tags: tuple[Any, ...], unit: int = 2, resolution: float = 300, **options: Any) -> bytes:
    """A TIFF by tifffile, with these tags or else those of a photo."""
    own = [(33432, "s", 0, COPYRIGHT.encode(), True), (315, "s", 0, ARTIST.encode(), True), (36867, "s", 0, TAKEN, True)]
    memory = io.BytesIO()
    tifffile.imwrite(
        memory,
        LEVELS,
        photometric="rgb",
        extratags=tags or own,
        resolution=(resolution, resolution),
        resolutionunit=unit,
        metadata=None,
        **options,
    )
    return memory.getvalue()


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def jpeg_xl(*boxes: bytes) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(LEVELS, usecontainer=True)) + b"".join(boxes)


def heic(*items: tuple[bytes, bytes]) -> bytes:
    """The boxes of a HEIC without a picture, with items by their kind and content, which lie in its ``idat``."""
    names, places, data = b"", b"", b""
    for number, (kind, content) in enumerate(items, 7):
        names += box(b"infe", struct.pack(">BxxxHH", 2, number, 0) + kind + b"\0")
        places += struct.pack(">HHHHII", number, 1, 0, 1, len(data), len(content))
        data += content
    names = box(b"iinf", struct.pack(">IH", 0, len(items)) + names)
    places = box(b"iloc", struct.pack(">BxxxBBH", 1, 0x44, 0, len(items)) + places)
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"meta", bytes(4) + names + places + box(b"idat", data))


def resource(number: int, body: bytes) -> bytes:
    """One of Photoshop's."""
    return b"8BIM" + struct.pack(">HHI", number, 0, len(body)) + body + bytes(len(body) % 2)


def iptc() -> bytes:
    said = {(2, 80): ARTIST, (2, 116): COPYRIGHT, (2, 55): "20240501", (2, 60): "102030+0200"}
    return b"".join(struct.pack(">BBBH", 28, *key, len(each.encode())) + each.encode() for key, each in said.items())


def photoshop(*resources: bytes) -> bytes:
    """A flat file of 9 × 6 pixels."""
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 6, 9, 8, 3)
    listed = b"".join(resources)
    pixels = LEVELS.transpose(2, 0, 1).tobytes()
    return b"".join((head, bytes(4), struct.pack(">I", len(listed)), listed, bytes(4), bytes(2), pixels))


def open_exr() -> bytes:
    width, height = 9, 6
    return (
        b"\x76\x2f\x31\x01\2\0\0\0"
        + b"".join(
            name + b"\0" + kind + b"\0" + struct.pack("<I", len(body)) + body
            for name, kind, body in (
                (b"dataWindow", b"box2i", struct.pack("<4i", 0, 0, width - 1, height - 1)),
                (b"owner", b"string", COPYRIGHT.encode()),
                (b"Artist", b"string", ARTIST.encode()),
                (b"capDate", b"string", TAKEN.encode()),
                (b"pixelAspectRatio", b"float", struct.pack("<f", 1)),
                (b"xDensity", b"float", struct.pack("<f", 300)),
            )
        )
        + b"\0"
    )


def raw_profile(data: bytes) -> bytes:
    return b"\nexif\n" + str(len(data)).rjust(8).encode() + b"\n" + data.hex().encode() + b"\n"


def app13(resources: bytes) -> bytes:
    """A JPEG's segment of Photoshop's resources."""
    return b"\xff\xed" + struct.pack(">H", 16 + len(resources)) + b"Photoshop 3.0\0" + resources


def packed(keyword: bytes, said: bytes) -> tuple[bytes, bytes]:
    """A PNG's chunk of packed text."""
    return b"zTXt", keyword + b"\0\0" + zlib.compress(said)


IN_IPTC = resource(0x0404, iptc())
INCHES = resource(0x03ED, struct.pack(">IHHIHH", 300 << 16, 1, 1, 300 << 16, 1, 1))
PHYS = (b"pHYs", struct.pack(">IIB", 11811, 11811, 1))
TEXTS = (
    PHYS,
    (b"tEXt", b"Author\0" + ARTIST.encode("latin-1")),
    (b"iTXt", b"Copyright\0\1\0\0\0" + zlib.compress(COPYRIGHT.encode())),
)
#: The ending and the bytes of files that all say the same.
SOURCES = {
    "JPEG": ("jpg", jpeg(camera())),
    "JPEG, big-endian": ("jpg", jpeg(camera(">"))),
    "JPEG, IPTC": ("jpg", saved("JPEG", dpi=(300, 300), extra=app13(IN_IPTC))),
    "PNG, eXIf": ("png", with_chunks((b"eXIf", camera()))),
    "PNG, texts": ("png", with_chunks(*TEXTS, (b"tEXt", b"Creation Time\0Wed, 01 May 2024 10:20:30 +0200"))),
    "PNG, texts, date in ISO's form": ("png", with_chunks(*TEXTS, packed(b"Creation Time", b"2024-05-01T10:20:30"))),
    "PNG, EXIF in a text": ("png", with_chunks(packed(b"Raw profile type exif", raw_profile(b"Exif\0\0" + camera())))),
    "TIFF": ("tif", tiff()),
    "TIFF in centimetres": ("tif", tiff(unit=3, resolution=300 / 2.54)),
    "BigTIFF, big-endian": ("tif", tiff(bigtiff=True, byteorder=">")),
    "WebP": ("webp", saved("WEBP", exif=b"Exif\0\0" + camera())),
    "AVIF": ("avif", saved("AVIF", exif=camera())),
    "HEIC": ("heic", heic((b"hvc1", b"pixels"), (b"Exif", struct.pack(">I", 6) + b"Exif\0\0" + camera()))),
    "JPEG XL": ("jxl", jpeg_xl(box(b"Exif", bytes(4) + camera()))),
    "JPEG XL, packed": ("jxl", jpeg_xl(box(b"brob", b"Exif" + imagecodecs.brotli_encode(bytes(4) + camera())))),
    "Photoshop": ("psd", photoshop(INCHES, resource(0x0422, camera()))),
    "Photoshop, IPTC": ("psd", photoshop(INCHES, IN_IPTC)),
    "OpenEXR": ("exr", open_exr()),
}
