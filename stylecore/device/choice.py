"""Which device is painted on: a GPU that has shown that it can, or the processor."""

from __future__ import annotations

from pathlib import Path

import torch

from stylecore.errors import StyleError, fault

# Of the largest slope: two of 255 levels.
_MOST_DISAGREEMENT = 2 / 255


def choose_device(name: str) -> tuple[torch.device, str]:
    """Return the device to paint on, and why it is not the GPU that there is, in a sentence, or ``''``.

    Args:
        name: as for :class:`Engine`. ``'auto'`` takes a GPU only if it can convolve, and Apple's only if a trial agrees
            with the processor; else it takes the processor.

    Raises:
        StyleError: ``device-missing`` for one that was named and cannot be used.
    """
    if name == "auto":
        processor = torch.device("cpu")
        if torch.cuda.is_available():
            gpu = torch.device("cuda")
            trouble = _trouble(gpu)
            return (gpu, "") if not trouble else (processor, f"The GPU cannot be used ({trouble}).")
        if _nvidia_driver() and torch.version.cuda:
            return processor, "There is an NVIDIA driver, but this PyTorch cannot use it; it may be too old for it."
        if torch.backends.mps.is_available():
            gpu = torch.device("mps")
            trouble = _trouble(gpu) or _disagreement(gpu)
            return (gpu, "") if not trouble else (processor, f"Apple's GPU is not used ({trouble}).")
        return processor, ""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise StyleError(*fault("device-missing", str(error).splitlines()[0], device=name)) from error
    if trouble := _trouble(device):
        raise StyleError(*fault("device-missing", trouble, device=name))
    return device, ""


def _trouble(device: torch.device) -> str:
    """Return why nothing can be computed on a device, in torch's words, or ``''``: it is tried.

    A card that PyTorch has no kernels for, or a driver that is too old, shows itself only here.
    """
    try:
        numbers = torch.ones(1, 8, 8, 8, device=device, requires_grad=True)
        torch.nn.functional.conv2d(numbers, numbers.detach()).sum().backward()
        float(numbers.grad.sum())  # type: ignore[union-attr]  # waits, and so meets what went wrong
    except (RuntimeError, AssertionError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0]
    return ""


def _disagreement(device: torch.device) -> str:
    """Return whether convolutions and their gradients are not what the processor makes of them, in words, or ``''``."""
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 64, 64, generator=generator)
    filters = torch.randn(16, 3, 3, 3, generator=generator) / 5
    slopes = []
    for where in (torch.device("cpu"), device):
        image = picture.to(where, copy=True).requires_grad_(True)
        features = torch.nn.functional.conv2d(image, filters.to(where)).relu()
        features.square().mean().backward()
        assert image.grad is not None
        slopes.append(image.grad.cpu() / image.grad.abs().max().cpu())
    difference = float((slopes[0] - slopes[1]).abs().max())
    return "" if difference < _MOST_DISAGREEMENT else f"it computes otherwise than the processor, by {difference:.2g}"


def _nvidia_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists()
