"""In what numbers a device adds up."""

from __future__ import annotations

import torch
from torch import Tensor

#: Kinds of devices that have no float64: Apple's GPUs.
WITHOUT_FLOAT64 = {"mps"}


def sum_type(device: torch.device) -> torch.dtype:
    """Return the most exact type that sums can have on a device; further sums are then made on the processor."""
    return torch.float32 if device.type in WITHOUT_FLOAT64 else torch.float64


def total(values: Tensor) -> float:
    """Return the sum of a tensor of any device, in float64; waits for the device."""
    return float(values.to(sum_type(values.device)).sum())
