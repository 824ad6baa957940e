"""Short work that waits to be done between two steps of other work, and when its time has come."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, MutableSequence

from server.protocol import Message


class Ahead:
    """Messages that ask for short work. It takes half of the time at most: neither it nor the other work waits long.

    Args:
        clock: seconds from some moment on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: deque[Message] = deque()
        self._not_before = 0.0  # until then the other work has its share

    def add(self, message: Message) -> None:
        """Note short work; of several changes of a preview's settings it is to see the last."""
        for number, waiting in enumerate(self._waiting):
            if message.type == waiting.type == "update" and message.fields["job"] == waiting.fields["job"]:
                together = {**waiting.fields["settings"], **message.fields["settings"]}
                self._waiting[number] = Message("update", {**message.fields, "settings": together})
                return
        self._waiting.append(message)

    def take(self, job: str) -> list[Message]:
        """Take out and return what waits for this job."""
        return take(self._waiting, job)

    def next(self) -> Message | None:
        """Take out and return what is to be done now; None if there is nothing, or the other work's share is not over."""
        return self._waiting.popleft() if self._waiting and self._clock() >= self._not_before else None

    def has_taken(self, seconds: float) -> None:
        """Note that short work, done just now, has taken so long: the other work has as long from now on."""
        self._not_before = self._clock() + seconds


def take(messages: MutableSequence[Message], job: str) -> list[Message]:
    """Take those messages out that are about this job, and return them."""
    found = [message for message in messages if message.fields["job"] == job]
    for message in found:
        messages.remove(message)
    return found
