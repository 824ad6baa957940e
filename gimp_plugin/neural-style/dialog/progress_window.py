"""A window that shows work on the server as the dialog does: *Update Results*."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi, Gtk

from canvas import pixels
from canvas.sources import Source, thumbnail_now
from common.translation import _
from dialog.preview.preview_pane import PreviewPane
from dialog.watching import Watch, stop_button
from painting.connection import Connection
from painting.painting import Painting
from server.client import client as wire

_WIDTH, _HEIGHT = 520, 460


class ProgressWindow:
    """Shown from its making until :meth:`close`; :meth:`run` once."""

    def __init__(self, image: Gimp.Image, first: Source, title: str, heading: str) -> None:
        self._image = image
        GimpUi.init("neural-style")
        self._window = GimpUi.Dialog(title=title, role="neural-style-progress")
        self._window.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        self._stop = stop_button(self._window)
        keys = Gtk.AccelGroup()
        self._window.add_accel_group(keys)
        label = Gtk.Label(xalign=0.0)
        label.set_markup(f"<b>{pixels.escaped(heading)}</b>")
        self._pane = PreviewPane(label, None, keys)
        self._pane.set_before(partial(thumbnail_now, first), first.area[2:])
        self._pane.set_property("margin", 12)
        self._window.get_content_area().pack_start(self._pane, True, True, 0)
        self._window.set_default_size(_WIDTH, _HEIGHT)
        self._window.show_all()
        self._watch: Watch | None = None

    def run(self, connection: Connection, make: Callable[[wire.Client], Painting]) -> Painting | None:
        """Begin what ``make`` returns as soon as the server is there; return it when it is done, None if cancelled.

        Raises:
            Exception: whatever went wrong; nothing is left on the canvas.
        """

        def begin() -> Painting | None:
            if connection.error is not None:
                raise connection.error
            if connection.client is None:
                return None
            work = make(connection.client)
            watch.work = work  # to be abandoned if it cannot be started
            work.start()
            return work

        watch = self._watch = Watch(self._window, self._pane, self._stop, self._image, begin)
        over = watch.run(_("Starting the painting server"))
        if watch.failure is not None:
            raise watch.failure
        if not over:
            return None
        work, watch.work = watch.work, None
        return work

    def close(self) -> None:
        """Close the window and take what is unfinished off the canvas."""
        if self._watch is not None and self._watch.work is not None:
            self._watch.work.abandon()
        self._window.destroy()
