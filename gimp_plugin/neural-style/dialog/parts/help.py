"""The button *Help*, which opens the tutorial that is installed with the plug-in."""

from __future__ import annotations

import webbrowser

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gio, GLib, Gtk

from common import installation
from common.errors import PluginError
from common.translation import _
from dialog.parts.complaint import complain


def help_button(dialog: Gtk.Dialog) -> Gtk.Button:
    """Return a button for the dialog's row of buttons, at its other end; it is no response of the dialog."""
    button = Gtk.Button(label=_("Help"), tooltip_text=_("Open the tutorial in your browser (F1)"))
    button.connect("clicked", lambda *_: open_tutorial(dialog))
    return button


def open_tutorial(window: Gtk.Window) -> None:
    """Show the tutorial, or say where it is."""
    page = installation.help_page()
    address = page.as_uri()
    try:
        Gio.AppInfo.launch_default_for_uri(address, None)
    except GLib.Error:
        if not webbrowser.open(address):
            complain(
                window, PluginError(_("No browser could be opened."), _("The tutorial is in {path}.").format(path=page))
            )
