"""The words that people read, in their language: gettext, from the catalogues beside the plug-in."""

from __future__ import annotations

import gettext
from pathlib import Path

#: Name of the catalogues: ``locale/<language>/LC_MESSAGES/gimp-neural-style.mo``.
DOMAIN = "gimp-neural-style"

# GIMP hands its own language to its plug-ins in LANGUAGE, which gettext obeys.
_catalogue = gettext.translation(DOMAIN, Path(__file__).resolve().parent.parent / "locale", fallback=True)


def _(text: str) -> str:
    """Return the text in the user's language."""
    return _catalogue.gettext(text) if text else ""


def counted(one: str, many: str, number: int) -> str:
    """Return the form for this number in the user's language, with ``{number}`` filled in."""
    return _catalogue.ngettext(one, many, number).format(number=number)


def N_(text: str) -> str:
    """Mark a text for the catalogues that is translated where it is shown."""
    return text


#: What systems say of files and connections, in English: so it comes in the details of the server's errors.
_REASONS = (
    N_("No such file or directory"),
    N_("Permission denied"),
    N_("Operation not permitted"),
    N_("No space left on device"),
    N_("Disk quota exceeded"),
    N_("Read-only file system"),
    N_("Input/output error"),
    N_("Is a directory"),
    N_("Not a directory"),
    N_("File exists"),
    N_("File name too long"),
    N_("Too many open files"),
    N_("Cannot allocate memory"),
    N_("Exec format error"),
    N_("Address already in use"),
    N_("Cannot assign requested address"),
    N_("Connection refused"),
    N_("Connection timed out"),
    N_("Network is unreachable"),
    N_("No route to host"),
    N_("Name or service not known"),
)


def with_reasons(text: str) -> str:
    """Return a text with the words of a system that are in it in the user's language."""
    for reason in _REASONS:
        text = text.replace(reason, _(reason))
    return text


def reason_of(error: OSError) -> str:
    """Return what the system says is wrong, in the user's language, without its number for programs."""
    return with_reasons(error.strerror or str(error))
