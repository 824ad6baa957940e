"""In what a network computes, as far as the memory hangs on it that painting takes."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Computing:
    """Numbers, device and network of a job.

    Args:
        dtype: the network's type of numbers.
        device: the type of the device (``'cpu'``, ``'cuda'`` …).
        pooling: the network's: ``'max'``, ``'average'`` or ``'l2'``.
        low_rank: whether the network is (:mod:`stylecore.network.low_rank`).
        colours: whether palette and edges are counted, as for the balanced objective.
        kernels: whether the engine's own kernels are used (:mod:`stylecore.kernels`).
    """

    dtype: torch.dtype
    device: str = "cpu"
    pooling: str = "max"
    low_rank: bool = False
    colours: bool = True
    kernels: bool = False
