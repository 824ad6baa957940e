"""What the user does in GIMP while a picture is painted on the canvas: nothing of the user's is lost by it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.gimp.cases.conftest import one_series
from tests.gimp.cases.driving import DIALOG, eventually, state
from tests.gimp.cases.working import (
    PAINTING,
    dismiss_message,
    look,
    nothing_breaks,
    select,
    start_painting,
    stop_and_keep,
    stroke,
)
from tests.gimp.session import GimpSession

DELETE_AFTER_A_FRAME = """
import time
live = next(layer for layer in image.get_layers() if "(painting)" in layer.get_name())
before, end = read(live), time.monotonic() + 60
while (read(live) == before or not live.get_lock_content()) and time.monotonic() < end:
    time.sleep(0.01)
image.remove_layer(live)
Gimp.displays_flush()
"""


@pytest.fixture
def painting(opened: GimpSession) -> Iterator[GimpSession]:
    """A GIMP that shows a photo and a layer "notes" with a past to undo, and paints on its canvas without end.

    The past is that "notes" was called "sketch", and that a layer "low" was removed from below the photo.
    """
    with nothing_breaks(opened):
        opened.run("""
notes = new_layer(image, "sketch", 160, 120, bytes(160 * 120 * 4))
low = new_layer(image, "low", 160, 120, position=2)
image.undo_group_start(); notes.set_name("notes"); image.undo_group_end()
image.undo_group_start(); image.remove_layer(low); image.undo_group_end()
image.set_selected_layers([photo]); image.clean_all()
""")
        start_painting(opened)
        yield opened


@pytest.mark.both_series
def test_strokes_undo_and_deletion(painting: GimpSession) -> None:
    gimp = painting
    before = look(gimp)

    # On the live layer, whose next frame would take the stroke away again, GIMP refuses it.
    select(gimp, PAINTING)
    for _ in range(5):  # one that meets a frame on its way is not refused, but painted over
        stroke(gimp)
        time.sleep(1.0)
        if gimp.display.find_windows("GIMP Message"):
            break
    gimp.display.screenshot("meanwhile-refused")
    dismiss_message(gimp)
    # On the source the user paints as ever, and the job goes on with what it was given.
    select(gimp, "photo")
    stroke(gimp)
    until, drawn = time.monotonic() + 60, before
    # The whole stroke: GIMP paints it piece by piece, and a busy machine can be asked in between.
    while (now := look(gimp))["photo"] != drawn["photo"] or now["photo"] == before["photo"]:
        assert time.monotonic() < until
        drawn = now
        time.sleep(0.5)
    gimp.display.screenshot("meanwhile-stroke")
    assert drawn["photo"] != before["photo"] and drawn["notes"] == before["notes"]

    # Undo takes back that stroke and then the past: the refused stroke is no step in between.
    gimp.activate_image()
    gimp.display.key("ctrl+z")
    eventually(gimp, lambda now: look(gimp)["photo"] == before["photo"])
    assert look(gimp)["photo"] == before["photo"]
    gimp.display.key("ctrl+z", "ctrl+z")
    undone = eventually(gimp, lambda now: "sketch" in look(gimp))
    assert {"sketch", "photo", "low"} < {layer["name"] for layer in undone["layers"]}
    gimp.display.key("ctrl+y", "ctrl+y", "ctrl+y")
    eventually(gimp, lambda now: look(gimp)["photo"] == drawn["photo"])
    assert (look(gimp)["photo"], look(gimp)["notes"]) == (drawn["photo"], before["notes"])

    # The live layer can be deleted: the frames that come have no layer any more, and the result comes all the same.
    # (Just after one: GIMP ends a plug-in whose layer goes while it is written to.)
    gimp.run(DELETE_AFTER_A_FRAME)
    gone = eventually(gimp, lambda now: len(now["layers"]) == 2)
    assert [layer["name"] for layer in gone["layers"]] == ["notes", "photo"]
    time.sleep(1.5)
    assert gimp.display.find_windows(DIALOG) and len(state(gimp)["layers"]) == 2
    select(gimp, "photo")

    made = stop_and_keep(gimp)
    assert [layer["name"].partition(" – ")[0] for layer in made["layers"]] == ["notes", "photo", "photo"]
    assert made["undo enabled"] and made["selected"] == ["photo"]
    after = look(gimp)
    assert (after["photo"], after["notes"]) == (drawn["photo"], before["notes"])
    # One step for the result, and the user's own steps below it.
    gimp.activate_image()
    gimp.display.key("ctrl+z")
    eventually(gimp, lambda now: len(now["layers"]) == 2)
    assert look(gimp) == {"notes": before["notes"], "photo": drawn["photo"]}


@one_series
def test_source_layer_deleted(painting: GimpSession) -> None:
    """The result still has a place, and the source comes back when its deletion is undone."""
    gimp = painting
    before = look(gimp)
    gimp.run("image.undo_group_start(); image.remove_layer(photo); image.undo_group_end(); Gimp.displays_flush()")
    time.sleep(1.5)
    made = stop_and_keep(gimp)
    assert [layer["name"].partition(" – ")[0] for layer in made["layers"]] == ["photo", "notes"]
    assert look(gimp)["notes"] == before["notes"]
    gimp.activate_image()
    gimp.display.key("ctrl+z", "ctrl+z")
    eventually(gimp, lambda now: [layer["name"] for layer in now["layers"]] == ["notes", "photo"])
    assert look(gimp) == {"notes": before["notes"], "photo": before["photo"]}


def test_undo_and_cancel(painting: GimpSession) -> None:
    """The live layer, which came and went, is no change; a layer that was brought back meanwhile is where it was."""
    gimp = painting
    assert gimp.run("result = image.is_dirty()") is False
    gimp.activate_image()
    gimp.display.key("ctrl+z")
    assert len(eventually(gimp, lambda now: len(now["layers"]) == 4)["layers"]) == 4
    gimp.display.activate(gimp.display.wait_window(DIALOG))
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
    left = eventually(gimp, lambda now: len(now["layers"]) == 3)
    assert [layer["name"] for layer in left["layers"]] == ["notes", "photo", "low"]


def test_image_closed(painting: GimpSession) -> None:
    gimp = painting
    gimp.run("notes.set_name('mine')")  # else there is nothing that GIMP would ask about
    gimp.activate_image()
    gimp.display.key("ctrl+w")
    question = gimp.display.wait_window("^Close|^Quit")
    gimp.display.activate(question)
    gimp.display.key("ctrl+d")  # discard
    gimp.display.wait_gone(DIALOG, 60)
    message = gimp.display.wait_window("GIMP Message|^Error")
    gimp.display.screenshot("image-closed")
    assert gimp.run("result = len(Gimp.get_images())") == 0
    gimp.display.activate(message)
    gimp.display.key("Escape")
    gimp.display.wait_gone("GIMP Message|^Error")
    assert not gimp.plugin_processes()
