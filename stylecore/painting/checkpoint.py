"""A job's state as a file, so that hours of painting outlive an interruption."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from stylecore.errors import StyleError, fault
from stylecore.files.replacing import replacing


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
