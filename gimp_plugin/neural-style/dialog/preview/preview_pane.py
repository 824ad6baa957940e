"""The middle of the dialog: the picture as it is painted, how far it is, and what to do when something is wrong."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GdkPixbuf, GLib, Gtk

from canvas import pixels
from common.report import command_in, report
from common.translation import _, counted
from dialog.parts.mending_window import MendButton
from dialog.parts.widgets import put, unbroken
from dialog.preview.picture_view import Before, ZoomButtons

_LEAST, _LEAST_SMALL = (370, 320), (260, 200)
_CSS = b"progressbar trough { min-width: 24px; }"  # a theme's 150 leave the buttons beside it no room where it is narrow
_AROUND_WORDS, _AROUND_BUTTONS = 26, 12  # pixels that the frame takes on both sides; what is left of it at the least
_ALT_K = (Gdk.KEY_k, Gdk.ModifierType.MOD1_MASK)


class PreviewPane(Gtk.Box):
    """A picture that can be compared with the one before, a line of text, a bar, and words over the picture.

    ``retry`` is called when the user asks to try again; only where there is one may :meth:`trouble` be called.
    """

    def __init__(self, heading: Gtk.Widget, retry: Callable[[], None] | None, accelerators: Gtk.AccelGroup) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._zoom = ZoomButtons()
        self._view = self._zoom.view
        self._split = Gtk.ToggleButton(label=_("Split"), sensitive=False)
        self._split.set_tooltip_text(_("Show the picture as it was and as painted side by side; drag the line between"))
        self._split.connect("toggled", lambda button: self._view.divide(button.get_active()))
        self._compare = Gtk.ToggleButton(label=_("Before"), sensitive=False)
        self._compare.set_tooltip_text(
            _("Show the picture as it was (Alt+K). Or hold the mouse button on the picture; the middle one, if enlarged.")
        )
        self._compare.connect("toggled", lambda button: self._view.compare(button.get_active()))
        self._compare.connect("button-press-event", self._on_compare)
        self._compare.add_accelerator("clicked", accelerators, *_ALT_K, Gtk.AccelFlags.VISIBLE)
        line = Gtk.Box(spacing=6)
        for button in (self._split, self._compare):
            button.set_valign(Gtk.Align.CENTER)
        line.pack_start(heading, True, True, 0)
        line.pack_end(self._compare, False, False, 0)
        line.pack_end(self._split, False, False, 0)
        self.top = line
        self.pack_start(line, False, False, 0)
        self.pack_start(self._build_view(retry), True, True, 0)
        self.pack_start(self._build_status(), False, False, 0)

    def _build_view(self, retry: Callable[[], None] | None) -> Gtk.Widget:
        self._view.set_size_request(*_LEAST)
        self._sentence = Gtk.Label(wrap=True, max_width_chars=36, justify=Gtk.Justification.CENTER, selectable=True)
        self._remedy = Gtk.Label(wrap=True, max_width_chars=36, justify=Gtk.Justification.CENTER, selectable=True)
        self._remedy.set_use_markup(True)
        self._retry = Gtk.Button(label=_("Try Again"), halign=Gtk.Align.CENTER, tooltip_text="F5")
        if retry is not None:
            self._retry.connect("clicked", lambda *_: retry())
        self._command = Gtk.Button(label=_("Copy Command"), tooltip_text=_("Copy the command, to be run in a terminal"))
        self._command.connect("clicked", lambda *_: _copy(command_in(self._remedy.get_text())))
        copy = Gtk.Button(label=_("Copy Report"), tooltip_text=_("Copy what went wrong, and what the logs say of it"))
        copy.connect("clicked", lambda *_: _copy(report(self._sentence.get_text(), self._remedy.get_text())))
        self._mend = MendButton(retry or (lambda: None))
        row = self._buttons = Gtk.Box(spacing=3, halign=Gtk.Align.CENTER, margin=9, margin_top=0)
        for button in (self._mend, self._retry, self._command, copy):
            row.pack_start(button, False, False, 0)
        copy.show()
        Gtk.Settings.get_default().set_property(
            "gtk-label-select-on-focus", False
        )  # they have the focus when a button goes
        words = self._told = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=9, margin=9)
        for widget in (self._sentence, self._remedy):
            words.pack_start(widget, False, False, 0)
            widget.show()
        words.show()
        self._words = Gtk.Frame(halign=Gtk.Align.CENTER, valign=Gtk.Align.CENTER, margin=12, no_show_all=True)
        self._words.get_style_context().add_class("background")
        room = self._room = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, overlay_scrolling=False)
        room.set_propagate_natural_width(True)
        room.add(words)
        room.show_all()
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, visible=True)
        column.pack_start(room, True, True, 0)
        column.pack_start(row, False, False, 0)  # below what scrolls, so that they always are all to be seen
        row.show()
        self._words.add(column)
        overlay = Gtk.Overlay()
        overlay.connect("size-allocate", lambda *_: GLib.idle_add(self._arrange))  # not while sizes are being given
        overlay.add(self._view)
        overlay.add_overlay(self._words)
        return overlay

    def _arrange(self) -> bool:
        """Let the words have the height that they need, and their buttons stand under each other where it is narrow."""
        across = self._view.get_allocated_width()
        width, height = across - _AROUND_WORDS, self._view.get_allocated_height() - _AROUND_WORDS
        if not self.in_trouble or width < 1 or height < 1:
            return GLib.SOURCE_REMOVE
        needed = sum(button.get_preferred_width()[1] + 3 for button in self._buttons.get_children() if button.get_visible())
        upright = needed > across - _AROUND_BUTTONS
        put(self._buttons, orientation=Gtk.Orientation.VERTICAL if upright else Gtk.Orientation.HORIZONTAL)
        wide = max(min(width, self._told.get_preferred_width()[1]), self._buttons.get_preferred_width()[0])
        _least, high = self._told.get_preferred_height_for_width(wide)
        left = height - self._buttons.get_preferred_height()[0]
        put(self._room, min_content_height=max(1, min(high, left)))
        return GLib.SOURCE_REMOVE

    def _build_status(self) -> Gtk.Widget:
        self._text = Gtk.Label(xalign=0.0, ellipsize=3, max_width_chars=1)  # a longer text moves nothing
        self._noted = Gtk.Label(label="⚠", no_show_all=True)
        self._left = Gtk.Label(xalign=0.0, no_show_all=True)  # a line of its own: beside it the text would be cut off
        line = Gtk.Box(spacing=12)
        line.pack_start(self._text, True, True, 0)
        line.pack_end(self._noted, False, False, 0)
        self._bar = Gtk.ProgressBar(valign=Gtk.Align.CENTER)
        provider = Gtk.CssProvider()
        provider.load_from_data(_CSS)
        self._bar.get_style_context().add_provider(provider, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
        below = Gtk.Box(spacing=6)
        below.pack_start(self._bar, True, True, 0)
        below.pack_end(self._zoom, False, False, 0)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        for row in (line, self._left, below):
            box.pack_start(row, False, False, 0)
        return box

    def make_small(self) -> None:
        """Take less room, for a small screen."""
        self._view.set_size_request(*_LEAST_SMALL)

    # Pictures

    def set_before(self, read: Before, size: tuple[int, int]) -> None:
        """Take the picture as it was, which is shown until there is a painted one; ``size`` is its own."""
        self._view.set_before(read, size)

    def show_picture(self, picture: GdkPixbuf.Pixbuf | None) -> None:
        """Show a painted picture of any size; None to go back to the one before."""
        for button in (self._compare, self._split):
            put(button, sensitive=picture is not None)
        if picture is None:
            self._compare.set_active(False)
        self._view.show_picture(picture)

    @property
    def painted(self) -> GdkPixbuf.Pixbuf | None:
        """The painted picture that is shown."""
        return self._view.painted

    def stop_comparing(self) -> None:
        """Show what is painted again."""
        self._compare.set_active(False)

    def _on_compare(self, compare: Gtk.ToggleButton, event: Gdk.EventButton) -> bool:
        """Show the picture as it was as soon as the button is pressed, where GTK waits until it is released."""
        if event.button != Gdk.BUTTON_PRIMARY:
            return Gdk.EVENT_PROPAGATE
        if event.type == Gdk.EventType.BUTTON_PRESS:  # of a double click's second press there are two events
            compare.set_active(not compare.get_active())
        return Gdk.EVENT_STOP

    # Words

    def tell(self, text: str, fraction: float | None, seconds_left: float | None = None, note: str = "") -> None:
        """Show how far the work is: a fraction of 0 says only that something happens, None that nothing does."""
        put(self._words, visible=False)
        if text and fraction is None and self._view.stretched:
            text = _("{text} · the result will be sharper").format(text=text)
        put(self._text, label=text)
        put(self._text, tooltip_text=note or (text if self._text.get_layout().is_ellipsized() else ""))
        put(self._noted, visible=bool(note), tooltip_text=note)
        put(self._left, label="" if seconds_left is None else time_left(seconds_left))
        put(self._bar, opacity=0.0 if fraction is None else 1.0)  # its room stays, so that nothing jumps
        if fraction is None or fraction > 0.0:
            put(self._bar, fraction=min(fraction or 0.0, 1.0))
        else:
            self._bar.pulse()

    def leave_room_for_time(self, on: bool) -> None:
        """Have a line for the time that is left, also while that is not known, so that nothing jumps."""
        put(self._left, visible=on)

    @property
    def in_trouble(self) -> bool:
        """Whether words about something wrong are shown."""
        return bool(self._words.get_visible())

    def trouble(self, sentence: str, remedy: str, *, retry: bool = True) -> None:
        """Say over the picture what is wrong and what to do, with a button to try again."""
        self.tell("", None)
        self._sentence.set_markup(f"<b>{pixels.escaped(sentence)}</b>")
        put(self._remedy, label=unbroken(remedy), visible=bool(remedy))
        put(self._retry, visible=retry)
        mended = self._mend.offer(remedy)
        put(self._command, visible=bool(command_in(remedy)) and not mended)
        put(self._words, visible=True)
        self._arrange()


def _copy(text: str) -> None:
    clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
    clipboard.set_text(text, -1)
    clipboard.store()  # for when the dialog is closed


def time_left(seconds: float) -> str:
    """Return a duration as people say it."""
    if seconds < 1.5:
        return _("about a second left")
    if seconds < 90:
        return counted("about {number} second left", "about {number} seconds left", round(seconds))
    return counted("about {number} minute left", "about {number} minutes left", round(seconds / 60))
