"""A setting chosen from a menu, and the values of it that are to be tried."""

from __future__ import annotations

import locale
import re
from collections.abc import Callable, Sequence

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk

from common.translation import _
from dialog.parts.room import let_shrink
from dialog.parts.widgets import put, remove_button
from stylecore.errors import StyleError
from stylecore.grids import Axis, parse_axis
from stylecore.setting_kinds import Setting, plain
from stylecore.settings import BY_NAME, SETTINGS

#: Settings of which no other value makes another picture, or whose values one cannot put in a row.
_LEFT_OUT = ("memory_limit", "precision", "layer_weights")
#: What is tried at first, where low, middle and high would make no sense.
_PROPOSED = {
    "strength": "25, 50, 75",
    "brush_size": "50, 100, 200",
    "total_variation": "0, 0.5, 2",
    "iterations": "50, 100, 200",
    "seed": "1, 2, 3",
    "content_weight": "0.1, 1, 10",
    "style_weight": "100, 1000, 10000",
}
_MOST_PROPOSED = 3
_MENU_LETTERS = 13


class AxisRow(Gtk.Box):
    """A menu of settings, and beside it what it takes to name some of its values; ``changed`` is called after either.

    ``removed`` is called when the user does not want it any more.
    """

    def __init__(self, axis: Axis, changed: Callable[[], None], removed: Callable[[AxisRow], None]) -> None:
        super().__init__(spacing=6)
        self._changed = changed
        self._setting = BY_NAME[axis.name]
        self._menu = Gtk.ComboBoxText(tooltip_text=_("The setting to try values of"))
        self._menu.get_accessible().set_name(_("Setting to explore"))
        for setting in SETTINGS:
            if setting.name not in _LEFT_OUT or setting is self._setting:
                self._menu.append(setting.name, _(setting.label).replace("_", ""))
        self._menu.set_active_id(axis.name)
        self._menu.connect("changed", lambda menu: self._choose(BY_NAME[menu.get_active_id()]))
        let_shrink(self._menu)
        self._entry = Gtk.Entry(width_chars=8, no_show_all=True)
        self._typing = self._entry.connect("changed", lambda *_: changed())
        self._choices = Gtk.MenuButton(popover=Gtk.Popover(), no_show_all=True)
        self._chosen = Gtk.Label(ellipsize=3, xalign=0.0, visible=True)
        self._choices.add(self._chosen)
        remove = remove_button(_("Do not explore this setting"), lambda: removed(self))
        for cell in self._menu.get_cells():
            cell.set_property("max-width-chars", _MENU_LETTERS)
        self.pack_start(self._menu, False, True, 0)
        self.pack_start(self._entry, True, True, 0)
        self.pack_start(self._choices, True, True, 0)
        self.pack_start(remove, False, False, 0)
        self.show_all()
        self._show([plain(value) if isinstance(value, float) else str(value) for value in axis.values])

    @property
    def name(self) -> str:
        """The name of the setting."""
        return self._setting.name

    @property
    def words(self) -> str:
        """Setting and values as the argument *Explore* takes them."""
        return f"{self.name.replace('_', '-')}={','.join(self._values())}"

    def mistake(self) -> str:
        """Return what is wrong with the values, and mark them; an empty text if nothing is."""
        said = ""
        try:
            parse_axis(self.words)
        except StyleError:
            chosen = self._setting.kind == "choice"
            said = _("Choose at least one value.") if chosen else _numbers_wanted(self._setting)
        put(self._entry, secondary_icon_name="dialog-warning-symbolic" if said else None)
        return said

    def _values(self) -> list[str]:
        if self._setting.kind == "choice":
            return [box.value for box in self._boxes if box.get_active()]
        return _read(self._entry.get_text())

    def _choose(self, setting: Setting) -> None:
        self._setting = setting
        self._show(list(first_values(setting)))
        self._changed()

    def _show(self, values: Sequence[str]) -> None:
        label = _(self._setting.label).replace("_", "")
        several = self._setting.kind == "choice"
        put(self._entry, visible=not several)
        put(self._choices, visible=several)
        if not several:
            with self._entry.handler_block(self._typing):
                self._entry.set_text(_written(values))
            put(self._entry, tooltip_text=_numbers_wanted(self._setting))
            self._entry.get_accessible().set_name(_("Values of {setting}").format(setting=label))
            return
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3, margin=9)
        self._boxes = []
        for choice in self._setting.choices:
            box = Gtk.CheckButton(label=_(choice.label), tooltip_text=_(choice.help), active=choice.value in values)
            box.value = choice.value
            box.connect("toggled", lambda *_: self._on_toggled())
            self._boxes.append(box)
            column.pack_start(box, False, False, 0)
        popover = self._choices.get_popover()
        for child in popover.get_children():
            child.destroy()
        column.show_all()
        popover.add(column)
        self._choices.get_accessible().set_name(_("Values of {setting}").format(setting=label))
        self._name_chosen()

    def _on_toggled(self) -> None:
        self._name_chosen()
        self._changed()

    def _name_chosen(self) -> None:
        words = ", ".join(box.get_label() for box in self._boxes if box.get_active())
        put(self._chosen, label=words or "–")
        put(self._choices, tooltip_text=words)


def first_values(setting: Setting) -> list[str]:
    """Return the values that are proposed for a setting, as they are written."""
    if setting.kind == "choice":
        return [choice.value for choice in setting.choices[:_MOST_PROPOSED]]
    if setting.name in _PROPOSED:
        return _PROPOSED[setting.name].split(", ")
    return [plain(value) for value in (setting.minimum, (setting.minimum + setting.maximum) / 2, setting.maximum)]


def _has_decimal_comma() -> bool:
    return locale.localeconv()["decimal_point"] == ","


def _written(values: Sequence[str]) -> str:
    """Return numbers beside each other, as people write them where they live."""
    return "; ".join(values).replace(".", ",") if _has_decimal_comma() else ", ".join(values)


def _read(text: str) -> list[str]:
    """Return numbers that were written so, each with a point; a comma before a space always separates them."""
    if _has_decimal_comma():
        text = re.sub(r",(?=\S)", ".", text)
    return re.sub(r"[,;]", " ", text).split()


def _numbers_wanted(setting: Setting) -> str:
    words = _("Numbers from {low} to {high}, with commas between")
    if _has_decimal_comma():
        words = _("Numbers from {low} to {high}, with semicolons between")
    return words.format(low=_written([plain(setting.minimum)]), high=_written([plain(setting.maximum)]))
