"""Calls of the libraries below torch in a thread in which they still work.

oneDNN makes the processor's programs for each size when it first meets it, and where there is no memory for one, its
assembler (Xbyak) remembers that for the thread: from then on it makes none there, however much memory there is.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_elsewhere: ThreadPoolExecutor | None = None


def call(work: Callable[_Arguments, _Result], *args: _Arguments.args, **keywords: _Arguments.kwargs) -> _Result:
    """Return what ``work`` does: in this thread, or in another one if this is of no more use (:func:`recover`)."""
    return work(*args, **keywords) if _elsewhere is None else _elsewhere.submit(work, *args, **keywords).result()


def recover(error: BaseException) -> None:
    """Let later calls take a thread of their own, if an error says that the one they took is of no more use."""
    global _elsewhere
    if "could not create a primitive" not in str(error):
        return
    if _elsewhere is not None:
        _elsewhere.shutdown(wait=False)
    _elsewhere = ThreadPoolExecutor(1, "oneDNN")
