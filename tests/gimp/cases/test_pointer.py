"""The dialog under the mouse: tooltips and the wheel."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.gimp.cases.conftest import one_series
from tests.gimp.cases.driving import DIALOG, ENDLESS, open_from_menu
from tests.gimp.looking import ALL, CHOSEN, TOOLTIP, go_to, look, place_of, point_at, until, values
from tests.gimp.session import GimpSession

#: How far down the settings under Advanced are scrolled.
SCROLLED = """
smoothing = [widget for widget in inside(windows()[0]) if name(widget) == "Smoothing"][-1]
result = smoothing.get_ancestor(Gtk.ScrolledWindow).get_vadjustment().get_value()
"""


#: The mean colours of the preview's left and right edges, how large it is, and what stands beside its buttons.
VIEW = """
views = [each for each in inside(windows()[0]) if isinstance(each, Gtk.Image) and each.get_pixbuf()]
picture = max((each.get_pixbuf() for each in views), key=lambda each: each.get_width())
data, stride, depth = picture.get_pixels(), picture.get_rowstride(), picture.get_n_channels()
width, height = picture.get_width(), picture.get_height()

def mean(columns):
    found = [data[y * stride + x * depth:][:3] for y in range(0, height, 2) for x in columns]
    return [sum(each[channel] for each in found) / len(found) for channel in range(3)]

texts = [each.get_text() for each in inside(windows()[0]) if isinstance(each, Gtk.Label)]
result = {
    "left": mean(range(4, width // 3, 2)), "right": mean(range(width - width // 3, width - 4, 2)), "size": [width, height],
    "percent": [text for text in texts if text.endswith(" %") and text != "100 %"],
    "ready": any("preview is ready" in text for text in texts),
    "sharper": any("the result will be sharper" in text for text in texts),
    "at work": [text for text in texts if text.startswith("Painting the preview · ")],
}
"""


def apart(one: dict[str, Any], other: dict[str, Any], side: str) -> float:
    """Return by how many levels a side of the preview differs."""
    return sum(abs(a - b) for a, b in zip(one[side], other[side], strict=True))


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
    for name, word in (("Strength", "repainted"), ("Other Style", "selection")):
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


@one_series
def test_looking_into_the_preview(opened: GimpSession) -> None:
    gimp = opened
    gimp.run("image.scale(480, 360)")
    open_from_menu(gimp, quality="best")
    before = until(gimp, VIEW, lambda now: now["size"][0] > 100)
    gimp.display.key("space")
    assert any(re.fullmatch(r"Painting the preview · \d+ %", text) for text in until(gimp, VIEW, at_work, 60)["at work"])
    painted = until(gimp, VIEW, lambda now: now["ready"], 90)
    assert apart(painted, before, "left") > 8 and apart(painted, before, "right") > 8

    # Divided: left of the line the picture before, right of it the painted one; the line is dragged.
    point_at(gimp, "Split")
    gimp.display.xdotool("click", 1)
    divided = until(gimp, VIEW, lambda now: apart(now, before, "left") < 3)
    assert apart(divided, before, "left") < 3 and apart(divided, painted, "right") < 3
    point_at(gimp, "The painting so far")
    x, y = place_of(gimp, "The painting so far")
    gimp.display.xdotool("mousedown", 1, "mousemove", x - 60, y, "mousemove", x - 170, y, "mouseup", 1)
    moved = until(gimp, VIEW, lambda now: apart(now, before, "left") > 5)
    assert apart(moved, before, "left") > 5 and apart(moved, painted, "right") < 3
    gimp.display.screenshot("preview-split")
    point_at(gimp, "Split")
    gimp.display.xdotool("click", 1)
    assert apart(until(gimp, VIEW, lambda now: apart(now, painted, "left") < 1), painted, "left") < 1

    # The wheel enlarges, dragging moves; held, the middle button shows the picture before; and back.
    point_at(gimp, "The painting so far")
    gimp.display.xdotool("click", "--repeat", 8, "--delay", 60, 4)
    enlarged = until(gimp, VIEW, lambda now: now["percent"] and int(now["percent"][0].split()[0]) > 300)
    assert int(enlarged["percent"][0].split()[0]) > 300
    assert until(gimp, VIEW, lambda now: now["sharper"])["sharper"]
    gimp.display.screenshot("preview-enlarged")
    gimp.display.xdotool("mousedown", 1, "mousemove", x - 100, y - 100, "mousemove", x - 150, y - 150, "mouseup", 1)
    assert apart(until(gimp, VIEW, lambda now: apart(now, enlarged, "left") > 3), enlarged, "left") > 3
    dragged = look(gimp, VIEW)
    gimp.display.xdotool("mousedown", 2)
    assert apart(until(gimp, VIEW, lambda now: apart(now, dragged, "left") > 8), dragged, "left") > 8
    gimp.display.xdotool("mouseup", 2)
    assert apart(until(gimp, VIEW, lambda now: apart(now, dragged, "left") < 1), dragged, "left") < 1
    point_at(gimp, "100 %")
    gimp.display.xdotool("click", 1)
    assert until(gimp, VIEW, lambda now: not now["percent"])["percent"] == []

    # By keyboard: its own size, moved, and fitted.
    go_to(gimp, "The painting so far")
    gimp.display.key("plus", "plus", "plus")
    near = until(gimp, VIEW, lambda now: bool(now["percent"]))
    gimp.display.key("Right", "Right", "Right")
    assert apart(until(gimp, VIEW, lambda now: apart(now, near, "left") > 3), near, "left") > 3
    gimp.display.key("0")
    fitted = until(gimp, VIEW, lambda now: now["size"] == painted["size"])
    assert fitted["size"] == painted["size"] and not fitted["percent"] and not painted["sharper"]
    gimp.display.key("Escape")
    gimp.display.wait_gone(DIALOG)


def at_work(now: dict[str, Any]) -> bool:
    """Return whether it says how far the preview is."""
    return bool(now["at work"])
