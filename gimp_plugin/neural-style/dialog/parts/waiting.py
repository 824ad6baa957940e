"""Waiting for a dialog's answer while the user goes on in GIMP."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GLib, Gtk


def for_response(dialog: Gtk.Dialog) -> int:
    """Show the dialog and return its next response, as ``Gtk.Dialog.run`` does, but block no other window meanwhile.

    ``Gtk.Dialog.run`` makes the window modal, and window managers then keep the keyboard from the image that the
    dialog belongs to: the user could not paint, zoom or undo while the painting is made.
    """
    loop = GLib.MainLoop()
    responses: list[int] = []

    def answered(_dialog: Gtk.Dialog, response: int) -> None:
        responses.append(response)
        loop.quit()

    def closed(_dialog: Gtk.Dialog, _event: Gdk.Event) -> bool:
        return Gdk.EVENT_STOP  # it stays until its owner destroys it; Gtk.Dialog has made a response of this

    def gone(_dialog: Gtk.Dialog) -> None:
        responses.append(Gtk.ResponseType.NONE)
        loop.quit()

    connected = [
        dialog.connect("response", answered),
        dialog.connect("delete-event", closed),
        dialog.connect("destroy", gone),
    ]
    dialog.set_modal(False)
    dialog.show()
    try:
        loop.run()
    finally:
        for number in connected:
            if dialog.handler_is_connected(number):
                dialog.disconnect(number)
    return responses[0]
