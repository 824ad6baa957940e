"""What the system tells of memory and processor, and what the C library is asked to do with memory. No torch here."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import sys
from pathlib import Path

import psutil

#: Where the drivers of graphics cards show themselves, and what is on the bus (Linux; elsewhere nothing is said of a card
#: that PyTorch does not see).
NVIDIA_DRIVER, AMD_DRIVER, BUS = Path("/proc/driver/nvidia/version"), Path("/dev/kfd"), Path("/sys/bus/pci/devices")


def resident_memory() -> int:
    """Return how many bytes of main memory this process holds."""
    return int(psutil.Process().memory_info().rss)


def total_memory() -> int:
    """Return the bytes of main memory that the machine has."""
    return int(psutil.virtual_memory().total)


def memory() -> dict[str, int]:
    """Return the bytes of main memory, ``total`` and ``free``, within the limit of this process's control group."""
    machine = psutil.virtual_memory()
    total, free = int(machine.total), int(machine.available)
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


def begin_peak() -> None:
    """Let the highest resident size of this process start again from here, where the system can (Linux)."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def peak_memory() -> int:
    """Return the most bytes that this process has held (on Linux: since :func:`begin_peak`); 0 where that is not known."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0


def addresses_are_limited() -> bool:
    """Return whether this process may have only so many addresses (Linux's ``ulimit -v``)."""
    return sys.platform == "linux" and psutil.Process().rlimit(psutil.RLIMIT_AS)[0] != psutil.RLIM_INFINITY


def trim_memory() -> None:
    """Have the C library give back what it keeps of memory that was let go, where it can be asked to (glibc)."""
    with contextlib.suppress(AttributeError):
        if (library := _c_library()) is not None:
            library.malloc_trim(0)


def set_allocator(option: int, value: int) -> bool:
    """Set an option of the C library's allocator (glibc's ``mallopt``); returns whether that was taken."""
    with contextlib.suppress(AttributeError):
        if (library := _c_library()) is not None:
            return bool(library.mallopt(option, value))
    return False


def _c_library() -> ctypes.CDLL | None:
    """Return what this process was linked with; None where that has no one name (Windows)."""
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None


def processor_name() -> str:
    """Return the processor's name for people, as far as the system tells."""
    return told_of_processor("model name") or platform.processor() or platform.machine()


def told_of_processor(what: str) -> str:
    """Return what Linux says of the first processor under that name, or ``''``."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:  # another system
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == what), "")
