"""Buttons that do what a message asks for, and the window in which one sees it done."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GLib, Gtk, Pango

from common import installation, mending
from common.mending import Mending
from common.translation import _, reason_of
from dialog.parts.question import asked
from dialog.parts.room import room_on_screen
from dialog.parts.widgets import put
from stylecore import system

_SIZE = (760, 440)
#: What the programs begin a line with that says what is wrong.
_WRONG = "✗"
_MEND = 1
_DONE_SOON = 400  # milliseconds for which one reads that it is done


class MendButton(Gtk.Button):
    """A button for what a remedy asks for; hidden where that cannot be done here. ``done`` is called after it was."""

    def __init__(self, done: Callable[[], None]) -> None:
        super().__init__(no_show_all=True)
        self._done = done
        self._mending: Mending | None = None
        self.connect("clicked", lambda *_: self._mend())

    def offer(self, remedy: str) -> bool:
        """Offer what a remedy asks for; return whether there is such a thing."""
        self._mending = found = mending.offered(remedy)
        put(self, visible=found is not None)
        if found is not None:
            put(self, label=found.label, tooltip_text=found.words)
        return found is not None

    def _mend(self) -> None:
        window = self.get_toplevel()
        if self._mending is not None and isinstance(window, Gtk.Window) and mend(window, self._mending):
            self._done()


def mend(window: Gtk.Window, what: Mending) -> bool:
    """Run a program of the installation over the window, asking first if need be; return whether it did what it is for."""
    words = _("The installer runs again. It may fetch files from the internet, which takes some minutes.")
    if not what.sure and not asked(window, _("Repair the installation?"), words, _("_Repair")):
        return False
    over = _Run(window, what)
    over.run()
    over.destroy()
    if over.next is not None:
        return mend(window, over.next)
    installation.read.cache_clear()
    return over.succeeded


class _Run(Gtk.Dialog):
    """Shows what a program says while it runs; closing the window ends it. ``next`` is what is to be done after it."""

    def __init__(self, window: Gtk.Window, what: Mending) -> None:
        super().__init__(title=_("Neural Style"), transient_for=window, modal=True)
        self.succeeded = False
        self.next: Mending | None = None
        self._what, self._open = what, True
        self.connect("destroy", lambda *_: self._shut())
        self._said: list[str] = []
        self._text = Gtk.TextView(editable=False, monospace=True, wrap_mode=Gtk.WrapMode.WORD_CHAR, margin=6)
        self._text.get_accessible().set_name(what.label)
        area = Gtk.ScrolledWindow(shadow_type=Gtk.ShadowType.IN, margin=12)
        area.add(self._text)
        self._state = Gtk.Label(
            xalign=0.0, margin_start=12, margin_end=12, margin_top=12, ellipsize=Pango.EllipsizeMode.END
        )
        self._spinner = Gtk.Spinner(active=True, margin_start=12, margin_top=12)
        line = Gtk.Box()
        line.pack_start(self._spinner, False, False, 0)
        line.pack_start(self._state, True, True, 0)
        self.get_content_area().pack_start(line, False, False, 0)
        self.get_content_area().pack_start(area, True, True, 0)
        copy = Gtk.Button(label=_("Copy Report"))
        copy.connect("clicked", lambda *_: Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).set_text("".join(self._said), -1))
        self.get_action_area().pack_start(copy, False, False, 0)
        self._repair = self.add_button(_("Repair…"), _MEND)
        self._close = self.add_button(_("_Cancel"), Gtk.ResponseType.CLOSE)
        self.set_default_size(*map(min, _SIZE, room_on_screen()))
        self.connect("response", self._on_response)
        self.get_content_area().show_all()
        copy.show()
        self._repair.hide()
        self._state.set_text(what.words)
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes] | None:
        try:
            process = system.start_apart(
                self._what.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=mending.environment(),
            )
        except OSError as error:
            self._say(f"{self._what.command[0]}: {reason_of(error)}\n")
            self._ended(None)
            return None
        threading.Thread(target=self._read, args=(process,), name="neural-style-mending", daemon=True).start()
        return process

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            GLib.idle_add(self._say, line.decode("utf-8", "replace"))
        GLib.idle_add(self._ended, process.wait())

    def _say(self, text: str) -> bool:
        self._said.append(text)
        if self._open:
            buffer = self._text.get_buffer()
            buffer.insert(buffer.get_end_iter(), text)
            if not self._show_wrong():
                self._text.scroll_to_mark(buffer.get_insert(), 0.0, False, 0.0, 0.0)
        return GLib.SOURCE_REMOVE

    def _ended(self, status: int | None) -> bool:
        self._process = None
        self.succeeded = status == 0
        if not self._open:
            return GLib.SOURCE_REMOVE
        self._spinner.stop()
        self._spinner.hide()
        self._state.set_text(_("Done.") if self.succeeded else _("Something is wrong; see below."))
        self._close.set_label(_("_Close"))
        self._close.grab_focus()
        repair = mending.repair() if not self.succeeded and self._what.sure else None
        self._repair.set_visible(repair is not None)
        if self.succeeded and self._what.brief:
            GLib.timeout_add(_DONE_SOON, self._leave)
        return GLib.SOURCE_REMOVE

    def _show_wrong(self) -> bool:
        """Stay at the first thing that is wrong, which may stand far above the last line; return whether there is one."""
        buffer = self._text.get_buffer()
        found = buffer.get_start_iter().forward_search(_WRONG, Gtk.TextSearchFlags.TEXT_ONLY, None)
        if found is None:
            return False
        buffer.place_cursor(found[0])  # which a view of another size keeps in sight
        self._text.scroll_to_mark(buffer.get_insert(), 0.0, True, 0.0, 0.0)
        return True

    def _leave(self) -> bool:
        if self._open:
            self.response(Gtk.ResponseType.CLOSE)
        return GLib.SOURCE_REMOVE

    def _shut(self) -> None:
        self._open = False

    def _on_response(self, _dialog: Gtk.Dialog, response: int) -> None:
        self.next = mending.repair() if response == _MEND else None
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
