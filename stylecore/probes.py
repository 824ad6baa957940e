"""Short trials of what a machine is fast at, made once by each process.

In turns, and the best of several: other work on the machine must not decide, or the same job would not give the same
picture tomorrow.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore import winograd
from stylecore.network import Network
from stylecore.objective import STYLE_LAYERS
from stylecore.statistics import moments

# bfloat16 is taken only where it agrees with float32 (direction of the gradient) and is clearly faster.
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
# Where it pays, the same processor makes it 1.6 times as fast in one process and 1.15 times in the next, by how memory
# happens to lie: far enough from this that the answer is always the same.
_LEAST_SPEEDUP_WINOGRAD = 0.9
_WINOGRAD_CHANNELS, _WINOGRAD_SIDE = 256, 32


def fastest_dtype(make_network: Callable[[torch.dtype], Network], device: torch.device) -> torch.dtype:
    """Return bfloat16 if it is faster on ``device`` and its gradient agrees with float32's, else float32.

    Args:
        make_network: returns the network in an arithmetic, kept between calls.
        device: where it runs.
    """
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        return torch.float32
    side, least = (_SIDE, _LEAST_SPEEDUP) if device.type == "cpu" else (_SIDE_OF_GPU, _LEAST_SPEEDUP_OF_GPU)
    networks = {dtype: make_network(dtype) for dtype in (torch.float32, torch.bfloat16)}
    try:
        seconds, _ = _in_turns(networks, _picture(_TRIAL_SIDE, device), _TRIAL_ROUNDS)
        if seconds[torch.bfloat16] > _HOPELESS * seconds[torch.float32]:
            return torch.float32
        seconds, gradients = _in_turns(networks, _picture(side, device), _ROUNDS)
    except RuntimeError:  # this device cannot do it in bfloat16
        return torch.float32
    exact, short = gradients[torch.float32], gradients[torch.bfloat16]
    agreement = F.cosine_similarity(exact.flatten(), short.flatten(), dim=0).item()
    faster = seconds[torch.float32] > seconds[torch.bfloat16] * least
    return torch.bfloat16 if faster and agreement > _LEAST_AGREEMENT else torch.float32


def winograd_is_faster() -> bool:
    """Return whether :mod:`stylecore.winograd` is not slower on this CPU than torch's own convolutions in float32."""
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
    return seconds[0] > seconds[1] * _LEAST_SPEEDUP_WINOGRAD


def _picture(side: int, device: torch.device) -> Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device)


def _in_turns(
    networks: dict[torch.dtype, Network], image: Tensor, rounds: int
) -> tuple[dict[torch.dtype, float], dict[torch.dtype, Tensor]]:  # fmt: skip
    """Return each network's least seconds for a gradient, and the gradient."""
    seconds = dict.fromkeys(networks, float("inf"))
    gradients: dict[torch.dtype, Tensor] = {}
    for _ in range(rounds):
        for dtype, network in networks.items():
            begin = time.perf_counter()
            gradients[dtype] = _gradient(network, image)
            seconds[dtype] = min(seconds[dtype], time.perf_counter() - begin)
    return seconds, gradients


def _gradient(network: Network, image: Tensor) -> Tensor:
    image = image.clone().requires_grad_(True)
    features = network.features(image, STYLE_LAYERS)
    total = torch.stack([moments(feature).second.square().mean() for feature in features.values()]).sum()
    (gradient,) = torch.autograd.grad(total, image)
    return gradient.float().cpu()  # waits for the device
