"""What a remedy asks for that can be done at the press of a button: which program, and what the button is called."""

from __future__ import annotations

import os
from dataclasses import dataclass

from common import installation
from common.errors import PluginError
from common.report import command_in
from common.translation import _
from server.discovery import in_sandbox, own_environment

_DOCTOR, _STOP, _INSTALLERS = "neural-style doctor", "neural-style server stop", ("neural-style install", "install.")


@dataclass(frozen=True)
class Mending:
    """A program of the installation that mends or examines it.

    ``sure`` says that it needs no question first; ``brief`` that its window closes by itself when it has done it.
    """

    label: str
    words: str
    command: tuple[str, ...]
    sure: bool = True
    brief: bool = False


def offered(remedy: str) -> Mending | None:
    """Return what does the first thing that a remedy asks for; None where the user has to."""
    asked = command_in(remedy)
    try:
        found = installation.read()
    except PluginError:  # then the commands are not known either
        return None
    if not asked or in_sandbox():
        return None
    if asked == _STOP and found.command_line:
        words = _("End the painting server, so that a new one is started")
        return Mending(_("Restart Server"), words, (*found.command_line, "server", "stop"), brief=True)
    if asked == _DOCTOR and found.command_line:
        return Mending(_("Check…"), _("Examine the installation and see what is wrong"), (*found.command_line, "doctor"))
    if any(name in asked for name in _INSTALLERS):
        return repair(*(word for word in asked.split() if word.startswith("--")))
    return None


def repair(*options: str) -> Mending | None:
    """Return what installs everything anew; None where the installer is not known or no longer there."""
    found = installation.read()
    if (
        not found.repair_command
        or in_sandbox()
        or not all(map(os.path.exists, filter(os.path.isabs, found.repair_command)))
    ):
        return None
    words = _("Run the installer again: it mends what is broken and keeps your styles and settings")
    return Mending(_("Repair…"), words, (*found.repair_command, *options), sure=False)


def environment() -> dict[str, str]:
    """Return the variables that these programs are started with: they look after the server that the plug-in uses."""
    folder = str(installation.state_folder())
    return {**own_environment(), "NEURAL_STYLE_FOLDER": folder, "PYTHONUNBUFFERED": "1"}  # lines are shown as they come
