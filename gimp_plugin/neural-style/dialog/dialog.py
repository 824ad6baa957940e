"""The filter's dialog: choose styles and settings beside a preview, then watch it being painted in the same window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, GLib, GObject, Gtk

from canvas import layers as canvas
from canvas import pixels
from common import arguments, messages
from common.errors import PluginError
from common.translation import _, counted
from dialog import waiting
from dialog.device_words import device_words
from dialog.preview import Preview, Wish
from dialog.preview_pane import PreviewPane
from dialog.result_options import EditingView
from dialog.style_chooser import StyleChooser
from painting import painting
from painting.editing import Editing
from stylecore.setting_kinds import Setting
from stylecore.settings import SETTINGS
from styles import gallery_folders

_STOP = 101
_OVER = 4711
_POLL_MILLISECONDS = 40
_SETTINGS_WIDTH = 408  # wide enough for Advanced: opening it moves nothing
_CANCELLED = (Gtk.ResponseType.CANCEL, Gtk.ResponseType.DELETE_EVENT, Gtk.ResponseType.CLOSE)


class Dialog:
    """The dialog from its opening to its end; :meth:`run` once, then :meth:`close`."""

    def __init__(
        self,
        procedure: Gimp.Procedure,
        config: Gimp.ProcedureConfig,
        image: Gimp.Image,
        sources: Sequence[canvas.Source],
        editing: Editing,
    ) -> None:
        self._config = config
        self._editing = editing
        self._image = image
        self._timers: list[int] = []
        self._work: painting.Painting | None = None
        self._failure: Exception | None = None

        GimpUi.init("neural-style")
        self._window = GimpUi.ProcedureDialog.new(procedure, config, _("Neural Style"))
        self._window.set_ok_label(_("_Apply Style"))
        self._stop_button = self._window.add_button(_("S_top and Keep"), _STOP)
        self._stop_button.set_tooltip_text(_("Finish now and keep what is painted so far"))
        self._stop_button.hide()
        help_button = self._window.get_widget_for_response(Gtk.ResponseType.HELP)
        if help_button is not None:  # it would look for a page in GIMP's own manual
            help_button.destroy()

        keys = Gtk.AccelGroup()
        self._window.add_accel_group(keys)
        self._window.connect("key-press-event", self._on_key)
        self._chooser = StyleChooser(config, self._changed, self._apply, self._window)
        self._pane = PreviewPane(_heading(_what(image, sources)), self._retry, keys)
        self._settings = self._build_settings()
        self._columns = Gtk.Box(spacing=18, margin=12)
        self._columns.pack_start(self._chooser, False, True, 0)
        self._columns.pack_start(self._pane, True, True, 0)
        self._columns.pack_start(self._settings, False, True, 0)
        area = self._window.get_content_area()
        area.pack_start(self._columns, True, True, 0)
        area.reorder_child(self._columns, 0)
        self._columns.show_all()

        self._preview = Preview(image, sources, self._pane, editing)
        config.connect("notify", lambda _config, which: self._changed(typing=which.name == arguments.EXPLORE))
        self._changed()
        self._every(_POLL_MILLISECONDS, self._tick)

    # Choosing

    def _build_settings(self) -> Gtk.Widget:
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        heading = _heading(_("Settings"))
        column.pack_start(heading, False, False, 0)
        self._tops = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.VERTICAL)  # what is below the headings begins at one height
        for top in (self._chooser.top, self._pane.top, heading):
            self._tops.add_widget(top)
        if self._editing.known:
            column.pack_start(EditingView(self._editing, self._window), False, False, 0)
        column.pack_start(self._box("main"), False, False, 0)
        if not canvas.is_colour(self._image):
            column.pack_start(self._consent(), False, False, 0)
        advanced = Gtk.Expander(label=_("Ad_vanced"), use_underline=True, margin_top=6)
        scrolled = Gtk.ScrolledWindow()  # sideways too: with a large font it would push the buttons off a small screen
        scrolled.set_min_content_height(200)
        scrolled.add(self._box("advanced"))
        advanced.add(scrolled)
        column.pack_start(advanced, True, True, 0)
        self._status = Gtk.Label(xalign=0.0, ellipsize=3, wrap=True, lines=2, label=_("Looking for the painting server…"))
        self._status.get_style_context().add_class("dim-label")
        column.pack_end(self._status, False, False, 0)
        column.set_size_request(_SETTINGS_WIDTH, -1)
        return column

    def _box(self, group: str) -> Gtk.Box:
        names = []
        for setting in SETTINGS:
            if setting.group == group:
                name = arguments.property_name(setting)
                self._choose_widget(setting, name)
                names.append(name)
        if group == "advanced":
            self._window.get_widget(arguments.VARY, Gtk.ComboBox.__gtype__)
            names += [arguments.VARIANTS, arguments.VARY, arguments.EXPLORE]
        return self._window.fill_box(f"{group}-box", names)

    def _choose_widget(self, setting: Setting, name: str) -> None:
        if setting.kind == "choice":  # GIMP 3.2 would take radio buttons for some, GIMP 3.0 a combo box for all
            self._window.get_widget(name, Gtk.ComboBox.__gtype__)
        elif setting.kind in ("int", "float") and setting.maximum <= 10_000:
            scale = self._window.get_spin_scale(name, 1.0)
            # It paints its label itself, which screen readers therefore do not know.
            scale.get_accessible().set_name(scale.get_label().replace("_", ""))

    def _consent(self) -> Gtk.Widget:
        if self._image.get_base_type() == Gimp.ImageBaseType.INDEXED:
            text = _("This image is indexed: the result is stored in its palette, unless you convert it.")
        else:
            text = _("This image is grey: the result is stored in its greys, unless you convert it.")
        label = Gtk.Label(label=text, wrap=True, max_width_chars=36, xalign=0.0)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, margin_top=6)
        box.pack_start(label, False, False, 0)
        box.pack_start(self._window.get_widget(arguments.CONVERT, GObject.TYPE_NONE), False, False, 0)
        return box

    def _changed(self, *, typing: bool = False) -> None:
        """Bring the preview and the buttons in line with what is chosen."""
        weights = self._chooser.weights()
        self._window.set_response_sensitive(Gtk.ResponseType.OK, bool(weights))
        button = self._window.get_widget_for_response(Gtk.ResponseType.OK)
        button.set_tooltip_text("" if weights else _("Choose a style first"))
        wish = Wish(tuple(weights.items()), arguments.settings_of(self._config), self._editing.how)
        self._preview.want(wish, typing=typing)

    def _apply(self) -> None:
        if self._chooser.weights():
            self._window.response(Gtk.ResponseType.OK)

    def _on_key(self, _window: Gtk.Window, event: Gdk.EventKey) -> bool:
        if event.keyval != Gdk.KEY_F5 or not self._pane.in_trouble:
            return Gdk.EVENT_PROPAGATE
        self._retry()
        return Gdk.EVENT_STOP

    def _retry(self) -> None:
        self._preview.retry()

    def _tick(self) -> bool:
        """Look after the preview, as long as nothing is painted to the end."""
        if not self._painting:
            self._preview.poll()
            self._show_server()
        return GLib.SOURCE_CONTINUE

    def _show_server(self) -> None:
        connection = self._preview.connection
        if connection.client is not None:
            text, whole = device_words(connection.client.welcome)
            if whole != self._status.get_tooltip_text():  # one that is set anew never appears
                self._status.set_text(text)
                self._status.set_tooltip_text(whole)
        elif connection.error is not None:
            self._status.set_text(_("Painting server: not available"))

    # Painting

    _painting = False

    def run(self) -> list[Gimp.Layer] | None:
        """Show the dialog until it is over; return the new layers, or None when the user cancelled."""
        self._chooser.focus()
        while self._window.run():
            self._failure = None
            self._show_progress(True)
            response = self._paint()
            work, self._work = self._work, None
            if work is not None and (response in _CANCELLED or not work.results):
                work.abandon()
            if response in _CANCELLED:
                return None
            layers = self._keep(work)
            if self._failure is None and layers:
                gallery_folders.remember(list(self._chooser.weights()))
                return layers
            if self._failure is not None and (layers or not self._image.is_valid()):
                # Some layers were finished before one failed, and are in the image; or there is nothing to try again with.
                raise _with_kept(self._failure) if layers else self._failure
            self._show_progress(False)
            if self._failure is not None:
                if work is not None:  # the connection may be what failed
                    self._preview.reconnect()
                self._preview.fail(self._failure)
            else:
                self._preview.fail(
                    PluginError(_("Nothing was painted yet."), _("Let it paint a little before you stop it."))
                )
        return None

    def _keep(self, work: painting.Painting | None) -> list[Gimp.Layer]:
        if work is None or not work.results:
            return []
        work.convert = self._config.get_property(arguments.CONVERT)
        try:
            return work.keep()
        except Exception as error:  # whatever it is: the user is told, in the dialog if there is something to try again
            self._failure = error
            return []

    def _paint(self) -> int:
        """Start and watch the painting; return how it ended: _OVER, or the response that cancels."""
        if self._preview.connection.error is not None:  # the user may have mended it
            self._preview.retry()
        timer = self._every(_POLL_MILLISECONDS, self._step)
        try:
            while True:
                response = waiting.for_response(self._window)
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
        except Exception as error:  # whatever it is: GLib would only print it, and the dialog wait for ever
            self._failure, more = error, False
        if not more:
            self._window.response(_OVER)
        return more

    def _advance(self) -> bool:
        """Do what is due and return whether there is more to come."""
        if self._work is None:
            connection = self._preview.connection
            if not connection.ready:
                self._pane.tell(_("Starting the painting server"), 0.0)
                return True
            if connection.error is not None:
                raise connection.error
            self._work = self._preview.take()
            self._window.set_response_sensitive(_STOP, True)
            self._stop_button.grab_focus()
            return not self._work.done
        work, before = self._work, self._work.picture
        if work.poll() and work.picture is not None and work.picture is not before:
            self._pane.show_picture(canvas.shown(self._image, work.picture))
        self._pane.tell(work.text, work.fraction, work.seconds_left, work.note)
        return not work.done

    def _show_progress(self, on: bool) -> None:
        """Turn the dialog into the progress window, or back."""
        self._painting = on
        cancel = self._window.get_widget_for_response(Gtk.ResponseType.CANCEL)
        for child in self._window.get_content_area().get_children():
            if child is not self._columns and not cancel.is_ancestor(child):
                child.set_visible(not on)  # GIMP's row of Load and Save buttons
        self._chooser.set_visible(not on)
        self._settings.set_visible(not on)
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
        self._preview.close()
        self._window.destroy()


def _what(image: Gimp.Image, sources: Sequence[canvas.Source]) -> str:
    """Return in words what is going to be painted."""
    if len(sources) > 1:
        return counted("{number} layer", "{number} layers", len(sources))
    text = _("Layer “{name}”") if sources[0].selection is None else _("Selection of “{name}”")
    return text.format(name=sources[0].name)


def _with_kept(failure: Exception) -> PluginError:
    """Return a failure that also says what became of the layers that were finished before it."""
    sentence, remedy = messages.parts(failure)
    kept = _("What was finished before is in the image.")
    return PluginError(sentence, f"{remedy} {kept}".strip())


def _heading(text: str) -> Gtk.Label:
    label = Gtk.Label(xalign=0.0, ellipsize=3)
    label.set_markup(f"<b>{pixels.escaped(text)}</b>")
    return label
