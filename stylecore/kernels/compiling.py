"""Compile and launch the kernels: by NVRTC, which PyTorch brings along, for the GPU that there is."""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import functools
import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylecore import system

_log = logging.getLogger(__name__)

#: The programs, by name without ``.cu``, and their kernels.
PROGRAMS = {
    "pooling": ("pool_forward", "pool_backward"),
    "colours": ("count_colours", "read_colours", "count_steps", "read_steps"),
    "smoothness": ("total_variation_slope",),
    "optimiser": ("keep_pair", "find_free", "move"),
    "products": ("multiply",),
}
#: Threads of a block.
THREADS = 256
# Blocks at most; each thread then takes several numbers in turn.
_MOST_BLOCKS = 1 << 16

_left_out = contextvars.ContextVar("left out", default=False)

#: A kernel, called with ``grid``, ``block`` and ``args``.
Kernel = Any


def usable(x: Tensor, program: str) -> bool:
    """Return whether a program's kernels can be launched where ``x`` is: on an NVIDIA GPU that it could be compiled for."""
    return not _left_out.get() and x.is_cuda and torch.version.hip is None and program in _kernels(x.device.index or 0)


def all_usable(device: torch.device) -> bool:
    """Return whether every program's kernels can be launched on an NVIDIA GPU."""
    return not _left_out.get() and torch.version.hip is None and _kernels(device.index or 0).keys() == PROGRAMS.keys()


@contextlib.contextmanager
def left_out() -> Iterator[None]:
    """Have torch's own operations do everything, to compare with."""
    token = _left_out.set(True)
    try:
        yield
    finally:
        _left_out.reset(token)


def launch(
    program: str, kernel: str, x: Tensor, count: int, *arguments: Tensor | int | float, threads: int = THREADS
) -> None:
    """Launch a kernel on the device of ``x``, after what that was asked before.

    Args:
        program, kernel: of :data:`PROGRAMS`; :func:`usable` says that it is there.
        x: a tensor of that device.
        count: how many numbers the kernel goes through.
        arguments: of the kernel; tensors must be contiguous in the layout that it takes.
        threads: in a block.
    """
    kernels = _kernels(x.device.index or 0)[program]
    blocks = max(1, min(-(-count // threads), _MOST_BLOCKS))
    with torch.cuda.device(x.device):
        kernels[kernel](grid=(blocks, 1, 1), block=(threads, 1, 1), args=list(arguments))


@functools.cache
def _kernels(device: int) -> Mapping[str, Mapping[str, Kernel]]:
    """Return the kernels of all programs that can be compiled for a GPU.

    All at the first call, which takes half a second: while a CUDA graph is being recorded none could be loaded.
    """
    found = {}
    for program, names in PROGRAMS.items():
        try:
            from torch.cuda._utils import _cuda_load_module

            code = compiled(program, torch.cuda.get_device_capability(device))
            with torch.cuda.device(device):
                loaded = _cuda_load_module(code, list(names))
        except (ImportError, AttributeError, OSError, RuntimeError) as error:  # no NVRTC, an older torch, another GPU
            _log.warning("the kernels of %s are left out: %s", program, error)
            continue
        assert isinstance(loaded, dict)
        found[program] = loaded
    return found


def compiled(program: str, capability: tuple[int, int]) -> bytes:
    """Return a program's machine code for GPUs of a compute capability.

    Raises:
        OSError: NVRTC is not there.
        RuntimeError: it does not know such a GPU, or the program is wrong; it says so.
    """
    nvrtc = _nvrtc()

    def check(result: int) -> None:
        if result:
            nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
            raise RuntimeError(f"NVRTC: {nvrtc.nvrtcGetErrorString(result).decode()}")

    handle = ctypes.c_void_p()
    source = Path(__file__).with_name(f"{program}.cu").read_bytes()
    check(nvrtc.nvrtcCreateProgram(ctypes.byref(handle), source, f"{program}.cu".encode(), 0, None, None))
    try:
        options = (ctypes.c_char_p * 1)(f"--gpu-architecture=sm_{capability[0]}{capability[1]}".encode())
        if nvrtc.nvrtcCompileProgram(handle, 1, options):
            raise RuntimeError(_fetched(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, handle, check).decode())
        return _fetched(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, handle, check)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(handle))


def _fetched(get_size: Any, get: Any, handle: ctypes.c_void_p, check: Any) -> bytes:
    size = ctypes.c_size_t()
    check(get_size(handle, ctypes.byref(size)))
    found = ctypes.create_string_buffer(size.value)
    check(get(handle, found))
    return found.raw


@functools.cache
def _nvrtc() -> Any:
    """Return NVRTC as PyTorch brings it along."""
    if torch.version.cuda is None:
        raise OSError("this PyTorch is not built for CUDA")
    major = torch.version.cuda.split(".")[0]
    name = f"nvrtc64_{major}0_0.dll" if sys.platform == "win32" else f"libnvrtc.so.{major}"
    try:
        return system.load_library(name)
    except OSError:  # not loaded yet: what torch loads it with knows where it is
        library = "caffe2_nvrtc.dll" if sys.platform == "win32" else "libcaffe2_nvrtc.so"
        system.load_library(str(Path(torch.__file__).parent / "lib" / library))
        return system.load_library(name)
