"""An objective whose evaluations a GPU repeats by itself: up to about 1,024 px a step otherwise waits for its launches.

The some five hundred operations of an evaluation are recorded once as a CUDA graph and then played back with one launch
(on an H200 at 512 × 512 px four times as fast, with the same bytes). A graph holds its own memory and the numbers of its
recording: the weights of the terms are numbers, so that other weights ask for another recording.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from stylecore.objective.objective import Evaluation, Objective
from stylecore.objective.weighting import Weighting

_log = logging.getLogger(__name__)

#: Runs what it is given while recording it; returns what plays it back, and what it found, which is renewed in place.
Recorder = Callable[[Callable[[], Evaluation]], tuple[Callable[[], None], Evaluation]]


def record(evaluate: Callable[[], Evaluation]) -> tuple[Callable[[], None], Evaluation]:
    """Record an evaluation as a CUDA graph.

    Raises:
        RuntimeError: something in it cannot be recorded, or memory has run out.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = evaluate()
    return graph.replay, found


class Captured:
    """Evaluates like the objective: the first time plainly, then by playing back a recording.

    What cannot be recorded is evaluated plainly ever after.

    Args:
        objective: what is evaluated; its ``weighting`` may be replaced at any time.
        recorder: records an evaluation (:func:`record`).
    """

    def __init__(self, objective: Objective, recorder: Recorder = record) -> None:
        self._objective = objective
        self._record = recorder
        self._usable = True
        self._warm = False  # whether libraries have chosen their ways for these shapes, which cannot be recorded
        self._weighting: Weighting | None = None
        self._image: Tensor | None = None
        self._replay: Callable[[], None] | None = None
        self._found: Evaluation | None = None

    @property
    def plays_back(self) -> bool:
        """Whether there is a recording."""
        return self._replay is not None

    def __call__(self, image: Tensor) -> Evaluation:
        """Return losses and gradient at ``image`` (1 × 3 × H × W in [0, 1]), in tensors of the caller's own."""
        if not self._warm or not self._usable:
            self._warm = True
            return self._objective(image)
        if self._replay is None or self._weighting != self._objective.weighting:
            self._forget()
            self._begin(image)
        if self._replay is None or self._image is None or self._found is None:
            return self._objective(image)
        self._image.copy_(image)
        self._replay()
        return Evaluation(self._found.losses.clone(), self._found.gradient.clone())

    def _forget(self) -> None:
        self._replay = self._found = self._image = None  # its memory, before more is taken

    def _begin(self, image: Tensor) -> None:
        self._weighting = replace(self._objective.weighting)
        own = image.detach().clone()
        try:
            self._replay, self._found = self._record(lambda: self._objective(own))
        except RuntimeError as error:
            _log.info("evaluations are not recorded: %s", error)
            self._usable = False
            return
        self._image = own
