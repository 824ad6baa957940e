"""The button *Looks*: settings and styles under names, the last ones that were applied, and those of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gimp, GLib, Gtk

from common import arguments
from common.errors import PluginError
from common.translation import _
from dialog.parts.complaint import complain
from dialog.parts.menus import MenuButton, add_item
from dialog.parts.name_popover import NamePopover
from painting import results
from styles import looks, style_arguments
from styles.looks import Look

_PICTURE = 48  # pixels of a look's picture in the menu


class LooksButton(MenuButton):
    """Takes looks over into the procedure's arguments; ``weights`` gives the styles chosen now."""

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        image: Gimp.Image,
        window: Gtk.Window,
        weights: Callable[[], Mapping[str, float]],
    ) -> None:
        words = _("Settings and styles together: under a name, as applied lately, or as a result has them")
        super().__init__(_("Looks"), words, self._fill)
        self._config, self._image, self._window, self._weights = config, image, window, weights

    def _fill(self, menu: Gtk.Menu) -> None:
        add_item(menu, _("_Save This Look…"), self._ask_name)
        named = looks.named()
        self._submenu(menu, _("_Remove"), [(look, partial(self._remove, look.name)) for look in named])
        menu.append(Gtk.SeparatorMenuItem())
        for look in named:
            add_item(menu, look.words, partial(self._take, look), underline=False)
        if named:
            menu.append(Gtk.SeparatorMenuItem())
        self._submenu(menu, _("_Last Looks"), [(look, partial(self._take, look)) for look in looks.recent()])
        self._submenu(menu, _("Same Look _As"), [(look, partial(self._take, look)) for look in self._of_results()])
        menu.show_all()

    def _submenu(self, menu: Gtk.Menu, label: str, entries: list[tuple[Look, Callable[[], None]]]) -> None:
        item = Gtk.MenuItem(label=label, use_underline=True, sensitive=bool(entries))
        submenu = Gtk.Menu()
        for look, call in entries:
            seen = look.thumbnail
            small = None if seen is None else seen.scale_simple(_PICTURE, _PICTURE, GdkPixbuf.InterpType.BILINEAR)
            add_item(submenu, look.words, call, underline=False, picture=small)
        item.set_submenu(submenu)
        menu.append(item)

    def _of_results(self) -> list[Look]:
        if not self._image.is_valid():
            return []
        found = []
        for layer, known in results.in_image(self._image):
            keys = [(results.key_of(self._image, style), style.weight) for style in known.styles]
            weights = {key: weight for key, weight in keys if key is not None}
            found.append(Look.of(known.settings, weights, layer.get_name(), to_keep=False))
        return found

    def _take(self, look: Look) -> None:
        arguments.set_settings(self._config, look.values)
        if look.weights:
            style_arguments.store(self._config, look.weights)

    def _remove(self, name: str) -> None:
        try:
            looks.remove(name)
        except PluginError as error:
            complain(self._window, error)

    def _ask_name(self) -> None:
        taken = {look.name for look in looks.named()}
        words, without = _("Name of the look"), Look.of({}, self._weights()).without
        if without:
            words += "\n" + _("Only styles that are files are kept: it will be without {others}.").format(
                others=", ".join(without)
            )
        popover = NamePopover(
            self, words, lambda name: _("_Replace") if looks.tidy(name) in taken else _("_Save"), self._save
        )
        GLib.idle_add(popover.ask)  # when the menu is gone

    def _save(self, name: str) -> None:
        try:
            looks.save(Look.of(arguments.settings_of(self._config), self._weights(), name))
        except PluginError as error:
            complain(self._window, error)
