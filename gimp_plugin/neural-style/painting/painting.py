"""One run of the filter: every painting of a destination is sent to the server in turn, and what comes back goes there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any

from gi.repository import Gimp

from canvas.sources import Source, image_closed
from common.errors import PluginError
from common.messages import in_own_words, lasts
from common.translation import _, counted
from painting.destination import Destination
from server import events
from server.client import client as wire
from server.protocol import PREVIEW_SIDE, PREVIEW_SIDE_FAST, Picture
from stylecore.settings import BY_NAME

#: Seconds between two looks at whether the user closed the image.
_CHECK_IMAGE_EVERY = 0.5
#: Seconds between two pictures, in the dialog before Apply and on the canvas after it.
_PREVIEW_EVERY, _FRAME_EVERY = 0.3, 1.0


class Goal(Enum):
    """How far the user wants it painted."""

    PREVIEW = auto()  # the first one, as far as the small scales go
    WHOLE = auto()
    WHAT_IS_THERE = auto()  # finished now


class Stage(Enum):
    """Where the painting at hand is."""

    NOT_SENT = auto()
    SENT = auto()  # and perhaps waiting
    BEGUN = auto()  # the engine has it, and takes updates
    PAUSED = auto()  # after the small scales
    REFINING = auto()  # paused, and shows what other settings make of it
    PREVIEWED_WHOLE = auto()  # so small that its preview was the whole job
    OVER = auto()  # and none is to come


#: The server has a job of ours that is not over.
_RUNNING = (Stage.SENT, Stage.BEGUN, Stage.PAUSED, Stage.REFINING)


class Painting:
    """Paints what a destination says, one after the other.

    Begin with :meth:`start`, or with :meth:`preview`, which stops after the small scales of the first one until
    :meth:`apply` goes on from there. Call :meth:`poll` until ``done``; then :meth:`keep` puts the results into the
    image. :meth:`abandon` at any time leaves no trace. ``live`` shows every painting on the canvas meanwhile.
    """

    def __init__(self, client: wire.Client, destination: Destination, *, live: bool) -> None:
        self.destination = destination
        self.text = _("Sending the picture")
        self.note = ""  # what the server wants the user to know of this job
        self.fraction = 0.0
        self.picture: Picture | None = None  # the newest preview
        self._left: tuple[float, float] | None = None  # seconds from a moment on
        self._client = client
        self._live = live
        self._goal = Goal.PREVIEW
        self._stage = Stage.NOT_SENT
        self._number = -1  # of the painting at hand
        self._job = ""
        self._unsent: dict[str, Any] = {}  # settings that the engine is to be told of
        self._updated: dict[str, Any] = {}  # all that it was to be told of since the job was sent
        self._final: Picture | None = None
        self._outcome: events.Finished | None = None
        self._last_check = 0.0

    @property
    def done(self) -> bool:
        """Whether nothing more is to be painted."""
        return self._stage is Stage.OVER

    @property
    def source(self) -> Source:
        """What is painted now, or was last; the first before that."""
        return self.destination.source(max(self._number, 0))

    # Beginning

    def preview(self) -> None:
        """Send the first one, to be painted as far as the small scales go; nothing appears on the canvas.

        Raises:
            PluginError, server.client.client.ServerError, server.protocol.ProtocolError: it cannot be sent.
        """
        self._submit("preview", _PREVIEW_EVERY)

    def start(self) -> None:
        """Send the first one, to be painted to the end.

        Raises:
            PluginError, server.client.client.ServerError, server.protocol.ProtocolError: it cannot be sent.
        """
        self._goal = Goal.WHOLE
        self._next()

    def apply(self) -> None:
        """Go on from the preview to full size, and to the others.

        Raises:
            PluginError, server.client.client.ServerError, server.protocol.ProtocolError: the next one cannot be sent.
        """
        self._goal = Goal.WHOLE
        self.text, self.fraction = _("Continuing at full size"), 0.0
        if self._stage is Stage.PREVIEWED_WHOLE:
            self._collect()
            return
        self._show_on_canvas()
        if self._stage in (Stage.PAUSED, Stage.REFINING):
            self._continue()

    def _next(self) -> None:
        """Send the next one, if there is any."""
        if self._goal is Goal.WHAT_IS_THERE or self._number + 1 == self.destination.count:
            self._stage = Stage.OVER
        else:
            self._submit("full", _FRAME_EVERY)
            self._show_on_canvas()

    def _submit(self, until: str, every: float) -> None:
        self._number += 1
        self._final = self._outcome = self.picture = None
        self._unsent, self._updated = {}, {}
        request = self.destination.begin(self._number)
        self._job = self._client.submit(request, until=until, previews=self._live, preview_every=every)
        self._stage = Stage.SENT

    def _continue(self) -> None:
        self._stage = Stage.BEGUN
        self._client.continue_(self._job)

    def _show_on_canvas(self) -> None:
        if self._live:
            self.destination.show_live(self._number)
            if self.picture is not None:
                self.destination.show(self._number, self.picture)

    # What the user does meanwhile

    def can_update(self, settings: Mapping[str, Any]) -> bool:
        """Return whether the running job can go on with other settings, without starting over."""
        changed = self._changed(settings)
        return not changed or (self._stage in _RUNNING and all(BY_NAME[name].live for name in changed))

    def update(self, settings: Mapping[str, Any]) -> bool:
        """Give the running job other settings; return whether it takes them."""
        if not self.can_update(settings):
            return False
        changed = self._changed(settings)
        self.destination.adjust(changed)
        self._unsent.update(changed)
        self._updated.update(changed)
        self._send_update()
        return True

    def _changed(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        present = self.destination.settings(max(self._number, 0))
        return {name: value for name, value in settings.items() if value != present[name]}

    def _send_update(self) -> None:
        if not self._unsent or self._stage not in (Stage.BEGUN, Stage.PAUSED, Stage.REFINING):
            return
        self._client.update(self._job, self._unsent)
        self._unsent = {}
        if self._stage is not Stage.BEGUN:  # it goes on for a few steps, and pauses again
            self._stage = Stage.REFINING
            self.text = _("Painting the preview")

    def still_fits(self, sources: Sequence[Source]) -> bool:
        """Return whether what was sent is still what the first of ``sources`` looks like."""
        return self._number == 0 and bool(sources) and self.destination.still_fits(sources[0])

    def go_on_to(self, destination: Destination) -> bool:
        """Let what was begun be the first painting of another destination; return whether it can be."""
        if not self.can_update(destination.settings(0)) or not destination.goes_on_from(self.destination):
            return False
        self.update(destination.settings(0))
        self.destination = destination
        return True

    def stop(self) -> None:
        """Finish now; what is painted so far is kept."""
        self._goal = Goal.WHAT_IS_THERE
        self.text = _("Finishing with what is painted so far")
        self._left = None
        if self._stage in _RUNNING:
            self._client.stop(self._job)

    # What the server says

    def poll(self, timeout: float = 0.0) -> bool:
        """Take in what the server said, waiting at most ``timeout`` seconds; return whether anything came.

        Raises:
            PluginError: the job failed, the server is gone, or the image was closed.
        """
        if time.monotonic() - self._last_check > _CHECK_IMAGE_EVERY:
            self._last_check = time.monotonic()
            if not self.destination.image.is_valid():
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
                self.text = counted("Waiting for {number} other job", "Waiting for {number} other jobs", event.position)
        elif isinstance(event, events.Starting):
            self.text = _(event.text)
        elif isinstance(event, events.Progress):
            self._progress(event)
        elif isinstance(event, events.PictureArrived) and event.kind == "final":
            self._final = self.destination.seen(self._number, event.picture)
        elif isinstance(event, events.PictureArrived):
            self.picture = self.destination.seen(self._number, event.picture)
            self.destination.show(self._number, self.picture)
        elif isinstance(event, events.Paused):
            self._paused()
        elif isinstance(event, events.Note):
            self.note = " ".join(part for part in in_own_words(event) if part)
        elif isinstance(event, events.Finished):
            self._finished(event)
        elif isinstance(event, events.Cancelled):
            self._cancelled()
        elif isinstance(event, events.Failed):
            self._stage = Stage.NOT_SENT
            raise self._failure(event)
        elif isinstance(event, events.Disconnected):
            self._stage = Stage.NOT_SENT
            raise PluginError(*in_own_words(event))

    def _failure(self, event: events.Failed) -> PluginError:
        """Return what the server could not do, with the name of the layer if there are several."""
        (told, remedy), again = in_own_words(event), not lasts(event)
        if self.destination.several_layers:
            told = _("Layer “{name}”: {told}").format(name=self.source.name, told=told)
        return PluginError(told, remedy, again=again)

    def _progress(self, event: events.Progress) -> None:
        if self._stage is Stage.SENT:
            self._stage = Stage.BEGUN
        self._send_update()
        if self._goal is Goal.WHAT_IS_THERE:
            self._client.stop(self._job)  # the first request came while the job waited, and was refused
        if self._goal is Goal.PREVIEW:
            self.fraction, self._left = self._of_preview(event), None
            self.text = _("Painting the preview · {number} %").format(number=round(100 * self.fraction))
            return
        several, count = "", self.destination.count
        if count > 1:
            several = self.destination.counting.format(number=self._number + 1, count=count)
        doing = _("Pass {scale} of {scales} · {percent} %")
        if not event.step:
            doing = _("Pass {scale} of {scales} · preparing")
        self.text = several + doing.format(percent=round(100 * event.step / max(1, event.steps)), **vars(event))
        self.fraction = (self._number + event.fraction) / count
        # The layers still to come are taken to be like this one.
        waiting = count - self._number - 1
        whole = event.seconds_left / max(1.0 - event.fraction, 0.05)
        self._left = (event.seconds_left + waiting * whole, time.monotonic()) if event.known else None

    def _of_preview(self, event: events.Progress) -> float:
        """Return how much of the preview is painted, 0 to 1: each of its scales takes as long as its pixels are many."""
        slow = str(self._client.welcome.get("device") or "CPU").startswith("CPU")
        most = (PREVIEW_SIDE if slow else PREVIEW_SIDE_FAST) ** 2
        last, pixels = event.scale, event.width * event.height
        while last < event.scales and 4 * pixels <= most:
            last, pixels = last + 1, 4 * pixels
        scales = {scale: 4.0**scale for scale in range(1, last + 1)}
        done = sum(cost for scale, cost in scales.items() if scale < event.scale)
        return (done + scales[event.scale] * event.step / max(1, event.steps)) / sum(scales.values())

    @property
    def seconds_left(self) -> float | None:
        """How long painting still takes; ``None`` where that is not known."""
        return None if self._left is None else max(0.0, self._left[0] - (time.monotonic() - self._left[1]))

    @property
    def previewed(self) -> bool:
        """Whether the preview is as good as it gets before it is applied."""
        return self._goal is Goal.PREVIEW and self._stage in (Stage.PAUSED, Stage.PREVIEWED_WHOLE)

    def _paused(self) -> None:
        if self._goal is Goal.PREVIEW:
            self._stage = Stage.PAUSED
            self.text = _("The preview is ready")
        else:
            self._continue()

    def _finished(self, event: events.Finished) -> None:
        if self._final is None:
            raise PluginError(_("The painting server sent no picture."), _("Run the filter again."))
        if self._came_too_late(event):
            self._again()
            return
        self.picture, self._outcome = self._final, event
        if self._goal is Goal.PREVIEW:
            self._stage = Stage.PREVIEWED_WHOLE
            self.text = _("The preview is ready")
        else:
            self._collect()

    def _came_too_late(self, event: events.Finished) -> bool:
        """Return whether the job was over before the engine heard of all the settings that the user changed."""
        painted = event.settings
        return self._goal is not Goal.WHAT_IS_THERE and any(
            painted.get(name, value) != value for name, value in self._updated.items()
        )

    def _again(self) -> None:
        """Send the painting at hand anew, with the settings that it has now."""
        self._number -= 1
        if self._goal is Goal.PREVIEW:
            self._submit("preview", _PREVIEW_EVERY)
        else:
            self._next()

    def _collect(self) -> None:
        """Hand the finished picture over, and go on to the next."""
        self._stage = Stage.NOT_SENT
        assert self._final is not None and self._outcome is not None
        self.destination.show(self._number, self._final)
        self.destination.collect(self._number, self._outcome, self._final)
        self._next()

    def _cancelled(self) -> None:
        self._stage = Stage.NOT_SENT
        if self._goal is not Goal.WHAT_IS_THERE:
            raise PluginError(_("The painting server canceled the job."), _("Run the filter again."))
        self._next()  # stopped before there was anything to keep

    # Ending

    def keep(self) -> list[Gimp.Layer]:
        """Put the results into the image as one undo step, and return their layers, topmost first."""
        return self.destination.keep()

    def abandon(self) -> None:
        """End the job and take everything off the canvas."""
        if self._stage in _RUNNING:
            self._client.cancel(self._job)
        self._stage = Stage.OVER
        self.destination.abandon()


def run_blocking(painting: Painting, progress: Callable[[str, float], None]) -> None:
    """Run the painting to its end, telling ``progress`` (text, fraction) of every change.

    Raises:
        PluginError: as :meth:`Painting.poll`.
    """
    painting.start()
    while not painting.done:
        if painting.poll(0.2):
            progress(painting.text, painting.fraction)
