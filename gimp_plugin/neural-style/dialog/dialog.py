"""The filter's dialog: choose styles and settings beside a preview, then watch it being painted in the same window."""

from __future__ import annotations

from collections.abc import Sequence

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, GLib, Gtk, Pango

from canvas import pixels
from canvas.sources import Source
from common import arguments, messages
from common.errors import PluginError
from common.translation import _, counted
from dialog.gallery.style_chooser import StyleChooser
from dialog.parts.help import help_button, open_tutorial
from dialog.parts.room import room_on_screen, text_width
from dialog.parts.widgets import let_wheel_scroll, put
from dialog.preview.forecast import Forecast
from dialog.preview.preview import Preview, Wish
from dialog.preview.preview_pane import PreviewPane
from dialog.preview.server_words import server_words
from dialog.settings.column import SettingsColumn
from dialog.settings.looks_menu import LooksButton
from dialog.watching import Watch, stop_button
from painting.editing import Editing
from painting.painting import Painting
from styles import looks, remembered
from styles.looks import Look

_POLL_MILLISECONDS = 40
_HEIGHT = 660  # where the screen has it: then little has to be scrolled
#: While it is painted, also on a screen on which the preview was made small: letters across, and pixels.
_LETTERS, _PAINTING_HEIGHT = 56, 460


class Dialog:
    """The dialog from its opening to its end; :meth:`run` once, then :meth:`close`."""

    def __init__(
        self,
        procedure: Gimp.Procedure,
        config: Gimp.ProcedureConfig,
        image: Gimp.Image,
        sources: Sequence[Source],
        editing: Editing,
    ) -> None:
        self._config = config
        self._editing = editing
        self._image = image
        self._timer = 0
        self._watch: Watch | None = None
        self._failure: Exception | None = None

        GimpUi.init("neural-style")
        self._window = GimpUi.ProcedureDialog.new(procedure, config, _("Neural Style"))
        self._window.set_ok_label(_("_Apply Style"))
        self._stop_button = stop_button(self._window)
        self._stop_button.hide()
        gimps_help = self._window.get_widget_for_response(Gtk.ResponseType.HELP)
        if gimps_help is not None:  # it would look for a page in GIMP's own manual
            gimps_help.destroy()
        buttons = self._window.get_widget_for_response(Gtk.ResponseType.OK).get_parent()
        self._help = help_button(self._window)
        buttons.pack_start(self._help, False, False, 0)
        buttons.set_child_secondary(self._help, True)
        self._help.show()

        keys = Gtk.AccelGroup()
        self._window.add_accel_group(keys)
        self._window.connect("key-press-event", self._on_key)
        self._chooser = StyleChooser(config, image, self._changed, self._apply, self._window)
        self._what = _heading("")
        put(self._what, wrap=True, wrap_mode=Pango.WrapMode.WORD_CHAR, lines=2, max_width_chars=1)
        self._pane = PreviewPane(self._what, self._retry, keys)
        heading = Gtk.Box(spacing=6)
        heading.pack_start(_heading(_("Settings")), True, True, 0)
        button = LooksButton(config, image, self._window, self._chooser.weights)
        button.set_valign(Gtk.Align.CENTER)
        heading.pack_end(button, False, False, 0)
        self._settings = SettingsColumn(config, self._window, image, editing, heading, self._allow, self._preview_anew)
        self._forecast = self._build_forecast()
        self._lay_out()
        let_wheel_scroll(self._columns)

        self._preview = Preview(image, sources, self._pane, editing)
        self._told_of: object = None
        self._show_what()
        config.connect("notify", lambda *_: self._changed())
        self._changed()
        self._timer = GLib.timeout_add(_POLL_MILLISECONDS, self._tick)

    # Choosing

    def _lay_out(self) -> None:
        """Put the three parts beside each other, as large as the screen lets them be."""
        self._columns = Gtk.Box(spacing=18, margin=12)
        for part in (self._chooser, self._pane, self._settings):
            self._columns.pack_start(part, part is not self._settings, True, 0)
        area = self._window.get_content_area()
        area.pack_start(self._columns, True, True, 0)
        area.reorder_child(self._columns, 0)
        buttons = self._window.get_widget_for_response(Gtk.ResponseType.OK)
        #: GIMP's row of Load and Save buttons.
        self._saving = [each for each in area.get_children() if each is not self._columns and not buttons.is_ancestor(each)]
        self._columns.show_all()
        self._settings.make_room()
        width, height = room_on_screen()
        default, self._narrow = -1, False
        if not self._fits(width, height):
            self._chooser.make_small()
            self._pane.make_small()
            self._columns.set_child_packing(self._chooser, False, True, 0, Gtk.PackType.START)
            default = width  # for the preview
        if not self._fits(width, height):
            for row in self._saving:  # which takes a third of the preview's height, and Looks save as well
                row.hide()
            self._saving = []
            self._settings.make_narrow(self._chooser.make_narrow())
            self._columns.set_spacing(12)
            self._narrow = True
        self._tops = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.VERTICAL)  # what is below the headings begins at one height
        for top in (self._chooser.top, self._pane.top, self._settings.top):
            self._tops.add_widget(top)
        self._window.set_default_size(default, min(height, _HEIGHT))

    def _fits(self, width: int, height: int) -> bool:
        """Return whether the window, made as small as it can be, has no more than these pixels."""
        least, _natural = self._window.get_preferred_size()
        return least.width <= width and least.height <= height

    def _build_forecast(self) -> Forecast:
        """Put the line about the time beside the buttons, where there is room."""
        forecast = Forecast()
        buttons = self._window.get_widget_for_response(Gtk.ResponseType.OK).get_parent()
        row = buttons.get_parent()
        row.pack_start(forecast, False, False, 0)
        row.reorder_child(forecast, 0)
        forecast.show()
        return forecast

    def _changed(self) -> None:
        """Bring the preview and the buttons in line with what is chosen."""
        self._allow()
        weights = self._chooser.weights()
        convert = self._config.get_property(arguments.CONVERT) and not self._editing.updates
        wish = Wish(tuple(weights.items()), arguments.settings_of(self._config), self._editing.how, convert)
        self._preview.want(wish)

    def _allow(self) -> bool:
        """Let *Apply Style* be pressed, or say why it cannot be; return whether it can."""
        missing = self._settings.mistake or ("" if self._chooser.weights() else _("Choose a style first"))
        button = self._window.get_widget_for_response(Gtk.ResponseType.OK)
        put(button, sensitive=not missing, tooltip_text=missing)
        return not missing

    def _apply(self) -> None:
        if self._allow():
            self._window.response(Gtk.ResponseType.OK)

    def _on_key(self, _window: Gtk.Window, event: Gdk.EventKey) -> bool:
        if event.keyval == Gdk.KEY_F1:
            open_tutorial(self._window)
            return Gdk.EVENT_STOP
        if event.keyval != Gdk.KEY_F5 or not self._pane.in_trouble:
            return Gdk.EVENT_PROPAGATE
        self._retry()
        return Gdk.EVENT_STOP

    def _retry(self) -> None:
        self._preview.retry()

    def _preview_anew(self) -> None:
        """Begin anew with the server that there is now: what was wrong with it has been mended."""
        self._preview.reconnect()
        self._preview.retry()

    def _tick(self) -> bool:
        """Look after the preview, as long as nothing is painted to the end."""
        if not self._painting:
            if self._settings.follow_image():
                self._preview.show_anew()
            self._preview.poll()
            self._show_what()
            self._show_server()
            self._forecast.want(self._preview.asked())
            self._forecast.poll(self._preview.connection.client)
        return GLib.SOURCE_CONTINUE

    def _show_what(self) -> None:
        """Say what is painted where that is something else now: the user has selected another part."""
        sources = self._preview.sources
        if sources is not self._told_of:
            self._told_of = sources
            words = _what(self._image, sources)
            short = sources[0].name if self._narrow and len(sources) == 1 else words
            put(self._what, label=f"<b>{pixels.escaped(short)}</b>", tooltip_text=words)

    def _show_server(self) -> None:
        connection = self._preview.connection
        if connection.client is not None:
            text, whole = server_words(connection.client.welcome)
            unready = self._pane.in_trouble and not connection.client.welcome.get("device")  # then the words say why
            self._settings.tell_device("" if unready else text, whole)
        elif connection.error is not None:
            self._settings.tell_device(_("Painting server: not available"), "")

    # Painting

    _painting = False

    def run(self) -> list[Gimp.Layer] | None:
        """Show the dialog until it is over; return the new layers, or None when the user cancelled."""
        self._chooser.focus()
        while self._window.run():
            self._failure = None
            self._show_progress(True)
            over = self._paint()
            work, self._watch = self._watch.work if self._watch is not None else None, None
            if work is not None and (not over or not work.destination.results):
                work.abandon()
            if not over:
                return None
            layers = self._keep(work)
            if self._failure is None and layers:
                remembered.remember(list(self._chooser.weights()))
                looks.remember(Look.of(arguments.settings_of(self._config), self._chooser.weights()), self._pane.painted)
                arguments.reset(self._config, arguments.OF_VARIATIONS)  # GIMP now keeps what stands there
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

    def _keep(self, work: Painting | None) -> list[Gimp.Layer]:
        if work is None or not work.destination.results:
            return []
        work.destination.convert = self._config.get_property(arguments.CONVERT)
        try:
            return work.keep()
        except Exception as error:  # whatever it is: the user is told, in the dialog if there is something to try again
            self._failure = error
            return []

    def _paint(self) -> bool:
        """Start and watch the painting; return False if the user cancelled it."""
        connection = self._preview.connection
        if connection.client is not None and connection.client.lost:  # while the preview stood there
            self._preview.reconnect()
        elif connection.error is not None:  # the user may have mended it
            self._preview.retry()
        ready = self._preview.connection.ready
        watch = self._watch = Watch(self._window, self._pane, self._stop_button, self._image, self._begin)
        over = watch.run(_("Sending the picture") if ready else _("Starting the painting server"))
        self._failure = watch.failure
        return over

    def _begin(self) -> Painting | None:
        connection = self._preview.connection
        if not connection.ready:
            return None
        if connection.error is not None:
            raise connection.error
        return self._preview.take()

    def _show_progress(self, on: bool) -> None:
        """Turn the dialog into the progress window, or back."""
        if on:
            self._size = self._window.get_size()
        self._painting = on
        cancel = self._window.get_widget_for_response(Gtk.ResponseType.CANCEL)
        for child in self._saving:
            put(child, visible=not on)
        put(self._chooser, visible=not on)
        put(self._settings, visible=not on)
        put(self._forecast, visible=not on)
        for button in cancel.get_parent().get_children():
            put(button, visible=button is cancel or (button is self._stop_button) == on)
        if not on:
            self._window.set_default_response(Gtk.ResponseType.OK)
        self._window.resize(*((text_width(self._window, _LETTERS), _PAINTING_HEIGHT) if on else self._size))

    # Ending

    def close(self) -> None:
        """Close the window, take what is unfinished off the canvas, and leave the server."""
        GLib.source_remove(self._timer)
        if self._watch is not None and self._watch.work is not None:
            self._watch.work.abandon()
        self._preview.close()
        self._window.destroy()


def _what(image: Gimp.Image, sources: Sequence[Source]) -> str:
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
    return Gtk.Label(xalign=0.0, ellipsize=3, use_markup=True, label=f"<b>{pixels.escaped(text)}</b>")
