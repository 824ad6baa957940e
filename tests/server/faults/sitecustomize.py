"""Faults that no signal of the system's makes, for processes started with this folder in PYTHONPATH.

SIGUSR2: the main thread hangs where it is, as in a kernel that never returns, while the other threads go on.
SIGUSR1: the device has no memory left.
"""

import signal
import sys
import time


def _hang(_number: int, _frame: object) -> None:
    time.sleep(3600)


def _no_memory(_number: int, _frame: object) -> None:
    torch = sys.modules.get("torch")
    if torch is not None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB (as a test does)")


signal.signal(signal.SIGUSR2, _hang)
signal.signal(signal.SIGUSR1, _no_memory)
