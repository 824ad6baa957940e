"""How long a job still takes: from what such scales have cost on this machine before, and from what its own do cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stylecore.device.rates import Cost

#: The pace is that of so many steps: it changes when memory runs out, or another program begins.
_RECENT = 12
# Seconds for which what was learned before counts as much as what is measured now.
_TRUSTED = 0.3
# Where nothing was learned, the time left is not told before so much of the whole is over: it is a guess from small scales.
_TOO_EARLY = 0.15


@dataclass
class _Scale:
    expected: Cost
    steps: int
    done: int = 0  # steps, those before this clock included
    taken: list[float] = field(default_factory=list)  # seconds of each step that was seen

    @property
    def step(self) -> float:
        """Seconds of a step here; the first also prepares the scale, and chooses kernels, so it counts if alone."""
        taken = self.taken[1:][-_RECENT:] or self.taken
        return sum(taken) / len(taken) if taken else 0.0

    @property
    def preparing(self) -> float:
        """Seconds that went into preparing the scale."""
        return max(0.0, self.taken[0] - self.step) if len(self.taken) > 1 else 0.0

    @property
    def whole(self) -> float:
        """Expected seconds of the whole scale."""
        return self.expected.preparing + self.steps * self.expected.step

    @property
    def over(self) -> float:
        """Expected seconds of what is done of it."""
        return self.expected.preparing * (self.done > 0) + self.done * self.expected.step


class WorkClock:
    """Estimates the seconds left while a job goes through its scales.

    A scale that is being painted speaks for itself. Those to come cost what was expected, so many times as those before
    did. Where nothing was learned on this machine, what is expected has only its proportions: then a step takes ``a + b ·
    expected`` seconds, ``b`` and ``a`` from the two finest scales that were measured.

    Args:
        scales: what each scale is expected to cost, and its steps, coarse to fine. Where not all are learned, the costs'
            unit does not matter.
        begin_at: the scale, from 0, and the steps of it that are done, for a job that is gone on with.
        now: the time in seconds.
    """

    def __init__(
        self,
        scales: Sequence[tuple[Cost, int]],
        begin_at: tuple[int, int] = (0, 0),
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._scales = [_Scale(cost, steps) for cost, steps in scales]
        self._learned = all(cost.learned for cost, _ in scales)
        self._number = begin_at[0]
        for scale in self._scales[: self._number]:
            scale.done = scale.steps
        if self._number < len(self._scales):
            self._scales[self._number].done = begin_at[1]
        self._now = now
        self._last = now()

    def scale_begins(self) -> tuple[float, float | None]:
        """The next scale is prepared from now on; the caller may have paused before it. Return as :meth:`step_done`."""
        self._last = self._now()
        return self._told()

    def excuse(self, seconds: float) -> None:
        """So many seconds went into something else."""
        self._last += seconds

    def plan_changed(self, expected: Cost, steps: int) -> None:
        """The scale at hand takes another cost and number of steps from now on."""
        here = self._scales[self._number]
        here.expected, here.steps, here.taken = expected, steps, []

    def scale_done(self) -> Cost | None:
        """The scale is over, be it before its last step; return what it cost, if enough of it was seen."""
        here = self._scales[self._number]
        here.done = here.steps
        self._number += 1
        if len(here.taken) < 4:
            return None
        return Cost(sum(here.taken[1:]) / len(here.taken[1:]), here.preparing, learned=True)

    def step_done(self) -> tuple[float, float | None]:
        """Note a step; return the fraction of the job that is done (0 to 1), and the seconds left if they are known."""
        now = self._now()
        here = self._scales[self._number]
        here.taken.append(now - self._last)
        here.done += 1
        self._last = now
        return self._told()

    def _told(self) -> tuple[float, float | None]:
        whole, over = sum(scale.whole for scale in self._scales), sum(scale.over for scale in self._scales)
        return min(1.0, over / whole), self._left()

    def _left(self) -> float | None:
        here = self._scales[self._number]
        left = (here.steps - here.done) * self._step(here)
        if not here.taken and not here.done:
            left += self._preparing(here)
        for scale in self._scales[self._number + 1 :]:
            left += self._preparing(scale) + scale.steps * self._step(scale)
        if self._learned:
            return left
        seen = sum(sum(scale.taken) for scale in self._scales)
        return left if left == 0.0 or seen > _TOO_EARLY * (seen + left) else None

    def _seen(self) -> list[_Scale]:
        """Return the scales that tell how this machine does today, coarse to fine."""
        seen = [scale for scale in self._scales if scale.taken]
        return [scale for scale in seen if len(scale.taken) > 1] or seen

    def _slower(self) -> float:
        """Return how many times as long as expected the last two scales that were seen took."""
        taken = expected = _TRUSTED
        for scale in self._seen()[-2:]:
            recent = scale.taken[1:][-_RECENT:]
            taken += sum(recent)
            expected += len(recent) * scale.expected.step
        return taken / expected

    def _preparing(self, scale: _Scale) -> float:
        """Return the seconds that preparing a scale will take."""
        if self._learned:
            return scale.expected.preparing * self._slower()
        seen = [each for each in self._seen() if len(each.taken) > 1]
        if not seen:
            return scale.expected.preparing / scale.expected.step * self._step(scale)
        return seen[-1].preparing / seen[-1].expected.step * scale.expected.step

    def _step(self, scale: _Scale) -> float:
        """Return the seconds that a step takes, or will take, at this scale."""
        known = self._seen()
        if len(scale.taken) > 1 or (not known and scale.taken):
            return scale.step
        if self._learned:
            return scale.expected.step * self._slower()
        if not known:
            return scale.expected.step
        finest = known[-1]
        proportional = finest.step / finest.expected.step
        if len(known) > 1 and finest.expected.step > known[-2].expected.step:
            slope = (finest.step - known[-2].step) / (finest.expected.step - known[-2].expected.step)
            # The time grows at least a little and at most in proportion; anything else is noise.
            slope = min(max(slope, 0.1 * proportional), proportional)
            return finest.step + slope * (scale.expected.step - finest.expected.step)
        return proportional * scale.expected.step
