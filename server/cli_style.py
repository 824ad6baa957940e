"""``neural-style style``: picture files in, picture files out, with a progress bar."""

from __future__ import annotations

import argparse
import functools
import json
import math
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from server import client as wire
from server.batch import Outcome, names_many, pictures_of, places_for, repaint, unfinished
from server.cli_masks import Extras, load_extras
from server.cli_progress import Bar, Lines, progress
from server.client import Client, Event, ServiceError
from server.engine_process import to_picture, to_pixels
from stylecore import pictures
from stylecore.errors import StyleError
from stylecore.settings import SETTINGS, SettingError, numbers, validate

if TYPE_CHECKING:
    from stylecore.engine import Engine
    from stylecore.strips import Ranks

#: How often the state of a job that can be resumed is kept: after so long, and so many times as long as keeping it takes.
_STATE_SECONDS, _STATE_SHARE = 60.0, 20.0
#: Pictures travel as float32 up to so many pixels, larger ones with 16 bits.
_FLOAT_PIXELS = 32_000_000
#: Of the side-by-side picture.
_PANEL_HEIGHT = 640
_WIDEST_PANEL = 2.0


@dataclass
class Interrupts:
    """Ctrl-C, counted: once stops and keeps the picture, twice cancels."""

    count: int = 0
    _before: Any = field(default=None, repr=False)

    def __enter__(self) -> Interrupts:
        self._before = signal.signal(signal.SIGINT, self._count)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1


def style(options: argparse.Namespace, ranks: Ranks | None = None) -> int:
    """Run the command; returns the exit status.

    Args:
        options: the command line's.
        ranks: the processes that paint the picture together, if there are several. Rank 0 writes the results.

    Raises:
        StyleError, ServiceError: what went wrong, for people.
    """
    settings = chosen_settings(options)
    weights = style_weights(options.weights, len(options.styles))
    several = check(options, ranks is not None)
    first = ranks is None or ranks.rank == 0
    if several:
        return _many(options, settings, weights)
    for output in filter(None, (options.output, options.side_by_side)):
        maps = [path for path in (options.guide, *options.style_guide, options.strength_map) if path is not None]
        _check_output(output, [options.content, *options.styles, *maps])
    photo = pictures.load(options.content, max(0, options.size))
    start = pictures.load(options.start_from, max(0, options.size)).pixels if options.start_from else None
    styles = load_styles(options, weights)
    extras = load_extras(options, photo.pixels, start)
    begin = time.monotonic()
    with Interrupts() as interrupts, progress(quiet=options.json or not first) as bar:
        painted = _paint(photo.pixels, styles, settings, interrupts, extras, options, bar, ranks)
    if not first:
        return 0  # rank 0 has the picture
    if painted is None:
        print("Cancelled; nothing was written.", file=sys.stderr)
        return 130
    result, finished = painted
    pictures.save(options.output, result, depth=_depth(options, photo))
    if options.side_by_side is not None:
        sheet = side_by_side(photo.pixels, [pixels for pixels, _ in styles], result)
        pictures.write_image(options.side_by_side, sheet)
    _tell(options, result, finished, time.monotonic() - begin)
    return 130 if finished.stopped else 0


def check(options: argparse.Namespace, on_ranks: bool) -> bool:
    """Return whether several pictures are to be painted.

    Args:
        options: the command line's.
        on_ranks: whether several processes are to paint, which they do without the server.

    Raises:
        StyleError: for flags that do not go together.
    """
    several = options.frames or names_many(options.content)
    options.local = options.local or on_ranks
    if on_ranks and several:
        raise StyleError("bad-arguments", "--ranks is for a single picture.", "Name one picture, or leave --ranks out.")
    if options.resume is not None and (not options.local or several):
        raise StyleError("bad-settings", "--resume is for one picture with --local.", "Add --local, or leave --resume out.")
    if options.cluster is not None and (options.local or options.connection or not names_many(options.content)):
        raise StyleError("bad-arguments", "--cluster is for a folder or a pattern, without --local and --connection.",
                         "Leave --cluster out, or name a folder of pictures.")
    return bool(several)


def _many(options: argparse.Namespace, settings: dict[str, Any], weights: list[float]) -> int:
    """Repaint every picture of a folder or of a pattern; returns the exit status."""
    for flag, value in (("--side-by-side", options.side_by_side), ("--start-from", options.start_from),
                        ("--save-every", options.save_every or None)):
        if value is not None:
            raise StyleError("bad-arguments", f"{flag} is for a single picture.", "Leave it out, or name one picture.")
    sources = pictures_of(options.content)
    styles = load_styles(options, weights)

    def load(source: Path, start: Path | None) -> tuple[pictures.Picture, Extras]:
        photo = pictures.load(source, max(0, options.size))
        begin = None if start is None else pictures.load(start).pixels
        if begin is not None and begin.shape[:2] != photo.pixels.shape[:2]:
            begin = None  # another size: a new scene
        return photo, load_extras(options, photo.pixels, begin)

    def save(place: Path, result: pictures.Pixels, photo: pictures.Picture) -> None:
        pictures.save(place, result, depth=_depth(options, photo))

    def paint(source: Path, target: Path, start: Path | None) -> Path | None:
        photo, extras = load(source, start)
        painted = _paint(photo.pixels, styles, settings, interrupts, extras, options, bar)
        if painted is None:
            return None
        result, finished = painted
        place = unfinished(target) if finished.stopped else target
        save(place, result, photo)
        return place

    if options.cluster is not None:
        from server import cli_cluster
        from server.cluster import Cluster

        places = dict(zip(sources, places_for(sources, options.output), strict=True))
        with Cluster(options.cluster) as cluster, Interrupts() as interrupts:
            done = cli_cluster.repaint(cluster, places, styles, settings, load, save, lambda: interrupts.count > 0,
                                       frames=options.frames, again=options.again, quiet=options.json)
        return _report(options, done)
    with Interrupts() as interrupts, progress(quiet=options.json) as bar:
        def tell(text: str) -> None:
            if not options.json:
                bar.say(text)

        done = repaint(sources, options.output, paint, tell, frames=options.frames, again=options.again,
                       interrupted=lambda: interrupts.count > 0)
    return _report(options, done)


def _report(options: argparse.Namespace, done: Outcome) -> int:
    """Tell what became of many pictures; returns the exit status."""
    if options.json:
        print(json.dumps(done.as_json(), ensure_ascii=False))
    else:
        print(done.words(options.output.resolve()))
    return done.exit_status


def chosen_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the complete settings that the flags ask for.

    Raises:
        StyleError: ``bad-settings``.
    """
    values = {s.name: value for s in SETTINGS if (value := getattr(options, f"set_{s.name}")) is not None}
    try:
        return dict(validate(values))
    except SettingError as error:
        raise StyleError("bad-settings", str(error), "Correct that setting and try again.") from None


def style_weights(text: str | None, count: int) -> list[float]:
    """Return a weight for each of so many styles from the flag's text.

    Raises:
        StyleError: ``bad-arguments``.
    """
    if text is None:
        return [1.0] * count
    try:
        weights = numbers(text)
    except ValueError:
        weights = []
    if len(weights) != count or not all(0 <= weight < math.inf for weight in weights) or not any(weights):
        raise StyleError("bad-arguments", f"--weights “{text}” is not a number for each of the {count} styles.",
                         'Give as many as there are styles, e.g. --weights "2 1", not all 0.')
    return weights


def load_styles(options: argparse.Namespace, weights: list[float]) -> list[tuple[pictures.Pixels, float]]:
    """Return the pictures of the styles that were named, each with its weight."""
    return [(pictures.load(path).pixels, weight) for path, weight in zip(options.styles, weights, strict=True)]


def _depth(options: argparse.Namespace, photo: pictures.Picture) -> int:
    return photo.depth if options.depth == "auto" else int(options.depth)


def _paint(content: pictures.Pixels, styles: list[tuple[pictures.Pixels, float]], settings: dict[str, Any],
           interrupts: Interrupts, extras: Extras, options: argparse.Namespace,
           bar: Bar | Lines, ranks: Ranks | None = None) -> tuple[pictures.Pixels, wire.Finished] | None:
    """Paint one picture and show how it goes; None if it was cancelled."""
    every = options.save_every
    given = (content, styles, settings, interrupts, extras)
    events = (_local(*given, options.resume, every, ranks) if options.local
              else _served(*given, options.folder, options.connection, every))
    result: pictures.Pixels | None = None
    awaited: deque[int] = deque()
    for event in events:
        bar.show(event)
        if isinstance(event, wire.Progress) and _due(event, every):
            awaited.append(event.step)
        elif isinstance(event, wire.PictureArrived) and event.kind == "snapshot":
            pictures.save(at_step(options.output, awaited.popleft()), to_pixels(event.picture))
        elif isinstance(event, wire.PictureArrived):
            result = to_pixels(event.picture)
        elif isinstance(event, wire.Failed | wire.Disconnected):
            raise ServiceError(getattr(event, "code", "connection-lost"), event.sentence, event.remedy)
        elif isinstance(event, wire.Finished) and result is not None:
            return result, event
    return None


def _due(event: wire.Progress, every: int) -> bool:
    """Return whether the picture is to be kept at this step: every so many of the last scale, but not its last."""
    return bool(every) and event.scale == event.scales and event.step % every == 0 and event.step < event.steps


def at_step(output: Path, step: int) -> Path:
    """Return where ``--save-every`` keeps the picture after a step, e.g. ``result.step-0050.png``."""
    return output.with_name(f"{output.stem}.step-{step:04}{output.suffix}")


def _tell(options: argparse.Namespace, result: pictures.Pixels, finished: wire.Finished, seconds: float) -> None:
    height, width = result.shape[:2]
    if options.json:
        beside = str(options.side_by_side.resolve()) if options.side_by_side else None
        print(json.dumps({"output": str(options.output.resolve()), "side_by_side": beside, "width": width,
                          "height": height, "seconds": round(seconds, 3), "painting_seconds": round(finished.seconds, 3),
                          "device": finished.device, "stopped": finished.stopped, "settings": dict(finished.settings)},
                         ensure_ascii=False))
        return
    if finished.stopped:
        print("Stopped early; this is the picture so far.")
    print(f"{options.output.resolve()}  ({width} × {height} px)")
    if options.side_by_side:
        print(f"{options.side_by_side.resolve()}  (photo, style, result)")
    print(f"Painted in {finished.seconds:.1f} s ({seconds:.1f} s in all) on {finished.device}.")


def _check_output(path: Path, inputs: list[Path]) -> None:
    """Raise :class:`StyleError` now, not after the painting, if ``path`` could not be written."""
    if path.is_dir():
        raise StyleError("cannot-write", f"{path} is a folder.", "Name a file, e.g. result.png.")
    if not pictures.can_write(path):
        raise StyleError("cannot-write", f"“{path.name}” does not end in a kind of picture that can be written.",
                         "Name it e.g. result.png.")
    if path.exists() and any(source.exists() and path.samefile(source) for source in inputs):
        raise StyleError("cannot-write", f"{path} is one of the pictures to read.", "Choose another name for the result.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise StyleError("cannot-write", f"Nothing can be written to {path.parent} ({error.strerror}).",
                         "Choose another folder, or make room there.") from None


def _served(content: pictures.Pixels, styles: list[tuple[pictures.Pixels, float]], settings: dict[str, Any],
            interrupts: Interrupts, extras: Extras, folder: Path | None, connection: Path | None,
            every: int) -> Iterator[Event]:
    """Paint on the server, which is started if none runs; yields what happens until the job is over."""
    sent = [to_picture(pixels, "f32" if pixels.shape[0] * pixels.shape[1] <= _FLOAT_PIXELS else "u16")
            for pixels in (content, *(pixels for pixels, _ in styles), *([] if extras.start is None else [extras.start]))]
    begin = None if extras.start is None else sent.pop()
    yield wire.Starting("", "Calling the painting server")
    with Client.connect(folder, timeout=30.0, client_name="neural-style", connection_file=connection) as client:
        weighted = [(picture, weight) for picture, (_, weight) in zip(sent[1:], styles, strict=True)]
        job = client.submit(sent[0], weighted, settings, start=begin, previews=False, **extras.sent())
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
            if isinstance(event, wire.Progress) and _due(event, every):
                client.snapshot(job)
            if isinstance(event, wire.Finished | wire.Failed | wire.Cancelled | wire.Disconnected):
                return


def _local(content: pictures.Pixels, styles: list[tuple[pictures.Pixels, float]], settings: dict[str, Any],
           interrupts: Interrupts, extras: Extras, resume: Path | None, every: int,
           among: Ranks | None) -> Iterator[Event]:
    """Paint in this process; yields the same events as the server would send, and pictures on rank 0 alone.

    With ``resume`` the job's state is kept in that file every minute, before each scale and when it is interrupted, and
    gone on from if the file is there; it is removed when the picture is done.
    """
    yield wire.Starting("", "Loading the network")
    from stylecore import events, states
    from stylecore.job import Job, Style
    from stylecore.strips import ALONE

    if among is None:
        engine, ranks = local_engine(), ALONE
    else:
        engine, ranks = local_engine(*among.device()), among
    yield wire.Starting("", "Preparing the pictures")
    given = zip(styles, extras.style_guides, strict=True)
    job = Job(engine, content, [Style(*style, guide) for style, guide in given], settings, extras.guide,
              strength_map=extras.strength_map, start_picture=extras.start, ranks=ranks)
    if resume is not None and any(ranks.agree(resume.exists())):
        job.restore(states.load(resume))
        yield wire.Note("", "resumed", f"Going on from {resume}.")
    size, next_state = (1, 1), time.monotonic() + _STATE_SECONDS
    for event in job.run():
        begins = isinstance(event, events.ScaleStarted) and event.scale > 1
        # Of the processes that paint together, each may hear something else, at another time.
        count, due = ranks.agree(interrupts.count, begins or time.monotonic() > next_state)
        if resume is not None and (due or count == 1) and not isinstance(event, events.Finished):
            begin = time.monotonic()
            state = job.state()
            if ranks.rank == 0:
                states.save(resume, state)
            del state
            took = time.monotonic() - begin
            next_state = time.monotonic() + max(_STATE_SECONDS, _STATE_SHARE * took)
        if count == 1:
            job.stop()
        elif count > 1:
            job.cancel()
        if isinstance(event, events.ScaleStarted):
            size = (event.width, event.height)
        elif isinstance(event, events.StepDone):
            done = wire.Progress("", event.scale, event.scales, event.step, event.steps, event.fraction,
                                 event.seconds_left, {"total": event.total_loss}, *size)
            yield done
            if _due(done, every):
                image = job.image()
                if ranks.rank == 0:
                    yield wire.PictureArrived("", "snapshot", to_picture(image, "f32"))
        elif isinstance(event, events.Note):
            yield wire.Note("", event.code, event.sentence)
        elif isinstance(event, events.Finished) and ranks.rank == 0:
            if resume is not None and not event.stopped:
                resume.unlink(missing_ok=True)
            yield wire.PictureArrived("", "final", to_picture(job.image(), "f32"))
            yield wire.Finished("", event.seconds, event.stopped, event.settings, engine.device_name)


@functools.cache
def local_engine(device: str = "auto", threads: int | None = None) -> Engine:
    """Return this process's engine, which is loaded once."""
    from stylecore.engine import Engine

    return Engine(device, threads=threads)


def side_by_side(content: pictures.Pixels, styles: list[pictures.Pixels], result: pictures.Pixels) -> Image.Image:
    """Return photo, styles and result in one row of equal height on paper white, each with its name below."""
    names = ["Photo", *(["Style"] if len(styles) == 1 else [f"Style {n + 1}" for n in range(len(styles))]), "Result"]
    height = min(_PANEL_HEIGHT, max(result.shape[0], 240))
    panels = [_panel(pixels, height) for pixels in (content, *styles, result)]
    gap, label = height // 24, height // 9
    sheet = Image.new("RGB", (sum(p.width for p in panels) + gap * (len(panels) + 1), height + gap + label), "#faf8f4")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=max(14, height // 20))
    x = gap
    for panel, name in zip(panels, names, strict=True):
        sheet.paste(panel, (x, gap))
        draw.text((x + panel.width // 2, gap + height + label // 2), name, fill="#3a3632", font=font, anchor="mm")
        x += panel.width + gap
    return sheet


def _panel(pixels: pictures.Pixels, height: int) -> Image.Image:
    """Return the picture at this height on white; a very wide one shows its middle."""
    if pixels.shape[1] > pixels.shape[0] * _WIDEST_PANEL:
        width = max(1, int(pixels.shape[0] * _WIDEST_PANEL))
        left = (pixels.shape[1] - width) // 2
        pixels = np.ascontiguousarray(pixels[:, left:left + width])
    image = pictures.to_image(pixels)
    size = (max(1, round(image.width * height / image.height)), height)
    image = image.resize(size, Image.Resampling.LANCZOS)
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image
