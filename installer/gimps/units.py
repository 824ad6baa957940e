"""Starting the server for a GIMP in a sandbox: the user's systemd does it, when the plug-in asks by writing a file.

A Flatpak shares the user's files but can start nothing outside. A path unit watches a file in the server's folder; no
door of the sandbox has to be opened for that, not even to D-Bus. Without a systemd of the user there is no such way, and
the user starts the server (``neural-style server``).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from installer.common.places import Places, make_folder
from installer.common.processes import answer

NAME = "gimp-neural-style"
#: The file that is watched, in the server's folder; the same as server.discovery.WISH.
WISH = "wanted"
_PATIENCE = 20  # seconds, for systemd to answer


def _files(places: Places) -> dict[Path, str]:
    def literal(text: str | os.PathLike[str]) -> str:
        return os.fspath(text).replace("%", "%%")

    def word(text: str | os.PathLike[str]) -> str:
        escaped = literal(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
        return f'"{escaped}"'

    return {
        places.units / f"{NAME}.path": "[Unit]\nDescription=Start the painting server for a GIMP in a sandbox\n\n"
        f"[Path]\nPathChanged={literal(places.state / WISH)}\n\n[Install]\nWantedBy=default.target\n",
        places.units / f"{NAME}.service": "[Unit]\nDescription=Painting server of Neural Style for GIMP\n"
        # The plug-in asks again and again; a server that fails to start must not make systemd give up for good.
        "StartLimitIntervalSec=0\n\n"
        # systemd takes no quotes and backslashes in the name of a program, but in its arguments.
        f"[Service]\nExecStart=/usr/bin/env {word(places.python)} -m server --folder {word(places.state)} --auto\n"
        # Another server may be there first; that is no failure.
        "SuccessExitStatus=75\n",
    }


def _systemctl(*arguments: str) -> bool:
    program = shutil.which("systemctl")
    return program is not None and answer([program, "--user", *arguments], _PATIENCE)[0] == 0


def watch(places: Places) -> bool:
    """Return whether the user's systemd watches for the plug-in's wish."""
    return all(file.is_file() for file in _files(places)) and _systemctl("--quiet", "is-active", f"{NAME}.path")


def install(places: Places) -> bool:
    """Let the user's systemd watch for the plug-in's wish; returns whether it does. Leaves nothing if it does not.

    Raises:
        OSError: a file cannot be written.
    """
    make_folder(places.units)
    for file, text in _files(places).items():
        file.write_text(text, encoding="utf-8")
    make_folder(places.state)
    places.state.chmod(0o700)
    # PathChanged needs the folder, and the plug-in takes the file for the sign that somebody watches.
    if not (places.state / WISH).exists():  # to touch it once more would start the server
        (places.state / WISH).touch(mode=0o600)
    if _systemctl("daemon-reload") and _systemctl("enable", "--now", f"{NAME}.path") and watch(places):
        return True
    remove(places)
    return False


def remove(places: Places) -> None:
    """Take the units away, if they are there."""
    there = [file for file in _files(places) if file.exists()]
    if there:
        _systemctl("disable", "--now", f"{NAME}.path")
    (places.state / WISH).unlink(missing_ok=True)  # now: while it is watched, this would start the server
    for file in there:
        file.unlink()
    wants = places.units / "default.target.wants"
    (wants / f"{NAME}.path").unlink(missing_ok=True)
    if wants.is_dir() and not any(wants.iterdir()):
        wants.rmdir()
    if there:
        _systemctl("daemon-reload")
