"""The command line as a person or a script uses it: real files, a real server, real signals."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylecore.files import pictures, writing
from stylecore.settings import SETTINGS
from tests.server.conftest import ROOT, Server, until

QUICK = ["--quality", "draft", "--precision", "float32"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder, with a space in its name, with a photo and a style."""
    folder = tmp_path / "my pictures"
    folder.mkdir()
    y, x = np.mgrid[:48, :64]
    photo = np.stack([x * 4, y * 5, (x + y) * 2], -1).astype(np.uint8)
    Image.fromarray(photo).save(folder / "photo.png")
    noise = np.random.default_rng(0).random((16, 16, 3)) * 255
    Image.fromarray(noise.astype(np.uint8)).resize((64, 64)).save(folder / "style.jpg")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("cli") / "state")
    yield server
    server.end()


def run(folder: Path, *arguments: str, state: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NEURAL_STYLE_FOLDER": str(state or folder / "state"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "server.cli.main", *arguments],
        cwd=folder,
        env=environment,
        timeout=120,
        capture_output=True,
        text=True,
        preexec_fn=one_thread,
    )


def one_thread() -> None:
    """Give this process one core, and so one thread like the tests' server: then both round alike, to the last bit."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})  # any: another test may have the first


def test_style_writes_result_and_side_by_side(files: Path, server: Server) -> None:
    done = run(
        files,
        "style",
        "photo.png",
        "style.jpg",
        "-o",
        "out.png",
        "--side-by-side",
        "all.jpg",
        *QUICK,
        "--strength",
        "70",
        state=server.folder,
    )
    assert done.returncode == 0, done.stderr
    with Image.open(files / "out.png") as result, Image.open(files / "photo.png") as photo:
        assert result.size == photo.size and result.tobytes() != photo.tobytes()
    with Image.open(files / "all.jpg") as sheet:
        assert sheet.width > 3 * sheet.height * 0.9
    assert str(files / "out.png") in done.stdout and str(files / "all.jpg") in done.stdout
    assert "Painted in" in done.stdout and "CPU" in done.stdout
    assert "s left" in done.stderr
    assert sorted(path.name for path in files.iterdir()) == ["all.jpg", "out.png", "photo.png", "style.jpg"]


def test_style_goes_on_from_an_earlier_result(files: Path, server: Server) -> None:
    base = ["style", "photo.png", "style.jpg", "--json", *QUICK]
    first = run(files, *base, "-o", "first.png", state=server.folder)
    assert first.returncode == 0, first.stderr
    results = []
    for more in ([], ["--local"]):
        again = [*more, "-o", "again.png", "--start-from", "first.png", "--strength", "60"]
        done = run(files, *base, *again, state=server.folder)
        assert done.returncode == 0, done.stderr
        with Image.open(files / "again.png") as picture:
            results.append(picture.tobytes())
    with Image.open(files / "first.png") as earlier:
        assert results[0] != earlier.tobytes() and results[0] == results[1]
    refused = run(files, *base, "-o", "again.png", "--start-from", "style.jpg", state=server.folder)
    assert refused.returncode == 2 and "64 × 64" in refused.stderr


def test_local_needs_no_server_and_json_is_json(files: Path) -> None:
    done = run(files, "style", "photo.png", "style.jpg", "-o", "out.png", "--local", "--json", *QUICK)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["output"] == str(files / "out.png") and (report["width"], report["height"]) == (64, 48)
    assert report["device"] and report["settings"]["quality"] == "draft" and not report["stopped"]
    assert not (files / "state" / "lock").exists()


def test_pictures_on_the_way_are_kept(files: Path, server: Server) -> None:
    command = ["style", "photo.png", "style.jpg", *QUICK]
    done = run(files, *command, "--local", "-o", "long.png", "--iterations", "6", "--save-every", "2")
    assert done.returncode == 0, done.stderr
    assert run(files, *command, "--local", "-o", "short.png", "--iterations", "4").returncode == 0
    assert sorted(path.name for path in files.glob("long*")) == ["long.png", "long.step-0002.png", "long.step-0004.png"]
    assert (files / "long.step-0004.png").read_bytes() == (files / "short.png").read_bytes()
    served = run(files, *command, "-o", "served.png", "--iterations", "6", "--save-every", "2", state=server.folder)
    assert served.returncode == 0, served.stderr
    on_the_way = sorted(files.glob("served.step-*"))
    assert [path.name for path in on_the_way] == ["served.step-0002.png", "served.step-0004.png"]
    first, second = (pictures.load(path).pixels for path in on_the_way)
    assert not np.array_equal(first, second)
    assert np.abs(second - pictures.load(files / "short.png").pixels).max() < 2 / 255


def test_ctrl_c_keeps_the_picture_so_far(files: Path, server: Server) -> None:
    environment = {**os.environ, "NEURAL_STYLE_FOLDER": str(server.folder), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "server.cli.main",
            "style",
            "photo.png",
            "style.jpg",
            "-o",
            "out.png",
            *QUICK,
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
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped early" in out and str(files / "out.png") in out
    with Image.open(files / "out.png") as result:
        assert result.size == (64, 48)


def test_an_interrupted_picture_is_finished_as_if_it_had_not_been(files: Path) -> None:
    command = ["style", "photo.png", "style.jpg", "--local", *QUICK, "--iterations", "150", "--memory-limit", "4GB"]
    whole = run(files, *command, "-o", "whole.png")
    assert whole.returncode == 0, whole.stderr
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    first = subprocess.Popen(
        [sys.executable, "-m", "server.cli.main", *command, "-o", "first.png", "--resume", "work.state"],
        cwd=files,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=one_thread,
    )
    assert first.stderr is not None
    for line in first.stderr:
        if "%" in line:
            break
    first.send_signal(signal.SIGINT)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 130 and "Stopped early" in out and (files / "work.state").exists()
    second = run(files, *command, "-o", "second.png", "--resume", "work.state")
    assert second.returncode == 0 and "Going on from work.state" in second.stderr, second.stderr
    assert not (files / "work.state").exists()
    assert (files / "second.png").read_bytes() == (files / "whole.png").read_bytes() != (files / "first.png").read_bytes()
    (files / "bad.state").write_bytes(b"no state")
    bad = run(files, *command, "-o", "bad.png", "--resume", "bad.state")
    assert bad.returncode == 2 and "is not a saved job" in bad.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.png", "style.jpg", "-o", "out.png"], "none.png"),
        (["photo.png", "text.png", "-o", "out.png"], "text.png"),
        (["photo.png", "style.jpg", "-o", "no/such/out.png"], "no/such"),
        (["photo.png", "style.jpg", "-o", "out.doc"], "out.doc"),
        (["photo.png", "style.jpg", "-o", "photo.png"], "one of the files"),
        (["photo.png", "style.jpg", "-o", "."], "folder"),
        (["photo.png", "style.jpg", "-o", "out.png", "--strength", "1000"], "strength"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_painted(files: Path, arguments: list[str], said: str) -> None:
    (files / "text.png").write_text("not a picture")
    before = sorted(path.name for path in files.iterdir())
    done = run(files, "style", *arguments, "--json")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert said in done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] and error["sentence"] and error["remedy"]
    assert sorted(path.name for path in files.iterdir()) == before  # no half file, and no server was started


@pytest.mark.skipif(not Path("/dev/full").exists() or os.geteuid() != 0, reason="needs to mount a small disk")
def test_a_full_disk_leaves_no_half_file(files: Path, server: Server) -> None:
    small = files / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("may not mount")
    try:
        done = run(files, "style", "photo.png", "style.jpg", "-o", "small/out.png", *QUICK, state=server.folder)
        assert done.returncode == 2 and "could not be written" in done.stderr and "Traceback" not in done.stderr
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_status_and_stop(files: Path) -> None:
    assert run(files, "status").returncode == 2
    assert run(files, "server", "stop").returncode == 0  # nothing to stop is what was wanted
    server = Server(files / "state")
    try:
        report = json.loads(run(files, "status", "--json").stdout)
        assert report["pid"] == server.process.pid and report["engine"] == "none" and report["jobs"] == []
        assert str(server.process.pid) in run(files, "status").stdout
        assert run(files, "server", "stop").returncode == 0
        assert server.process.wait(60) == 0
    finally:
        server.end()


def test_a_frozen_server_can_be_stopped(files: Path) -> None:
    server = Server(files / "state")
    try:
        server.process.send_signal(signal.SIGSTOP)
        begin = time.monotonic()
        done = run(files, "server", "stop")
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - begin < 60
        until(lambda: server.process.poll() is not None, 60)
    finally:
        server.end()


def test_server_run_in_the_foreground_ends_with_ctrl_c(files: Path) -> None:
    state = files / "state"
    process = subprocess.Popen(
        [sys.executable, "-m", "server.cli.main", "server", "run", "--folder", str(state)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: (state / "connection.json").exists(), 60)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0 and "listens" in said and "Traceback" not in said


def test_every_setting_is_a_flag(files: Path) -> None:
    shown = run(files, "style", "--help").stdout
    for setting in SETTINGS:
        assert f"--{setting.name.replace('_', '-')}" in shown


def test_sixteen_bits_go_through_without_bands(files: Path, server: Server) -> None:
    """The photo itself (strength 0) comes back level by level, and a painted one has more levels than 8 bits can hold."""
    ramp = np.tile(np.linspace(0.3, 0.4, 400, dtype=np.float32)[None, :, None], (40, 1, 3))
    writing.save(files / "deep.png", ramp, depth=16)
    for strength, out in (("0", "same.tif"), ("20", "painted.png")):
        done = run(files, "style", "deep.png", "style.jpg", "-o", out, "--strength", strength, *QUICK, state=server.folder)
        assert done.returncode == 0, done.stderr
    same, painted = pictures.load(files / "same.tif"), pictures.load(files / "painted.png")
    assert same.depth == painted.depth == 16
    assert np.abs(same.pixels - ramp).max() < 1.01 / 65535
    levels = len(np.unique(painted.pixels[..., 1]))
    assert levels > 500
    done = run(
        files,
        "style",
        "deep.png",
        "style.jpg",
        "-o",
        "shallow.png",
        "--depth",
        "8",
        "--strength",
        "0",
        *QUICK,
        state=server.folder,
    )
    assert done.returncode == 0 and pictures.load(files / "shallow.png").depth == 8


def test_masks_say_where_with_which_style_and_how_strongly(files: Path, server: Server) -> None:
    """Masks of twice the photo's size, one of them with an alpha channel; served and local give the same."""
    left = np.zeros((96, 128), np.uint8)
    left[:, :64] = 255
    Image.fromarray(left).save(files / "left.png")
    clear = Image.new("RGBA", (128, 96), (255, 255, 255, 0))
    clear.paste((255, 255, 255, 255), (0, 0, 128, 32))
    clear.save(files / "top.png")
    Image.new("RGB", (64, 64), "#c02010").save(files / "red.png")
    base = [
        "style",
        "photo.png",
        "style.jpg",
        "red.png",
        "--style-guide",
        "left.png",
        "--strength-map",
        "top.png",
        "--json",
        "-o",
        "out.png",
        *QUICK,
    ]
    results = []
    for more in ([], ["--local"]):
        done = run(files, *base, *more, state=server.folder)
        assert done.returncode == 0, done.stderr
        results.append(pictures.load(files / "out.png").pixels)
    photo = pictures.load(files / "photo.png").pixels
    assert np.array_equal(results[0], results[1])
    assert np.abs(results[0][16:] - photo[16:]).max() < 1e-6 and np.abs(results[0][:16] - photo[:16]).mean() > 0.01
    done = run(files, *base, "--guide", "left.png", state=server.folder)  # nothing is left for the second style
    assert done.returncode == 2 and json.loads(done.stdout)["error"]["code"] == "empty-guide"
    Image.new("L", (64, 64), 255).save(files / "square.png")
    wrong = run(files, "style", "photo.png", "style.jpg", "-o", "out.png", "--guide", "square.png", state=server.folder)
    assert wrong.returncode == 2 and "another shape" in wrong.stderr
    many = run(files, *base, "--style-guide", "top.png", "--style-guide", "top.png", state=server.folder)
    assert many.returncode == 2 and "3 style guides for 2 styles" in many.stderr
