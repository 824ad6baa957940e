"""The device and the network, loaded once and used by every job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from stylecore import system
from stylecore.device import host, memory_budget, probes
from stylecore.device.choice import choose_device
from stylecore.device.computing import Computing
from stylecore.device.decisions import decided
from stylecore.device.machine import Machine
from stylecore.device.rates import Rates
from stylecore.errors import StyleError, fault
from stylecore.kernels import compiling
from stylecore.network import weights as vgg_weights
from stylecore.network.arithmetic import Arithmetic, Decision
from stylecore.network.vgg import Network, activation_means
from stylecore.settings import Settings
from stylecore.tensors.strips import ALONE, Ranks

# Of the memory that is free when a job begins, the rest is left to everyone else.
_SHARE_OF_FREE_MEMORY = 0.75
# What is planned within a limit that the user set: estimates are a few per cent off, and a limit is to be kept.
_SHARE_OF_LIMIT = 0.9
#: The qualities that may be painted by a network in low rank (:mod:`stylecore.network.low_rank`).
IN_LOW_RANK = ("draft", "normal")


class Engine:
    """A device with VGG-19's weights on it.

    Args:
        device: ``'auto'`` (a GPU if there is one), ``'cpu'``, ``'cuda'``, ``'cuda:1'`` or ``'mps'``.
        weights: see :func:`stylecore.network.weights.load`; ``None`` for those that ``$NEURAL_STYLE_WEIGHTS`` names, or
            else the bundled ones.
        threads: CPU threads; ``None`` takes as many as the process may use. A fixed number gives the same result bit for
            bit on one machine.
        folder: where the machine's arithmetic, once decided, and what painting costs on it are kept for other processes
            (:mod:`stylecore.device.decisions`, :mod:`stylecore.device.rates`); ``None``: each process is on its own.

    Attributes:
        device: what is painted on.
        rates: what painting has cost on this machine.
        device_fault: ``None``, or why ``'auto'`` took the processor although there may be a GPU, and what to do.

    Raises:
        StyleError: ``device-missing``, ``weights-missing`` or ``weights-corrupt``.
    """

    def __init__(
        self, device: str = "auto", weights: str | None = None, threads: int | None = None, folder: Path | None = None
    ) -> None:
        self.device, self.device_fault = choose_device(device)
        torch.backends.cudnn.deterministic = True  # or a GPU would not give the same picture twice
        # float32 is to be what it says; bfloat16 is there for speed.
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        if threads is None:
            threads = system.usable_cores()
        torch.set_num_threads(threads)
        self.threads = threads
        source = weights or os.environ.get("NEURAL_STYLE_WEIGHTS") or "bundled"
        self._weights, self._bundled = vgg_weights.load(source), source == "bundled"
        self._scales = layer_scales(activation_means())
        self._networks: dict[tuple[bool, str, Arithmetic], Network] = {}
        self._folder = folder
        count = sum(each.weight.numel() for each in self._weights.convolutions.values())
        self.rates = Rates(folder, Machine.of(self.device), threads, count)
        self._decision: Decision | None = None

    @property
    def device_name(self) -> str:
        """The device for people, e.g. ``'NVIDIA H200'`` or ``'CPU (AMD EPYC, 2 threads)'``."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        if self.device.type == "mps":
            return "Apple GPU"
        return f"CPU ({host.processor_name()}, {self.threads} thread{'s' if self.threads != 1 else ''})"

    @property
    def device_note(self) -> str:
        """Why the processor paints though there may be a GPU, as a sentence; ``''`` if there is nothing to be said."""
        return "" if self.device_fault is None else self.device_fault.sentence

    @property
    def compile_seconds(self) -> float:
        """How long a GPU's libraries may take to choose or compile kernels when pictures of a new size begin."""
        if self.device.type == "cpu":
            return 0.0
        # MIOpen, AMD's, compiles a convolution for each shape that it has not seen, some seconds each. Not measured.
        return 300.0 if torch.version.hip is not None else 30.0

    def memory(self) -> dict[str, int]:
        """Return the device's memory in bytes: ``total`` and ``free`` (what a new job could have)."""
        if self.device.type == "cuda":
            free, total = torch.cuda.mem_get_info(self.device)
            cached = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
            return {"total": total, "free": free + cached}
        return host.memory()

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
        memory_budget.give_back()  # what is only kept in store does not count
        used = torch.cuda.memory_allocated(self.device) if self.device.type == "cuda" else host.resident_memory()
        return min(int((limit * 2**30 - used) * _SHARE_OF_LIMIT), free)

    def arithmetic(self, precision: str = "auto", ranks: Ranks = ALONE) -> Arithmetic:
        """Return the arithmetic for the ``precision`` setting, decided once for the machine.

        Args:
            precision: ``'auto'``, ``'float32'`` or ``'bfloat16'``.
            ranks: the processes that paint together: all take rank 0's.

        Raises:
            StyleError: ``out-of-memory`` if there is too little to try one; nothing is decided then.
        """
        if ranks.count == 1:
            return self._decided().arithmetic(precision) if precision != "bfloat16" else Arithmetic(torch.bfloat16)
        own = self.arithmetic(precision) if ranks.rank == 0 else Arithmetic()
        short, winograd = ranks.agree(float(own.dtype == torch.bfloat16), float(own.winograd))
        return Arithmetic(torch.bfloat16 if short else torch.float32, bool(winograd))

    def arithmetic_for(self, settings: Settings, ranks: Ranks = ALONE) -> Arithmetic:
        """Return the arithmetic that a job with these settings is painted in.

        Args:
            settings: the job's. A quality that is not the best one takes the network in low rank, where there is one: for
                the bundled weights, on a processor, which has more to gain by it than it has to lose.
            ranks: see :meth:`arithmetic`.

        Raises:
            StyleError: see :meth:`arithmetic`.
        """
        exact = self.arithmetic(settings.precision, ranks)
        look = settings.objective == "balanced" and settings.pooling == "max"
        if look and settings.quality in IN_LOW_RANK and self._has_low_rank:
            return replace(exact, winograd=False, low_rank=True)  # whose filters are too slim for Winograd's way
        return exact

    @property
    def _has_low_rank(self) -> bool:
        return self._bundled and self.device.type == "cpu"

    def _decided(self) -> Decision:
        if self._decision is None:
            machine = Machine.of(self.device)
            self._decision = decided(self._folder, machine, lambda: self._decide(machine))
        return self._decision

    def _decide(self, machine: Machine) -> Decision:
        try:
            decision = probes.decide(
                machine, self.device, self.threads, lambda arithmetic: self._network(True, "max", arithmetic)
            )
        except (MemoryError, RuntimeError) as error:
            if not memory_budget.ran_out(error):
                raise
            raise StyleError(*fault("out-of-memory:try")) from error
        # What was only tried, up to 300 MB, is hardly ever asked for again.
        best = decision.arithmetic("auto")
        self._networks = {key: network for key, network in self._networks.items() if key[2] == best}
        return decision

    def can_compute(self, arithmetic: Arithmetic) -> bool:
        """Return whether the device computes in ``arithmetic`` at all, be it slowly."""
        if arithmetic.low_rank and not self._has_low_rank:
            return False
        if arithmetic.winograd:
            return self.device.type == "cpu"
        numbers = torch.ones(1, 1, 3, 3, device=self.device, dtype=arithmetic.dtype)
        try:
            torch.nn.functional.conv2d(numbers, numbers)
        except (RuntimeError, TypeError) as error:
            return memory_budget.ran_out(error)  # which says nothing of the device
        return True

    def network(self, settings: Settings, arithmetic: Arithmetic) -> Network:
        """Return the network that the settings ask for, in an arithmetic; made once and kept."""
        return self._network(settings.objective == "balanced", _pooling(settings), arithmetic)

    def computing(self, settings: Settings, arithmetic: Arithmetic, ranks: Ranks = ALONE) -> Computing:
        """Return in what a job with these settings computes, in an arithmetic, as far as memory hangs on it.

        Args:
            settings, arithmetic: the job's.
            ranks: the processes that paint together, which all plan alike: with kernels only if all have them.
        """
        kernels = self.device.type == "cuda" and compiling.all_usable(self.device)
        if ranks.count > 1:
            kernels = not ranks.agree(float(not kernels))[0]
        balanced = settings.objective == "balanced"
        return Computing(
            arithmetic.dtype, self.device.type, _pooling(settings), arithmetic.low_rank, colours=balanced, kernels=kernels
        )

    def forget(self, arithmetic: Arithmetic) -> None:
        """Let go of the networks in an arithmetic that is not needed any more."""
        self._networks = {key: network for key, network in self._networks.items() if key[2] != arithmetic}

    def _network(self, rescaled: bool, pooling: str, arithmetic: Arithmetic) -> Network:
        """Return the rescaled network, or the original one to the letter (no gain, Caffe's padding)."""
        key = (rescaled, pooling, arithmetic)
        if key not in self._networks:
            self._networks[key] = Network(
                self._weights,
                self._scales if rescaled else None,
                pooling=pooling,
                gain=rescaled,
                replicate=rescaled,
                device=self.device,
                arithmetic=arithmetic,
            )
        return self._networks[key]


def _pooling(settings: Settings) -> str:
    """Return how the network pools: that of the other objectives is theirs."""
    return settings.pooling if settings.objective == "balanced" else "average"


def layer_scales(means: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the number by which each layer's activations are divided: the layer's mean activation."""
    return {name: mean.mean().reshape(1) for name, mean in means.items()}
