"""Menus that are filled when they are opened."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gtk


def add_item(
    menu: Gtk.Menu, label: str, call: Callable[[], None], *, underline: bool = True, picture: GdkPixbuf.Pixbuf | None = None
) -> Gtk.MenuItem:
    """Add an item that calls when it is chosen; with a picture, beside its words."""
    item = Gtk.MenuItem()
    item.add(item_words(label, underline=underline, picture=picture))
    item.connect("activate", lambda *_: call())
    menu.append(item)
    return item


class MenuButton(Gtk.MenuButton):
    """A button, with its tooltip, that opens a menu, as one sees by its arrow; ``fill`` is called to fill it each time."""

    def __init__(self, label: str, words: str, fill: Callable[[Gtk.Menu], None]) -> None:
        super().__init__(use_popover=False, popup=Gtk.Menu(), tooltip_text=words)
        line = Gtk.Box(spacing=6)
        line.pack_start(Gtk.Label(label=label, use_underline=True, mnemonic_widget=self), False, False, 0)
        line.pack_start(Gtk.Image.new_from_icon_name("pan-down-symbolic", Gtk.IconSize.MENU), False, False, 0)
        for child in self.get_children():
            child.destroy()  # the arrow alone, which stands there otherwise
        self.add(line)
        line.show_all()
        self.get_accessible().set_name(label.replace("_", ""))
        self._fill_with = fill
        self.get_popup().connect("show", self._on_opened)

    def _on_opened(self, menu: Gtk.Menu) -> None:
        for item in menu.get_children():
            item.destroy()
        self._fill_with(menu)


def item_words(label: str, *, underline: bool = False, picture: GdkPixbuf.Pixbuf | None = None) -> Gtk.Widget:
    """Return what stands in an item."""
    words = Gtk.AccelLabel(label=label, use_underline=underline, xalign=0.0)
    if picture is None:
        return words
    line = Gtk.Box(spacing=9)
    line.pack_start(Gtk.Image.new_from_pixbuf(picture), False, False, 0)
    line.pack_start(words, True, True, 0)
    return line
