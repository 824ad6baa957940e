"""What the scales of a job are expected to cost, and what they did: between a plan and the machine's rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stylecore.device.memory_budget import MemoryPlan
from stylecore.device.rates import Cost, Rates
from stylecore.network.arithmetic import Arithmetic
from stylecore.painting.planning.plan import BEGINNING, Scale
from stylecore.settings import Settings

# What a step costs beside its pixels, in pixels' worth of work. A GPU waits for the launch of its kernels, and at small
# sizes for nothing else.
_OVERHEAD = {"cpu": 96**2}
_OVERHEAD_ELSEWHERE = 320**2
# A step of the shallow layers over one of all: measured (benchmarks/README.md).
_SHALLOW_SHARE = 0.47


@dataclass(frozen=True)
class Costs:
    """The costs of a job's scales on a machine.

    Args:
        rates: what is known of the machine.
        device: the type of its device.
        settings: the job's.
        arithmetic: in which it paints.
    """

    rates: Rates
    device: str
    settings: Settings
    arithmetic: Arithmetic

    def expected(self, scales: Sequence[Scale]) -> list[tuple[Cost, int]]:
        """Return what each scale is expected to cost, and its steps.

        Where nothing of the kind was ever painted on the machine, the costs' proportions alone mean something.
        """
        costs = [self._known(scale) for scale in scales]
        works = [self._work(scale) * _times(scale) for scale in scales]
        guesses = [Cost(work, BEGINNING * work) for work in works]
        known = [cost for cost in costs if cost is not None]
        chosen = known if len(known) == len(scales) else guesses
        return [(cost, scale.steps) for cost, scale in zip(chosen, scales, strict=True)]

    def seconds(self, scales: Sequence[Scale]) -> float | None:
        """Return the seconds that all of the scales take, or ``None`` where nothing of their kind was ever painted here."""
        costs = [self._known(scale) for scale in scales]
        known = [cost for cost in costs if cost is not None]
        if len(known) < len(scales):
            return None
        return sum(cost.preparing + scale.steps * cost.step for cost, scale in zip(known, scales, strict=True))

    def learn(self, scale: Scale, cost: Cost) -> None:
        """Keep what a scale has cost, for the jobs to come."""
        self.rates.learn(self._kind(scale), self._work(scale), cost)

    def _known(self, scale: Scale) -> Cost | None:
        work = self._work(scale)
        cost = self.rates.cost(self._kind(scale), work)
        # What was never done costs so many times what was.
        for other in (replace(scale, shallow=False), replace(scale, way=MemoryPlan()), Scale(scale.size, scale.steps)):
            if cost is None and (known := self.rates.cost(self._kind(other), work)) is not None:
                times = _times(scale) / _times(other)
                cost = Cost(known.step * times, known.preparing * times)
        return cost

    def _work(self, scale: Scale) -> float:
        """Return the work of a step, in pixels."""
        return math.prod(scale.size) + _OVERHEAD.get(self.device, _OVERHEAD_ELSEWHERE)

    def _kind(self, scale: Scale) -> str:
        """Return in words what a pixel's cost hangs on, beside the machine."""
        names = [self.settings.objective, self.settings.statistics, self.arithmetic]
        names += ["blocks" if scale.way.blocks else "whole", *(["shallow"] if scale.shallow else [])]
        return " · ".join(map(str, names))


def _times(scale: Scale) -> float:
    """Return how many times as long as a step of all layers in one piece a scale's steps take."""
    return scale.way.slowdown * (_SHALLOW_SHARE if scale.shallow else 1.0)
