"""Small files in which a user's processes keep for one another what they found out about a machine."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stylecore import system
from stylecore.files.replacing import replacing

_LARGEST_FILE = 256 * 1024


def read(path: Path, version: int) -> dict[str, Any]:
    """Return what :func:`write` wrote; of a damaged, foreign or oversized file, or another version's, nothing."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            return {}
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and content.get("version") == version else {}


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the only process that changes the file meanwhile; its folder is made if it is not there, for this user alone.

    Raises:
        OSError: there is no folder to write in.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "ab", opener=_private) as lock:  # held until it is closed
        system.wait_lock(lock)
        yield


def write(path: Path, version: int, content: dict[str, Any]) -> None:
    """Write a file that only this user can read.

    Args:
        path: where.
        version: what :func:`read` is to ask for.
        content: what JSON can hold.

    Raises:
        StyleError: ``cannot-write``; what was there still is.
    """
    text = json.dumps({"version": version, **content}, indent=2) + "\n"
    with replacing(path) as temporary, open(temporary, "xb", opener=_private) as file:
        file.write(text.encode())


def _private(name: str, flags: int) -> int:
    """Open a file that, if made by that, only this user can read, as all in that folder."""
    return os.open(name, flags, 0o600)
