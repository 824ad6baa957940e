"""The right of the dialog: every setting, what becomes of a result that is opened, and what paints."""

from __future__ import annotations

import time
from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi, GObject, Gtk

from common import arguments
from common.translation import _
from dialog.parts.mending_window import MendButton
from dialog.parts.room import let_shrink, scrolled_down, text_width
from dialog.parts.widgets import put, unbroken
from dialog.settings.advanced import Advanced
from dialog.settings.result_options import EditingView
from dialog.settings.several import Several
from dialog.settings.strength_mask import StrengthMask
from painting.editing import Editing
from stylecore.setting_kinds import Setting
from stylecore.settings import SETTINGS

#: Wide enough that opening Advanced moves nothing: in letters of the user's font, and in pixels at the least.
_LETTERS, _LETTERS_NARROW, _LEAST_WIDTH = 42, 39, 330
_LETTERS_OF_DEVICE = 28
#: Seconds between two looks at the image's mode and its mask.
_LOOK_EVERY = 0.5


class SettingsColumn(Gtk.Box):
    """The settings in an area that scrolls where the window is too low.

    ``changed`` is called where a mistake is made, ``mended`` after the user has had the installation mended.
    """

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        window: GimpUi.ProcedureDialog,
        image: Gimp.Image,
        editing: Editing,
        heading: Gtk.Widget,
        changed: Callable[[], object],
        mended: Callable[[], None],
    ) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._window, self._image, self._editing = window, image, editing
        self.top = heading
        self.pack_start(heading, False, False, 0)
        column = self._column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin_end=6)
        if editing.known:
            column.pack_start(EditingView(editing, window, self._label_of_choice()), False, False, 0)
        column.pack_start(self._box("main"), False, False, 0)
        column.pack_start(self._build_consent(), False, False, 0)
        self._strength_mask = StrengthMask(config, image, self._label_of_choice())
        column.pack_start(self._strength_mask, False, False, 0)
        self._several = Several(config, window, self._label_of_choice(), changed)
        column.pack_start(self._several, False, False, 0)
        self._several.show_all()
        self._several.set_no_show_all(True)
        names = self._names("advanced") + self._names("research")
        advanced = self._advanced = Advanced(config, names, self._box("advanced"), self._box("research"))
        column.pack_start(advanced, False, False, 0)
        let_shrink(column)
        self._area = scrolled_down(column)
        self.pack_start(self._area, True, True, 0)
        self._device = Gtk.Label(xalign=0.0, ellipsize=3, wrap=True, lines=2, label=_("Looking for the painting server…"))
        self._device.set_max_width_chars(_LETTERS_OF_DEVICE)  # on one line it would take width from the preview
        self._device.set_use_markup(True)
        self._device.get_style_context().add_class("dim-label")
        self._mend = MendButton(mended)
        self._mend.set_valign(Gtk.Align.CENTER)
        below = Gtk.Box(spacing=6)
        below.pack_start(self._device, True, True, 0)
        below.pack_end(self._mend, False, False, 0)
        self.pack_end(below, False, False, 0)
        self.set_size_request(max(_LEAST_WIDTH, text_width(self, _LETTERS)), -1)
        self._mode, self._look_at = Gimp.ImageBaseType.RGB, 0.0
        self.follow_image()
        self._follow_target()
        config.connect(f"notify::{arguments.TARGET}", lambda *_: self._follow_target())

    def make_room(self) -> None:
        """Be as wide as *Advanced* needs when it is opened, which would else push the window over the screen."""
        bar = self._area.get_vscrollbar().get_preferred_width()[0] + self._column.get_margin_end()
        self.set_size_request(max(self.get_size_request().width, self._advanced.least_width + bar), -1)

    def make_narrow(self, first: Gtk.Widget) -> None:
        """Take less of the width, and show something above all settings, where it scrolls with them."""
        self.set_size_request(max(_LEAST_WIDTH, text_width(self, _LETTERS_NARROW)), -1)
        self._column.pack_start(first, False, False, 0)
        self._column.reorder_child(first, 0)

    def follow_image(self) -> bool:
        """Offer to convert the image where it is grayscale or indexed; return whether its mode has been changed.

        Where the mask for the strength is gone, none is chosen any more.
        """
        now = time.monotonic()
        if now < self._look_at or not self._image.is_valid():
            return False
        self._strength_mask.follow_image()
        self._look_at, mode = now + _LOOK_EVERY, self._image.get_base_type()
        if mode == self._mode:
            return False
        self._mode = mode
        text = _("This image is grayscale: the result is stored in its grays, unless you convert it.")
        if mode == Gimp.ImageBaseType.INDEXED:
            text = _("This image is indexed: the result is stored in its palette, unless you convert it.")
        put(self._consent_words, label=text)
        self._follow_target()
        return True

    def _follow_target(self) -> None:
        """Show what is there for new layers only where these are painted: a result stays one picture, in its mode."""
        new = not self._editing.updates
        put(self._several, visible=new)
        put(self._consent, visible=new and self._mode != Gimp.ImageBaseType.RGB)

    def tell_device(self, text: str, whole: str) -> None:
        """Say what paints; ``whole`` also says why, and what could be done about that."""
        if (whole or None) != self._device.get_tooltip_text():
            self._mend.offer(whole if whole != text else "")
        put(self._device, label=unbroken(text), tooltip_text=whole)

    @property
    def mistake(self) -> str:
        """What is wrong with what is typed, so that nothing can be painted; empty if nothing is."""
        return "" if self._editing.updates else self._several.mistake

    def _names(self, group: str) -> list[str]:
        """Return the arguments of a group, in the order in which they are shown."""
        return [arguments.property_name(setting) for setting in SETTINGS if setting.group == group]

    def _box(self, group: str) -> Gtk.Box:
        for setting in SETTINGS:
            if setting.group == group:
                self._choose_widget(setting, arguments.property_name(setting))
        return self._window.fill_box(f"{group}-box", self._names(group))

    def _choose_widget(self, setting: Setting, name: str) -> None:
        if setting.kind == "choice":  # GIMP 3.2 would take radio buttons for some, GIMP 3.0 a combo box for all
            self._window.get_widget(name, Gtk.ComboBox.__gtype__)
        elif setting.kind in ("int", "float") and setting.maximum <= 10_000:
            scale = self._window.get_spin_scale(name, 1.0)
            # It paints its label itself, which screen readers therefore do not know.
            scale.get_accessible().set_name(scale.get_label().replace("_", ""))

    def _label_of_choice(self) -> Gtk.Widget | None:
        """Return the label of a setting up front, under which others can be aligned."""
        name = next(arguments.property_name(each) for each in SETTINGS if (each.group, each.kind) == ("main", "choice"))
        widget = self._window.get_widget(name, Gtk.ComboBox.__gtype__)
        return widget.get_label() if isinstance(widget, GimpUi.Labeled) else None

    def _build_consent(self) -> Gtk.Widget:
        self._consent_words = Gtk.Label(wrap=True, max_width_chars=36, xalign=0.0)
        self._consent = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, margin_top=6, no_show_all=True)
        for widget in (self._consent_words, self._window.get_widget(arguments.CONVERT, GObject.TYPE_NONE)):
            self._consent.pack_start(widget, False, False, 0)
            widget.show()
        return self._consent
