"""Does the PyTorch that was installed compute on the NVIDIA GPU that this machine has? If not: which build would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from installer.common import console, system
from installer.common.processes import answer, clean_environment
from installer.common.system import BUS
from installer.environment.torch_build import nvidia_gpu

_NVIDIA, _DISPLAY = "0x10de", "0x03"

# A card may be seen by torch, and this build have no kernels for it: so one convolution is computed.
_TRIAL = """
import json, warnings
said = {"error": "", "card": ""}
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    import torch
    said["cuda"] = torch.version.cuda or ""
    try:
        if not torch.cuda.is_available():
            torch.cuda.init()  # says why
        said["card"] = torch.cuda.get_device_name()
        numbers = torch.ones(1, 1, 3, 3, device="cuda")
        if torch.nn.functional.conv2d(numbers, numbers).item() != 9.0:
            said["error"] = "a convolution gave a wrong result"
    except (RuntimeError, AssertionError) as error:
        said["error"] = str(error) or type(error).__name__
    said["warned"] = " ".join(str(each.message) for each in warned)
print("said " + json.dumps(said))
"""


def tell(python: Path) -> bool:
    """Try the GPU, where an NVIDIA one is seen, and say how it went; returns whether nothing is wrong.

    Args:
        python: the environment's interpreter, with PyTorch.
    """
    card = nvidia_gpu()
    if card is None and not nvidia_on_the_bus():
        return True
    _, text = answer([python, "-I", "-c", _TRIAL], 180, clean_environment())
    line = next((line for line in text.splitlines() if line.startswith("said ")), "")
    if not line:
        said: dict[str, Any] = {"error": text.strip()[-300:] or "it did not answer", "card": "", "cuda": "", "warned": ""}
    else:
        said = json.loads(line.removeprefix("said "))
    if not said["error"]:
        console.good(f"PyTorch computes on the GPU: {said['card']}")
        return True
    sentence, remedy = advice(said, card)
    console.warn(f"{sentence} Until then the processor paints.")
    console.detail(remedy)
    return False


def advice(said: dict[str, Any], card: str | None) -> tuple[str, str]:
    """Return what is wrong and what to do.

    Args:
        said: what the trial printed: ``error`` and ``warned`` in torch's words, ``card``, ``cuda`` the build's version.
        card: the GPU's name by its driver; None where that is not loaded.
    """
    words = f"{said['error']} {said['warned']}"
    name = said["card"] or card or "GPU"
    if card is None:
        return (
            "There is an NVIDIA GPU, but its driver is not loaded.",
            "Install NVIDIA's driver (your distribution has it), restart the computer, then: "
            f"{system.INSTALLER} --device=cuda",
        )
    if not said["cuda"]:
        return (
            f"There is an NVIDIA GPU ({name}), and this PyTorch is the processor's.",
            f"Run: {system.INSTALLER} --device=cuda",
        )
    if "too old" in words:
        return (
            f"The driver of the NVIDIA GPU ({name}) is too old for this PyTorch (CUDA {said['cuda']}).",
            f"Update the driver; or take the PyTorch for older ones: {system.INSTALLER} --device=cuda126",
        )
    if "no kernel image" in words or "not compatible" in words:
        return (
            f"The NVIDIA GPU ({name}) is not served by this PyTorch (CUDA {said['cuda']}).",
            f"Take the PyTorch for older ones: {system.INSTALLER} --device=cuda126",
        )
    first = (said["error"].splitlines() or [""])[0].rstrip(".")
    return (
        f"PyTorch cannot use the NVIDIA GPU ({name}): {first}.",
        f"Restart the computer if the driver was updated; then {system.DOCTOR} looks again.",
    )


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
