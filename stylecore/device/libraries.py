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
    """Return what ``work`` does: in this thread, or in another one if this is of no more use (:func:`recover`).

    Raises:
        MemoryError: there is none for another thread.
    """
    if _elsewhere is None:
        return work(*args, **keywords)
    try:
        found = _elsewhere.submit(work, *args, **keywords)
    except RuntimeError as error:  # what could not begin stays in its queue
        _renew()
        raise MemoryError(str(error)) from error
    return found.result()


def recover(error: BaseException) -> None:
    """Let later calls take a thread of their own, if an error says that the one they took is of no more use."""
    if "could not create a primitive" in str(error):
        _renew()


def _renew() -> None:
    global _elsewhere
    if _elsewhere is not None:
        _elsewhere.shutdown(wait=False, cancel_futures=True)
    _elsewhere = ThreadPoolExecutor(1, "oneDNN")
