"""What differs between Linux, macOS and Windows: the program's own layer, and what only the installer needs.

:mod:`stylecore.system` is all that the installer has of the program, as it runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from stylecore.system import CARRIED as CARRIED
from stylecore.system import ENDINGS as ENDINGS
from stylecore.system import INSTALLER as INSTALLER
from stylecore.system import NAME as NAME
from stylecore.system import STAMP as STAMP
from stylecore.system import end_process as end_process
from stylecore.system import is_locked as is_locked
from stylecore.system import try_lock as try_lock
from stylecore.system import user_folder as user_folder

if sys.platform == "win32":
    import winreg

#: Whether the installer is part of a package that pip, pipx or uv has installed.
PACKAGED = Path(__file__).resolve().parents[2].name == CARRIED
#: What looks for the reason when something does not work, and what fills a folder for ``--offline``.
DOCTOR = "neural-style doctor" if PACKAGED else f"{INSTALLER} --doctor"
DOWNLOAD = f"pip download --dest FOLDER {NAME}" if PACKAGED else f"{INSTALLER} --download FOLDER"

#: Linux: the kernel's side of the drivers of NVIDIA and AMD, and what is on the bus.
NVIDIA_DRIVER, AMD_DRIVER, DEVICES = Path("/proc/driver/nvidia/version"), Path("/dev/kfd"), Path("/dev")
BUS = Path("/sys/bus/pci/devices")

#: The oldest macOS that PyTorch has builds for.
OLDEST_MACOS = 14

#: Where Windows' list of installed programs is in the registry, and its switch for names of more than 259 characters.
PROGRAMS_KEY = r"Software\Microsoft\Windows\CurrentVersion\Uninstall"
NAMES_KEY = r"SYSTEM\CurrentControlSet\Control\FileSystem"


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
    """Return the names of this user's programs that run (none on Windows)."""
    if sys.platform == "win32":
        return []
    done = subprocess.run(["ps", "-u", str(os.getuid()), "-o", "comm="], capture_output=True, text=True, check=False)
    return [os.path.basename(line.strip()) for line in done.stdout.splitlines()]  # macOS gives whole paths


def unfit_mac(platform: str, machine: str, version: str) -> tuple[str, str] | None:
    """Return why PyTorch has no builds for this Mac, and what to do; None if it has, or this is none.

    Args:
        platform: as ``sys.platform`` names it.
        machine: the processor that this Python was made for, as ``platform.machine()`` names it.
        version: of macOS, ``'14.5'``; ``''`` if it is not known.
    """
    if platform != "darwin":
        return None
    if machine != "arm64":
        return (
            "PyTorch has no builds for Macs with Intel's processors any more, nor for a Python that is made for those.",
            "On a Mac with Apple's processor, take a Python made for that: https://www.python.org/downloads/macos/",
        )
    if version and int(version.split(".")[0]) < OLDEST_MACOS:
        return f"PyTorch needs macOS {OLDEST_MACOS} or newer; this is {version}.", "Update macOS, if this Mac takes it."
    return None


def is_from_store(path: Path) -> bool:
    """Return whether a program or its folder came from the Microsoft Store."""
    return "windowsapps" in (part.lower() for part in path.parts)


def installed_folders(pattern: str) -> list[Path]:
    """Return the folders of programs in Windows' list of those installed, for all users and for this one; else none.

    Args:
        pattern: a regular expression that the whole key matches, which for an installer of Inno Setup's ends with ``_is1``.
    """
    found: list[Path] = []
    if sys.platform != "win32":
        return found
    for root in (winreg.HKEY_LOCAL_MACHINE, winreg.HKEY_CURRENT_USER):
        with contextlib.suppress(FileNotFoundError), winreg.OpenKey(root, PROGRAMS_KEY) as programs:
            keys = [winreg.EnumKey(programs, number) for number in range(winreg.QueryInfoKey(programs)[0])]
            for key in filter(re.compile(pattern).fullmatch, keys):
                with contextlib.suppress(FileNotFoundError), winreg.OpenKey(programs, key) as program:
                    found.append(Path(winreg.QueryValueEx(program, "InstallLocation")[0]))
    return found


def takes_long_names() -> bool:
    """Return whether a file's whole name may have more than 259 characters; on Windows, administrators allow it."""
    if sys.platform != "win32":
        return True
    with contextlib.suppress(FileNotFoundError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, NAMES_KEY) as key:
        return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    return False
