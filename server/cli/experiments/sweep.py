"""A grid over one or two settings: which runs it takes, what each leaves, and going on after an interruption."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.protocol import VERSION
from stylecore.files import pictures, writing
from stylecore.files.replacing import replacing
from stylecore.grids import STEPS, Axis, check_axes
from stylecore.request import PaintRequest, Style
from stylecore.setting_kinds import Value, plain
from stylecore.settings import Settings

if TYPE_CHECKING:
    from stylecore.device.engine import Engine

_MOST_CELLS = 400


@dataclass(frozen=True)
class Loss:
    """The losses after a step at the last scale; content and style before their weights."""

    step: int
    total: float
    content: float
    style: float
    layers: dict[str, float]


@dataclass
class Run:
    """One painting: its settings, and the cells that it fills, by their number of steps (0: at its end)."""

    values: dict[str, Value]
    settings: Settings
    cells: dict[int, str]
    losses: list[Loss] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """What tells it from the others, e.g. ``'style_weight=8000'``; empty if there is but one."""
        return ",".join(f"{name}={_short(value)}" for name, value in self.values.items())


def _short(value: Value) -> str:
    return plain(value) if isinstance(value, float) else str(value).replace(" ", "-")


def runs_of(axes: Sequence[Axis], settings: Settings, *, reverse: bool) -> list[Run]:
    """Return the runs that fill the grid.

    Args:
        axes: one or two, of different settings.
        settings: the others' values.
        reverse: exchange the roles of content and style: the raw weights change places, the strength is counted from the
            other end.

    Raises:
        StyleError: ``bad-arguments``.
    """
    check_axes(axes, _MOST_CELLS)
    varied = [axis for axis in axes if axis.name != STEPS]
    counts = next((sorted(int(value) for value in axis.values) for axis in axes if axis.name == STEPS), [0])
    grid = list(product(*(axis.values for axis in varied)))
    runs = []
    for values in grid:
        own: dict[str, Any] = dict(zip((axis.name for axis in varied), values, strict=True))
        complete = replace(settings, **{**own, STEPS: max(counts) or settings.iterations})
        if reverse:
            complete = replace(
                complete,
                content_weight=complete.style_weight,
                style_weight=complete.content_weight,
                strength=100.0 - complete.strength,
            )
        run = Run(own, complete, {})
        for count in counts:
            parts = [run.name, f"steps={count}" if count else ""]
            run.cells[count] = ",".join(filter(None, parts)) + ".png"
        runs.append(run)
    return runs


class Sweep:
    """The runs of a sweep in a folder.

    Args:
        folder: where everything goes.
        content, styles: the pictures, H × W × 3 or 4 float32.
        runs: of :func:`runs_of`; those that the folder holds from an earlier sweep with the same pictures and settings are
            not painted again.
    """

    def __init__(
        self, folder: Path, content: pictures.Pixels, styles: Sequence[Style[pictures.Pixels]], runs: Sequence[Run]
    ) -> None:
        self.folder, self.runs = folder, list(runs)
        self._content, self._styles = content, list(styles)
        digest = hashlib.sha256(VERSION.encode())
        for pixels, weight in [(content, 1.0), *((style.picture, style.weight) for style in styles)]:
            digest.update(f"{pixels.shape} {weight}".encode())
            digest.update(pixels.tobytes())
        self._digest = digest.hexdigest()

    def paint(self, engine: Callable[[], Engine], interrupted: Callable[[], bool]) -> Iterator[tuple[Run, float | None]]:
        """Paint what is missing; yields each run with how far it is (0 to 1), and with ``None`` once it is complete.

        Ends after the step at hand when ``interrupted`` says so; the unfinished run is then painted anew the next time.

        Raises:
            StyleError: what painting or writing raises.
        """
        for run in self.runs:
            if not self._recall(run):
                for fraction in self._paint(run, engine()):
                    yield run, fraction
                    if interrupted():
                        return
                self._remember(run)
            yield run, None

    def _record(self, run: Run) -> Path:
        return self.folder / "runs" / f"{run.name or 'run'}.json"

    def _recall(self, run: Run) -> bool:
        """Take over what an earlier sweep left of a run; return whether it did all of it."""
        try:
            kept = json.loads(self._record(run).read_text("utf-8"))
        except (OSError, ValueError):
            return False
        same = kept.get("pictures") == self._digest and kept.get("settings") == asdict(run.settings)
        if not same or not set(run.cells.values()) <= set(kept["cells"]):
            return False
        if not all((self.folder / name).is_file() for name in run.cells.values()):
            return False
        run.losses, run.seconds = [Loss(**loss) for loss in kept["losses"]], kept["seconds"]
        return True

    def _remember(self, run: Run) -> None:
        record = self._record(run)
        record.parent.mkdir(exist_ok=True)
        losses = [asdict(loss) for loss in run.losses]
        kept = {
            "pictures": self._digest,
            "settings": asdict(run.settings),
            "cells": sorted(run.cells.values()),
            "seconds": run.seconds,
            "losses": losses,
        }
        with replacing(record) as beside:
            beside.write_text(json.dumps(kept), "utf-8")

    def _paint(self, run: Run, engine: Engine) -> Iterator[float]:
        from stylecore.events import StepDone
        from stylecore.painting.job import Job

        begin = time.monotonic()
        run.losses = []
        missing = dict(run.cells)
        job = Job(engine, PaintRequest(self._content, self._styles, run.settings))
        for event in job.run():
            if isinstance(event, StepDone) and event.scale == event.scales:
                run.losses.append(
                    Loss(event.step, event.total_loss, event.content_loss, event.style_loss, dict(event.style_losses))
                )
                if event.step in missing and event.step < event.steps:
                    writing.save(self.folder / missing.pop(event.step), job.image())
            if isinstance(event, StepDone):
                yield event.fraction
        # The last count, and those that a run which could get no further never came to.
        for name in missing.values():
            writing.save(self.folder / name, job.image())
        run.seconds = time.monotonic() - begin


def cell_losses(run: Run, count: int) -> Loss | None:
    """Return a cell's losses: those after ``count`` steps, or the last ones."""
    return next((loss for loss in run.losses if loss.step == count), run.losses[-1] if run.losses else None)
