"""How much each part of an objective counts, and what the strength of a style makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stylecore.objective.layers import STYLE_LAYERS


@dataclass
class Weighting:
    """The numbers that may change while a job runs.

    ``held`` is how far colours are held to what the styles have of them (:mod:`stylecore.objective.smoothness`), 0 to 1.
    ``palette`` is the weight of the palette (:mod:`stylecore.objective.colours.palette`; the balanced objective's alone),
    and ``colours`` how far it says more than how light pixels are, 0 to 1. ``edges`` is the weight of the edges
    (:mod:`stylecore.objective.colours.edges`; the balanced objective's alone).
    """

    content: float
    style: float
    total_variation: float
    layers: tuple[float, ...] = (1.0,) * len(STYLE_LAYERS)
    held: float = 1.0
    palette: float = 1.0
    colours: float = 1.0
    edges: float = 1.0


def content_weight(strength: Tensor) -> Tensor:
    """Return the balanced objective's content weight λ for strengths of 0 (exclusive: the photo itself) to 100.

    λ is 0.2 at 50, the middle of what looks right for every pair of pictures, and nothing at 100. The exponents make the
    picture's distance from the photo (root of the content loss) grow evenly with the strength; see
    ``benchmarks/strength.py``.
    """
    strength = strength.clamp_min(0.1)  # a slider moved to 0 while the picture is painted leads back to the photo
    return 0.2 * ((100.0 - strength) / strength) ** torch.where(strength < 50, 1.4, 1.2)


def strength_weighting(
    strength: float,
    total_variation: float,
    layers: tuple[float, ...] = Weighting.layers,
    palette: float = 1.0,
    colours: float = 1.0,
    edges: float = 1.0,
) -> Weighting:
    """Return the balanced objective's weights for a strength of 0 to 100 (see :func:`content_weight`).

    Under 50 the photo's own colours and edges are to stay, the more the less is painted: ``palette`` and ``edges`` fade.
    """
    content = content_weight(torch.tensor(strength, dtype=torch.float64)).item()
    held = min(1.0, (strength / 50) ** 2)
    return Weighting(content, 1.0, total_variation, layers, held, palette * held, colours, edges * held)
