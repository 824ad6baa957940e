"""A window that shows work on the server: the picture, how far it is, *Stop and Keep* and *Cancel*."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi, GLib, Gtk

from canvas import layers, pixels
from common.translation import _
from dialog import waiting
from painting.connection import Connection
from painting.painting import Painting
from server import client as wire

_STOP, _OVER = 101, 4711
_POLL_MILLISECONDS = 40
_WIDTH, _HEIGHT = 480, 320


class ProgressWindow:
    """Shown from its making until :meth:`close`; :meth:`run` once."""

    def __init__(self, image: Gimp.Image, first: layers.Source, title: str, heading: str) -> None:
        self._image = image
        GimpUi.init("neural-style")
        self._window = GimpUi.Dialog(title=title, role="neural-style-progress")
        self._stop = self._window.add_button(_("S_top and Keep"), _STOP)
        self._stop.set_tooltip_text(_("Finish now and keep what is painted so far"))
        self._stop.set_sensitive(False)
        self._window.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        self._picture = Gtk.Image()
        self._picture.set_size_request(_WIDTH, _HEIGHT)
        self._picture.set_from_pixbuf(pixels.fitted(layers.thumbnail(first, _WIDTH), _WIDTH, _HEIGHT))
        self._picture.get_accessible().set_name(_("The painting so far"))
        self._text = Gtk.Label(xalign=0.0, ellipsize=3, label=_("Starting the painting server"))
        self._bar = Gtk.ProgressBar()
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8, margin=12)
        label = Gtk.Label(xalign=0.0)
        label.set_markup(f"<b>{pixels.escaped(heading)}</b>")
        for child in (label, self._picture, self._text, self._bar):
            box.pack_start(child, child is self._picture, True, 0)
        self._window.get_content_area().pack_start(box, True, True, 0)
        self._window.show_all()
        self._work: Painting | None = None
        self._failure: Exception | None = None

    def run(self, connection: Connection, make: Callable[[wire.Client], Painting]) -> Painting | None:
        """Begin what ``make`` returns as soon as the server is there; return it when it is done, None if cancelled.

        Raises:
            Exception: whatever went wrong; nothing is left on the canvas.
        """
        timer = GLib.timeout_add(_POLL_MILLISECONDS, lambda: self._step(connection, make))
        try:
            while True:
                response = waiting.for_response(self._window)
                if response == _STOP and self._work is not None:
                    self._work.stop()
                    self._stop.set_sensitive(False)
                elif response != _STOP:
                    break
        finally:
            if GLib.MainContext.default().find_source_by_id(timer) is not None:
                GLib.source_remove(timer)
        work, self._work = self._work, None
        if response != _OVER or self._failure is not None:
            if work is not None:
                work.abandon()
            if self._failure is not None:
                raise self._failure
            return None
        return work

    def _step(self, connection: Connection, make: Callable[[wire.Client], Painting]) -> bool:
        try:
            more = self._advance(connection, make)
        except Exception as error:  # whatever it is: GLib would only print it, and the window wait for ever
            self._failure, more = error, False
        if not more:
            self._window.response(_OVER)
        return more

    def _advance(self, connection: Connection, make: Callable[[wire.Client], Painting]) -> bool:
        if self._work is None:
            if connection.error is not None:
                raise connection.error
            if connection.client is None:
                self._bar.pulse()
                return True
            self._work = make(connection.client)
            self._work.start()
            self._stop.set_sensitive(True)
        work, before = self._work, self._work.picture
        if work.poll() and work.picture is not None and work.picture is not before:
            self._picture.set_from_pixbuf(pixels.fitted(layers.shown(self._image, work.picture), _WIDTH, _HEIGHT))
        self._text.set_text(work.text)
        if work.fraction > 0.0:
            self._bar.set_fraction(min(work.fraction, 1.0))
        else:
            self._bar.pulse()
        return not work.done

    def close(self) -> None:
        """Close the window and take what is unfinished off the canvas."""
        if self._work is not None:
            self._work.abandon()
        self._window.destroy()
