"""HEIC, AVIF, JPEG XL, JPEG 2000, WebP and Radiance HDR of every depth and colour, turned; reading in little memory."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from stylecore.errors import StyleError
from stylecore.files import pictures, writing
from stylecore.files.metadata import iso_boxes
from stylecore.files.photo_formats import heif_files, heif_properties, jpegxl_header
from stylecore.files.pixels import coded_colours, colour_profiles, rows, samples
from stylecore.files.pixels.coded_colours import CodePoints

ROOT = Path(__file__).resolve().parents[3]
HEIC = Path(__file__).parent / "heic"
Y, X = np.mgrid[0:40, 0:60]
RGBA = np.stack([X * 4, Y * 6, (X + Y) * 2, 255 - X], -1).astype(np.uint8)
RGB = np.ascontiguousarray(RGBA[..., :3])
P3 = imagecodecs.cms_profile(
    "rgb", whitepoint=[0.3127, 0.3290, 1], primaries=[0.68, 0.32, 1, 0.265, 0.69, 1, 0.15, 0.06, 1], gamma=2.2
)


def load(data: bytes, folder: Path, longest: int = 0) -> pictures.Picture:
    (folder / "a.bin").write_bytes(data)
    return pictures.load(folder / "a.bin", longest)


def deep(bits: int, alpha: bool = False) -> np.ndarray[Any, Any]:
    """The picture in so many bits; no neighbouring levels of 8 bits are the same."""
    whole = RGBA.astype(np.uint16) * 257 + Y[..., None] % 3
    whole = whole >> (16 - bits)
    return np.ascontiguousarray(whole if alpha else whole[..., :3]).astype(np.uint8 if bits == 8 else np.uint16)


def saved(kind: str, image: Image.Image, **options: Any) -> bytes:
    memory = io.BytesIO()
    image.save(memory, kind, **options)
    return memory.getvalue()


def exif(orientation: int) -> bytes:
    made = Image.Exif()
    made[0x0112] = orientation
    return made.tobytes()


# HEIC


@pytest.mark.parametrize(("name", "depth"), [("plain", 8), ("turned", 8), ("deep", 16), ("alpha", 8)])
def test_photos_of_phones(name: str, depth: int) -> None:
    """Red, green, blue and yellow quarters; ``turned`` by 90°, and ``alpha`` in Display P3 and transparent above."""
    found = pictures.load(HEIC / f"{name}.heic")
    assert found.depth == depth and found.notes == ()
    quarters = np.array([[(200, 40, 40), (40, 180, 60)], [(50, 60, 200), (230, 220, 90)]])
    if name == "turned":
        quarters = samples.turn(quarters, 6)
    seen = found.pixels[12::24, 16::32] if name != "turned" else found.pixels[16::32, 12::24]
    if name == "alpha":
        assert np.array_equal(found.pixels[..., 3], np.repeat([0, 1], 24)[:, None] * np.ones((1, 64)))
        expected = colour_profiles.to_srgb(quarters.astype(np.uint8), P3)
        assert np.abs(seen[1, :, :3] - expected[1]).max() < 0.02
    else:
        assert np.abs(seen * 255 - quarters).max() < 2.5


def test_a_heic_that_is_damaged_or_cut_off_is_refused(tmp_path: Path) -> None:
    data = (HEIC / "plain.heic").read_bytes()
    for changed in (data[:200], data[:-150], data[:40], data.replace(b"hvcC", b"xxxx"), data.replace(b"ispe", b"xxxx")):
        with pytest.raises(StyleError) as caught:
            load(changed, tmp_path)
        assert caught.value.code == "not-a-picture"


def test_avif_is_named_to_who_wants_to_write_heic() -> None:
    for name in ("a.heic", "a.HEIF", "a.hif"):
        with pytest.raises(StyleError, match="can be written") as caught:
            writing.format_of(name)
        assert ".avif" in caught.value.remedy


def test_without_its_package_heic_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)  # as where it could not be installed
    with pytest.raises(StyleError, match="pi-heif"):
        pictures.load(HEIC / "plain.heic")


def test_which_files_are_heif() -> None:
    def head(*brands: bytes) -> bytes:
        return (16 + 4 * len(brands[1:])).to_bytes(4, "big") + b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])

    for brands in ((b"heic",), (b"mif1", b"heic"), (b"mif1", b"miaf", b"heix"), (b"avif", b"mif1"), (b"mif1", b"avif")):
        assert heif_files.reads(head(*brands))
    for brands in ((b"isom", b"mp42"), (b"avis", b"avif"), (b"crx ", b"heic"), (b"qt  ",), (b"mif1",)):
        assert not heif_files.reads(head(*brands))


# AVIF


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("alpha", [False, True])
def test_avif_of_every_depth(bits: int, alpha: bool, tmp_path: Path) -> None:
    shown = deep(bits, alpha)
    for each in (shown, np.ascontiguousarray(shown[..., 0])):
        found = load(imagecodecs.avif_encode(each, level=100, speed=9, bitspersample=bits), tmp_path)
        expected = (each if each.ndim == 3 else np.repeat(each[..., None], 3, 2)) / ((1 << bits) - 1)
        assert found.pixels.shape == expected.shape and found.depth == (8 if bits == 8 else 16)
        assert np.abs(found.pixels - expected).max() < 0.02


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_turned_by_its_own_word(orientation: int, tmp_path: Path) -> None:
    data = saved("AVIF", Image.fromarray(RGB), quality=100, speed=9, exif=exif(orientation))
    assert (b"irot" in data or b"imir" in data) == (orientation > 1)
    expected = samples.turn(RGB, orientation) / 255
    found = load(data, tmp_path).pixels
    assert found.shape == expected.shape and np.abs(found - expected).max() < 0.05


def test_the_colours_of_avif(tmp_path: Path) -> None:
    with_profile = load(saved("AVIF", Image.fromarray(RGB), quality=100, speed=9, icc_profile=P3), tmp_path)
    assert np.abs(with_profile.pixels - colour_profiles.to_srgb(RGB, P3)).mean() < 0.01
    for transfer, name in ((16, "PQ"), (18, "HLG")):
        encoded = imagecodecs.avif_encode(
            deep(10), level=100, speed=9, bitspersample=10, primaries=9, transfer=transfer, matrix=9
        )
        found = load(encoded, tmp_path)
        expected = coded_colours.to_srgb((deep(10) / 1023).astype(np.float32), CodePoints(9, transfer))
        assert np.abs(found.pixels - expected).mean() < 0.01
        assert found.notes == (f"a.bin is HDR ({name}); light brighter than paper becomes white.",)
    plain = load(imagecodecs.avif_encode(RGB, level=100, speed=9, primaries=12, transfer=13, matrix=6), tmp_path)
    assert np.abs(plain.pixels - coded_colours.to_srgb(RGB, CodePoints(12, 13))).mean() < 0.01


def test_boxes_of_any_length_end() -> None:
    for data in (b"", bytes(7), bytes(100), b"\0\0\0\1meta", b"\0\0\0\1meta" + bytes(8), b"\xff" * 99, b"\0\0\0\7meta"):
        assert len(list(iso_boxes.boxes(io.BytesIO(data), 0, len(data)))) <= 1
        with pytest.raises(ValueError, match="it names no picture"):
            heif_properties.heif(io.BytesIO(data))


# JPEG XL


@pytest.mark.parametrize("kind", ["u1", "u2", "f2", "f4"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_jpeg_xl_of_every_kind(kind: str, channels: int, tmp_path: Path) -> None:
    part = RGBA[..., [2, 3]] if channels == 2 else RGBA[..., :channels]
    shown = part.astype(kind) * np.array(257 if kind == "u2" else 1, kind) / (255 if kind[0] == "f" else 1)
    shown = np.ascontiguousarray(shown.astype(kind) if channels > 1 else shown[..., 0].astype(kind))
    for container in (False, True):
        found = load(imagecodecs.jpegxl_encode(shown, lossless=True, usecontainer=container), tmp_path)
        expected = part[..., [0, 0, 0, 1][: 3 + (channels == 2)]] / 255 if channels < 3 else part / 255
        if kind != "u1":  # the encoder says of these that they are light
            light = expected[..., :3].astype(np.float32)
            expected = np.concatenate([colour_profiles.encode_srgb(light), expected[..., 3:]], 2)
        assert found.pixels.shape == expected.shape and found.notes == ()
        assert found.depth == {"u1": 8, "u2": 16, "f2": 16, "f4": 32}[kind]
        assert np.abs(found.pixels - expected).max() < (2e-3 if kind == "f2" else 1e-6)


def test_jpeg_xl_of_fewer_bits_is_filled_up(tmp_path: Path) -> None:
    for bits in (10, 12, 14):
        found = load(imagecodecs.jpegxl_encode(deep(bits), lossless=True, bitspersample=bits), tmp_path)
        expected = colour_profiles.encode_srgb((deep(bits) / ((1 << bits) - 1)).astype(np.float32))
        assert found.depth == 16 and np.abs(found.pixels - expected).max() < 1e-6


def test_the_size_is_known_before_a_jpeg_xl_is_decoded() -> None:
    for height, width in ((1, 1), (1, 300), (5000, 3), (600, 800), (256, 256), (480, 640), (513, 1025), (9000, 12)):
        data = imagecodecs.jpegxl_encode(np.zeros((height, width, 3), np.uint8), lossless=True, effort=1)
        told = jpegxl_header.header(data)
        assert (told.height, told.width) == (height, width)
    for cut in range(2, 6):
        with pytest.raises(ValueError, match="cut off"):
            jpegxl_header.header(data[:cut])


def test_an_animation_and_a_jpeg_in_jpeg_xl(tmp_path: Path) -> None:
    found = load(imagecodecs.jpegxl_encode(np.stack([RGB, 255 - RGB]), photometric="rgb", lossless=True), tmp_path)
    assert np.abs(found.pixels - RGB / 255).max() < 1e-6
    assert found.notes == ("a.bin is an animation; the first frame is painted.",)
    # A JPEG made smaller without loss keeps its profile and its orientation.
    jpeg = saved("JPEG", Image.fromarray(RGB), quality=95, icc_profile=P3, exif=exif(6))
    expected = load(jpeg, tmp_path)
    try:
        encoded = imagecodecs.jpegxl_encode_jpeg(jpeg)
    except imagecodecs.JpegxlError as error:
        pytest.skip(str(error))
    found = load(encoded, tmp_path)
    assert found.notes == () and np.array_equal(found.pixels, expected.pixels)


# JPEG 2000 and WebP


@pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 16])
def test_jpeg_2000_of_every_depth(bits: int, tmp_path: Path) -> None:
    for ending in ("jp2", "j2k"):
        for alpha in (False, True):
            shown = deep(bits, alpha)
            for each in (shown, np.ascontiguousarray(shown[..., 0])):
                encoded = imagecodecs.jpeg2k_encode(each, level=0, codecformat=ending, bitspersample=bits)
                found = load(encoded, tmp_path)
                most = (1 << bits) - 1
                expected = (each if each.ndim == 3 else np.repeat(each[..., None], 3, 2)) / most
                assert found.pixels.shape == expected.shape and found.depth == (8 if bits == 8 else 16)
                assert np.abs(found.pixels - expected).max() < 1.01 / most  # the encoder rounds


@pytest.mark.parametrize("lossless", [True, False])
def test_webp(lossless: bool, tmp_path: Path) -> None:
    for channels in (3, 4):
        image = Image.fromarray(RGBA[..., :channels])
        options = {"lossless": lossless, "quality": 100, "exact": True}
        plain = load(saved("WEBP", image, **options), tmp_path)
        assert plain.pixels.shape == (40, 60, channels)
        assert np.abs(plain.pixels - RGBA[..., :channels] / 255).max() < (1e-6 if lossless else 0.06)
        found = load(saved("WEBP", image, exif=exif(8), icc_profile=P3, **options), tmp_path).pixels
        assert np.abs(found[..., :3] - samples.turn(colour_profiles.to_srgb(RGB, P3), 8)).max() < (
            1e-3 if lossless else 0.2
        )
    moving = saved("WEBP", image, save_all=True, append_images=[image.rotate(180)], lossless=True)
    assert np.abs(load(moving, tmp_path).pixels[..., :3] - RGB / 255).max() < 0.02


# Radiance HDR

LIGHT = (RGB / np.float32(200)).astype(np.float32)
HDR = bytes(imagecodecs.rgbe_encode(np.ascontiguousarray(LIGHT)))
HEADER, BODY = HDR.split(b"\n\n-Y 40 +X 60\n")


def placed(stored: np.ndarray[Any, Any], first: str, second: str) -> np.ndarray[Any, Any]:
    """Scanlines as they lie in a file, put where the header's two words say, one by one."""
    lines, length = stored.shape[:2]
    sizes = {first[1]: lines, second[1]: length}
    seen = np.zeros((sizes["Y"], sizes["X"], 3), np.float32)
    for i in range(lines):
        for j in range(length):
            at = {first[1]: i if first[0] == "+" else lines - 1 - i, second[1]: j if second[0] == "+" else length - 1 - j}
            seen[sizes["Y"] - 1 - at["Y"], at["X"]] = stored[i, j]
    return seen


def test_radiance_hdr_is_light_and_may_be_brighter_than_white(tmp_path: Path) -> None:
    found = load(HDR, tmp_path)
    assert found.depth == 32 and found.notes == ()
    assert np.abs(found.pixels - colour_profiles.encode_srgb(LIGHT)).max() < 0.03
    assert (RGB > 200).any() and found.pixels.max() == pytest.approx(1)
    brighter = load(HDR.replace(b"FORMAT", b"EXPOSURE=4\nFORMAT"), tmp_path)
    assert np.array_equal(brighter.pixels, found.pixels)


@pytest.mark.parametrize("first", ["-Y", "+Y", "-X", "+X"])
@pytest.mark.parametrize("sign", "+-")
def test_scanlines_in_any_order(first: str, sign: str, tmp_path: Path) -> None:
    second = sign + ("X" if first[1] == "Y" else "Y")
    data = HEADER + f"\n\n{first} 40 {second} 60\n".encode() + BODY
    expected = placed(load(HDR, tmp_path).pixels, first, second)
    assert np.array_equal(load(data, tmp_path).pixels, expected)


def test_older_and_unpacked_radiance_files(tmp_path: Path) -> None:
    quarters = np.zeros((40, 60, 4), np.uint8)
    quarters[:20], quarters[20:], quarters[30, 7] = (128, 64, 32, 128), (200, 100, 50, 129), (90, 90, 90, 130)
    start = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 40 +X 60\n"
    flat = load(start + quarters.tobytes(), tmp_path).pixels
    assert flat[3, 3] == pytest.approx(colour_profiles.encode_srgb(np.float32([0.5, 0.25, 0.125])), abs=5e-3)
    packed, line = b"", quarters.reshape(-1, 4)
    place = 0
    while place < len(line):
        same = place
        while same + 1 < len(line) and (line[same + 1] == line[place]).all():
            same += 1
        count, packed = same - place, packed + line[place].tobytes()
        while count:
            packed, count = packed + bytes([1, 1, 1, count & 255]), count >> 8
        place = same + 1
    assert np.array_equal(load(start + packed, tmp_path).pixels, flat)
    for data in (start + packed[:-4], start + packed[: len(packed) // 2], start, HDR[: len(HDR) * 2 // 3], HEADER):
        with pytest.raises(StyleError):
            load(data, tmp_path)


def test_radiance_in_other_colours(tmp_path: Path) -> None:
    xyz = np.ascontiguousarray(LIGHT @ colour_profiles.SRGB_TO_XYZ.T, np.float32)
    found = load(imagecodecs.rgbe_encode(xyz).replace(b"rgbe\n", b"xyze\n"), tmp_path).pixels
    assert np.abs(found - colour_profiles.encode_srgb(LIGHT)).mean() < 0.01
    corners = b"PRIMARIES= 0.7080 0.2920 0.1700 0.7970 0.1310 0.0460 0.3127 0.3290\nFORMAT"
    found = load(HDR.replace(b"FORMAT", corners), tmp_path).pixels
    expected = coded_colours.to_srgb(LIGHT.clip(0, 2), CodePoints(9, 8))
    assert np.abs(found - expected).mean() < 0.01


# Reading a few rows at a time


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("reduction", [1, 3, 7, 100])
def test_rows_are_put_together(orientation: int, reduction: int) -> None:
    whole = (RGBA / np.float32(255)).astype(np.float32)
    assembly = rows.Assembly(60, 40, reduction, orientation)
    for top, bottom in ((0, 1), (1, 9), (9, 30), (30, 40)):
        assembly.add(whole[top:bottom])
    blocks = [
        [whole[y : y + reduction, x : x + reduction].reshape(-1, 4) for x in range(0, 60, reduction)]
        for y in range(0, 40, reduction)
    ]
    expected = np.array(
        [[[*(b[:, :3] * b[:, 3:]).sum(0) / b[:, 3].sum(), b[:, 3].mean()] for b in line] for line in blocks]
    )
    assert np.abs(assembly.pixels() - samples.turn(expected, orientation)).max() < 1e-5
    with pytest.raises(ValueError, match="rows are there"):
        rows.Assembly(60, 40, reduction, orientation).pixels()


def test_what_is_enough() -> None:
    assert rows.Wanted(enough=1 << 20).reduction(4000, 4000) == 1  # no more than 16 megapixels: as it is
    assert rows.Wanted(enough=1 << 20).reduction(12_000, 9_000) == 10
    assert rows.Wanted(enough=1 << 20).reduction(1_000_000, 128) == 2  # a strip stays wide enough
    assert rows.Wanted(longest=100).reduction(399, 10) == 1
    assert rows.Wanted(longest=100).reduction(12_000, 9_000) == 60
    assert rows.EVERYTHING.reduction(20_000, 20_000) == 1


def large_and_small(folder: Path, kinds: tuple[str, ...]) -> list[str]:
    """Files of 12 megapixels, and small ones of the same kinds whose names come first; returns their paths in order."""
    for name, size in (("a small", (40, 60)), ("large", (3000, 4000))):
        picture = np.zeros((*size, 3), np.uint8)
        picture[: size[0] // 2, : size[1] // 2] = (200, 30, 90)
        if "png" in kinds:
            (folder / f"{name}.png").write_bytes(imagecodecs.png_encode(picture, level=1))
            (folder / f"{name} deep.png").write_bytes(imagecodecs.png_encode(picture.astype(np.uint16), level=1))
        for kind, options in (
            ("jpg", {}),
            ("webp", {"lossless": True, "method": 0, "quality": 0}),
            ("tif", {}),
            ("bmp", {}),
        ):
            if kind in kinds:
                Image.fromarray(picture).save(folder / f"{name}.{kind}", **options)
    return sorted(map(str, folder.iterdir()))


_MEASURE = """
import sys
from pathlib import Path
from stylecore.files import pictures
def status(name): return int(Path("/proc/self/status").read_text().split(name + ":")[1].split()[0])
for path in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    assert max(pictures.load(path, 50).pixels.shape) == 50
    print(path, (status("VmHWM") - before) // 1024, sep=chr(9))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is told by Linux")
def test_a_large_picture_that_is_wanted_small_takes_little_memory(tmp_path: Path) -> None:
    """In floats it would take 144 MB, in bytes it takes 36, and in Pillow's 48."""
    paths = large_and_small(tmp_path, ("png", "jpg", "webp", "tif"))
    done = subprocess.run([sys.executable, "-c", _MEASURE, *paths], cwd=ROOT, capture_output=True, text=True, check=True)
    figures = dict(line.split("\t") for line in done.stdout.splitlines())
    assert len(figures) == len(paths) == 10
    assert all(int(megabytes) < 120 for megabytes in figures.values()), figures


_WITHOUT_MEMORY = """
import resource, sys
from pathlib import Path
from stylecore.errors import StyleError
from stylecore.files import pictures
for path in sys.argv[1:]:
    if "small" in path:
        pictures.load(path)
        continue
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (20 << 20), resource.RLIM_INFINITY))
    try:
        pictures.load(path)
        print("read")
    except StyleError as error:
        print(error.code, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there a limit of memory holds")
def test_too_little_memory_is_called_so(tmp_path: Path) -> None:
    paths = large_and_small(tmp_path, ("png", "jpg", "webp", "bmp"))
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_MEMORY, *paths], cwd=ROOT, capture_output=True, text=True, check=True
    )
    large = [path for path in paths if "small" not in path]
    for path, line in zip(large, done.stdout.splitlines(), strict=True):
        assert line.startswith(f"out-of-memory There is too little memory to read {path}."), done.stdout


@pytest.mark.parametrize("error", [
    MemoryError(), RuntimeError("Out of memory"), OSError("Insufficient memory (case 4)"), RuntimeError("std::bad_alloc"),
])  # fmt: skip
def test_libraries_have_their_own_words_for_it(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(imagecodecs, "webp_decode", fails)
    with pytest.raises(StyleError, match="too little memory") as caught:
        load(saved("WEBP", Image.fromarray(RGB)), tmp_path)
    assert caught.value.code == "out-of-memory" and caught.value.remedy


@pytest.mark.parametrize("make", [
    lambda width, height: b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + bytes(900),
    lambda width, height: b"P6\n%d %d\n255\n" % (width, height) + bytes(900),
    lambda width, height: b"#?RADIANCE\n\n-Y %d +X %d\n" % (height, width) + bytes(900),
])  # fmt: skip
def test_a_small_file_that_claims_a_giant_is_refused_at_once(make: Callable[[int, int], bytes], tmp_path: Path) -> None:
    for size in ((19_000, 19_000), (60_000, 900)):
        with pytest.raises(StyleError) as caught:
            load(make(*size), tmp_path)
        assert caught.value.code == "not-a-picture"
