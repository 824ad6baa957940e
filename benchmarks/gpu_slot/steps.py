"""What a step takes: its time, kernels and memory by size, and other ways of doing its parts."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu_slot.slot import Slot
from stylecore.device.engine import Engine
from stylecore.events import StepDone
from stylecore.kernels import compiling
from stylecore.network.vgg import Network
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.objective import BalancedObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import strength_weighting
from stylecore.optimiser.lbfgs import BoxLBFGS
from stylecore.settings import Settings

_CONVOLUTIONS = (
    (3, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 2), (128, 256, 4), (256, 256, 4), (256, 256, 4), (256, 256, 4),
    (256, 512, 8), (512, 512, 8), (512, 512, 8), (512, 512, 8), (512, 512, 16),
)  # fmt: skip
_GRAMS = ((64, 1), (128, 2), (256, 4), (512, 8), (512, 16))


def step_operations(side: int) -> float:
    """Return the floating-point operations of an evaluation at ``side`` × ``side`` px.

    The convolutions up to conv5_1 and the Gram matrices, forward, and backward to the image alone (as much again).
    """
    convolutions = sum(2 * 9 * i * o * (side // down) ** 2 for i, o, down in _CONVOLUTIONS)
    grams = sum(2 * channels**2 * (side // down) ** 2 for channels, down in _GRAMS)
    return 2 * (convolutions + grams)


def device_times(events: Iterable[Any]) -> Counter[str]:
    """Return the microseconds that the device spent on each kernel or copy, by name, of a profile's events."""
    spent: Counter[str] = Counter()
    for event in on_the_device(events):
        spent[event.name] += event.time_range.elapsed_us()
    return spent


def on_the_device(events: Iterable[Any]) -> list[Any]:
    """Return the kernels and copies among a profile's events.

    An operator on the processor has its kernels' time too, which must not be counted again, and so has a label around both.
    """
    return [
        event
        for event in events
        if event.device_type == DeviceType.CUDA and not getattr(event, "is_user_annotation", False)
    ]


def by_size(slot: Slot) -> None:
    """Measure a step of the default job at each size, in the way that is planned."""
    engine = slot.engine()
    rows: dict[str, Any] = {}
    for side in (64, 96) if slot.small else (512, 1024, 2048, 4096):
        with slot.attempt(f"{side} px"):
            rows[str(side)] = _measured(slot, engine, side)
            slot.tell("steps", rows)


def _measured(slot: Slot, engine: Engine, side: int) -> dict[str, Any]:
    timed, profiled = (3, 1) if slot.small else (12 if side < 4096 else 6, 3)
    job = slot.one_scale(engine, side, timed + profiled + 4)
    before = torch.cuda.memory_allocated(slot.device) if slot.on_gpu else 0
    slot.begin_peak()
    events = (event for event in job.run() if isinstance(event, StepDone))
    begin = time.perf_counter()
    next(events)
    first = time.perf_counter() - begin  # with the styles' statistics and all that is chosen once
    next(events)
    slot.wait()
    begin = time.perf_counter()
    for _ in range(timed):
        next(events)
    slot.wait()
    seconds = (time.perf_counter() - begin) / timed
    way = job.scales[0].way
    found = {
        "ms": seconds * 1e3,
        "first step, ms": first * 1e3,
        "Tflop/s": step_operations(side) / seconds / 1e12,
        "way": str(way),
        "arithmetic": str(job.arithmetic),
        "planned": way.needs((side, side), (side, side), engine.computing(job.settings, job.arithmetic)),
        **{name: size - before for name, size in slot.peak().items()},
    }
    if slot.on_gpu:
        with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as told:
            for _ in range(profiled):
                next(events)
            slot.wait()
        all_events = told.events() or []
        spent = device_times(all_events)
        found["kernels"] = len(on_the_device(all_events)) / profiled
        # Over the time without the profiler, which slows the processor down, not the device.
        found["busy"] = sum(spent.values()) / profiled / 1e6 / seconds
        found["top"] = {name[:90]: round(time_ / profiled / 1e3, 3) for name, time_ in spent.most_common(12)}
    return found


def other_ways(slot: Slot) -> None:
    """Compare other ways of computing what a step is made of, with the one that is wired in."""
    engine = slot.engine()
    arithmetic = engine.arithmetic()
    side = 64 if slot.small else 1024
    network = engine.network(Settings(), arithmetic)
    content, style = (torch.from_numpy(each).permute(2, 0, 1)[None].to(slot.device) for each in slot.pictures(side))
    with slot.attempt("deterministic"):
        _deterministic(slot, network, content, style)
    with slot.attempt("own kernels"):
        _own_kernels(slot, engine)
    with slot.attempt("Gram matrices"):
        _grams(slot, arithmetic.dtype, side)
    with slot.attempt("fused convolution"):
        _fused(slot, arithmetic.dtype, side)
    for share in (0.25,) if slot.small else (1.0, 2.0, 4.0):
        with slot.attempt(f"tiles × {share:g}"):
            objective = _objective(network, content, style, Blocks(network, share))
            slot.begin_peak()
            slot.tell(f"evaluation in tiles × {share:g}, ms", 1e3 * slot.seconds(lambda to=objective: to(content), 4))
            slot.tell(f"evaluation in tiles × {share:g}, bytes a pixel", slot.peak().get("allocated", 0) / side**2)
    for small in (64,) if slot.small else (256, 512):
        with slot.attempt(f"graph at {small} px"):
            _graph(slot, network, content[..., :small, :small].contiguous(), style[..., :small, :small].contiguous())


def _objective(network: Network, content: torch.Tensor, style: torch.Tensor, blocks: Blocks | None = None) -> Any:
    return BalancedObjective(network, content, [StylePicture(style)], strength_weighting(50.0, 0.5), None, blocks)


def _deterministic(slot: Slot, network: Network, content: torch.Tensor, style: torch.Tensor) -> None:
    before = torch.backends.cudnn.deterministic
    try:
        for name, on in (("deterministic", True), ("as it comes", False)):
            torch.backends.cudnn.deterministic = on
            optimiser = BoxLBFGS(content, _objective(network, content, style))
            slot.tell(f"step {name}, ms", 1e3 * slot.seconds(optimiser.step, 6))
    finally:
        torch.backends.cudnn.deterministic = before


def _own_kernels(slot: Slot, engine: Engine) -> None:
    """Take steps with the project's kernels and with torch's operations alone: time, and whether both come equally far."""
    slot.check("the kernels are used", not slot.on_gpu or compiling.usable(torch.ones(1, device=slot.device), "pooling"))
    for side in (64,) if slot.small else (512, 1024, 2048):
        for name, way in (("own kernels", contextlib.nullcontext), ("torch alone", compiling.left_out)):
            with way():
                job = slot.one_scale(engine, side, 6 if slot.small else 20)
                events = [(time.perf_counter(), event.total_loss) for event in job.run() if isinstance(event, StepDone)]
            seconds = (events[-1][0] - events[2][0]) / max(1, len(events) - 3)
            slot.tell(f"{side} px, {name}", {"ms a step": 1e3 * seconds, "loss at the end": events[-1][1]})


def _grams(slot: Slot, dtype: torch.dtype, side: int) -> None:
    rows = torch.rand(side * side // 4, 128, device=slot.device).to(dtype)
    expected = rows.double().t() @ rows.double()
    pieces = 16

    def in_pieces() -> torch.Tensor:
        cut = rows.view(pieces, -1, 128)
        return torch.bmm(cut.transpose(1, 2), cut).float().sum(0)

    ways = {"float32": lambda: rows.float().t() @ rows.float(), "short products of pieces": in_pieces}
    if slot.on_gpu:
        ways["float32 sums of short numbers"] = lambda: torch.mm(rows.t(), rows, out_dtype=torch.float32)
    for name, way in ways.items():
        with slot.attempt(f"Gram matrix, {name}"):
            apart = float((way().double() - expected).norm() / expected.norm())
            slot.tell(f"Gram matrix, {name}", {"ms": 1e3 * slot.seconds(way), "relative error": apart})


def _fused(slot: Slot, dtype: torch.dtype, side: int) -> None:
    def there(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device=slot.device).to(dtype).contiguous(memory_format=torch.channels_last)

    x, weight = there(1, 128, side // 2, side // 2), there(128, 128, 3, 3)
    bias = torch.randn(128, device=slot.device).to(dtype)
    ways = {"apart": lambda: F.relu_(F.conv2d(x, weight, bias, padding=1))}
    if slot.on_gpu:
        ways["fused"] = lambda: torch.cudnn_convolution_relu(x, weight, bias, (1, 1), (1, 1), (1, 1), 1)
    for name, way in ways.items():
        with slot.attempt(f"convolution, bias and ReLU {name}"):
            slot.tell(f"convolution, bias and ReLU {name}, ms", 1e3 * slot.seconds(way))


def _graph(slot: Slot, network: Network, content: torch.Tensor, style: torch.Tensor) -> None:
    side = content.shape[2]
    objective = _objective(network, content, style)
    plain = slot.seconds(lambda: objective(content))
    slot.tell(f"evaluation at {side} px, ms", plain * 1e3)
    if not slot.on_gpu:
        return
    image = content.clone()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            objective(image)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = objective(image)
    image.copy_(0.7 * content + 0.3 * style)
    graph.replay()
    expected = objective(image).gradient
    slot.tell(f"the graph at {side} px gives the same bytes", torch.equal(captured.gradient, expected))
    apart = float((captured.gradient - expected).norm() / expected.norm())
    slot.check(f"the graph at {side} px gives the same", apart < 1e-3, f"{apart:.2g} apart")
    slot.tell(f"evaluation as a graph at {side} px, ms", 1e3 * slot.seconds(graph.replay))
