"""A small window that asks before something is done that is not easily undone."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk

from common.translation import _


def asked(window: Gtk.Window, question: str, more: str, yes: str) -> bool:
    """Ask over the window, and return whether the answer is what the button ``yes`` says."""
    dialog = Gtk.MessageDialog(
        transient_for=window,
        modal=True,
        message_type=Gtk.MessageType.QUESTION,
        text=question,
        secondary_text=more,
        title=_("Neural Style"),
    )
    dialog.add_buttons(_("_Cancel"), Gtk.ResponseType.CANCEL, yes, Gtk.ResponseType.YES)
    dialog.set_default_response(Gtk.ResponseType.YES)
    answer = dialog.run()
    dialog.destroy()
    return bool(answer == Gtk.ResponseType.YES)
