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
