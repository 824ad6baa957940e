"""What differs between Linux, macOS and Windows, for an installer that runs before anything is installed.

The program's own layer is :mod:`stylecore.system`; this stands alone, as the installer's copy beside the environment does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes
else:
    import fcntl

#: What asks the installer to end, beside Ctrl-C.
ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
#: What a user starts; and where an environment's programs are, and how their names end.
SCRIPT = "install.cmd" if sys.platform == "win32" else "./install.sh"
PROGRAMS, ENDING = ("Scripts", ".exe") if sys.platform == "win32" else ("bin", "")
#: Linux: the kernel's side of the drivers of NVIDIA and AMD, and what is on the bus.
NVIDIA_DRIVER, AMD_DRIVER, DEVICES = Path("/proc/driver/nvidia/version"), Path("/dev/kfd"), Path("/dev")
BUS = Path("/sys/bus/pci/devices")


def try_lock(file: IO[Any], *, shared: bool = False) -> bool:
    """Lock an open file until it is closed, as the server does; False if another process holds it.

    Args:
        file: open for reading or writing.
        shared: together with others who share it.

    Raises:
        OSError: it cannot be locked at all.
    """
    if sys.platform == "win32":
        return _lock_byte(file, shared)
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Return whether another process holds the lock of a file; False if it is not there."""
    try:
        with open(path, "rb") as file:
            return not try_lock(file, shared=True)
    except OSError:
        return False


def ask_to_end(process: int) -> None:
    """Ask a process to end; Windows knows no asking, and ends it.

    Raises:
        OSError: it is not there, or not this user's.
    """
    os.kill(process, signal.SIGTERM)


def start_group(command: Any, **options: Any) -> subprocess.Popen[str]:
    """Start a program whose children :func:`end_group` ends with it.

    Raises:
        OSError: it cannot be started.
    """
    return subprocess.Popen(command, start_new_session=True, **options)  # Windows takes no notice


def end_group(process: subprocess.Popen[str]) -> None:
    """End a program, and all that it has started."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def is_root_for_another() -> bool:
    """Return whether this runs as root by ``sudo``."""
    return sys.platform != "win32" and os.geteuid() == 0 and bool(os.environ.get("SUDO_USER"))


def programs_running() -> list[str]:
    """Return the names of this user's programs that run (Linux only)."""
    if sys.platform != "linux":
        return []
    done = subprocess.run(["ps", "-u", str(os.getuid()), "-o", "comm="], capture_output=True, text=True, check=False)
    return [line.strip() for line in done.stdout.splitlines()]


if sys.platform == "win32":
    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.LockFileEx.argtypes = (wintypes.HANDLE, *[wintypes.DWORD] * 4, ctypes.c_void_p)
    _LOCKED = 33

    def _lock_byte(file: IO[Any], shared: bool) -> bool:
        """Lock the byte that the server locks, too: far behind the text, which Windows would keep others from reading."""
        where = (ctypes.c_uint64 * 4)(0, 0, 1 << 30, 0)  # OVERLAPPED: its third part is the offset
        if _kernel.LockFileEx(msvcrt.get_osfhandle(file.fileno()), 1 if shared else 3, 0, 1, 0, where):
            return True
        number = ctypes.get_last_error()
        if number != _LOCKED:
            raise ctypes.WinError(number)
        return False
