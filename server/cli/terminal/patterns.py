"""Patterns of file names, where folders may have the signs of patterns in their own names (standard library only)."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

_SIGNS = re.compile(r"[*?\[]")


def is_pattern(text: str) -> bool:
    """Return whether a name that is not there can stand for several that are."""
    return _SIGNS.search(text) is not None


def matching(pattern: str) -> list[Path]:
    """Return what a pattern matches, in no order.

    Folders that are there by their very name are taken so, and only what follows is a pattern: ``Trip [1]/*.jpg``. If
    nothing matches, brackets in what follows may be meant as they stand, too (``Scan [1]*.png``), or those of the folders
    may be signs after all.
    """
    parts = Path(pattern).parts
    there = next((n for n in range(len(parts), 0, -1) if os.path.isdir(Path(*parts[:n]))), 0)
    folder = glob.escape(str(Path(*parts[:there]))) if there else ""
    rest = os.path.join(*parts[there:]) if there < len(parts) else ""
    for attempt in (os.path.join(folder, rest), os.path.join(folder, rest.replace("[", "[[]")), pattern):
        found = glob.glob(attempt)
        if found:
            return [Path(name) for name in found]
    return []
