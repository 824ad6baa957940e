"""The device and the network, loaded once and used by every job."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from stylecore import memory
from stylecore import weights as vgg_weights
from stylecore.errors import StyleError
from stylecore.network import Network, activation_means
from stylecore.objective import STYLE_LAYERS
from stylecore.settings import Value
from stylecore.statistics import moments
from stylecore.strips import Ranks

# bfloat16 is taken only where it agrees with float32 (direction of the gradient) and is clearly faster.
_LEAST_AGREEMENT = 0.98
_LEAST_SPEEDUP = 1.15
_PROBE_SIDE = 96
# Of the memory that is free when a job begins, the rest is left to everyone else.
_SHARE_OF_FREE_MEMORY = 0.75
# What is planned within a limit that the user set: estimates are a few per cent off, and a limit is to be kept.
_SHARE_OF_LIMIT = 0.9
_PROBE_ROUNDS = 8


class Engine:
    """A device with VGG-19's weights on it.

    Args:
        device: ``'auto'`` (a GPU if there is one), ``'cpu'``, ``'cuda'``, ``'cuda:1'`` or ``'mps'``.
        weights: see :func:`stylecore.weights.load`.
        threads: CPU threads; ``None`` takes as many as the process may use. A fixed number gives the same result bit for
            bit on one machine.

    Raises:
        StyleError: ``device-missing``, ``weights-missing`` or ``weights-corrupt``.
    """

    def __init__(self, device: str = "auto", weights: str = "bundled", threads: int | None = None) -> None:
        self.device = _device(device)
        if threads is None:
            threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(threads)
        self.threads = threads
        self._weights = vgg_weights.load(weights)
        self._scales = layer_scales(activation_means())
        self._networks: dict[tuple[bool, str, torch.dtype], Network] = {}
        self._best_dtype: torch.dtype | None = None

    @property
    def device_name(self) -> str:
        """The device for people, e.g. ``'NVIDIA H200'`` or ``'CPU (AMD EPYC, 2 threads)'``."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        if self.device.type == "mps":
            return "Apple GPU"
        return f"CPU ({_processor_name()}, {self.threads} thread{'s' if self.threads != 1 else ''})"

    def memory(self) -> dict[str, int]:
        """Return the device's memory in bytes: ``total`` and ``free`` (what a new job could have)."""
        if self.device.type == "cuda":
            free, total = torch.cuda.mem_get_info(self.device)
            cached = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
            return {"total": total, "free": free + cached}
        return _host_memory()

    def available(self, limit: float, sharers: int = 1) -> int:
        """Return the bytes that a new job may take.

        Args:
            limit: the most that this process may take of the device's memory, in GB (2^30 bytes); 0 for three quarters of
                what is free.
            sharers: how many processes share this machine's main memory.
        """
        free = self.memory()["free"] // (1 if self.device.type == "cuda" else sharers)
        if limit <= 0:
            return int(free * _SHARE_OF_FREE_MEMORY)
        memory.give_back()  # what is only kept in store does not count
        used = torch.cuda.memory_allocated(self.device) if self.device.type == "cuda" else _resident_memory()
        return min(int((limit * 2**30 - used) * _SHARE_OF_LIMIT), free)

    def dtype(self, precision: str) -> torch.dtype:
        """Return the network's arithmetic for the ``precision`` setting; ``'auto'`` probes the machine once."""
        if precision != "auto":
            return torch.bfloat16 if precision == "bfloat16" else torch.float32
        if self._best_dtype is None:
            self._best_dtype = self._probe()
        return self._best_dtype

    def settle(self, ranks: Ranks) -> None:
        """Take rank 0's arithmetic for ``'auto'``, since a probe may turn out differently on each."""
        if ranks.count > 1:
            short = self.dtype("auto") == torch.bfloat16 if ranks.rank == 0 else False
            self._best_dtype = torch.bfloat16 if ranks.agree(float(short))[0] else torch.float32

    def network(self, settings: Mapping[str, Value]) -> Network:
        """Return the network that the settings ask for; made once and kept."""
        balanced = settings["objective"] == "balanced"
        pooling = str(settings["pooling"]) if balanced else "average"
        return self._network(balanced, pooling, self.dtype(str(settings["precision"])))

    def _network(self, rescaled: bool, pooling: str, dtype: torch.dtype) -> Network:
        """Return the rescaled network, or the original one to the letter (no gain, Caffe's padding)."""
        key = (rescaled, pooling, dtype)
        if key not in self._networks:
            self._networks[key] = Network(
                self._weights,
                self._scales if rescaled else None,
                pooling=pooling,
                gain=rescaled,
                replicate=rescaled,
                device=self.device,
                dtype=dtype,
            )
        return self._networks[key]

    def _probe(self) -> torch.dtype:
        """Return bfloat16 if it is faster here and its gradient agrees with float32's, else float32."""
        if self.device.type == "cuda" and not torch.cuda.is_bf16_supported():
            return torch.float32
        generator = torch.Generator().manual_seed(0)
        image = torch.rand(1, 3, _PROBE_SIDE, _PROBE_SIDE, generator=generator).to(self.device)
        gradients: dict[torch.dtype, Tensor] = {}
        seconds = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
        # In turns, and the best of several: other work on the machine must not decide, or the same job would not give the
        # same picture tomorrow.
        for _ in range(_PROBE_ROUNDS):
            for dtype in seconds:
                network = self._network(True, "max", dtype)
                begin = time.perf_counter()
                try:
                    gradients[dtype] = _probe_gradient(network, image)
                except RuntimeError:
                    return torch.float32  # this device cannot do it in bfloat16
                seconds[dtype] = min(seconds[dtype], time.perf_counter() - begin)
        exact, short = gradients[torch.float32], gradients[torch.bfloat16]
        slow, fast = seconds[torch.float32], seconds[torch.bfloat16]
        agreement = torch.nn.functional.cosine_similarity(exact.flatten(), short.flatten(), dim=0).item()
        best = torch.bfloat16 if agreement > _LEAST_AGREEMENT and slow > fast * _LEAST_SPEEDUP else torch.float32
        # The other one's network, up to 80 MB, is hardly ever asked for again.
        self._networks = {key: network for key, network in self._networks.items() if key[2] == best}
        return best


def layer_scales(means: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the number by which each layer's activations are divided: the layer's mean activation."""
    return {name: mean.mean().reshape(1) for name, mean in means.items()}


def _probe_gradient(network: Network, image: Tensor) -> Tensor:
    image = image.clone().requires_grad_(True)
    features = network.features(image, STYLE_LAYERS)
    total = torch.stack([moments(feature).second.square().mean() for feature in features.values()]).sum()
    (gradient,) = torch.autograd.grad(total, image)
    return gradient.float().cpu()  # waits for the device


def _device(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise StyleError(
            "device-missing",
            f"The device “{name}” cannot be used on this computer ({str(error).splitlines()[0]}).",
            "Use --device auto or --device cpu.",
        ) from error
    return device


def _processor_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        return platform.processor() or platform.machine()
    return platform.processor() or platform.machine()


def _resident_memory() -> int:
    """Return how much main memory this process holds."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux: the peak, which is no less
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if platform.system() == "Darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


def _host_memory() -> dict[str, int]:
    """Return main memory, total and available, within the limit of the control group that this process is in."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = os.sysconf("SC_PHYS_PAGES") * page
    free = total // 2
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    except OSError:
        return {"total": total, "free": free}
    try:
        group = Path("/sys/fs/cgroup")
        limit = (group / "memory.max").read_text().strip()
        if limit != "max":
            used = int((group / "memory.current").read_text())
            total = min(total, int(limit))
            free = min(free, max(0, int(limit) - used))
    except (OSError, ValueError):
        return {"total": total, "free": free}
    return {"total": total, "free": free}
