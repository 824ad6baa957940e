"""One small job of every kind: objectives, statistics, starts, colours, guides, regions, ways of painting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stylecore.device import memory_budget
from stylecore.device.engine import Engine
from stylecore.device.memory_budget import MemoryPlan
from stylecore.files.pictures import Pixels
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

FAST = Settings(iterations=3, quality="draft", precision="float32")
SIZE = (72, 96)


def noise(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


CONTENT = noise(*SIZE, 3)
#: What a job is given beside content, styles and settings.
Extras = dict[str, Any]
CASES: dict[str, tuple[dict[str, Any], Extras]] = {
    "gram statistics": ({"statistics": "gram"}, {}),
    "Gram matrices and moments": ({"statistics": "gram-moments"}, {}),
    "wasserstein": ({"statistics": "wasserstein"}, {}),
    "average pooling": ({"pooling": "average"}, {}),
    "the Gram objective": ({"objective": "gram"}, {}),
    "the paper's objective": ({"objective": "paper"}, {}),
    # After three steps some pixels that are held by nothing but lightness are chance.
    "colours of the photo": ({"colours": "photo", "figures": "all"}, {}),
    "colours matched": ({"colours": "match"}, {}),
    "from noise": ({"start": "noise"}, {}),
    "weak": ({"strength": 15}, {}),
    "bfloat16": ({"precision": "bfloat16"}, {}),
    "in blocks": ({}, {"way": MemoryPlan(blocks=True, history=3)}),
    "in blocks, history in half": ({}, {"way": MemoryPlan(blocks=True, history=3, half=True)}),
    "spilling": ({}, {"way": memory_budget.SPILLING[-1], "mask": noise(*SIZE, seed=1)}),
    "spilling, with a strength map": ({}, {"way": memory_budget.SPILLING[-1], "strength_map": noise(*SIZE, seed=1)}),
    "a guide": ({}, {"mask": noise(*SIZE, seed=1)}),
    "a strength map": ({}, {"strength_map": noise(*SIZE, seed=2)}),
    "transparency": ({}, {"alpha": True}),
    "regions": ({}, {"regions": True}),
    "a start picture": ({"iterations": 12}, {"start": noise(*SIZE, 3, seed=5)}),
}


def make(engine: Engine, settings: dict[str, Any], extras: Extras) -> Job:
    extras = dict(extras)
    way, alpha, regions = extras.pop("way", None), extras.pop("alpha", False), extras.pop("regions", False)
    content = np.concatenate([CONTENT, noise(*SIZE, 1, seed=4)], 2) if alpha else CONTENT
    left = np.zeros(SIZE, np.float32)
    left[:, :40] = 1
    guides = (left, 1 - left) if regions else (None, None)
    styles = [
        Style(noise(80, 64, 3, seed=8), 1.0, guides[0]),
        Style(noise(64, 64, 4 if alpha else 3, seed=9), 2.0, guides[1]),
    ]
    job = Job(engine, PaintRequest(content, styles, replace(FAST, **settings), **extras))
    if way is not None:
        job.scales = [replace(scale, way=way) for scale in job.scales]
    return job
