"""What a GPU does once in a process, done before somebody waits for it."""

from __future__ import annotations

import numpy as np

from stylecore.device.engine import Engine
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

_SIDE, _STEPS = 96, 3


def warm_up(engine: Engine) -> None:
    """Paint a few steps of a tiny picture by the default settings on a GPU, which so loads its libraries and kernels.

    Raises:
        StyleError: as painting does.
    """
    if engine.device.type == "cpu":
        return
    picture = np.random.default_rng(0).random((_SIDE, _SIDE, 3), dtype=np.float32)
    for _ in Job(engine, PaintRequest(picture, [Style(picture)], Settings(iterations=_STEPS))).run():
        pass
