"""What belongs to a photo stays with its painting, and what is nobody's business does not."""

from __future__ import annotations

import io
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image

from stylecore.files import pictures, writing
from stylecore.files.metadata import embedding, xmp
from stylecore.files.metadata.record import Metadata
from tests.stylecore.files.metadata_samples import (
    ARTIST,
    CHANGED,
    COPYRIGHT,
    LEVELS,
    PIXELS,
    RDF,
    RIGHTS,
    SECRETS,
    SOURCES,
    TAKEN,
    XMP,
    box,
    camera,
    exif,
    jpeg,
    jpeg_xl,
    photoshop,
    rational,
    read,
    resource,
    saved,
    short,
    tiff,
    with_chunks,
)

# What is written, as other programs see it.

WRITTEN = [
    (form.endings[0], depth)
    for form in writing.FORMATS
    for depth in form.depths
    if "EXIF" in embedding.HELD.get(form.kind, ())
]


def seen(path: Path) -> dict[str, Any]:
    """What other programs find in a file: the EXIF block's and a TIFF's tags by tifffile, the rest by Pillow."""
    data = path.read_bytes()
    if path.suffix == ".tif":
        block, xmp, dpi = data, b"", None
    else:
        with Image.open(path) as file:
            block, xmp, dpi = file.info.get("exif", b""), file.info.get("xmp", b""), file.info.get("dpi")
    if path.suffix == ".jp2":
        block = data.partition(b"JpgTiffExif->JP2")[2]
        xmp = data.partition(bytes.fromhex("be7acfcb97a942e89c71999491e3afac"))[2].partition(b"\0\0")[0]
    with tifffile.TiffFile(io.BytesIO(block.removeprefix(b"Exif\0\0"))) as file:
        tags = {tag.name: tag.value for tag in file.pages.first.tags}
    tags.update(tags.pop("ExifTag"))
    assert dpi is None or tuple(map(round, dpi)) == (300, 300)
    return {**tags, "XMP": tags.get("XMP", xmp)}


@pytest.mark.parametrize(("ending", "depth"), WRITTEN)
def test_what_belongs_to_the_photo_stays_and_the_rest_does_not(ending: str, depth: int, tmp_path: Path) -> None:
    source = jpeg(camera(orientation=3), xmp=XMP, comment=b"EDIT-HISTORY")
    assert all(secret in source for secret in SECRETS)
    (tmp_path / "photo.jpg").write_bytes(source)
    photo = pictures.load(tmp_path / "photo.jpg")
    path = tmp_path / f"painting{ending}"
    writing.save(path, photo.pixels, depth=depth, metadata=photo.metadata)
    found = seen(path)
    assert found["Artist"] == ARTIST and found["Copyright"] == COPYRIGHT
    assert (found["DateTime"], found["DateTimeOriginal"], found["DateTimeDigitized"]) == (CHANGED, TAKEN, TAKEN)
    assert (found["OffsetTimeOriginal"], found["SubsecTimeOriginal"]) == ("+02:00", "25")
    assert found["XResolution"] == found["YResolution"] == (300, 1) and found["ResolutionUnit"] == 2
    assert found.get("Orientation", 1) == 1  # the pixels are turned
    assert "Neural Style" in found["Software"]
    assert not {"Make", "MakerNote", "GPSTag", "ImageDescription"} & set(found)
    assert all(said in found["XMP"] for said in RIGHTS)
    data = path.read_bytes()
    assert not [secret for secret in SECRETS if secret in data]


def test_openexr_says_it_in_attributes(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpeg(camera(), xmp=XMP))
    photo = pictures.load(tmp_path / "photo.jpg")
    writing.save(tmp_path / "a.exr", photo.pixels, metadata=photo.metadata)
    header = OpenEXR.File(str(tmp_path / "a.exr"), header_only=True).header()
    assert (header["Artist"], header["owner"], header["capDate"]) == (ARTIST, COPYRIGHT, TAKEN)
    assert header["xDensity"] == 300 and header["pixelAspectRatio"] == 1
    assert all(said.decode() in header["xmp"] for said in RIGHTS)
    again = pictures.load(tmp_path / "a.exr").metadata
    assert again is not None and photo.metadata is not None
    assert again.artist == ARTIST and again.copyright == COPYRIGHT and again.xmp == photo.metadata.xmp
    assert again.resolution == (300, 300) and again.dates == {"DateTimeOriginal": TAKEN}


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("bigtiff", [False, True])
def test_a_tiff_of_any_layout_keeps_its_pixels_and_pages(order: str, bigtiff: bool) -> None:
    memory = io.BytesIO()
    with tifffile.TiffWriter(memory, bigtiff=bigtiff, byteorder=order) as file:
        for page in (LEVELS, LEVELS[::-1]):
            file.write(page, photometric="rgb", software="another", metadata=None)
    said = embedding.embed("TIFF", memory.getvalue(), Metadata((300, 300), {"DateTimeOriginal": TAKEN}, ARTIST))
    with tifffile.TiffFile(io.BytesIO(said)) as file:
        assert file.is_bigtiff == bigtiff and file.byteorder == order and len(file.pages) == 2
        assert np.array_equal(file.pages[0].asarray(), LEVELS) and np.array_equal(file.pages[1].asarray(), LEVELS[::-1])
        tags = {tag.name: tag.value for tag in file.pages.first.tags}
    assert tags["Artist"] == ARTIST and tags["XResolution"] == (300, 1) and "Neural Style" in tags["Software"]
    assert tags["ExifTag"]["DateTimeOriginal"] == TAKEN and list(tags.values()).count("another") == 0


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "jp2", "bmp", "pcx"])
@pytest.mark.parametrize("resolution", [(72.0, 72.0), (300.0, 150.0), (118.11, 118.11), (2400.0, 1200.0)])
def test_formats_with_a_resolution_of_their_own_say_it_there(
    ending: str, resolution: tuple[float, float], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{ending}"
    writing.save(path, PIXELS, metadata=Metadata(resolution=resolution))
    with Image.open(path) as file:
        assert file.info["dpi"] == pytest.approx(resolution, abs=0.5 if ending in ("jpg", "pcx") else 0.02)
    again = pictures.load(path).metadata
    assert again is not None and again.resolution == pytest.approx(resolution, abs=0.5)


@pytest.mark.parametrize("depth", [8, 16])
def test_png_says_author_and_copyright_also_in_texts(depth: int, tmp_path: Path) -> None:
    for artist in ("Ann Müller", "安藤 広重"):
        writing.save(tmp_path / "a.png", PIXELS, depth=depth, metadata=Metadata(artist=artist, copyright="Free"))
        with Image.open(tmp_path / "a.png") as file:
            file.load()
            assert file.text["Author"] == artist and file.text["Copyright"] == "Free"


@pytest.mark.parametrize("form", writing.FORMATS, ids=lambda form: form.kind)
def test_metadata_change_no_pixel_and_the_same_is_the_same_file(form: writing.Format, tmp_path: Path) -> None:
    full = Metadata((300, 300), {"DateTimeOriginal": TAKEN}, ARTIST, COPYRIGHT, xmp.read(XMP).packet)
    for depth in form.depths:
        plain, said, again = (tmp_path / f"{name}{form.endings[0]}" for name in ("plain", "said", "again"))
        writing.save(plain, PIXELS, depth=depth)
        writing.save(said, PIXELS, depth=depth, metadata=full)
        writing.save(again, PIXELS, depth=depth, metadata=full)
        assert said.read_bytes() == again.read_bytes()
        assert (said.read_bytes() != plain.read_bytes()) == (form.kind in embedding.HELD)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # as of what is damaged
            first, second = pictures.load(plain), pictures.load(said)
        assert first.depth == second.depth and np.array_equal(first.pixels, second.pixels)


# What is read, as other programs write it.


@pytest.mark.parametrize("name", SOURCES)
def test_it_is_found_where_programs_put_it(name: str, tmp_path: Path) -> None:
    ending, data = SOURCES[name]
    found = read(data, tmp_path, ending)
    assert found.artist == ARTIST and found.copyright == COPYRIGHT
    assert found.dates["DateTimeOriginal"] == TAKEN
    assert found.resolution == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize(
    ("ending", "data"),
    [
        ("jpg", saved("JPEG", xmp=XMP)),
        ("png", with_chunks((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)))),
        ("webp", saved("WEBP", xmp=XMP)), ("avif", saved("AVIF", xmp=XMP)), ("psd", photoshop(resource(0x424, XMP))),
        ("tif", tiff((700, "B", len(XMP), XMP, True))), ("jxl", jpeg_xl(box(b"xml ", XMP))),
    ],
    ids=["JPEG", "PNG", "WebP", "AVIF", "PSD", "TIFF", "JPEG XL"],
)  # fmt: skip
def test_rights_in_xmp_are_found_alone(ending: str, data: bytes, tmp_path: Path) -> None:
    found = read(data, tmp_path, ending)
    assert found.artist == "Ann Müller; Bo" and found.copyright == "All rights"
    assert all(said in found.xmp for said in RIGHTS)
    assert not [secret for secret in SECRETS if secret in found.xmp]


def test_dates_that_only_xmp_has_become_exifs(tmp_path: Path) -> None:
    said = b'<rdf:Description xmlns:p="http://ns.adobe.com/photoshop/1.0/" p:DateCreated="2024-05-01T10:20:30.25+02:00"/>'
    found = read(saved("JPEG", xmp=b"<rdf:RDF %s>%s</rdf:RDF>" % (RDF.encode(), said)), tmp_path)
    expected = {"DateTimeOriginal": TAKEN, "SubSecTimeOriginal": "25", "OffsetTimeOriginal": "+02:00"}
    assert found == Metadata(dates=expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_resolution_is_turned_with_the_picture(orientation: int, tmp_path: Path) -> None:
    entries = [short(0x112, orientation), rational(0x11A, 300), rational(0x11B, 150), short(0x128, 2)]
    (tmp_path / "a.tif").write_bytes(jpeg(exif(entries)))
    picture = pictures.load(tmp_path / "a.tif")
    assert picture.metadata is not None
    upright = picture.width == LEVELS.shape[1]
    assert picture.metadata.resolution == ((300, 150) if upright else (150, 300)) and upright == (orientation < 5)


def test_a_smaller_picture_keeps_its_resolution_as_in_gimp(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(camera()))
    small = pictures.load(tmp_path / "a.jpg", longest=4)
    assert small.width == 4 and small.metadata is not None and small.metadata.resolution == (300, 300)


def test_a_thumbnail_that_comes_first_does_not_speak_for_the_photo(tmp_path: Path) -> None:
    memory = io.BytesIO()
    with tifffile.TiffWriter(memory) as file:
        file.write(LEVELS[:2, :2], photometric="rgb", subfiletype=1, resolution=(72, 72), resolutionunit=2, metadata=None)
        file.write(LEVELS, photometric="rgb", resolution=(300, 300), resolutionunit=2, metadata=None)
    assert read(memory.getvalue(), tmp_path, "tif").resolution == (300, 300)


def test_a_picture_that_says_nothing_stays_silent(tmp_path: Path) -> None:
    for form in writing.FORMATS:
        writing.save(tmp_path / f"a{form.endings[0]}", PIXELS)
        # BMP's and PCX's writers always put a resolution.
        assert form.kind in ("BMP", "PCX") or pictures.load(tmp_path / f"a{form.endings[0]}").metadata is None, form.kind
