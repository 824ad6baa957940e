"""Errors in words for people, and in full for the log."""

from __future__ import annotations

import logging
import logging.handlers
import traceback
from collections.abc import Mapping
from typing import Protocol

from common import installation
from common.errors import PluginError
from common.translation import _, with_reasons
from stylecore.errors import ERRORS, StyleError, filled

_LOG_BYTES = 200_000
#: Codes of errors, and cases of others, that stay until the user chooses another style or setting, which begins anew.
_LASTING = frozenset(("bad-settings", "no-style", "not-live", "too-many-styles", "version-mismatch"))
_LASTING_CASE = "style"


class Told(Protocol):
    """An error or an event of the server's, in English, with what it takes to say it in another language."""

    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def sentence(self) -> str: ...  # noqa: D102
    @property
    def remedy(self) -> str: ...  # noqa: D102
    @property
    def details(self) -> Mapping[str, str]: ...  # noqa: D102


def parts(error: BaseException) -> tuple[str, str]:
    """Return what happened and what to do; an error that nobody foresaw also goes to the log in full."""
    if isinstance(error, PluginError):
        return error.sentence, error.remedy
    if isinstance(error, StyleError):
        return in_own_words(error)
    _log(error)
    return (
        _("Unexpected error in the plug-in: {error}").format(error=f"{type(error).__name__}: {error}"),
        _("Your layers were not changed. Please report this; the details are in {path}.").format(path=log_path()),
    )


def can_help_again(error: BaseException) -> bool:
    """Return whether doing the same once more can help; else the user has to choose something else first."""
    if isinstance(error, PluginError):
        return error.again
    return not (isinstance(error, StyleError) and lasts(error))


def lasts(told: Told) -> bool:
    """Return whether what the server said stays true until the user chooses something else."""
    return told.code in _LASTING or told.details.get("case") == _LASTING_CASE


def in_own_words(told: Told) -> tuple[str, str]:
    """Return in the user's language what the server, its engine or its client said; words of a newer one as they are."""
    case = told.details.get("case")
    texts = ERRORS.get(f"{told.code}:{case}" if case else told.code)
    if texts is not None:
        try:
            details = {name: with_reasons(value) for name, value in told.details.items()}
            return filled(details, *(_(text) for text in texts))
        except (KeyError, IndexError, ValueError):  # a server of another version, with other details
            pass
    return told.sentence, told.remedy


def words(error: BaseException) -> str:
    """Return the error as one line of text."""
    return " ".join(part for part in parts(error) if part)


def log_path() -> str:
    """Return where the plug-in's log is."""
    return str(installation.state_folder() / "plug-in.log")


def _log(error: BaseException) -> None:
    traceback.print_exception(type(error), error, error.__traceback__)
    logger = logging.getLogger("neural-style")
    try:
        if not logger.handlers:
            installation.state_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
            handler = logging.handlers.RotatingFileHandler(log_path(), maxBytes=_LOG_BYTES, backupCount=1)
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            logger.addHandler(handler)
        logger.error("%s", "".join(traceback.format_exception(type(error), error, error.__traceback__)))
    except OSError as trouble:  # a full disk must not hide the error itself from the user
        print(f"neural-style: cannot write {log_path()}: {trouble}")
