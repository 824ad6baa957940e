"""The filter's dialog: choose a style and the settings, then watch it being painted in the same window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi, Gio, GLib, GObject, Gtk

import arguments
import canvas
import painting
import pixels
import report
import session
from connection import Connection
from gallery import Gallery
from progress import ProgressView
from stylecore.settings import SETTINGS, Setting

_STOP = 101
_OVER = 4711
_POLL_MILLISECONDS = 40
_CANCELLED = (Gtk.ResponseType.CANCEL, Gtk.ResponseType.DELETE_EVENT, Gtk.ResponseType.CLOSE)


class Dialog:
    """The dialog from its opening to its end; :meth:`run` once, then :meth:`close`."""

    def __init__(
        self,
        procedure: Gimp.Procedure,
        config: Gimp.ProcedureConfig,
        image: Gimp.Image,
        sources: Sequence[canvas.Source],
    ) -> None:
        self._config = config
        self._image = image
        self._sources = sources
        self._connection = Connection()
        self._timers: list[int] = []
        self._work: painting.Painting | None = None
        self._failure: Exception | None = None

        GimpUi.init("neural-style")
        self._window = GimpUi.ProcedureDialog.new(procedure, config, "Neural Style")
        self._window.set_ok_label("_Apply Style")
        self._stop_button = self._window.add_button("S_top and Keep", _STOP)
        self._stop_button.set_tooltip_text("Finish now and keep what is painted so far")
        self._stop_button.hide()
        help_button = self._window.get_widget_for_response(Gtk.ResponseType.HELP)
        if help_button is not None:  # it would look for a page in GIMP's own manual
            help_button.destroy()

        self._message = _Message()
        self._settings_view = self._build_settings()
        self._progress = ProgressView()
        self._progress.hide()
        area = self._window.get_content_area()
        for position, child in enumerate((self._message.widget, self._settings_view, self._progress)):
            area.pack_start(child, child is not self._message.widget, True, 0)
            area.reorder_child(child, position)

        config.connect("notify::style", lambda *_: self._style_changed())
        self._style_changed()
        self._every(200, self._look_at_connection)

    # Choosing

    def _build_settings(self) -> Gtk.Widget:
        self._gallery = Gallery(self._pick, self._apply)
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        left.pack_start(_heading("Style"), False, False, 0)
        left.pack_start(self._gallery, True, True, 0)
        left.pack_start(self._window.get_widget(arguments.STYLE, GObject.TYPE_NONE), False, False, 0)

        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        right.pack_start(_heading(self._what()), False, False, 0)
        right.pack_start(self._box("main"), False, False, 0)
        if not canvas.is_colour(self._image):
            right.pack_start(self._consent(), False, False, 0)
        advanced = Gtk.Expander(label="Ad_vanced", use_underline=True, margin_top=6)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
        scrolled.set_min_content_height(250)
        scrolled.add(self._box("advanced"))
        advanced.add(scrolled)
        right.pack_start(advanced, True, True, 0)
        self._status = Gtk.Label(xalign=0.0, ellipsize=3, label="Looking for the painting server…")
        self._status.get_style_context().add_class("dim-label")
        right.pack_end(self._status, False, False, 0)
        right.set_size_request(400, -1)  # wide enough for Advanced: opening it moves nothing

        columns = Gtk.Box(spacing=18, margin=12)
        columns.pack_start(left, True, True, 0)
        columns.pack_start(right, False, True, 0)
        columns.show_all()
        return columns

    def _what(self) -> str:
        if len(self._sources) > 1:
            return f"{len(self._sources)} layers"
        part = "" if Gimp.Selection.is_empty(self._image) else "Selection of "
        return f"{part or 'Layer '}“{self._sources[0].name}”"

    def _box(self, group: str) -> Gtk.Box:
        names = []
        for setting in SETTINGS:
            if setting.group == group:
                name = arguments.property_name(setting)
                self._choose_widget(setting, name)
                names.append(name)
        return self._window.fill_box(f"{group}-box", names)

    def _choose_widget(self, setting: Setting, name: str) -> None:
        if setting.kind == "choice":  # GIMP 3.2 would take radio buttons for some, GIMP 3.0 a combo box for all
            self._window.get_widget(name, Gtk.ComboBox.__gtype__)
        elif setting.kind in ("int", "float") and setting.maximum <= 10_000:
            self._window.get_spin_scale(name, 1.0)

    def _consent(self) -> Gtk.Widget:
        kind = "indexed" if self._image.get_base_type() == Gimp.ImageBaseType.INDEXED else "grey"
        kept = "palette" if kind == "indexed" else "greys"
        label = Gtk.Label(label=f"This image is {kind}: the result is stored in its {kept}, unless you convert it.")
        label.set_line_wrap(True)
        label.set_max_width_chars(40)
        label.set_xalign(0.0)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, margin_top=6)
        box.pack_start(label, False, False, 0)
        box.pack_start(self._window.get_widget(arguments.CONVERT, GObject.TYPE_NONE), False, False, 0)
        return box

    def _pick(self, path: str) -> None:
        if path != self._chosen():
            self._config.set_property(arguments.STYLE, Gio.File.new_for_path(path))

    def _chosen(self) -> str | None:
        file = self._config.get_property(arguments.STYLE)
        return file.get_path() if file is not None else None

    def _style_changed(self) -> None:
        path = self._chosen()
        self._gallery.select(path)
        ready = path is not None
        self._window.set_response_sensitive(Gtk.ResponseType.OK, ready)
        button = self._window.get_widget_for_response(Gtk.ResponseType.OK)
        button.set_tooltip_text("" if ready else "Choose a style first")

    def _apply(self) -> None:
        if self._chosen() is not None:
            self._window.response(Gtk.ResponseType.OK)

    def _look_at_connection(self) -> bool:
        connection = self._connection
        if connection.client is not None:
            device = connection.client.welcome.get("device")
            self._status.set_text(f"Painting server: ready{f', {device}' if device else ''}")
        elif connection.error is not None:
            self._status.set_text("Painting server: not available")
            self._message.tell(*report.parts(connection.error))
        return not connection.ready

    # Painting

    def run(self) -> list[Gimp.Layer] | None:
        """Show the dialog until it is over; return the new layers, or None when the user cancelled."""
        self._gallery.focus()
        while self._window.run():
            self._message.hide()
            self._failure = None
            self._show_progress(True)
            response = self._paint()
            work, self._work = self._work, None
            if work is not None and (response in _CANCELLED or not work.results):
                work.abandon()
            if response in _CANCELLED:
                return None
            try:
                layers = work.keep() if work is not None and work.results else []
            except Exception as error:
                self._failure, layers = error, []
            if self._failure is None and layers:
                return layers
            if self._failure is not None and not self._image.is_valid():
                raise self._failure  # there is nothing left to try again with
            if layers:  # some layers were finished before one failed: they are in the image, and the rest is told
                raise self._failure
            self._show_progress(False)
            if self._failure is not None:
                if work is not None:  # the connection may be what failed
                    self._connection.close()
                    self._connection = Connection()
                self._message.tell(*report.parts(self._failure))
            else:
                self._message.tell("Nothing was painted yet.", "Let it paint a little before you stop it.")
        return None

    def _paint(self) -> int:
        """Start and watch the painting; return how it ended: _OVER, or the response that cancels."""
        self._progress.tell("Connecting to the painting server", 0.0, None)
        try:
            self._progress.show_picture(canvas.thumbnail(self._sources[0], 640))
        except Exception as error:  # the layer may be gone; the painting itself will say so
            report.parts(error)
        if self._connection.error is not None:  # the user may have mended it
            self._connection = Connection()
        timer = self._every(_POLL_MILLISECONDS, self._step)
        try:
            while True:
                response = Gtk.Dialog.run(self._window)
                if response == _STOP and self._work is not None:
                    self._work.stop()
                    self._window.set_response_sensitive(_STOP, False)
                elif response == _OVER or response in _CANCELLED:
                    return response
        finally:
            self._end_timer(timer)

    def _step(self) -> bool:
        try:
            more = self._advance()
        except Exception as error:
            self._failure, more = error, False
        if not more:
            self._window.response(_OVER)
        return more

    def _advance(self) -> bool:
        """Do what is due and return whether there is more to come."""
        if self._work is None:
            if not self._connection.ready:
                self._progress.tell("Connecting to the painting server", 0.0, None)
                return True
            if self._connection.error is not None:
                raise self._connection.error
            self._begin()
            return True
        work, before = self._work, self._work.picture
        if work.poll() and work.picture is not None and work.picture is not before:
            self._progress.show_picture(pixels.to_pixbuf(work.picture))
        self._progress.tell(work.text, work.fraction, work.seconds_left)
        return not work.done

    def _begin(self) -> None:
        path = session.style_path(self._config)
        if path is None:
            raise report.PluginError("No style is chosen.", "Choose a style in the gallery, or a file.")
        values: dict[str, Any] = arguments.settings_of(self._config)
        client = self._connection.client
        if client is None:
            raise report.PluginError("The painting server is not connected.", "Try again.")
        work = painting.Painting(
            client, self._image, self._sources, canvas.read_style(path), values,
            live=True, convert=self._config.get_property(arguments.CONVERT),
        )  # fmt: skip
        self._work = work
        work.start()
        self._window.set_response_sensitive(_STOP, True)
        self._stop_button.grab_focus()

    def _show_progress(self, on: bool) -> None:
        """Turn the dialog into the progress window, or back."""
        cancel = self._window.get_widget_for_response(Gtk.ResponseType.CANCEL)
        for child in self._window.get_content_area().get_children():
            if child is not self._message.widget and not cancel.is_ancestor(child):
                child.set_visible((child is self._progress) == on)  # the rest is GIMP's row of Load and Save buttons
        for button in cancel.get_parent().get_children():
            button.set_visible(button is cancel or (button is self._stop_button) == on)
        self._window.set_response_sensitive(_STOP, False)
        if on:
            self._window.set_focus(None)  # a Return too many must not cancel
        self._window.resize(1, 1)

    # Ending

    def _every(self, milliseconds: int, call: Any) -> int:
        timer = GLib.timeout_add(milliseconds, call)
        self._timers.append(timer)
        return timer

    def _end_timer(self, timer: int) -> None:
        if GLib.MainContext.default().find_source_by_id(timer) is not None:
            GLib.source_remove(timer)

    def close(self) -> None:
        """Close the window, take what is unfinished off the canvas, and leave the server."""
        for timer in self._timers:
            self._end_timer(timer)
        if self._work is not None:
            self._work.abandon()
        self._connection.close()
        self._window.destroy()


class _Message:
    """A line at the top that says what went wrong and what to do."""

    def __init__(self) -> None:
        self.widget = Gtk.InfoBar(message_type=Gtk.MessageType.WARNING, no_show_all=True)
        self._label = Gtk.Label(xalign=0.0)
        self._label.set_line_wrap(True)
        self._label.set_max_width_chars(90)
        self._label.set_selectable(True)
        self._label.show()
        self.widget.get_content_area().pack_start(self._label, True, True, 0)

    def tell(self, sentence: str, remedy: str) -> None:
        escaped = [GLib.markup_escape_text(text) for text in (sentence, remedy)]
        self._label.set_markup(f"<b>{escaped[0]}</b>\n{escaped[1]}".strip())
        self.widget.show()

    def hide(self) -> None:
        self.widget.hide()


def _heading(text: str) -> Gtk.Label:
    label = Gtk.Label(xalign=0.0, ellipsize=3)
    label.set_markup(f"<b>{GLib.markup_escape_text(text)}</b>")
    return label
