"""One run of the filter: every source is sent to the server in turn, and what comes back is collected."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gi.repository import Gimp

from canvas import layers, pixels, placing, provenance
from canvas.provenance import KnownSource, KnownStyle, Memory
from canvas.sources import Source, as_now, image_closed, own_space, read_pixels
from common import installation
from common.errors import PluginError
from common.messages import in_own_words, lasts
from common.translation import _
from painting.on_canvas import LiveView, OnCanvas
from server import client as wire
from server import events
from server.field_checks import settings as checked
from server.protocol import Picture
from stylecore.request import PaintRequest, Style
from stylecore.settings import BY_NAME, Settings
from styles import pictures

#: Seconds between two looks at whether the user closed the image.
_CHECK_IMAGE_EVERY = 0.5
#: Seconds between two pictures, in the dialog before Apply and on the canvas after it.
_PREVIEW_EVERY, _FRAME_EVERY = 0.3, 1.0

WeightedStyles = Sequence[tuple[pictures.Style, float]]


class Painting:
    """Styles the sources one after the other.

    Begin with :meth:`start`, or with :meth:`preview`, which stops after the small scales of the first source until
    :meth:`apply` goes on from there. Call :meth:`poll` until ``done``; then :meth:`keep` puts the results into the
    image. :meth:`abandon` at any time leaves no trace. ``live`` shows every source's painting on the canvas meanwhile.
    """

    _several = _("Layer {number} of {count} · ")

    def __init__(
        self,
        client: wire.Client,
        image: Gimp.Image,
        sources: Sequence[Source],
        styles: WeightedStyles,
        settings: Mapping[str, Any],
        *,
        live: bool,
        convert: bool,
    ) -> None:
        self.text = _("Sending the picture")
        self.note = ""  # what the server wants the user to know of this job
        self.fraction = 0.0
        self._left: tuple[float, float] | None = None  # seconds from a moment on
        self.picture: Picture | None = None  # the newest preview
        self.done = False
        self.convert = convert
        self.results: list[layers.Result] = []
        self._client = client
        self._image = image
        self._sources = list(sources)
        self._styles = list(styles)
        self._settings = dict(settings)
        self._live = live
        self._applied = False
        self._paused = False
        self._refining = False  # paused, and shows what other settings make of the preview
        self._begun = False  # the engine has the job, and takes updates
        self._unsent: dict[str, Any] = {}
        self._job: str | None = None
        self._current = -1
        self._content: Picture | None = None
        self._final: Picture | None = None
        self._outcome: events.Finished | None = None
        self._stopping = False
        self._canvas = OnCanvas()
        self._last_check = 0.0

    # Beginning

    def preview(self) -> None:
        """Send the first source, to be painted as far as the small scales go; nothing appears on the canvas.

        Raises:
            PluginError, server.client.ServerError, server.protocol.ProtocolError: it cannot be sent.
        """
        self._submit("preview", _PREVIEW_EVERY)

    def start(self) -> None:
        """Send the first source, to be painted to the end.

        Raises:
            PluginError, server.client.ServerError, server.protocol.ProtocolError: it cannot be sent.
        """
        self._applied = True
        self._next()

    def apply(self) -> None:
        """Go on from the preview to full size, and to the other sources.

        Raises:
            PluginError, server.client.ServerError, server.protocol.ProtocolError: the next source cannot be sent.
        """
        self._applied = True
        self.text = _("Going on to full size")
        if self._outcome is not None:  # so small that its preview was the whole job
            self._keep_final(self._outcome)
            return
        self._show_on_canvas()
        if self._paused:
            self._continue()

    def _next(self) -> None:
        """Send the next source, if there is one."""
        self.done = self._stopping or self._current + 1 == len(self._sources)
        if not self.done:
            self._submit("full", _FRAME_EVERY)
            self._show_on_canvas()

    def _submit(self, until: str, every: float) -> None:
        self._current += 1
        self._final = self._outcome = self.picture = None
        self._paused = self._begun = self._refining = False
        if self._current > 0:
            self._sources[self._current] = self._as_now(self._source)
        self._canvas.watch(self._source.layer)
        request = self._request()
        self._content = request.content
        self._job = self._client.submit(request, until=until, previews=self._live, preview_every=every)

    def _as_now(self, source: Source) -> Source:
        """Return a source, whose turn it is, as it is now."""
        return as_now(source)

    def _request(self) -> PaintRequest[Picture]:
        """Return what to ask the server for the current source."""
        return PaintRequest(read_pixels(self._source), sent_styles(self._image, self._styles), checked(self._settings))

    def _continue(self) -> None:
        if self._job is not None:
            self._paused = False
            self._client.continue_(self._job)

    def _show_on_canvas(self) -> None:
        if self._live:
            self._canvas.add(self._live_layer())
            if self.picture is not None:
                self._show(self.picture)

    def _show(self, picture: Picture) -> None:
        """Put a frame on the canvas, in the shape that the source has now."""
        self._canvas.show(picture, self._source, self._live_layer)

    @property
    def _source_now(self) -> Source:
        return self._canvas.source_now(self._source)

    def _live_layer(self) -> LiveView:
        """Return what shows the current source's painting on the canvas."""
        return layers.LiveLayer(self._image, self._source_now, _("{layer} (painting)").format(layer=self._name))

    @property
    def source(self) -> Source:
        """What is painted now, or was last; the first before that."""
        return self._sources[max(self._current, 0)]

    @property
    def _source(self) -> Source:
        return self._sources[self._current]

    @property
    def _name(self) -> str:
        names = " + ".join(style.name for style, _weight in self._styles)
        return f"{self._source.name} – {names}"

    # What the user does meanwhile

    def can_update(self, settings: Mapping[str, Any]) -> bool:
        """Return whether the running job can go on with other settings, without starting over."""
        changed = self._changed(settings)
        possible = self._job is not None and self._outcome is None
        return not changed or (possible and all(BY_NAME[name].live for name in changed))

    def update(self, settings: Mapping[str, Any]) -> bool:
        """Give the running job other settings; return whether it takes them."""
        if not self.can_update(settings):
            return False
        changed = self._changed(settings)
        self._settings.update(changed)
        self._unsent.update(changed)
        self._send_update()
        return True

    def _changed(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in settings.items() if value != self._settings[name]}

    def _send_update(self) -> None:
        if self._unsent and self._begun and self._job is not None:
            self._client.update(self._job, self._unsent)
            self._unsent = {}
            if self._paused:  # it goes on for a few steps, and pauses again
                self._refining = True
                self.text = _("Painting the preview")

    def still_fits(self, sources: Sequence[Source]) -> bool:
        """Return whether what was sent is still what the first of ``sources`` looks like."""
        if self._current != 0 or self._content is None or not sources or not self._source.same_place(sources[0]):
            return False
        now = read_pixels(sources[0])
        return (now.kind, now.channels, now.data) == (self._content.kind, self._content.channels, self._content.data)

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Take the sources as they are when the user applies; the first is the one that was previewed."""
        self._sources = list(sources)

    # What the server says

    def poll(self, timeout: float = 0.0) -> bool:
        """Take in what the server said, waiting at most ``timeout`` seconds; return whether anything came.

        Raises:
            PluginError: the job failed, the server is gone, or the image was closed.
        """
        if time.monotonic() - self._last_check > _CHECK_IMAGE_EVERY:
            self._last_check = time.monotonic()
            if not self._image.is_valid():
                raise image_closed()
        changed = False
        while not self.done and (event := self._client.next_event(timeout)) is not None:
            timeout = 0.0
            if event.job in (self._job, ""):
                self._take(event)
                changed = True
        return changed

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.Queued):
            self.text = _("Waiting for the painting server")
            if event.position:
                self.text = _("Waiting: {position} before this one").format(position=event.position)
        elif isinstance(event, events.Starting):
            self.text = _(event.text)
        elif isinstance(event, events.Progress):
            self._progress(event)
        elif isinstance(event, events.PictureArrived) and event.kind == "final":
            self._final = event.picture
        elif isinstance(event, events.PictureArrived):
            self.picture = event.picture
            self._show(event.picture)
        elif isinstance(event, events.Paused):
            self._pause()
        elif isinstance(event, events.Note):
            self.note = " ".join(part for part in in_own_words(event) if part)
        elif isinstance(event, events.Finished):
            self._finished(event)
        elif isinstance(event, events.Cancelled):
            self._cancelled()
        elif isinstance(event, events.Failed):
            self._job = None
            raise self._failure(event)
        elif isinstance(event, events.Disconnected):
            self._job = None
            raise PluginError(*in_own_words(event))

    def _failure(self, event: events.Failed) -> PluginError:
        """Return what the server could not do, with the name of the layer if there are several."""
        (told, remedy), again = in_own_words(event), not lasts(event)
        if len({source.layer.get_id() for source in self._sources}) == 1:
            return PluginError(told, remedy, again=again)
        words = _("Layer “{name}”: {told}").format(name=self._source.name, told=told)
        return PluginError(words, remedy, again=again)

    def _progress(self, event: events.Progress) -> None:
        self._begun = True
        self._send_update()
        if self._stopping and self._job is not None:
            self._client.stop(self._job)  # the first request came while the job waited, and was refused
        if not self._applied:
            self.text = _("Painting the preview")
            self.fraction, self._left = 0.0, None
            return
        several = ""
        if len(self._sources) > 1:
            several = self._several.format(number=self._current + 1, count=len(self._sources))
        doing = _("Scale {scale} of {scales} · step {step} of {steps}")
        if not event.step:
            doing = _("Scale {scale} of {scales} · preparing {width} × {height} px")
        self.text = several + doing.format(**vars(event))
        self.fraction = (self._current + event.fraction) / len(self._sources)
        # The layers still to come are taken to be like this one.
        waiting = len(self._sources) - self._current - 1
        whole = event.seconds_left / max(1.0 - event.fraction, 0.05)
        self._left = (event.seconds_left + waiting * whole, time.monotonic()) if event.known else None

    @property
    def seconds_left(self) -> float | None:
        """How long painting still takes; ``None`` where that is not known."""
        return None if self._left is None else max(0.0, self._left[0] - (time.monotonic() - self._left[1]))

    @property
    def previewed(self) -> bool:
        """Whether the preview is as good as it gets before it is applied."""
        return not self._applied and ((self._paused and not self._refining) or self._outcome is not None)

    def _pause(self) -> None:
        self._paused, self._refining = True, False
        if self._applied or self._stopping:
            self._continue()
        else:
            self.text = _("The preview is ready")

    def _finished(self, event: events.Finished) -> None:
        if self._final is None:
            raise PluginError(_("The painting server sent no picture."), _("Run the filter again."))
        self.picture = self._final
        if self._applied:
            self._keep_final(event)
        else:
            self._outcome = event
            self.text = _("The preview is ready")

    def _keep_final(self, event: events.Finished) -> None:
        self._job = self._outcome = None
        assert self._final is not None
        self._show(self._final)
        self._add_result(event, self._final)
        self._next()

    def _add_result(self, event: events.Finished, final: Picture) -> None:
        """Collect the finished picture of the current source."""
        assert self._content is not None
        layer, area = self._source.layer, self._source.area
        there, watched = layer.is_valid(), self._canvas.watched(layer)
        size = watched.size if watched is not None else (area[0] + area[2], area[1] + area[3])
        source = KnownSource(
            self._source.name, layer.get_tattoo() if there else 0, size, area, provenance.digest(self._content)
        )
        known = Memory(
            asdict(Settings.from_stored(event.settings)),
            known_styles(self._styles),
            source,
            installation.read().version,
            event.stopped,
        )
        self.results.append(layers.Result(self._source, final, self._name, known, watched))

    def _cancelled(self) -> None:
        self._job = None
        if not self._stopping:
            raise PluginError(_("The painting server cancelled the job."), _("Run the filter again."))
        self._next()  # stopped before there was anything to keep

    # Ending

    def stop(self) -> None:
        """Finish now; what is painted so far is kept."""
        self._stopping = True
        self.text = _("Finishing with what is there")
        self._left = None
        if self._job is not None:
            self._client.stop(self._job)

    def keep(self) -> list[Gimp.Layer]:
        """Put the results into the image as one undo step, and return the new layers, topmost first."""
        self._canvas.clear()
        if not self.results:
            return []
        results = [placing.result_now(result) for result in self.results]
        made = layers.insert_results(self._image, results, convert=self.convert)
        placing.tell_lost(results)
        return made

    def abandon(self) -> None:
        """End the job and take everything off the canvas."""
        if self._job is not None:
            self._client.cancel(self._job)
            self._job = None
        self.done = True
        self._canvas.clear()


def sent_styles(image: Gimp.Image, styles: WeightedStyles) -> list[Style[Picture]]:
    """Return styles as they are sent: in the colours that the image is painted in."""
    space = own_space(image)
    return [Style(pixels.converted(style.picture, None, space), weight) for style, weight in styles]


def known_styles(styles: WeightedStyles) -> tuple[KnownStyle, ...]:
    """Return what a result keeps of its styles."""
    return tuple(
        KnownStyle(style.name, style.sha256, weight, style.path, style.tattoo, provenance.small_copy(style.picture))
        for style, weight in styles
    )


def run_blocking(painting: Painting, progress: Callable[[str, float], None]) -> None:
    """Run the painting to its end, telling ``progress`` (text, fraction) of every change.

    Raises:
        PluginError: as :meth:`Painting.poll`.
    """
    painting.start()
    while not painting.done:
        if painting.poll(0.2):
            progress(painting.text, painting.fraction)
