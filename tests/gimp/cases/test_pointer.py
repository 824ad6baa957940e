"""The dialog under the mouse: tooltips and the wheel."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gimp.cases.driving import DIALOG, ENDLESS, open_from_menu
from tests.gimp.looking import ALL, CHOSEN, TOOLTIP, go_to, point_at, until, values
from tests.gimp.session import GimpSession

#: How far down the settings under Advanced are scrolled.
SCROLLED = """
smoothing = [widget for widget in inside(windows()[0]) if name(widget) == "Smoothing"][-1]
result = smoothing.get_ancestor(Gtk.ScrolledWindow).get_vadjustment().get_value()
"""


def shown(name: str) -> Any:
    """Return a test of whether something that can be used has this name."""
    return lambda now: any(each["name"] == name for each in now)


def tooltip(gimp: GimpSession, name: str, word: str) -> str:
    """Return the tooltip of what has this name, once it has the ``word``.

    A window that has just come up may be laid out anew under the mouse, which then has to move for one to be asked for.
    """
    found = ""
    for _attempt in range(3):
        point_at(gimp, name)
        found = until(gimp, TOOLTIP, lambda now: word in now, 10)
        if word in found:
            break
    return found


@pytest.mark.both_series
def test_tooltips_appear(opened: GimpSession) -> None:
    gimp = opened
    open_from_menu(gimp, **ENDLESS)
    for name, word in (("Strength", "repainted"), ("Use Another…", "selection")):
        assert word in tooltip(gimp, name, word), name
    gimp.display.screenshot("tooltip")
    gimp.display.key("space")
    until(gimp, CHOSEN, lambda now: len(now) == 1)
    gimp.display.key("alt+a")
    assert shown("Stop and Keep")(until(gimp, ALL, shown("Stop and Keep"), 60))
    assert "keep what is painted" in tooltip(gimp, "Stop and Keep", "keep what")
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
