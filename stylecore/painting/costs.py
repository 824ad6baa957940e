"""What the scales of a job are expected to cost, and what they did: between a plan and the machine's rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stylecore.device.memory_budget import BLOCKS_SLOWDOWN
from stylecore.device.rates import Cost, Rates
from stylecore.network.arithmetic import Arithmetic
from stylecore.painting.plan import BEGINNING, Scale
from stylecore.settings import Settings

# What a step costs beside its pixels, in pixels' worth of work. A GPU waits for the launch of its kernels, and at small
# sizes for nothing else.
_OVERHEAD = {"cpu": 48**2}
_OVERHEAD_ELSEWHERE = 320**2


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
        works = [self._work(scale) * (BLOCKS_SLOWDOWN if scale.way.blocks else 1.0) for scale in scales]
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
        self.rates.learn(self._kind(scale.way.blocks), self._work(scale), cost)

    def _known(self, scale: Scale) -> Cost | None:
        work = self._work(scale)
        cost = self.rates.cost(self._kind(scale.way.blocks), work)
        if cost is None and scale.way.blocks and (whole := self.rates.cost(self._kind(False), work)) is not None:
            cost = Cost(whole.step * BLOCKS_SLOWDOWN, whole.preparing * BLOCKS_SLOWDOWN)
        return cost

    def _work(self, scale: Scale) -> float:
        """Return the work of a step, in pixels."""
        return math.prod(scale.size) + _OVERHEAD.get(self.device, _OVERHEAD_ELSEWHERE)

    def _kind(self, blocks: bool) -> str:
        """Return in words what a pixel's cost hangs on, beside the machine."""
        names = (self.settings.objective, self.settings.statistics, self.arithmetic, "blocks" if blocks else "whole")
        return " · ".join(map(str, names))
