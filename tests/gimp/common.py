"""What the parts of the GIMP harness share: the cache folder, GIMP's version, and the error that means "no GIMP"."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class GimpUnavailable(Exception):
    """No GIMP of a series can be had; the text says why and what would help."""


def cache_folder() -> Path:
    """The folder outside the repository that holds what the tests need and may be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gimp-neural-style-tests"


def gimp_version(console: list[str]) -> str:
    """What ``gimp-console --version`` says, as "3.0.4"; "" if it says nothing of the kind."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    answer = subprocess.run([*console, "--version"], capture_output=True, text=True, timeout=60, env=environment)
    found = re.search(r"(\d+\.\d+\.\d+)", answer.stdout)
    return found.group(1) if found else ""
