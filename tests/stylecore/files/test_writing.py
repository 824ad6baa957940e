"""What is written can be read again, or is refused before anything is painted; and a file is there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from stylecore.errors import StyleError
from stylecore.files import pictures, replacing, writing

ENDINGS = [ending for form in writing.FORMATS for ending in form.endings]
SIDES = st.sampled_from([1, 2, 3, 5, 16, 17, 63, 100])


def picture(height: int, width: int, channels: int) -> pictures.Pixels:
    """Soft colours, so that lossy formats come near them, with a corner that is transparent if there is alpha."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    pixels = np.stack([x, y, 0.5 * (x + y), np.where(x + y > 0.2, 1.0, 0.0)], -1)[..., :channels]
    return pixels.astype(np.float32)


def on_white(pixels: pictures.Pixels) -> pictures.Pixels:
    if pixels.shape[2] == 3:
        return pixels
    return pixels[..., :3] * pixels[..., 3:] + 1 - pixels[..., 3:]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ENDINGS), SIDES, SIDES, st.sampled_from([3, 4]), st.sampled_from([8, 16, 32]))
@example(".png", 1, 16_384, 4, 16)
@example(".tif", 16_384, 1, 3, 32)
@example(".exr", 1, 16_384, 4, 32)
@example(".webp", 1, 16_383, 3, 8)
@example(".webp", 1, 16_384, 3, 8)
@example(".jpg", 1, 16_384, 4, 8)
@example(".jpg", 65_501, 1, 3, 8)
@example(".gif", 16_384, 1, 4, 8)
@example(".jp2", 1, 16_384, 4, 8)
@example(".avif", 16_384, 1, 3, 8)
@example(".tga", 1, 65_536, 3, 8)
@example(".dds", 1, 16_384, 4, 8)
@example(".pcx", 16_384, 1, 3, 8)
@example(".sgi", 65_536, 1, 3, 8)
def test_what_is_written_is_read_again_or_refused_before(
    tmp_path: Path, ending: str, height: int, width: int, channels: int, depth: int
) -> None:
    path = tmp_path / f"picture{ending}"
    for earlier in tmp_path.iterdir():
        earlier.unlink()
    pixels = picture(height, width, channels)
    try:
        writing.check(path, (height, width), channels, depth=depth)
    except StyleError as error:
        assert error.code == "cannot-write" and error.remedy
        assert ending in (".webp", ".jpg", ".tga", ".sgi") and max(height, width) > 16_000
        return
    assert not list(tmp_path.iterdir())
    writing.save(path, pixels, depth=depth)
    assert list(tmp_path.iterdir()) == [path]
    form = writing.format_of(path)
    read = pictures.load(path)
    assert read.depth == writing.nearest_depth(form, depth)
    assert (read.height, read.width) == (height, width)
    if form.kind in ("BMP", "TGA") and channels == 4 and not (pixels[..., 3] * 255).round().any():
        return  # nothing to be seen: the fourth byte was not used, and the picture is opaque
    if channels == 4 and read.pixels.shape[2] == 4:
        expected = np.abs(read.pixels[..., 3] - pixels[..., 3])
        assert expected.max() < 0.01 if form.lossless else expected.mean() < 0.05
    wrong = np.abs(on_white(read.pixels) - on_white(pixels))
    if form.lossless:
        assert wrong.max() < {8: 0.51 / 255, 16: 1 / 65535, 32: 1e-5}[read.depth] + (1e-2 if ending in JPEG2000 else 0)
    elif min(height, width) > 2:
        assert wrong.mean() < 0.06


JPEG2000 = next(form.endings for form in writing.FORMATS if form.kind == "JPEG2000")


@pytest.mark.parametrize(
    "ending",
    [
        ".xbm",
        ".palm",
        ".msp",
        ".blp",
        ".ico",
        ".icns",
        ".eps",
        ".pdf",
        ".h5",
        ".wmf",
        ".emf",
        ".mpo",
        ".psd",
        ".xcf",
        ".heic",
        ".mp4",
        ".doc",
        "",
        ".",
    ],
)
def test_what_cannot_hold_a_painting_is_refused_by_its_ending(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture{ending}"
    assert not writing.can_write(path)
    for attempt in (lambda: writing.check(path, (20, 20), 3), lambda: writing.save(path, picture(20, 20, 3))):
        with pytest.raises(StyleError, match=r"picture that can be written") as caught:
            attempt()
        assert caught.value.code == "cannot-write" and ".png" in caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path: Path) -> None:
    longest = tmp_path / ("ü" * 125 + "p.png")
    assert len(longest.name.encode()) == 255
    writing.check(longest, (20, 20), 3)
    writing.save(longest, picture(20, 20, 3))
    writing.save(longest, picture(20, 20, 3))
    assert list(tmp_path.iterdir()) == [longest]
    with pytest.raises(StyleError, match="too long") as caught:
        writing.check(tmp_path / ("u" * 252 + ".png"), (20, 20), 3)
    assert "shorter" in caught.value.remedy


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "a.png", tmp_path / "link.png"
    writing.save(real, picture(20, 20, 3))
    real.chmod(0o640)
    link.symlink_to(real)
    writing.save(link, 1 - picture(20, 20, 3))
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o640
    assert np.abs(pictures.load(real).pixels - (1 - picture(20, 20, 3))).max() < 0.01
    fresh = tmp_path / "fresh.png"
    umask = os.umask(0o027)
    try:
        writing.save(fresh, picture(20, 20, 3))
    finally:
        os.umask(umask)
    assert fresh.stat().st_mode & 0o777 == 0o640


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    for error in (KeyboardInterrupt, RuntimeError):
        with pytest.raises(error), replacing.replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise error
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("may not mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_the_old_picture_and_nothing_else(ending: str, small_disk: Path) -> None:
    """Whatever room is left, of none to all but a little: the old file is there as it was, or the new one whole."""
    noise = np.random.default_rng(0).random((40, 40, 3)).astype(np.float32)
    path, filler = small_disk / f"a{ending}", small_disk / "filler"
    whole = writing.encode(path, noise)
    failed = 0
    for room in (0, 4096, 8192, 16_384):
        for each in small_disk.iterdir():
            each.unlink()
        path.write_bytes(b"old")
        free = shutil.disk_usage(small_disk).free
        filler.write_bytes(bytes(max(0, free - room)))
        try:
            writing.save(path, noise)
            assert path.read_bytes() == whole
        except StyleError as error:
            failed += 1
            assert error.code == "cannot-write" and "No space left" in error.sentence and "Make room" in error.remedy
            assert path.read_bytes() == b"old"
        assert {each.name for each in small_disk.iterdir()} == {path.name, "filler"}
    assert failed


def test_a_limit_of_a_file_s_size_is_met_before_the_painting(tmp_path: Path) -> None:
    """As with ``ulimit -f``, in a process of its own."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY))\n"
        "from stylecore.files import writing; from stylecore.errors import StyleError\n"
        "try: writing.check(sys.argv[1], (600, 600), 3)\n"
        "except StyleError as error: print(error.code, error.remedy)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("cannot-write") and "ulimit" in done.stdout, done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "room"),
        (errno.EDQUOT, "share"),
        (errno.EROFS, "can be written"),
        (errno.EACCES, "may write"),
        (errno.ENOENT, "folder"),
        (errno.ENAMETOOLONG, "shorter"),
        (errno.EIO, "another"),
    ],
)
def test_each_refusal_of_the_system_has_its_own_remedy(number: int, said: str) -> None:
    error = replacing.cannot_write(Path("x/a.png"), OSError(number, os.strerror(number)))
    assert error.code == "cannot-write" and said in error.remedy and "a.png" in error.sentence


def test_eight_bit_images_are_rounded() -> None:
    assert np.asarray(writing.to_image(np.full((1, 1, 3), 0.5, np.float32)))[0, 0].tolist() == [128] * 3
    assert isinstance(writing.to_image(np.full((2, 2, 4), np.nan, np.float32)), Image.Image)
