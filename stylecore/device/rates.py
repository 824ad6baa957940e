"""What painting costs on a machine, kept in a file: the next job's time is known before it has begun.

Seconds are kept for a unit of work, which is a pixel: what a pixel costs differs with the size, since caches are small and
libraries take other ways, so that each size has its own. The last few jobs are remembered and the middle one is taken: some
of them were painted beside other work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from stylecore.device import kept
from stylecore.device.machine import Machine
from stylecore.errors import StyleError

#: The file in the folder that is given.
FILE_NAME = "rates.json"
_VERSION = 1
_MOST_REMEMBERED = 5
_MOST_MACHINES = 64
# Half an octave of work shares a rate; one that is so many of them away is a guess.
_STEPS_AN_OCTAVE, _NEAR = 2, 2


@dataclass(frozen=True)
class Cost:
    """What a scale costs in seconds: each of its ``step``, and ``preparing`` it; ``learned`` if on this machine."""

    step: float
    preparing: float
    learned: bool = False


class Rates:
    """The costs on one machine with one number of threads.

    Args:
        folder: where they are kept; ``None``: nothing is known, and nothing kept.
        machine: whose they are.
        threads: how many threads paint.
        weights: how many numbers the network has: users may bring their own.
    """

    def __init__(self, folder: Path | None, machine: Machine, threads: int, weights: int = 0) -> None:
        self._path = None if folder is None else folder / FILE_NAME
        self._whose: dict[str, Any] = {**asdict(machine), "threads": threads, "weights": weights}

    def cost(self, kind: str, work: float) -> Cost | None:
        """Return what a scale will cost, or ``None`` if none of its kind was ever painted.

        Args:
            kind: what makes a pixel dearer, in words.
            work: of a step, in pixels.
        """
        rates = self._rates(self._entries()).get(kind, {})
        known = sorted((int(size), _middle(taken)) for size, taken in rates.items())
        if not known:
            return None
        place = _STEPS_AN_OCTAVE * math.log2(work)
        below = [each for each in known if each[0] <= place]
        above = [each for each in known if each[0] > place]
        first, last = (below or above)[-1 if below else 0], (above or below)[0 if above else -1]
        share = (place - first[0]) / (last[0] - first[0]) if first[0] != last[0] else 0.0
        step, preparing = (a + (b - a) * share for a, b in zip(first[1], last[1], strict=True))
        return Cost(step * work, preparing * work, min(abs(each - place) for each, _ in known) <= _NEAR)

    def learn(self, kind: str, work: float, cost: Cost) -> None:
        """Keep what a scale has cost; where nothing can be written, nothing is."""
        if self._path is None:
            return
        try:
            with kept.alone(self._path):
                entries = self._entries()
                rates = {key: dict(value) for key, value in self._rates(entries).items()}
                sizes = rates.setdefault(kind, {})
                size = str(round(_STEPS_AN_OCTAVE * math.log2(work)))
                sizes[size] = [*sizes.get(size, []), [cost.step / work, cost.preparing / work]][-_MOST_REMEMBERED:]
                others = [entry for entry in entries if entry.get("whose") != self._whose]
                machines = [*others, {"whose": self._whose, "rates": rates}][-_MOST_MACHINES:]
                kept.write(self._path, _VERSION, {"machines": machines})
        except (OSError, StyleError):
            return

    def _entries(self) -> list[dict[str, Any]]:
        machines = [] if self._path is None else kept.read(self._path, _VERSION).get("machines")
        return [entry for entry in machines if isinstance(entry, dict)] if isinstance(machines, list) else []

    def _rates(self, entries: list[dict[str, Any]]) -> Mapping[str, Mapping[str, list[list[float]]]]:
        """Return of this machine's rates those that can be understood."""
        found: object = next((entry.get("rates") for entry in entries if entry.get("whose") == self._whose), {})
        if not isinstance(found, dict):
            return {}
        return {
            kind: {size: taken for size, taken in sizes.items() if size.isdecimal() and _understood(taken)}
            for kind, sizes in found.items()
            if isinstance(sizes, dict)
        }


def _understood(taken: object) -> bool:
    return (
        isinstance(taken, list)
        and bool(taken)
        and all(
            isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(each, float | int) and math.isfinite(each) and each >= 0 for each in pair)
            and pair[0] > 0
            for pair in taken
        )
    )


def _middle(taken: list[list[float]]) -> tuple[float, float]:
    return median(step for step, _ in taken), median(preparing for _, preparing in taken)
