"""The one error that the installer shows to people."""

from __future__ import annotations

import errno

from installer.common import remedies, system


class InstallError(Exception):
    """Something that stops the installation.

    ``sentence`` says what happened, ``remedy`` what to do about it, ``details`` (may be empty) what the failing
    program printed.
    """

    def __init__(self, sentence: str, remedy: str, details: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy
        self.details = details


def disk_full(where: object, details: str = "") -> InstallError:
    """Return the error for a full disk."""
    return InstallError(f"The disk that holds {where} is full.", remedies.make_room(), details)


def from_os_error(error: OSError) -> InstallError:
    """Return what an ``OSError`` means to the person who is installing."""
    where = error.filename or "the folder to install into"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(where)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return InstallError(f"I may not write to {where} ({error.strerror}).", remedies.make_writable())
    return InstallError(
        f"{where}: {error.strerror or error}.",
        f"Mend that and run {system.INSTALLER} again; it starts where it is safe to.",
    )
