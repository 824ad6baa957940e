"""What a file is: what is read, what a folder is told it lacks, and what is said about a file that is no picture."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylecore.errors import StyleError
from stylecore.files import pictures, writing
from stylecore.files.metadata import kinds


@pytest.mark.parametrize(
    "name",
    [
        "a.png", "a.JPG", "a.jpeg", "a.tif", "a.TIFF", "a.exr", "a.webp", "a.gif", "a.bmp", "a.tga", "a.psd", "a.ico",
        "a.cur", "a.icns", "a.avif", "a.heic", "a.heif", "a.hif", "a.jxl", "a.hdr", "a.jp2", "a.ppm", "a.pgm", "a.pam",
        "a.pfm", "a.fits", "a.dds", "a.mpo", "a.pcx", "a.qoi", "a.sgi", "a.xpm",
    ],
)  # fmt: skip
def test_endings_that_are_read(name: str) -> None:
    assert kinds.reads(Path(name)) and kinds.unread_picture(Path(name)) is None


def test_what_is_written_is_read() -> None:
    assert all(kinds.reads(Path(f"a{ending}")) for form in writing.FORMATS for ending in form.endings)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.NEF", "camera raw"), ("a.dng", "camera raw"), ("a.cr2", "camera raw"), ("a.CR3", "camera raw"),
        ("a.arw", "camera raw"), ("a.raf", "camera raw"), ("a.xcf", "GIMP"), ("a.xcf.gz", "GIMP"), ("a.kra", "Krita"),
        ("a.ora", "OpenRaster"), ("a.psb", "Photoshop"), ("a.svg", "vector"), ("a.afphoto", "another painting program"),
        ("a.jxr", "not read"), ("a.dcm", "medical"),
    ],
)  # fmt: skip
def test_pictures_that_a_folder_is_told_it_lacks(name: str, said: str) -> None:
    sentence = kinds.unread_picture(Path("folder") / name)
    assert sentence is not None and sentence.startswith(f"{name} is ") and said in sentence and sentence.count(".") >= 3
    assert not kinds.reads(Path(name))


@pytest.mark.parametrize(
    "name", ["a.pdf", "a.eps", "a.mpg", "a.mp4", "a.mov", "a.txt", "a.py", "a", "a.zip", "a.html", "a.h5"]
)
def test_what_is_no_picture_is_not_missed_in_a_folder(name: str) -> None:
    assert not kinds.reads(Path(name)) and kinds.unread_picture(Path(name)) is None


def archive(mimetype: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        file.writestr("mimetype", mimetype)
    return memory.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"gimp xcf v011\0" + bytes(200), "GIMP"),
        (b"FUJIFILMCCD-RAW 0201FF" + bytes(200), "camera raw"),
        (struct.pack(">I", 24) + b"ftypcrx \0\0\0\1crx isom", "camera raw"),
        (b"FOVb\0\0\3\0" + bytes(200), "camera raw"),
        (b"IIRO\x08\0\0\0" + bytes(200), "camera raw"),
        (b"IIU\0\x18\0\0\0" + bytes(200), "camera raw"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(200), "camera raw"),
        (b"8BPS\0\2" + bytes(200), "Photoshop"),
        (archive(b"application/x-krita"), "Krita"),
        (archive(b"image/openraster"), "OpenRaster"),
        (archive(b"text/plain"), "archive"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "vector"),
        (b"%PDF-1.7\n" + bytes(200), "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n", "PostScript"),
        (struct.pack(">I", 24) + b"ftypisom\0\0\2\0isomiso2", "film"),
        (struct.pack(">I", 20) + b"ftypqt  \0\0\2\0qt  ", "film"),
        (b"RIFF\x10\0\0\0AVI LIST" + bytes(200), "film"),
        (b"\0\0\1\xba" + bytes(200), "film"),
        (b"\x1aE\xdf\xa3" + bytes(200), "film"),
        (b"\xd7\xcd\xc6\x9a" + bytes(200), "metafile"),
        (bytes(128) + b"DICM" + bytes(200), "medical"),
        (b"<!DOCTYPE html>\n<html><body>Not found</body></html>", "web page"),
        (b"", "empty"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a"])
def test_a_file_is_told_by_what_is_in_it(content: bytes, said: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StyleError) as caught:
        pictures.load(tmp_path / name)
    assert caught.value.code == "not-a-picture" and said in caught.value.sentence and str(tmp_path) in caught.value.sentence
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["a.cr3", "a.xcf", "a.svg", "a.pdf", "a.mp4", "a.eps", "a.psb"])
def test_a_file_of_which_no_byte_says_anything_is_told_by_its_ending(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"?" * 300)
    with pytest.raises(StyleError) as caught:
        pictures.load(tmp_path / name)
    assert "that can be read" not in caught.value.sentence and caught.value.remedy


def test_a_picture_under_another_s_ending_is_read(tmp_path: Path) -> None:
    Image.fromarray(np.full((20, 30, 3), 77, np.uint8)).save(tmp_path / "a.png")
    for name in ("a.cr2", "a.xcf", "a.mp4", "a.jxl", "a"):
        (tmp_path / name).write_bytes((tmp_path / "a.png").read_bytes())
        assert pictures.load(tmp_path / name).pixels.shape == (20, 30, 3)


def test_a_damaged_picture_of_a_kind_that_is_read_is_said_to_be_damaged(tmp_path: Path) -> None:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 15, 20, 8, 3)
    (tmp_path / "a.psd").write_bytes(head + bytes(14) + bytes(99))
    with pytest.raises(StyleError, match=r"that can be read \("):
        pictures.load(tmp_path / "a.psd")


@pytest.mark.parametrize(("depth", "version"), [(16, 1), (32, 1), (8, 2)])
def test_photoshop_files_that_are_not_read(depth: int, version: int, tmp_path: Path) -> None:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", version, 3, 15, 20, depth, 3)
    (tmp_path / "a.psd").write_bytes(head + bytes(14) + bytes(15 * 20 * 3 * depth // 8))
    with pytest.raises(StyleError) as caught:
        pictures.load(tmp_path / "a.psd")
    assert "flattened ones of 8 bits are" in caught.value.sentence and "GIMP" in caught.value.remedy
