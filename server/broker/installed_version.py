"""Whether another version was installed over the one that this server runs: its next engine would be of that."""

from __future__ import annotations

import os
import re
from pathlib import Path

from server import protocol


class InstalledVersion:
    """The version that stands in the files of this program, which an upgrade replaces while it runs.

    Args:
        path: the file that says it.
    """

    def __init__(self, path: Path = Path(protocol.__file__)) -> None:
        self._path = path
        self._seen = self._look()

    def _look(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None  # it is being replaced just now
        return status.st_mtime_ns, status.st_size

    def is_another(self) -> bool:
        """Return whether it is another one than this process runs."""
        found = self._look()
        if found is None or found == self._seen:
            return False
        try:
            version = re.search(r'^VERSION = "(.+)"', self._path.read_text("utf-8"), re.MULTILINE)
        except OSError:
            return False
        if version is None:  # half written
            return False
        self._seen = found
        return version.group(1) != protocol.VERSION
