"""The dialog under the mouse: tooltips, the wheel, and the button that compares."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gimp.cases.driving import DIALOG, ENDLESS, open_from_menu
from tests.gimp.looking import ALL, CHOSEN, TOOLTIP, go_to, look, point_at, until, values
from tests.gimp.session import GimpSession

#: How far down the settings under Advanced are scrolled.
SCROLLED = """
smoothing = [widget for widget in inside(windows()[0]) if name(widget) == "Smoothing"][-1]
result = smoothing.get_ancestor(Gtk.ScrolledWindow).get_vadjustment().get_value()
"""

#: Writes down what the line under the picture says whenever it is drawn, and whether the gallery is shown then.
RECORD = """
import sys
sys.drawn = []
gallery = [box for box in inside(windows()[0]) if isinstance(box, Gtk.FlowBox)][0]
labels = [label for label in inside(windows()[0]) if isinstance(label, Gtk.Label)]
line = [label for label in labels if label.get_text() == "The preview is ready"]
line[0].connect("draw", lambda label, _cairo: sys.drawn.append([gallery.get_mapped(), label.get_text()]) or False)
"""
RECORDED = "import sys\nresult = [text for chosen, text in sys.drawn if not chosen]"

TEXTS = "result = [label.get_text() for label in inside(windows()[0]) if isinstance(label, Gtk.Label)]"


def shown(name: str) -> Any:
    """Return a test of whether something that can be used has this name."""
    return lambda now: any(each["name"] == name for each in now)


@pytest.mark.both_series
def test_tooltips_appear(opened: GimpSession) -> None:
    gimp = opened
    open_from_menu(gimp, **ENDLESS)
    for name, word in (("Strength", "repainted"), ("Use Another…", "selection")):
        point_at(gimp, name)
        assert word in until(gimp, TOOLTIP, lambda now, word=word: word in now, 5), name
    gimp.display.screenshot("tooltip")
    gimp.display.key("space")
    until(gimp, CHOSEN, lambda now: len(now) == 1)
    gimp.display.key("alt+a")
    assert shown("Stop and Keep")(until(gimp, ALL, shown("Stop and Keep"), 60))
    point_at(gimp, "Stop and Keep")
    assert "keep what is painted" in until(gimp, TOOLTIP, lambda now: "keep what" in now, 5)
    gimp.display.screenshot("tooltip-painting")
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)


@pytest.mark.both_series
def test_the_wheel_scrolls_and_turns_only_what_has_the_keyboard(opened: GimpSession) -> None:
    gimp = opened
    open_from_menu(gimp)
    gimp.display.key("alt+v")
    until(gimp, ALL, shown("Smoothing"))
    before = values(gimp)
    for name in ("Strength", "Quality", "Which styles to show"):
        point_at(gimp, name)
        gimp.display.xdotool("click", "--repeat", 3, "--delay", 60, 5)
    point_at(gimp, "Palette (%)")
    gimp.display.xdotool("click", "--repeat", 25, "--delay", 60, 5)
    scrolled = until(gimp, SCROLLED, lambda now: now > 100)
    gimp.display.screenshot("advanced-scrolled")
    assert values(gimp) == before
    assert scrolled > 100

    go_to(gimp, "Strength")
    point_at(gimp, "Strength")
    gimp.display.xdotool("click", 4)
    changed = until(gimp, ALL, lambda now: {each["name"]: each["value"] for each in now}["Strength"] != before["Strength"])
    assert {each["name"]: each["value"] for each in changed}["Strength"] > before["Strength"]
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)


@pytest.mark.both_series
def test_before_is_there_as_soon_as_it_is_pressed_and_stays(opened: GimpSession) -> None:
    gimp = opened
    open_from_menu(gimp, quality="draft", iterations=400)
    gimp.display.key("space")
    until(gimp, CHOSEN, lambda now: len(now) == 1)
    texts = until(gimp, TEXTS, lambda now: "The preview is ready" in now, 120)
    assert "The preview is ready" in texts
    point_at(gimp, "Before")
    gimp.display.screenshot("before-not-pressed")
    gimp.display.xdotool("mousedown", 1)
    pressed = until(gimp, ALL, lambda now: {each["name"]: each["value"] for each in now}["Before"])
    gimp.display.xdotool("mouseup", 1)
    assert {each["name"]: each["value"] for each in pressed}["Before"] is True
    assert values(gimp)["Before"] is True
    gimp.display.screenshot("before-pressed")

    look(gimp, RECORD)
    gimp.display.key("alt+a")
    until(gimp, TEXTS, lambda now: any(text.startswith("Scale ") for text in now), 120)
    gimp.display.screenshot("before-painting")
    drawn = look(gimp, RECORDED)
    assert drawn and "The preview is ready" not in drawn, drawn
    assert values(gimp)["Before"] is True
    point_at(gimp, "Before")
    gimp.display.xdotool("click", 1)
    assert until(gimp, ALL, lambda now: not {each["name"]: each["value"] for each in now}["Before"])
    assert values(gimp)["Before"] is False
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)
