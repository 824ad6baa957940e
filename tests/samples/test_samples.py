"""The sample pictures open, are large enough, and are what the script paints."""

import importlib.util
import io
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
PICTURES = sorted(SAMPLES.glob("*/*.jpg"))
QUICK = ["fox-woodcut", "balloon-halftone", "castle-pen", "lilies-poster"]  # a second or two each


@pytest.fixture(scope="module")
def paint() -> ModuleType:
    spec = importlib.util.spec_from_file_location("samples_paint", SAMPLES / "paint.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["samples_paint"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), np.float32)


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_opens_and_is_worth_showing(path: Path) -> None:
    with Image.open(path) as picture:
        assert picture.format == "JPEG" and picture.mode == "RGB"
        assert min(picture.size) >= 512
        values = pixels(picture)
    assert path.stat().st_size <= 350_000
    light = values.mean(axis=-1)
    assert light.std() > 20, "a gallery picture has light and dark"
    assert np.abs(np.diff(light, axis=1)).mean() > 1.5, "its strokes are to be seen"


def test_every_sample_is_there_and_no_other(paint: ModuleType) -> None:
    declared = {f"{sample.folder}/{name}" for name, sample in paint.SAMPLES.items()}
    assert declared == {f"{path.parent.name}/{path.stem}" for path in PICTURES}
    folders = [sample.folder for sample in paint.SAMPLES.values()]
    assert folders.count("styles") >= 12 and folders.count("content") >= 2


def test_the_styles_differ(paint: ModuleType) -> None:
    thumbnails = {}
    for path in PICTURES:
        with Image.open(path) as picture:
            thumbnails[path.stem] = pixels(picture.resize((32, 32)))
    names = list(thumbnails)
    for i, first in enumerate(names):
        for second in names[:i]:
            assert np.abs(thumbnails[first] - thumbnails[second]).mean() > 15, f"{first} and {second} look alike"


@pytest.mark.parametrize("name", ["starlit-oil", "koi-mosaic", "harbour", "lagoon-watercolour"])
def test_the_same_seed_paints_the_same_picture(paint: ModuleType, name: str) -> None:
    first, second = (pixels(paint.SAMPLES[name].paint(width=96)) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", QUICK)
def test_a_committed_picture_is_what_the_script_paints(paint: ModuleType, name: str) -> None:
    sample = paint.SAMPLES[name]
    with Image.open(SAMPLES / sample.folder / f"{name}.jpg") as committed:
        kept = pixels(committed)
    with Image.open(io.BytesIO(sample.encode(sample.paint()))) as picture:
        painted = pixels(picture)
    # Not bit by bit: other versions of numpy and Pillow round differently.
    assert np.abs(kept - painted).mean() < 3


def test_the_command_line_paints_into_a_folder(tmp_path: Path) -> None:
    command = [sys.executable, str(SAMPLES / "paint.py"), "lilies-poster", "--output", str(tmp_path / "my pictures")]
    subprocess.run(command, check=True, capture_output=True, text=True)
    assert [path.name for path in tmp_path.rglob("*.jpg")] == ["lilies-poster.jpg"]


def test_an_unknown_name_is_explained() -> None:
    command = [sys.executable, str(SAMPLES / "paint.py"), "no-such-picture"]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 2 and "there is no sample named no-such-picture" in answer.stderr
