"""``neural-style install`` and ``uninstall``: the installer that the wheel carries, for who came by pipx, uv or pip."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from stylecore import system
from stylecore.errors import StyleError

DEVICES = ("auto", "cuda", "cuda126", "cpu", "rocm")


def folder() -> Path:
    """Return the folder that holds the installer: what the wheel carries, or the project's own."""
    packages = Path(__file__).resolve().parents[2]
    carried = packages / system.CARRIED
    return carried if carried.is_dir() else packages


def is_package() -> bool:
    """Return whether pip, pipx or uv has installed this program, and no script of the project's folder."""
    return not (Path(sys.prefix) / system.STAMP).is_file() and folder().name == system.CARRIED


def install(options: argparse.Namespace) -> int:
    """Put the plug-in into every GIMP, and whatever else the installer does; returns its exit status.

    Raises:
        StyleError: this is no installed package.
    """
    arguments = [f"--device={options.device}", f"--size={options.size}"]
    arguments += ["--demo"] if options.demo else []
    arguments += [f"--output={options.output}"] if options.output else []
    arguments += [f"--offline={options.offline}"] if options.offline else []
    return _run(arguments)


def uninstall(options: argparse.Namespace) -> int:
    """Take the plug-in and all that was kept away again; returns the installer's exit status.

    Raises:
        StyleError: this is no installed package.
    """
    return _run(["--uninstall"])


def _run(arguments: list[str]) -> int:
    found = folder()
    if found.name != system.CARRIED:
        raise StyleError(
            "not-installed",
            f"This program runs from the project's folder, {found}, and is not installed.",
            f"Run {system.INSTALLER} in that folder.",
        )
    sys.path.insert(0, str(found))
    return int(importlib.import_module("installer.main").main(arguments))
