"""Count a step's kernels and its peak memory on a GPU that is not there, beside what the planner estimates.

    python benchmarks/gpu_plan.py [--side 1024] [--output FOLDER]

torch's device "meta" has shapes and no numbers: a step runs through all its operations at real sizes in no memory and
little time. What is counted is what an ideal allocator would hold beside network, content and style: the tensors that are
alive, each rounded up to 512 bytes. Writes ``gpu_plan.json`` and ``gpu_plan.md``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stylecore.device.engine import layer_scales
from stylecore.device.memory_budget import MemoryPlan
from stylecore.network import weights
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.vgg import Network, activation_means
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.objective import BalancedObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import strength_weighting
from stylecore.optimiser.lbfgs import BoxLBFGS

#: What is measured, by the names in the table.
WAYS = {
    "one piece": MemoryPlan(half=True),
    "one piece, history of 10": MemoryPlan(history=10, half=True),
    "blocks, tiles × 4": MemoryPlan(blocks=True, tiles=4.0, half=True),
    "blocks, tiles × 2, history of 10": MemoryPlan(blocks=True, tiles=2.0, history=10, half=True),
    "blocks, history of 5": MemoryPlan(blocks=True, history=5, half=True),
    "blocks, tiles × 0.5, history of 3": MemoryPlan(blocks=True, history=3, half=True, tiles=0.5),
}
_UNIT = 512  # bytes that CUDA's allocator rounds up to


@dataclass(frozen=True)
class Measured:
    """A step's kernels, and the bytes that beginning and stepping hold at most and are planned to hold."""

    way: str
    arithmetic: str
    side: int
    kernels: int
    peak: int
    planned: int


class Meter(TorchDispatchMode):
    """Counts kernels on "meta", and the bytes of the tensors that are alive there."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = self.peak = self.live = 0
        self._stores: dict[int, tuple[Any, int]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do it, and take note of what it has made."""
        result = function(*args, **(kwargs or {}))
        returns = function._schema.returns
        if not any(each.alias_info is not None and not each.alias_info.is_write for each in returns):
            self.kernels += 1
            for made in tree_leaves(result):
                if isinstance(made, Tensor) and made.is_meta:
                    self._note(made)
        return result

    def _note(self, made: Tensor) -> None:
        store = made.untyped_storage()
        if store._cdata in self._stores and not torch.UntypedStorage._expired(self._stores[store._cdata][0]):
            return
        for key, (reference, size) in list(self._stores.items()):
            if torch.UntypedStorage._expired(reference):
                torch.UntypedStorage._free_weak_ref(reference)
                self.live -= size
                del self._stores[key]
        size = -(-store.nbytes() // _UNIT) * _UNIT
        self._stores[store._cdata] = store._weak_ref(), size
        self.live += size
        self.peak = max(self.peak, self.live)


class _MadeUp(TorchFunctionMode):
    """Makes up what is fetched: losses that fall, curvature above 0."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do it, but for fetching."""
        if function is torch.Tensor.cpu and args[0].is_meta:
            self._count += 1
            return torch.full(args[0].shape, 1.0 / self._count, dtype=args[0].dtype)
        return function(*args, **(kwargs or {}))


def network(dtype: torch.dtype) -> Network:
    """Return VGG-19 on "meta"."""
    return Network(weights.load(), layer_scales(activation_means()), device="meta", arithmetic=Arithmetic(dtype))


def measure(net: Network, name: str, side: int) -> Measured:
    """Begin a scale of ``side`` × ``side`` px with a style as large, take three steps, and return what they took."""
    way = WAYS[name]
    content, style = (torch.empty(1, 3, side, side, device="meta") for _ in range(2))
    meter = Meter()
    with _MadeUp(), meter:
        blocks = Blocks(net, way.tiles) if way.blocks else None
        objective = BalancedObjective(net, content, [StylePicture(style)], strength_weighting(50.0, 0.5), None, blocks)
        optimiser = BoxLBFGS(content, objective, history=way.history, half=way.half)
        for _ in range(3):
            before = meter.kernels
            optimiser.step()
    planned = way.needs(side * side, side * side, net.dtype, "cuda")
    return Measured(name, str(net.arithmetic), side, meter.kernels - before, meter.peak, planned)


def table(points: list[Measured]) -> str:
    """Return the results as Markdown."""
    lines = [
        "| way | arithmetic | px | kernels a step | peak, bytes a pixel | planned, bytes a pixel | off by |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in points:
        pixels = each.side**2
        lines.append(
            f"| {each.way} | {each.arithmetic} | {each.side} | {each.kernels:,} | {each.peak / pixels:,.0f} "
            f"| {each.planned / pixels:,.0f} | {each.planned / each.peak - 1:+.0%} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    networks = [network(dtype) for dtype in (torch.bfloat16, torch.float32)]
    points = [measure(net, name, side) for name in WAYS for net in networks for side in options.side]
    (options.output / "gpu_plan.json").write_text(json.dumps([asdict(each) for each in points], indent=1) + "\n")
    (options.output / "gpu_plan.md").write_text(table(points))
    print(table(points))


if __name__ == "__main__":
    main()
