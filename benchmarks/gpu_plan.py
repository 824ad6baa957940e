"""Count a step's kernels and its peak memory on a GPU that is not there, beside what the planner estimates.

    python -m benchmarks.gpu_plan [--side 1024] [--output FOLDER]

torch's device "meta" has shapes and no numbers: a step runs through all its operations at real sizes in no memory and
little time. What is counted is what an ideal allocator would hold beside network, content and style: the tensors that are
alive, each rounded up to 512 bytes. Writes ``gpu_plan.json`` and ``gpu_plan.md``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.gpu_meter import Meter
from stylecore.device.computing import Computing
from stylecore.device.engine import layer_scales
from stylecore.device.gpu_memory import WORKSPACES
from stylecore.device.memory_budget import HELD_ON_GPU, MemoryPlan
from stylecore.network import weights
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.vgg import Network, activation_means
from stylecore.objective.anchor import Anchor
from stylecore.objective.captured import Captured
from stylecore.objective.distances import DISTANCES
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.layers import DEEP, SHALLOW, Layers
from stylecore.objective.objective import BalancedObjective, GramObjective, Objective, PaperObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import strength_weighting
from stylecore.optimiser.lbfgs import BoxLBFGS
from stylecore.tensors.resampling import Size
from stylecore.tensors.strips import Strip

#: What is measured, by the names in the table.
WAYS = {
    "one piece": MemoryPlan(half=True),
    "one piece, history of 10": MemoryPlan(history=10, half=True),
    "one piece, history in full": MemoryPlan(),
    "blocks, tiles × 4": MemoryPlan(blocks=True, tiles=4.0, half=True),
    "blocks, tiles × 2, history of 10": MemoryPlan(blocks=True, tiles=2.0, history=10, half=True),
    "blocks, history in full": MemoryPlan(blocks=True),
    "blocks, history of 5": MemoryPlan(blocks=True, history=5, half=True),
    "blocks, tiles × 0.5, history of 3": MemoryPlan(blocks=True, history=3, half=True, tiles=0.5),
    "blocks, tiles × 0.25, history of 2": MemoryPlan(blocks=True, history=2, half=True, tiles=0.25),
    "spilling, tiles × 2, history of 3": MemoryPlan(blocks=True, history=3, tiles=2.0, half=True, spill=True),
    "spilling, tiles × 0.5, history of 3": MemoryPlan(blocks=True, history=3, tiles=0.5, half=True, spill=True),
}
_OBJECTIVES: dict[str, type[Objective]] = {"gram": GramObjective, "paper": PaperObjective}


@dataclass(frozen=True)
class Case:
    """What is painted.

    Args:
        size: height and width of the image.
        style: of the style; ``None``: those of the image.
        statistics, objective: the settings.
        guide: whether a guide says where the image counts.
        shallow: whether a fine scale's layers paint it, held to a coarser image; then, as after new settings, all do.
    """

    size: Size
    style: Size | None = None
    statistics: str = "covariance"
    objective: str = "balanced"
    guide: bool = False
    shallow: bool = False


@dataclass(frozen=True)
class Measured:
    """What was counted.

    Attributes:
        kernels, waits: of a step.
        peak, planned: the bytes that beginning and stepping hold at most, and are planned to hold.
        doubles: the numbers of the steps' largest tensor in float64.
        launched: the own kernels that were.
    """

    kernels: int
    waits: int
    peak: int
    planned: int
    doubles: int
    launched: tuple[str, ...]

    @property
    def off_by(self) -> float:
        """How far the plan is off, over what is held."""
        return self.planned / self.peak - 1


def network(dtype: torch.dtype, pooling: str = "max", *, rescaled: bool = True) -> Network:
    """Return VGG-19 on "meta"; ``rescaled`` for the balanced objective."""
    scales = layer_scales(activation_means()) if rescaled else None
    return Network(
        weights.load(),
        scales,
        pooling=pooling,
        gain=rescaled,
        replicate=rescaled,
        device="meta",
        arithmetic=Arithmetic(dtype),
    )


def measure(net: Network, way: MemoryPlan, case: Case, *, own_kernels: bool) -> Measured:
    """Begin a scale, take three steps, and return what they took.

    Args:
        net: of :func:`network`.
        way: how it is painted.
        case: what is.
        own_kernels: whether by the engine's own kernels.
    """
    style = case.style or case.size
    meter = Meter(own_kernels=own_kernels)
    content, picture = (torch.empty(1, 3, *size, device="meta") for size in (case.size, style))
    coarse = torch.empty(1, 3, *(side // 2 for side in case.size), device="meta")
    with meter.counting():
        kernels, waits = 0, 0
        for layers in (SHALLOW, DEEP) if case.shallow else (DEEP,):
            optimiser = _begun(net, way, case, layers, content, picture, coarse, meter)
            meter.doubles = 0
            for _ in range(3):
                before = meter.kernels, meter.waits
                optimiser.step()
            kernels, waits = meter.kernels - before[0], meter.waits - before[1]
            del optimiser
    computing = Computing(net.dtype, "cuda", net.pooling, colours=case.objective == "balanced", kernels=own_kernels)
    # What the libraries work in is no tensor.
    planned = way.needs(case.size, style, computing) - WORKSPACES + HELD_ON_GPU * case.size[0] * case.size[1] * case.shallow
    return Measured(kernels, waits, meter.peak, planned, meter.doubles, tuple(sorted(meter.launched)))


def _begun(
    net: Network,
    way: MemoryPlan,
    case: Case,
    layers: Layers,
    content: torch.Tensor,
    picture: torch.Tensor,
    coarse: torch.Tensor,
    meter: Meter,
) -> BoxLBFGS:
    """Return the optimiser of a scale, as a job makes it."""
    guide = torch.ones(case.size, device="meta") if case.guide else None
    kept_on = torch.device("cpu") if way.spill else net.device
    blocks = Blocks(net, way.tiles, kept_on) if way.blocks else None
    parts = (net, content, [StylePicture(picture)], strength_weighting(50.0, 0.5), guide, blocks, None, None)
    if case.objective == "balanced":
        anchor = Anchor(coarse, case.size[1], Strip(case.size[0])) if layers is SHALLOW else None
        room = torch.ones(64, 64, device="meta")
        objective: Objective = BalancedObjective(*parts, layers, anchor, room, distance=DISTANCES[case.statistics])
    else:
        objective = _OBJECTIVES[case.objective](*parts)
    movable = None if guide is None else guide.expand_as(content)
    evaluate = objective if way.spill else Captured(objective, meter.record)
    return BoxLBFGS(content, evaluate, history=way.history, half=way.half, movable=movable)


def table(points: list[dict[str, object]]) -> str:
    """Return the results as Markdown."""
    lines = [
        "| way | arithmetic | kernels | px | kernels a step | peak, bytes a pixel | planned, bytes a pixel | off by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in points:
        found, side = each["measured"], each["side"]
        assert isinstance(found, Measured) and isinstance(side, int)
        lines.append(
            f"| {each['way']} | {each['arithmetic']} | {each['by']} | {side} | {found.kernels:,} "
            f"| {found.peak / side**2:,.0f} | {found.planned / side**2:,.0f} | {found.off_by:+.0%} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, nargs="+", default=[1024, 2048])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    networks = [network(dtype) for dtype in (torch.bfloat16, torch.float32)]
    points: list[dict[str, object]] = [
        {"way": name, "arithmetic": str(net.arithmetic), "by": "own" if own else "torch's", "side": side,
         "measured": measure(net, way, Case((side, side)), own_kernels=own)}
        for name, way in WAYS.items() for net in networks for own in (True, False) for side in options.side
    ]  # fmt: skip
    stored = [{**each, "measured": asdict(each["measured"])} for each in points]  # type: ignore[call-overload]
    (options.output / "gpu_plan.json").write_text(json.dumps(stored, indent=1) + "\n")
    (options.output / "gpu_plan.md").write_text(table(points))
    print(table(points))


if __name__ == "__main__":
    main()
