"""What the installer wrote for the plug-in, and the folders that the plug-in uses."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from common.errors import PluginError
from common.translation import _
from server.discovery import default_folder
from stylecore import system

#: The plug-in's folder.
HERE = Path(os.path.realpath(__file__)).parent.parent

#: Names the installation file of a plug-in that runs from a checkout.
VARIABLE = "NEURAL_STYLE_INSTALLATION"


@dataclass(frozen=True)
class Installation:
    """How this plug-in was installed; None for a command that is not known."""

    version: str
    server_command: tuple[str, ...] | None
    bridge_command: tuple[str, ...] | None
    command_line: tuple[str, ...] | None
    repair_command: tuple[str, ...] | None
    folder: Path | None
    user_styles: Path


@lru_cache(maxsize=1)
def read() -> Installation:
    """Return the contents of ``installation.json``; without the file, what a checkout can do.

    Raises:
        PluginError: the file is there and cannot be understood.
    """
    path = Path(os.environ.get(VARIABLE) or HERE / "installation.json")
    values: dict[str, Any] = {}
    commands: dict[str, tuple[str, ...] | None] = dict.fromkeys(
        ("server_command", "bridge_command", "command_line", "repair_command")
    )
    if path.is_file():
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            commands = {name: _command(values, name) for name in commands}
        except (OSError, ValueError, AttributeError) as error:
            raise PluginError(
                _("The plug-in's file {path} cannot be read: {error}.").format(path=path, error=error),
                _("Run {installer} again; it writes the file anew.").format(installer=system.INSTALLER),
            ) from error
    folder, user_styles = values.get("folder"), values.get("user_styles")
    return Installation(
        version=str(values.get("version", "development")),
        **commands,
        folder=Path(str(folder)) if folder else None,
        user_styles=Path(str(user_styles)) if user_styles else system.user_folder("data") / "styles",
    )


def _command(values: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    command = values.get(name)
    if command is not None and not (isinstance(command, list) and all(isinstance(word, str) for word in command)):
        raise ValueError(f"{name} is not a list of words")
    return tuple(command) if command else None


def shipped_styles() -> Path:
    """Return the folder of the styles that come with the plug-in."""
    own = HERE / "gallery"
    return own if own.is_dir() else HERE.parent.parent / "samples" / "styles"


def help_page() -> Path:
    """Return the tutorial, as a page for a browser."""
    return HERE / "help" / "tutorial.html"


def state_folder() -> Path:
    """Return where the server keeps its connection file and log, and the plug-in its log."""
    try:
        return read().folder or default_folder()
    except PluginError:  # an unreadable installation file is told elsewhere; the log must still have a place
        return default_folder()


def thumbnail_folder() -> Path:
    """Return where thumbnails of styles are kept between two openings of the dialog."""
    return system.user_folder("cache") / "thumbnails"
