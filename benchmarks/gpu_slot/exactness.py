"""How exact a device is: gradients beside float64's, and the same picture each time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from benchmarks.gpu_slot.slot import GIB, Slot, environment, painted
from stylecore.device.engine import Engine
from stylecore.files.pictures import Pixels
from stylecore.network.arithmetic import Arithmetic
from stylecore.network.vgg import Network
from stylecore.objective.distances import DISTANCES
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.objective import BalancedObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import strength_weighting
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from tests.device import tolerance

_DTYPES = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16}
#: The ways of evaluating that are compared.
WAYS = ("one piece", "blocks", "guide")


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Let CUDA round the numbers that float32 convolutions multiply to TF32, or not.

    Products of matrices stay exact, as they are by default: Wasserstein's roots do not come together in TF32.
    """
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def gradient(
    engine: Engine, arithmetic: str, statistics: str, way: str, pictures: tuple[Pixels, Pixels], device: torch.device
) -> torch.Tensor:
    """Return the default objective's gradient at a picture between content and style, 1 × 3 × H × W float64 on the CPU.

    Without palette and edges: a GPU counts them on a lattice (tests/stylecore/objective/test_palette.py, test_edges.py).

    Args:
        engine: whose weights are taken.
        arithmetic: ``'float32'``, ``'tf32'``, ``'bfloat16'`` or ``'float64'``.
        statistics: a name of :data:`stylecore.objective.distances.DISTANCES`.
        way: one of :data:`WAYS`.
        pictures: content and style, of one size.
        device: where it is computed.
    """
    dtype = _DTYPES.get(arithmetic, torch.float64)
    exact = torch.float64 if arithmetic == "float64" else torch.float32
    network = Network(engine._weights, engine._scales, device=device, arithmetic=Arithmetic(dtype))
    content, style = (torch.from_numpy(each).permute(2, 0, 1)[None].to(device, exact) for each in pictures)
    guide = None
    if way == "guide":
        guide = torch.linspace(0, 1, content.shape[3], dtype=exact).expand(content.shape[2:]).contiguous().to(device)
    with _tf32(arithmetic == "tf32"):
        objective = BalancedObjective(
            network,
            content,
            [StylePicture(style)],
            strength_weighting(50.0, 0.5, palette=0.0, edges=0.0),
            guide,
            Blocks(network, 0.25) if way == "blocks" else None,
            distance=DISTANCES[statistics],
        )
        return objective(0.7 * content + 0.3 * style).gradient.double().cpu()


def gradient_error(
    engine: Engine, arithmetic: str, statistics: str, way: str, pictures: tuple[Pixels, Pixels], reference: torch.Tensor
) -> float:
    """Return ‖g − g₆₄‖ / ‖g₆₄‖ of a gradient on the engine's device; not a number where the gradient is none."""
    found = gradient(engine, arithmetic, statistics, way, pictures, engine.device)
    return float((found - reference).norm() / reference.norm())


def gradients(slot: Slot) -> None:
    """Compare gradients with float64's on the processor: every arithmetic, statistic and way."""
    engine = slot.engine()
    pictures = slot.pictures(64 if slot.small else 160)
    most = 2.0 if slot.small else 1.0  # a small run may have a thin network, in which less is averaged
    table: dict[str, float] = {}
    for statistics in DISTANCES:
        for way in WAYS:
            reference = gradient(engine, "float64", statistics, way, pictures, torch.device("cpu"))
            for arithmetic in _DTYPES:
                if arithmetic == "tf32" and not slot.on_gpu:
                    continue
                name = f"{arithmetic}, {statistics}, {way}"
                with slot.attempt(name):
                    table[name] = gradient_error(engine, arithmetic, statistics, way, pictures, reference)
                    slot.check(name, table[name] <= most * tolerance(arithmetic, statistics), f"{table[name]:.2g}")
                    slot.tell("gradient's relative error", table)


def digest(engine: Engine, pictures: tuple[Pixels, Pixels], *, interrupted: bool = False) -> str:
    """Return a digest of a short default job's picture, ``interrupted`` in the middle and gone on from its state."""
    settings = Settings(quality="draft", iterations=6)
    job = Job(engine, PaintRequest(pictures[0], [Style(pictures[1])], settings))
    if interrupted:
        events = job.run()
        for _ in range(sum(scale.steps for scale in job.scales) // 2):
            next(events)
        state = job.state()
        job = Job(engine, PaintRequest(pictures[0], [Style(pictures[1])], settings))
        job.restore(state)
    return hashlib.sha256(painted(job).tobytes()).hexdigest()[:16]


def same_bytes(slot: Slot) -> None:
    """Paint one job twice, in another process, after going on, and on a nearly full card: the same bytes each time."""
    engine = slot.engine()
    side = 96 if slot.small else 512
    pictures = slot.pictures(side)
    first = digest(engine, pictures)
    slot.tell("first", first)
    slot.check("the same twice", digest(engine, pictures) == first)
    with slot.attempt("the same after going on"):
        slot.check("the same after going on", digest(engine, pictures, interrupted=True) == first)
    with slot.attempt("the same in another process"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.gpu_slot.exactness", str(slot.device), str(side), *["small"] * slot.small],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment(),
        )
        slot.check("the same in another process", done.stdout.strip().endswith(first), done.stdout + done.stderr[-300:])
    if slot.on_gpu:
        with slot.attempt("the same on a nearly full card"), slot.nearly_full(4 * GIB):
            slot.check("the same on a nearly full card", digest(engine, pictures) == first)


def main() -> None:
    """Paint the job in this process and tell its digest."""
    from pathlib import Path

    device, side, *small = sys.argv[1:]
    slot = Slot(torch.device(device), bool(small), Path("unused"), Path())
    print(digest(slot.engine(), slot.pictures(int(side))))


if __name__ == "__main__":
    main()
