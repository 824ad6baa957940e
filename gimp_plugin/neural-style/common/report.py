"""What a person can send along with the question why it does not work; it holds no picture and no setting."""

from __future__ import annotations

import platform
import re
from pathlib import Path

from gi.repository import Gimp

from common import installation
from common.errors import PluginError

_LINES = 40  # of each log
#: The commands that remedies name.
_COMMAND = re.compile(
    r"neural-style (?:doctor|server(?: [a-z-]+)?)|(?:neural-style install|\./install\.sh|install\.cmd)(?: --[a-z]+=\w+)?"
)


def command_in(remedy: str) -> str:
    """Return the command that a remedy asks for; an empty text if it names none."""
    found = _COMMAND.search(remedy)
    return found[0] if found else ""


def report(sentence: str, remedy: str) -> str:
    """Return a text that says what went wrong, on what, and what the logs say last."""
    try:
        version = installation.read().version
    except PluginError as error:
        version = f"unknown ({error.sentence})"
    lines = [
        f"Neural Style {version}, GIMP {Gimp.version()}, Python {platform.python_version()}, {platform.platform()}",
        sentence,
        remedy,
    ]
    for log in sorted(installation.state_folder().glob("*.log")):
        lines += ["", f"--- {log.name}", *_end_of(log)]
    return "\n".join(lines) + "\n"


def _end_of(log: Path) -> list[str]:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES:]
    except OSError as error:
        return [str(error)]
    home = str(Path.home())
    return [line.replace(home, "~") for line in lines]
