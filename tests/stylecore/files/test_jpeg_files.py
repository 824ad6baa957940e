"""JPEG as it comes from cameras, scanners and broken downloads: cut off, of 12 bits, lossless, with ink, with odd EXIF."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from stylecore.errors import StyleError
from stylecore.files import pictures
from stylecore.files.metadata.orientation import orientation
from stylecore.files.photo_formats import jpeg_parts
from stylecore.files.pixels import colour_profiles, samples

NOISE = np.random.default_rng(1)
Y, X = np.mgrid[0:160, 0:120]
RGB = (np.stack([X * 2, Y, (X + Y) * 0.9], -1) + NOISE.normal(0, 3, (160, 120, 3))).clip(0, 255).astype(np.uint8)
DEEP = np.stack([X * 30 + Y % 7, Y * 25 + X % 7, (X + Y) * 14], -1).astype(np.uint16)  # 12 bits
P3 = imagecodecs.cms_profile(
    "rgb", whitepoint=[0.3127, 0.3290, 1], primaries=[0.68, 0.32, 1, 0.265, 0.69, 1, 0.15, 0.06, 1], gamma=2.2
)


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    memory = io.BytesIO()
    Image.fromarray(RGB).convert(mode).save(memory, "JPEG", **{"quality": 90, **options})
    return memory.getvalue()


KINDS = {
    "baseline": jpeg(), "progressive": jpeg(progressive=True), "grey": jpeg("L"), "ink": jpeg("CMYK"),
    "restarting": jpeg(restart_marker_blocks=5), "halved colour": jpeg(subsampling="4:2:0"),
    "12 bits": bytes(imagecodecs.jpeg8_encode(DEEP, bitspersample=12)),
    "lossless": bytes(imagecodecs.jpeg8_encode(DEEP << 4, lossless=True, bitspersample=16)),
}  # fmt: skip


def load(data: bytes, folder: Path, longest: int = 0) -> pictures.Picture:
    (folder / "a.jpg").write_bytes(data)
    return pictures.load(folder / "a.jpg", longest)


def refusal(data: bytes, folder: Path) -> str:
    with pytest.raises(StyleError) as caught:
        load(data, folder)
    assert caught.value.code == "not-a-picture" and caught.value.remedy
    return caught.value.sentence


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_without_its_end_is_read(kind: str, tmp_path: Path) -> None:
    whole = KINDS[kind]
    expected = load(whole, tmp_path)
    assert expected.notes == ()
    for data in (
        whole[:-1],
        whole[:-2],
        whole[:-2] + bytes(500),
        whole[:-2] + b"\xff",
        whole + bytes(500),
        whole + b"garbage" * 100,
        whole + KINDS["grey"],
    ):
        found = load(data, tmp_path)
        assert np.array_equal(found.pixels, expected.pixels) and found.depth == expected.depth
        assert found.notes == ()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("progressive", "lossless")])
def test_a_little_that_is_missing_is_told_and_much_is_refused(kind: str, tmp_path: Path) -> None:
    whole = KINDS[kind]
    expected = load(whole, tmp_path).pixels
    begin = whole.rindex(b"\xff\xda")
    found = load(whole[: len(whole) - (len(whole) - begin) // 50], tmp_path)
    (note,) = found.notes
    share = re.fullmatch(r"a\.jpg is cut off; about (\d\.\d) % of it is missing, and gray\.", note)
    assert share is not None and 0.4 <= float(share[1]) <= 5
    assert np.array_equal(found.pixels[:128], expected[:128])
    for share in (0.02, 0.3, 0.6, 0.85):
        length = begin + int((len(whole) - begin) * share)
        for data in (whole[:length], whole[:length] + bytes(len(whole) - length)):  # the room was reserved
            assert "cut off" in refusal(data, tmp_path)
    assert "no picture" in refusal(whole[: begin // 2], tmp_path)


def test_a_progressive_jpeg_that_is_cut_off(tmp_path: Path) -> None:
    whole = KINDS["progressive"]
    scans = [found.start() for found in re.finditer(rb"\xff\xda", whole)]
    assert len(scans) > 5
    for place in (scans[1], scans[3] + 40, scans[-1] - 30, scans[-1]):
        assert "cut off" in refusal(whole[:place], tmp_path)
    found = load(whole[: (scans[-1] + len(whole)) // 2], tmp_path)
    assert found.notes == ("a.jpg is cut off; it lacks some of its finest detail.",)
    assert np.abs(found.pixels - load(whole, tmp_path).pixels).mean() < 0.02


@pytest.mark.parametrize("bits", [2, 8, 10, 12, 14, 16])
def test_every_depth_is_read(bits: int, tmp_path: Path) -> None:
    shown = DEEP >> (12 - bits) if bits <= 12 else DEEP << (bits - 12)
    shown = shown.astype(np.uint8 if bits <= 8 else np.uint16)
    for each in (shown, np.ascontiguousarray(shown[..., 0])):
        found = load(imagecodecs.jpeg8_encode(each, lossless=True, bitspersample=bits), tmp_path)
        expected = each if each.ndim == 3 else np.repeat(each[..., None], 3, 2)
        assert found.depth == (16 if bits > 8 else 8)
        assert np.abs(found.pixels - expected / ((1 << bits) - 1)).max() < 1e-6
        if bits == 12:
            found = load(imagecodecs.jpeg8_encode(each, level=97, bitspersample=12), tmp_path)
            assert found.depth == 16 and np.abs(found.pixels - expected / 4095).mean() < 2e-3
            assert load(imagecodecs.jpeg8_encode(each, level=97, bitspersample=12), tmp_path, 40).pixels.shape == (
                40,
                30,
                3,
            )


def test_ink_is_read_as_pillow_reads_it(tmp_path: Path) -> None:
    found = load(KINDS["ink"], tmp_path).pixels
    assert np.abs(found - np.asarray(Image.open(tmp_path / "a.jpg").convert("RGB")) / 255).max() < 1 / 255
    assert np.abs(found - RGB / 255).mean() < 0.03
    # Adobe's ink is upside down, at any depth.
    ink = np.asarray(Image.fromarray(RGB).convert("CMYK"))
    deep = bytes(imagecodecs.jpeg8_encode(((255 - ink).astype(np.uint16) * 257), lossless=True, bitspersample=16))
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
    assert np.abs(load(deep[:2] + adobe + deep[2:], tmp_path).pixels - RGB / 255).max() < 0.01


def test_a_profile_in_pieces(tmp_path: Path) -> None:
    expected = load(jpeg(icc_profile=P3), tmp_path).pixels
    assert np.abs(expected - load(jpeg(), tmp_path).pixels).max() > 0.05
    data = jpeg()
    pieces = [P3[:200], P3[200:450], P3[450:]]
    parts = [b"ICC_PROFILE\0" + bytes([number, len(pieces)]) + piece for number, piece in enumerate(pieces, 1)]
    segments = [b"\xff\xe2" + struct.pack(">H", len(part) + 2) + part for part in parts]
    found = load(data[:2] + segments[2] + segments[0] + segments[1] + data[2:], tmp_path)
    assert np.array_equal(found.pixels, expected)
    deep = KINDS["12 bits"]
    plain = load(deep, tmp_path).pixels
    found = load(deep[:2] + b"".join(segments) + deep[2:], tmp_path)
    assert np.abs(found.pixels - colour_profiles.to_srgb(plain, P3)).max() < 1e-3


def test_a_phone_s_second_picture_is_no_page(tmp_path: Path) -> None:
    image = Image.fromarray(RGB)
    image.save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=[image.rotate(180)], quality=90)
    found = pictures.load(tmp_path / "a.mpo")
    assert found.notes == () and np.abs(found.pixels - RGB / 255).mean() < 0.03


def test_a_jpeg_is_decoded_small_where_it_is_wanted_small(tmp_path: Path) -> None:
    whole = load(KINDS["baseline"], tmp_path).pixels
    for kind in ("baseline", "progressive"):
        for longest in (100, 50, 20):
            small = load(KINDS[kind], tmp_path, longest).pixels
            assert max(small.shape) == longest
            assert np.abs(small.mean((0, 1)) - whole.mean((0, 1))).max() < 0.01


def exif(*entries: tuple[int, int, int, bytes], order: str = "<") -> bytes:
    """A block of tags, kinds, counts and values of four bytes."""
    body = struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        body += struct.pack(order + "HHI", tag, kind, count) + value
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + body + bytes(4)


def short(value: int, order: str = "<") -> bytes:
    return struct.pack(order + "HH", value, 0)


TURNED = (0x0112, 3, 1, short(6))
#: What has been seen in photos, or could be: each beside an orientation of 6, which is what counts.
ODD = {
    "nothing": [],
    "a number beyond its kind": [(0x0128, 4, 1, struct.pack("<I", 4_000_000_000))],
    "a negative number": [(0x010E, 8, 1, struct.pack("<h", -5) + bytes(2))],
    "text without an end, far away": [(0x010F, 2, 4_000_000, struct.pack("<I", 0x7FFFFFFF))],
    "a kind that is none": [(0x0110, 77, 1, bytes(4))],
    "no values at all": [(0x0110, 3, 0, bytes(4))],
    "a fraction over nothing": [(0x011A, 5, 1, struct.pack("<I", 8))],
    "folders that lead nowhere": [(0x8769, 4, 1, struct.pack("<I", 0xFFFFFFF0)), (0x8825, 4, 1, struct.pack("<I", 3))],
    "a folder that leads to itself": [(0x8769, 4, 1, struct.pack("<I", 8))],
}


def holders(block: bytes) -> dict[str, bytes]:
    """A picture with this EXIF in each format that Pillow writes it to."""
    image, found = Image.fromarray(RGB), {}
    for kind, options in {"JPEG": {"quality": 95}, "PNG": {}, "WEBP": {"lossless": True}, "AVIF": {"quality": 95}}.items():
        memory = io.BytesIO()
        # AVIF has its own word for it, which Pillow takes from the EXIF that it is given to write.
        given = exif(TURNED) if kind == "AVIF" else block
        image.save(memory, kind, exif=b"Exif\0\0" + given, **options)
        found[kind] = memory.getvalue()
    return found


@pytest.mark.parametrize("odd", ODD)
def test_the_orientation_counts_and_nothing_else_in_exif(odd: str, tmp_path: Path) -> None:
    expected = samples.turn(RGB, 6) / 255
    for kind, data in holders(exif(*ODD[odd], TURNED)).items():
        found = load(data, tmp_path)
        assert found.pixels.shape == expected.shape, kind
        assert np.abs(found.pixels - expected).mean() < (0.03 if kind in ("JPEG", "AVIF") else 1e-6), kind


def test_a_tiff_with_odd_tags_is_turned(tmp_path: Path) -> None:
    for extra in ((0x0128, "I", 1, 4_000_000_000, True), (0x010E, "h", 1, -5, True)):
        tifffile.imwrite(
            tmp_path / "a.tif", RGB, photometric="rgb", extratags=[(274, "H", 1, 6, True), extra], metadata=None
        )
        assert np.array_equal(pictures.load(tmp_path / "a.tif").pixels, (samples.turn(RGB, 6) / np.float32(255)))


@pytest.mark.parametrize(("entry", "turned"), [
    ((0x0112, 3, 1, short(0)), 1), ((0x0112, 3, 1, short(9)), 1), ((0x0112, 3, 1, short(65535)), 1),
    ((0x0112, 3, 2, struct.pack("<HH", 6, 6)), 1), ((0x0112, 2, 2, b"6\0\0\0"), 1), ((0x0112, 7, 4, b"\6\0\0\0"), 1),
    ((0x0112, 5, 1, struct.pack("<I", 8)), 1), ((0x0112, 8, 1, struct.pack("<hh", -6, 0)), 1),
    ((0x0112, 4, 1, struct.pack("<I", 6)), 6), ((0x0112, 3, 1, short(8)), 8),
])  # fmt: skip
def test_an_orientation_that_makes_no_sense_is_none(
    entry: tuple[int, int, int, bytes], turned: int, tmp_path: Path
) -> None:
    expected = samples.turn(RGB, turned)
    for kind, data in holders(exif(entry)).items():
        if kind != "AVIF":
            assert load(data, tmp_path).pixels.shape == expected.shape, kind


def test_where_an_orientation_is_found() -> None:
    for order in ("<", ">"):
        block = exif((0x0112, 3, 1, short(7, order)), order=order)
        for before in (b"", b"Exif\0\0", b"Exif\0\0Exif\0\0", b"\0\0\0\0Exif\0\0"):
            assert orientation(before + block) == 7
    for block in (b"", b"Exif\0\0", b"II*\0", exif(TURNED)[:15], exif(TURNED)[:18], b"nothing"):
        assert orientation(block) == 1
    xmp = b'<rdf:Description tiff:Orientation="3"/>'
    assert orientation(None, xmp) == 3 == orientation(None, b"<tiff:Orientation>3</tiff:Orientation>")
    assert orientation(exif(TURNED), xmp) == 6
    assert orientation(exif((0x0112, 3, 1, short(99))), xmp) == 3
    assert orientation(None, b'tiff:Orientation="9"') == 1 == orientation(None, b'tiff:Orientation="60"')


def test_xmp_turns_what_has_no_exif(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    for kind in ("JPEG", "WEBP"):
        memory = io.BytesIO()
        Image.fromarray(RGB).save(memory, kind, xmp=xmp)
        assert load(memory.getvalue(), tmp_path).pixels.shape == (120, 160, 3)


def test_what_speaks_about_a_picture_is_kept_from_the_decoder(tmp_path: Path) -> None:
    """A maker's note of any bytes, a comment, and parts that libjpeg would stumble over."""
    data = jpeg(exif=b"Exif\0\0" + exif(TURNED))
    notes = b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", 3002) + NOISE.bytes(3000) for marker in (0xE1, 0xE2, 0xE5, 0xFE)
    )
    found = load(data[:2] + notes + data[2:], tmp_path)
    assert np.array_equal(found.pixels, load(data, tmp_path).pixels)
    told = jpeg_parts.parts(data[:2] + notes + data[2:])
    assert (told.width, told.height, told.orientation, told.is_whole) == (120, 160, 6, True)
    assert NOISE.bytes(10) not in told.data and len(told.data) < len(data)
