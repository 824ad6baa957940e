"""Which arithmetic is best on a machine: by rule where one is known, by short trials where none is.

A rule answers at once, and never otherwise on a busy machine. What trials find is kept
(:mod:`stylecore.device.decisions`), since the same job is to give the same picture tomorrow.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.device import memory_budget
from stylecore.device.machine import BFLOAT16_INSTRUCTIONS, Machine
from stylecore.network import winograd
from stylecore.network.arithmetic import Arithmetic, Decision
from stylecore.network.vgg import Network
from stylecore.objective.layers import STYLE_LAYERS
from stylecore.objective.moments import moments

# bfloat16 is taken only where it agrees with float32 (direction of the gradient) and, in trials, is clearly faster.
_LEAST_AGREEMENT = 0.98
_LEAST_SPEEDUP = 1.15
_SIDE = 96
# A GPU that has it computes a picture of this size in less time than the launches take, so that both look alike; one that
# has not takes several times as long. In larger pictures it is faster, and in all it takes half the memory.
_LEAST_SPEEDUP_OF_GPU = 0.8
_SIDE_OF_GPU = 512
_ROUNDS = 8
# Processors without instructions for it take up to ten times as long as with float32: seen at once, on a small picture.
_TRIAL_SIDE, _TRIAL_ROUNDS = 32, 3
_HOPELESS = 1.3
#: NVIDIA's GPUs have bfloat16 from this compute capability on (Ampere).
_LEAST_COMPUTE_CAPABILITY = (8, 0)
# Winograd's way makes float32 1.1 to 1.9 times as fast on one and two threads of AVX2 and AVX-512 (benchmarks/README.md).
# For dozens of threads there may be too few tiles; there it is tried, and given up where it is clearly slower.
_FEW_THREADS = 8
_MOST_SLOWDOWN_WINOGRAD = 1.2
_WINOGRAD_CHANNELS, _WINOGRAD_SIDE = 256, 32


def decide(machine: Machine, device: torch.device, threads: int, make_network: Callable[[Arithmetic], Network]) -> Decision:
    """Return in which arithmetic ``machine`` is to compute.

    Args:
        machine: what is known of it.
        device: its device.
        threads: CPU threads.
        make_network: returns the network in an arithmetic, kept between calls.

    Raises:
        torch.OutOfMemoryError, RuntimeError: memory ran out, which says nothing about the device (:func:`memory.ran_out`).
    """
    by_winograd = winograd_by_rule(machine, threads)
    if by_winograd is None:
        by_winograd = winograd_is_worth_it()
    exact, short = Arithmetic(torch.float32, by_winograd), Arithmetic(torch.bfloat16)
    by_bfloat16 = bfloat16_by_rule(machine)
    if by_bfloat16 is False:
        return Decision(False, by_winograd)
    try:
        networks = {arithmetic.dtype: make_network(arithmetic) for arithmetic in (exact, short)}
        right = (by_bfloat16 or _bfloat16_is_faster(networks, device)) and _agree(networks, device)
    except RuntimeError as error:
        if memory_budget.ran_out(error):
            raise
        right = False  # this device cannot do it in bfloat16
    return Decision(right, by_winograd)


def bfloat16_by_rule(machine: Machine) -> bool | None:
    """Return whether a machine computes faster in bfloat16, or ``None`` where no rule is known."""
    if machine.compute_capability:
        major, minor = machine.compute_capability.split(".")
        return (int(major), int(minor)) >= _LEAST_COMPUTE_CAPABILITY
    words = set(machine.instructions.split())
    # Where oneDNN is held to older instructions, or nobody says which there are, what it does is not known.
    if machine.device != "cpu" or "oneDNN" not in words or any("=" in word for word in words):
        return None
    if "AVX2" in words or ("AVX512" in words and "unlisted" not in words):
        return bool(words & BFLOAT16_INSTRUCTIONS)
    return None


def winograd_by_rule(machine: Machine, threads: int) -> bool | None:
    """Return whether float32 is convolved in Winograd's way on a machine, or ``None`` where no rule is known."""
    if machine.device != "cpu":
        return False
    words = set(machine.instructions.split())
    known = {"oneDNN", "MKL"} <= words and words & {"AVX2", "AVX512"} and threads <= _FEW_THREADS
    return True if known else None


def winograd_is_worth_it() -> bool:
    """Try whether :mod:`stylecore.network.winograd` is not clearly slower on this CPU than torch's convolutions in float32.

    In turns, and the best of several: what else the machine does makes some rounds longer, and none shorter.
    """
    generator = torch.Generator().manual_seed(0)
    count = _WINOGRAD_CHANNELS
    weight = torch.randn(count, count, 3, 3, generator=generator).contiguous(memory_format=torch.channels_last)
    bias = torch.zeros(count)
    convolution = winograd.Convolution(weight, bias)
    x = torch.randn(1, count, _WINOGRAD_SIDE, _WINOGRAD_SIDE, generator=generator)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_(True)
    ways: list[Callable[[], Tensor]] = [lambda: F.relu_(F.conv2d(x, weight, bias, padding=1)), lambda: convolution(x)]
    seconds = [float("inf")] * 2
    for _ in range(_ROUNDS):
        for number, way in enumerate(ways):
            begin = time.perf_counter()
            torch.autograd.grad(way().sum(), x)
            seconds[number] = min(seconds[number], time.perf_counter() - begin)
    return seconds[1] < seconds[0] * _MOST_SLOWDOWN_WINOGRAD


def _agree(networks: dict[torch.dtype, Network], device: torch.device) -> bool:
    """Return whether the gradient in bfloat16 has the direction of float32's."""
    image = _picture(_SIDE, device)
    exact, short = (_gradient(networks[dtype], image).flatten() for dtype in (torch.float32, torch.bfloat16))
    return F.cosine_similarity(exact, short, dim=0).item() > _LEAST_AGREEMENT


def _bfloat16_is_faster(networks: dict[torch.dtype, Network], device: torch.device) -> bool:
    side, least = (_SIDE, _LEAST_SPEEDUP) if device.type == "cpu" else (_SIDE_OF_GPU, _LEAST_SPEEDUP_OF_GPU)
    seconds = _in_turns(networks, _picture(_TRIAL_SIDE, device), _TRIAL_ROUNDS)
    if seconds[torch.bfloat16] > _HOPELESS * seconds[torch.float32]:
        return False
    seconds = _in_turns(networks, _picture(side, device), _ROUNDS)
    return seconds[torch.float32] > seconds[torch.bfloat16] * least


def _picture(side: int, device: torch.device) -> Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device)


def _in_turns(networks: dict[torch.dtype, Network], image: Tensor, rounds: int) -> dict[torch.dtype, float]:
    """Return each network's least seconds for a gradient."""
    seconds = dict.fromkeys(networks, float("inf"))
    for _ in range(rounds):
        for dtype, network in networks.items():
            begin = time.perf_counter()
            _gradient(network, image)
            seconds[dtype] = min(seconds[dtype], time.perf_counter() - begin)
    return seconds


def _gradient(network: Network, image: Tensor) -> Tensor:
    image = image.clone().requires_grad_(True)
    features = network.features(image, STYLE_LAYERS)
    total = torch.stack([moments(feature).second.square().mean() for feature in features.values()]).sum()
    (gradient,) = torch.autograd.grad(total, image)
    return gradient.float().cpu()  # waits for the device
