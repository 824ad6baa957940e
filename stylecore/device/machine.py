"""What of a computer and an installation bears on the arithmetic that is best there."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

import torch

from stylecore.device import host

#: How Linux calls instructions that multiply bfloat16, on x86.
BFLOAT16_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16"})
# By these a user holds oneDNN to older instructions than the processor has.
_SWITCHES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


@dataclass(frozen=True)
class Machine:
    """A device, with the PyTorch that works on it. All in words, so that it can be kept and compared.

    ``instructions`` are words: the architecture, which of its instructions torch uses (``AVX2`` …), the libraries that it
    has (``oneDNN``, ``MKL``), what Linux says of bfloat16, and what oneDNN is held to. ``device`` is a type, ``gpu`` the
    name if it is one, ``compute_capability`` NVIDIA's, e.g. ``'9.0'``.
    """

    torch_version: str
    processor: str
    instructions: str
    device: str = "cpu"
    gpu: str = ""
    compute_capability: str = ""

    @classmethod
    def of(cls, device: torch.device) -> Machine:
        """Return this computer with a device of it."""
        gpu = capability = ""
        if device.type == "cuda":
            gpu = torch.cuda.get_device_name(device)
            if torch.version.hip is None:  # AMD's numbers mean something else
                capability = "{}.{}".format(*torch.cuda.get_device_capability(device))
        return cls(torch.__version__, host.processor_name(), _instructions(), device.type, gpu, capability)


def _instructions() -> str:
    words = [platform.machine(), torch.backends.cpu.get_cpu_capability()]
    words += ["oneDNN"] * torch.backends.mkldnn.is_available() + ["MKL"] * torch.backends.mkl.is_available()
    listed = host.told_of_processor("flags")
    words += sorted(BFLOAT16_INSTRUCTIONS.intersection(listed.split())) if listed else ["unlisted"]
    words += [f"{switch}={os.environ[switch]}" for switch in _SWITCHES if os.environ.get(switch)]
    return " ".join(words)
