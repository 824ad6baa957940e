"""The preview before Apply: it starts by itself, follows the settings, and is handed over to be painted to the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gi.repository import Gimp

from canvas import glance
from canvas.seen import as_result
from canvas.sources import Source, area_now, image_closed, selected_sources, thumbnail_now
from common import installation, messages
from common.errors import PluginError
from common.translation import _
from dialog.preview.forecast import Asked
from dialog.preview.preview_pane import PreviewPane
from painting.connection import Connection
from painting.editing import Editing
from painting.painting import Painting
from styles import gallery_folders
from styles.pictures import WeightedStyles

#: Seconds without another change before a preview starts over, and between two updates of a running one.
_SETTLE, _UPDATE_EVERY = 0.35, 0.15
#: Seconds between two looks at what is selected, and the layers whose time is asked for.
_LOOK_EVERY, _MOST_ASKED = 0.5, 64
#: The same for what the layers show, at the least, and the share of the time that looking may take.
_GLANCE_EVERY, _GLANCE_SHARE = 1.0, 0.05
_STYLE_SIDE = 128


@dataclass(frozen=True)
class Wish:
    """What the user wants to see: the styles' keys (see :mod:`styles`) with their weights, and the settings."""

    styles: tuple[tuple[str, float], ...]
    settings: Mapping[str, Any]
    how: tuple[Any, ...] = ()  # what is done with a result that is opened (see :mod:`editing`)
    convert: bool = True  # whether for new layers a grey or indexed image becomes RGB


class Preview:
    """Keeps a job painted as far as the preview goes that is what the user wants now.

    What goes wrong is shown in the pane. Call :meth:`poll` often.
    """

    def __init__(self, image: Gimp.Image, sources: Sequence[Source], pane: PreviewPane, editing: Editing) -> None:
        self.sources = list(sources)
        self.connection = Connection()
        self._prepared = False
        self._image = image
        self._pane = pane
        self._editing = editing
        self._wish: Wish | None = None
        self._work: Painting | None = None
        self._begun_with: Wish | None = None
        self._start_at: float | None = None
        self._update_at: float | None = None
        self._failed = False
        self._pictures: WeightedStyles = []
        self._style_sizes: list[tuple[int, int]] = []
        self._sizes_of: object = None  # the styles that these are the sizes of
        self._areas: list[tuple[int, int]] = []
        self._look_at = 0.0
        #: What the present preview was begun with, what was seen last, and when that is looked at again.
        self._looked_at: Sequence[Gimp.Drawable] = ()
        self._begun_from: object = None
        self._seen_last: object = None
        self._glance_at = 0.0
        self._shown: tuple[object, bool] = (None, True)  # the picture, and whether as one in RGB
        self._show_before()

    def _show_before(self) -> None:
        source = self.sources[0]
        if source.layer.is_valid():  # else painting it will say so
            self._pane.set_before(partial(thumbnail_now, source), source.area[2:])

    # What the user wants

    def want(self, wish: Wish) -> None:
        """Show what this would look like; of several pictures, what the settings that one sees make."""
        if wish == self._wish:
            return
        self._wish, now = wish, time.monotonic()
        if not wish.styles:
            self.drop()
            self._pane.show_picture(None)
            self._start_at, self._failed = None, False
            return
        begun = self._begun_with
        same = self._work is not None and begun is not None and _like(begun, wish) and self._start_at is None
        if same and self._work is not None and self._work.can_update(wish.settings):
            self._update_at = self._update_at or now + _UPDATE_EVERY
            return
        self._failed = False
        self._start_at = now + _SETTLE

    def show_anew(self) -> None:
        """Show the picture again: the image has another mode."""
        self._shown = (None, True)

    def retry(self) -> None:
        """Try again after something went wrong."""
        if self.connection.error is not None:
            installation.read.cache_clear()  # it may be what the user has mended
            self.connection = Connection()
            self._prepared = False
        self._failed = False
        self._start_at = time.monotonic()

    def reconnect(self) -> None:
        """Make a new connection, after the present one may have failed."""
        self.drop()
        self.connection.close()
        self.connection = Connection()
        self._prepared = False

    # Time

    def poll(self) -> None:
        """Do what is due."""
        try:
            self._advance()
        except Exception as error:  # whatever it is: GLib would only print it, and the dialog stand still
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Show what went wrong, and wait for the user."""
        self.drop()
        self._failed, self._start_at = True, None
        self._pane.trouble(*messages.parts(error), retry=messages.can_help_again(error))

    def _advance(self) -> None:
        now = time.monotonic()
        connection = self.connection
        if connection.client is not None and not self._prepared:
            self._prepared = True
            connection.client.prepare()
        if now >= self._glance_at:
            self._follow_image()
        if self._failed:
            return
        if connection.error is not None:
            raise connection.error
        if self._wish is None or not self._wish.styles:
            self._pane.tell(_("Choose a style to see a preview"), None)
            return
        if connection.client is None:
            self._pane.tell(_("Starting the painting server"), 0.0)
            return
        if self._start_at is not None and now >= self._start_at:
            if connection.client.lost:  # it was when it was used last, or has been since
                self.reconnect()
                return
            self._start_at = None
            self._begin(self._wish)
        if self._work is None:
            self._pane.tell(_("Preparing the preview"), 0.0)
            return
        if self._update_at is not None and now >= self._update_at:
            self._update_at = None
            if not self._work.update(self._wish.settings):
                self._start_at = now
        self._work.poll()
        self._show(self._work)

    def _begin(self, wish: Wish) -> None:
        self.drop()
        work = self._make(wish, several=False)
        self._work, self._begun_with = work, wish
        self._looked_at = work.destination.looked_at()
        self._begun_from = self._seen_last = self._glance()
        work.preview()
        self._show_before()

    def _follow_image(self) -> None:
        """Begin anew when the user has painted on, or selected, something else, and has come to rest."""
        began = time.monotonic()
        before, self._seen_last = self._seen_last, self._glance()
        now = time.monotonic()
        self._glance_at = now + max(_GLANCE_EVERY, (now - began) / _GLANCE_SHARE)
        if self._seen_last is not None and self._seen_last == before != self._begun_from and self._start_at is None:
            self._failed, self._start_at = False, now  # what was wrong may be just that: a mask without any white, say

    def _glance(self) -> object:
        """Return a value that changes with what is to be painted, and with styles that are open; None while it has none."""
        wish = self._wish
        if not self._looked_at or wish is None or not wish.styles or not self._image.is_valid():
            return None
        try:
            first = self.current_sources()[0]
        except PluginError:  # of a floating selection, say; it is told when it is painted
            return None
        in_gimp = [key for key, _weight in wish.styles if not gallery_folders.is_file(key)]
        styles = [gallery_folders.small_picture(key, _STYLE_SIDE) for key in in_gimp]
        return (
            (first.layer.get_id(), first.area, first.selection),
            [glance.at(each) for each in self._looked_at],
            [None if style is None else bytes(style.get_pixels()) for style in styles],
        )

    def _make(self, wish: Wish, *, several: bool) -> Painting:
        """Return the painting of a wish, not begun; of one picture, or of ``several`` where they are asked for.

        Raises:
            PluginError: a style cannot be read, or the painting server is not there.
        """
        client = self.connection.client
        if client is None:
            raise PluginError(_("The painting server is not connected."), _("Try again."))
        if not self._image.is_valid():
            raise image_closed()
        self.sources = self.current_sources()
        pictures = self._pictures = [(gallery_folders.read(key), weight) for key, weight in wish.styles if weight > 0]
        self._style_sizes = [(style.picture.width, style.picture.height) for style, _weight in pictures]
        self._sizes_of = wish.styles
        destination = self._editing.destination(self.sources, dict(wish.styles), pictures, wish.settings, several=several)
        return Painting(client, destination, live=True)

    def asked(self) -> Asked | None:
        """Return what the time of painting hangs on; None while that is not known, or for results painted in place."""
        wish = self._wish
        if wish is None or self._failed or self._sizes_of != wish.styles or not self._style_sizes or self._editing.updates:
            return None
        if time.monotonic() > self._look_at:  # what is selected may change at any time
            self._look_at = time.monotonic() + _LOOK_EVERY
            self._areas = self._areas_now(wish)
        if not self._areas:
            return None
        times = self._editing.times()
        return Asked(self._areas, self._style_sizes, wish.settings, times)

    def _areas_now(self, wish: Wish) -> list[tuple[int, int]]:
        """Return the width and height of what would be painted of each layer."""
        if not self._image.is_valid():
            return []
        whole = gallery_folders.uses_selection_of([key for key, _weight in wish.styles], self._image)
        left = [source.layer for source in self.sources if source.layer.is_valid()]
        areas = [area_now(self._image, layer, whole=whole) for layer in left]
        return [area[2:] for area in areas if area is not None][:_MOST_ASKED]

    def current_sources(self) -> list[Source]:
        """Return the sources as they are now: the user may have selected something else meanwhile.

        Raises:
            PluginError: nothing is left of them.
        """
        left = [source.layer for source in self.sources if source.layer.is_valid()]
        if not left:
            raise PluginError(_("The layer was removed."), _("Undo that, or run the filter on another layer."))
        keys = [key for key, _weight in self._wish.styles] if self._wish is not None else []
        return selected_sources(self._image, left, whole=gallery_folders.uses_selection_of(keys, self._image))

    def _show(self, work: Painting) -> None:
        if self._wish is not None:
            work.destination.convert = self._wish.convert
        (picture, converted), convert = self._shown, work.destination.convert
        if work.picture is not None and (work.picture is not picture or convert != converted):
            self._shown = work.picture, convert
            self._pane.show_picture(as_result(self._image, work.source, work.picture, convert=convert))
        self._pane.tell(work.text, None if work.previewed else work.fraction, note=work.note)

    # Handing over

    def take(self) -> Painting:
        """Return a painting of what the user wants, the previewed one if it is that, begun either way.

        Raises:
            PluginError, server.client.client.ServerError, server.protocol.ProtocolError: it cannot be begun.
        """
        wish, work, begun = self._wish, self._work, self._begun_with
        if wish is None or not wish.styles:
            raise PluginError(_("No style is chosen."), _("Choose a style in the gallery, or a file."))
        fits = (
            work is not None
            and begun is not None
            and _like(begun, wish)
            and not self._failed
            and self._start_at is None
            and self._image.is_valid()
            and self._glance() == self._begun_from
        )
        if fits and work is not None:
            sources = self.current_sources()
            if work.still_fits(sources) and work.update(wish.settings) and self._first_of_several(work, wish):
                self._work = None
                work.destination.set_sources(sources)
                return _begun(work, work.apply)
        self.drop()
        work = self._make(wish, several=True)
        return _begun(work, work.start)

    def _first_of_several(self, work: Painting, wish: Wish) -> bool:
        """Let what is previewed be the first of several pictures, where they are asked for; return whether it can be."""
        if not self._editing.several:
            return True
        styles, settings = dict(wish.styles), wish.settings
        return work.go_on_to(self._editing.destination(self.sources, styles, self._pictures, settings, several=True))

    def drop(self) -> None:
        """End the preview's job."""
        if self._work is not None:
            self._work.abandon()
        self._work = self._begun_with = None
        self._update_at = None

    def close(self) -> None:
        """End the preview and leave the server."""
        self.drop()
        self.connection.close()


def _like(one: Wish, other: Wish) -> bool:
    """Return whether two wishes differ in the settings at most."""
    return (one.styles, one.how) == (other.styles, other.how)


def _begun(work: Painting, begin: Callable[[], None]) -> Painting:
    """Begin, and leave nothing on the canvas if that fails."""
    try:
        begin()
    except BaseException:  # it goes on its way; the canvas must be as it was even when the plug-in is interrupted
        work.abandon()
        raise
    return work
