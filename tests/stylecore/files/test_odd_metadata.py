"""Metadata that make no sense: they are left out, take nothing else with them, and do no harm."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stylecore.files import pictures, writing
from stylecore.files.metadata import record, xmp
from stylecore.files.metadata.record import Metadata
from tests.stylecore.files.metadata_samples import (
    ARTIST,
    COPYRIGHT,
    PIXELS,
    SOURCES,
    XMP,
    exif,
    jpeg,
    rational,
    read,
    short,
    text,
    with_chunks,
)

GOOD = text(0x8298, COPYRIGHT)
ODD = {
    "resolution by nothing": [rational(0x11A, 300, 0), rational(0x11B, 0, 0), short(0x128, 2)],
    "resolution of nothing": [rational(0x11A, 0), rational(0x11B, 0), short(0x128, 2)],
    "resolution beyond all": [rational(0x11A, 4_294_967_295), short(0x128, 2)],
    "resolution in text": [text(0x11A, "three hundred"), short(0x128, 2)],
    "an unknown unit": [rational(0x11A, 300), (0x128, "long", 1, struct.pack("<I", 4_000_000_000))],
    "numbers for a name": [(0x13B, "rational", 3, bytes(24))],
    "an unknown type": [(0x13B, "none", 4, b"Anna")],
    "an endless name": [(0x13B, "text", 4_294_967_295, b"\xff" * 8)],
    "a name that lies beyond the file": [(0x13B, "text", 400, b"\xf0\xff\xff\xff")],
    "a megabyte of name": [text(0x13B, "x" * 60_000)],
    "an empty name": [text(0x13B, "  \0 \0")],
    "a date of blanks": [text(0x132, "    :  :     :  :  ")],
    "a date of zeros": [text(0x132, "0000:00:00 00:00:00")],
    "a date as a number": [(0x132, "long", 1, bytes(4))],
    "a directory that is none": [(0x8769, "long", 1, b"\xff\xff\xff\x7f")],
    "a directory in itself": [(0x8769, "long", 1, struct.pack("<I", 8))],
    "orientation of 99": [short(0x112, 99)],
    "orientation as text": [text(0x112, "up")],
    "a rest of XMP": [(700, "byte", 8, b"<rdf:RDF")],
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_makes_no_sense_is_left_out_alone(name: str, tmp_path: Path) -> None:
    found = read(jpeg(exif([*ODD[name], GOOD])), tmp_path)
    assert found == Metadata(copyright=COPYRIGHT), found
    for ending in ("jpg", "png", "tif"):
        writing.save(tmp_path / f"a.{ending}", PIXELS, metadata=found)
        assert pictures.load(tmp_path / f"a.{ending}").metadata == found


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (b"Ann M\xfcller", "Ann Müller"), ("Ann Müller".encode(), "Ann Müller"), (b"Ann\r\n\tM\x07", "Ann M"),
        (b"Ann\0what lies behind", "Ann"), ("安藤".encode(), "安藤"), (b"\x81\x8d", "��"),
    ],
)  # fmt: skip
def test_names_in_any_encoding_become_a_line_that_is_read_again(said: bytes, meant: str, tmp_path: Path) -> None:
    found = read(jpeg(exif([text(0x13B, said), text(0x8298, b"Ann\0" + said)])), tmp_path)
    assert found.artist == meant and found.copyright == f"Ann; {meant}"
    for ending in ("jpg", "png", "tif", "webp", "avif", "jp2", "exr"):
        writing.save(tmp_path / f"a.{ending}", PIXELS, metadata=found)
        again = pictures.load(tmp_path / f"a.{ending}").metadata
        assert again is not None and again.artist == meant, ending


def test_windows_own_author_counts_where_there_is_no_other(tmp_path: Path) -> None:
    named = "Ann Müller".encode("utf-16-le")
    assert read(jpeg(exif([(0x9C9D, "byte", len(named), named)])), tmp_path).artist == ARTIST


ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
)
XMPS = {
    "ten megabytes of history": (XMP.replace(b"EDIT-HISTORY", b"EDIT-HISTORY " * 800_000), True),
    "cut off behind the rights": (XMP[: XMP.index(b"<xmpMM:History>") + 20], True),
    "behind its end": (XMP + b"\0" * 2000 + b"<", True),
    "UTF-16": (XMP.decode().encode("utf-16"), True),
    "control characters": (XMP.replace(b"<xmpMM:History>", b"<xmpMM:History>\x01\0\x1f"), True),
    "a document type": (ENTITIES + XMP[XMP.index(b"<x:") :], False),
    "entities": (ENTITIES + XMP[XMP.index(b"<x:") :].replace(b"Ann", b"&b;&f;"), False),
    "no XML": (b"\xff\xfe\0" * 50, False),
    "XML of something else": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", False),
}


@pytest.mark.parametrize("name", XMPS)
def test_xmp_is_read_with_care(name: str, tmp_path: Path) -> None:
    packet, is_read = XMPS[name]
    chunk = with_chunks((b"tEXt", b"Copyright\0Free"), (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)))
    found = read(chunk, tmp_path, "png")
    assert found.artist == ("Ann Müller; Bo" if is_read else "") and len(found.xmp) < 3000
    assert found.copyright == ("All rights" if is_read else "Free")


def test_a_statement_without_end_is_left_out_alone(tmp_path: Path) -> None:
    packets = [XMP.replace(b"Alle Rechte", b"Alle Rechte " * 100_000)]
    packets.append(XMP.replace(b"<rdf:li>Bo</rdf:li>", b"<rdf:li>Bo</rdf:li>" * 30_000))
    packets.append(XMP.replace(b"<rdf:li>Bo</rdf:li>", b"<rdf:li>" * 30_000 + b"</rdf:li>" * 30_000))
    for packet in packets:
        found = xmp.read(packet)
        assert len(found.packet) < 3000 and b"ann@example.org" in found.packet and b"creativecommons" in found.packet
    many = XMP.replace(
        b"xmpRights:Marked=", b"".join(b'xmpRights:P%d="%s" ' % (n, b"x" * 15_000) for n in range(9)) + b"xmpRights:Marked="
    )
    assert 30_000 < len(xmp.read(many).packet) < 65_000  # a JPEG has room for no more
    writing.save(
        tmp_path / "a.jpg",
        PIXELS,
        metadata=Metadata(artist="x" * 15_000, copyright="y" * 15_000, xmp=xmp.read(many).packet),
    )
    again = pictures.load(tmp_path / "a.jpg").metadata
    assert again is not None and len(again.artist) == len(again.copyright) == 15_000


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SOURCES)), st.data())
def test_damage_anywhere_does_no_harm(tmp_path: Path, name: str, data: st.DataObject) -> None:
    ending, source = SOURCES[name]
    damaged = bytearray(source)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(damaged), 1500) - 1))
        damaged[place : place + 4] = data.draw(st.binary(max_size=6))
    (tmp_path / f"a.{ending}").write_bytes(damaged)
    found = record.read(tmp_path / f"a.{ending}")
    if found is not None:
        assert len(writing.encode("a.jpg", PIXELS, metadata=found)) and len(writing.encode("a.tif", PIXELS, metadata=found))
