"""What a painting is asked for with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Extras:
    """What a job may have beside photo, styles and settings: maps of the photo's size, and a picture to start from."""

    guide: Any
    style_guides: Sequence[Any]
    strength_map: Any
    start: Any
