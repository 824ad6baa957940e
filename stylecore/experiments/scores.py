"""How well any picture does under a job's objective, so that settings can be compared by numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stylecore.errors import StyleError
from stylecore.objective.layers import STYLE_LAYERS
from stylecore.objective.objective import Objective
from stylecore.painting.inputs import Pixels, picture_tensors
from stylecore.painting.job import Job
from stylecore.tensors.strips import Strip


@dataclass(frozen=True)
class Score:
    """An objective's losses at a picture.

    ``content`` and ``style`` are before their weights, so that they can be compared across weights; ``total`` is what the
    optimiser lessens. ``layers`` holds each style layer's loss.
    """

    total: float
    content: float
    style: float
    layers: Mapping[str, float]


class Judge(Job):
    """Scores pictures of the content's size by the objective of a job with the same request, and by the exact network."""

    _judged_by: Objective | None = None

    def score(self, picture: Pixels) -> Score:
        """Return a picture's losses.

        Args:
            picture: H × W × 3 or 4 of the content's size, float32 in [0, 1]; transparency is left out.

        Raises:
            StyleError: ``bad-picture`` for one of another size.
        """
        height, width = size = self._materials.size
        if picture.shape[:2] != size:
            raise StyleError(
                "bad-picture",
                f"The picture is {picture.shape[1]} × {picture.shape[0]} pixels, the content {width} × {height}.",
                "Compare pictures of the content's size.",
            )
        if self._judged_by is None:
            self._materials.arithmetic = replace(self.arithmetic, low_rank=False)
            self._judged_by = self._materials.objective(size, self.scales[-1].way, Strip(height))
        tensor, _ = picture_tensors(picture, "content", self._engine.device)
        total, content, style, *layers = self._judged_by(tensor).losses.tolist()
        return Score(total, content, style, dict(zip(STYLE_LAYERS, layers, strict=True)))
