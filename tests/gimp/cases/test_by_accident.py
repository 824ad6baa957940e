"""What hands do without meaning it: a wheel over any of the settings, a Return too many, a Cancel of long work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.gimp.cases.driving import DIALOG, ENDLESS, open_from_menu, state
from tests.gimp.looking import ALL, CHOSEN, FOCUS, go_to, look, point_at, until, values
from tests.gimp.session import GimpSession

#: The texts of what is shown, and the buttons from left to right.
SHOWN = """
shown = [each for each in inside(windows()[0]) if each.get_child_visible()]
buttons = [each for each in shown if isinstance(each, Gtk.Button) and each.get_label()]
buttons.sort(key=lambda each: each.translate_coordinates(each.get_toplevel(), 0, 0)[0])
result = {"texts": [each.get_text() for each in shown if isinstance(each, Gtk.Label) and each.get_text()],
          "buttons": [each.get_label().replace("_", "") for each in buttons if not isinstance(each, Gtk.ToggleButton)],
          "compared": [each.get_active() for each in buttons if each.get_label() == "Before"]}
"""
#: A minute is too long for a test.
SOON = """
import sys
sys.modules["dialog.watching"].ASK_AFTER = 0.5
result = None
"""
QUESTION = "Cancel this painting"


def has(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda now: any(text in each for each in now["texts"])


def pick(gimp: GimpSession) -> None:
    until(gimp, FOCUS, lambda now: now is not None and now["kind"] == "Tile")
    gimp.display.key("space")  # the gallery has the keyboard
    assert len(until(gimp, CHOSEN, lambda now: len(now) == 1)) == 1


def test_the_wheel_changes_nothing_that_has_not_the_keyboard(opened: GimpSession) -> None:
    open_from_menu(opened)
    opened.display.key("alt+v")
    until(opened, ALL, lambda now: any(each["name"] == "Seed" for each in now))
    before = values(opened)
    names = [each["name"] for each in look(opened, ALL) if each["seen"] and each["kind"] != "Tile"]
    numbers = [name for name in names if isinstance(before[name], int | float) and not isinstance(before[name], bool)]
    assert len(numbers) > 4
    for name in dict.fromkeys(numbers):
        point_at(opened, name)
        opened.display.xdotool("click", 5)
        opened.display.xdotool("click", 5)
        opened.display.xdotool("click", 4)
    assert values(opened) == before
    opened.display.key("Escape")
    opened.display.wait_gone(DIALOG)


def painting(gimp: GimpSession) -> dict[str, Any]:
    """Choose a style, compare, and press Return four times; return what the window then shows."""
    open_from_menu(gimp, **ENDLESS)
    pick(gimp)
    until(gimp, ALL, lambda now: any(each["name"] == "Before" for each in now), 60)
    point_at(gimp, "Before")
    gimp.display.xdotool("mousedown", 1)
    held = until(gimp, SHOWN, lambda now: now["compared"] == [True])
    gimp.display.screenshot("before-pressed")
    gimp.display.xdotool("mouseup", 1)
    assert held["compared"] == [True]  # while the mouse is down
    assert look(gimp, SHOWN)["compared"] == [True]
    go_to(gimp, "Apply Style")  # the shorter way round
    gimp.display.key("Return", "Return", "Return")
    gimp.display.wait_window(", 2 layers", 60)
    gimp.display.key("Return")
    time.sleep(1)  # in which it would end
    return until(gimp, SHOWN, has("Pass"), 60)


def test_a_return_too_many_ends_nothing_and_cancel_of_long_work_asks(opened: GimpSession) -> None:
    before = state(opened)
    shown = painting(opened)
    assert has("Pass")(shown)
    assert (shown["buttons"], shown["compared"]) == (["Cancel", "Stop and Keep"], [False])
    look(opened, SOON)
    opened.display.key("Escape")
    asked = until(opened, SHOWN, has(QUESTION))
    opened.display.screenshot("cancel-asks")
    assert asked["buttons"] == ["Cancel Painting", "Stop and Keep", "Go On"]
    assert len(state(opened)["layers"]) == 2  # it goes on
    opened.display.key("Return")  # Go On, which harms nothing
    assert has("Pass")(until(opened, SHOWN, has("Pass")))
    opened.display.key("Escape")
    assert has(QUESTION)(until(opened, SHOWN, has(QUESTION)))
    opened.display.key("alt+p")
    opened.display.wait_gone(DIALOG, 60)
    assert state(opened) == before
