"""``style --ranks``: real processes on this machine, one of which is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from server.cli import commands
from server.cli import main as cli

ROOT = Path(__file__).parents[3]
COMMAND = ["style", "photo.png", "style.png", "--ranks", "2", "--precision", "float32"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(3)
    for name, size in (("photo.png", (130, 171)), ("style.png", (96, 96))):
        coarse = Image.fromarray(generator.integers(0, 255, (9, 8, 3), np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(tmp_path / name)
    return tmp_path


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "server.cli.main", *COMMAND, *arguments],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def ranks_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that paint, by their numbers; Python's own helper is none of them."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]


def until_it_paints_in_strips(process: subprocess.Popen[str]) -> None:
    """Wait until the last scale, the one that is shared, is being painted."""
    assert process.stderr is not None
    for line in process.stderr:
        if "130 × 171 px" in line:
            return
    raise AssertionError("never painted")


def test_a_killed_process_ends_it_in_words_and_another_run_goes_on(folder: Path) -> None:
    first = start(folder, "-o", "out.png", "--resume", "work.state", "--iterations", "40")
    until_it_paints_in_strips(first)
    assert (folder / "work.state").exists()  # kept before the scale began
    victim = ranks_of(first)[1]
    begin = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    _, words = first.communicate(timeout=60)
    assert time.monotonic() - begin < 30
    assert first.returncode == 2 and "Traceback" not in words
    assert "One of the 2 processes that paint this picture ended unexpectedly (SIGKILL)" in words
    assert "goes on from what work.state keeps" in words
    assert not (folder / "out.png").exists()

    second = start(folder, "-o", "out.png", "--resume", "work.state", "--json")
    out, words = second.communicate(timeout=120)
    assert second.returncode == 0, words
    assert json.loads(out)["width"] == 130
    assert np.asarray(Image.open(folder / "out.png")).std() > 10
    assert not (folder / "work.state").exists()


def test_interrupting_keeps_the_picture_so_far(folder: Path) -> None:
    process = start(folder, "-o", "out.png", "--iterations", "500")
    until_it_paints_in_strips(process)
    process.send_signal(signal.SIGINT)
    out, words = process.communicate(timeout=60)
    assert process.returncode == 130 and "Stopped early" in out, words
    assert out.count("out.png") == 1  # one process speaks
    assert Image.open(folder / "out.png").size == (130, 171)


def test_what_a_process_refuses_is_said_once(folder: Path) -> None:
    (folder / "style.png").write_text("not a picture")
    _, words = start(folder, "-o", "out.png").communicate(timeout=60)
    assert words.count("is not a picture that can be read") == 1 and "Traceback" not in words
    many = start(folder, "-o", "out.png", "--frames")
    assert "--ranks is for a single picture" in many.communicate(timeout=60)[1] and many.returncode == 2


def test_torchrun_brings_the_processes_together(folder: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nproc-per-node",
            "2",
            "-m",
            "server.cli.main",
            "style",
            "photo.png",
            "style.png",
            "-o",
            "out.png",
            "--iterations",
            "2",
            "--quality",
            "draft",
            "--precision",
            "float32",
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("2 processes paint, each a strip of the picture.") == 1
    assert done.stdout.count("out.png") == 1
    assert Image.open(folder / "out.png").size == (130, 171)


def test_on_windows_it_is_refused_in_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "sys", SimpleNamespace(platform="win32"))
    given = ["style", str(folder / "photo.png"), str(folder / "style.png"), "-o", str(folder / "out.png"), "--ranks", "2"]
    assert cli.main(given) == 2
    assert "--ranks is not there on Windows" in capsys.readouterr().err
