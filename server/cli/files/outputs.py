"""The files that a command is going to write: none of them is one that it reads, and none is written twice."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from server.discovery import default_folder
from stylecore.errors import StyleError
from stylecore.files import writing
from stylecore.files.metadata.record import Metadata
from stylecore.files.pictures import Pixels
from stylecore.files.replacing import cannot_write

#: What tells one file from all others, by whatever name it is called.
_Identity = tuple[int, int, str]


class Outputs:
    """Every file that a command is going to write, claimed before its work begins.

    Args:
        inputs: the files that it reads; ``None`` and what is not there are passed over.
    """

    def __init__(self, inputs: Iterable[Path | None]) -> None:
        self._inputs = {identity for path in inputs if path is not None and (identity := _existing(path)) is not None}
        self._claimed: dict[_Identity, Path] = {}

    def claim(self, path: Path) -> Path:
        """Return ``path``, which is written from now on by nobody else in this command.

        The same file by another name is the same file: links, letters' case where the file system passes over it, ``..``.

        Raises:
            StyleError: ``cannot-write`` if it is one of the inputs, is claimed already, is no ordinary file, may not be
                overwritten, or if its folder is not there.
        """
        check_place(path)
        identity = _existing(path) or _future(path)
        if identity in self._inputs:
            raise StyleError("cannot-write", f"{path} is one of the files to read.", "Choose another name for the result.")
        if identity in self._claimed:
            other = self._claimed[identity]
            said = f"{path} would be written twice" if other == path else f"{path} and {other} would be the same file"
            raise StyleError("cannot-write", f"{said}.", "Choose another name for one of them.")
        self._claimed[identity] = path
        return path


def claim_in_folder(folder: Path, files: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Claim files of a folder, which may be made only later.

    Raises:
        StyleError: ``cannot-write``.
    """
    if folder.is_dir():
        outputs = Outputs(inputs)
        for file in files:
            outputs.claim(file)


def make_folder(folder: Path) -> None:
    """Make a folder for results, and those above it.

    Raises:
        StyleError: ``cannot-write``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        said = f"The folder {folder} cannot be made ({error.strerror})."
        raise StyleError("cannot-write", said, "Choose another one.") from None


def check_place(path: Path) -> None:
    """Raise :class:`StyleError` ``cannot-write`` unless an ordinary file of this name may be written or replaced."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise cannot_write(path, OSError(errno.ENOENT, f"there is no folder {path.parent}")) from None
        return
    except (OSError, ValueError) as error:  # a name that is too long, or that holds a zero byte
        raise cannot_write(path, error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error))) from error
    if stat.S_ISDIR(status.st_mode):
        raise StyleError("cannot-write", f"{path} is a folder.", "Name a file, e.g. result.png.")
    if not stat.S_ISREG(status.st_mode):
        raise StyleError("cannot-write", f"{path} is no ordinary file.", "Name a file, e.g. result.png.")
    if not os.access(path, os.W_OK):
        raise StyleError("cannot-write", f"{path} may not be overwritten.", "Choose another name, or permit it.")


def _existing(path: Path) -> _Identity | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, ""


def _future(path: Path) -> _Identity:
    """Return what will tell a file that is not there yet from others: its folder, and its name as lax as any system."""
    real = Path(os.path.realpath(path))
    status = os.stat(real.parent)
    return status.st_dev, status.st_ino, unicodedata.normalize("NFC", real.name).casefold()


def save_painted(path: Path, pixels: Pixels, *, depth: int, quality: int, metadata: Metadata | None) -> None:
    """Save a painted picture; if that fails after all, keep it as PNG elsewhere.

    Args:
        path: where it is wanted.
        pixels: H × W × 3 or 4 float32 in [0, 1].
        depth, quality, metadata: as for :func:`stylecore.files.writing.save`.

    Raises:
        StyleError: ``cannot-write``; its remedy says where the picture is kept.
    """
    try:
        writing.save(path, pixels, depth=depth, quality=quality, metadata=metadata)
    except StyleError as error:
        kept = _keep_elsewhere(path, pixels, 16 if depth > 8 else 8, metadata)
        if kept is None:
            raise
        sentence = f"{error.sentence} The painted picture is kept as {kept}."
        raise StyleError(error.code, sentence, "Copy it from there to where you want it.") from error


def _keep_elsewhere(path: Path, pixels: Pixels, depth: int, metadata: Metadata | None) -> Path | None:
    """Save a picture as PNG in the folder of the state, or else among the system's temporary files; return where."""
    name = f"{path.stem[:60]}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.png"
    for folder in (default_folder() / "kept", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            writing.save(folder / name, pixels, depth=depth, metadata=metadata)
        except (OSError, StyleError):
            continue
        return folder / name
    return None
