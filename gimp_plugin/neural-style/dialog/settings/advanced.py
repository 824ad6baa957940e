"""The settings under *Advanced*, with word of those that are not at their defaults while they are out of sight."""

from __future__ import annotations

from collections.abc import Sequence

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, Gtk

from common import arguments
from common.translation import _, counted
from dialog.parts.widgets import put


class Advanced(Gtk.Overlay):
    """An expander over ``box``, the widgets of the arguments ``names``.

    It says how many of them differ from their defaults, and then has a button that resets them.
    """

    def __init__(self, config: Gimp.ProcedureConfig, names: Sequence[str], box: Gtk.Widget) -> None:
        super().__init__(margin_top=6)
        self._config, self._names = config, list(names)
        self._label = Gtk.Label(use_underline=True)
        self._expander = Gtk.Expander(label_widget=self._label)
        self._label.set_mnemonic_widget(self._expander)
        scrolled = Gtk.ScrolledWindow()  # sideways too: with a large font it would push the buttons off a small screen
        scrolled.set_min_content_height(200)
        scrolled.add(box)
        self._expander.add(scrolled)
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
