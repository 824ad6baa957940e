"""What differs between Linux, macOS and Windows: the program's own layer, and what only the installer needs.

:mod:`stylecore.system` is all that the installer has of the program, as it runs before anything is installed; its copy
beside the environment brings that module along.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from stylecore.system import ENDINGS as ENDINGS
from stylecore.system import INSTALLER as INSTALLER
from stylecore.system import end_process as end_process
from stylecore.system import is_locked as is_locked
from stylecore.system import try_lock as try_lock

#: Linux: the kernel's side of the drivers of NVIDIA and AMD, and what is on the bus.
NVIDIA_DRIVER, AMD_DRIVER, DEVICES = Path("/proc/driver/nvidia/version"), Path("/dev/kfd"), Path("/dev")
BUS = Path("/sys/bus/pci/devices")


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
