"""FITS as telescopes, and programs that convert pictures, write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stylecore.errors import StyleError
from stylecore.files import pictures

UNIT = np.random.default_rng(4).random((12, 17))


def header(kind: np.dtype, shape: tuple[int, ...], *further: str, first: str = "SIMPLE  =                    T") -> bytes:
    bits = kind.itemsize * 8 * (-1 if kind.kind == "f" else 1)
    cards = [first, f"BITPIX  = {bits:20d} / a comment", f"NAXIS   = {len(shape):20d}"]
    cards += [f"NAXIS{axis}  = {size:20d}" for axis, size in enumerate(reversed(shape), 1)]
    text = "".join(card.ljust(80) for card in [*cards, *further, "END"])
    return text.ljust(-(-len(text) // 2880) * 2880).encode()


def fits(numbers: np.ndarray, *further: str) -> bytes:
    """Return a file of H × W, or planes of that, from the lowest row up."""
    data = np.ascontiguousarray(numbers[..., ::-1, :]).astype(numbers.dtype.newbyteorder(">")).tobytes()
    return header(numbers.dtype, numbers.shape, *further) + data.ljust(-(-len(data) // 2880) * 2880, b"\0")


@pytest.mark.parametrize(
    ("kind", "least", "most", "depth"),
    [
        (np.int16, -32768, 32767, 16),
        (np.int16, 100, 3000, 16),
        (np.int32, -70_000, 70_000, 32),
        (np.float32, -3.5, 976.5, 32),
        (np.float64, 1e6, 2e6, 32),
        (np.float32, 0, 255, 32),
    ],
)
def test_the_least_number_is_black_and_the_largest_white(
    kind: type, least: float, most: float, depth: int, tmp_path: Path
) -> None:
    numbers = (UNIT * (most - least) + least).astype(kind)
    numbers[0, :2] = least, most
    (tmp_path / "a.fits").write_bytes(fits(numbers, "BZERO   =                32768"))
    picture = pictures.load(tmp_path / "a.fits")
    expected = (numbers.astype(float) - least) / (most - least)
    assert picture.depth == depth and np.abs(picture.pixels - expected[..., None]).max() < 1e-5
    assert "taken as black and white" in picture.notes[0]


def test_bytes_and_floats_to_1_are_taken_as_they_are(tmp_path: Path) -> None:
    dark = UNIT * 0.5
    dark[3, 3] = np.nan
    for numbers in ((UNIT * 100).astype(np.uint8), dark):
        (tmp_path / "a.fits").write_bytes(fits(numbers))
        picture = pictures.load(tmp_path / "a.fits")
        expected = np.nan_to_num(numbers) / (255 if numbers.dtype == np.uint8 else 1)
        assert np.abs(picture.pixels - expected[..., None]).max() < 1e-6 and not picture.notes


def test_three_planes_are_colours_and_others_are_told(tmp_path: Path) -> None:
    planes = np.stack([UNIT, UNIT[::-1], 1 - UNIT])
    (tmp_path / "a.fits").write_bytes(fits(planes))
    assert np.abs(pictures.load(tmp_path / "a.fits").pixels - np.moveaxis(planes, 0, -1)).max() < 1e-6
    (tmp_path / "b.fits").write_bytes(fits(np.stack([UNIT] * 5)))
    picture = pictures.load(tmp_path / "b.fits")
    assert np.abs(picture.pixels - UNIT[..., None]).max() < 1e-6
    assert picture.notes == ("b.fits has 5 planes; the first is painted.",)


def test_a_picture_behind_a_table(tmp_path: Path) -> None:
    table = header(np.dtype(np.uint8), (3, 1000), first="XTENSION= 'BINTABLE'") + bytes(5760)
    picture = fits(UNIT).replace(b"SIMPLE  =                    T", b"XTENSION= 'IMAGE   '          ", 1)
    (tmp_path / "a.fits").write_bytes(header(np.dtype(np.uint8), ()) + table + picture)
    assert np.abs(pictures.load(tmp_path / "a.fits").pixels - UNIT[..., None]).max() < 1e-6


def test_damage_is_told_in_words(tmp_path: Path) -> None:
    whole = fits(UNIT)
    damaged = [whole[:100], whole[:2880], whole[:3000], whole.replace(b" 17", b"-17"), whole.replace(b"-64", b"6x4")]
    damaged += [header(np.dtype(np.uint8), ()), header(np.dtype(np.int16), (10**6, 10**6))]
    for data in damaged:
        (tmp_path / "a.fits").write_bytes(data)
        with pytest.raises(StyleError) as caught:
            pictures.load(tmp_path / "a.fits")
        assert caught.value.code in ("not-a-picture", "picture-too-large")
