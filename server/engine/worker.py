"""What an engine process does: paints one job at a time, and answers between two steps.

A short job that comes meanwhile, such as a preview, is painted between two steps of the one at hand. It may take as much
time as that one, and no more: neither waits long for the other.

It is told what to do in the client's own words (:data:`server.protocol.CLIENT_MESSAGES`, forwarded by the broker) and
reports in the server's.
"""

from __future__ import annotations

import math
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import zmq

from server import protocol
from server.engine.ahead import Ahead, take
from server.engine.heartbeat import FIRST_STEP_SECONDS, Heartbeat
from server.engine.memory_use import begin_peak, give_back, peak
from server.engine.pixels import to_keep, to_map, to_picture, to_pixels
from server.engine.reports import report
from server.frames import decode
from server.protocol import Message, Picture
from server.submission import to_request
from stylecore.errors import Fault, StyleError, fault

if TYPE_CHECKING:
    from stylecore.device.engine import Engine
    from stylecore.events import Event, ScaleStarted, StepDone
    from stylecore.painting.job import Job

#: Progress is reported at most this often.
PROGRESS_SECONDS = 0.1
#: Steps that a paused preview goes on for when it is given other settings.
REFINE_STEPS = 16
#: A preview may take this share of the time: a large one is shown less often than asked for.
_PREVIEW_SHARE = 0.05


@dataclass
class Running:
    """A job between its submission and its end."""

    name: str
    job: Job
    events: Iterator[Event]
    content: Picture
    previews: bool
    preview_every: float
    pause: bool  # wait after the small scales
    keep_every: int = 0  # steps at full size after which the client is sent the picture
    refine: int = 0  # steps still to take, while it waits, with the settings it was given last
    credit: bool = True  # the client has taken the last preview
    next_preview: float = 0.0
    next_progress: float = 0.0
    fraction: float = 0.0
    width: int = 1
    height: int = 1
    painted: bool = False  # there is something to show
    given_up: bool = False  # its end has been reported


class Worker:
    """Does what the broker says over ``link``; ``engine`` is loaded."""

    def __init__(self, link: zmq.Socket[bytes], engine: Engine, pulse: Heartbeat) -> None:
        self._link = link
        self._engine = engine
        self._pulse = pulse
        self._held: dict[str, Running] = {}
        self._current: Running | None = None
        self._interrupted: Running | None = None  # waits between two steps while the current one is painted
        self._later: deque[Message] = deque()  # work that came while other work was being done
        self._ahead = Ahead()  # short work, to be done between two steps of other work
        self._preview_side = protocol.PREVIEW_SIDE if engine.device.type == "cpu" else protocol.PREVIEW_SIDE_FAST

    def report(self, kind: str, *pictures: Picture, **fields: Any) -> None:
        """Send a report to the broker."""
        report(self._link, kind, *pictures, **fields)

    def serve(self) -> None:
        """Do one thing after the other until the process is ended."""
        while True:
            self._obey(self._later.popleft() if self._later else self._receive())

    def _receive(self) -> Message:
        frames = self._link.recv_multipart(copy=False)
        return decode([frame.buffer for frame in frames], protocol.CLIENT_MESSAGES)

    def _obey(self, message: Message) -> None:
        name = message.fields["job"]
        if message.type == "estimate":
            self._estimate(name, message.fields)
            return
        waits = message.type in ("stop", "continue", "update") and name in self._held
        if self._current and (message.type == "submit" or (waits and self._current.name != name)):
            refining = self._current.name in self._held  # which ends soon
            if refining or message.type in ("stop", "continue"):
                self._later.append(message)
            else:
                self._ahead.add(message)
            return
        if self._current and waits and message.type != "update":  # it is being refined
            self._current.refine = 0
            self._later.append(message)
            return
        if message.type == "submit":
            self._pulse.working()
            if self._interrupted is None:
                begin_peak(self._engine)
            self._guarded(name, lambda: self._paint(self._begin(message)))
            return
        active = [each for each in (self._current, self._interrupted) if each is not None and each.name == name]
        running = active[0] if active else self._held.get(name)
        if running is None:
            if message.type == "cancel":
                self._forget(name)
            return  # it ended while the message was on its way
        if message.type == "cancel":
            running.job.cancel()
            running.refine = 0
            if running is self._interrupted:  # its client does not wait for the other
                running.given_up = True
                self.report("cancelled", job=name)
            elif self._held.pop(name, None):
                self.report("cancelled", job=name)
                del running
                give_back(self._engine, everything=not self._held and self._current is None)
        elif message.type in ("stop", "continue"):
            if message.type == "stop":
                running.job.stop()
            running.pause = False
            if self._held.pop(name, None):
                self._guarded(name, lambda: self._paint(running))
        elif message.type == "seen":
            running.credit = True
        elif message.type == "snapshot":
            self._send_whole(running, "snapshot")
        elif message.type == "update":
            self._update(running, message.fields["settings"])
            if name in self._held:
                running.refine = REFINE_STEPS
                if self._current is None:
                    self._guarded(name, lambda: self._refine(running))

    def _estimate(self, name: str, fields: Mapping[str, Any]) -> None:
        """Report how long painting pictures would take; what could not be painted takes no time that is known."""
        from stylecore.painting.planning.forecast import expected_seconds

        contents, styles = ([(height, width) for width, height in fields[kind]] for kind in ("contents", "styles"))
        try:
            seconds = expected_seconds(self._engine, fields["settings"], contents, styles)
        except StyleError:  # submitting it says why
            seconds = None
        self.report("estimate", job=name, seconds=min(seconds or 0.0, 1e9), known=seconds is not None)

    def _forget(self, name: str) -> None:
        """Give up a job that has not been begun."""
        for message in [*take(self._later, name), *self._ahead.take(name)]:
            if message.type == "submit":
                self.report("cancelled", job=name)

    def _listen(self) -> bool:
        """Between two steps: do what is asked for; return whether there was short work, whose time had come."""
        while self._link.poll(0):
            self._obey(self._receive())
        if self._interrupted is not None or (message := self._ahead.next()) is None:
            return False
        self._let_ahead(message)
        return True

    def _let_ahead(self, message: Message) -> None:
        """Do short work while the job at hand waits between two steps."""
        outer, begin = self._current, time.monotonic()
        assert outer is not None
        self._interrupted, self._current = outer, None
        try:
            self._obey(message)
        finally:
            self._interrupted, self._current = None, outer
        took = time.monotonic() - begin
        self._ahead.has_taken(took)
        outer.job.excuse(took)

    def _send_whole(self, running: Running, purpose: str) -> None:
        """Report the picture as it is now, like the content in size and kind."""
        image = running.job.image_at_size(running.content.width, running.content.height)
        self.report("picture", to_picture(image, running.content.kind), job=running.name, purpose=purpose)

    def _update(self, running: Running, changes: dict[str, Any]) -> None:
        try:
            running.job.update(replace(running.job.settings, **changes))
        except StyleError as error:
            self.report("refused", job=running.name, **error.fault._asdict())

    def _guarded(self, name: str, work: Any) -> None:
        """Run a job; what goes wrong in it is reported, and what nobody foresaw ends the process, for a fresh one."""
        from stylecore.device import memory_budget

        try:
            work()
        except StyleError as error:
            self._fail(name, error.fault)
        except Exception as error:  # whatever it is: the job's owner is told, and the log in full
            if memory_budget.ran_out(error):
                self._fail(name, fault("out-of-memory"))
                return
            traceback.print_exc()
            detail = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
            self._fail(name, fault("engine-error", detail))
            self._link.close(2000)
            self._link.context.term()
            sys.exit(1)  # after an error on the device, its state cannot be trusted
        finally:
            self._current = None
            self._pulse.idle()
            # What waits, for the next setting or between two steps, goes on with what it has.
            give_back(self._engine, everything=not self._held and self._interrupted is None)

    def _fail(self, name: str, told: Fault) -> None:
        self._used(name)
        self.report("error", job=name, **told._asdict())

    def _used(self, name: str) -> None:
        """Report what the job took, just before its end, and the arithmetic that it was painted in."""
        arithmetic = str(self._current.job.arithmetic) if self._current else ""
        self.report("used", job=name, peak=peak(self._engine), memory=self._engine.memory(), arithmetic=arithmetic)

    def _begin(self, message: Message) -> Running:
        from stylecore.painting.job import Job

        fields, sent = message.fields, to_request(message)
        job = Job(self._engine, sent.map(to_pixels, to_map))
        return Running(
            fields["job"],
            job,
            iter(job.run()),
            sent.content,
            fields["previews"],
            fields["preview_every"],
            pause=fields["until"] == "preview",
            keep_every=fields["keep_every"],
        )

    def _paint(self, running: Running) -> None:
        """Run the job's steps until it is over, or pauses."""
        from stylecore.events import Finished, Note, ScaleStarted, StepDone

        self._current = running
        self._pulse.working()
        began, expected = time.monotonic(), FIRST_STEP_SECONDS
        pace = 0.0  # seconds a pixel of the last step
        for event in running.events:
            if isinstance(event, ScaleStarted):
                pixels = event.width * event.height
                # The first step of a scale also measures the styles, and a GPU's libraries choose or compile kernels.
                expected = max(pace * pixels * 8 if pace else FIRST_STEP_SECONDS, self._engine.compile_seconds)
                self._pulse.working(expected)
                began = time.monotonic()
                if running.pause and running.painted and pixels > self._preview_side**2:
                    self._pause(running)
                    return
                running.width, running.height = event.width, event.height
                if event.scale > 1:
                    self._progress(running, event, 0, {})
            elif isinstance(event, StepDone):
                running.painted = True
                self._tell(running, event)
                now = time.monotonic()
                began, pace = now, (now - began) / (running.width * running.height)
                expected = pace * running.width * running.height
                self._pulse.working(expected)
            elif isinstance(event, Note):
                expected = max(FIRST_STEP_SECONDS, self._engine.compile_seconds)  # pieces of another shape
                self._pulse.working(expected)
                self.report("note", job=running.name, **vars(event))
            elif isinstance(event, Finished):
                self._pulse.working()
                final = to_picture(running.job.image(), running.content.kind)
                self._used(running.name)
                self.report("picture", final, job=running.name, purpose="final")
                self.report(
                    "finished",
                    job=running.name,
                    seconds=event.seconds,
                    stopped=event.stopped,
                    settings=asdict(event.settings),
                    device=self._engine.device_name,
                )
                return
            if self._listen():
                began = time.monotonic()
                self._pulse.working(expected)
        if not running.given_up:
            self._used(running.name)
            self.report("cancelled", job=running.name)

    def _refine(self, running: Running) -> None:
        """Show what a paused job becomes with the settings it was given; it stays paused."""
        self._current = running
        self._pulse.working()
        while running.refine > 0 and running.job.refine():
            running.refine -= 1
            self._pulse.working()
            self._show(running)
            while self._link.poll(0):
                self._obey(self._receive())
            if any(message.type == "submit" for message in self._later):
                break
        if running.name in self._held:
            self._pause(running)

    def _pause(self, running: Running) -> None:
        preview = to_picture(running.job.image(), "u8")
        self.report("picture", preview, job=running.name, purpose="preview")
        running.credit = False
        self._held[running.name] = running
        self.report("paused", job=running.name, fraction=running.fraction)

    def _tell(self, running: Running, event: Any) -> None:
        """Report a step, with the picture if it is one to keep, and show a preview if one is due."""
        now = time.monotonic()
        running.fraction = min(max(event.fraction, 0.0), 1.0)
        keep = to_keep(event, running.keep_every)
        if now >= running.next_progress or event.step == event.steps or keep:
            running.next_progress = now + PROGRESS_SECONDS
            losses = {"total": event.total_loss, "content": event.content_loss, "style": event.style_loss}
            self._progress(running, event, event.step, losses)
        if keep:
            self._send_whole(running, "kept")
        self._show(running)

    def _progress(self, running: Running, event: ScaleStarted | StepDone, step: int, losses: Mapping[str, float]) -> None:
        running.fraction = min(max(event.fraction, 0.0), 1.0)
        left = event.seconds_left
        known = left is not None and 0.0 <= left < 1e9
        self.report(
            "progress",
            job=running.name,
            scale=event.scale,
            scales=event.scales,
            step=step,
            steps=event.steps,
            fraction=running.fraction,
            seconds_left=left or 0.0 if known else 0.0,
            known=known,
            losses={name: value for name, value in losses.items() if math.isfinite(value)},
            width=running.width,
            height=running.height,
        )

    def _show(self, running: Running) -> None:
        """Show a preview if it is time for one and the client has taken the last."""
        now = time.monotonic()
        if running.previews and running.credit and now >= running.next_preview:
            running.credit = False
            self.report("picture", to_picture(running.job.image(), "u8"), job=running.name, purpose="preview")
            spent = time.monotonic() - now
            running.next_preview = now + max(running.preview_every, spent / _PREVIEW_SHARE)
