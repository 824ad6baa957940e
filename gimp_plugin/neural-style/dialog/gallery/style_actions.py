"""What can be done with a style in the gallery: a favourite, renamed, removed, or made one's own."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk

from common.errors import PluginError
from common.translation import _
from dialog.parts.complaint import complain
from dialog.parts.menus import add_item
from dialog.parts.name_popover import NamePopover
from dialog.parts.question import asked
from styles import gallery_folders, own_styles, remembered


class StyleActions:
    """Does it, and says what came of it.

    Args:
        window: the dialog.
        moved: called with a style's key and its new one, None if it is gone.
        added: called with the keys of own styles that are new.
        marked: called with a style's key and whether it is a favourite now.
    """

    def __init__(
        self,
        window: Gtk.Window,
        moved: Callable[[str, str | None], None],
        added: Callable[[list[str]], None],
        marked: Callable[[str, bool], None],
    ) -> None:
        self._window, self._moved, self._added, self._marked = window, moved, added, marked

    def fill(self, menu: Gtk.Menu, key: str, tile: Gtk.Widget) -> None:
        """Add to a menu what can be done with a style, whose ``tile`` is shown."""
        if not gallery_folders.is_file(key):
            return
        item = Gtk.CheckMenuItem(label=_("_Favorite"), use_underline=True, active=key in remembered.favourites())
        item.connect("toggled", lambda item: self._mark(key, item.get_active()))
        menu.append(item)
        if own_styles.is_own(key):
            add_item(menu, _("_Rename…"), lambda: self._ask_name(key, tile))
            add_item(menu, _("Remo_ve from My Styles…"), lambda: self._ask_remove(key))
        elif not gallery_folders.is_of(key, gallery_folders.SHIPPED):
            add_item(menu, _("Add to _My Styles"), lambda: self.add([key]))

    def add(self, paths: list[str]) -> None:
        """Copy pictures, or folders of pictures, to the own styles."""
        try:
            self._added(own_styles.add(paths))
        except PluginError as error:
            complain(self._window, error)

    def _mark(self, key: str, on: bool) -> None:
        remembered.set_favourite(key, on)
        self._marked(key, on)

    def _ask_name(self, key: str, tile: Gtk.Widget) -> None:
        text = gallery_folders.name_of(key)
        popover = NamePopover(tile, _("New name"), lambda _name: _("_Rename"), lambda name: self._rename(key, name), text)
        popover.ask()

    def _rename(self, key: str, name: str) -> None:
        try:
            new = own_styles.rename(key, name)
        except PluginError as error:
            complain(self._window, error)
            return
        if new != key:
            self._moved(key, new)

    def _ask_remove(self, key: str) -> None:
        question = _("Remove “{name}” from your styles?").format(name=gallery_folders.name_of(key))
        more = _("Its file is moved to the trash. What was painted with it stays as it is.")
        if not asked(self._window, question, more, _("_Remove")):
            return
        try:
            own_styles.remove(key)
        except PluginError as error:
            complain(self._window, error)
            return
        self._moved(key, None)
