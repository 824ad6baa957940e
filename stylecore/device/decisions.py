"""What was decided for a machine, kept in a file: every process there computes alike, today and after a busy day.

A decision that rests on a measurement can turn out otherwise the next time. It is made once, and made anew for another
version of PyTorch, another processor or another device; removing the file does so too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

from stylecore.device import kept
from stylecore.device.machine import Machine
from stylecore.errors import StyleError
from stylecore.network.arithmetic import Decision

#: The file in the folder that is given.
FILE_NAME = "arithmetic.json"
# Raised when decisions are made by other rules, or their arithmetic rounds otherwise: all are then made anew.
_VERSION = 1
# A home that many computers share has an entry for each kind of them.
_MOST_MACHINES = 64


def decided(folder: Path | None, machine: Machine, decide: Callable[[], Decision]) -> Decision:
    """Return the decision for ``machine`` that is kept in ``folder``; if there is none, ``decide`` makes it, to be kept.

    Of processes that decide at the same time, all take what the first of them has written.

    Args:
        folder: made if it is not there, for this user alone. ``None``, or one that cannot be written: the decision is this
            process's own.
        machine: whose.
        decide: makes the decision; what it raises is passed on, and nothing is kept.
    """
    if folder is None:
        return decide()
    path = folder / FILE_NAME
    before = _read(path).get(machine)
    if before is not None:
        return before
    own = decide()
    try:
        with kept.alone(path):
            known = _read(path)
            if machine not in known:
                _write(path, {**known, machine: own})
                known = _read(path)
    except (OSError, StyleError):  # no folder to write in, or no room, which the server tells when it starts there
        return own
    return known.get(machine, own)


def _read(path: Path) -> dict[Machine, Decision]:
    """Return what the file says, from the oldest on; of a damaged or foreign one what can be understood, or nothing."""
    machines = kept.read(path, _VERSION).get("machines")
    if not isinstance(machines, list):
        return {}
    return dict(entry for entry in map(_entry, machines) if entry is not None)


def _entry(stored: object) -> tuple[Machine, Decision] | None:
    names, answers = ([field.name for field in fields(kind)] for kind in (Machine, Decision))
    if not isinstance(stored, dict) or set(stored) != {*names, *answers}:
        return None
    if not all(isinstance(stored[name], str) for name in names) or not all(type(stored[name]) is bool for name in answers):
        return None
    return Machine(**{name: stored[name] for name in names}), Decision(**{name: stored[name] for name in answers})


def _write(path: Path, decisions: dict[Machine, Decision]) -> None:
    newest = list(decisions.items())[-_MOST_MACHINES:]
    machines = [{**asdict(machine), **asdict(decision)} for machine, decision in newest]
    kept.write(path, _VERSION, {"machines": machines})
