"""Files as people have them: every mode, profile, rotation and damage."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from stylecore.errors import StyleError
from stylecore.files import pictures, writing

GRADIENT = np.stack([*np.meshgrid(np.arange(40) * 6, np.arange(30) * 8), np.full((30, 40), 77)], -1).astype(np.uint8)
MAGICS = [
    b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"II*\0", b"MM\0+", b"RIFF", b"\x76\x2f\x31\x01\2\0\0\0",
]  # fmt: skip


def test_eight_bit_goes_in_and_out_unchanged(tmp_path: Path) -> None:
    Image.fromarray(GRADIENT).save(tmp_path / "a.png")
    pixels = pictures.load(tmp_path / "a.png").pixels
    assert pixels.dtype == np.float32 and pixels.shape == (30, 40, 3)
    writing.save(tmp_path / "b.png", pixels)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), GRADIENT)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "CMYK", "YCbCr"])
def test_every_mode_reads_as_the_same_picture(mode: str, tmp_path: Path) -> None:
    ending = "tif" if mode in ("CMYK", "YCbCr") else "png"
    Image.fromarray(GRADIENT).convert(mode).save(tmp_path / f"a.{ending}")
    picture = pictures.load(tmp_path / f"a.{ending}")
    assert (picture.width, picture.height) == (40, 30)
    assert picture.pixels.shape[2] == (4 if mode in ("LA", "RGBA") else 3)
    expected = np.asarray(Image.fromarray(GRADIENT).convert(mode).convert("RGB"), np.float32) / 255
    assert np.abs(picture.pixels[..., :3] - expected).mean() < 0.05


def test_cmyk_jpeg(tmp_path: Path) -> None:
    Image.fromarray(GRADIENT).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert np.abs(pictures.load(tmp_path / "a.jpg").pixels - GRADIENT / 255.0).mean() < 0.02


def test_sixteen_bit_grey(tmp_path: Path) -> None:
    grey = (np.arange(40 * 30).reshape(30, 40) * 50).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert np.allclose(pictures.load(tmp_path / "a.png").pixels[..., 1], grey / 65535, atol=1e-6)


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert pictures.load(tmp_path / "a.gif").pixels[5, 5].tolist() == [1, 0, 0]


def test_rotation_as_the_camera_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GRADIENT).save(tmp_path / "a.jpg", exif=exif, quality=95)
    picture = pictures.load(tmp_path / "a.jpg")
    assert (picture.width, picture.height) == (30, 40)


def test_colours_follow_the_embedded_profile(tmp_path: Path) -> None:
    """Lab's own profile maps every number to another colour; sRGB's maps none."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(GRADIENT).save(tmp_path / "a.png", icc_profile=srgb)
    assert np.abs(pictures.load(tmp_path / "a.png").pixels * 255 - GRADIENT).max() <= 1
    Image.fromarray(GRADIENT).save(tmp_path / "broken.png", icc_profile=b"no profile at all")
    assert np.abs(pictures.load(tmp_path / "broken.png").pixels * 255 - GRADIENT).max() < 0.01


def test_files_that_are_no_pictures_are_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("Dear Theo")
    whole = io.BytesIO()
    Image.effect_noise((60, 60), 50).save(whole, "PNG")
    (tmp_path / "half.png").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    (tmp_path / "folder.png").mkdir()
    for name, code in {
        "none.png": "file-missing",
        "text.jpg": "not-a-picture",
        "half.png": "not-a-picture",
        "folder.png": "not-a-picture",
    }.items():
        with pytest.raises(StyleError) as caught:
            pictures.load(tmp_path / name)
        assert caught.value.code == code and str(tmp_path) in caught.value.sentence and caught.value.remedy


def test_a_giant_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (30, 30)).save(tmp_path / "giant.png")
    data = bytearray((tmp_path / "giant.png").read_bytes())
    data[16:24] = struct.pack(">II", 30_000, 30_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "giant.png").write_bytes(data)
    with pytest.raises(StyleError, match="30000 × 30000") as caught:
        pictures.load(tmp_path / "giant.png")
    assert caught.value.code == "picture-too-large"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from(MAGICS))
def test_any_bytes_give_a_picture_or_an_error_in_words(tmp_path: Path, data: bytes, magic: bytes) -> None:
    (tmp_path / "any").write_bytes(magic + data)
    try:
        pictures.load(tmp_path / "any")
    except StyleError as error:
        assert error.code in ("not-a-picture", "picture-too-large")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "result.png"
    writing.save(target, np.zeros((20, 20, 3), np.float32))
    before = target.read_bytes()

    def disk_full(self, path, *arguments, **keywords):
        with open("/dev/full", "wb") as full:
            full.write(b"x")

    monkeypatch.setattr(Image.Image, "save", disk_full)
    with pytest.raises(StyleError, match="No space left") as caught:
        writing.save(target, np.ones((20, 20, 3), np.float32))
    assert caught.value.code == "cannot-write"
    assert target.read_bytes() == before and list(tmp_path.iterdir()) == [target]


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    assert not writing.can_write(tmp_path / "a.xyz")
    with pytest.raises(StyleError, match="xyz"):
        writing.save(tmp_path / "a.xyz", np.zeros((20, 20, 3), np.float32))
    with pytest.raises(StyleError, match="Make the folder"):
        writing.save(tmp_path / "none" / "a.png", np.zeros((20, 20, 3), np.float32))


def test_shrinking_keeps_shape_and_colour(tmp_path: Path) -> None:
    Image.fromarray(GRADIENT).resize((400, 300)).save(tmp_path / "a.png")
    small = pictures.load(tmp_path / "a.png", longest=80)
    assert (small.width, small.height) == (80, 60)
    assert np.abs(small.pixels.mean((0, 1)) * 255 - GRADIENT.mean((0, 1))).max() < 1
