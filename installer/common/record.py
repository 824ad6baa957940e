"""What the installer made outside its own folder, kept for the uninstallation."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from installer.common.places import Places


@dataclass
class Record:
    """Folders that were not there before (outermost first), plug-in folders, and GIMP folders that we caused.

    ``gimp_folders`` maps a configuration folder that GIMP made because the installer started it to a picture of its
    contents: as long as they are the same, the user has not used it. ``known`` maps a plug-in folder to the digest of
    what GIMP knew when it was asked. ``environment`` is that of pip, pipx or uv which the installer ran in, if it did.
    """

    made: list[str] = field(default_factory=list)
    plugins: list[str] = field(default_factory=list)
    gimp_folders: dict[str, list[list[object]]] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    environment: str = ""

    def note_folders(self, folders: list[Path]) -> None:
        """Remember folders that were created."""
        self.made += [os.fspath(folder) for folder in folders if os.fspath(folder) not in self.made]

    def note_plugin(self, folder: Path) -> None:
        """Remember a plug-in folder."""
        if os.fspath(folder) not in self.plugins:
            self.plugins.append(os.fspath(folder))

    def note_gimp_folder(self, folder: Path) -> None:
        """Remember a GIMP folder that exists only because of the installation."""
        self.gimp_folders[os.fspath(folder)] = contents(folder)


def digest(folder: Path, *words: str) -> str:
    """Return a digest of ``words`` and of every file in ``folder`` (name, mode and contents)."""
    result = hashlib.sha256("\0".join(words).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            result.update(f"{path.relative_to(folder)}\0{path.stat().st_mode:o}\0".encode() + path.read_bytes())
    return result.hexdigest()


def contents(folder: Path) -> list[list[object]]:
    """Return name, size and time of every file in ``folder``, our plug-in left out."""
    result: list[list[object]] = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and relative.parts[:2] != ("plug-ins", "neural-style"):
            status = path.stat()
            result.append([os.fspath(relative), status.st_size, status.st_mtime_ns])
    return result


def load(places: Places) -> Record:
    """Return the record, empty if there is none."""
    try:
        return Record(**json.loads(places.record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Record()


def save(places: Places, record: Record) -> None:
    """Write the record."""
    new = places.record.with_suffix(".new")
    new.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    new.replace(places.record)
