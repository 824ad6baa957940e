"""What commands say, to readers who go away, to terminals that know few letters, and to programs that read JSON."""

from __future__ import annotations

import codecs
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.cli.main import main
from server.cli.terminal.output import say, shown, streams, tell, write_json
from server.client.client import Client
from stylecore.errors import StyleError
from stylecore.files import pictures
from tests.server.conftest import ROOT, Server

#: Strength 0 gives the photo back: all but the painting is done.
QUICK = ["--strength", "0", "--quality", "draft", "--precision", "float32"]
#: Good Latin-1, and no UTF-8.
ODD = os.fsdecode(b"caf\xe9 \xff.png")


FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("output") / "state")
    yield server
    server.end()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to work in, with a photo and a style."""
    y, x = np.mgrid[:24, :32]
    Image.fromarray(np.stack([x * 8, y * 9, (x + y) * 4], -1).astype(np.uint8)).save(tmp_path / "p.png")
    shutil.copy(tmp_path / "p.png", tmp_path / "s.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEURAL_STYLE_FOLDER", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def odd_names(files: Path) -> None:
    """For tests whose names not every file system takes."""
    try:
        (files / ODD).touch()
    except OSError:
        pytest.skip("names must be UTF-8 here")
    (files / ODD).unlink()


def run(script: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell script in which ``"$@"`` is the command; its words come back as bytes."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}", "bash", sys.executable, "-m", "server.cli.main", *arguments],
        env={**os.environ, "NEURAL_STYLE_FOLDER": str(folder), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=300,
    )


# Readers who go away


@pytest.mark.parametrize(
    "script",
    [
        '"$@" | true',
        '"$@" | head -c 1 >/dev/null',
        '"$@" >&-',
        '"$@" 2>&-',
        '"$@" >&- 2>&- <&-',
        '"$@" 2> >(true)',
        '"$@" --json | true',
        '"$@" --json >&-',
        '"$@" --json 2>&-',
        pytest.param('"$@" >/dev/full', marks=FULL),
        pytest.param('"$@" 2>/dev/full', marks=FULL),
    ],
)
def test_a_picture_is_painted_whoever_listens(script: str, files: Path, server: Server) -> None:
    done = run(script, server.folder, "style", "p.png", "s.png", "-o", "o.png", *QUICK)
    assert done.returncode == 0, done
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr
    assert np.array_equal(pictures.load("o.png").pixels, pictures.load("p.png").pixels)
    assert sorted(path.name for path in files.iterdir()) == ["o.png", "p.png", "s.png"]


@FULL
def test_a_report_that_is_wanted_and_cannot_be_had_is_an_error(files: Path, server: Server) -> None:
    done = run('"$@" >/dev/full', server.folder, "style", "p.png", "s.png", "-o", "o.png", "--json", *QUICK)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1
    assert b"report could not be written" in done.stderr and Path("o.png").exists()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["style", "--help"], 0),
        (["--version"], 0),
        (["status"], 0),
        (["status", "--json"], 0),
        (["style", "none.png", "s.png", "-o", "o.png", "--json"], 2),
        (["sweep"], 2),
    ],
)
@pytest.mark.parametrize("script", ['"$@" | true', '"$@" >&-', '"$@" 2>&-', '"$@" >&- 2>&-'])
def test_no_command_trips_over_a_reader_who_is_gone(
    script: str, arguments: list[str], status: int, files: Path, server: Server
) -> None:
    done = run(script, server.folder, *arguments)
    assert done.returncode == status, done
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr


def test_what_is_opened_next_is_not_taken_for_a_stream_that_was_closed(files: Path, server: Server) -> None:
    """A picture that got number 1 or 2 would hold what is said."""
    script = (
        "import sys; from server.cli.terminal.output import *\n"
        "with streams():\n"
        "    file = open('o.txt', 'w'); say('said'); tell('told'); sys.__stdout__ and print('more'); file.close()\n"
    )
    done = subprocess.run(
        ["bash", "-c", '"$@" >&- 2>&-', "bash", sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert done.returncode == 0 and Path("o.txt").read_text() == ""


# Terminals that know few letters, and names that are no text


LETTERS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "the C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a strict one": {"PYTHONIOENCODING": "utf-8:strict"},
}


@pytest.mark.parametrize("environment", LETTERS.values(), ids=LETTERS)
def test_a_terminal_without_our_letters_gets_others(
    environment: dict[str, str], files: Path, odd_names: None, server: Server
) -> None:
    os.rename("p.png", ODD)
    done = run('"$@"', server.folder, "style", ODD, "s.png", "-o", "Küche.png", *QUICK, **environment)
    assert done.returncode == 0 and pictures.load("Küche.png").pixels.shape == (24, 32, 3), done
    # The C locale is known to Python as ASCII.
    words = done.stdout.decode(environment.get("PYTHONIOENCODING", "ascii").split(":")[0])
    assert "Küche.png" in words or "K\\xfcche.png" in words
    assert "32 × 24 px" in words or "32 x 24 px" in words
    report = run('"$@"', server.folder, "style", ODD, "s.png", "-o", "Küche.png", "--json", *QUICK, **environment)
    assert json.loads(report.stdout.decode("utf-8"))["output"] == str(files / "Küche.png")
    helped = run('"$@"', server.folder, "style", "--help", **environment)
    assert helped.returncode == 0 and (b"CONTENT STYLE... -o OUT" in helped.stdout or "STYLE…".encode() in helped.stdout)
    wrong = run('"$@"', server.folder, "style", "nö…ne.png", ODD, "-o", ODD, "--json", **environment)
    assert wrong.returncode == 2 and b"There is no file" in wrong.stderr and b"Traceback" not in wrong.stderr
    assert "nö…ne.png" in json.loads(wrong.stdout.decode("utf-8"))["error"]["sentence"]


def test_names_that_are_no_text_are_taken_everywhere(
    files: Path, odd_names: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Photo, style, mask, results, folder, comparison; what is said of them is good UTF-8."""
    for name in (f"photo {ODD}", f"style {ODD}", f"mask {ODD}"):
        shutil.copy("p.png", name)
    os.mkdir(os.fsdecode(b"in \xe9"))
    shutil.copy("p.png", os.fsdecode(b"in \xe9/\xfc.png"))
    out = os.fsdecode(b"out \xe9")
    local = ["--local", *QUICK]
    runs = [
        [
            "style",
            f"photo {ODD}",
            f"style {ODD}",
            "-o",
            f"{out}.png",
            "--guide",
            f"mask {ODD}",
            "--strength-map",
            f"mask {ODD}",
            "--side-by-side",
            f"{out}.jpg",
            "--resume",
            f"{out}.state",
            *local,
        ],
        ["style", os.fsdecode(b"in \xe9"), f"style {ODD}", "-o", out, *local],
        ["style", os.fsdecode(b"in \xe9/*.png"), f"style {ODD}", "-o", f"{out} 2", *local],
        ["compare", f"photo {ODD}", f"style {ODD}", f"{out}.png", "-o", f"{out}.tif", "--precision", "float32"],
        ["compare", f"photo {ODD}", f"style {ODD}", f"none {ODD}"],
        ["style", f"photo {ODD}", f"style {ODD}", "-o", f"{out}/none/{ODD}"],
    ]
    for arguments in runs:
        for flags in ([], ["--json"]):
            status = main([*arguments, *flags])
            told = capsys.readouterr()
            assert status == (2 if any("none" in each for each in arguments) else 0), told
            for text in told:
                text.encode("utf-8")  # raises for half a letter
            assert "\\xe9" in (told.out or told.err)
            if flags:
                json.loads(told.out)
    assert all(os.path.exists(f"{out}{ending}") for ending in (".png", ".jpg", ".tif"))
    assert os.path.exists(os.fsencode(out) + b"/\xfc.png") and os.path.exists(os.fsencode(out) + b" 2/\xfc.png")


def test_every_format_is_read_and_written_under_such_a_name(files: Path, odd_names: None) -> None:
    from stylecore.files import writing

    pixels = pictures.load("p.png").pixels
    for form in writing.FORMATS:
        for depth in form.depths:
            name = os.fsdecode(b"\xe9\xff" + os.fsencode(form.endings[0]))
            writing.check(name, pixels.shape[:2], 3, depth=depth)
            writing.save(name, pixels, depth=depth)
            assert np.abs(pictures.load(name).pixels - pixels).mean() < 0.1, (form.kind, depth)


def test_names_that_are_no_text_are_shown_as_bytes() -> None:
    assert shown("Küche × 漢字 😀") == "Küche × 漢字 😀"
    assert shown("caf\udce9") == "caf\\xe9"
    assert shown("K\udcc3\udcbcche") == "Küche"  # good UTF-8, which the C locale has taken apart
    assert shown("\ud800 \udbff\udc00 \udfff") == "\\ud800 \\udbff\\udc00 \\udfff"


def test_json_is_what_every_reader_understands(capsys: pytest.CaptureFixture[str]) -> None:
    with streams():
        write_json({"a": float("nan"), "b": [float("inf"), 1.5, None, True], "c\udcff": Path("x\udce9"), "d": ("“×”", {})})
    text = capsys.readouterr().out
    assert json.loads(text) == {"a": None, "b": [None, 1.5, None, True], "c\\xff": "x\\xe9", "d": ["“×”", {}]}
    assert text.count("\n") == 1 and "×" in text


def test_names_cannot_command_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with streams():
        say("red \x1b[31m.png")
        tell("bell \x07, line\r, control \x9b")
    told = capsys.readouterr()
    assert told.out == "red \\x1b[31m.png\n" and told.err == "bell \\x07, line\\x0d, control \\x9b\n"


def test_streams_are_given_back_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after a failing one: the first failure is the last time that it is tried."""

    class Full(io.StringIO):
        tried = 0

        def write(self, text: str) -> int:
            self.tried += 1
            raise OSError(28, "No space left on device")

        def fileno(self) -> int:
            raise OSError

    full, taken = Full(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", full)
    monkeypatch.setattr(sys, "stderr", taken)
    with streams():
        say("lost")
        tell("taken")
        with pytest.raises(StyleError, match="No space left on device"):
            write_json({})
    assert (sys.stdout, sys.stderr) == (full, taken) and taken.getvalue() == "taken\n" and full.tried
    assert codecs.lookup_error("neural-style")


def test_a_mistake_of_the_program_is_a_sentence_with_its_details_in_a_log(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.cli import style

    def broken(*_: object) -> None:
        raise ZeroDivisionError("caf\udce9")

    monkeypatch.setattr(style, "load_styles", broken)
    assert main(["style", "p.png", "s.png", "-o", "o.png", "--json"]) == 2
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert error["code"] == "internal-error" and "ZeroDivisionError: caf\\xe9" in error["sentence"]
    assert told.err.count("\n") == 1 and "Traceback" not in told.err
    log = Path("state/command-line.log")
    assert str(log) in error["remedy"] and "in broken" in log.read_text("utf-8")
    assert Path("state").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["style", "p.png", "s.png", "-o", "o.png"], "Interrupted; nothing was written.\n"),
        (["reconstruct", "p.png", "-o", "r"], "Interrupted; nothing was written.\n"),
        (["status"], "Interrupted.\n"),
    ],
)
def test_ctrl_c_says_what_is_true(
    arguments: list[str], told: str, files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(pictures, "load", interrupted)
    monkeypatch.setattr(Client, "connect", interrupted)
    assert main(arguments) == 130
    assert capsys.readouterr().err == told and sorted(os.listdir()) == ["p.png", "s.png"]


def test_a_folder_that_may_not_be_entered_is_told(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.symlink("loop", "loop")
    for name in ("loop", "loop/x.png"):
        assert main(["style", name, "s.png", "-o", "o.png"]) == 2
        assert name in capsys.readouterr().err
    assert main(["style", "p.png", "s.png", "-o", "loop/o.png"]) == 2
    assert "loop/o.png could not be written" in capsys.readouterr().err
