"""``neural-style sweep``, ``compare`` and ``reconstruct`` on small real pictures."""

from __future__ import annotations

import csv
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

from server.cli.main import main
from server.cli.painting import local_engine
from tests.server.conftest import ROOT

GRAM = ["--objective", "gram", "--quality", "draft", "--precision", "float32", "--size", "0"]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, with a space in its name, with a photo and a style, to be worked in."""
    folder = tmp_path / "my pictures"
    folder.mkdir()
    y, x = np.mgrid[:48, :64]
    photo = np.stack([x * 4, y * 5, (x + y) * 2], -1).astype(np.uint8)
    Image.fromarray(photo).save(folder / "photo.png")
    noise = np.random.default_rng(0).random((12, 12, 3)) * 255
    Image.fromarray(noise.astype(np.uint8)).resize((64, 64)).save(folder / "style.png")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def real_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process compute with the network that users have, for what hangs on it."""
    monkeypatch.setenv("NEURAL_STYLE_WEIGHTS", "bundled")
    local_engine.cache_clear()
    yield
    local_engine.cache_clear()


def table(path: Path) -> list[dict[str, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def shrink(path: Path) -> None:
    """Halve a picture's sides."""
    with Image.open(path) as picture:
        small = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
    small.save(path)


def pixels(path: Path) -> bytes:
    with Image.open(path) as picture:
        return picture.convert("RGB").tobytes()


@pytest.mark.usefixtures("real_network")
def test_more_style_weight_means_less_style_loss_and_more_content_loss(files: Path, capsys) -> None:
    shrink(files / "photo.png")
    vary = ["--vary", "style-weight=0.01,0.1,1,10"]
    assert main(["sweep", "photo.png", "style.png", *vary, "--iterations", "10", "-o", "out", *GRAM, "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [cell["style_weight"] for cell in cells] == [0.01, 0.1, 1, 10]
    for one, more in itertools.pairwise(cells):
        assert more["style"] < one["style"] and more["content"] > one["content"]
    rows = table(files / "out" / "losses.csv")
    assert [row["step"] for row in rows if row["style_weight"] == 10] == list(range(1, 11))
    last = [row for row in rows if row["step"] == 10]
    assert [row["style"] for row in last] == pytest.approx([cell["style"] for cell in cells], rel=1e-6)
    for row in rows:  # the sum of the layers, and total from its parts
        layers = [row[f"conv{block}_1"] for block in range(1, 6)]
        assert sum(layers) / 5 == pytest.approx(row["style"], rel=1e-4)
        assert row["content"] + row["style_weight"] * row["style"] <= row["total"] * 1.0001
    for name in ("sheet.png", "losses.png"):
        with Image.open(files / "out" / name) as picture:
            assert picture.width > 800


def test_one_run_serves_all_step_counts_as_runs_of_their_own_would(files: Path, capsys) -> None:
    grid = ["--vary", "strength=30,70", "--vary", "steps=2,5", "--quality", "draft", "--precision", "float32"]
    assert main(["sweep", "photo.png", "style.png", *grid, "-o", "out"]) == 0
    said = capsys.readouterr()
    assert "2 of 2" in said.err and "3 of" not in said.err and "(4 pictures)" in said.out
    single = ["--strength", "70", "--iterations", "2", "--quality", "draft", "--precision", "float32", "--local"]
    assert main(["style", "photo.png", "style.png", *single, "-o", "single.png"]) == 0
    assert pixels(files / "out" / "strength=70,steps=2.png") == pixels(files / "single.png")
    assert pixels(files / "out" / "strength=70,steps=5.png") != pixels(files / "single.png")


def test_reversing_exchanges_pictures_and_weights(files: Path) -> None:
    weights = ["--vary", "style_weight=20", "--content-weight", "3", "--iterations", "3"]
    assert main(["sweep", "photo.png", "style.png", *weights, "--reverse", "-o", "reversed", *GRAM]) == 0
    swapped = ["--vary", "style_weight=3", "--content-weight", "20", "--iterations", "3"]
    assert main(["sweep", "style.png", "photo.png", *swapped, "-o", "by hand", *GRAM]) == 0
    reverse, by_hand = files / "reversed" / "style_weight=20.png", files / "by hand" / "style_weight=3.png"
    assert pixels(reverse) == pixels(by_hand)


def test_a_sweep_goes_on_where_it_was_interrupted(files: Path, capsys) -> None:
    """Ctrl-C in the second run: the first stays, the second is painted anew, nothing else."""
    arguments = [
        "sweep",
        "photo.png",
        "style.png",
        "--vary",
        "strength=20,40,60",
        "--iterations",
        "15",
        "-o",
        "out",
        "--quality",
        "draft",
        "--precision",
        "float32",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "server.cli.main", *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("1 of 3"):
                process.send_signal(signal.SIGINT)
                break
        _, rest = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130, rest
    assert "same command goes on" in rest
    before = {path.name: path.stat().st_mtime_ns for path in (files / "out").glob("*.png")}
    assert "strength=20.png" in before and "strength=60.png" not in before
    assert main(arguments) == 0
    assert (files / "out" / "strength=20.png").stat().st_mtime_ns == before["strength=20.png"]
    assert (files / "out" / "strength=60.png").exists()
    # Other settings: all of it anew.
    assert main([*arguments, "--seed", "1"]) == 0
    assert (files / "out" / "strength=20.png").stat().st_mtime_ns > before["strength=20.png"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--vary", "strenght=1,2"], "no setting “strenght”"),
        (["--vary", "strength=1,200"], "between 0 and 100"),
        (["--vary", "strength"], "has no values"),
        (["--vary", "strength=a"], "must be a number, not “a”"),
        (["--vary", "strength=1", "--vary", "strength=2"], "two different ones"),
        (["--vary", "strength=1", "--strength", "5"], "varied and set at once"),
        (["--vary", "steps=0,5"], "at least 1 step"),
        (["--vary", f"seed={','.join(map(str, range(500)))}"], "500 pictures"),
    ],
)
def test_what_cannot_be_varied_is_said_in_a_sentence(arguments: list[str], words: str, files: Path, capsys) -> None:
    assert main(["sweep", "photo.png", "style.png", *arguments, "-o", "out"]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert not (files / "out").exists()


def test_compare_scores_the_photo_the_style_and_what_is_between(files: Path, capsys) -> None:
    between = ["--quality", "draft", "--precision", "float32"]
    assert main(["style", "photo.png", "style.png", *between, "--local", "-o", "painted.png"]) == 0
    capsys.readouterr()
    compared = ["photo.png", "painted.png"]
    command = ["compare", "photo.png", "style.png", *compared, "--precision", "float32"]
    assert main([*command, "-o", "sheet.png", "--json"]) == 0
    photo, painted = json.loads(capsys.readouterr().out)
    assert photo["content"] == pytest.approx(0, abs=1e-6) and photo["style"] == pytest.approx(1, rel=1e-3)
    assert painted["content"] > 0.001 and painted["style"] < 0.7 and painted["total"] < photo["total"]
    with Image.open(files / "sheet.png") as sheet:
        assert sheet.width > 500
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "conv5_1" in said and "painted.png" in said
    assert main(["compare", "photo.png", "style.png", "style.png"]) == 2
    assert "style.png: The picture is 64 × 64 pixels, the content 64 × 48" in capsys.readouterr().err


@pytest.mark.usefixtures("real_network")
def test_shallow_layers_know_where_things_are_deep_ones_and_textures_do_not(files: Path, capsys) -> None:
    shrink(files / "photo.png")
    assert main(["reconstruct", "photo.png", "-o", "layers", "--steps", "20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sheet"] == str(files / "layers" / "sheet.png")
    photo = np.asarray(Image.open(files / "photo.png"), float)

    def distance(name: str) -> float:
        return float(np.abs(np.asarray(Image.open(files / "layers" / name).convert("RGB"), float) - photo).mean())

    shallow, deep, texture = (distance(f"{name}.png") for name in ("content_conv1_1", "content_conv5_1", "style_conv1_1"))
    assert shallow < 0.5 * min(deep, texture), (shallow, deep, texture)
    assert len(list((files / "layers").glob("*.png"))) == 11
