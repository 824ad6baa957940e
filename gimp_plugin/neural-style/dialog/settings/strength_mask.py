"""Where the strength holds: everywhere alike, or as a channel or a layer's mask of the image says."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, Gtk

from canvas import strength_masks
from common import arguments
from common.translation import _
from dialog.parts.room import let_shrink
from dialog.parts.widgets import OwnChange

_NONE = "none"


class StrengthMask(Gtk.Box):
    """A menu of the masks that there are when it is opened; keeps the procedure's argument the same.

    Args:
        aligned: the label of a setting, which this one's stands under.
    """

    def __init__(self, config: Gimp.ProcedureConfig, image: Gimp.Image, aligned: Gtk.Widget | None) -> None:
        super().__init__(spacing=6)
        self._config, self._image = config, image
        self._own = OwnChange()
        self._menu = Gtk.ComboBoxText()
        self._menu.set_tooltip_text(
            _("Where the strength holds: white in the mask as it is set, black leaves the photo, gray lies between")
        )
        self._menu.connect("changed", lambda *_: self._choose())
        self._menu.connect(
            "notify::popup-shown", lambda *_: self._fill() if self._menu.get_property("popup-shown") else None
        )
        label = Gtk.Label(label=_("Strength in"), xalign=0.0, mnemonic_widget=self._menu)
        self._aligned = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
        for each in (label, *([aligned] if aligned is not None else [])):
            self._aligned.add_widget(each)
        self.pack_start(label, False, False, 0)
        self.pack_start(self._menu, True, True, 0)
        config.connect(f"notify::{arguments.STRENGTH_MASK}", lambda *_: self._fill())
        self._fill()
        let_shrink(self._menu)

    def follow_image(self) -> None:
        """Let go of a mask that has been deleted: chosen, it could neither be painted with nor be seen in the menu."""
        chosen = self._config.get_property(arguments.STRENGTH_MASK)
        if chosen is not None and not chosen.is_valid():
            self._config.set_property(arguments.STRENGTH_MASK, None)

    def _fill(self) -> None:
        if self._own:
            return
        with self._own:
            self._menu.remove_all()
            self._menu.append(_NONE, _("All of the picture"))
            if self._image.is_valid():
                for words, mask in strength_masks.in_image(self._image):
                    self._menu.append(str(mask.get_id()), words)
            chosen = self._config.get_property(arguments.STRENGTH_MASK)
            wanted = _NONE if chosen is None or not chosen.is_valid() else str(chosen.get_id())
            if not self._menu.set_active_id(wanted):
                self._menu.set_active_id(_NONE)

    def _choose(self) -> None:
        if self._own:
            return
        chosen = self._menu.get_active_id()
        mask = None if chosen in (None, _NONE) else Gimp.Item.get_by_id(int(chosen))
        with self._own:
            self._config.set_property(arguments.STRENGTH_MASK, mask)
