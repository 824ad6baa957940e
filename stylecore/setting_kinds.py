"""What a setting is: its kind, its range, its words, and how a value is checked or read (standard library only)."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Value = float | int | bool | str
#: No more of a wrong value is repeated.
_LONGEST_SAID = 100


class SettingError(ValueError):
    """A setting's name or value that cannot be used; the message is a sentence for people.

    Args:
        problem: the sentence, or what ``name`` begins to say: ``'must be a number.'``
        name: the setting's.
        remedy: what to write instead, if that can be guessed.
    """

    def __init__(self, problem: str, name: str = "", remedy: str = "") -> None:
        super().__init__(f"“{name}” {problem}" if name else problem)
        self.name = name
        self.remedy = remedy
        self._problem = problem

    def called(self, name: str) -> str:
        """Return the sentence with another name for the setting, e.g. its flag."""
        return f"{name} {self._problem}" if self.name else self._problem


@dataclass(frozen=True)
class Choice:
    """One value of a setting that takes one of several."""

    value: str
    label: str
    help: str


@dataclass(frozen=True)
class Setting:
    """One setting.

    ``kind`` is ``'float'``, ``'int'``, ``'bool'``, ``'choice'`` or ``'numbers'`` (text of ``count`` numbers with spaces
    between them); ``minimum`` and ``maximum`` hold for numbers, ``choices`` for choices. ``group`` is ``'main'`` (shown up
    front), ``'advanced'`` or ``'research'`` (below those). ``live`` says that a running job takes a new value without
    starting over. ``former`` is what results were painted with before the setting was there, if that is not the default.
    """

    name: str
    kind: str
    default: Value
    label: str
    help: str
    group: str = "advanced"
    minimum: float = 0.0
    maximum: float = 0.0
    unit: str = ""
    choices: tuple[Choice, ...] = ()
    count: int = 0
    live: bool = False
    former: Value | None = None

    def check(self, value: Any) -> Value:
        """Return ``value`` as this setting's type.

        Raises:
            SettingError: the type is wrong, or the value is out of range or not one of the choices.
        """
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            raise self._error(f"must be true or false, not {_quoted(value)}.")
        if self.kind == "choice":
            names = [choice.value for choice in self.choices]
            if isinstance(value, str) and value in names:
                return value
            raise self._error(f"must be one of {', '.join(names)}, not {_quoted(value)}.", meant(str(value), names))
        if self.kind == "numbers":
            return self._check_numbers(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._error(f"must be a number, not {_quoted(value)}.")
        if self.kind == "int" and value != int(value):
            raise self._error(f"must be a whole number, not {plain(value)}.")
        if not self.minimum <= value <= self.maximum:
            raise self._error(f"must be between {plain(self.minimum)} and {plain(self.maximum)}, not {plain(value)}.")
        return int(value) if self.kind == "int" else float(value)

    def read(self, text: str) -> Value:
        """Return the value that a person has written, e.g. ``70``, ``70 %``, ``4GB``, ``Gray``.

        Raises:
            SettingError: it is none for this setting; the remedy says what may have been meant.
        """
        written = text.strip()
        if self.kind == "bool":
            said = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
            return self.check(said.get(written.lower(), written))
        if self.kind == "choice":
            word = british(written.lower())
            return self.check(word if any(choice.value == word for choice in self.choices) else written)
        if self.kind == "numbers":
            return self.check(written)
        bare = self._without_unit(written)
        try:
            number = float(bare)
        except ValueError:
            what = f"a {'whole ' if self.kind == 'int' else ''}number{f' of {self.unit}' if self.unit.isalpha() else ''}"
            problem = f"must be {what}, not {_quoted(text)}."
            raise self._error(problem, _with_a_point(bare, whole=self.kind == "int")) from None
        return self.check(number)

    def _without_unit(self, text: str) -> str:
        units = [self.unit] if self.unit else ["%"] if self.maximum == 100 else []
        if self.unit == "GB":
            units += ["GiB", "G"]
        for unit in units:
            if text.lower().endswith(unit.lower()):
                return text[: -len(unit)].rstrip()
        return text

    def _error(self, problem: str, remedy: str = "") -> SettingError:
        return SettingError(problem, self.name, remedy)

    def _check_numbers(self, value: Any) -> str:
        try:
            parts = numbers(value)
        except (ValueError, AttributeError):
            parts = []
        if len(parts) != self.count or not all(self.minimum <= part <= self.maximum for part in parts) or not any(parts):
            raise self._error(
                f"must be {self.count} numbers between {plain(self.minimum)} and {plain(self.maximum)} with spaces between "
                f"them, not all 0; it is {_quoted(value)}."
            )
        return str(value)


def declare(default: Value, label: str, help: str, **more: Any) -> Any:
    """Return the field of a dataclass that declares a setting, which takes its name from there.

    Args:
        default: its type is the setting's kind, if there are neither ``choices`` nor a ``count``.
        label, help: for people.
        more: the rest of :class:`Setting`.
    """
    kind = "choice" if "choices" in more else "numbers" if "count" in more else type(default).__name__
    return field(default=default, metadata={"setting": Setting("", kind, default, label, help, **more)})


def plain(number: float) -> str:
    """Return a number with all its digits, as people write it: ``2147483647``, ``0.5``."""
    return f"{number:.15g}"


def british(text: str) -> str:
    """Return a word of the settings, which may be written the American way, as they spell it: ``color``, ``gray``."""
    return text.replace("color", "colour").replace("gray", "grey")


def meant(word: str, possible: Iterable[str]) -> str:
    """Return the question whether a word like this one was meant, or nothing if none is like it."""
    near = difflib.get_close_matches(word.lower(), list(possible), 1)
    return f"Did you mean {near[0]}?" if near else ""


def _quoted(value: object) -> str:
    said = value if isinstance(value, str) else repr(value)
    said = said if len(said) <= _LONGEST_SAID else f"{said[:_LONGEST_SAID]}…"
    return f"“{said}”" if isinstance(value, str) else said


def _with_a_point(text: str, *, whole: bool) -> str:
    """Return the remedy for a number that holds a comma, for its decimals or its thousands; else nothing."""
    if whole and re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+", text):
        return f"Write {text.replace(',', '')}."
    if re.fullmatch(r"[-+]?[0-9]*,[0-9]*", text):
        return f"Write {text.replace(',', '.')}, with a point."
    return ""


def numbers(value: Value) -> list[float]:
    """Return the numbers of a ``'numbers'`` setting's value."""
    return [float(part) for part in str(value).replace(",", " ").split()]
