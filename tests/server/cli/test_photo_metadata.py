"""On the command line, too, a painting says whose photo it is, and is written with the quality that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from server.cli.main import main
from tests.server.cli.test_cli import files

__all__ = ["files"]


def test_paintings_keep_what_belongs_to_the_photo(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = files / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112], exif[0x013B], exif[0x8298] = 6, "Ann Miller", "Ann Miller 2024"
    exif[0x8769], exif[0x8825] = {0x9003: "2024:05:01 10:20:30"}, {1: "N", 2: (48.0, 8.0, 15.0)}
    with Image.open(files / "photo.png") as photo:
        for name in ("one.jpg", "two.tif"):
            photo.save(folder / name, exif=exif.tobytes(), dpi=(300, 300))
    painted = ["photo.step-0001.jpg", "photo.jpg", "all/one.jpg", "all/two.tif"]
    monkeypatch.chdir(files)
    options = ["--local", "--jpeg-quality", "80"]
    quick = ["--quality", "draft", "--iterations", "2", "--precision", "float32"]
    assert main(["style", "photos/one.jpg", "style.jpg", "-o", "photo.jpg", *options, *quick, "--save-every", "1"]) == 0
    assert main(["style", "photos/", "style.jpg", "-o", "all/", *options, "--strength", "0"]) == 0
    for name in painted:
        with Image.open(files / name) as picture:
            found = picture.getexif()
            assert (picture.size, tuple(map(round, picture.info["dpi"]))) == ((48, 64), (300, 300)), name
            assert (found[0x013B], found[0x8298], found[0x0112]) == ("Ann Miller", "Ann Miller 2024", 1), name
            assert found.get_ifd(0x8769)[0x9003] == "2024:05:01 10:20:30" and not found.get_ifd(0x8825), name
            assert picture.format != "JPEG" or picture.layer[0][1:3] == (2, 2), name  # 4:2:0, as always under 90


@pytest.mark.parametrize("said", ["0", "101", "-5", "9.5", "best", "", "9" * 5000])
def test_a_quality_that_is_none_is_said_in_words(said: str, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["style", str(files / "photo.png"), str(files / "style.jpg"), "-o", "a.jpg", f"--jpeg-quality={said}"]
    assert main(command) == 2
    assert "--jpeg-quality must be a whole number from 1 to 100, not “" in capsys.readouterr().err


def test_a_quality_that_the_result_has_not_is_refused_before_painting(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["style", str(files / "photo.png"), str(files / "style.jpg"), "--jpeg-quality", "80"]
    assert main([*command, "-o", str(files / "a.png")]) == 2
    said = capsys.readouterr().err
    assert "--jpeg-quality is for .jpg, .webp and .avif" in said and "a.png" in said and not (files / "a.png").exists()
