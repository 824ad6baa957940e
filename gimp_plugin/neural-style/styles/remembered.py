"""What is remembered of styles from one opening of the dialog to the next: those used last, and the favourites."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from common import installation, kept

_MOST_RECENT = 12
#: Shipped styles lie in a folder of each GIMP; they are kept by their names.
_SHIPPED = "shipped:"

_recent_now: list[str] = []


def recent() -> list[str]:
    """Return the paths of the files that were applied last, newest first."""
    paths = [path for path in map(path_of, _read(_recent_file())) if os.path.isfile(path)]
    _recent_now[:] = paths[:_MOST_RECENT]
    return list(_recent_now)


def is_recent(path: str) -> bool:
    """Return whether a file was among them when they were asked for last."""
    return path in _recent_now


def remember(keys: Sequence[str]) -> None:
    """Put the files among these styles in front of the recent ones."""
    files = [key for key in keys if os.path.isabs(key)]
    paths = [*files, *(path for path in recent() if path not in files)]
    _write(_recent_file(), map(name_of, paths[:_MOST_RECENT]))


def favourites() -> set[str]:
    """Return the paths of the user's favourites."""
    return {path_of(name) for name in _read(_favourites_file())}


def set_favourite(path: str, on: bool) -> None:
    """Make a style a favourite, or no longer."""
    left = [each for each in _read(_favourites_file()) if path_of(each) != path]
    _write(_favourites_file(), [*left, name_of(path)] if on else left)


def moved(old: str, new: str | None) -> None:
    """Go on to remember a file that has another path now, or none."""
    for file in (_recent_file(), _favourites_file()):
        names = _read(file)
        if old in map(path_of, names):
            left = (new if path_of(each) == old else each for each in names)
            _write(file, [each for each in left if each is not None])


def name_of(path: str) -> str:
    """Return what a file is remembered as."""
    return f"{_SHIPPED}{Path(path).name}" if Path(path).parent == installation.shipped_styles() else path


def path_of(name: str) -> str:
    """Return where a file is that is remembered as this."""
    if name.startswith(_SHIPPED):
        return str(installation.shipped_styles() / name[len(_SHIPPED) :])
    return name


def _recent_file() -> Path:
    return installation.thumbnail_folder().parent / "recent-styles.json"


def _favourites_file() -> Path:
    return installation.read().user_styles / ".favourites.json"


def _read(file: Path) -> list[str]:
    names = kept.read(file)
    return [each for each in names if isinstance(each, str)] if isinstance(names, list) else []


def _write(file: Path, names: Iterable[str]) -> None:
    try:
        kept.write(file, list(names))
    except OSError as error:
        print(f"neural-style: cannot write {file}: {error}")
