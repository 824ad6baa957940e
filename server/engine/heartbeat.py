"""The engine process's pulse: twice a second, how long its present step has taken and how long it should.

It comes from a thread of its own, so it goes on while the work waits for a GPU, and it shows a step that never ends. If
it stops altogether, the whole process hangs.
"""

from __future__ import annotations

import contextlib
import threading
import time

import zmq

#: Seconds between two beats.
PULSE_SECONDS = 0.5
#: A beat that is so much too late shows that the whole process did not run.
_ASLEEP_SECONDS = 1.0
#: A step of which nothing is known (the first: kernels are chosen, memory is taken) may take so long.
FIRST_STEP_SECONDS = 30.0


def send_beat(socket: zmq.Socket[bytes], taken: float, expected: float) -> None:
    """Send one beat, unless the broker is too busy to take it, or gone."""
    with contextlib.suppress(zmq.Again):
        socket.send(f"{taken:.3f} {expected:.3f}".encode(), zmq.NOBLOCK)


class Heartbeat:
    """Sends ``<seconds of this step> <seconds expected>`` until the process is over.

    Args:
        socket: to the broker; from here on the thread's.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
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
            send_beat(self._socket, taken, expected)
            time.sleep(PULSE_SECONDS)
            late = time.monotonic() - now - PULSE_SECONDS
            if late > _ASLEEP_SECONDS:
                self._slept += late
