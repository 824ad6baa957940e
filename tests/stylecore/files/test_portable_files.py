"""Netpbm's formats, of every largest number, and as floats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stylecore.errors import StyleError
from stylecore.files import pictures
from stylecore.files.pixels import colour_profiles

UNIT = np.random.default_rng(6).random((11, 14, 4))


@pytest.mark.parametrize("most", [1, 15, 100, 255, 256, 1023, 4095, 16383, 65535])
@pytest.mark.parametrize("kind", ["P2", "P3", "P5", "P6"])
def test_every_largest_number(kind: str, most: int, tmp_path: Path) -> None:
    channels = 1 if kind in ("P2", "P5") else 3
    numbers = (UNIT[..., :channels] * most).round().astype(">u2" if most > 255 else np.uint8)
    head = f"{kind}\n# made by a program\n14 # wide\n11\n{most}\n".encode()
    text = b"\n".join(b" ".join(b"%d" % number for number in row) for row in numbers.reshape(11, -1).tolist())
    (tmp_path / "a.pnm").write_bytes(head + (text if kind in ("P2", "P3") else numbers.tobytes()))
    picture = pictures.load(tmp_path / "a.pnm")
    assert picture.depth == (16 if most > 255 else 8)
    assert np.abs(picture.pixels - numbers / most).max() < (1e-5 if most > 254 else 0.6 / 255)


@pytest.mark.parametrize(("channels", "most"), [(1, 1), (1, 255), (2, 65535), (3, 1023), (4, 255), (4, 65535)])
def test_any_map_with_transparency(channels: int, most: int, tmp_path: Path) -> None:
    numbers = (UNIT[..., :channels] * most).round().astype(">u2" if most > 255 else np.uint8)
    head = f"P7\n# a comment\nWIDTH 14\nHEIGHT 11\nDEPTH {channels}\nMAXVAL {most}\nTUPLTYPE ANY\nENDHDR\n"
    (tmp_path / "a.pam").write_bytes(head.encode() + numbers.tobytes())
    pixels = pictures.load(tmp_path / "a.pam").pixels
    colours = [0, 0, 0] if channels < 3 else [0, 1, 2]
    expected = numbers[..., [*colours, *([channels - 1] if channels in (2, 4) else [])]] / most
    assert pixels.shape == expected.shape and np.abs(pixels - expected).max() < 1e-6


@pytest.mark.parametrize("kind", ["Pf", "PF"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_float_maps_are_light_as_in_gimp(kind: str, order: str, tmp_path: Path) -> None:
    light = (UNIT[..., : 1 if kind == "Pf" else 3] * 0.9).astype(np.float32)
    light[2:4, 2:4] = 30
    head = f"{kind}\n14 11\n{-1.0 if order == '<' else 1.0}\n".encode()
    (tmp_path / "a.pfm").write_bytes(head + light[::-1].astype(f"{order}f4").tobytes())
    picture = pictures.load(tmp_path / "a.pfm")
    expected = np.broadcast_to(colour_profiles.encode_srgb(light), (11, 14, 3))
    assert picture.depth == 32 and np.abs(picture.pixels - expected).max() < 1e-5 and not picture.notes
    numbers = (light.clip(0, 1) * 255).round()
    (tmp_path / "b.pfm").write_bytes(head + numbers[::-1].astype(f"{order}f4").tobytes())
    picture = pictures.load(tmp_path / "b.pfm")
    assert np.abs(picture.pixels - np.broadcast_to(numbers / 255, (11, 14, 3))).max() < 1e-5
    assert picture.notes == ("b.pfm does not say which number is white; 255 was taken.",)


@pytest.mark.parametrize(
    "data",
    [
        b"P6\n14 11\n65535\n" + bytes(900),
        b"P6\n99999 99999\n65535\n",
        b"P3\n2 2\n1023\n1 2 3 4 5",
        b"P3\n2 1\n1023\n1 2 three 4 5 6",
        b"PF\n14 11\n-1.0\n12",
        b"PF\n-14 11\n-1.0\n" + bytes(999),
        b"P7\n",
        b"P7\nWIDTH 2\nHEIGHT 2\nENDHDR\n1234",
        b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 9\nMAXVAL 255\nENDHDR\n" + bytes(99),
    ],
)
def test_damage_is_told_in_words(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pnm").write_bytes(data)
    with pytest.raises(StyleError) as caught:
        pictures.load(tmp_path / "a.pnm")
    assert caught.value.code in ("not-a-picture", "picture-too-large")
