"""The settings under *Advanced*, with word of those that are not at their defaults while they are out of sight."""

from __future__ import annotations

from collections.abc import Sequence

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GLib, Gtk

from canvas import pixels
from common import arguments
from common.translation import _, counted
from dialog.parts.widgets import put


class Advanced(Gtk.Overlay):
    """An expander over ``box`` and, below a line of their own, ``research``: the widgets of the arguments ``names``.

    It says how many of them differ from their defaults, and then has a button that resets them.
    """

    def __init__(self, config: Gimp.ProcedureConfig, names: Sequence[str], box: Gtk.Widget, research: Gtk.Widget) -> None:
        super().__init__(margin_top=6)
        self._config, self._names = config, list(names)
        self._label = Gtk.Label(use_underline=True)
        self._expander = Gtk.Expander(label_widget=self._label)
        self._label.set_mnemonic_widget(self._expander)
        title = Gtk.Label(xalign=0.0, margin_top=9, ellipsize=3)
        words = _("For research")
        title.set_markup(f"<b>{pixels.escaped(words)}</b>")
        title.set_tooltip_text(_("What “looks like the style” means, and how it is computed"))
        self._inside = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        for widget in (box, title, research):
            self._inside.pack_start(widget, False, False, 0)
        self._expander.add(self._inside)
        self._expander.connect("notify::expanded", self._on_expanded)
        self._inside.connect("size-allocate", self._on_allocated)
        self._opened = False
        self.add(self._expander)
        self._reset = Gtk.Button(
            label=_("Reset"), halign=Gtk.Align.END, valign=Gtk.Align.START, relief=Gtk.ReliefStyle.NONE, no_show_all=True
        )
        self._reset.set_tooltip_text(_("Set everything under Advanced to its default"))
        self._reset.get_accessible().set_name(_("Reset Advanced"))
        self._reset.connect("clicked", lambda *_: self._to_defaults())
        self.add_overlay(self._reset)
        self.set_focus_chain([self._expander, self._reset])  # by where they lie the button would come first
        line = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.VERTICAL)  # the button covers nothing of what is under the line
        line.add_widget(self._label)
        line.add_widget(self._reset)
        config.connect("notify", lambda *_: self._count())
        self._count()

    @property
    def least_width(self) -> int:
        """The pixels that it takes at the least when it is opened."""
        return int(self._inside.get_preferred_width()[0])

    def _count(self) -> None:
        number = len(arguments.changed(self._config, self._names))
        text = _("Ad_vanced")
        if number:
            text = counted("Ad_vanced ({number} changed)", "Ad_vanced ({number} changed)", number)
        put(self._label, label=text)
        put(self._reset, visible=number > 0)

    def _to_defaults(self) -> None:
        self._expander.grab_focus()  # the button is going to be hidden
        arguments.reset(self._config, self._names)

    def _on_expanded(self, expander: Gtk.Expander, _what: object) -> None:
        self._opened = expander.get_expanded()

    def _on_allocated(self, _box: Gtk.Widget, _place: object) -> None:
        if self._opened:
            self._opened = False
            GLib.idle_add(self._reveal)  # when the area around knows how high it is now

    def _reveal(self) -> bool:
        """Scroll what was opened into sight, its line at the top if it is higher than the room."""
        around = self.get_ancestor(Gtk.ScrolledWindow)
        if around is not None:
            place, seen = self.get_allocation(), around.get_vadjustment()
            bottom = place.y + place.height - seen.get_page_size()
            seen.set_value(max(seen.get_value(), min(place.y, bottom)))
        return GLib.SOURCE_REMOVE
