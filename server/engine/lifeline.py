"""Engine processes end with their broker, however that ends: none is left behind with a GPU's memory.

On Linux and macOS an engine notices that its standard input closes; Linux ends it even if it hangs. On Windows, where a
thread that waits for the standard input makes imports in others wait too, the broker holds its engines in a job object,
which ends them with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from typing import Any


def hold(process: subprocess.Popen[Any]) -> None:
    """Tie a process that this one has just started to its life."""
    if sys.platform == "win32":
        _put_into_job(int(process._handle))  # type: ignore[attr-defined]


def end_with_parent() -> None:
    """End this process when its standard input closes, in any case when the process that started it ends."""
    if sys.platform == "win32":
        return
    threading.Thread(target=_wait_for_parent, name="lifeline", daemon=True).start()
    if sys.platform == "linux":
        parent = os.getppid()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        # It is to be chosen before others when memory runs out.
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("500")
        if os.getppid() != parent:
            os._exit(0)


def _wait_for_parent() -> None:
    while os.read(0, 4096):
        continue
    os._exit(0)


if sys.platform == "win32":
    from ctypes import wintypes

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.CreateJobObjectW.restype = wintypes.HANDLE
    _kernel.SetInformationJobObject.argtypes = (wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD)
    _kernel.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
    _KILL_ON_JOB_CLOSE, _EXTENDED_LIMITS = 0x2000, 9

    class _Limits(ctypes.Structure):
        """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

        _fields_ = (
            ("process_time", ctypes.c_int64),
            ("job_time", ctypes.c_int64),
            ("flags", wintypes.DWORD),
            ("least_working_set", ctypes.c_size_t),
            ("most_working_set", ctypes.c_size_t),
            ("most_processes", wintypes.DWORD),
            ("affinity", ctypes.c_size_t),
            ("priority", wintypes.DWORD),
            ("scheduling", wintypes.DWORD),
            ("counters", ctypes.c_uint64 * 6),
            ("process_memory", ctypes.c_size_t),
            ("job_memory", ctypes.c_size_t),
            ("peak_process_memory", ctypes.c_size_t),
            ("peak_job_memory", ctypes.c_size_t),
        )

    #: Its one handle closes when this process ends, in whatever way, and then the system ends all that are in it.
    _job: int | None = None

    def _put_into_job(process: int) -> None:
        global _job
        if _job is None:
            _job = _kernel.CreateJobObjectW(None, None)
            limits = _Limits(flags=_KILL_ON_JOB_CLOSE)
            if not _kernel.SetInformationJobObject(_job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)):
                raise ctypes.WinError(ctypes.get_last_error())
        if not _kernel.AssignProcessToJobObject(_job, process):
            raise ctypes.WinError(ctypes.get_last_error())
