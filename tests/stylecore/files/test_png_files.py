"""PNG as others write it: large or damaged texts, wrong check sums, every depth, interlaced, gamma and code points."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from benchmarks.file_samples import png_chunk
from stylecore.errors import StyleError
from stylecore.files import pictures
from stylecore.files.pixels import colour_profiles, rows

Y, X = np.mgrid[0:21, 0:30]
RGBA = np.stack([X * 8, Y * 12, (X + Y) * 5, 255 - X], -1).astype(np.uint8)
DEEP = RGBA.astype(np.uint16) * 257 - X[..., None].astype(np.uint16)
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
ICC = colour_profiles.SRGB
Chunk = tuple[bytes, bytes]


def png(
    samples: np.ndarray[Any, Any],
    *before: Chunk,
    depth: int = 0,
    colour: int = -1,
    interlaced: bool = False,
    after: tuple[Chunk, ...] = (),
    filters: bool = False,
) -> bytes:
    """A PNG of H × W × C samples with these chunks before and behind its pixels."""
    samples = samples if samples.ndim == 3 else samples[..., None]
    height, width, channels = samples.shape
    depth = depth or samples.dtype.itemsize * 8
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels] if colour < 0 else colour
    packed = b""
    for left, top, across, down in PASSES if interlaced else ((0, 0, 1, 1),):
        part = samples[top::down, left::across]
        if part.size:
            packed += b"".join(filtered(packed_rows(part, depth), max(1, channels * depth // 8), filters))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = [(b"IHDR", header), *before, (b"IDAT", zlib.compress(packed)), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*each) for each in parts)


def packed_rows(samples: np.ndarray[Any, Any], depth: int) -> np.ndarray[Any, Any]:
    """Rows of bytes; several samples of fewer than 8 bits in each."""
    flat = samples.reshape(len(samples), -1)
    if depth == 16:
        return np.frombuffer(flat.astype(">u2").tobytes(), np.uint8).reshape(len(flat), -1)
    if depth == 8:
        return flat.astype(np.uint8)
    bits = (flat[..., None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.reshape(len(flat), -1).astype(np.uint8), axis=1)


def filtered(lines: np.ndarray[Any, Any], back: int, filters: bool) -> list[bytes]:
    """The rows with their filters: none, or one kind after another (PNG specification, 9.2)."""
    found, above = [], np.zeros(lines.shape[1], np.int32)
    for number, line in enumerate(lines.astype(np.int32)):
        kind = number % 5 if filters else 0
        left = np.concatenate([np.zeros(back, np.int32), line[:-back]])
        corner = np.concatenate([np.zeros(back, np.int32), above[:-back]])
        guess = left + above - corner
        far = [np.abs(guess - each) for each in (left, above, corner)]
        paeth = np.where((far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], above, corner))
        predicted = (0 * left, left, above, (left + above) // 2, paeth)[kind]
        found.append(bytes([kind]) + ((line - predicted) & 255).astype(np.uint8).tobytes())
        above = line
    return found


def load(data: bytes, folder: Path, longest: int = 0) -> pictures.Picture:
    (folder / "a.png").write_bytes(data)
    return pictures.load(folder / "a.png", longest)


def refusal(data: bytes, folder: Path) -> str:
    with pytest.raises(StyleError) as caught:
        load(data, folder)
    assert caught.value.code == "not-a-picture" and caught.value.remedy
    return caught.value.sentence


@pytest.mark.parametrize("samples", [RGBA, DEEP], ids=["8 bits", "16 bits"])
def test_no_text_and_no_profile_is_too_large(samples: np.ndarray[Any, Any], tmp_path: Path) -> None:
    text = np.random.default_rng(1).bytes(600_000).hex().encode()
    profile = ICC + bytes(1_200_000)
    large = (
        (b"tEXt", b"Comment\0" + text),
        (b"zTXt", b"Comment\0\0" + zlib.compress(text, 1)),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(text, 1)),
        (b"iCCP", b"x\0\0" + zlib.compress(struct.pack(">I", len(profile)) + profile[4:])),
    )
    plain = load(png(samples), tmp_path).pixels
    for chunk in (*large, (b"tEXt", text)):
        for data in (png(samples, chunk), png(samples, after=(chunk,))):
            assert np.abs(load(data, tmp_path).pixels - plain).max() < 1e-3
    assert np.abs(load(png(samples, *large, after=large), tmp_path).pixels - plain).max() < 1e-3


def test_what_unpacks_to_gigabytes_is_left_packed(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(36_000_000), 1)
    chunks = [
        (b"iCCP", b"x\0\0" + bomb),
        (b"zTXt", b"Raw profile type exif\0\0" + bomb),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
    ]
    assert np.array_equal(load(png(RGBA, *chunks), tmp_path).pixels, load(png(RGBA), tmp_path).pixels)


@pytest.mark.parametrize("samples", [RGBA[..., :3], DEEP[..., :3]], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "gAMA", "iCCP", "cICP", "pHYs", "eXIf", "tRNS", "acTL", "teSt"])
def test_a_wrong_check_sum_in_what_is_not_needed_is_passed_over(
    kind: str, samples: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    content = {"gAMA": struct.pack(">I", 100_000), "cICP": bytes([9, 16, 0, 1]), "tRNS": bytes(6)}.get(
        kind, b"x\0\0\0\0\0\0\0"
    )
    expected = load(png(samples), tmp_path)
    for place in ({"after": ((kind.encode(), content),)}, {}):
        data = bytearray(png(samples, **place) if place else png(samples, (kind.encode(), content)))
        data[data.index(kind.encode()) + 4 + len(content)] ^= 1
        found = load(bytes(data), tmp_path)
        assert np.array_equal(found.pixels, expected.pixels) and found.notes == ()


def test_damage_in_what_is_needed_is_refused(tmp_path: Path) -> None:
    palette = png(RGBA[..., 0] & 1, (b"PLTE", bytes(6)), depth=1, colour=3)
    for data, kind in ((png(RGBA), b"IHDR"), (png(DEEP), b"IDAT"), (png(RGBA), b"IDAT"), (palette, b"PLTE")):
        changed = bytearray(data)
        changed[changed.index(kind) + 5] ^= 1
        assert "damaged" in refusal(bytes(changed), tmp_path) or kind == b"IHDR"
    assert "CgBI" in refusal(png(RGBA, (b"CgBI", b"1234")), tmp_path)
    assert "palette" in refusal(png(RGBA[..., 0] & 1, depth=1, colour=3), tmp_path)
    for samples in (RGBA, DEEP):
        for filters in (False, True):
            whole = png(samples, filters=filters)
            place = whole.index(b"IDAT")
            for length in (40, place, (place + len(whole)) // 2, len(whole) - 12 - 20):
                assert "cut off" in refusal(whole[:length], tmp_path)


def test_what_lies_behind_the_pixels_does_no_harm(tmp_path: Path) -> None:
    for samples in (RGBA, DEEP):
        whole = png(samples)
        expected = load(whole, tmp_path).pixels
        wrong_sum = bytearray(whole)
        place = whole.index(b"IEND") - 12  # of zlib's own check sum; the chunk's is made right
        wrong_sum[place] ^= 1
        begin = whole.index(b"IDAT")
        wrong_sum[place + 4 : place + 8] = struct.pack(">I", zlib.crc32(wrong_sum[begin : place + 4]))
        behind = [whole[:-12] + each for each in (b"", b"garbage" * 9, png_chunk(b"teSt", bytes(9))[:-6])]
        for data in (whole + bytes(1000), whole + whole, whole[:-5], bytes(wrong_sum), *behind):
            assert np.array_equal(load(data, tmp_path).pixels, expected)


@pytest.mark.parametrize("interlaced", [False, True], ids=["rows", "interlaced"])
@pytest.mark.parametrize(("colour", "depth"), [
    (0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8),
    (6, 16),
])  # fmt: skip
def test_every_kind_is_read_as_pillow_and_libpng_do(
    colour: int,
    depth: int,
    interlaced: bool,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    noise = np.random.default_rng(depth).integers(0, 1 << depth, (33, 21, channels), dtype=np.uint16)
    samples = noise if depth == 16 else noise.astype(np.uint8)
    palette = [(b"PLTE", bytes(range(255, 255 - 3 * (1 << min(depth, 6)), -1)))] if colour == 3 else []
    for size in ((33, 21), (1, 21), (33, 1), (2, 3)):
        data = png(samples[: size[0], : size[1]], *palette, depth=depth, colour=colour, interlaced=interlaced, filters=True)
        found = load(data, tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(rows, "_AT_ONCE", 45)  # a row or two
            assert np.array_equal(load(data, tmp_path).pixels, found.pixels)
        has_alpha = colour in (4, 6)
        assert found.pixels.shape == (*size, 4 if has_alpha else 3) and found.depth == (16 if depth == 16 else 8)
        if depth == 16:
            expected = samples[: size[0], : size[1]] / 65535
            expected = expected[..., [0, 0, 0, 1][: 3 + has_alpha]] if channels < 3 else expected
        else:
            expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA" if has_alpha else "RGB")) / 255
        assert np.abs(found.pixels - expected).max() < 1e-6
    assert capfd.readouterr() == ("", "")


def test_one_colour_or_a_palette_s_may_be_transparent(tmp_path: Path) -> None:
    for samples, most in ((RGBA, 255), (DEEP, 65535)):
        key = samples[3, 4, :3]
        found = load(png(samples[..., :3], (b"tRNS", struct.pack(">3H", *key.tolist()))), tmp_path).pixels
        assert np.array_equal(found[..., 3] == 0, (samples[..., :3] == key).all(2))
        found = load(png(samples[..., 0], (b"tRNS", struct.pack(">H", int(key[0])))), tmp_path).pixels
        assert np.array_equal(found[..., 3], (samples[..., 0] != key[0]).astype(np.float32))
        assert np.allclose(found[..., 0], samples[..., 0] / most)
    grey = load(png(Y % 4, (b"tRNS", struct.pack(">H", 2)), depth=2, colour=0), tmp_path).pixels
    assert np.array_equal(grey[..., 3] == 0, Y % 4 == 2) and grey[1, 0, 0] == np.float32(1 / 3)
    colours = [(b"PLTE", bytes([255, 0, 0, 0, 255, 0])), (b"tRNS", bytes([51]))]
    found = load(png(Y % 4, *colours, depth=2, colour=3), tmp_path).pixels
    assert found[0, 0] == pytest.approx([1, 0, 0, 0.2]) and found[1, 0].tolist() == [0, 1, 0, 1]
    assert found[3, 0].tolist() == [0, 0, 0, 1]  # a number that the palette lacks


GAMMA = {power: (b"gAMA", struct.pack(">I", round(100_000 / power))) for power in (1.0, 1.8, 2.0, 2.2)}
P3 = (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))
D50_WHITE = (b"cHRM", struct.pack(">8I", 34570, 35850, 64000, 33000, 30000, 60000, 15000, 6000))
COLOUR = np.full((20, 20, 3), (40000, 20000, 10000), np.uint16)


@pytest.mark.parametrize(("chunks", "seen"), [
    ([], (0.6104, 0.3052, 0.1526)),
    ([GAMMA[1.0]], (0.8038, 0.5884, 0.4270)),
    ([GAMMA[1.8]], (0.6735, 0.3782, 0.2026)),
    ([GAMMA[2.0]], (0.6442, 0.3374, 0.1652)),
    ([GAMMA[2.2]], (0.6160, 0.3004, 0.1333)),
    ([P3], (0.6562, 0.2830, 0.0982)),
    ([GAMMA[2.2], P3], (0.6629, 0.2770, 0.0625)),
    ([GAMMA[1.0], P3], (0.8428, 0.5770, 0.3982)),
    ([GAMMA[1.0], D50_WHITE], (0.8234, 0.5904, 0.4384)),
    ([GAMMA[1.0], (b"sRGB", b"\0")], (0.6104, 0.3052, 0.1526)),
    ([(b"cHRM", bytes(32))], (0.6104, 0.3052, 0.1526)),
    ([(b"gAMA", bytes(4))], (0.6104, 0.3052, 0.1526)),
])  # fmt: skip
def test_gamma_and_primaries_are_read_as_gimp_reads_them(
    chunks: list[Chunk], seen: tuple[float, ...], tmp_path: Path
) -> None:
    """``seen`` is what GIMP 3.2.6 gives as R'G'B', but for a gamma of 0, which it takes for white."""
    assert load(png(COLOUR, *chunks), tmp_path).pixels[3, 3] == pytest.approx(seen, abs=3e-4)
    shallow = (COLOUR >> 8).astype(np.uint8)
    assert load(png(shallow, *chunks), tmp_path).pixels[3, 3] == pytest.approx(seen, abs=3e-3)
    indexed = png(np.zeros((20, 20), np.uint8), *chunks, (b"PLTE", shallow[0, 0].tobytes()), depth=4, colour=3)
    assert load(indexed, tmp_path).pixels[3, 3] == pytest.approx(seen, abs=3e-3)


def test_the_gamma_of_grey(tmp_path: Path) -> None:
    for grey in (COLOUR[..., 0], (COLOUR[..., 0] >> 8).astype(np.uint8)):
        assert load(png(grey, GAMMA[1.0]), tmp_path).pixels[3, 3] == pytest.approx([0.804] * 3, abs=1e-3)
        assert load(png(grey, P3), tmp_path).pixels[3, 3] == pytest.approx([0.611] * 3, abs=2e-3)
    pair = np.stack([COLOUR[..., 0], COLOUR[..., 1]], -1)
    assert load(png(pair, GAMMA[1.0]), tmp_path).pixels[3, 3] == pytest.approx([0.8038] * 3 + [20000 / 65535], abs=1e-3)


def code_points(*numbers: int) -> Chunk:
    return b"cICP", bytes(numbers)


def test_colours_named_by_code_points(tmp_path: Path) -> None:
    def seen(samples: np.ndarray[Any, Any], *chunks: Chunk) -> Any:
        picture = load(png(samples, *chunks), tmp_path)
        assert picture.notes == ()
        return picture.pixels[3, 3]

    plain = seen(COLOUR)
    assert np.array_equal(seen(COLOUR, code_points(1, 13, 0, 1)), plain)
    assert seen(COLOUR, code_points(12, 13, 0, 1)) == pytest.approx(seen(COLOUR, P3), abs=1e-3)
    assert seen(COLOUR, code_points(1, 8, 0, 1)) == pytest.approx(seen(COLOUR, GAMMA[1.0]), abs=1e-3)
    assert seen(COLOUR, code_points(1, 4, 0, 1)) == pytest.approx(seen(COLOUR, GAMMA[2.2]), abs=1e-3)
    # Before all else: a profile, and sRGB's own word.
    others = [(b"iCCP", b"x\0\0" + zlib.compress(ICC)), (b"sRGB", b"\0"), GAMMA[1.8]]
    assert np.array_equal(seen(COLOUR, code_points(12, 13, 0, 1), *others), seen(COLOUR, code_points(12, 13, 0, 1)))
    # A grey in BT.2020 stays grey, and a narrow range is widened.
    grey = np.full((20, 20, 3), 30000, np.uint16)
    assert np.ptp(seen(grey, code_points(9, 14, 0, 1))) < 1e-4
    white = np.full((20, 20, 3), 235 * 257, np.uint16)
    assert seen(white, code_points(1, 13, 0, 0)) == pytest.approx([1, 1, 1])
    assert seen((white >> 8).astype(np.uint8), code_points(1, 13, 0, 0)) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("deep", [True, False], ids=["16 bits", "8 bits"])
def test_pq_and_hlg_show_what_was_meant(deep: bool, tmp_path: Path) -> None:
    """Made with the curves of ST 2084 and BT.2100 from a picture whose white is BT.2408's, 203 cd/m²."""
    light = colour_profiles.decode_srgb(RGBA[..., :3] / np.float32(255)).astype(np.float64)
    power = (light * 203 / 10_000) ** (2610 / 16384)
    pq = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    nits = light @ [0.2627, 0.6780, 0.0593] * 203
    scene = light * 203 / 1000 * np.maximum(nits / 1000, 1e-9)[..., None] ** (1 / 1.2 - 1)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-6)) + 0.55991073
    hlg = np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)
    for name, transfer, signal in (("PQ", 16, pq), ("HLG", 18, hlg)):
        samples = (signal * 65535).round().astype(np.uint16) if deep else (signal * 255).round().astype(np.uint8)
        found = load(png(samples, code_points(1, transfer, 0, 1)), tmp_path)
        assert np.abs(found.pixels - RGBA[..., :3] / 255).mean() < (1e-3 if deep else 1e-2)
        assert found.notes == (f"a.png is HDR ({name}); light brighter than paper becomes white.",)
        brightest = np.full((20, 20, 3), np.iinfo(samples.dtype).max, samples.dtype)
        assert load(png(brightest, code_points(9, transfer, 0, 1)), tmp_path).pixels.min() > 0.9999


def test_code_points_that_nobody_knows_are_told(tmp_path: Path) -> None:
    plain = load(png(COLOUR), tmp_path).pixels
    for numbers in ((200, 13, 0, 1), (1, 99, 0, 1), (9, 16, 9, 1)):
        found = load(png(COLOUR, code_points(*numbers)), tmp_path)
        assert np.array_equal(found.pixels, plain)
        assert len(found.notes) == 1 and f"({numbers[0]}, {numbers[1]}, {numbers[2]})" in found.notes[0]


def test_an_animation_gives_its_first_frame_and_a_note(tmp_path: Path) -> None:
    frames = [Image.fromarray(RGBA[..., :3]), Image.fromarray(255 - RGBA[..., :3]), Image.fromarray(RGBA[::-1, :, :3])]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    found = pictures.load(tmp_path / "a.png")
    assert np.abs(found.pixels * 255 - RGBA[..., :3]).max() < 1e-3
    assert found.notes == ("a.png has 3 frames; the first is painted.",)


def test_a_png_is_shrunk_while_it_is_read(tmp_path: Path) -> None:
    large = np.asarray(Image.fromarray(RGBA).resize((320, 200)))
    for samples in (large, large.astype(np.uint16) * 257):
        for interlaced in (False, True):
            small = load(png(samples, interlaced=interlaced), tmp_path, 16)
            assert small.pixels.shape == (10, 16, 4)
            assert np.abs(small.pixels.mean((0, 1)) - large.mean((0, 1)) / 255).max() < 3e-3


def test_libpng_s_own_files(tmp_path: Path) -> None:
    for samples in (RGBA, DEEP, DEEP[..., :3], DEEP[..., 0]):
        (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.ascontiguousarray(samples), level=9))
        most = np.iinfo(samples.dtype).max
        found = pictures.load(tmp_path / "a.png").pixels
        assert np.abs(found - (samples if samples.ndim == 3 else samples[..., None]) / most).max() < 1e-6
