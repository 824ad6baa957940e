"""How long a job still takes: learned from what its coarser scales took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

#: What a step costs on a GPU whatever the picture, in pixels' worth of work, until it has been measured: it waits for the
#: launch of its kernels, and at small sizes for nothing else.
_GPU_OVERHEAD_PIXELS = 320.0**2
#: The pace is that of so many steps: it changes when memory runs out, or another program begins.
_RECENT = 12


@dataclass
class _Scale:
    work: float  # of one step
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


class WorkClock:
    """Estimates the seconds left while a job goes through its scales.

    A step takes ``a + b · work`` seconds; ``b`` and ``a`` come from the two finest scales that were measured, a scale
    that is being painted speaks for itself. Preparing a scale (resizing, measuring the styles) grows with its work.

    Args:
        scales: the work of a step (in pixels) and the steps of each scale, coarse to fine.
        device: the kind of the device, e.g. ``'cuda'``.
        begin_at: the scale, from 0, and the steps of it that are done, for a job that is gone on with.
        now: the time in seconds.
    """

    def __init__(
        self,
        scales: Sequence[tuple[float, int]],
        device: str = "cpu",
        begin_at: tuple[int, int] = (0, 0),
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        overhead = 0.0 if device == "cpu" else _GPU_OVERHEAD_PIXELS
        self._scales = [_Scale(work + overhead, steps) for work, steps in scales]
        self._number = begin_at[0]
        for scale in self._scales[: self._number]:
            scale.done = scale.steps
        if self._number < len(self._scales):
            self._scales[self._number].done = begin_at[1]
        self._now = now
        self._last = now()

    def scale_begins(self) -> None:
        """The next scale is prepared from now on; the caller may have paused before it."""
        self._last = self._now()

    def scale_done(self) -> None:
        """The scale is over, be it before its last step; the next one is prepared."""
        self._scales[self._number].done = self._scales[self._number].steps
        self._number += 1

    def step_done(self) -> tuple[float, float]:
        """Note a step; return the fraction of the job's work that is done (0 to 1) and the seconds left."""
        now = self._now()
        here = self._scales[self._number]
        here.taken.append(now - self._last)
        here.done += 1
        self._last = now
        whole = sum(scale.work * scale.steps for scale in self._scales)
        done = sum(scale.work * scale.done for scale in self._scales)
        left = (here.steps - here.done) * self._step(self._number)
        for number in range(self._number + 1, len(self._scales)):
            scale = self._scales[number]
            left += here.preparing * scale.work / here.work + scale.steps * self._step(number)
        return min(1.0, done / whole), max(0.0, left)

    def _step(self, number: int) -> float:
        """Return the seconds that a step takes, or will take, at this scale."""
        wanted = self._scales[number]
        seen = [scale for scale in self._scales[:number] if scale.taken]
        known = [scale for scale in seen if len(scale.taken) > 1] or seen
        if len(wanted.taken) > 1 or not known:
            return wanted.step
        finest = known[-1]
        proportional = finest.step / finest.work
        if len(known) > 1 and finest.work > known[-2].work:
            slope = (finest.step - known[-2].step) / (finest.work - known[-2].work)
            # The time grows at least a little and at most in proportion; anything else is noise.
            slope = min(max(slope, 0.1 * proportional), proportional)
            return finest.step + slope * (wanted.work - finest.work)
        return proportional * wanted.work
