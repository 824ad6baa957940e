"""What a client hears of its jobs: small frozen records, one kind each (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.protocol import Picture


@dataclass(frozen=True)
class Event:
    """Something that happened to a job; ``job`` is what :meth:`server.client.client.Client.submit` returned, or empty."""

    job: str


@dataclass(frozen=True)
class Accepted(Event):
    """The server has the job."""


@dataclass(frozen=True)
class Queued(Event):
    """The job waits; ``position`` jobs are painted before it."""

    position: int


@dataclass(frozen=True)
class Starting(Event):
    """The job is being prepared; ``text`` says what takes its time, e.g. “Loading the network”."""

    text: str


@dataclass(frozen=True)
class Progress(Event):
    """One step is done, or (``step`` 0) a scale after the first is being prepared; the size is the scale's.

    ``fraction`` (0 to 1) and ``seconds_left`` are of the whole job; unless ``known``, the latter is no more than a guess.
    """

    scale: int
    scales: int
    step: int
    steps: int
    fraction: float
    seconds_left: float
    losses: Mapping[str, float]
    width: int
    height: int
    known: bool = True


@dataclass(frozen=True)
class PictureArrived(Event):
    """A picture: ``kind`` is ``'preview'`` (8 bit, the scale's size), ``'snapshot'``, ``'kept'`` or ``'final'``."""

    kind: str
    picture: Picture


@dataclass(frozen=True)
class Paused(Event):
    """The preview is done; :meth:`server.client.client.Client.continue_` goes on to full size."""

    fraction: float


@dataclass(frozen=True)
class Note(Event):
    """Something the user should know (:class:`stylecore.errors.Fault`); the job goes on."""

    code: str
    sentence: str
    remedy: str
    details: Mapping[str, str]

    @property
    def words(self) -> str:
        """Sentence and remedy, in English."""
        return f"{self.sentence} {self.remedy}".strip()


@dataclass(frozen=True)
class Finished(Event):
    """The job is over, its final picture has arrived before this; ``stopped`` if it was asked to finish early."""

    seconds: float
    stopped: bool
    settings: Mapping[str, Any]
    device: str


@dataclass(frozen=True)
class Cancelled(Event):
    """The job is over and leaves nothing."""


@dataclass(frozen=True)
class Refused(Event):
    """A request about a job could not be met (an update, a snapshot); the job goes on."""

    code: str
    sentence: str
    remedy: str
    details: Mapping[str, str]


@dataclass(frozen=True)
class Failed(Event):
    """The job is over without a result: what happened and what to do."""

    code: str
    sentence: str
    remedy: str
    details: Mapping[str, str]


@dataclass(frozen=True)
class Disconnected(Event):
    """The server is gone, and with it this job."""

    code: str
    sentence: str
    remedy: str
    details: Mapping[str, str]


#: The event for each message of the server that is one as it stands.
PLAIN_EVENTS: dict[str, type[Event]] = {
    "accepted": Accepted,
    "queued": Queued,
    "starting": Starting,
    "progress": Progress,
    "paused": Paused,
    "note": Note,
    "finished": Finished,
    "cancelled": Cancelled,
    "refused": Refused,
    "error": Failed,
}
#: After one of these there is nothing more to hear of a job.
LAST_EVENTS = (Finished, Cancelled, Failed, Disconnected)
