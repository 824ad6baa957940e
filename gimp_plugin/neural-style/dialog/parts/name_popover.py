"""A small field over the dialog that asks for a name."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk

from dialog.parts.widgets import put


class NamePopover(Gtk.Popover):
    """Says what is to be named, and has a button for it beside the field; Return there does the same.

    Args:
        over: the widget that it points to.
        words: what is asked for, which stands above the field.
        verb: returns what the button says of a name that was typed: another thing may have it.
        named: called with the name, which is never empty, when the popover is closed.
    """

    def __init__(
        self, over: Gtk.Widget, words: str, verb: Callable[[str], str], named: Callable[[str], None], text: str = ""
    ) -> None:
        super().__init__(relative_to=over)
        self._verb, self._named = verb, named
        self._entry = Gtk.Entry(text=text, width_chars=24)
        self._entry.get_accessible().set_name(words)
        self._entry.connect("changed", lambda *_: self._follow())
        self._entry.connect("activate", lambda *_: self._finish())
        self._button = Gtk.Button(use_underline=True)
        self._button.connect("clicked", lambda *_: self._finish())
        line = Gtk.Box(spacing=6)
        line.pack_start(self._entry, True, True, 0)
        line.pack_start(self._button, False, False, 0)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin=9)
        column.pack_start(Gtk.Label(label=words, xalign=0.0, wrap=True, max_width_chars=36), False, False, 0)
        column.pack_start(line, False, False, 0)
        column.show_all()
        self.add(column)
        self.connect("closed", lambda popover: popover.destroy())
        self._follow()

    def ask(self) -> None:
        """Show it, with the keyboard in the field."""
        self.popup()
        self._entry.grab_focus()

    def _follow(self) -> None:
        name = self._entry.get_text().strip()
        put(self._button, label=self._verb(name), sensitive=bool(name))

    def _finish(self) -> None:
        name = self._entry.get_text().strip()
        if name:
            self.popdown()  # which may end the field
            self._named(name)
