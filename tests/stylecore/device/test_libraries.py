"""oneDNN after memory has run out: of no more use in the thread that met it, and as ever in another."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from stylecore.device import libraries
from tests import device

MEMORY_RUNS_OUT = """
import resource
import torch
import torch.nn.functional as F
from stylecore.device import libraries, memory_budget

def convolved(side):
    return F.conv2d(torch.ones(1, 32, side, side), torch.ones(32, 32, 3, 3)).mean().item()

def tried(work, *arguments):
    try:
        return work(*arguments)
    except RuntimeError as error:
        return error

torch.set_num_threads(1)
memory_budget.keep_buffers(memory_budget.MemoryPlan())
convolved(700)  # what is let go of it is there for smaller pictures; for their programs nothing will be
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used, resource.RLIM_INFINITY))
failed = next(error for side in range(9, 300) if isinstance(error := tried(convolved, side), RuntimeError))
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(memory_budget.ran_out(failed), tried(convolved, 401))
libraries.recover(failed)
print(tried(libraries.call, convolved, 402), tried(libraries.call, convolved, 403))
"""


@device.processor_only("it is the processor's library")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_a_thread_in_which_no_program_could_be_made_is_not_taken_again() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY_RUNS_OUT], capture_output=True, text=True, timeout=120)
    first, second = done.stdout.splitlines()
    assert first == "True could not create a primitive", "with memory again this thread is still of no use"
    assert second == "288.0 288.0", done.stderr


def test_a_thread_that_cannot_be_had_is_memory_that_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what it was wanted for is not done later, when there is one."""
    monkeypatch.setattr(libraries, "_elsewhere", None)
    libraries.recover(RuntimeError("could not create a primitive"))
    done: list[int] = []
    with monkeypatch.context() as patch:

        def fails(_thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        patch.setattr(threading.Thread, "start", fails)
        with pytest.raises(MemoryError):
            libraries.call(done.append, 1)
    libraries.call(done.append, 2)
    assert done == [2]
