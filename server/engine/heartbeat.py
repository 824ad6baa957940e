"""The engine process's pulse: twice a second, how long its present step has taken and how long it should.

It comes from a thread of its own, so it goes on while the work waits for a GPU, and it shows a step that never ends. If
it stops altogether, the whole process hangs.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

#: Seconds between two beats.
PULSE_SECONDS = 0.5
#: A beat that is so much too late shows that the whole process did not run.
_ASLEEP_SECONDS = 1.0
#: A step of which nothing is known (the first: kernels are chosen, memory is taken) may take so long.
FIRST_STEP_SECONDS = 30.0


class Heartbeat:
    """Writes a line ``<seconds of this step> <seconds expected>`` to the pipe ``end`` until the process is over."""

    def __init__(self, end: int) -> None:
        os.set_blocking(end, False)
        self._end = end
        self._state: tuple[float, float, float] | None = None  # since when, how long it should take, `_slept` then
        self._slept = 0.0  # seconds in which this process did not run: the machine slept, or the process was stopped
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()

    def working(self, expected: float = FIRST_STEP_SECONDS) -> None:
        """A step begins that should take ``expected`` seconds."""
        self._state = time.monotonic(), expected, self._slept

    def idle(self) -> None:
        """There is nothing to do."""
        self._state = None

    def _beat(self) -> None:
        while True:
            state = self._state
            since, expected, slept = state or (0.0, 0.0, 0.0)
            now = time.monotonic()
            taken = max(0.0, now - since - (self._slept - slept)) if state else 0.0
            # A full pipe: the broker is busy. A closed one: it is gone, and another thread ends the process.
            with contextlib.suppress(OSError):
                os.write(self._end, f"{taken:.3f} {expected:.3f}\n".encode())
            time.sleep(PULSE_SECONDS)
            late = time.monotonic() - now - PULSE_SECONDS
            if late > _ASLEEP_SECONDS:
                self._slept += late
