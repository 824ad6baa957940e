"""Jobs as the broker knows them, and the queue that is fair between clients."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server.engine.link import EngineLink
    from server.protocol import Shape


@dataclass(eq=False)
class Job:
    """One job: whose it is, what to send to the engine, and how far it is."""

    name: str
    owner: bytes  # the client's routing identity
    client_name: str
    frames: Sequence[Any]  # what is sent to the engine when its turn comes; kept until that has begun
    size: int  # bytes of its pictures
    described: str  # for the log: sizes and settings, never contents
    short: bool = False  # so soon done that others may be kept waiting for it
    guest: bool = False  # painted between two steps of another job; begun again where that takes the engine with it
    state: str = "queued"  # queued, running, paused
    goes_on: bool = False  # to full size, after its pause: it pauses no more
    position: int = 0  # what its client was told last
    fraction: float = 0.0
    engine: EngineLink | None = None  # the one that has it, running or paused
    device: str = ""  # where it is or was painted
    arithmetic: str = ""  # and in what
    peak: int = 0  # bytes of memory that it took at most
    told_loading: bool = False
    told_stop: bool = False
    tried: bool = False  # an engine ended before it had begun with this
    cancel_by: float | None = None  # when the engine must have given it up
    submitted: float = field(default_factory=time.monotonic)
    started: float | None = None


#: A picture of so few pixels is painted as soon as a preview is.
_SHORT_PIXELS = 256**2
_SHORT_STEPS = 50


def is_short(fields: Mapping[str, Any], shapes: Sequence[Shape]) -> bool:
    """Return whether what is submitted takes seconds: a preview, or a small picture of which not many steps are asked."""
    settings = fields["settings"]
    small = shapes[0].width * shapes[0].height <= _SHORT_PIXELS
    usual = settings.quality != "best" and settings.iterations <= _SHORT_STEPS
    return fields["until"] == "preview" or (small and usual)


class FairQueue:
    """First come, first served within a client; clients take turns."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, deque[Job]] = {}  # clients in the order of their turns

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._waiting.values())

    def __iter__(self) -> Iterator[Job]:
        """Iterate in the order in which the jobs would be taken."""
        turns = deque(deque(jobs) for jobs in self._waiting.values())
        while turns:
            jobs = turns.popleft()
            yield jobs.popleft()
            if jobs:
                turns.append(jobs)

    @property
    def size(self) -> int:
        """Bytes of all pictures that wait."""
        return sum(job.size for jobs in self._waiting.values() for job in jobs)

    def count(self, owner: bytes) -> int:
        """Return how many jobs of this client wait."""
        return len(self._waiting.get(owner, ()))

    def add(self, job: Job) -> None:
        """Put a job behind the others of its client."""
        self._waiting.setdefault(job.owner, deque()).append(job)

    def remove(self, job: Job) -> None:
        """Take a job out of the queue."""
        jobs = self._waiting[job.owner]
        jobs.remove(job)
        if not jobs:
            del self._waiting[job.owner]

    def take(self, job: Job) -> None:
        """Take a job out because its turn has come; its client's next turn comes after everyone else's."""
        self.remove(job)
        if rest := self._waiting.pop(job.owner, None):
            self._waiting[job.owner] = rest
