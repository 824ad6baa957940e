"""Small files of JSON in which the plug-in keeps things: damaged ones count as missing, new ones are whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from stylecore import system


def read(file: Path) -> Any:
    """Return what is kept in a file; None if there is nothing, or nothing that can be read: it is written anew then."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write(file: Path, content: Any) -> None:
    """Keep something in a file, in the place of what was there.

    Raises:
        OSError: it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(content, indent=1), encoding="utf-8")
    system.replace(new, file)
