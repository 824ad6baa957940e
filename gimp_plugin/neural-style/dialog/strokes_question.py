"""What becomes of strokes on results that *Update Results* is to paint again: asked before it begins."""

from __future__ import annotations

from collections.abc import Sequence

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import GimpUi, Gtk

from common.arguments import STROKE_CHOICES
from common.translation import _, counted
from dialog.parts import waiting

_LETTERS = 44


def ask(names: Sequence[str], proposed: str) -> str | None:
    """Ask it of the results with these names; return one of the choices' values, or None where the user cancels.

    ``proposed`` is the value that is chosen at first.
    """
    GimpUi.init("neural-style")
    window = GimpUi.Dialog(title=_("Neural Style: Update Results"), role="neural-style-strokes")
    window.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
    window.add_button(_("_Update"), Gtk.ResponseType.OK)
    window.set_default_response(Gtk.ResponseType.OK)
    column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin=12)
    heading = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=_LETTERS, label=_words(names))
    column.pack_start(heading, False, False, 0)
    buttons: dict[str, Gtk.RadioButton] = {}
    for value, label, more in STROKE_CHOICES:
        first = next(iter(buttons.values()), None)
        button = buttons[value] = Gtk.RadioButton.new_with_label_from_widget(first, label)
        button.set_tooltip_text(more)
        column.pack_start(button, False, False, 0)
    buttons.get(proposed, next(iter(buttons.values()))).set_active(True)
    window.get_content_area().pack_start(column, True, True, 0)
    column.show_all()
    next(button for button in buttons.values() if button.get_active()).grab_focus()
    try:
        response = waiting.for_response(window)
    finally:
        chosen = next(value for value, button in buttons.items() if button.get_active())
        window.destroy()
    return chosen if response == Gtk.ResponseType.OK else None


def _words(names: Sequence[str]) -> str:
    if len(names) == 1:
        return _("You have painted on “{name}” since it was finished. What happens to your strokes?").format(name=names[0])
    return counted(
        "You have painted on {number} of the results since they were finished. What happens to your strokes?",
        "You have painted on {number} of the results since they were finished. What happens to your strokes?",
        len(names),
    )
