"""Painting ends when more steps would change nothing that one sees, and not before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from stylecore.device.engine import Engine
from stylecore.events import Finished, StepDone
from stylecore.files.pictures import Pixels
from stylecore.optimiser.convergence import Settling
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings


def steps_until_settled(losses: list[float]) -> int | None:
    settling = Settling()
    for number, loss in enumerate(losses, 1):
        settling.add(loss)
        settling = Settling(settling.losses)  # what a saved job knows is all there is to know
        if settling.settled:
            return number
    return None


@given(some.floats(1e-6, 1e9), some.floats(0.0015, 0.3))
def test_a_loss_that_declines_is_never_settled(first: float, decline: float) -> None:
    assert steps_until_settled([first * (1 - decline) ** step for step in range(60)]) is None


@given(some.floats(1e-6, 1e9), some.floats(0.01, 0.3), some.integers(1, 40))
def test_a_loss_that_stays_is_settled_soon(first: float, decline: float, steps: int) -> None:
    losses = [first * (1 - decline) ** step for step in range(steps)]
    settled = steps_until_settled([*losses, *[losses[-1]] * 20])
    assert settled is not None
    assert steps < settled <= steps + 11


def last_steps(job: Job) -> int:
    events = list(job.run())
    assert isinstance(events[-1], Finished)
    assert not events[-1].stopped
    return max(event.step for event in events if isinstance(event, StepDone) and event.scale == event.scales)


def test_a_picture_that_has_settled_is_done_unless_the_steps_were_asked_for(
    engine: Engine, content: Pixels, style: Pixels
) -> None:
    small = np.ascontiguousarray(content[::3, ::3])
    # Its own picture upside down: little is to be done, but it is not done at the start, where no step could help. Its
    # colours are the style's already, so that the palette would be measured by next to nothing.
    little_to_do = [Style(np.ascontiguousarray(small[::-1]))]
    fixed = Settings(precision="float32", total_variation=0.0, palette=0.0)
    best = Job(engine, PaintRequest(small, little_to_do, replace(fixed, quality="best")))
    allowed = best.scales[-1].steps
    assert last_steps(best) < allowed
    assert last_steps(Job(engine, PaintRequest(small, little_to_do, replace(fixed, iterations=allowed)))) == allowed
    assert last_steps(Job(engine, PaintRequest(small, [Style(style)], fixed))) == 40  # there is much to do
