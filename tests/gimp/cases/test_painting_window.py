"""The window while it is painted, in the dialog and in *Update Results*: nothing ends a job by mistake."""

from __future__ import annotations

import time
from typing import Any

from tests.gimp.cases.driving import DIALOG, ENDLESS, JOB, eventually, open_from_menu, state
from tests.gimp.looking import CHOSEN, look, until, values
from tests.gimp.session import GimpSession

UPDATE = "^Neural Style: Update Results$"

#: A result that it takes long to paint again, and that is to be.
STALE = """
made = stylise(image, [photo])["made"][0]
memory = json.loads(bytes(made.get_parasite("neural-style").get_data()))
memory["settings"] |= endless
made.attach_parasite(Gimp.Parasite.new("neural-style", 3, json.dumps(memory).encode()))
photo.get_buffer().set(Gegl.Rectangle.new(0, 0, 80, 60), "R'G'B'A u8", bytes([200, 40, 90, 255]) * 4800)
"""

#: The words in the window, and its buttons from left to right.
SHOWN = """
window = windows()[0]
buttons = [widget for widget in inside(window.get_action_area()) if isinstance(widget, Gtk.Button)]
buttons.sort(key=lambda button: button.get_allocation().x)
result = {
    "buttons": [name(button) for button in buttons],
    "texts": [label.get_text() for label in inside(window) if isinstance(label, Gtk.Label)],
    "question": isinstance(window, Gtk.MessageDialog),
}
"""


def painted(now: dict[str, Any]) -> bool:
    """Return whether the window says how far the painting is."""
    return any(text.startswith("Pass ") for text in now["texts"])


def check(gimp: GimpSession, screenshot: str) -> None:
    """Check the window of a job that goes on, which Return and Space do not end."""
    shown = until(gimp, SHOWN, painted, 120)
    gimp.display.screenshot(screenshot)
    assert painted(shown), shown
    assert shown["buttons"] == ["Cancel", "Stop and Keep"]
    assert "Before" in values(gimp)
    gimp.display.key("Return", "space", "Return")
    time.sleep(1.5)
    assert look(gimp, SHOWN)["buttons"] == ["Cancel", "Stop and Keep"]
    assert {"Before", "Cancel", "Stop and Keep"} <= set(values(gimp))  # Stop was not pressed either: it can be


def test_a_stray_return_ends_nothing(opened: GimpSession) -> None:
    gimp = opened
    open_from_menu(gimp, **ENDLESS)
    gimp.display.key("space")
    until(gimp, CHOSEN, lambda now: len(now) == 1)
    gimp.display.key("Return", "Return")  # on the style: Apply
    check(gimp, "painting-window")
    gimp.display.key("alt+t")
    gimp.display.wait_gone(DIALOG, JOB)
    assert len(eventually(gimp, lambda now: len(now["layers"]) == 2)["layers"]) == 2


def test_a_stray_return_ends_no_update(opened: GimpSession) -> None:
    gimp = opened
    gimp.run(STALE, timeout=JOB, endless=ENDLESS)
    before = state(gimp)
    gimp.press("plug-in-neural-style-update-results")
    window = gimp.display.wait_window(UPDATE)
    gimp.display.activate(window)
    gimp.display.key("Return")
    check(gimp, "updating-window")
    gimp.display.key("Escape")
    gimp.display.wait_gone(UPDATE)
    assert eventually(gimp, lambda now: now == before) == before
