"""One run of the filter: every source is sent to the server in turn, and what comes back is collected."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gi.repository import Gimp

import canvas
import installation
from report import PluginError
from server import client as wire
from server.protocol import Picture
from stylecore import settings as style_settings

#: Seconds between two looks at whether the user closed the image.
_CHECK_IMAGE_EVERY = 0.5


class Painting:
    """Styles the sources one after the other.

    Call :meth:`poll` until ``done``; then :meth:`keep` puts the results into the image. :meth:`abandon` at any time
    leaves no trace. ``live`` shows every source's painting on the canvas meanwhile.
    """

    def __init__(
        self,
        client: wire.Client,
        image: Gimp.Image,
        sources: Sequence[canvas.Source],
        style: canvas.Style,
        settings: Mapping[str, Any],
        *,
        live: bool,
        convert: bool,
    ) -> None:
        self.text = "Sending the picture"
        self.fraction = 0.0
        self.seconds_left: float | None = None
        self.picture: Picture | None = None  # the newest preview
        self.done = False
        self.results: list[canvas.Result] = []
        self._client = client
        self._image = image
        self._sources = list(sources)
        self._style = style
        self._settings = dict(settings)
        self._live = live
        self._convert = convert
        self._job: str | None = None
        self._current = -1
        self._final: Picture | None = None
        self._stopping = False
        self._layers: list[canvas.LiveLayer] = []
        self._last_check = 0.0

    def start(self) -> None:
        """Send the next source.

        Raises:
            PluginError, server.client.ServerError, server.errors.ProtocolError: it cannot be sent.
        """
        self._current += 1
        self._final = None
        content = canvas.read(self._source)
        styles = [(self._style.picture, 1.0)]
        self._job = self._client.submit(content, styles, self._settings, previews=self._live)
        if self._live:
            self._layers.append(canvas.LiveLayer(self._image, self._source, f"{self._name} (painting)"))

    @property
    def _source(self) -> canvas.Source:
        return self._sources[self._current]

    @property
    def _name(self) -> str:
        return f"{self._source.name} – {self._style.name}"

    def poll(self, timeout: float = 0.0) -> bool:
        """Take in what the server said, waiting at most ``timeout`` seconds; return whether anything came.

        Raises:
            PluginError: the job failed, the server is gone, or the image was closed.
        """
        if time.monotonic() - self._last_check > _CHECK_IMAGE_EVERY:
            self._last_check = time.monotonic()
            if not self._image.is_valid():
                raise PluginError("The image was closed while it was painted.", "Open it and run the filter again.")
        changed = False
        while not self.done and (event := self._client.next_event(timeout)) is not None:
            timeout = 0.0
            if event.job in (self._job, ""):
                self._take(event)
                changed = True
        return changed

    def _take(self, event: wire.Event) -> None:
        if isinstance(event, wire.Queued):
            self.text = f"Waiting: {event.position} before this one" if event.position else "Waiting for the server"
        elif isinstance(event, wire.Starting):
            self.text = event.text
        elif isinstance(event, wire.Progress):
            self._progress(event)
        elif isinstance(event, wire.PictureArrived) and event.kind == "final":
            self._final = event.picture
        elif isinstance(event, wire.PictureArrived):
            self.picture = event.picture
            if self._layers:
                self._layers[-1].show(event.picture)
        elif isinstance(event, wire.Finished):
            self._finished(event)
        elif isinstance(event, wire.Cancelled):
            self._cancelled()
        elif isinstance(event, wire.Failed | wire.Disconnected):
            self._job = None
            raise PluginError(event.sentence, event.remedy)

    def _progress(self, event: wire.Progress) -> None:
        several = f"Layer {self._current + 1} of {len(self._sources)} · " if len(self._sources) > 1 else ""
        self.text = f"{several}Scale {event.scale} of {event.scales} · step {event.step} of {event.steps}"
        self.fraction = (self._current + event.fraction) / len(self._sources)
        # The layers still to come are taken to be like this one.
        waiting = len(self._sources) - self._current - 1
        whole = event.seconds_left / max(1.0 - event.fraction, 0.05)
        self.seconds_left = event.seconds_left + waiting * whole

    def _finished(self, event: wire.Finished) -> None:
        self._job = None
        if self._final is None:
            raise PluginError("The painting server sent no picture.", "Run the filter again.")
        self.picture = self._final
        if self._layers:
            self._layers[-1].show(self._final)
        memory = {
            "version": 1,
            "program": installation.read().version,
            "settings": style_settings.stored(style_settings.migrate(event.settings)),
            "style": {"name": self._style.name, "sha256": self._style.sha256},
            "source": {
                "name": self._source.name,
                "tattoo": self._source.layer.get_tattoo() if self._source.layer.is_valid() else 0,
                "area": self._source.area,
            },
            "stopped": event.stopped,
        }
        self.results.append(canvas.Result(self._source, self._final, self._name, memory))
        self._next()

    def _cancelled(self) -> None:
        self._job = None
        if not self._stopping:
            raise PluginError("The painting server cancelled the job.", "Run the filter again.")
        self._next()  # stopped before there was anything to keep

    def _next(self) -> None:
        self.done = self._stopping or self._current + 1 == len(self._sources)
        if not self.done:
            self.start()

    def stop(self) -> None:
        """Finish now; what is painted so far is kept."""
        self._stopping = True
        self.text = "Finishing with what is there"
        self.seconds_left = None
        if self._job is not None:
            self._client.stop(self._job)

    def keep(self) -> list[Gimp.Layer]:
        """Put the results into the image as one undo step, and return the new layers, topmost first."""
        self._remove_live_layers()
        if not self.results:
            return []
        return canvas.insert_results(self._image, self.results, convert=self._convert)

    def abandon(self) -> None:
        """End the job and take everything off the canvas."""
        if self._job is not None:
            self._client.cancel(self._job)
            self._job = None
        self.done = True
        self._remove_live_layers()

    def _remove_live_layers(self) -> None:
        while self._layers:
            self._layers.pop().remove()


def run_blocking(painting: Painting, progress: Callable[[str, float], None]) -> None:
    """Run the painting to its end, telling ``progress`` (text, fraction) of every change.

    Raises:
        PluginError: as :meth:`Painting.poll`.
    """
    painting.start()
    while not painting.done:
        if painting.poll(0.2):
            progress(painting.text, painting.fraction)
