"""What the server says of itself and of its jobs: for ``neural-style status`` and the log."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from server import protocol
from server.broker.ledger import Ledger
from server.engine.link import EngineLink
from server.engine.pool import Engines
from server.protocol import Shape
from stylecore.settings import Settings


def described(shapes: Sequence[Shape], fields: Mapping[str, Any]) -> str:
    """Return a job's sizes and those settings that are not the defaults, e.g. ``64x48 px u8, 1 style, quality=draft``."""
    content, count = shapes[0], len(fields["weights"])
    words = [f"{content.width}x{content.height} px {content.kind}", f"{count} style{'s' if count != 1 else ''}"]
    if fields["guided"]:
        words.append("guided")
    if any(fields["style_guides"]):
        words.append("regions")
    if fields["strength_map"]:
        words.append("strength map")
    if fields["until"] != "full":
        words.append("preview first")
    settings = fields["settings"]
    words += [f"{name}={getattr(settings, name)}" for name in settings.changed_from(Settings())]
    return ", ".join(words)


def report(
    ledger: Ledger,
    engines: Engines,
    *,
    clients: int,
    began: float,
    device: str,
    memory: Mapping[str, Any],
    why: Mapping[str, Any],
    folder: Path,
    remote: str,
) -> dict[str, Any]:
    """Return the report that a client can ask for: numbers in seconds and bytes, ``fraction`` from 0 to 1.

    ``device``, ``memory`` and ``why`` (that is the processor, if a GPU might be expected) are what the last engine said,
    ``began`` is when the server started.
    """
    now = time.monotonic()
    order = {job.name: place for place, job in enumerate(ledger.queue, 1)}
    jobs = [
        {
            "job": job.name,
            "client": job.client_name,
            "state": job.state,
            "pictures": job.described,
            "fraction": round(job.fraction, 3),
            "seconds": round(now - job.submitted, 1),
            "place": order.get(job.name, 0),
            "engine_pid": job.engine.process.pid if job.engine is not None else 0,
        }
        for job in ledger.all()
    ]
    busy = {job.engine for job in ledger.all() if job.state == "running"}
    each = [
        {
            "pid": link.process.pid,
            "device": link.device,
            "memory": link.memory,
            "state": _state(link, link in busy),
            "seconds_up": round(now - link.started, 1),
        }
        for link in engines
    ]
    states = [engine["state"] for engine in each]
    summary = next((state for state in ("busy", "loading", "idle") if state in states), "none")
    return {
        "version": protocol.VERSION,
        "pid": os.getpid(),
        "seconds_up": round(now - began, 1),
        "device": device,
        "memory": memory,
        "why": dict(why),
        "engine": summary,
        "engine_pid": each[0]["pid"] if each else 0,
        "engines": each,
        "engines_at_most": engines.most,
        "clients": clients,
        "jobs": jobs,
        "folder": str(folder),
        "listens_at": remote,
    }


def _state(link: EngineLink, busy: bool) -> str:
    return "busy" if busy else "idle" if link.ready else "loading"
