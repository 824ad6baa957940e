"""Watching a painting in a window until it is over: the same in the dialog and in *Update Results*."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GLib, Gtk

from canvas.seen import as_result
from canvas.sources import Source, thumbnail_now
from common.translation import _, counted
from dialog.parts import waiting
from dialog.parts.widgets import put
from dialog.preview.preview_pane import PreviewPane
from painting.painting import Painting

STOP = 101  # the response of Stop and Keep
CANCELLED = (Gtk.ResponseType.CANCEL, Gtk.ResponseType.DELETE_EVENT, Gtk.ResponseType.CLOSE)
#: Seconds of work that are not thrown away without a question.
ASK_AFTER = 60.0
_OVER, _CANCEL_NOW = 4711, 4712
_POLL_MILLISECONDS = 40


def stop_button(window: Gtk.Dialog) -> Gtk.Button:
    """Add the button *Stop and Keep* at the end of the window's buttons, after Cancel, and return it."""
    button = window.add_button(_("S_top and Keep"), STOP)
    button.set_tooltip_text(_("Finish now and keep what is painted so far"))
    button.set_sensitive(False)
    return button


class Watch:
    """Shows a painting in ``pane`` from :meth:`run` on.

    ``begin`` is called until it returns the painting, begun; it returns None while the server is not there, and may raise.
    """

    def __init__(
        self,
        window: Gtk.Dialog,
        pane: PreviewPane,
        stop: Gtk.Button,
        image: Gimp.Image,
        begin: Callable[[], Painting | None],
    ) -> None:
        self.work: Painting | None = None
        self.failure: Exception | None = None
        self._window, self._pane, self._stop, self._image, self._begin = window, pane, stop, image, begin
        self._source: Source | None = None
        self._question: Gtk.MessageDialog | None = None

    def run(self, text: str) -> bool:
        """Watch until the painting is over or failed; return False if the user cancelled. ``text`` is what is said first.

        The painting is then ``work``, and what went wrong ``failure``; nothing is kept or abandoned yet.
        """
        self._pane.tell(text, 0.0)  # not what was said of the preview
        self._pane.stop_comparing()  # what is painted is to be seen
        self._pane.leave_room_for_time(True)
        put(self._stop, sensitive=False)
        # A Return or a Space too many must neither cancel nor stop.
        self._window.set_default(None)
        self._window.set_focus(None)
        begun = time.monotonic()
        timer = GLib.timeout_add(_POLL_MILLISECONDS, self._step)
        try:
            while True:
                response = waiting.for_response(self._window)
                seconds = time.monotonic() - begun
                if response == _OVER:
                    return True
                if response == STOP:
                    self._finish()
                elif response in CANCELLED and self.work is not None and seconds > ASK_AFTER:
                    self._ask(seconds)
                elif response in (_CANCEL_NOW, Gtk.ResponseType.NONE, *CANCELLED):
                    return False
        finally:
            self._close_question()
            self._pane.leave_room_for_time(False)
            if GLib.MainContext.default().find_source_by_id(timer) is not None:
                GLib.source_remove(timer)

    def _step(self) -> bool:
        try:
            more = self._advance()
        except Exception as error:  # whatever it is: GLib would only print it, and the window wait for ever
            self.failure, more = error, False
        if not more:
            self._window.response(_OVER)
        return more

    def _advance(self) -> bool:
        """Do what is due and return whether there is more to come."""
        if self.work is None:
            self.work = self._begin()
            if self.work is None:
                self._pane.tell(_("Starting the painting server"), 0.0)
                return True
            put(self._stop, sensitive=True)
        work, picture = self.work, self.work.picture
        if work.poll() and work.picture is not None and work.picture is not picture:
            self._pane.show_picture(as_result(self._image, work.source, work.picture, convert=work.destination.convert))
        self._show_source(work)
        self._pane.tell(work.text, work.fraction, work.seconds_left, work.note)
        return not work.done

    def _show_source(self, work: Painting) -> None:
        """Let *Before* show the layer that is painted now."""
        source = work.source
        if source is not self._source and source.layer.is_valid():
            if self._source is not None:
                self._pane.set_before(partial(thumbnail_now, source), source.area[2:])
            self._source = source

    def _finish(self) -> None:
        if self.work is not None:
            self.work.stop()
            put(self._stop, sensitive=False)

    # Cancelling what took long

    def _ask(self, seconds: float) -> None:
        """Ask whether to cancel, while the painting goes on: it may be over before there is an answer."""
        if self._question is not None:
            self._question.present()
            return
        question = Gtk.MessageDialog(
            transient_for=self._window,
            message_type=Gtk.MessageType.QUESTION,
            text=_("Cancel this painting?"),
            secondary_text=counted(
                "It has been painted for {number} minute, and nothing of it would be kept.",
                "It has been painted for {number} minutes, and nothing of it would be kept.",
                max(1, round(seconds / 60)),
            ),
            title=_("Neural Style"),
        )
        question.add_button(_("Cancel _Painting"), Gtk.ResponseType.YES)
        if self._stop.get_sensitive():
            question.add_button(_("S_top and Keep"), STOP)
        question.add_button(_("_Go On"), Gtk.ResponseType.CANCEL)
        question.set_default_response(Gtk.ResponseType.CANCEL)
        question.connect("response", lambda _question, response: self._answered(response))
        self._question = question
        question.show()

    def _answered(self, response: int) -> None:
        self._close_question()
        if response == STOP:
            self._finish()
        elif response == Gtk.ResponseType.YES:
            self._window.response(_CANCEL_NOW)

    def _close_question(self) -> None:
        question, self._question = self._question, None
        if question is not None:
            question.destroy()
