"""Many pictures on the machines of a Ray cluster: each is a task; what is known of the styles is measured once."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.discovery import default_folder
from server.protocol import VERSION
from stylecore import system
from stylecore.errors import StyleError
from stylecore.files.pictures import Pixels
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

if TYPE_CHECKING:
    from stylecore.device.engine import Engine
    from stylecore.painting.targets import Targets

#: How often a picture is begun again when the machine that painted it is lost.
_RETRIES = 5
#: So many pictures for each that can be painted at once are read ahead; more would only fill the memory.
_AHEAD = 2
#: What is known of the styles is kept for so many sizes of photos, some megabytes each.
_SIZES = 16
_POLL_SECONDS = 0.2
_KNOCK_SECONDS = 10.0
#: How often the driver looks which machines are there, and a task tells how far it is.
_LOOK_SECONDS = 2.0
_TELL_SECONDS = 0.5
_SAME = "Install the same version on all of them, and run “ray start” from its environment: see docs/cluster.md."
#: A worker sees all GPUs of its machine and takes the one it was given, so that it can be used again for another one.
_WORKERS = {"env_vars": {"RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1"}}


@dataclass(frozen=True)
class Painted:
    """What comes back: the result, and what its user should know, in sentences."""

    pixels: Pixels
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Share:
    """What one picture takes of a machine; ``neighbours`` are painted on the same one at the same time, itself included."""

    gpus: int
    cpus: int
    neighbours: int


#: What a task gives back: the picture, or an error's code, sentence and remedy. (Our errors do not survive pickling.)
_Answer = Painted | tuple[str, str, str]


@dataclass
class Cluster:
    """A Ray cluster that this process has joined; use it as a context manager.

    Args:
        address: ``auto`` for the cluster that this computer is part of, or ``HOST:PORT`` of its head.

    Raises:
        StyleError: ``cluster-missing`` without Ray, ``cluster-absent`` if there is no such cluster.
    """

    address: str
    _ray: Any = field(default=None, repr=False)
    _opened: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def __enter__(self) -> Cluster:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise StyleError(
                "cluster-missing",
                "--cluster needs Ray, which is not installed.",
                f'Install it here and on every machine of the cluster: {sys.executable} -m pip install "ray>=2.52"',
            ) from None
        try:
            self._knock()
            ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR, runtime_env=_WORKERS)
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise StyleError(
                "cluster-absent",
                f"There is no Ray cluster to join at “{self.address}” ({_said(error)}).",
                "Start one, or let this computer join it, with “ray start” and the cluster's token: see docs/cluster.md.",
            ) from None
        self._ray = ray
        # Where Ray prints the log of a machine that is lost, among what belongs to programs (--json).
        self._opened.enter_context(contextlib.redirect_stdout(io.StringIO()))
        self._opened.callback(ray.shutdown)
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _knock(self) -> None:
        """Raise OSError at once if nothing listens at the address: Ray would try for minutes."""
        address = self.address
        if address == "auto":
            with contextlib.suppress(OSError):  # where “ray start” notes it; one that crashed is noted still
                address = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster").read_text().strip()
        host, _, port = address.rpartition(":")
        if host and port.isdigit():
            socket.create_connection((host.strip("[]"), int(port)), _KNOCK_SECONDS).close()

    @property
    def ray(self) -> Any:
        """The module, for what else is to be done there."""
        return self._ray

    def share(self) -> Share:
        """Return what a picture takes of a machine: a GPU if there are any, else as many threads as a run on this computer.

        With another number of threads a picture is rounded otherwise.

        Raises:
            StyleError: ``cluster-empty``.
        """
        nodes = self._nodes()
        if any(node.get("GPU", 0) >= 1 for node in nodes):
            return Share(1, 1, 1)
        processors = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
        if not processors:
            raise StyleError(
                "cluster-empty",
                "No machine of the Ray cluster has a processor to paint with.",
                "Let one join it with “ray start”: see docs/cluster.md.",
            )
        here = system.usable_cores()
        threads = min(here, *processors)
        return Share(0, threads, max(processors) // threads)

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def places(self, share: Share) -> int:
        """Return how many pictures can be painted at once."""
        if share.gpus:
            return sum(int(node.get("GPU", 0)) for node in self._nodes())
        return sum(int(node.get("CPU", 0)) // share.cpus for node in self._nodes())

    def paint(
        self,
        sequences: Sequence[Sequence[Path]],
        prepare: Callable[[Path], PaintRequest[Pixels]],
        styles: Sequence[Style[Pixels]],
        settings: Settings,
        *,
        interrupted: Callable[[], bool],
        tell: Callable[[Mapping[Path, float]], None],
        say: Callable[[str], None],
    ) -> Iterator[tuple[Path, Painted | StyleError]]:
        """Paint every picture somewhere; yields each when it is done, in no order.

        A picture whose machine is lost is painted on another. When ``interrupted``, what is being painted is dropped and
        the iteration ends.

        Args:
            sequences: pictures, in an order that is kept within a sequence: the next is prepared once the caller has
                taken the one before it.
            prepare: reads a picture, and its masks; may raise :class:`StyleError`.
            styles: what all are painted with; sent once.
            settings: how they are to be painted.
            interrupted: whether Ctrl-C was pressed.
            tell: is given now and then how far, 0 to 1, each picture is that is being painted.
            say: is given a sentence when a machine is lost.

        Raises:
            StyleError: ``cluster-empty``.
        """
        ray, share = self._ray, self.share()
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        board = ray.remote(_Board).options(num_cpus=0, scheduling_strategy=here).remote()
        needs = {"num_gpus": share.gpus, "num_cpus": share.cpus, "max_retries": _RETRIES, "max_calls": 0}
        task, measure = (ray.remote(**needs)(function) for function in (_paint, _measure))
        sent = ray.put([*styles]), ray.put(settings), share

        @functools.lru_cache(_SIZES)
        def targets(height: int, width: int) -> Any:
            return measure.remote(VERSION, height, width, *sent)

        waiting = deque(deque(sequence) for sequence in sequences if sequence)
        running: dict[Any, tuple[Path, deque[Path]]] = {}
        places, look = 0, 0.0
        try:
            while (waiting or running) and not interrupted():
                if time.monotonic() > look:
                    look, before, places = time.monotonic() + _LOOK_SECONDS, places, self.places(share)
                    if places < before:
                        say(
                            "A machine of the cluster is lost. "
                            + (
                                "What it was painting is begun again on another one."
                                if places
                                else "There is no other; waiting for one to come back. Ctrl-C keeps what is done."
                            )
                        )
                while waiting and len(running) < places * _AHEAD and not interrupted():
                    sequence = waiting.popleft()
                    source = sequence.popleft()
                    try:
                        request = prepare(source)
                    except StyleError as error:
                        yield source, error
                        if sequence:
                            waiting.appendleft(sequence)
                        continue
                    where: list[Style[Any]] = [Style(None, style.weight, style.paints_where) for style in request.styles]
                    bare = replace(request, styles=where)
                    known = targets(*request.content.shape[:2])
                    running[task.remote(VERSION, str(source), bare, *sent, known, board)] = source, sequence
                for reference in ray.wait([*running], timeout=_POLL_SECONDS)[0] if running else ():
                    source, sequence = running.pop(reference)
                    yield source, self._answer(reference)
                    if sequence:
                        waiting.appendleft(sequence)
                if not running:
                    time.sleep(_POLL_SECONDS if not places else 0)
                tell({Path(name): fraction for name, fraction in self._read(board).items()})
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _answer(self, reference: Any) -> Painted | StyleError:
        try:
            answer: _Answer = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            said = _said(getattr(error, "cause", None) or error)
            if "ModuleNotFoundError" in said:
                return StyleError("cluster-version", f"A machine of the cluster lacks neural-style ({said}).", _SAME)
            return StyleError(
                "cluster-lost",
                f"The cluster could not paint it: {said}",
                "Look at its machines with “ray status”, then run the same command again.",
            )
        return answer if isinstance(answer, Painted) else StyleError(*answer)

    def _read(self, board: Any) -> dict[str, float]:
        try:
            return dict(self._ray.get(board.read.remote(), timeout=_LOOK_SECONDS))
        except self._ray.exceptions.RayError:
            return {}


def _said(error: object) -> str:
    """Return an error's text on one line, without its traceback."""
    text = str(error).strip()
    return (" ".join(text.split()) if "Traceback" not in text else text.splitlines()[-1])[:300] or type(error).__name__


class _Board:
    """An actor that keeps how far the pictures are."""

    def __init__(self) -> None:
        self._fractions: dict[str, float] = {}

    def tell(self, name: str, fraction: float | None) -> None:
        """Note how far one is; ``None`` once it is painted."""
        if fraction is None:
            self._fractions.pop(name, None)
        else:
            self._fractions[name] = fraction

    def read(self) -> dict[str, float]:
        """Return how far each is."""
        return self._fractions


def _measure(
    version: str, height: int, width: int, styles: Sequence[Style[Pixels]], settings: Settings, share: Share
) -> Targets:
    """Return what is known of the styles for photos of a size; runs on any machine of the cluster."""
    import numpy as np

    from stylecore.painting.job import Job
    from stylecore.painting.targets import Targets

    targets = Targets()
    # What is wrong is said by the pictures themselves, for which this only is a help.
    if version == VERSION and settings.colours != "match":
        try:
            engine = _engine(_device(share.gpus), share.cpus)
            grey = np.full((height, width, 3), 0.5, np.float32)
            Job(engine, PaintRequest(grey, styles, _within(settings, engine, share)), targets=targets).measure_styles()
        except StyleError:
            return Targets()
    return targets


def _paint(
    version: str,
    name: str,
    bare: PaintRequest[Any],
    styles: Sequence[Style[Pixels]],
    settings: Settings,
    share: Share,
    targets: Targets,
    board: Any,
) -> _Answer:
    """Paint what ``bare``, a request without the styles' pictures, asks for; runs on any machine of the cluster."""
    if version != VERSION:
        return "cluster-version", f"A machine of the cluster has neural-style {VERSION}, this one {version}.", _SAME
    from stylecore.events import Note, StepDone
    from stylecore.painting.job import Job

    notes, told = [], 0.0
    try:
        engine = _engine(_device(share.gpus), share.cpus)
        whole = [replace(own, picture=style.picture) for own, style in zip(bare.styles, styles, strict=True)]
        job = Job(engine, replace(bare, styles=whole, settings=_within(settings, engine, share)), targets=targets)
        for event in job.run():
            if isinstance(event, Note):
                notes.append(event.sentence)
            elif isinstance(event, StepDone) and time.monotonic() > told + _TELL_SECONDS:
                board.tell.remote(name, event.fraction)
                told = time.monotonic()
        board.tell.remote(name, None)
        return Painted(job.image(), tuple(notes))
    except StyleError as error:
        return error.code, error.sentence, error.remedy


def _within(settings: Settings, engine: Engine, share: Share) -> Settings:
    """Return the settings with a limit of memory that leaves the neighbours their part."""
    if settings.memory_limit or share.neighbours == 1:
        return settings
    return replace(settings, memory_limit=min(1024.0, engine.memory()["total"] / share.neighbours / 2**30))


def _device(gpus: int) -> str:
    """Return the device that this task was given."""
    if not gpus:
        return "cpu"
    import ray

    (given,) = ray.get_gpu_ids()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return f"cuda:{visible.split(',').index(str(given)) if visible else given}"


@functools.cache
def _engine(device: str, threads: int) -> Engine:
    """Return the engine of this worker process, which is loaded once."""
    from stylecore.device.engine import Engine

    return Engine(device, threads=threads, folder=default_folder())
