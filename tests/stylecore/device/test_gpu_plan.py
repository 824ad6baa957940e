"""What is planned for a GPU, held against steps of the real network on tensors without numbers, and what a step does."""

from __future__ import annotations

import functools

import pytest
import torch

from benchmarks import gpu_plan
from benchmarks.gpu_plan import WAYS, Case
from stylecore.device import gpu_memory
from stylecore.kernels import compiling
from stylecore.network.vgg import Network
from stylecore.objective.in_blocks import STAGES, TILE_SIDES
from stylecore.optimiser import history

DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}
SQUARE = Case((1024, 1024))
#: Ways and sizes at each of which another part of what is planned counts most.
PAINTED = [
    ("one piece", Case((256, 256))),
    ("one piece", SQUARE),
    ("one piece, history of 10", Case((600, 2500))),
    ("one piece, history in full", SQUARE),
    ("blocks, tiles × 4", SQUARE),
    ("blocks, tiles × 4", Case((1000, 1500))),
    ("blocks, tiles × 4", Case((2048, 2048))),
    ("blocks, tiles × 2, history of 10", SQUARE),
    ("blocks, history in full", Case((768, 768))),
    ("blocks, history of 5", Case((768, 768))),
    ("blocks, tiles × 0.5, history of 3", Case((512, 768))),
    ("blocks, tiles × 0.25, history of 2", Case((512, 512))),
    ("spilling, tiles × 2, history of 3", SQUARE),
    ("spilling, tiles × 0.5, history of 3", Case((512, 768))),
]
#: Other pictures, settings and objectives, by the pooling of their network.
OTHERS = [
    ("max", "one piece", Case((512, 512), statistics="wasserstein")),
    ("max", "one piece", Case((1024, 1024), statistics="gram-moments")),
    ("max", "one piece", Case((1024, 1024), guide=True)),
    ("max", "blocks, tiles × 2, history of 10", Case((1024, 1024), guide=True)),
    ("max", "one piece", Case((1536, 1536), shallow=True)),
    ("max", "blocks, tiles × 2, history of 10", Case((1536, 1536), shallow=True)),
    ("max", "one piece", Case((512, 512), style=(2048, 2048))),
    ("max", "blocks, tiles × 4", Case((512, 512), style=(2048, 2048))),
    ("max", "blocks, history of 5", Case((512, 512), style=(2048, 3072))),
    ("average", "one piece", SQUARE),
    ("average", "blocks, tiles × 4", SQUARE),
    ("average", "one piece", Case((1024, 1024), objective="gram")),
    ("average", "blocks, history of 5", Case((1024, 1024), objective="paper")),
    ("average", "one piece", Case((512, 512), style=(2048, 2048))),
    ("l2", "one piece", SQUARE),
    ("l2", "blocks, tiles × 4", SQUARE),
    ("l2", "one piece", Case((512, 512), style=(2048, 2048))),
]


#: In float32 the engine's own kernels are those of the last test.
by_kernels = pytest.mark.parametrize(
    ("dtype", "own_kernels"),
    [("bfloat16", True), ("bfloat16", False), ("float32", False)],
    ids=["bfloat16-own", "bfloat16-torch", "float32-torch"],
)


@functools.cache
def network(dtype: str, pooling: str = "max", rescaled: bool = True) -> Network:
    return gpu_plan.network(DTYPES[dtype], pooling, rescaled=rescaled)


@by_kernels
@pytest.mark.parametrize(("way", "case"), PAINTED, ids=str)
def test_what_is_planned_is_what_is_held_and_at_most_15_per_cent_more(
    way: str, case: Case, dtype: str, own_kernels: bool
) -> None:
    measured = gpu_plan.measure(network(dtype), WAYS[way], case, own_kernels=own_kernels)
    assert 0 <= measured.off_by <= 0.15, f"{measured.off_by:+.1%}"


@by_kernels
@pytest.mark.parametrize(("pooling", "way", "case"), OTHERS, ids=str)
def test_so_it_is_for_other_pictures_settings_and_objectives(
    pooling: str, way: str, case: Case, dtype: str, own_kernels: bool
) -> None:
    used = network(dtype, pooling, case.objective == "balanced")
    measured = gpu_plan.measure(used, WAYS[way], case, own_kernels=own_kernels)
    assert 0 <= measured.off_by <= 0.15, f"{measured.off_by:+.1%}"


def test_tiles_are_planned_as_they_are_cut() -> None:
    assert tuple(side for _, side, _ in gpu_memory.STAGES) == TILE_SIDES[: len(gpu_memory.STAGES)]
    assert all(position == 1 << (blocks[0] - 1) for (position, *_), blocks in zip(gpu_memory.STAGES, STAGES, strict=False))


def test_the_history_is_planned_as_it_is_multiplied() -> None:
    planned = (gpu_memory._CHUNK, gpu_memory._CHUNK_OF_LARGE, gpu_memory._LARGE)
    assert planned == (history._CHUNK_ELSEWHERE, history._CHUNK_OF_LARGE, history._LARGE)


#: Kernels a step, with the engine's own and with torch's alone.
MOST_KERNELS = {
    ("one piece", "covariance"): (560, 920), ("one piece", "gram"): (515, 870), ("one piece", "gram-moments"): (705, 1060),
    ("one piece", "wasserstein"): (1320, 1680), ("blocks, tiles × 2, history of 10", "covariance"): (935, 1570),
}  # fmt: skip


@pytest.mark.parametrize("own_kernels", [True, False], ids=["own", "torch"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("way", "statistics"), MOST_KERNELS)
def test_a_step_waits_once_launches_few_kernels_and_has_few_numbers_in_float64(
    way: str, statistics: str, dtype: str, own_kernels: bool
) -> None:
    """In an evaluation that waits, a CUDA graph cannot be recorded, and GPUs are slow in float64: no pictures in it."""
    case = Case((1024, 1024), statistics=statistics)
    measured = gpu_plan.measure(network(dtype), WAYS[way], case, own_kernels=own_kernels)
    assert 0 <= measured.off_by <= 0.15, f"{measured.off_by:+.1%}"
    assert measured.waits == 1
    assert measured.kernels <= MOST_KERNELS[way, statistics][not own_kernels]
    assert measured.doubles <= 129**3  # the lattice's cells
    programs = compiling.PROGRAMS if own_kernels else {}
    names = {
        name for program, kernels in programs.items() for name in kernels if program != "pooling" or dtype == "bfloat16"
    }
    assert set(measured.launched) == names
