"""Errors in words for people, and in full for the log."""

from __future__ import annotations

import logging
import logging.handlers
import re
import traceback

from common import installation
from common.translation import _

_LOG_BYTES = 200_000


def parts(error: BaseException) -> tuple[str, str]:
    """Return what happened and what to do; an error that nobody foresaw also goes to the log in full.

    Errors of the server and of its client carry ``sentence`` and ``remedy`` just like PluginError.
    """
    sentence = getattr(error, "sentence", "")
    if sentence:
        return in_own_words(sentence), in_own_words(getattr(error, "remedy", ""))
    _log(error)
    return (
        _("The plug-in met an error it did not expect: {error}").format(error=f"{type(error).__name__}: {error}"),
        _("Your layers were not changed. Please report this; the details are in {path}.").format(path=log_path()),
    )


def in_own_words(said: str) -> str:
    """Return what the server or its client said in the user's language, if that is known.

    Theirs is English with the details filled in, so it is recognised by the sentences that they are made from.
    """
    from server.errors import ERRORS

    for template in (text for texts in ERRORS.values() for text in texts if _(text) != text):
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.*)", re.escape(template))
        match = re.fullmatch(pattern, said, re.DOTALL)
        if match is not None and match.groupdict() != {"detail": said}:
            return _(template).format(**match.groupdict())
    return _(said)


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
