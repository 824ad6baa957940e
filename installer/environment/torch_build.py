"""Which PyTorch this machine gets, and getting it."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

from installer.common import console, system
from installer.common.errors import InstallError
from installer.common.processes import OFFLINE, PipError, answer, clean_environment, one_index, pip

#: PyTorch's own index of builds without CUDA: a tenth of the size of the default build.
CPU_INDEX = "https://download.pytorch.org/whl/cpu"

#: Its builds for AMD's GPUs, on Linux.
ROCM_INDEX = "https://download.pytorch.org/whl/rocm6.4"

#: Its builds for NVIDIA's older GPUs and drivers.
CUDA126_INDEX = "https://download.pytorch.org/whl/cu126"

#: Free disk space that each build needs while it is installed, packages and downloads together.
CUDA_BYTES = 9_000_000_000
CPU_BYTES = 2_000_000_000

#: The build that is another Python's own; see :func:`borrow`.
OWN = "own"

_CHECK = (
    "import torch, torchvision; from torchvision.ops import nms; "
    "assert nms(torch.tensor([[0., 0., 1., 1.], [0., 0., 1., 1.]]), torch.tensor([1., .5]), .5).tolist() == [0]; "
    "print('torch', torch.__version__)"
)


def nvidia_gpu() -> str | None:
    """Return the name of this machine's NVIDIA GPU, or None if there is none (or no driver for it)."""
    program = shutil.which("nvidia-smi")
    if program is not None:
        code, text = answer([program, "--query-gpu=name", "--format=csv,noheader"], 20)
        if code == 0 and text.strip():
            return text.strip().splitlines()[0]
    # A container may have the driver but not the tool.
    if system.NVIDIA_DRIVER.exists() and any(system.DEVICES.glob("nvidia[0-9]*")):
        return "NVIDIA GPU"
    return None


def cpu_index_answers(index: str, timeout: float = 5.0) -> bool:
    """Return whether PyTorch's CPU index can be reached from here."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=timeout) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def choose(build: str, index: str = CPU_INDEX) -> str:
    """Return which build to install, ``'cuda'`` (the default registry's) or ``'cpu'``, and say why.

    ``build`` is what the user asked for: ``'auto'``, ``'cuda'``, ``'cuda126'``, ``'cpu'`` or ``'rocm'``.
    """
    if build != "auto":
        return build
    if sys.platform == "win32" and (name := nvidia_gpu()) is not None and not os.environ.get(OFFLINE):
        console.detail(f"{name}: PyTorch with CUDA, from PyTorch's own index, as the default one is for the processor")
        return "cuda126"
    if sys.platform != "linux":
        return "cuda"  # the default registry's build; outside Linux it is the right one for the machine
    gpu = nvidia_gpu()
    if gpu is not None:
        console.detail(f"{gpu}: PyTorch with CUDA")
        return "cuda"
    if system.AMD_DRIVER.exists():
        console.detail(f"an AMD GPU may be here; for it: {system.INSTALLER} --device=rocm")
    if os.environ.get(OFFLINE):
        return "cuda"  # there is one build in the folder, and it is taken whatever it is called
    if cpu_index_answers(index):
        console.detail("no NVIDIA GPU: PyTorch for the processor")
        return "cpu"
    console.detail("no NVIDIA GPU, and PyTorch's own index cannot be reached: the default build (larger, same results)")
    return "cuda"


def choose_instead(python: Path, build: str) -> str | None:
    """Return which build is to take the place of the one that ``python`` has; None if that may stay.

    ``build`` is what the user asked for; with ``'auto'`` only Windows' registry has the wrong one for NVIDIA's GPUs.
    """
    if build != "auto":
        return build
    if sys.platform != "win32" or nvidia_gpu() is None:
        return None
    code, text = answer([python, "-I", "-c", "import torch; print('cuda', torch.version.cuda)"], 180, clean_environment())
    return choose(build) if code == 0 and "cuda None" in text else None


def bytes_needed(build: str) -> int:
    """Return the free disk space that installing ``build`` needs."""
    if build == OWN:
        return 0
    if build == "cpu":
        return CPU_BYTES
    return CUDA_BYTES if sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64") else CPU_BYTES


def works(python: Path) -> str | None:
    """Return the version of a torch that imports and fits its torchvision, or None.

    Builds from different indexes import well and fail at torchvision's compiled operators, so one is run.
    """
    code, text = answer([python, "-I", "-c", _CHECK], 180, clean_environment())
    match = re.search(r"^torch (\S+)$", text, re.MULTILINE)
    return match.group(1) if code == 0 and match else None


def borrow(python: Path, lender: Path) -> None:
    """Let the environment of ``python`` see the packages of the interpreter ``lender``, which has PyTorch.

    Raises:
        InstallError: it is of another version, or its PyTorch does not work.
    """
    script = (
        "import json, sys, sysconfig; p = sysconfig.get_paths(); "
        "print(json.dumps([list(sys.version_info[:2]), p['purelib'], p['platlib']]))"
    )
    (code, text), (_, own) = (answer([each, "-I", "-c", script], 30) for each in (lender, python))
    if code or works(lender) is None:
        raise InstallError(
            f"{lender} is no Python with a working torch and torchvision.",
            "Name another one, or leave --packages-of out.",
            text[-500:],
        )
    version, *folders = json.loads(text)
    own_version, site, _ = json.loads(own)
    if version != own_version:
        raise InstallError(
            f"{lender} is Python {version[0]}.{version[1]}; the installer runs {own_version[0]}.{own_version[1]}.",
            "Put a python3 of the same version first on PATH.",
        )
    lines = "\n".join(dict.fromkeys(folders))
    (Path(site) / "packages-of-another-python.pth").write_text(lines + "\n", encoding="utf-8")


def ways(python: Path, build: str, index: str = CPU_INDEX) -> list[tuple[str, dict[str, str] | None, list[str]]]:
    """Return the attempts for ``build`` in order: the place in words, variables for pip (None: as configured), options."""
    if folder := os.environ.get(OFFLINE):
        return [(folder, None, [])]
    if build == "rocm":
        return [("PyTorch's own index for AMD's GPUs", one_index(python, ROCM_INDEX), [])]
    if build == "cuda126":
        return [("PyTorch's own index for older NVIDIA GPUs", one_index(python, CUDA126_INDEX), [])]
    registry: list[tuple[str, dict[str, str] | None, list[str]]] = [
        ("the default registry", None, []),
        ("the default registry alone", one_index(python, None), ["--force-reinstall"]),
    ]
    if build == "cpu":
        return [("PyTorch's own index", one_index(python, index), []), *registry]
    return registry


def install(
    python: Path, requirements: list[str], build: str, temporary: Path, index: str = CPU_INDEX, *, anew: bool = False
) -> str:
    """Install torch and torchvision into the environment of ``python`` and return torch's version.

    Args:
        python: The virtual environment's interpreter.
        requirements: The requirements for torch and torchvision, always together.
        build: ``'cuda'``, ``'cuda126'``, ``'cpu'``, ``'rocm'`` or ``'own'``; when the CPU index fails, the default
            registry's build is taken, which runs on the processor too. It does not run on an AMD GPU or an old one of
            NVIDIA's, so it is not taken for those.
        temporary: Where pip downloads to.
        index: The CPU index.
        anew: Take the place of a build that is there already.

    Raises:
        InstallError: no attempt ended with a pair that works.
    """
    attempts = ways(python, build, index)
    failure: InstallError | None = None
    for number, (name, variables, options) in enumerate(attempts):
        if number:
            console.warn(f"Trying {name} instead.")
        forced = ["--force-reinstall"] if anew and "--force-reinstall" not in options else []
        try:
            pip(
                python,
                ["install", *options, *forced, *requirements],
                temporary=temporary,
                show=console.detail,
                environment=variables,
            )
        except PipError as error:
            failure = error
            if error.reason == "full":
                raise
            if error.reason == "network" and name == "the default registry":
                break  # the last attempt asks the same registry
            console.detail(error.sentence)
            continue
        version = works(python)
        if version is not None:
            return version
        console.detail("these builds of torch and torchvision do not work together")
        failure = InstallError(
            "PyTorch is installed but does not work on this machine.",
            f"Run {system.INSTALLER} again; if it fails again, install with --device=cpu (no GPU) or report it.",
            answer([python, "-I", "-c", _CHECK], 180, clean_environment())[1][-1500:],
        )
    assert failure is not None
    raise failure
