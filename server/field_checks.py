"""Checks of the fields in a message's header (standard library only).

Each returns the value, or raises ValueError with what it should have been, in words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from stylecore.errors import MAX_TEXT, ProtocolError, fault
from stylecore.setting_kinds import SettingError
from stylecore.settings import Settings

Check = Callable[[Any], Any]
#: More than any sentence has gaps to fill.
_MAX_DETAILS = 16


def text(value: Any) -> str:
    """Return a text of at most :data:`stylecore.errors.MAX_TEXT` characters."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError(f"text of at most {MAX_TEXT} characters")
    return value


def matching(pattern: str, what: str) -> Check:
    """Return the check of a text that a regular expression describes as a whole; ``what`` says it in words."""
    compiled = re.compile(pattern)

    def check(value: Any) -> str:
        if not isinstance(value, str) or compiled.fullmatch(value) is None:
            raise ValueError(what)
        return value

    return check


def number(low: float, high: float = math.inf, *, whole: bool = False) -> Check:
    """Return the check of a finite number from ``low`` to ``high``."""

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise ValueError("a whole number" if whole else "a number")
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite or not low <= value <= high:
            raise ValueError(f"a number between {low:g} and {high:g}")
        return value

    return check


def texts(value: Any) -> dict[str, str]:
    """Return an object whose keys and values are texts: what is filled into an error's sentence."""
    if not isinstance(value, dict) or len(value) > _MAX_DETAILS:
        raise ValueError("an object")
    return {matching(r"[a-z_]{1,32}", "a name")(name): text(words) for name, words in value.items()}


def flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def one_of(*choices: str) -> Check:
    """Return the check of a text that is one of ``choices``."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return value

    return check


def sizes(most: int, side: int) -> Check:
    """Return the check of a list of 1 to ``most`` pairs of width and height, each 1 to ``side``."""
    length = number(1, side, whole=True)

    def check(value: Any) -> list[tuple[float, ...]]:
        pairs = isinstance(value, list | tuple) and all(isinstance(each, list | tuple) and len(each) == 2 for each in value)
        if not pairs or not 1 <= len(value) <= most:
            raise ValueError(f"1 to {most} pairs of width and height")
        return [tuple(map(length, each)) for each in value]

    return check


def mapping(value: Any) -> dict[str, Any]:
    """Return an object whose keys are texts."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError("an object")
    return value


def settings(value: Any) -> Settings:
    """Return the settings that an object says, if it is not one already; those that it leaves out have their defaults.

    Raises:
        ProtocolError: one of them is unknown or out of range.
    """
    if isinstance(value, Settings):
        return value
    try:
        return Settings.checked(mapping(value))
    except SettingError as error:
        raise ProtocolError(*fault("bad-settings", error)) from None


def some_settings(value: Any) -> dict[str, Any]:
    """Return the settings that an object names, checked."""
    checked = settings(value)
    return {name: getattr(checked, name) for name in value}
