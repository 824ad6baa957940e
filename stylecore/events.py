"""What a job tells its caller while it runs: small frozen records, one kind each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stylecore.settings import Settings


@dataclass(frozen=True)
class ScaleStarted:
    """Work begins at scale number ``scale`` (from 1) of ``scales``, ``width`` × ``height`` px, for ``steps`` steps.

    Before the first of them the scale is prepared, which takes as long as a few. ``fraction`` and ``seconds_left`` as in
    :class:`StepDone`.
    """

    scale: int
    scales: int
    width: int
    height: int
    steps: int
    fraction: float
    seconds_left: float | None


@dataclass(frozen=True)
class StepDone:
    """One optimiser step is done.

    Losses are those of the image before the step's last evaluation; ``style_losses`` are by layer name. ``fraction``
    is of the whole job's work, 0 to 1; ``seconds_left`` is an estimate for the whole job, ``None`` where it would be no
    more than a guess.
    """

    scale: int
    scales: int
    step: int
    steps: int
    total_loss: float
    content_loss: float
    style_loss: float
    fraction: float
    seconds_left: float | None
    style_losses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Note:
    """Something that the caller should tell its user, as a :class:`stylecore.errors.Fault`; the job goes on."""

    code: str
    sentence: str
    remedy: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """The job is over and its image is final; ``stopped`` if it was asked to finish early."""

    seconds: float
    stopped: bool
    settings: Settings


Event = ScaleStarted | StepDone | Note | Finished
