"""Painting one picture for the command line: on the server, in this process, or in one of several."""

from __future__ import annotations

import argparse
import functools
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from server.cli.terminal.progress import Bar, Lines
from server.client import client as wire
from server.client.client import Client, Event
from server.discovery import default_folder
from server.engine.pixels import to_keep, to_picture, to_pixels
from server.protocol import Picture
from stylecore import system
from stylecore.errors import Fault, StyleError
from stylecore.files import pictures, writing
from stylecore.request import PaintRequest

if TYPE_CHECKING:
    from stylecore.device.engine import Engine
    from stylecore.events import ScaleStarted, StepDone
    from stylecore.tensors.strips import Ranks

#: How often the state of a job that can be resumed is kept: after so long, and so many times as long as keeping it takes.
_STATE_SECONDS, _STATE_SHARE = 60.0, 20.0
#: Pictures travel as float32 up to so many pixels, larger ones with 16 bits.
_FLOAT_PIXELS = 32_000_000


@dataclass
class Interrupts:
    """Ctrl-C, counted: once stops and keeps the picture, twice cancels.

    The system's request to end and a closed terminal stop and keep it, too; they come in pairs at times, and never cancel.
    Within the block none of them ends the program, so that what has been painted can be saved.
    """

    count: int = 0
    ended_by: int = signal.SIGINT
    _before: dict[int, Any] = field(default_factory=dict, repr=False)

    def __enter__(self) -> Interrupts:
        for number in system.ENDINGS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                self._before[number] = signal.signal(number, self._count)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def exit_status(self) -> int:
        """What the shell expects of a program that such a signal ended, e.g. 130 for Ctrl-C."""
        return 128 + self.ended_by

    def _count(self, number: int, _frame: FrameType | None) -> None:
        if not self.count:
            self.ended_by = number
        self.count = self.count + 1 if number == signal.SIGINT else max(self.count, 1)


def paint_picture(
    request: PaintRequest[pictures.Pixels],
    interrupts: Interrupts,
    options: argparse.Namespace,
    bar: Bar | Lines,
    ranks: Ranks | None = None,
    *,
    saving: Mapping[str, Any],
) -> tuple[pictures.Pixels, wire.Finished] | None:
    """Paint one picture and show how it goes.

    Args:
        request: pictures as arrays, and settings.
        interrupts: Ctrl-C.
        options: the command line's: where to paint, and what to keep.
        bar: shows how it goes.
        ranks: the processes that paint it together, if several do.
        saving: how pictures on the way are saved, as keywords of :func:`stylecore.files.writing.save`.

    Returns:
        The result and what is to be said of it; ``None`` if it was cancelled, and on every rank but the first.

    Raises:
        StyleError: what went wrong, for people.
    """
    every = options.save_every
    events = (
        _local(request, interrupts, options.resume, every, ranks)
        if options.local
        else _served(request, interrupts, options.folder, options.connection, every)
    )
    result: pictures.Pixels | None = None
    step = 0
    for event in events:
        bar.show(event)
        if isinstance(event, wire.Progress):
            step = event.step
        elif isinstance(event, wire.PictureArrived) and event.kind == "kept":
            try:
                writing.save(at_step(options.output, step), to_pixels(event.picture), **saving)
            except StyleError as error:  # hours of painting are worth more
                bar.say(f"{error.sentence} Painting goes on.")
        elif isinstance(event, wire.PictureArrived):
            result = to_pixels(event.picture)
        elif isinstance(event, wire.Failed | wire.Disconnected):
            raise StyleError(event.code, event.sentence, event.remedy, event.details)
        elif isinstance(event, wire.Finished) and result is not None:
            return result, event
    return None


def at_step(output: Path, step: int) -> Path:
    """Return where ``--save-every`` keeps the picture after a step, e.g. ``result.step-0050.png``."""
    return output.with_name(f"{output.stem}.step-{step:04}{output.suffix}")


def _served(
    request: PaintRequest[pictures.Pixels], interrupts: Interrupts, folder: Path | None, connection: Path | None, every: int
) -> Iterator[Event]:
    """Paint on the server, which is started if none runs; yields what happens until the job is over."""
    yield wire.Starting("", "Calling the painting server")
    with Client.connect(folder, timeout=30.0, client_name="neural-style", connection_file=connection) as client:
        job = client.submit(request.map(_sent, _sent_map), previews=False, keep_every=every)
        answered = 0
        while True:
            event = client.next_event(0.1)
            if interrupts.count > answered:
                answered = interrupts.count
                if answered == 1:
                    client.stop(job)
                else:
                    client.cancel(job)
            if event is not None:
                yield event
            if isinstance(event, wire.Finished | wire.Failed | wire.Cancelled | wire.Disconnected):
                return


def _sent(pixels: pictures.Pixels) -> Picture:
    """Return a picture as it travels."""
    return to_picture(pixels, "f32" if pixels.shape[0] * pixels.shape[1] <= _FLOAT_PIXELS else "u16")


def _sent_map(values: pictures.Map) -> Picture:
    return to_picture(values[..., None], "u16")


def _local(
    request: PaintRequest[pictures.Pixels], interrupts: Interrupts, resume: Path | None, every: int, among: Ranks | None
) -> Iterator[Event]:
    """Paint in this process; yields the same events as the server would send, and pictures on rank 0 alone.

    With ``resume`` the job's state is kept in that file every minute, before each scale and when it is interrupted, and
    gone on from if the file is there; it is removed when the picture is done.
    """
    yield wire.Starting("", "Loading the network")
    from stylecore import events
    from stylecore.painting import checkpoint
    from stylecore.painting.job import Job
    from stylecore.tensors.strips import ALONE

    if among is None:
        engine, ranks = local_engine(), ALONE
    else:
        engine, ranks = local_engine(*among.device()), among
    yield wire.Starting("", "Preparing the pictures")
    job = Job(engine, request, ranks=ranks)
    if resume is not None and any(ranks.agree(resume.exists())):
        job.restore(checkpoint.load(resume))
        yield wire.Note("", *Fault("resumed", f"Going on from {resume}."))
    size, next_state = (1, 1), time.monotonic() + _STATE_SECONDS
    for event in job.run():
        begins = isinstance(event, events.ScaleStarted) and event.scale > 1
        # Of the processes that paint together, each may hear something else, at another time.
        count, due = ranks.agree(interrupts.count, begins or time.monotonic() > next_state)
        if resume is not None and (due or count == 1) and not isinstance(event, events.Finished):
            begin = time.monotonic()
            state = job.state()
            if ranks.rank == 0:
                try:
                    checkpoint.save(resume, state)
                except StyleError as error:
                    yield wire.Note("", *Fault("state-not-kept", f"{error.sentence} Painting goes on."))
            del state
            took = time.monotonic() - begin
            next_state = time.monotonic() + max(_STATE_SECONDS, _STATE_SHARE * took)
        if count == 1:
            job.stop()
        elif count > 1:
            job.cancel()
        if isinstance(event, events.ScaleStarted):
            size = (event.width, event.height)
            yield _progress(event, 0, {}, size)
        elif isinstance(event, events.StepDone):
            done = _progress(event, event.step, {"total": event.total_loss}, size)
            yield done
            if to_keep(done, every):
                image = job.image_at_size(request.content.shape[1], request.content.shape[0])
                if ranks.rank == 0:
                    yield wire.PictureArrived("", "kept", to_picture(image, "f32"))
        elif isinstance(event, events.Note):
            yield wire.Note("", event.code, event.sentence, event.remedy, event.details)
        elif isinstance(event, events.Finished) and ranks.rank == 0:
            if resume is not None and not event.stopped:
                resume.unlink(missing_ok=True)
            yield wire.PictureArrived("", "final", to_picture(job.image(), "f32"))
            yield wire.Finished("", event.seconds, event.stopped, asdict(event.settings), engine.device_name)


def _progress(
    event: ScaleStarted | StepDone, step: int, losses: Mapping[str, float], size: tuple[int, int]
) -> wire.Progress:
    """Return what the server would say of this event, at a scale of this ``size`` (width, height)."""
    left = event.seconds_left
    return wire.Progress(
        "", event.scale, event.scales, step, event.steps, event.fraction, left or 0.0, losses, *size, known=left is not None
    )


@functools.cache
def local_engine(device: str = "auto", threads: int | None = None) -> Engine:
    """Return this process's engine, which is loaded once."""
    from stylecore.device.engine import Engine

    return Engine(device, threads=threads, folder=default_folder())
