"""Evaluations that are played back: what is recorded and when, and on a GPU the very picture of those that are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from stylecore.device.engine import Engine
from stylecore.events import StepDone
from stylecore.objective.captured import Captured
from stylecore.objective.objective import Evaluation
from stylecore.objective.weighting import Weighting
from stylecore.painting.job import Job
from tests import device
from tests.stylecore.kinds_of_jobs import CASES, Extras, make


class Objective:
    """Half the squared distance from a grey, times the content weight."""

    def __init__(self) -> None:
        self.weighting = Weighting(1.0, 1.0, 0.0)
        self.calls = 0

    def __call__(self, image: Tensor) -> Evaluation:
        self.calls += 1
        offset = (image - 0.5) * self.weighting.content
        return Evaluation((offset * (image - 0.5)).sum().reshape(1) / 2, offset)


class Recorder:
    """Plays a recording back as a graph does: with the weights of its time, in place."""

    def __init__(self, objective: Objective, fails: Exception | None = None) -> None:
        self.recorded = 0
        self._objective = objective
        self._fails = fails

    def __call__(self, evaluate: Callable[[], Evaluation]) -> tuple[Callable[[], None], Evaluation]:
        if self._fails is not None:
            raise self._fails
        self.recorded += 1
        weighting = replace(self._objective.weighting)
        found = evaluate()

        def replay() -> None:
            now, self._objective.weighting = self._objective.weighting, weighting
            again = evaluate()
            self._objective.weighting = now
            self._objective.calls -= 1
            found.losses.copy_(again.losses)
            found.gradient.copy_(again.gradient)

        return replay, found


def pictures(count: int) -> list[Tensor]:
    return list(torch.rand(count, 1, 3, 5, 4, generator=torch.Generator().manual_seed(1)))


def test_the_first_evaluation_is_plain_and_all_others_are_played_back() -> None:
    objective = Objective()
    recorder = Recorder(objective)
    captured = Captured(objective, recorder)  # type: ignore[arg-type]
    kept = []
    for image in pictures(5):
        found = captured(image)
        kept.append((found, Objective()(image)))
    assert recorder.recorded == 1 and objective.calls == 2
    for found, expected in kept:  # also those of earlier, which a later one must not write over
        assert torch.equal(found.losses, expected.losses) and torch.equal(found.gradient, expected.gradient)


def test_other_weights_ask_for_another_recording() -> None:
    objective = Objective()
    recorder = Recorder(objective)
    captured = Captured(objective, recorder)  # type: ignore[arg-type]
    first, second, third = pictures(3)
    captured(first), captured(second)
    objective.weighting = replace(objective.weighting, content=3.0)
    assert torch.equal(captured(third).gradient, (third - 0.5) * 3)
    objective.weighting.content = 2.0  # written into, too
    assert torch.equal(captured(third).gradient, (third - 0.5) * 2)
    assert recorder.recorded == 3


def test_what_cannot_be_recorded_is_evaluated_plainly() -> None:
    objective = Objective()
    trouble = RuntimeError("operation not permitted when stream is capturing")
    captured = Captured(objective, Recorder(objective, trouble))  # type: ignore[arg-type]
    for image in pictures(4):
        assert torch.equal(captured(image).gradient, image - 0.5)
    assert objective.calls == 4 and not captured.plays_back


@pytest.mark.skipif(torch.device(device.name()).type != "cuda", reason="records CUDA graphs")
@pytest.mark.parametrize(
    "name", [name for name, (_, extras) in CASES.items() if not getattr(extras.get("way"), "spill", 0)]
)
def test_a_gpu_paints_the_same_bytes_by_playing_back(name: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of job can be recorded; live changes of settings are followed."""

    def painted() -> Any:
        job = make(engine, *_longer(CASES[name]))
        for event in job.run():
            if isinstance(event, StepDone) and event.scale == event.scales and event.step == 3:
                job.update(replace(job.settings, total_variation=1.5))
        return job.image()

    made: list[Captured] = []
    evaluation = Job._evaluation

    def watched(job: Job, *arguments: Any) -> Any:
        made.append(evaluation(job, *arguments))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(Job, "_evaluation", watched)
    played_back = painted()
    assert made and all(each.plays_back for each in made)
    monkeypatch.setattr(Job, "_evaluation", lambda job, objective, way: objective)
    assert (played_back == painted()).all()


def _longer(case: tuple[dict[str, Any], Extras]) -> tuple[dict[str, Any], Extras]:
    settings, extras = case
    return {**settings, "iterations": 8}, extras
