"""Which device is painted on: a GPU that has shown that it can, or the processor, and in words why that."""

from __future__ import annotations

import warnings

import torch

from stylecore.device import memory_budget
from stylecore.device.host import AMD_DRIVER, BUS, NVIDIA_DRIVER
from stylecore.errors import Fault, StyleError, fault

# Of the largest slope: two of 255 levels.
_MOST_DISAGREEMENT = 2 / 255
_NVIDIA, _DISPLAY = "0x10de", "0x03"


def choose_device(name: str) -> tuple[torch.device, Fault | None]:
    """Return the device to paint on, and why it is the processor where a GPU might have been expected.

    Args:
        name: as for :class:`Engine`. ``'auto'`` takes a GPU only if it can convolve, and Apple's only if a trial agrees
            with the processor; else it takes the processor.

    Raises:
        StyleError: ``device-missing`` for one that was named and cannot be used.
    """
    if name == "auto":
        return _automatic()
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise StyleError(*fault("device-missing", _first_line(error), device=name)) from error
    if trouble := _trouble(device):
        raise StyleError(*fault("device-missing", trouble, device=name))
    return device, None


def _automatic() -> tuple[torch.device, Fault | None]:
    processor = torch.device("cpu")
    with warnings.catch_warnings():  # torch warns of an old driver in its own words
        warnings.simplefilter("ignore")
        there = torch.cuda.is_available()
    if there:
        gpu = torch.device("cuda")
        trouble = _trouble(gpu)
        return (gpu, None) if not trouble else (processor, _unserved(trouble))
    if torch.backends.mps.is_available():
        gpu = torch.device("mps")
        trouble = _trouble(gpu) or _disagreement(gpu)
        return (gpu, None) if not trouble else (processor, fault("on-the-processor:apple", trouble))
    return processor, why_no_gpu()


def _unserved(trouble: str) -> Fault:
    """Return why a card that torch sees computes nothing."""
    try:
        card = torch.cuda.get_device_name()
    except (RuntimeError, AssertionError):
        card = "GPU"
    if "no kernel image" in trouble or "not compatible" in trouble:
        return fault("on-the-processor:card", card=card)
    return fault("on-the-processor:failed", trouble, card=card)


def why_no_gpu() -> Fault | None:
    """Return why a computer with a graphics card has none that torch sees; ``None`` where there seems to be none."""
    if NVIDIA_DRIVER.exists():
        if torch.version.cuda is None:
            return fault("on-the-processor:build-nvidia")
        try:
            torch.cuda.init()
        except (RuntimeError, AssertionError) as error:
            old = "too old" in str(error)
            return fault("on-the-processor:driver") if old else fault("on-the-processor:unseen", _first_line(error))
    if AMD_DRIVER.exists() and torch.version.hip is None:
        return fault("on-the-processor:build-amd")
    if nvidia_on_the_bus():
        return fault("on-the-processor:no-driver")
    return None


def nvidia_on_the_bus() -> bool:
    """Return whether a graphics card of NVIDIA's is there, with or without its driver."""
    for device in BUS.glob("*"):
        try:
            vendor, kind = ((device / name).read_text().strip() for name in ("vendor", "class"))
        except OSError:
            continue
        if vendor == _NVIDIA and kind.startswith(_DISPLAY):
            return True
    return False


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _trouble(device: torch.device) -> str:
    """Return why nothing can be computed on a device, in torch's words, or ``''``: it is tried.

    A card that PyTorch has no kernels for, or a driver that is too old, shows itself only here.
    """
    try:
        numbers = torch.ones(1, 8, 8, 8, device=device, requires_grad=True)
        torch.nn.functional.conv2d(numbers, numbers.detach()).sum().backward()
        float(numbers.grad.sum())  # type: ignore[union-attr]  # waits, and so meets what went wrong
    except (RuntimeError, AssertionError) as error:
        if memory_budget.ran_out(error):
            return ""  # which says nothing of the device
        return _first_line(error)
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
