"""How the command line's arguments are read, and what is said of those that cannot be used."""

from __future__ import annotations

import argparse
import errno
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from server.cli.terminal.output import listed
from server.cli.terminal.patterns import is_pattern
from stylecore.errors import StyleError
from stylecore.setting_kinds import british, meant
from stylecore.settings import named

_NUMBER = re.compile(r"-(\d+|\d*\.\d+)")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are a :class:`StyleError` ``bad-arguments``: what is wrong, and what to write."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse has found, in words."""
        sentence, remedy = self._in_words(message)
        raise StyleError("bad-arguments", sentence, remedy or f"“{self.prog} --help” says how it is written.")

    def commands(self) -> dict[str, Parser]:
        """Return the parsers of the commands below this one."""
        found: dict[str, Parser] = {}
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                found.update(action.choices)
        return found

    def flags(self, *, below: bool = True) -> list[str]:
        """Return every flag of this command, and of those below it."""
        own = [flag for action in self._actions for flag in action.option_strings]
        return [*own, *(flag for each in self.commands().values() for flag in each.flags() if below)]

    def _in_words(self, message: str) -> tuple[str, str]:
        """Return argparse's message as sentence and remedy; one that is not known as it is."""
        if found := re.fullmatch(r"the following arguments are required: (.*)", message):
            return self._missing([each.split("/")[0] for each in found[1].split(", ")])
        if found := re.fullmatch(r"unrecognized arguments: (.*)", message, re.DOTALL):
            pictures = any(action.type in (to_read, to_paint) and not action.option_strings for action in self._actions)
            remedy = "Put the pictures together, before the flags." if pictures or self.commands() else ""
            return f"“{found[1]}” is not understood where it stands.", remedy
        if found := re.fullmatch(r"ambiguous option: (\S+) could match (.*)", message):
            return f"{found[1]} could be any of {found[2]}.", "Write it in full."
        if found := re.fullmatch(r"argument ([^:]+): (.*)", message, re.DOTALL):
            return self._wrong(found[1].split("/")[-1], found[2])
        return f"{message[:1].upper()}{message[1:]}.", ""

    def _missing(self, names: list[str]) -> tuple[str, str]:
        if names[0] in ("COMMAND", "ACTION"):
            return "No command is given.", f"The commands are: {', '.join(self.commands())}."
        usage = " ".join(self.format_usage().split()).removeprefix("usage: ")
        return f"{listed(names)} {'is' if len(names) == 1 else 'are'} missing.", f"Write: {usage}"

    def _wrong(self, flag: str, said: str) -> tuple[str, str]:
        if said.startswith("expected "):
            return f"{flag} has no value.", f"Write it after {flag}; one that begins with “-” as {flag}=-…."
        if said.startswith("ignored explicit argument"):
            return f"{flag} takes no value.", "Leave out what follows its “=”."
        if found := re.match(r"invalid (int|float) value: '(.*)'", said, re.DOTALL):
            return f"{flag} must be a {'whole ' if found[1] == 'int' else ''}number, not “{_short(found[2])}”.", ""
        if found := re.match(r"invalid choice: '(.*)' \(choose from (.*)\)", said, re.DOTALL):
            possible = [each.strip(" '") for each in found[2].split(",")]
            if flag not in ("COMMAND", "ACTION"):
                return f"{flag} must be one of {', '.join(possible)}, not “{_short(found[1])}”.", meant(found[1], possible)
            remedy = meant(found[1], possible) or f"The commands are: {', '.join(possible)}."
            if os.path.exists(found[1]):
                remedy = f"To paint it, begin with “{self.prog} style”."
            return f"There is no command “{_short(found[1])}”.", remedy
        return f"{flag} {said}", ""


def read_arguments(parser: Parser, arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the arguments ask for.

    Raises:
        StyleError: ``bad-arguments``, or ``file-missing`` for one that is to be read: before anything else is looked at.
    """
    options = parser.parse_args(corrected(parser, arguments))
    command = parser.commands().get(next((each for each in arguments if not each.startswith("-")), ""), parser)
    for action in command._actions:
        if action.type in (to_read, to_paint):
            given = getattr(options, action.dest)
            for path in given if isinstance(given, list) else filter(None, [given]):
                _check_there(path, folders=action.type is to_paint)
    return options


def _check_there(path: Path, *, folders: bool) -> None:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        if not (folders and is_pattern(str(path))):
            sentence = f"There is no file {'or folder ' if folders else ''}{path}."
            raise StyleError("file-missing", sentence, "Check the name.") from None
    except OSError:
        return  # it is there, and reading it says what is wrong


def corrected(parser: Parser, arguments: Sequence[str]) -> list[str]:
    """Return the arguments with their flags spelled as they are declared: ``--colors``, ``--brush_size`` are understood.

    Raises:
        StyleError: ``bad-arguments`` for a flag that is not there, with the one that may have been meant.
    """
    name = next((each for each in arguments if not each.startswith("-")), None)
    command = parser if name is None else parser.commands().get(name)
    if command is None:
        return list(arguments)
    known = command.flags(below=name is not None)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [*(_flag(each, known, command.prog) for each in arguments[:end]), *arguments[end:]]


def _flag(argument: str, known: Sequence[str], program: str) -> str:
    name, equals, value = argument.partition("=")
    if not name.startswith("-") or name == "-" or " " in name or _NUMBER.fullmatch(name):
        return argument
    setting = named(name.strip("-"))
    spelled = british(name.lower()).replace("_", "-") if setting is None else f"--{setting.name.replace('_', '-')}"
    if name.startswith("--") and spelled in known:
        return f"{spelled}{equals}{value}"
    # A single letter's value may follow at once; “-output” is no such thing.
    short = not name.startswith("--") and name[:2] in known and f"-{name}" not in known
    if short or any(flag.startswith(name) for flag in known):
        return argument
    if name.startswith("--") and any(flag.startswith(spelled) for flag in known):
        return f"{spelled}{equals}{value}"
    remedy = meant(f"--{spelled.strip('-')}", known) or f"“{program} --help” lists those that there are."
    if os.path.lexists(argument):
        remedy = f"If the file is meant, write ./{argument}"
    raise StyleError("bad-arguments", f"There is no flag {name}.", remedy)


def whole_number(least: int, unit: str = "", *, most: float = math.inf) -> Callable[[str], int]:
    """Return what reads a whole number within bounds, with or without its unit (``800``, ``800px``)."""

    def read(text: str) -> int:
        bare = text.strip()
        if unit and bare.lower().endswith(unit):
            bare = bare[: -len(unit)].rstrip()
        try:
            number = int(bare)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            bounds = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"must be a whole number {bounds}, not “{_short(text)}”.")
        return number

    return read


def one_of(choices: Iterable[str]) -> Callable[[str], str]:
    """Return what reads one of several words."""
    possible = list(choices)

    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in possible:
            said = f"must be one of {', '.join(possible)}, not “{_short(text)}”."
            raise argparse.ArgumentTypeError(" ".join(filter(None, [said, meant(word, possible)])))
        return word

    return read


def to_read(text: str) -> Path:
    """Return the path of a file to be read; :func:`read_arguments` makes sure that it is there.

    Raises:
        StyleError: ``file-missing`` if nothing can have this name.
    """
    refused = _refused(text)
    if refused:
        raise StyleError("file-missing", f"There is no file {_short(text)}: {refused}.", "Check the name.")
    return Path(text if os.path.lexists(text) else os.path.expanduser(text))  # in quotes, no shell has done it


def to_paint(text: str) -> Path:
    """Return the path of a file or a folder that is to be read, or a pattern."""
    return to_read(text)


def to_write(text: str) -> Path:
    """Return the path of what is to be written: a file, or a folder.

    Raises:
        StyleError: ``cannot-write`` if nothing can have this name.
    """
    refused = _refused(text)
    if refused:
        raise StyleError("cannot-write", f"{_short(text)} cannot be written: {refused}.", "Choose another name.")
    return Path(text)


def _refused(text: str) -> str:
    """Return why the system takes this for no name, or nothing."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must name a file; it is empty.")
    try:
        os.stat(text)
    except ValueError:
        return "a name holds no zero byte"
    except OSError as error:
        return "the name is too long" if error.errno == errno.ENAMETOOLONG else ""
    return ""


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:60]}…{name[-12:]}"
