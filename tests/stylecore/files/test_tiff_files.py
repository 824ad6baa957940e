"""TIFF as scanners, cameras, microscopes and other programs write it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from stylecore.errors import StyleError
from stylecore.files import pictures
from stylecore.files.pixels import colour_profiles

UNIT = np.random.default_rng(2).random((23, 30, 5))
COLOURS = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4}
RAW = {"photometric": 32803, "metadata": None, "extratags": [(33421, 3, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True)]}


def seen(unit: np.ndarray, photometric: str) -> np.ndarray:
    """Return the colours that samples in [0, 1] are, by TIFF 6.0."""
    if photometric == "separated":
        return (1 - unit[..., :3]) * (1 - unit[..., 3:4])
    grey = 1 - unit[..., :1] if photometric == "miniswhite" else unit[..., :1]
    return unit[..., :3] if photometric == "rgb" else np.repeat(grey, 3, 2)


def refused(path: Path) -> StyleError:
    with pytest.raises(StyleError) as caught:
        pictures.load(path)
    assert caught.value.code == "not-a-picture" and caught.value.remedy
    return caught.value


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bits=st.integers(1, 32), photometric=st.sampled_from(sorted(COLOURS)), planar=st.sampled_from(["contig", "separate"]),
    alpha=st.sampled_from(["", "unassalpha", "assocalpha", "unspecified"]), in_words=st.booleans(),
    compression=st.sampled_from([None, "zlib", "lzw", "packbits", "zstd"]), tile=st.booleans(),
    byteorder=st.sampled_from(["<", ">"]), bigtiff=st.booleans(), predictor=st.booleans(),
)  # fmt: skip
def test_every_depth_of_every_colour(
    tmp_path: Path,
    bits: int,
    photometric: str,
    planar: str,
    alpha: str,
    in_words: bool,
    compression: str | None,
    tile: bool,
    byteorder: str,
    bigtiff: bool,
    predictor: bool,
) -> None:
    colours = COLOURS[photometric]
    bits = max(bits, 2)  # tifffile writes one bit only of grey, which Pillow's files below have
    kind = np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32
    most = 2**bits - 1
    unit = UNIT[..., : colours + bool(alpha)].copy()
    if alpha == "assocalpha":
        unit[..., :-1] *= unit[..., -1:]
    samples = (unit * most).round().astype(kind)
    samples[0, 0] = most
    unit = samples / most
    if alpha == "assocalpha":
        unit[..., :-1] = np.divide(
            unit[..., :-1], unit[..., -1:], out=np.zeros_like(unit[..., :-1]), where=unit[..., -1:] > 0
        )
    stored = samples if planar == "contig" else np.moveaxis(samples, -1, 0)
    packed = not in_words and bits not in (8, 16, 32)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored if samples.shape[2] > 1 else samples[..., 0],
        photometric=photometric,
        metadata=None,
        planarconfig=planar if samples.shape[2] > 1 else None,
        extrasamples=[alpha] if alpha else None,
        compression=None if packed else compression,
        predictor=predictor and not packed and compression in ("zlib", "lzw", "zstd"),
        tile=(16, 32) if tile else None,
        rowsperstrip=None if tile else 7,
        bigtiff=bigtiff,
        byteorder="<" if packed else byteorder,  # tifffile packs big-endian numbers wrong
        bitspersample=bits if packed else None,
    )
    if in_words and bits not in (8, 16, 32):
        with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
            tag = file.pages.first.tags["BitsPerSample"]
            tag.overwrite((bits,) * tag.count if tag.count > 1 else bits)
    picture = pictures.load(tmp_path / "a.tif")
    assert picture.depth == (8 if bits <= 8 else 16 if bits <= 16 else 32)
    assert np.abs(picture.pixels[..., :3] - seen(unit, photometric).clip(0, 1)).max() < 2e-5
    if alpha:
        assert np.abs(picture.pixels[..., 3] - unit[..., -1]).max() < 2e-5
    assert len(picture.notes) == (alpha == "unspecified")


@pytest.mark.parametrize(("compression", "byteorder"), [("zlib", "<"), ("lzw", ">"), ("packbits", "<"), (None, ">")])
@pytest.mark.parametrize("bits", [2, 6, 10, 12, 14, 20])
def test_packed_and_compressed(bits: int, compression: str | None, byteorder: str, tmp_path: Path) -> None:
    samples = (UNIT[..., 0] * (2**bits - 1)).round().astype(np.uint32)
    packed = np.packbits([[int(bit) for number in row for bit in f"{number:0{bits}b}"] for row in samples], axis=1)
    tifffile.imwrite(
        tmp_path / "a.tif", packed, photometric="minisblack", compression=compression, rowsperstrip=9, byteorder=byteorder
    )
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages.first.tags["ImageWidth"].overwrite(samples.shape[1])
        file.pages.first.tags["BitsPerSample"].overwrite(bits)
    picture = pictures.load(tmp_path / "a.tif")
    assert np.abs(picture.pixels[..., 1] - samples / (2**bits - 1)).max() < 1e-6


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32])
def test_signed_integers(kind: type, tmp_path: Path) -> None:
    """From 0 up where there is nothing below, else from the least of the type, as GIMP shows them."""
    most = int(np.iinfo(kind).max)
    for name, unit in (("up", UNIT[..., :3]), ("both", UNIT[..., :3] * 2 - 1)):
        samples = (unit * most).round().astype(kind)
        samples[0, 0] = most
        tifffile.imwrite(tmp_path / f"{name}.tif", samples, photometric="rgb")
    up, both = pictures.load(tmp_path / "up.tif"), pictures.load(tmp_path / "both.tif")
    tolerance = 1.5 / min(most, 65535)
    for picture in (up, both):
        assert np.abs(picture.pixels - UNIT[..., :3])[1:].max() < tolerance
        assert picture.depth == min(32, np.iinfo(kind).bits)
    assert not up.notes and "signed" in both.notes[0]


@pytest.mark.parametrize("most", [255, 1023, 4095, 16383, 65535])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.uint32, np.int64])
def test_numbers_in_a_type_that_is_too_wide_for_them(kind: type, most: int, tmp_path: Path) -> None:
    samples = (UNIT[..., :4] * most).round()
    samples[0, 0] = most
    tifffile.imwrite(tmp_path / "a.tif", samples.astype(kind), photometric="rgb", extrasamples=["unassalpha"])
    picture = pictures.load(tmp_path / "a.tif")
    assert np.abs(picture.pixels - samples / most).max() < 1e-5
    assert picture.notes == (f"a.tif does not say which number is white; {most:,} was taken.",)


@pytest.mark.parametrize("most", [1023, 4095, 16383])
def test_fewer_bits_kept_in_sixteen(most: int, tmp_path: Path) -> None:
    """As cameras keep them, which name their largest number; one with larger numbers is not believed."""
    samples = (UNIT[..., :3] * most).round().astype(np.uint16)
    for name, largest in (("a.tif", most), ("b.tif", most + 1)):
        samples[0, 0] = largest
        tifffile.imwrite(tmp_path / name, samples, photometric="rgb", extratags=[(281, 3, 3, (most,) * 3, True)])
    said, wrong = pictures.load(tmp_path / "a.tif"), pictures.load(tmp_path / "b.tif")
    assert said.depth == 16 and np.abs(said.pixels[1:] - samples[1:] / most).max() < 1e-6 and "as white" in said.notes[0]
    assert np.abs(wrong.pixels - samples / 65535).max() < 1e-6 and not wrong.notes


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats(kind: type, tmp_path: Path) -> None:
    """To 1, with a few beyond it and without; to 255 in fractions; and what can be nothing of that."""
    colours = UNIT[..., :3] * 0.8
    bright = colours.copy()
    bright[3:5, 3:9] = 12.5
    bright[0, :3] = (np.nan, np.inf, -np.inf)
    for name, samples in (("to1", colours), ("light", bright), ("to255", colours * 255 / 0.8)):
        tifffile.imwrite(tmp_path / f"{name}.tif", samples.astype(kind), photometric="rgb")
    assert np.abs(pictures.load(tmp_path / "to1.tif").pixels - colours).max() < 1e-3
    light = pictures.load(tmp_path / "light.tif")
    assert np.abs(light.pixels[6:] - colours[6:]).max() < 1e-3 and (light.pixels[3:5, 3:9] == 1).all() and not light.notes
    assert light.pixels[0, :3].tolist() == [[0, 1, 0]] * 3
    to255 = pictures.load(tmp_path / "to255.tif")
    assert np.abs(to255.pixels - colours / 0.8).max() < 1e-3 and "255 was taken" in to255.notes[0]
    for name, samples in (
        ("percent", colours * 100),
        ("heights", UNIT[..., 0] * 900 + 100.5),
        ("signed", UNIT[..., 0] - 0.5),
    ):
        tifffile.imwrite(tmp_path / f"{name}.tif", samples.astype(kind), photometric="rgb" if samples.ndim == 3 else None)
        assert "does not say which is white" in refused(tmp_path / f"{name}.tif").sentence


def test_lab(tmp_path: Path) -> None:
    """CIE L*a*b* of 8 and 16 bits, signed and offset, against Little CMS by floats."""
    lab = UNIT[..., :3] * (60, 40, 40) + (20, -20, -20)
    expected = colour_profiles.lab_to_srgb(lab)
    assert colour_profiles.lab_to_srgb(np.array([[[50.0, 0, 0]]]))[0, 0] == pytest.approx(0.4663, abs=1e-3)
    chroma = lab[..., 1:]
    files = {
        "cie8": np.concatenate([(lab[..., :1] * 2.55).round(), chroma.round() % 256], 2).astype(np.uint8),
        "cie16": np.concatenate([lab[..., :1] * 655.35, (chroma * 256).round() % 65536], 2).round().astype(np.uint16),
        "icc8": np.concatenate([lab[..., :1] * 2.55, chroma + 128], 2).round().astype(np.uint8),
        "icc16": np.concatenate([lab[..., :1] * 652.8, (chroma + 128) * 256], 2).round().astype(np.uint16),
    }
    for name, samples in files.items():
        photometric = "cielab" if name.startswith("cie") else "icclab"
        tifffile.imwrite(tmp_path / f"{name}.tif", samples, photometric=photometric, metadata=None)
        picture = pictures.load(tmp_path / f"{name}.tif")
        assert picture.depth == samples.dtype.itemsize * 8
        assert np.abs(picture.pixels - expected).max() < (0.02 if picture.depth == 8 else 5e-4)
    even = np.repeat(np.repeat(files["cie8"][:3, :4], 8, 0), 8, 1)
    Image.frombytes("LAB", (32, 24), even.tobytes()).save(tmp_path / "jpeg.tif", compression="jpeg", quality=100)
    assert np.abs(pictures.load(tmp_path / "jpeg.tif").pixels[4::8, 4::8] - expected[:3, :4]).max() < 0.05


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("wide", [True, False])
def test_palettes(bits: int, wide: bool, tmp_path: Path) -> None:
    """Of 16 bits a colour, and of 8 as old programs wrote them."""
    generator = np.random.default_rng(bits)
    levels = generator.integers(2, 256, (3, 2**bits), dtype=np.uint16)
    index = generator.integers(0, 2**bits, (20, 32)).astype(np.uint8 if bits <= 8 else np.uint16)
    table = levels * np.uint16(257) if wide else levels
    tifffile.imwrite(
        tmp_path / "a.tif",
        index.astype(bool) if bits == 1 else index,
        photometric="minisblack",
        metadata=None,
        bitspersample=bits if 1 < bits < 8 else None,
        extratags=[(320, 3, 3 << bits, table.reshape(-1).tolist(), True)],
    )
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(3)
    picture = pictures.load(tmp_path / "a.tif")
    assert picture.depth == 8 and np.abs(picture.pixels - levels.T[index] / 255).max() < 1e-6


@pytest.mark.parametrize(
    ("mode", "compression"),
    [
        *(("1", compression) for compression in (None, "group3", "group4", "tiff_ccitt", "packbits")),
        *((mode, "jpeg") for mode in ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr")),
        *((mode, each) for each in (None, "tiff_lzw") for mode in ("L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")),
    ],
)
def test_what_other_programs_write_by_libtiff(mode: str, compression: str | None, tmp_path: Path) -> None:
    ramp = np.stack([*np.meshgrid(np.arange(40) * 6, np.arange(30) * 8), np.full((30, 40), 77)], -1).astype(np.uint8)
    image = Image.fromarray(ramp).convert(mode)
    image.save(tmp_path / "a.tif", compression=compression)
    picture = pictures.load(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as file:
        expected = np.asarray(file.convert("RGB"), np.float32) / 255
    assert picture.depth == 8 and not picture.notes
    assert picture.pixels.shape[2] == (4 if mode in ("LA", "PA", "RGBA") else 3)
    assert np.abs(picture.pixels[..., :3] - expected).max() < 1.5 / 255


def test_channels_beside_the_colours(tmp_path: Path) -> None:
    samples = (UNIT * 255).astype(np.uint8)
    tifffile.imwrite(tmp_path / "spots.tif", samples, photometric="rgb", extrasamples=["unspecified", "unspecified"])
    picture = pictures.load(tmp_path / "spots.tif")
    assert picture.pixels.shape[2] == 3 and "2 channels beside its colors" in picture.notes[0]
    for unused in (0, 255):
        samples[..., 3] = unused
        tifffile.imwrite(tmp_path / "unused.tif", samples[..., :4], photometric="rgb", extrasamples=["unspecified"])
        picture = pictures.load(tmp_path / "unused.tif")
        assert picture.pixels.shape[2] == 3 and not picture.notes
    samples = (UNIT * 255).astype(np.uint8)
    tifffile.imwrite(tmp_path / "second.tif", samples, photometric="rgb", extrasamples=["unspecified", "unassalpha"])
    assert np.abs(pictures.load(tmp_path / "second.tif").pixels[..., 3] - samples[..., 4] / 255).max() < 1e-6


def small(share: int = 4) -> np.ndarray:
    return np.zeros((23 // share, 30 // share, 3), np.uint8)


FULL = (UNIT[..., :3] * 255).astype(np.uint8)


def is_full(picture: pictures.Picture) -> bool:
    return picture.pixels.shape == FULL.shape and np.abs(picture.pixels - FULL / 255).max() < 1e-6


def test_a_thumbnail_first(tmp_path: Path) -> None:
    """The full page follows it, by the new tag and by the old one, or lies within it."""
    with tifffile.TiffWriter(tmp_path / "after.tif") as file:
        file.write(small(), photometric="rgb", subfiletype=1)
        file.write(FULL, photometric="rgb")
    with tifffile.TiffWriter(tmp_path / "old.tif") as file:
        file.write(small(), photometric="rgb", metadata=None, extratags=[(255, 3, 1, 2, True)])
        file.write(FULL, photometric="rgb", metadata=None, extratags=[(255, 3, 1, 1, True)])
    for name in ("within.tif", "within.nef"):
        with tifffile.TiffWriter(tmp_path / name) as file:
            file.write(small(), photometric="rgb", subfiletype=1, subifds=2)
            file.write(small(2), photometric="rgb", subfiletype=1)
            file.write(FULL, photometric="rgb", subfiletype=0)
    for name in ("after.tif", "old.tif", "within.tif", "within.nef"):
        picture = pictures.load(tmp_path / name)
        assert is_full(picture) and not picture.notes, name


def test_smaller_copies_and_masks_are_no_pages(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "pyramid.tif") as file:
        file.write(FULL, photometric="rgb", subifds=2)
        file.write(small(2), photometric="rgb", subfiletype=1)
        file.write(small(), photometric="rgb", subfiletype=1)
        file.write(small(2), photometric="rgb", subfiletype=1)
        file.write(np.zeros((23, 30), bool), photometric="minisblack", subfiletype=4)
    with tifffile.TiffWriter(tmp_path / "mask first.tif") as file:
        file.write(np.zeros((23, 30), bool), photometric="minisblack", subfiletype=4)
        file.write(FULL, photometric="rgb")
    tifffile.imwrite(tmp_path / "only.tif", FULL, photometric="rgb", subfiletype=1)
    for name in ("pyramid.tif", "mask first.tif", "only.tif"):
        picture = pictures.load(tmp_path / name)
        assert is_full(picture) and not picture.notes, name


@pytest.mark.parametrize("count", [2, 3, 130])
def test_further_pages_are_told(count: int, tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "many.tif") as file:
        for number in range(count):
            file.write(FULL if not number else small(), photometric="rgb", metadata=None)
    picture = pictures.load(tmp_path / "many.tif")
    assert is_full(picture) and picture.notes == (f"many.tif has {count} pages; the first is painted.",)


@pytest.mark.parametrize("ending", ["nef", "dng", "arw", "pef", "tif"])
@pytest.mark.parametrize("kind", ["within", "beside", "only", "linear", "compressed"])
def test_camera_raw_is_to_be_developed(kind: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    sensor = (UNIT[..., 0] * 4095).astype(np.uint16)
    with tifffile.TiffWriter(path) as file:
        if kind != "only":
            file.write(small(), photometric="rgb", subfiletype=kind != "beside", subifds=0 if kind == "beside" else 1)
        if kind == "linear":
            file.write((UNIT[..., :3] * 4095).astype(np.uint16), photometric=34892, subfiletype=0)
        elif kind == "compressed":
            file.write(sensor, photometric="minisblack", subfiletype=0)
        else:
            file.write(sensor, subfiletype=0, **RAW)
    if kind == "compressed":
        with tifffile.TiffFile(path, mode="r+b") as file:
            file.pages.first.pages[0].tags["Compression"].overwrite(34713)
    error = refused(path)
    assert "camera raw" in error.sentence and "darktable" in error.remedy


@pytest.mark.parametrize("ending", ["cr2", "iiq", "kdc", "3fr"])
def test_previews_that_do_not_say_so_are_no_pictures_in_camera_raw(ending: str, tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / f"a.{ending}") as file:
        file.write(small(), photometric="rgb", metadata=None)
    with tifffile.TiffFile(tmp_path / f"a.{ending}", mode="r+b") as file:
        assert "NewSubfileType" not in file.pages.first.tags
    assert "camera raw" in refused(tmp_path / f"a.{ending}").sentence


def test_canon_s_camera_raw_under_another_ending(tmp_path: Path) -> None:
    """Its first page, a JPEG, says of itself neither that it is small nor what it is of."""
    tifffile.imwrite(tmp_path / "a.tif", small(), photometric="rgb", metadata=None)
    data = (tmp_path / "a.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages.first
        tags = [(tag.offset, tag.valueoffset) for tag in page.tags]
    assert min(value for _, value in tags) > 16 and data[4:8] == b"\x08\0\0\0"
    moved = len(data) + len(data) % 2  # the directory goes to the end, as the maker's mark takes its place
    directory = data[8 : 8 + 2 + 12 * len(tags) + 4]
    data = data[:4] + moved.to_bytes(4, "little") + b"CR\2\0" + data[12:].ljust(moved - 12, b"\0") + directory
    (tmp_path / "a.tif").write_bytes(data)
    assert "camera raw" in refused(tmp_path / "a.tif").sentence
    (tmp_path / "b.tif").write_bytes(data.replace(b"CR\2\0", bytes(4), 1))
    assert pictures.load(tmp_path / "b.tif").pixels.shape == (5, 7, 3)


def test_what_is_not_read_is_said_in_words(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "complex.tif", UNIT[..., 0].astype(np.complex64))
    tifffile.imwrite(
        tmp_path / "spectrum.tif", np.zeros((9, 9, 40), np.uint8), photometric="minisblack", planarconfig="contig"
    )
    for name in ("complex.tif", "spectrum.tif"):
        assert name in refused(tmp_path / name).sentence


def test_a_damaged_file_is_refused_without_a_word_beside(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed, and no memory is taken for what a few bytes claim to be."""
    Image.fromarray(FULL).convert("YCbCr").save(tmp_path / "ycc.tif", compression="tiff_lzw")
    tifffile.imwrite(tmp_path / "zip.tif", FULL, photometric="rgb", compression="zlib")
    tifffile.imwrite(tmp_path / "plain.tif", FULL, photometric="rgb")
    tifffile.imwrite(tmp_path / "12.tif", FULL.astype(np.uint16), photometric="rgb", bitspersample=12)
    for name in ("ycc.tif", "zip.tif", "plain.tif", "12.tif"):
        data = (tmp_path / name).read_bytes()
        for share in (0.1, 0.5, 0.95):
            (tmp_path / name).write_bytes(data[: int(len(data) * share)])
            refused(tmp_path / name)
    tifffile.imwrite(tmp_path / "giant.tif", FULL, photometric="rgb", compression="zlib")
    with tifffile.TiffFile(tmp_path / "giant.tif", mode="r+b") as file:
        file.pages.first.tags["ImageWidth"].overwrite(19_000)
        file.pages.first.tags["ImageLength"].overwrite(19_000)
    assert "cut off or damaged" in refused(tmp_path / "giant.tif").sentence
    tifffile.imwrite(tmp_path / "giant.tif", FULL, photometric="rgb", compression="zlib")
    data = (tmp_path / "giant.tif").read_bytes()
    tag = struct.pack("<HHI", 256, 4, 1)  # ImageWidth, which gets 64 numbers
    (tmp_path / "giant.tif").write_bytes(data.replace(tag, struct.pack("<HHI", 256, 4, 64)))
    assert "header is damaged" in refused(tmp_path / "giant.tif").sentence
    assert capfd.readouterr() == ("", "")
