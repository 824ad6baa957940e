"""What the cases share: a painted style, and the words of a call."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.gimp import places
from tests.gimp.cases.driving import photo
from tests.gimp.session import GimpSession

#: What GIMP says when a plug-in broke a rule that no answer shows.
BROKEN_RULES = ("undo in inconsistent state", "src_length ==", "Traceback")

#: For a case with windows whose subject is the plug-in alone, which behaves alike in every GIMP.
one_series = pytest.mark.parametrize("gimp_gui", places.SERIES[-1:], indirect=True)

#: The quickest job there is.
QUICK = {"quality": "draft", "iterations": 3}


def paint_style(path: Path, size: int = 96) -> Path:
    """Save a small striped picture in red, yellow and blue."""
    picture = Image.new("RGB", (size, size))
    colours = ((200, 40, 30), (240, 200, 60), (30, 60, 150))
    for y in range(size):
        for x in range(size):
            picture.putpixel((x, y), colours[int((x + 8 * math.sin(y / 6)) / 7) % 3])
    picture.save(path)
    return path


@pytest.fixture
def console(gimp_console: GimpSession) -> Iterator[GimpSession]:
    """A GIMP without windows, with `style` and `quick` ready in it."""
    said = len(gimp_console.log_text())
    _prepare(gimp_console)
    yield gimp_console
    _check_log(gimp_console.log_text()[said:])


@pytest.fixture
def gui(gimp_gui: GimpSession) -> Iterator[GimpSession]:
    """A GIMP with windows, with `style` and `quick` ready in it."""
    for process in gimp_gui.plugin_processes():  # of a test that failed: its dialog would be taken for this one's
        process.kill()
    said = len(gimp_gui.log_text())
    _prepare(gimp_gui)
    yield gimp_gui
    _check_log(gimp_gui.log_text()[said:])


@pytest.fixture
def opened(gui: GimpSession) -> GimpSession:
    """A GIMP that shows a photo-like picture of 160 × 120 px in a window."""
    path = photo(gui.tmp / "photo.png")
    gui.run("image = load(path)\nphoto = image.get_layers()[0]\nphoto.set_name('photo')\nshow(image)", path=path)
    gui.activate_image()
    return gui


def _check_log(said: str) -> None:
    broken = [line for line in said.splitlines() if any(rule in line for rule in BROKEN_RULES)]
    assert not broken, said[-3000:]


def _prepare(gimp: GimpSession) -> None:
    style = paint_style(gimp.tmp / "red-stripes.png")
    gimp.run(
        """
quick = json.loads(quick)

def stylise(image, chosen, **more):
    answer = call("plug-in-neural-style", image, chosen, **{"style": style, **quick, **more})
    return {"status": answer["status"], "message": answer["message"], "layers": layers(image), "made": answer["values"]}

def told(answer):
    return {key: value for key, value in answer.items() if key != "made"}
""",
        style=style,
        quick=json.dumps(QUICK),
    )
