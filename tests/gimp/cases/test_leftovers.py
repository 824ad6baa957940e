"""What is painted on, saved or flattened while a painting shows on the canvas, and what is left of it afterwards."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.gimp.cases.conftest import one_series
from tests.gimp.cases.driving import eventually, until_over
from tests.gimp.cases.working import PAINTING, dismiss_message, finish, look, painting_again, start_painting
from tests.gimp.session import GimpSession

JOB = 300  # seconds that a job may take on a busy machine
NAMES = "result = [layer.get_name() for layer in image.get_layers()]"


def names(gimp: GimpSession) -> list[str]:
    return gimp.run(NAMES)


@pytest.mark.both_series
def test_strokes_on_a_result_that_is_updated_are_kept(opened: GimpSession) -> None:
    gimp = opened
    with painting_again(gimp):
        gimp.run("""
before = read(made)
data = bytearray(before)
for row in range(40, 60):
    data[4 * (160 * row + 30):4 * (160 * row + 70)] = bytes((10, 200, 30, 255)) * 40
shadow = made.get_shadow_buffer()
shadow.set(Gegl.Rectangle.new(0, 0, 160, 120), "R'G'B'A u8", bytes(data)); shadow.flush()
made.merge_shadow(True); made.update(0, 0, 160, 120)
""")
        time.sleep(1.5)
        finish(gimp)
        gimp.display.screenshot("kept-strokes")
        dismiss_message(gimp)
    assert len(names(gimp)) == 3 and names(gimp)[1:] == ["mine", "photo"]
    kept = gimp.run("""
above = image.get_layers()[0]
data = read(above)
green = [data[4 * (160 * y + x):4 * (160 * y + x) + 4] for y in range(40, 60) for x in range(30, 70)]
result = {"stroke": all(tuple(each) == (10, 200, 30, 255) for each in green), "opaque": sum(a > 0 for a in data[3::4]),
      "written": read(made) != before}
""")
    assert kept == {"stroke": True, "opaque": 20 * 40, "written": True}
    until_over(gimp)
    gimp.activate_image()  # one step for both, and one for the stroke; GIMP itself complains of each Ctrl+Z
    gimp.display.key("ctrl+z", "ctrl+z")
    eventually(gimp, lambda now: len(now["layers"]) == 2)
    assert names(gimp) == ["mine", "photo"] and gimp.run("result = read(made) == before")


@pytest.mark.both_series
def test_a_painting_in_a_saved_image_is_removed_by_the_next_run(opened: GimpSession) -> None:
    gimp = opened
    start_painting(gimp)
    gimp.run("save(image, path)", path=gimp.tmp / "meanwhile.xcf")
    finish(gimp)
    until_over(gimp)  # a run that is not over keeps its layers
    gimp.run("image = load(path); photo = image.get_layers()[-1]", path=gimp.tmp / "meanwhile.xcf")
    assert len(names(gimp)) == 2 and names(gimp)[0].endswith(PAINTING)
    # Whatever procedure it is; what the user took over stays.
    gimp.run("""
mine = image.get_layers()[0].copy(); mine.set_name("mine"); image.insert_layer(mine, None, 0)
call('plug-in-neural-style-update-results', image, [])
""")
    assert names(gimp) == ["mine", "photo"]


@one_series
def test_what_is_saved_in_the_moment_it_is_written_to_is_no_layer_of_the_users(opened: GimpSession) -> None:
    """Its pixels are not locked then, as those of a layer that the user has taken over."""
    gimp = opened
    gimp.run(
        """
import sys
sys.path[:0] = [folder, folder + "/vendor"]
from canvas import leftovers
real, leftovers.os = leftovers.os, type("no process", (), {"getpid": staticmethod(lambda: 4194303)})
layer = photo.copy(); layer.set_name("(painting)"); leftovers.mark(layer); image.insert_layer(layer, None, 0)
with leftovers.writing(image):
    save(image, path)
leftovers.os = real
image = load(path)
""",
        folder=str(gimp.plugin),
        path=gimp.tmp / "written.xcf",
    )
    assert names(gimp) == ["(painting)", "photo"]
    removed = gimp.run("result = [leftovers.remove(image), image.get_parasite_list()]")
    assert removed[0] == 1 and names(gimp) == ["photo"]
    assert not any(name.startswith("neural-style-writing-") for name in removed[1])


@one_series
def test_a_killed_plug_in_leaves_nothing_to_the_next_run(opened: GimpSession) -> None:
    gimp = opened
    start_painting(gimp)
    for process in gimp.plugin_processes():
        os.kill(process.pid, signal.SIGKILL)
    time.sleep(1.0)
    assert any(name.endswith(PAINTING) for name in names(gimp))
    answer = gimp.run("result = told(stylise(image, [photo]))", timeout=JOB)
    assert answer["status"] == "SUCCESS"
    assert len(names(gimp)) == 2 and not any(name.endswith(PAINTING) for name in names(gimp))


@pytest.mark.both_series
def test_flattening_is_told_and_its_undoing_leaves_nothing_to_the_next_run(opened: GimpSession) -> None:
    gimp = opened
    start_painting(gimp)
    before = look(gimp)["photo"]
    gimp.run("image.flatten(); Gimp.displays_flush()")
    time.sleep(1.5)
    finish(gimp)
    dismiss_message(gimp)
    assert len(names(gimp)) == 2  # the result above what was flattened
    gimp.activate_image()
    gimp.display.key("ctrl+z", "ctrl+z")
    eventually(gimp, lambda now: any(layer["name"].endswith(PAINTING) for layer in now["layers"]))
    gimp.run("call('plug-in-neural-style-update-results', image, [])")
    assert look(gimp) == {"photo": before}
