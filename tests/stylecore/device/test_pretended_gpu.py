"""Whole jobs on a pretended GPU: nothing mixes devices, a step waits once, and the picture is the processor's."""

from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stylecore.device.engine import Engine
from stylecore.device.memory_budget import WAYS
from stylecore.errors import StyleError
from stylecore.events import Note, StepDone
from stylecore.network.arithmetic import Decision
from stylecore.painting.job import Job
from stylecore.tensors import summing
from stylecore.tensors.resampling import resize
from tests import device
from tests.stylecore.device.pretended_gpu import NAME, MixedDevicesError, Watch, pretended_gpu
from tests.stylecore.kinds_of_jobs import CASES, Extras, make

pytestmark = device.processor_only("a process cannot have the pretended GPU beside a real one")


def on_gpu(weights: str, device: str = NAME) -> Engine:
    """An engine whose arithmetic is decided: trials of it say nothing here, and take long."""
    engine = Engine(device, weights, threads=1)
    engine._decision = Decision(bfloat16=False, winograd=False)
    return engine


def on_processor(weights: str) -> Engine:
    return on_gpu(weights, "cpu")


@pytest.fixture(scope="module")
def weights(thin_weights: Path) -> str:
    return str(thin_weights)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Extras]:
    return CASES[request.param]


def test_every_kind_of_job_stays_on_the_device_and_waits_once_a_step(
    case: tuple[dict[str, Any], Extras], weights: str
) -> None:
    settings, extras = case
    with pretended_gpu() as watch:
        engine = on_gpu(weights)
        job = make(engine, settings, extras)
        waits = []
        for event in job.run():
            if isinstance(event, StepDone):
                waits.append((event.scale, len(watch.waits)))
        there = job.image()
    steps = [after - before for (scale, before), (same, after) in pairwise(waits) if scale == same]
    spills = "way" in extras and extras["way"].spill
    # A step that has to be tried again waits again; no job's every step has to.
    assert steps and (spills or min(steps) == 1), (steps, watch.waits)
    here = make(on_processor(weights), settings, extras)
    for _ in here.run():
        pass
    difference = np.abs(there - here.image())
    if settings.get("precision") == "bfloat16" or settings.get("statistics") == "wasserstein":  # other roots
        assert difference.max() < 0.25 and difference.mean() < 0.03
    else:
        assert difference.max() < 0.03


@pytest.mark.parametrize(
    "name", ["wasserstein", "bfloat16", "a guide", "regions", "in blocks, history in half", "the paper's objective"]
)
def test_a_device_without_float64(name: str, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summing, "WITHOUT_FLOAT64", {NAME})
    with pretended_gpu(without_float64=True):
        job = make(on_gpu(weights), *CASES[name])
        assert sum(isinstance(event, StepDone) for event in job.run()) >= 2
        assert np.isfinite(job.image()).all()


def test_an_interrupted_job_goes_on_bit_for_bit(weights: str) -> None:
    with pretended_gpu():
        engine = on_gpu(weights)
        whole, first, second = (make(engine, {"iterations": 5}, {}) for _ in range(3))
        for _ in whole.run():
            pass
        run, steps = first.run(), 0
        while steps < 3:
            steps += isinstance(next(run), StepDone)
        second.restore(first.state())
        for _ in second.run():
            pass
        assert np.array_equal(whole.image(), second.image())


def test_settings_change_while_it_paints(weights: str) -> None:
    with pretended_gpu():
        job = make(on_gpu(weights), {"iterations": 4}, {})
        for number, _ in enumerate(job.run()):
            if number == 2:
                job.update(replace(job.settings, strength=70, total_variation=1.0))
        assert np.isfinite(job.image()).all()


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("HIP error: hipErrorOutOfMemory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB, max allowed: 9.07 GB)."),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: str(error)[:40])
def test_memory_that_runs_out_in_a_step_is_survived(error: Exception, weights: str) -> None:
    """And what filled the memory is let go before the leaner way begins."""
    with pretended_gpu() as watch:
        job = make(on_gpu(weights), {"iterations": 3}, {})
        run = job.run()
        while not isinstance(next(run), StepDone):
            continue
        former = weakref.ref(job._optimiser)
        fail_in(watch, 300, error)
        told = [event for event in run if isinstance(event, Note)]
        assert [note.code for note in told] == ["memory-ran-out"]
        assert job.scales[-1].way.blocks or job.scales[-1].way.history < WAYS[0].history
        assert np.isfinite(job.image()).all()
    gc.collect()
    assert former() is None


def test_the_former_optimiser_is_gone_when_the_leaner_one_is_made(weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = []
    with pretended_gpu() as watch:
        job = make(on_gpu(weights), {"iterations": 3}, {})
        run = job.run()
        while not isinstance(next(run), StepDone):
            continue
        former = weakref.ref(job._optimiser)
        fail_in(watch, 300, OUT_OF_MEMORY[0])
        ready = Job._ready

        def look(self: Job) -> Any:
            if self._optimiser is None:
                alive.append(former() is not None)
            return ready(self)

        monkeypatch.setattr(Job, "_ready", look)
        for _ in run:
            pass
    assert alive and not any(alive)


def test_without_any_memory_it_ends_in_words(weights: str) -> None:
    with pretended_gpu() as watch:
        job = make(on_gpu(weights), {"iterations": 3}, {})
        run = job.run()
        while not isinstance(next(run), StepDone):
            continue

        thread = threading.get_ident()

        def never(_: int) -> None:
            if threading.get_ident() == thread:
                raise OUT_OF_MEMORY[0]

        with pytest.raises(StyleError) as told:
            for event in run:
                if isinstance(event, Note | StepDone):
                    watch.before = never
        watch.before = lambda _: None
        assert told.value.code == "out-of-memory"


def fail_in(watch: Watch, operations: int, error: Exception) -> None:
    """Have an operation of this thread, the first after so many from now on, raise an error.

    (torch's threads for gradients cannot take one out of a Python backend.)
    """
    at, thread = watch.operations + operations, threading.get_ident()

    def before(number: int) -> None:
        if number >= at and threading.get_ident() == thread:
            watch.before = lambda _: None
            raise error

    watch.before = before


def test_it_refuses_what_a_gpu_refuses() -> None:
    with pretended_gpu(without_float64=True) as watch:
        there, here = torch.ones(4, 4, device=NAME), torch.ones(4, 4)
        for mixture in (lambda: there + here, lambda: torch.cat([there, here]), lambda: here @ there):
            with pytest.raises((MixedDevicesError, RuntimeError), match=r"processor|device"):
                mixture()
        assert not watch.waits and (there * torch.tensor(2.0)).sum().item() == 32
        assert watch.waits == ["aten::_local_scalar_dense"]
        with pytest.raises(TypeError, match="float64"):
            there.double()


@pytest.mark.parametrize("size", [(4, 60), (60, 4), (3, 3)])
def test_a_gpu_is_not_asked_to_shrink_by_more_than_its_filters_hold(size: tuple[int, int]) -> None:
    """CUDA raises "Too much shared memory required" from 47 times on, ROCm from 31."""
    picture = torch.rand(1, 3, 200, 200)
    asked = []

    class Noted(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function is torch.nn.functional.interpolate and args[0].device.type == NAME:
                asked.append(max(args[0].shape[2] / kwargs["size"][0], args[0].shape[3] / kwargs["size"][1]))
            return function(*args, **(kwargs or {}))

    with pretended_gpu(), Noted():
        there = resize(picture.to(NAME), size)
        assert there.device.type == NAME
        small = there.cpu()
    assert torch.allclose(small, resize(picture, size)) and all(times <= 31 for times in asked)
