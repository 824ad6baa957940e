"""Folders, patterns, frames and several styles on the command line: real files, a real server, real signals."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.cli import main
from server.cli.files.folders import pictures_of
from stylecore.files import pictures, writing
from tests.server.cli.test_cli import run
from tests.server.conftest import ROOT, Server

TINY = ["--iterations", "1", "--precision", "float32"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("batch") / "state")
    yield server
    server.end()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with two styles."""
    for seed, name in enumerate(["style.png", "other.png"]):
        noise = np.random.default_rng(seed).random((8, 8, 3)) * 255
        Image.fromarray(noise.astype(np.uint8)).resize((32, 32)).save(tmp_path / name)
    return tmp_path


def write(path: Path, seed: int, side: int = 24) -> None:
    y, x = np.mgrid[:side, :side]
    photo = np.stack([x * 9 + seed, y * 9, (x + y) * 4], -1)
    Image.fromarray(photo.clip(0, 255).astype(np.uint8)).save(path)


def test_a_folder_goes_on_after_bad_files_and_skips_what_is_done(files: Path, server: Server) -> None:
    folder = files / "my photos"
    folder.mkdir()
    for number in range(8):
        write(folder / f"photo {number}.png", number)
    (folder / "text.jpg").write_text("not a picture")
    (folder / "cut off.png").write_bytes((folder / "photo 0.png").read_bytes()[:60])
    write(folder / "too small.png", 0, side=8)
    (folder / "notes.txt").write_text("no picture, and not named like one")
    bad = {"text.jpg", "cut off.png", "too small.png"}

    done = run(files, "style", "my photos", "style.png", "-o", "painted", *TINY, state=server.folder)
    assert done.returncode == 1, done.stderr
    assert "8 painted" in done.stdout and "3 failed" in done.stdout and "Traceback" not in done.stderr
    assert all(name in done.stdout for name in bad) and "notes.txt" not in done.stdout
    names = {path.name for path in folder.iterdir()} - bad - {"notes.txt"}
    assert {path.name for path in (files / "painted").iterdir()} == names
    first = files / "painted" / "photo 0.png"
    assert pictures.load(first).pixels.shape == (24, 24, 3)

    first.unlink()
    again = run(files, "style", "my photos/photo*.png", "style.png", "-o", "painted", "--json", *TINY, state=server.folder)
    assert again.returncode == 0, again.stderr
    report = json.loads(again.stdout)
    assert [Path(name).name for name in report["painted"]] == ["photo 0.png"] and len(report["skipped"]) == 7
    assert first.exists()


def test_ctrl_c_in_a_folder_keeps_the_picture_so_far_apart(files: Path, server: Server) -> None:
    folder = files / "photos"
    folder.mkdir()
    for number in range(2):
        write(folder / f"{number}.png", number, side=48)
    environment = {**os.environ, "NEURAL_STYLE_FOLDER": str(server.folder), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "server.cli.main",
            "style",
            "photos",
            "style.png",
            "-o",
            "out",
            "--precision",
            "float32",
            "--iterations",
            "2000",
        ],
        cwd=files,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "%" in line:
            break
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    kept = files / "out" / "0.unfinished.png"
    assert process.returncode == 130 and str(kept) in said
    assert pictures.load(kept).pixels.shape == (48, 48, 3)
    # It does not count as painted: the same command goes on with it.
    done = run(files, "style", "photos", "style.png", "-o", "out", *TINY, state=server.folder)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (files / "out").iterdir()) == ["0.png", "1.png"]


def test_weights_decide_which_style_is_seen(files: Path, server: Server) -> None:
    write(files / "photo.png", 0, side=32)
    base = ["style", "photo.png", "style.png", "other.png", *TINY, "--iterations", "8"]
    found = {}
    for name, arguments in {
        "first": [*base, "--weights", "1 0"],
        "second": [*base, "--weights", "0 1"],
        "both": base,
        "alone": ["style", "photo.png", "style.png", *TINY, "--iterations", "8"],
    }.items():
        done = run(files, *arguments, "-o", f"{name}.png", state=server.folder)
        assert done.returncode == 0, done.stderr
        found[name] = pictures.load(files / f"{name}.png").pixels
    assert np.array_equal(found["first"], found["alone"])
    assert not np.array_equal(found["first"], found["second"])
    assert not np.array_equal(found["both"], found["first"])


def test_frames_flicker_less_than_pictures_painted_apart(files: Path, server: Server) -> None:
    """Frames that differ by the camera's noise only: what changes between their results is flicker."""
    frames = files / "clip"
    frames.mkdir()
    write(frames / "0.png", 0, side=64)
    still = pictures.load(frames / "0.png").pixels
    for number in range(1, 3):
        noise = np.random.default_rng(number).normal(0, 0.02, still.shape).astype(np.float32)
        writing.save(frames / f"{number}.png", (still + noise).clip(0, 1))
    flicker = {}
    for name, flags in {"apart": [], "frames": ["--frames"]}.items():
        done = run(files, "style", "clip", "style.png", "-o", name, "--precision", "float32", *flags, state=server.folder)
        assert done.returncode == 0, done.stderr
        painted = [pictures.load(files / name / f"{number}.png").pixels for number in range(3)]
        flicker[name] = float(np.mean([np.abs(a - b).mean() for a, b in itertools.pairwise(painted)]))
    assert flicker["frames"] < 0.7 * flicker["apart"], flicker


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["empty", "style.png", "-o", "out"], "no pictures"),
        (["none*.png", "style.png", "-o", "out"], "no pictures"),
        ([".", "style.png", "-o", "."], "one of the files"),
        ([".", "style.png", "-o", "style.png/out"], "style.png"),
        ([".", "style.png", "-o", "out", "--side-by-side", "all.png"], "--side-by-side"),
        (["style.png", "other.png", "-o", "out.png", "--weights", "1 2"], "--weights"),
        (["style.png", "other.png", "-o", "out.png", "--weights", "0"], "--weights"),
    ],
)
def test_what_is_wrong_with_many_is_said_first(files: Path, arguments: list[str], said: str) -> None:
    (files / "empty").mkdir()
    before = sorted(files.rglob("*"))
    done = run(files, "style", *arguments)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert sorted(files.rglob("*")) == before


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("frame10.png", "frame9.png", "frame1.png", ".hidden.png"):
        write(tmp_path / name, 0)
    assert [path.name for path in pictures_of(tmp_path)] == ["frame1.png", "frame9.png", "frame10.png"]


def test_what_a_folder_holds_beside_readable_pictures_is_told(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pictures of a kind that is not read are named with why; documents and films are no pictures to be missed."""
    folder = files / "mixed"
    folder.mkdir()
    write(folder / "photo.png", 1)
    frames = [Image.new("RGB", (24, 24), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(folder / "dance.gif", save_all=True, append_images=frames[1:])
    clear = Image.new("RGBA", (24, 24), (200, 30, 90, 255))
    clear.putpixel((3, 3), (0, 0, 0, 0))
    clear.save(folder / "clear.bmp.png")
    for name in ("raw.NEF", "layers.xcf", "layers.kra", "scan.pdf", "film.mpg", "film.mp4", "notes.txt"):
        (folder / name).write_bytes(b"bytes of some kind")
    command = [
        "style",
        str(folder),
        str(files / "style.png"),
        "-o",
        str(files / "painted"),
        "--local",
        "--strength",
        "0",
        "--precision",
        "float32",
    ]
    assert main.main(command) == 0
    out, err = capsys.readouterr()
    assert "3 painted, 3 of a kind that is not read" in out
    assert "raw.NEF is camera raw" in out and "layers.xcf is a GIMP image" in out and "layers.kra is a Krita" in out
    assert not any(name in out + err for name in ("scan.pdf", "film.mpg", "film.mp4", "notes.txt"))
    assert "dance.gif" in err and "3 frames" in err
    assert main.main([*command, "--json"]) == 0
    missed = json.loads(capsys.readouterr().out)["not_taken"]
    assert [Path(each["picture"]).name for each in missed] == ["layers.kra", "layers.xcf", "raw.NEF"]
    for path in folder.iterdir():
        if path.suffix not in (".NEF", ".mpg"):
            path.unlink()
    assert main.main(command) == 2
    assert "no pictures that are read" in (err := capsys.readouterr().err) and "Develop it first" in err


def test_transparency_that_the_format_lacks_is_told(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clear = Image.new("RGBA", (24, 24), (200, 30, 90, 255))
    clear.putpixel((3, 3), (0, 0, 0, 0))
    clear.save(files / "clear.png")
    Image.new("RGBA", (24, 24), (200, 30, 90, 255)).save(files / "opaque.png")
    for name, output, told in (("clear", "a.jpg", True), ("clear", "a.png", False), ("opaque", "a.jpg", False)):
        command = ["style", str(files / f"{name}.png"), str(files / "style.png"), "-o", str(files / output)]
        assert main.main([*command, "--local", "--strength", "0", "--precision", "float32"]) == 0
        assert ("no transparency" in capsys.readouterr().err) == told
