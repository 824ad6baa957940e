"""The engine processes: one for each GPU, one on a machine without, started when there is work and ended when not."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from server.engine.authenticator import Authenticator
from server.engine.link import EngineLink
from server.engine.transport import remove_stale_files
from stylecore import system
from stylecore.errors import Fault, fault

log = logging.getLogger("engines")

#: An engine whose pulse has stopped for so long hangs. While it loads, importing torch from a cold disk can stop it.
SILENT_SECONDS = 4.0
SILENT_LOADING_SECONDS = 60.0
LOADING_SECONDS = 300.0
#: A step that takes this long, and so many times what it should, is told; after the second pair the engine is replaced.
SLOW_SECONDS, SLOW_TIMES = 4.0, 3.0
HUNG_SECONDS, HUNG_TIMES = 60.0, 30.0


@dataclass(frozen=True)
class EngineOptions:
    """How engines are run: ``count`` 0 takes one for each GPU, or one; ``hung_seconds`` see :data:`HUNG_SECONDS`.

    ``weights`` ``None`` are those of each engine's own environment (:class:`stylecore.device.engine.Engine`).

    With ``cluster``, the address of a Ray cluster, they are on its machines; ``count`` 0 then takes as many as fit there.
    """

    device: str = "auto"
    weights: str | None = None
    threads: int | None = None
    count: int = 0
    hung_seconds: float = HUNG_SECONDS
    cluster: str | None = None


class Engines:
    """The pool of engine processes of one server."""

    def __init__(
        self, context: zmq.Context[Any], authenticator: Authenticator, folder: Path, options: EngineOptions
    ) -> None:
        self._context = context
        self._authenticator = authenticator
        self._folder = folder
        self._options = options
        self._links: list[EngineLink] = []
        self._devices = 0
        remove_stale_files(folder)

    def __iter__(self) -> Iterator[EngineLink]:
        return iter(list(self._links))

    def __len__(self) -> int:
        return len(self._links)

    @property
    def most(self) -> int:
        """How many engines there may be; known for sure once the first has looked for GPUs."""
        return self._options.count or max(1, self._devices)

    @property
    def sources(self) -> list[Any]:
        """What to poll."""
        return [source for link in self._links for source in (link.socket, link.pulse)]

    def start(self) -> EngineLink | None:
        """Start another engine; None if there are enough.

        Raises:
            OSError: it cannot be started.
        """
        if len(self._links) >= self.most:
            return None
        number = min(set(range(self.most)) - {link.number for link in self._links})
        program = "server.engine.process" if self._options.cluster is None else "server.cluster.relay"
        link = EngineLink(self._context, self._authenticator, self._folder, number, self._arguments(number), program)
        self._links.append(link)
        log.info("engine process %d started", link.process.pid)
        return link

    def _arguments(self, number: int) -> list[str]:
        options = self._options
        device = options.device
        weights = [] if options.weights is None else ["--weights", options.weights]
        if options.cluster is not None:  # Ray says which GPU, and the relay how many threads
            return [
                "--cluster",
                options.cluster,
                "--device",
                device,
                *weights,
                *([] if options.threads is None else ["--threads", str(options.threads)]),
            ]
        if self._devices > 1 and device in ("auto", "cuda"):
            device = f"cuda:{number % self._devices}"
        threads = options.threads
        if threads is None and self.most > 1 and not self._devices:
            threads = max(1, system.usable_cores() // self.most)
        return ["--device", device, *weights, *([] if threads is None else ["--threads", str(threads)])]

    def is_ready(self, link: EngineLink, device: str, memory: dict[str, Any], devices: int) -> None:
        """Note that an engine has loaded its network, on one of so many devices of its kind."""
        link.ready, link.device, link.memory = True, device, memory
        link.idle_since = time.monotonic()
        if self._options.device in ("auto", "cuda"):
            self._devices = max(self._devices, devices)
        log.info("engine process %d ready on %s after %.1f s", link.process.pid, device, time.monotonic() - link.started)

    def end(self, link: EngineLink) -> None:
        """End an engine and give its memory back."""
        if link in self._links:
            self._links.remove(link)
            link.end()

    def trouble(self, link: EngineLink, now: float) -> Fault | None:
        """Return why a living engine must be replaced, or None; ``now`` is a moment that what was heard is known up to."""
        silent = now - link.heard
        if silent > (SILENT_SECONDS if link.ready else SILENT_LOADING_SECONDS):
            return fault("engine-hung:silent", seconds=f"{silent:.0f}")
        if not link.ready and now - link.started > LOADING_SECONDS:
            return fault("engine-hung:loading", seconds=f"{LOADING_SECONDS:.0f}")
        if link.step > max(self._options.hung_seconds, HUNG_TIMES * link.expected):
            return fault("engine-hung:step", seconds=f"{link.step:.0f}")
        return None

    def slow(self, link: EngineLink) -> bool:
        """Return True once for each step that takes suspiciously long."""
        slow = link.step > max(SLOW_SECONDS, SLOW_TIMES * link.expected)
        news = slow and not link.told_slow
        link.told_slow = slow
        return news
