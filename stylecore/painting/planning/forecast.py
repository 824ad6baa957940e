"""How long a painting would take, told before anything of it is there."""

from __future__ import annotations

from collections.abc import Sequence

from stylecore.device.engine import Engine
from stylecore.painting.planning.costs import Costs
from stylecore.painting.planning.plan import make_plan
from stylecore.settings import Settings
from stylecore.tensors.resampling import Size


def expected_seconds(engine: Engine, settings: Settings, contents: Sequence[Size], styles: Sequence[Size]) -> float | None:
    """Return the seconds that painting pictures one after the other would take on this machine.

    Only the machine's rates and the plan of the scales are asked (:mod:`stylecore.device.rates`); nothing is painted. A
    last scale that settles early makes it less.

    Args:
        engine: what would paint.
        settings: how.
        contents: each picture's height and width.
        styles: each style's height and width.

    Returns:
        Seconds, or ``None`` where nothing of the kind was ever painted on this machine.

    Raises:
        StyleError: one of the pictures could not be painted.
    """
    if settings.strength == 0 and settings.objective == "balanced":
        return 0.0
    arithmetic = engine.arithmetic_for(settings)
    available = engine.available(0.0)  # with a limit it would let go of what a job at hand keeps in store
    if settings.memory_limit > 0:
        available = min(available, int(settings.memory_limit * 2**30))
    costs = Costs(engine.rates, engine.device.type, settings, arithmetic)
    whole = 0.0
    for content in contents:
        plan = make_plan(content, settings, available, engine.computing(settings, arithmetic), styles)
        seconds = costs.seconds(plan)
        if seconds is None:
            return None
        whole += seconds
    return whole
