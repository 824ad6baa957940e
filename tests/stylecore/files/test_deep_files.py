"""More than 8 bits: files of 16 bits and floats, and profiles, from end to end."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from stylecore.errors import StyleError
from stylecore.files import pictures, writing
from stylecore.files.pixels import colour_profiles, samples

#: Wider than 256 so that 8 bits would leave steps.
RAMP = np.tile(np.linspace(0.2, 0.3, 600, dtype=np.float32)[None, :, None], (20, 1, 3))
NOISE = np.random.default_rng(1).integers(0, 65536, (30, 40, 4), dtype=np.uint16)
P3 = imagecodecs.cms_profile(
    "rgb", whitepoint=[0.3127, 0.3290, 1], primaries=[0.68, 0.32, 1, 0.265, 0.69, 1, 0.15, 0.06, 1], gamma=2.2
)
UNCHANGED = 1.01 / 65535


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("ending", "depth"), [("png", 16), ("tif", 16), ("tif", 32), ("exr", 32)])
def test_what_is_written_is_read_again(ending: str, depth: int, channels: int, tmp_path: Path) -> None:
    pixels = (NOISE[..., :channels] / np.float32(65535)).astype(np.float32)
    pixels[..., 3:] = pixels[..., 3:] * np.float32(0.9) + np.float32(0.1)
    writing.save(tmp_path / f"a.{ending}", pixels, depth=depth)
    picture = pictures.load(tmp_path / f"a.{ending}")
    assert picture.depth == depth and picture.pixels.dtype == np.float32
    assert np.abs(picture.pixels - pixels).max() < UNCHANGED
    assert np.allclose(picture.pixels[..., 3:], pixels[..., 3:], atol=1e-5)


@pytest.mark.parametrize("ending", ["png", "tif", "exr"])
def test_a_gradient_of_sixteen_bits_has_no_bands(ending: str, tmp_path: Path) -> None:
    writing.save(tmp_path / f"a.{ending}", RAMP, depth=16)
    row = pictures.load(tmp_path / f"a.{ending}").pixels[3, :, 1]
    assert len(np.unique(row)) == 600 and (np.diff(row) > 0).all()
    writing.save(tmp_path / "flat.png", RAMP)
    assert len(np.unique(pictures.load(tmp_path / "flat.png").pixels[3, :, 1])) < 30


def test_the_written_files_are_what_other_programs_expect(tmp_path: Path) -> None:
    """Their depth, and sRGB's profile in them."""
    writing.save(tmp_path / "a.png", RAMP, depth=16)
    data = (tmp_path / "a.png").read_bytes()
    assert data[24] == 16
    begin = 8
    while begin < len(data):  # every chunk's check sum is right
        length = struct.unpack(">I", data[begin : begin + 4])[0]
        body = data[begin + 4 : begin + 8 + length]
        assert zlib.crc32(body) == struct.unpack(">I", data[begin + 8 + length : begin + 12 + length])[0]
        begin += 12 + length
    writing.save(tmp_path / "a.tif", RAMP, depth=16)
    for name in ("a.png", "a.tif"):
        with Image.open(tmp_path / name) as file:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(file.info["icc_profile"]))
            assert "sRGB" in ImageCms.getProfileDescription(profile)
            assert np.abs(np.asarray(file.convert("RGB"), np.float32) / 255 - RAMP).max() < 2 / 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pictures_are_rotated_like_shallow_ones(orientation: int, tmp_path: Path) -> None:
    rgb = NOISE[..., :3]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray((rgb >> 8).astype(np.uint8)).save(tmp_path / "shallow.png", exif=exif)
    shallow = pictures.load(tmp_path / "shallow.png").pixels
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    png = imagecodecs.png_encode(np.ascontiguousarray(rgb))
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(png[:33] + chunk + png[33:])
    for name in ("a.tif", "a.png"):
        deep_one = pictures.load(tmp_path / name)
        assert deep_one.depth == 16 and deep_one.pixels.shape == shallow.shape
        assert np.abs(deep_one.pixels - shallow).max() < 1.5 / 255


def test_wide_gamut_is_converted_without_rounding(tmp_path: Path) -> None:
    """A muted P3 colour has other numbers in sRGB; a ramp of them keeps its 600 levels, and a vivid one is clipped."""
    ramp = RAMP * np.array([1.5, 1.0, 1.0], np.float32)
    samples = (ramp * 65535).round().astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb", iccprofile=P3)
    picture = pictures.load(tmp_path / "a.tif").pixels
    assert len(np.unique(picture[0, :, 0])) == 600
    # Reference: P3's matrix to linear sRGB (CSS Color 4, 10.9), both with D65.
    matrix = np.array([[1.2249402, -0.2249404, 0], [-0.0420570, 1.0420571, 0], [-0.0196376, -0.0786361, 1.0982735]])
    expected = colour_profiles.encode_srgb((ramp**2.2 @ matrix.T).astype(np.float32))
    assert np.abs(picture - expected).max() < 2e-3
    vivid = np.zeros((20, 20, 3), np.float32)
    vivid[..., 1] = 1
    assert colour_profiles.to_srgb(vivid, P3)[0, 0].tolist() == [0, 1, 0]


@pytest.mark.parametrize("depth", [8, 16])
def test_a_grey_picture_with_a_grey_profile(depth: int, tmp_path: Path) -> None:
    profile = imagecodecs.cms_profile("gray", gamma=1.0)
    grey = np.full((20, 20), 0.5)
    if depth == 8:
        Image.fromarray((grey * 255).round().astype(np.uint8)).save(tmp_path / "a.png", icc_profile=profile)
        path = tmp_path / "a.png"
    else:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, (grey * 65535).astype(np.uint16), photometric="minisblack", iccprofile=profile)
    pixel = pictures.load(path).pixels[4, 4]
    assert np.abs(pixel - 0.735).max() < 5e-3  # linear 0.5


@pytest.mark.parametrize("ending", ["png", "tif", "exr"])
def test_half_a_file_is_told_in_words(ending: str, tmp_path: Path) -> None:
    writing.save(tmp_path / f"a.{ending}", NOISE[..., :3] / np.float32(65535), depth=16)
    data = (tmp_path / f"a.{ending}").read_bytes()
    (tmp_path / f"a.{ending}").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(StyleError) as caught:
        pictures.load(tmp_path / f"a.{ending}")
    assert caught.value.code == "not-a-picture"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["png", "tif", "exr"]), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_damage_gives_a_picture_or_an_error_in_words(tmp_path: Path, ending: str, damage: list[tuple[int, int]]) -> None:
    good = tmp_path / f"good.{ending}"
    if not good.exists():
        writing.save(good, NOISE[..., :3] / np.float32(65535), depth=16)
    data = bytearray(good.read_bytes())
    for place, value in damage:
        data[place] = value
    (tmp_path / f"bad.{ending}").write_bytes(data)
    try:
        assert np.isfinite(pictures.load(tmp_path / f"bad.{ending}").pixels).all()
    except StyleError as error:
        assert error.code in ("not-a-picture", "picture-too-large")


def test_a_deep_giant_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    writing.save(tmp_path / "a.png", RAMP, depth=16)
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[16:24] = struct.pack(">II", 40_000, 40_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(StyleError, match="40000 × 40000"):
        pictures.load(tmp_path / "a.png")


@given(st.integers(1, 8))
def test_turning_keeps_every_pixel(orientation: int) -> None:
    turned = samples.turn(NOISE, orientation)
    assert sorted(turned.reshape(-1, 4).tolist()) == sorted(NOISE.reshape(-1, 4).tolist())
