"""A job's state as a file, so that hours of painting outlive an interruption."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from stylecore.errors import StyleError, fault
from stylecore.files.replacing import replacing
from stylecore.network.arithmetic import Arithmetic

#: Raised when a saved state changes its meaning.
VERSION = 7


def arithmetic_of(state: Mapping[str, Any], pictures: str) -> Arithmetic:
    """Return the arithmetic that a :meth:`stylecore.painting.job.Job.state` was painted in.

    Raises:
        StyleError: ``bad-state`` if it was saved by another version or for other pictures than those of this digest.
    """
    try:
        arithmetic = Arithmetic.from_stored(state.get("arithmetic"))
    except ValueError as error:
        raise StyleError(*fault("bad-state")) from error
    if state.get("version") != VERSION or state.get("pictures") != pictures:
        raise StyleError(*fault("bad-state"))
    return arithmetic


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write a :meth:`stylecore.painting.job.Job.state`; the file that was there stays until the new one is whole.

    Raises:
        StyleError: ``cannot-write``.
    """
    try:
        with replacing(path) as beside:
            torch.save(dict(state), beside)
    except RuntimeError as error:  # torch's own word for a full disk, and for a folder that is not there
        raise StyleError(
            "cannot-write", f"The job's state could not be written to {path} ({error}).", "Choose another place for it."
        ) from error


def load(path: Path) -> dict[str, Any]:
    """Read what :func:`save` wrote. Only tensors, numbers, texts, lists and mappings are read, never code.

    Raises:
        StyleError: ``bad-state``.
    """
    refusal = StyleError(*fault("bad-state:file", path=path))
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise refusal from error
    if not isinstance(state, dict):
        raise refusal
    return state
