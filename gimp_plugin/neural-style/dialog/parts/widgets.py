"""What every widget here keeps to: it is set only when that changes it, and the mouse wheel scrolls past it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GLib, Gtk


class OwnChange:
    """True while a widget and what it stands for are brought in step (``with`` it), so that neither answers the other."""

    def __init__(self) -> None:
        self._depth = 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1

    def __bool__(self) -> bool:
        return self._depth > 0


#: As ``./install.sh``, with what is written right after it.
_FILE = re.compile(r"[^\s“„«]*\./\S+")
#: What the mouse wheel changes, if GTK may.
_TURNED_BY_WHEEL = (Gtk.Range, Gtk.SpinButton, Gtk.ComboBox)


def put(widget: Gtk.Widget, **values: Any) -> None:
    """Set those of a widget's properties (``label``, ``tooltip_text``, ``sensitive`` …) that differ from ``values``.

    A tooltip that is set anew, even to the same words, makes GTK wait anew before it shows any: set from a timer, none in
    the window ever appears.
    """
    for name, value in values.items():
        if name == "tooltip_text":
            value = value or None  # GTK's word for none
        if widget.get_property(name) != value:
            widget.set_property(name, value)


def remove_button(words: str, removed: Callable[[], object]) -> Gtk.Button:
    """Return a small cross that ``removed`` is called by; ``words`` say what it does, to screen readers as well.

    Without them these would say the name of the icon, in English.
    """
    button = Gtk.Button.new_from_icon_name("window-close-symbolic", Gtk.IconSize.MENU)
    button.set_relief(Gtk.ReliefStyle.NONE)
    button.set_tooltip_text(words)
    button.get_accessible().set_name(words)
    button.connect("clicked", lambda *_: removed())
    return button


def unbroken(text: str) -> str:
    """Return text as markup, of which no line ends within the name of a file."""
    return _FILE.sub(r'<span allow_breaks="false">\g<0></span>', GLib.markup_escape_text(text))


def let_wheel_scroll(widget: Gtk.Widget) -> None:
    """Leave the mouse wheel over sliders, spin buttons and combo boxes in ``widget`` to the page around them.

    One that has the keyboard is still turned. Widgets that come later are not known: call this again for them.
    """
    if isinstance(widget, _TURNED_BY_WHEEL):
        widget.connect("scroll-event", _on_scroll)
    if isinstance(widget, Gtk.Container) and not isinstance(widget, Gtk.ComboBox):
        widget.forall(let_wheel_scroll)


def _on_scroll(widget: Gtk.Widget, _event: Gdk.EventScroll) -> bool:
    window = widget.get_toplevel()
    focus = window.get_focus() if isinstance(window, Gtk.Window) else None
    if focus is None or not (focus is widget or focus.is_ancestor(widget)):
        widget.stop_emission_by_name("scroll-event")  # before the widget's own answer; its parents are asked next
    return Gdk.EVENT_PROPAGATE
