"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from stylecore import system
from stylecore.errors import StyleError


def temporary_name(path: Path) -> Path:
    """Return a name of its own beside ``path`` for what is to take its place: hidden, and short however long that is.

    It always has an ending, since torch refuses to write ``.name``, a name that is nothing but an ending to it.
    """
    return path.with_name(f".neural-style-{secrets.token_hex(4)}{path.suffix[:16] or '.part'}")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; the file written there takes its place when the block ends without an error.

    What is written reaches the disk before it replaces anything. Where ``path`` is a link, the file that it leads to is
    replaced; a file's permissions stay.

    Raises:
        StyleError: ``cannot-write``; what was at ``path`` is still there.
    """
    real = Path(os.path.realpath(path))
    temporary = temporary_name(real)
    try:
        yield temporary
        with temporary.open("r+b") as written:
            os.fsync(written.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(real.stat().st_mode))
        system.replace(temporary, real)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file; one that was there is replaced only when all is on the disk.

    Raises:
        StyleError: ``cannot-write``.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)
        if temporary.stat().st_size != len(data):
            raise OSError(errno.EIO, os.strerror(errno.EIO))


def cannot_write(path: Path, error: OSError) -> StyleError:
    """Return the system's refusal to write a file as an error for people, with the remedy that fits it."""
    limit = "" if sys.platform == "win32" else ", or raise the limit (ulimit -f)"
    remedy = {
        errno.ENOENT: f"Make the folder {path.parent} first, or choose another one.",
        errno.ENOTDIR: "Choose another folder.",
        errno.ENOSPC: "Make room on that disk, or choose another one.",
        errno.EDQUOT: "Make room: your share of that disk is used up.",
        errno.EFBIG: f"That system keeps no file so large; choose another folder{limit}.",
        errno.EACCES: "Choose a folder that you may write to.",
        errno.EPERM: "Choose a folder that you may write to.",
        errno.EROFS: "Choose a folder that can be written to.",
        errno.ENAMETOOLONG: "Choose a shorter name.",
        errno.EISDIR: "Name a file, e.g. result.png.",
    }.get(error.errno or 0, "Choose another name or another folder.")
    return StyleError("cannot-write", f"{path} could not be written ({error.strerror or error}).", remedy)
