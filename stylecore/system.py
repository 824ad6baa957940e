"""What differs between Linux, macOS and Windows, in one place: locks, private files, folders, processes, their ends.

Needs the standard library only, because the plug-in uses it inside GIMP, and the installer before anything is installed.
What asks the system about memory is in :mod:`stylecore.device.host`, what ends engines with their broker in
:mod:`server.engine.lifeline`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

if sys.platform == "win32":
    import msvcrt
    from ctypes import wintypes
else:
    import fcntl

NAME = "gimp-neural-style"
#: The folder beside the packages in which the wheel carries installer, plug-in and samples (setup.py).
CARRIED = "gimp_neural_style"
#: What the installer leaves in an environment that it has made.
STAMP = "installed.json"


def installer_command(folder: Path, prefix: str = sys.prefix, platform: str = sys.platform) -> str:
    """Return how the installer is called.

    Args:
        folder: the one that holds the packages.
        prefix: this Python's environment.
        platform: as ``sys.platform`` names it.
    """
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # the plug-in's folder: as it was called then
        named = json.loads((folder / "installation.json").read_text("utf-8"))["installer"]
        if isinstance(named, str):
            return named
    if (folder / CARRIED).is_dir() and not (Path(prefix) / STAMP).is_file():
        return "neural-style install"
    return "install.cmd" if platform == "win32" else "./install.sh"


#: How the installer is called: all that tells people to run it says it so.
INSTALLER = installer_command(Path(__file__).resolve().parent.parent)

#: What asks a program to end: Ctrl-C, the system or a batch queue, a terminal that is closed.
ENDINGS: tuple[signal.Signals, ...] = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)
#: How :func:`crash` calls the end that Linux gives a process when memory runs out.
KILLED = "SIGKILL"

# Folders.

#: Where the XDG rules have a user's folders; where macOS has them; and, on Windows, the name in our own one.
_FOLDERS = {
    "data": ("XDG_DATA_HOME", ".local/share", "Library/Application Support", "", "."),
    "state": ("XDG_STATE_HOME", ".local/state", "Library/Application Support", "state", "state"),
    "cache": ("XDG_CACHE_HOME", ".cache", "Library/Caches", "", "cache"),
}


def user_folder(
    kind: str, environment: Mapping[str, str] = os.environ, platform: str = sys.platform, home: Path | None = None
) -> Path:
    """Return our folder of this user, which may not be there yet.

    Args:
        kind: ``'data'``, ``'state'`` or ``'cache'``.
        environment: its variables say where: XDG's (on macOS, too), or ``LOCALAPPDATA`` on Windows.
        platform: as ``sys.platform`` names it.
        home: the user's folder, if that is known.
    """
    variable, usual, mac, inside, name = _FOLDERS[kind]
    home = home or Path.home()
    if platform == "win32":
        local = environment.get("LOCALAPPDATA", "")
        return (Path(local) if os.path.isabs(local) else home / "AppData" / "Local") / NAME / name
    value = environment.get(variable, "")  # a relative one is ignored, as the XDG rules say
    if os.path.isabs(value):
        return Path(value) / NAME
    return home / mac / NAME / inside if platform == "darwin" else home / usual / NAME


# Files.


def try_lock(file: IO[Any], *, shared: bool = False) -> bool:
    """Lock an open file until it is closed; False if another one holds it.

    Args:
        file: open for reading or writing.
        shared: together with others who share it.

    Raises:
        OSError: it cannot be locked at all.
    """
    if sys.platform == "win32":
        return _lock_byte(file, shared)
    else:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def wait_lock(file: IO[Any]) -> None:
    """Lock an open file until it is closed; waits for others who hold it.

    Raises:
        OSError: it cannot be locked at all.
    """
    if sys.platform == "win32":
        while not try_lock(file):
            time.sleep(0.02)
    else:
        fcntl.flock(file, fcntl.LOCK_EX)


def is_locked(path: Path) -> bool:
    """Return whether another open file holds the lock of this one; False if it is not there."""
    try:
        with open(path, "rb") as file:
            return not try_lock(file, shared=True)
    except OSError:
        return False


def exposure(path: Path) -> str:
    """Return how others could read or change what is at ``path``, in words; ``''`` if they cannot.

    On Windows a user's folders are protected by their access lists, which nothing here changes.

    Raises:
        OSError: it is not there.
    """
    status = path.stat()
    if sys.platform == "win32":
        return ""
    if status.st_uid != os.geteuid():
        return f"“{path}” belongs to another user"
    mode = stat.S_IMODE(status.st_mode)
    return f"“{path}” has mode {mode:04o}" if mode & 0o077 else ""


def is_ours(path: Path) -> bool:
    """Return whether a file belongs to this user (on Windows: it is not asked).

    Raises:
        OSError: it is not there.
    """
    status = path.stat()
    if sys.platform == "win32":
        return True
    return status.st_uid == os.getuid()


def replace(source: str | Path, target: str | Path) -> None:
    """Let ``source`` take the place of ``target``, at once.

    Raises:
        OSError: it cannot.
    """
    _patiently(lambda: os.replace(source, target))


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        OSError: it cannot be removed.
    """
    _patiently(lambda: path.unlink(missing_ok=True))


def _patiently(change: Callable[[], None]) -> None:
    """Change a file that others may be reading: for the instant that this takes, Windows refuses it."""
    deadline = time.monotonic() + 1.0
    while True:
        try:
            change()
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def reserve(file: IO[bytes], size: int) -> None:
    """Have the system set so many bytes aside for a file, where it can.

    Raises:
        OSError: there is no room.
    """
    if sys.platform != "win32" and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)


# Processes.


def lives(process: int) -> bool:
    """Return whether a process of this user's has that number."""
    if sys.platform == "win32":
        return _is_running(process)
    try:
        os.kill(process, 0)  # on Windows that is Ctrl-C to all who share its console
    except (ProcessLookupError, PermissionError):  # another user's is none of ours, whose number it has now
        return False
    return True


def begun(process: int) -> str:
    """Return when a process began, which tells it from a later one with its number; ``''`` where that is not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # After the name in parentheses, which may hold anything, the time is the twentieth word.
        return f"{boot} {Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return ""


def end_process(process: int, *, by_force: bool) -> None:
    """Ask a process to end, or end it; Windows knows no asking.

    Raises:
        OSError: it is not there, or not this user's.
    """
    number = signal.SIGTERM
    if sys.platform != "win32" and by_force:
        number = signal.SIGKILL
    os.kill(process, number)


def pass_signal(process: int, number: int) -> None:
    """Pass on to a child what this process was asked by a signal; one that has ended meanwhile needs it no longer."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def crash(status: int | None) -> str:
    """Return what ended a process whose exit status this is, by its name for people: ``SIGSEGV``, ``0xC0000005
    (ACCESS_VIOLATION)``; ``''`` if it ended by itself.
    """
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
        return str(-status)
    if status is not None and status >= 0xC0000000:  # NTSTATUS: errors
        known = _NTSTATUS.get(status)
        return f"0x{status:08X} ({known})" if known else f"0x{status:08X}"
    return ""


_NTSTATUS = {
    0xC0000005: "ACCESS_VIOLATION",
    0xC0000017: "NO_MEMORY",
    0xC000001D: "ILLEGAL_INSTRUCTION",
    0xC00000FD: "STACK_OVERFLOW",
    0xC000012D: "COMMITMENT_LIMIT",
    0xC0000135: "DLL_NOT_FOUND",
    0xC000013A: "CONTROL_C_EXIT",
    0xC0000374: "HEAP_CORRUPTION",
    0xC0000409: "STACK_BUFFER_OVERRUN",
}


def end_like(status: int) -> None:
    """End this process as one ended whose exit status that is; returns if it ended by itself."""
    if status < 0:
        os.kill(os.getpid(), -status)


def usable_cores() -> int:
    """Return how many of the processor's cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def open_many_files() -> None:
    """Let this process open as many files as the system allows: each connection takes one, a stranger's too."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536) if most != resource.RLIM_INFINITY else 65536, most))


def lead_a_group() -> None:
    """Make this process the first of a group of its own: a terminal's Ctrl-C goes to the parent alone."""
    if sys.platform != "win32":
        os.setpgid(0, 0)


def start_apart(command: Sequence[str], *, outlives: bool = False, **options: Any) -> subprocess.Popen[bytes]:
    """Start a program that shares no terminal with this one, and opens no window.

    Args:
        command: program and arguments.
        outlives: it goes on when this program, and all that the system would end with it, has ended.
        options: of ``subprocess.Popen``.

    Raises:
        OSError: it cannot be started.
    """
    if sys.platform == "win32":
        apart = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        with _without_library_folder():
            if outlives:
                with contextlib.suppress(PermissionError):  # the job that this process is in lets nobody go
                    return subprocess.Popen(command, creationflags=apart | subprocess.CREATE_BREAKAWAY_FROM_JOB, **options)
            return subprocess.Popen(command, creationflags=apart, **options)
    return subprocess.Popen(command, start_new_session=True, **options)


def without_window() -> int:
    """Return ``subprocess.Popen``'s ``creationflags`` for a program that works for this one: no window on Windows."""
    return getattr(subprocess, "CREATE_NO_WINDOW", 0)


def load_library(name: str) -> ctypes.CDLL:
    """Return a shared library, of a path or of those that the program or the system knows.

    Raises:
        OSError: there is none of that name.
    """
    return ctypes.CDLL(name)


def own_path(path: str) -> str:
    """Return the search path for a program that is not GIMP's: on Windows without the folder of GIMP's libraries."""
    if sys.platform == "win32" and (foreign := _library_folder()):
        inside = os.path.normcase(os.path.normpath(foreign))
        return os.pathsep.join(
            each for each in path.split(os.pathsep) if os.path.normcase(os.path.normpath(each)) != inside
        )
    return path


# Windows.

if sys.platform == "win32":
    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.OpenProcess.restype = wintypes.HANDLE
    _kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    _kernel.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
    _kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    _LOCKED, _SYNCHRONIZE, _STILL_RUNNING = 33, 0x100000, 258

    class _Overlapped(ctypes.Structure):
        _fields_ = (
            ("internal", ctypes.c_void_p),
            ("internal_high", ctypes.c_void_p),
            ("offset", wintypes.DWORD),
            ("offset_high", wintypes.DWORD),
            ("event", wintypes.HANDLE),
        )

    _kernel.LockFileEx.argtypes = (
        wintypes.HANDLE,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.DWORD,
        ctypes.POINTER(_Overlapped),
    )

    def _lock_byte(file: IO[Any], shared: bool) -> bool:
        """Lock a byte far behind what a file holds: Windows keeps others from reading what is locked."""
        where = _Overlapped(offset=1 << 30)
        flags = 1 if shared else 3  # fail immediately, exclusively
        if _kernel.LockFileEx(msvcrt.get_osfhandle(file.fileno()), flags, 0, 1, 0, ctypes.byref(where)):
            return True
        number = ctypes.get_last_error()
        if number != _LOCKED:
            raise ctypes.WinError(number)
        return False

    def _is_running(process: int) -> bool:
        handle = _kernel.OpenProcess(_SYNCHRONIZE, False, process)
        if not handle:
            return False
        try:
            return bool(_kernel.WaitForSingleObject(handle, 0) == _STILL_RUNNING)
        finally:
            _kernel.CloseHandle(handle)

    def _library_folder() -> str:
        """Return the folder that GIMP has put before all others in the search for libraries; its children inherit it."""
        buffer = ctypes.create_unicode_buffer(32768)
        _kernel.GetDllDirectoryW(len(buffer), buffer)
        return buffer.value

    @contextlib.contextmanager
    def _without_library_folder() -> Iterator[None]:
        before = _library_folder()
        _kernel.SetDllDirectoryW(None)
        try:
            yield
        finally:
            if before:
                _kernel.SetDllDirectoryW(before)
