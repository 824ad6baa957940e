"""Nothing of the user's is overwritten, nothing is painted in vain, nothing half written stays. Real files and signals."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.cli import main
from server.cli.files.outputs import Outputs
from stylecore.errors import StyleError
from stylecore.files import pictures, writing
from tests.server.conftest import ROOT, Server

#: Strength 0 gives the photo back: everything but the painting is done.
UNPAINTED = ["--local", "--strength", "0", "--precision", "float32"]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures of every role, which is the working folder."""
    for seed, name in enumerate(["photo.png", "style.png", "mask.png", "r.step-0001.png", "sheet.png"]):
        noise = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEURAL_STYLE_FOLDER", str(tmp_path.parent / f"{tmp_path.name}-state"))
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        "style photo.png style.png -o photo.png",
        "style photo.png style.png -o ./photo.png",
        "style photo.png style.png -o hard.png",
        "style photo.png style.png -o soft.png",
        "style soft.png style.png -o photo.png",
        "style photo.png style.png -o style.png",
        "style photo.png style.png -o mask.png --guide mask.png",
        "style photo.png style.png -o mask.png --style-guide mask.png",
        "style photo.png style.png -o mask.png --strength-map mask.png",
        "style photo.png style.png -o sheet.png --start-from sheet.png",
        "style photo.png style.png -o out.png --side-by-side photo.png",
        "style photo.png style.png -o out.png --side-by-side out.png",
        "style photo.png style.png -o out.png --side-by-side sub/../out.png",
        "style photo.png style.png -o out.png --side-by-side OUT.PNG",
        "style r.step-0001.png style.png -o r.png --iterations 3 --save-every 1",
        "style photo.png r.step-0001.png -o r.png --iterations 3 --save-every 1",
        "style photo.png style.png -o r.png --side-by-side r.step-0002.png --iterations 3 --save-every 2 --local",
        "style photo.png style.png -o out.png --local --resume out.png",
        "style photo.png style.png -o out.png --local --resume photo.png",
        "style photo.png style.png -o out.png --local --resume r.step-0001.png --guide r.step-0001.png",
        "style . style.png -o . --again",
        "style sub style.png -o . --again",
        "style sub style.png -o other --again --guide other/photo.png",
        "compare photo.png style.png sheet.png -o photo.png",
        "compare photo.png style.png sheet.png -o style.png",
        "compare photo.png style.png sheet.png -o sheet.png",
        "compare photo.png style.png hard.png -o photo.png",
        "sweep sheet.png style.png --vary strength=10 -o .",
        "sweep photo.png sheet.png --vary strength=10 -o .",
        "sweep strength=10.png style.png --vary strength=10 -o .",
        "reconstruct sheet.png -o .",
        "reconstruct content_conv1_1.png -o .",
    ],
)
def test_no_command_overwrites_what_it_reads(command: str, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.link("photo.png", "hard.png")
    os.symlink("photo.png", "soft.png")
    for name in ("strength=10.png", "content_conv1_1.png"):
        shutil.copy("photo.png", name)
    for folder in ("sub", "other"):
        os.mkdir(folder)
        os.link("photo.png", f"{folder}/photo.png")
    before = contents(files)
    assert main.main([*command.split(), "--json"]) == 2
    out, err = capsys.readouterr()
    error = json.loads(out)["error"]
    assert error["code"] == "cannot-write" and error["sentence"] in err and error["remedy"]
    assert any(words in err for words in ("one of the files to read", "written twice", "same file"))
    assert contents(files) == before


def test_files_are_the_same_by_whatever_name(files: Path) -> None:
    outputs = Outputs([Path("photo.png"), None, Path("not there.png")])
    assert outputs.claim(Path("a.png")) == Path("a.png")
    assert outputs.claim(Path("not there.png"))  # an input that is missing is told by who reads it
    os.mkdir("sub")
    os.symlink("../nowhere.png", "sub/dangling.png")
    outputs.claim(Path("sub/dangling.png"))
    for same in ("a.png", "./a.png", f"{files}/a.png", "sub/../a.png", "A.png", "nowhere.png"):
        with pytest.raises(StyleError, match=r"twice|same file"):
            outputs.claim(Path(same))
    with pytest.raises(StyleError, match="folder"):
        outputs.claim(Path("sub"))
    os.mkfifo("pipe.png")
    with pytest.raises(StyleError, match="ordinary file"):
        outputs.claim(Path("pipe.png"))
    with pytest.raises(StyleError, match=r"no/such"):
        outputs.claim(Path("no/such/a.png"))


@pytest.mark.parametrize(
    ("output", "said"),
    [
        *(
            (f"out{ending}", "picture that can be written")
            for ending in (
                ".pcx2",
                ".eps",
                ".blp",
                ".xbm",
                ".msp",
                ".palm",
                ".h5",
                ".wmf",
                ".ico",
                ".icns",
                ".pdf",
                ".mpo",
                ".heic",
                "",
            )
        ),
        ("u" * 252 + ".png", "too long"),
        ("no/such/out.png", "no/such"),
        ("photo.png/out.png", "photo.png"),
        (".", "folder"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ["style", "photo.png", "style.png", "-o"],
        ["style", "photo.png", "style.png", "-o", "ok.png", "--side-by-side"],
        ["compare", "photo.png", "style.png", "sheet.png", "-o"],
    ],
)
def test_what_cannot_be_saved_is_said_before_anything_is_painted(
    command: list[str], output: str, said: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(files)
    assert main.main([*command, output]) == 2
    assert said in capsys.readouterr().err
    assert contents(files) == before


@pytest.mark.parametrize(
    ("size", "output", "said"),
    [((16_384, 16), "out.webp", "16,383"), ((16, 16_384), "out.webp", "16,383"), ((65_520, 16), "out.jpg", "65,500")],
)
def test_what_is_too_large_for_its_format_is_said_before_anything_is_painted(
    size: tuple[int, int], output: str, said: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", size, "teal").save("long.png")
    assert main.main(["style", "long.png", "style.png", "-o", output, *UNPAINTED]) == 2
    assert said in capsys.readouterr().err and not Path(output).exists()
    assert main.main(["style", "long.png", "style.png", "-o", "out.png", *UNPAINTED]) == 0
    with Image.open("out.png") as result:
        assert result.size == size


@pytest.fixture
def small_disk(files: Path) -> Iterator[Path]:
    """A real file system of 40 KB, filled but for 12 KB."""
    folder = files / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("may not mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_what_cannot_be_saved_after_all_is_kept_elsewhere(
    files: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Noise takes more room than could be known before; the picture is not lost, and the old one stays."""
    noise = np.random.default_rng(9).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save("noise.png")
    (small_disk / "out.png").write_bytes(b"old")
    assert main.main(["style", "noise.png", "style.png", "-o", "small/out.png", *UNPAINTED, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "cannot-write" and "No space left" in error["sentence"] and "kept as" in error["sentence"]
    (kept,) = (Path(os.environ["NEURAL_STYLE_FOLDER"]) / "kept").iterdir()
    assert str(kept) in error["sentence"] and kept.suffix == ".png"
    assert np.array_equal(np.asarray(Image.open(kept)), noise)
    assert contents(small_disk) == {"out.png": b"old"}


def test_one_picture_that_cannot_be_written_does_not_end_a_folder_s_run(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor do they that cannot be read; each is told, and the same command does not meet them as painted."""
    photos = files / "photos"
    photos.mkdir()
    for name in ("a.png", "d.png"):
        shutil.copy("photo.png", photos / name)
    Image.new("1", (24, 24)).save(photos / "b.xbm")
    Image.new("RGB", (16_400, 16)).save(photos / "c.png")
    (photos / "c.png").rename(photos / "c.webp")  # really PNG: what is read is seen by its first bytes
    (photos / "e.avif").write_bytes(b"\0\0\0\x1cftypavif" + bytes(60))
    (files / "painted" / "a.png").mkdir(parents=True)  # something else is in the way
    command = ["style", "photos", "style.png", "-o", "painted", *UNPAINTED, "--json"]
    assert main.main(command) in (1, 2)
    shutil.rmtree(files / "painted")
    capsys.readouterr()
    assert main.main(command) == 1
    done = json.loads(capsys.readouterr().out)
    assert [Path(name).name for name in done["painted"]] == ["a.png", "b.xbm", "d.png"]
    assert {Path(each["picture"]).name for each in done["failed"]} == {"c.webp", "e.avif"}
    assert "16,383" in next(each["sentence"] for each in done["failed"] if "c.webp" in each["picture"])
    assert sorted(path.name for path in (files / "painted").iterdir()) == ["a.png", "b.png", "d.png"]
    assert main.main(command) == 1
    assert len(json.loads(capsys.readouterr().out)["skipped"]) == 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("outputs") / "state")
    yield server
    server.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("where", ["server", "local"])
def test_a_request_to_end_keeps_the_picture_so_far(number: signal.Signals, where: str, files: Path, server: Server) -> None:
    """As systemd, a batch queue and a closed ssh session send it; twice, as a shell and the system do together."""
    environment = {**os.environ, "NEURAL_STYLE_FOLDER": str(server.folder), "PYTHONPATH": str(ROOT)}
    more = ["--local"] if where == "local" else []
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "server.cli.main",
            "style",
            "photo.png",
            "style.png",
            "-o",
            "out.png",
            *more,
            "--precision",
            "float32",
            "--iterations",
            "2000",
            "--total-variation",
            "0",
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "%" in line:
                break
        process.send_signal(number)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number, err
    assert "Stopped early" in out
    with Image.open("out.png") as result:
        result.load()
        assert result.size == (32, 24)


def test_ctrl_c_while_a_class_is_made_is_no_mistake_of_the_program(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before Python 3.12 it becomes a RuntimeError there, as it may in any import."""

    class Interrupted:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    def importing() -> None:
        try:
            type("Made", (), {"part": Interrupted()})
        except KeyboardInterrupt as interrupt:  # as newer ones leave it
            raise RuntimeError("Error calling __set_name__") from interrupt

    monkeypatch.setattr("server.cli.main.make_parser", importing)
    assert main.main(["style", "photo.png", "style.png", "-o", "out.png"]) == 130
    assert "Interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("moments", [4, pytest.param(10, marks=pytest.mark.before_a_release)])
def test_ctrl_c_at_any_moment_leaves_all_or_nothing(moments: int, files: Path) -> None:
    """Wherever it comes, from the first import to the last byte: the old picture or a whole new one, and nothing beside."""
    Path("out.png").write_bytes(b"old")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "server.cli.main",
        "style",
        "photo.png",
        "style.png",
        "-o",
        "out.png",
        "--local",
        "--precision",
        "float32",
        "--quality",
        "draft",
        "--iterations",
        "4",
    ]
    names = sorted(path.name for path in files.iterdir())
    begin = time.monotonic()
    subprocess.run(command, env=environment, capture_output=True, check=True, timeout=120)
    whole, took = Path("out.png").read_bytes(), time.monotonic() - begin
    for part in range(moments):
        Path("out.png").write_bytes(b"old")
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            time.sleep(took * (part + 0.5) / moments)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=120)
        assert process.returncode in (0, 130, -signal.SIGINT), err
        now = Path("out.png").read_bytes()
        if now != b"old":
            assert pictures.load("out.png").pixels.shape == (24, 32, 3)
        assert now == whole or process.returncode != 0
        assert sorted(path.name for path in files.iterdir()) == names


def test_two_commands_on_one_output_leave_one_of_the_two(files: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    commands = [
        [sys.executable, "-m", "server.cli.main", "style", name, "style.png", "-o", "out.png", *UNPAINTED]
        for name in ("photo.png", "mask.png")
    ]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for command in commands]
    assert [process.wait(120) for process in processes] == [0, 0]
    result = pictures.load("out.png").pixels
    assert any(np.abs(result - pictures.load(name).pixels).max() < 0.5 / 255 for name in ("photo.png", "mask.png"))
    assert not list(files.glob(".*"))


def test_a_disk_that_fills_up_does_not_end_the_painting(files: Path, small_disk: Path) -> None:
    """Pictures on the way and the kept state are worth less than the painting that goes on."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "server.cli.main",
            "style",
            "photo.png",
            "style.png",
            "-o",
            "out.png",
            "--local",
            "--precision",
            "float32",
            "--quality",
            "draft",
            "--iterations",
            "3",
            "--resume",
            "small/work.state",
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert writing.can_write("out.png") and pictures.load("out.png").pixels.shape == (24, 32, 3)
    assert not list(itertools.chain(small_disk.iterdir()))
