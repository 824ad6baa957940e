"""Taking everything away again."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

from installer.common import console, record, system
from installer.common.errors import InstallError
from installer.common.places import NAME, Places, remove_empty
from installer.common.processes import answer
from installer.gimps import gimps, plugins, units


def _server_folder(places: Places) -> Path:
    named = os.environ.get("NEURAL_STYLE_FOLDER")
    return Path(named) if named else places.state


def server_version(places: Places) -> str | None:
    """Return the version of the painting server that is running, as it says; None if there is none."""
    folder = _server_folder(places)
    if not system.is_locked(folder / "lock"):
        return None
    try:
        return str(json.loads((folder / "connection.json").read_text("utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def end_server(places: Places, patience: float = 15.0) -> bool:
    """End the painting server if one is running; returns whether there was one.

    Raises:
        InstallError: it does not end.
    """
    folder = _server_folder(places)
    if not system.is_locked(folder / "lock"):
        return False
    answer([places.command, "server", "stop"], patience)
    deadline = time.monotonic() + patience
    signalled = False
    while system.is_locked(folder / "lock"):
        if time.monotonic() > deadline:
            raise InstallError(
                f"The painting server (folder {folder}) does not end.",
                "End the process whose number stands in connection.json there, then run this again.",
            )
        if not signalled:  # the lock is held, so the number in the file is that of a live server
            signalled = True
            try:
                system.end_process(int(json.loads((folder / "connection.json").read_text("utf-8"))["pid"]), by_force=False)
            except (OSError, ValueError, KeyError, TypeError):
                continue
        time.sleep(0.1)
    return True


def make_room(places: Places, every: float = 1.0) -> None:
    """End the painting server of the former version, if one is running, after what it paints is finished.

    A preview that waits for its owner is not waited for; nor is a server that does not answer, which finishes nothing.

    Args:
        places: where it is, and the command that asks it.
        every: seconds between two looks.

    Raises:
        InstallError: it does not end.
    """
    told = False
    while count := _paintings(places):
        if not told:
            told = True
            console.step(
                f"{'A picture is' if count == 1 else f'{count} pictures are'} being painted: waiting until that is finished"
            )
            console.detail("Ctrl+C leaves all as it is; “neural-style server stop” in another terminal ends it at once.")
        time.sleep(every)
    if end_server(places):
        console.detail("The painting server of the former version was running; it has ended.")


def _paintings(places: Places) -> int:
    """Return how many pictures the server that is running paints or has in its queue."""
    if not system.is_locked(_server_folder(places) / "lock"):
        return 0
    _, said = answer([places.command, "status", "--json"], 30)
    try:
        return sum(job["state"] in ("queued", "running") for job in json.loads(said)["jobs"])
    except (ValueError, LookupError, TypeError):
        return 0


def _remove_tree(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def remove_link(places: Places) -> None:
    """Remove the link to the command line, if it is ours."""
    if places.windows:
        places.link.unlink(missing_ok=True)
    elif places.link.is_symlink() and os.readlink(places.link) == str(places.command):
        places.link.unlink()


def run(places: Places) -> None:
    """Remove everything that the installer and the program made, except the user's own styles and pictures.

    Raises:
        InstallError: the server does not end.
        OSError: something cannot be removed.
    """
    installed = [path for path in places.data.iterdir() if path != places.lock] if places.data.is_dir() else []
    if not installed and not places.state.exists() and not places.cache.exists():
        console.good("Nothing is installed.")
        return
    known = record.load(places)
    if places.windows and Path(sys.prefix).resolve() == places.own_venv.resolve():
        raise InstallError(
            "Windows lets no program remove the folder that it runs in.",
            f"Run {system.INSTALLER} --uninstall, in the project's folder.",
        )
    units.remove(places)  # first, or it could start the server again
    if end_server(places):
        console.good("The painting server was running; it has ended.")
    folders = {Path(name) for name in known.plugins} | {gimp.plugin for gimp in gimps.find(places).gimps}
    for folder in sorted(folders):
        if plugins.remove(places, folder):
            console.good(f"Removed {folder}")
    for name, contents in known.gimp_folders.items():
        folder = Path(name)
        # GIMP made this folder because the installer started it, and nobody has used that GIMP since.
        if folder.is_dir() and record.contents(folder) == contents:
            shutil.rmtree(folder)
    remove_link(places)
    kept = _files(places.kept)
    for path in sorted(places.state.iterdir()) if places.state.is_dir() else []:
        if not (kept and path == places.kept):
            _remove_tree(path)
    remove_empty([places.state])
    _remove_tree(places.cache)
    own = _files(places.user_styles)
    # Windows lets nobody remove the Python that may be running this; install.cmd does it afterwards.
    staying = [places.own_python] if places.windows and not system.PACKAGED else []
    for path in sorted(places.data.iterdir()) if places.data.is_dir() else []:
        if path in staying or path == places.lock:
            continue
        if not (own and path == places.user_styles) and not (kept and path == places.state):
            _remove_tree(path)
    if not places.windows:  # there it can be removed only when it is closed, by who holds it
        places.lock.unlink(missing_ok=True)
    remove_empty([Path(name) for name in known.made])
    remove_empty([places.data])
    if places.environment is not None and places.environment != places.own_venv:
        console.good("Neural Style is removed from GIMP, and all that it kept.")
        console.detail(f"The program itself is in {places.environment}; what has installed it removes it:")
        console.detail(f"pipx uninstall {NAME}, or uv tool uninstall {NAME}, or pip uninstall {NAME}")
    else:
        console.good("Neural Style is removed.")
    if own:
        console.detail(f"Your own styles ({len(own)} files) stay in {places.user_styles}; delete that folder if you want.")
    if kept:
        console.detail(f"Pictures that could not be saved where you wanted them ({len(kept)} files) stay in {places.kept}.")
    console.detail("Pictures that you have made stay where they are.")
