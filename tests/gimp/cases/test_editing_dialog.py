"""The filter opened on a result, driven by keyboard on a screen; undo and redo."""

from __future__ import annotations

import time

import pytest

from tests.gimp.cases.driving import DIALOG, ENDLESS, JOB, open_from_menu, until_over
from tests.gimp.looking import ALL, go_to, until, values
from tests.gimp.session import GimpSession

UPDATE = "^Neural Style: Update Results$"
MAKE = """
made = stylise(image, [photo], strength=35)["made"][0]
original = read(photo)
image.set_selected_layers([made])
"""
PIXELS = """
result = {"made": __import__("hashlib").sha256(read(made)).hexdigest(), "photo": read(photo) == original,
          "strength": json.loads(bytes(made.get_parasite("neural-style").get_data()))["settings"]["strength"],
          "layers": layers(image), "undo": image.undo_is_enabled(),
          "selected": [layer.get_name() for layer in image.get_selected_layers()]}
"""


@pytest.mark.both_series
def test_a_result_opens_with_its_settings_and_is_updated(opened: GimpSession) -> None:
    gimp = opened
    gimp.run(MAKE, timeout=JOB)
    before = gimp.run(PIXELS)
    assert before["strength"] == 35
    open_from_menu(gimp)
    gimp.display.screenshot("result-opened")
    # A result is one picture: several are there for new layers only.
    assert "Result" in values(gimp) and "Pictures" not in values(gimp)
    go_to(gimp, "Result")
    gimp.display.key("Up")
    assert "Pictures" in {each["name"] for each in until(gimp, ALL, lambda now: "Pictures" in str(now))}
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
    assert gimp.run(PIXELS) == before
    open_from_menu(gimp)
    gimp.display.key("alt+a")
    gimp.display.wait_gone(DIALOG, JOB)
    end = time.monotonic() + 60
    while (after := gimp.run(PIXELS))["made"] == before["made"] and time.monotonic() < end:
        time.sleep(0.1)
    gimp.display.screenshot("result-updated")
    assert after["strength"] == 35 and after["made"] != before["made"] and after["photo"]
    assert (after["layers"], after["selected"]) == (before["layers"], before["selected"])
    gimp.activate_image()
    gimp.display.key("ctrl+z")
    end = time.monotonic() + 60
    while (undone := gimp.run(PIXELS))["made"] != before["made"] and time.monotonic() < end:
        time.sleep(0.1)
    assert undone == before
    gimp.display.key("ctrl+y")
    end = time.monotonic() + 60
    while (redone := gimp.run(PIXELS))["made"] != after["made"] and time.monotonic() < end:
        time.sleep(0.1)
    assert redone["made"] == after["made"]


def wait_for_frame(gimp: GimpSession) -> dict:
    """Return what is known of the live layer as soon as all of a frame is on it, and it is locked again.

    It is a copy of the result, so that the frame is what differs.
    """
    end = time.monotonic() + 20
    while time.monotonic() < end:
        top = gimp.run("""
top = image.get_layers()[0]
result = {"layers": len(image.get_layers()), "name": top.get_name(), "changed": read(top) != read(made),
          "whole": top.get_lock_content() and image.undo_is_enabled()}
""")
        if top["changed"] and top["whole"]:
            break
        time.sleep(0.1)
    return top


def test_cancelled_or_killed_while_a_result_is_updated(opened: GimpSession) -> None:
    gimp = opened
    gimp.run(MAKE, timeout=JOB)
    gimp.run(
        """
memory = json.loads(bytes(made.get_parasite("neural-style").get_data()))
memory["settings"] |= endless
made.attach_parasite(Gimp.Parasite.new("neural-style", 3, json.dumps(memory).encode()))
made.set_opacity(60.0)
""",
        endless=ENDLESS,
    )
    before = gimp.run(PIXELS)
    for ending in ("cancel", "kill"):
        open_from_menu(gimp)
        gimp.display.key("alt+a")
        live = wait_for_frame(gimp)
        assert live["layers"] == 3 and live["name"].endswith("(painting)") and live["changed"]
        if ending == "cancel":
            gimp.display.screenshot("result-painting")
            gimp.display.key("Escape")
            gimp.display.wait_gone(DIALOG)
            end = time.monotonic() + 60
            while (left := gimp.run(PIXELS)) != before and time.monotonic() < end:
                time.sleep(0.1)
            assert left == before
        else:
            # At once: the next frame is a second away. Within one, see `test_history`.
            for process in gimp.plugin_processes():
                process.kill()
            gimp.display.wait_gone(DIALOG)
            time.sleep(0.5)
            left = gimp.run(PIXELS)
            assert (left["made"], left["photo"], left["undo"]) == (before["made"], True, True)


#: The choices that are shown, each with whether it is chosen.
CHOICES = """
buttons = [each for each in inside(windows()[0]) if isinstance(each, Gtk.RadioButton)]
result = {name(each): each.get_active() for each in buttons}
"""
#: The colors of the square that was painted on the result, but its edge.
KEPT = """
data = read(made)
result = sorted({tuple(data[4 * (160 * y + x):4 * (160 * y + x) + 3]) for y in range(48, 72) for x in range(68, 92)})
"""


def test_update_results_from_the_menu(opened: GimpSession) -> None:
    """What was painted on a result is asked about first, as in the dialog."""
    gimp = opened
    gimp.run(MAKE, timeout=JOB)
    gimp.run("""
write(photo, read(photo)[:4 * 160 * 60] + bytes((200, 20, 20, 255)) * (160 * 60))
original = read(photo)
data = bytearray(read(made))
for row in range(40, 80):
    data[4 * (row * 160 + 60):4 * (row * 160 + 100)] = bytes((20, 230, 30, 255)) * 40
write(made, bytes(data))
""")
    before = gimp.run(PIXELS)
    for answer in ("Escape", "Return"):
        gimp.menu("Update Results")
        gimp.display.activate(gimp.display.wait_window(UPDATE))
        asked = until(gimp, CHOICES, lambda now: len(now) == 3)
        assert asked == {"Blend them into the style": True, "Keep them exactly as painted": False, "Paint over them": False}
        gimp.display.key("Down")
        until(gimp, CHOICES, lambda now: now["Keep them exactly as painted"])
        gimp.display.screenshot("update-results-asks")
        gimp.display.key(answer)
        if answer == "Escape":
            gimp.display.wait_gone(UPDATE)
            until_over(gimp)
            assert gimp.run(PIXELS) == before
    time.sleep(0.7)
    gimp.display.screenshot("update-results")
    gimp.display.wait_gone(UPDATE, JOB)
    until_over(gimp)
    after = gimp.run(PIXELS)
    assert after["made"] != before["made"] and after["photo"] and after["layers"] == before["layers"]
    assert gimp.run(KEPT) == [[20, 230, 30]]
    gimp.activate_image()
    gimp.display.key("ctrl+z")
    end = time.monotonic() + 60
    while (undone := gimp.run(PIXELS))["made"] != before["made"] and time.monotonic() < end:
        time.sleep(0.1)
    assert undone == before
