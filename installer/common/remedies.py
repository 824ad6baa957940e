"""What to do about it, where that differs between systems: commands, variables, and where Python comes from."""

from __future__ import annotations

import sys

from installer.common import system

#: Where the Pythons are that have all that is needed.
_PYTHON_FROM = {"win32": "https://www.python.org/downloads/windows/", "darwin": "https://www.python.org/downloads/macos/"}


def get_venv(platform: str = sys.platform, minor: int = sys.version_info.minor) -> str:
    """Return how Python 3.``minor`` comes by what makes environments; a sentence without its full stop."""
    if platform in _PYTHON_FROM:
        return f"Get a Python that has it from {_PYTHON_FROM[platform]}"
    return (
        f"Install it: sudo apt install python3.{minor}-venv (Debian, Ubuntu, Mint); other systems: the package that brings "
        "Python's venv and ensurepip"
    )


def places(platform: str = sys.platform) -> str:
    """Return the variables that say where everything goes."""
    return "USERPROFILE, LOCALAPPDATA and APPDATA" if platform == "win32" else "HOME and the XDG variables"


def make_room(platform: str = sys.platform) -> str:
    """Return what to do about a full disk."""
    other = "" if platform == "win32" else ", or choose another disk with XDG_DATA_HOME=/folder/on/a/larger/disk,"
    return f"Free some space there{other} and run {system.INSTALLER} again."


def make_writable(platform: str = sys.platform) -> str:
    """Return what to do about a folder that may not be written to."""
    if platform == "win32":
        return (
            "Give yourself the right to write there (the folder's properties, Security), or let the virus scanner "
            f"allow it, and run {system.INSTALLER} again."
        )
    return (
        'Make that folder writable for you (if it belongs to root: sudo chown -R "$USER" on it), or choose another place '
        f"with HOME or XDG_DATA_HOME, and run {system.INSTALLER} again."
    )


def find_command(platform: str = sys.platform) -> str:
    """Return how the command comes to be found by its name; words for brackets."""
    if platform == "darwin":
        return """to put it there: echo 'export PATH="$HOME/.local/bin:$PATH"' >> ~/.zprofile"""
    return "many systems put it there at the next login, now that it exists"


def do_without_constraints(platform: str = sys.platform) -> str:
    """Return the command that installs without the constraints of pip's configuration."""
    if platform == "win32":
        return f"set PIP_CONSTRAINT=NUL, then {system.INSTALLER}"
    return f"PIP_CONSTRAINT=/dev/null {system.INSTALLER}"
