"""A small window that says what could not be done."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk

from common.errors import PluginError


def complain(window: Gtk.Window, error: PluginError) -> None:
    """Say over the window what went wrong and what to do, and wait until it is read."""
    dialog = Gtk.MessageDialog(
        transient_for=window,
        modal=True,
        message_type=Gtk.MessageType.WARNING,
        buttons=Gtk.ButtonsType.CLOSE,
        text=error.sentence,
        secondary_text=error.remedy,
    )
    dialog.run()
    dialog.destroy()
