"""What the plug-in's dialog holds and has the keyboard in, as a screen reader tells it; see `tests.gimp.inside`."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

from tests.gimp.session import GimpSession

#: What a question finds: the dialog's window, its widgets, and one widget in words.
KNOWN = '''
def windows():
    """The visible windows, the one with the keyboard first."""
    shown = [window for window in Gtk.Window.list_toplevels() if window.get_mapped()]
    return sorted(shown, key=lambda window: not window.is_active())

def inside(widget):
    """The widget and all that is shown in it."""
    found = [widget] if widget.get_mapped() else []
    if isinstance(widget, Gtk.Container):
        children = []
        widget.forall(children.append)
        found += [each for child in children for each in inside(child)]
    return found

def name(widget):
    """What a screen reader says of it."""
    accessible = widget.get_accessible()
    for number in range(accessible.ref_relation_set().get_n_relations()):
        relation = accessible.ref_relation_set().get_relation(number)
        if relation.get_relation_type().value_nick == "labelled-by":
            return " ".join(label.get_name() or "" for label in relation.get_target())
    return accessible.get_name() or ""

def seen(widget):
    """Whether no scrolled window around it hides its middle."""
    around = widget.get_parent()
    while around is not None:
        if isinstance(around, Gtk.ScrolledWindow):
            x, y = widget.translate_coordinates(
                around, widget.get_allocated_width() // 2, widget.get_allocated_height() // 2)
            if not (0 <= x < around.get_allocated_width() and 0 <= y < around.get_allocated_height()):
                return False
        around = around.get_parent()
    return True

def told(widget):
    """The widget in words; its id tells it from others that are told alike."""
    widget, value = widget.get_ancestor(Gtk.ComboBox) or widget, None  # a combo box's button has the keyboard for it
    if isinstance(widget, Gtk.SpinButton):
        value = widget.get_value()
    elif isinstance(widget, Gtk.ComboBox):
        value = widget.get_active()
    elif isinstance(widget, Gtk.ToggleButton):
        value = widget.get_active()
    elif isinstance(widget, Gtk.Expander):
        value = widget.get_expanded()
    elif isinstance(widget, Gtk.Entry):
        value = widget.get_text()
    return {"id": hash(widget), "kind": type(widget).__name__, "name": name(widget), "seen": seen(widget), "value": value}
'''

#: The middle of what has a name, in pixels of the screen.
PLACE = """
shown = [widget for widget in inside(windows()[0]) if name(widget) == {wanted!r}]
if shown:
    window = shown[-1].get_toplevel()
    x, y = shown[-1].translate_coordinates(
        window, shown[-1].get_allocated_width() // 2, shown[-1].get_allocated_height() // 2)
    _found, left, top = window.get_window().get_origin()
    result = [left + x, top + y]
"""

#: The words of the tooltip that is shown, if there is one.
TOOLTIP = """
from gi.repository import Gdk
tips = [window for window in windows() if window.get_type_hint() == Gdk.WindowTypeHint.TOOLTIP]
result = "".join(label.get_text() for tip in tips for label in inside(tip) if isinstance(label, Gtk.Label))
"""

#: The names of the chosen styles.
CHOSEN = """
gallery = [box for box in inside(windows()[0]) if isinstance(box, Gtk.FlowBox)]
result = [name(tile) for box in gallery for tile in box.get_selected_children()]
"""

#: Everything that the keyboard could be in, in words.
ALL = """
result = [told(widget) for widget in inside(windows()[0]) if widget.get_can_focus() and widget.is_sensitive()]
"""

#: What has the keyboard, in words.
FOCUS = """
focus = windows()[0].get_focus() if windows() else None
result = told(focus) if focus is not None else None
"""

#: Puts the keyboard into what has a name; whether there is such a thing.
ARRIVE = """
found = [each for each in inside(windows()[0]) if each.get_can_focus() and each.is_sensitive()]
found = [each for each in found if told(each)["name"] == {wanted!r}]
if found:
    found[0].grab_focus()
result = bool(found)
"""


#: Whether the menu that is open has an item that Return would take; None while there is no menu.
MENU = """
menus = [each for window in windows() for each in inside(window) if isinstance(each, Gtk.Menu)]
result = menus[-1].get_selected_item() is not None if menus else None
"""


def look(gimp: GimpSession, code: str) -> Any:
    """Execute a question in the main loop of the plug-in's process, and return what it assigned to ``result``.

    It finds Gtk and what :data:`KNOWN` defines. Raises AssertionError if no dialog answers, or if the question raises.
    """
    places = sorted(gimp.look_folder.iterdir(), key=lambda place: place.stat().st_mtime_ns, reverse=True)
    for place in places:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            try:
                connection.connect(str(place))
            except OSError:
                place.unlink()  # of a process that has ended
                continue
            with connection.makefile("rw", encoding="utf-8") as stream:
                stream.write(json.dumps(KNOWN + code) + "\n")
                stream.flush()
                answer = json.loads(stream.readline())
        assert "error" not in answer, answer["error"]
        return answer["result"]
    raise AssertionError(f"No dialog answers in GIMP {gimp.series}.")


def focused(gimp: GimpSession) -> dict[str, Any] | None:
    """Return what has the keyboard; None for nothing."""
    return look(gimp, FOCUS)


def place_of(gimp: GimpSession, name: str) -> tuple[int, int]:
    """Return where on the screen the middle of what has this name is."""
    place = until(gimp, PLACE.format(wanted=name), lambda found: found is not None)
    assert place is not None, f"{name} is not shown."
    return place[0], place[1]


def point_at(gimp: GimpSession, name: str) -> None:
    """Move the mouse to the middle of what has this name."""
    gimp.display.point(*place_of(gimp, name))


def open_again(gimp: GimpSession) -> int:
    """Open the dialog from the menu with what it was last applied with; return its window when it has the keyboard."""
    end = time.monotonic() + 60
    while gimp.plugin_processes() and time.monotonic() < end:  # which keeps what it was applied with at its very end
        time.sleep(0.05)
    gimp.press("plug-in-neural-style")
    window = gimp.display.wait_window("^Neural Style$")
    gimp.display.activate(window)
    until(gimp, FOCUS, lambda now: now is not None, 20)
    return window


def values(gimp: GimpSession) -> dict[str, Any]:
    """Return the value of everything in the dialog that the keyboard could be in, by its name."""
    return {each["name"]: each["value"] for each in look(gimp, ALL)}


def go_to(gimp: GimpSession, name: str) -> None:
    """Put the keyboard into what has this name, as soon as it is there. That Tab leads everywhere is another test."""
    assert until(gimp, ARRIVE.format(wanted=name), bool, 60), f"There is no {name} that the keyboard could be in."
    assert (now := until(gimp, FOCUS, lambda now: now is not None and now["name"] == name)) is not None, name
    assert now["name"] == name, now


def tab_to(gimp: GimpSession, name: str, key: str = "Tab") -> None:
    """Press Tab (or Shift+Tab) until the keyboard is in what has this name."""
    for _ in range(60):
        before = focused(gimp)
        if before is not None and before["name"] == name:
            return
        gimp.display.key(key)
        until(gimp, FOCUS, lambda now, before=before: now is not None and now != before, 2)
    raise AssertionError(f"{key} does not lead to {name}.")


def until(gimp: GimpSession, code: str, wanted: Callable[[Any], bool], seconds: float = 20) -> Any:
    """Return the answer to a question as soon as ``wanted(answer)`` holds, or the last one."""
    end = time.monotonic() + seconds
    while not wanted(answer := look(gimp, code)) and time.monotonic() < end:
        time.sleep(0.03)
    return answer


def open_menu(gimp: GimpSession) -> None:
    """Open the menu of the button that has the keyboard, on its first item; a key that comes sooner is lost."""
    gimp.display.key("space")
    found = until(gimp, MENU, lambda now: now is not None)
    assert found is not None, "a menu opens"
    if not found:
        gimp.display.key("Down")
        assert until(gimp, MENU, bool)
