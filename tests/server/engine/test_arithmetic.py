"""One arithmetic for every process of a machine: engines of the server and commands that paint by themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylecore.device.engine import Engine
from stylecore.files import pictures
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from tests import device
from tests.server.cli.test_cli import one_thread
from tests.server.conftest import ROOT, Server

COMMAND = [
    "style",
    "photo.png",
    "style.png",
    "-o",
    "out.tif",
    "--depth",
    "32",
    "--quality",
    "draft",
    "--iterations",
    "8",
    "--precision",
    "float32",
]


@pytest.fixture
def busy() -> Iterator[None]:
    """While a test runs, so does another program, without a rest."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield
    other.kill()
    other.wait()


@pytest.mark.usefixtures("busy")
@device.processor_only("processes on the processor are compared")
def test_all_processes_compute_as_was_decided_once(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    for name in ("photo.png", "style.png"):
        coarse = Image.fromarray(noise.integers(0, 255, (9, 8, 3), np.uint8))
        coarse.resize((64, 72), Image.Resampling.BICUBIC).save(tmp_path / name)
    folder = tmp_path / "state"
    file = folder / "arithmetic.json"
    environment = {**os.environ, "NEURAL_STYLE_FOLDER": str(folder), "PYTHONPATH": str(ROOT)}

    def painted(*more: str) -> pictures.Pixels:
        done = subprocess.run(
            [sys.executable, "-m", "server.cli.main", *COMMAND, *more],
            cwd=tmp_path,
            env=environment,
            preexec_fn=one_thread,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return pictures.load(tmp_path / "out.tif").pixels

    own = Engine("cpu", threads=1, folder=folder).arithmetic("float32")
    (decided,) = json.loads(file.read_text())["machines"]
    assert decided["winograd"] == own.winograd
    # Had it turned out the other way, every process would compute so.
    decided["winograd"] = not own.winograd
    file.write_text(json.dumps({"version": 1, "machines": [decided]}))
    server = Server(folder, environment=environment)
    try:
        served = painted()
        assert f"CPU ({decided['processor']}, 1 thread) in {replace(own, winograd=not own.winograd)};" in server.log()
    finally:
        server.end()
    assert np.array_equal(painted("--local"), served)
    assert json.loads(file.read_text())["machines"] == [decided]  # and nobody has decided anew
    settings = Settings(quality="draft", iterations=8, precision="float32")
    photo, style = (pictures.load(tmp_path / name).pixels for name in ("photo.png", "style.png"))
    job = Job(Engine("cpu", threads=1), PaintRequest(photo, [Style(style)], settings))
    assert [*job.run()] and not np.array_equal(job.image(), served)  # where nothing is kept
