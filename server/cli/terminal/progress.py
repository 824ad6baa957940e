"""How far painting is, shown on the standard error: bars on a terminal, lines in a log or a pipe."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from server.cli.terminal.output import counted, listed, shown, tell
from server.client import client as wire
from server.client.client import Event


class Lines:
    """Progress for a log or a pipe: a line now and then on stderr."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._next = 0.0

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, event: Event) -> None:
        """Show what there is to show."""
        text = _words(event)
        if isinstance(event, wire.Progress):
            now = time.monotonic()
            if now < self._next:
                return
            self._next = now + 2.0
            text = f"{event.fraction:4.0%}  {text}"
        if text:
            self.say(text)

    def say(self, text: str) -> None:
        """Say something that is no event."""
        if not self._quiet:
            tell(text)


class Bar:
    """Progress for a terminal: rich's bar, with the seconds left that the engine estimates."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("", total=1.0, left="")

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Say something that is no event."""
        self._bar.console.print(shown(text), markup=False, highlight=False, soft_wrap=True)

    def show(self, event: Event) -> None:
        """Show what there is to show."""
        if isinstance(event, wire.Note):
            self.say(event.words)
        elif isinstance(event, wire.Finished):
            self._bar.update(self._task, completed=1.0, description="Done", left="")
        elif isinstance(event, wire.Progress):
            doing = "Painting" if event.step else "Preparing"
            description = f"{doing} {event.width} × {event.height}"
            self._bar.update(self._task, completed=event.fraction, description=description, left=_left(event))
        elif text := _words(event):
            self._bar.update(self._task, description=text)


def progress(*, quiet: bool) -> Bar | Lines:
    """Return a bar if the standard error is a terminal, else lines; ``quiet`` shows nothing."""
    terminal = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Bar() if terminal and not quiet else Lines(quiet)


def _words(event: Event) -> str:
    if isinstance(event, wire.Starting):
        return f"{event.text} …"
    if isinstance(event, wire.Queued):
        return f"Waiting for {counted(event.position, 'other job')} …" if event.position else ""
    if isinstance(event, wire.Progress):
        parts = [f"{event.width} × {event.height} px", f"scale {event.scale} of {event.scales}", _left(event)]
        return ", ".join(filter(None, parts))
    return event.words if isinstance(event, wire.Note) else ""


def _left(event: wire.Progress) -> str:
    return f"{math.ceil(event.seconds_left)} s left" if event.known else ""


class Several:
    """How far several paintings are: a bar on a terminal, a line for each elsewhere."""

    def __init__(self, count: int, *, quiet: bool, first: str = "Loading the network …") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.done = 0
        self._begin = time.monotonic()
        self._under_way = 0.0
        self._quiet, self._count = quiet, count
        console = Console(stderr=True)
        self._terminal = console.is_terminal and not quiet
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            console=console,
            disable=not self._terminal,
        )
        self._task = self._bar.add_task(first, total=float(count))

    def __enter__(self) -> Several:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def say(self, text: str) -> None:
        """Say something beside."""
        if self._terminal:
            self._bar.console.print(shown(text), markup=False, highlight=False, soft_wrap=True)
        elif not self._quiet:
            tell(text)

    def under_way(self, fractions: Mapping[Path, float]) -> None:
        """Show how far, 0 to 1, several paintings are that are made at once."""
        self._under_way = sum(fractions.values())
        if fractions:
            names = shown(listed(sorted(path.name for path in fractions)))
            self._bar.update(self._task, completed=self.done + self._under_way, description=names)

    def show(self, name: str, fraction: float | None) -> None:
        """Show how far a painting is; ``None`` when it is complete."""
        if fraction is None:
            self.done += 1
            if not self._quiet and not self._terminal:
                left = (time.monotonic() - self._begin) * (self._count / (self.done + self._under_way) - 1)
                tell(f"{self.done} of {self._count}: {name}, {math.ceil(max(0.0, left))} s left")
        self._bar.update(self._task, completed=self.done + (fraction or 0.0), description=shown(name))
