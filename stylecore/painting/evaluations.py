"""How an objective is evaluated on a device."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from stylecore.device import libraries
from stylecore.objective.captured import Captured
from stylecore.objective.objective import Evaluation, Objective

#: An objective's losses and gradient at an image, and its losses alone where those are sooner to be had.
Evaluations = tuple[Callable[[Tensor], Evaluation], Callable[[Tensor], Tensor] | None]


def evaluations(objective: Objective, device: str, *, recorded: bool) -> Evaluations:
    """Return how an objective is evaluated on a type of device.

    Args:
        objective: what is evaluated.
        device: the type.
        recorded: whether a GPU may play back a recording.
    """
    if device == "cuda" and recorded:
        return Captured(objective), None
    losses = (lambda image: libraries.call(objective.losses, image)) if device == "cpu" else None
    return lambda image: libraries.call(objective, image), losses
