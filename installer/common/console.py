"""What the installer prints."""

from __future__ import annotations

import sys
import textwrap

from installer.common.errors import InstallError

_COLOURS = {"bold": "1", "green": "32", "yellow": "33", "red": "31"}


def _paint(text: str, colour: str, stream: object) -> str:
    return f"\033[{_COLOURS[colour]}m{text}\033[0m" if getattr(stream, "isatty", bool)() else text


def step(text: str) -> None:
    """Announce a step."""
    print(_paint("• ", "bold", sys.stdout) + text, flush=True)


def detail(text: str) -> None:
    """Add a line to the step."""
    print("  " + text, flush=True)


def good(text: str) -> None:
    """Say that something worked."""
    print(_paint("✓ ", "green", sys.stdout) + text, flush=True)


def warn(text: str) -> None:
    """Say that something needs the user's attention but stops nothing."""
    print(_paint("! ", "yellow", sys.stdout) + text, flush=True)


def fail(error: InstallError) -> None:
    """Tell about an error: what the failing program said, what happened, what to do."""
    sys.stdout.flush()
    if error.details:
        print("\n" + textwrap.indent(error.details.rstrip(), "    "), file=sys.stderr)
    print(_paint("\n✗ ", "red", sys.stderr) + error.sentence, file=sys.stderr)
    print("  " + error.remedy, file=sys.stderr, flush=True)
