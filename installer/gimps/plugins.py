"""Putting the plug-in into each GIMP."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType

from installer.common import console, system
from installer.common.errors import InstallError, from_os_error
from installer.common.places import Places, make_folder
from installer.common.processes import pip
from installer.common.record import Record, digest
from installer.environment.environment import Checkout
from installer.gimps.gimps import Gimp, is_registered, start_once

#: One pyzmq serves this Python and every later one (stable ABI); older ones need their own.
STABLE_ABI = "3.12"
#: What a GIMP whose Python cannot be asked may have, besides the stable ABI's.
OLDER = ("3.11",)


def load_assemble(checkout: Path) -> ModuleType:
    """Return the checkout's ``gimp_plugin/assemble.py`` as a module; the checkout is on Python's path (``__main__.py``).

    Raises:
        InstallError: it, or something that it needs, is missing.
    """
    try:
        return importlib.import_module("gimp_plugin.assemble")
    except ImportError as error:
        folder = checkout / "gimp_plugin"
        raise InstallError(f"This copy of the project is incomplete ({folder}: {error}).", "Get a fresh clone.") from error


def pyzmq_pythons(gimp: Gimp) -> tuple[str, ...]:
    """Return the Python versions that the plug-in's pyzmq must serve in ``gimp``; the stable ABI is always among them."""

    def number(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in version.split("."))

    older = tuple(python for python in gimp.pythons if number(python) < number(STABLE_ABI))
    return (*(older if gimp.pythons else OLDER), STABLE_ABI)


def fetch_pyzmq(places: Places, python: str) -> Path:
    """Return a pyzmq wheel for ``python`` ("3.12"), downloading it the first time.

    Raises:
        InstallError: it cannot be downloaded.
    """
    folder = places.wheels / python
    for wheel in sorted(folder.glob("pyzmq-*.whl")):
        if zipfile.is_zipfile(wheel):
            return wheel
        wheel.unlink()
    make_folder(folder)
    with tempfile.TemporaryDirectory(prefix="download-", dir=places.data) as name:
        temporary = Path(name)
        options = ["--only-binary=:all:", "--no-deps", "--python-version", python]
        pip(
            places.python,
            ["download", *options, "-d", temporary / "wheel", "pyzmq>=26"],
            temporary=temporary,
            show=lambda text: None,
        )
        wheel = next((temporary / "wheel").glob("pyzmq-*.whl"))
        return wheel.rename(folder / wheel.name)


def _repair(places: Places, checkout: Checkout) -> list[str | os.PathLike[str]]:
    """Return how the plug-in runs what is running now."""
    if places.environment is not None:
        return [places.python, "-m", "server.cli.main", "install"]
    script = checkout.folder / Path(system.INSTALLER).name
    return ["cmd.exe", "/d", "/c", script] if script.suffix == ".cmd" else [script]


def install(places: Places, checkout: Checkout, gimp: Gimp, record: Record, *, sandbox: bool = False) -> None:
    """Put the plug-in into ``gimp``'s plug-ins folder.

    ``sandbox``: a GIMP in a sandbox reads that folder too. Its variables name other folders than the user's, so the
    plug-in is told where the server's is.

    Raises:
        InstallError: it cannot be put there.
    """
    module = load_assemble(checkout.folder)
    if not gimp.folder.is_dir():
        parents = make_folder(gimp.folder.parent)
        record.note_folders([*parents, gimp.folder])
        console.detail(f"GIMP {gimp.version} has not been started yet: letting it make its folder")
        if start_once(gimp):
            record.note_gimp_folder(gimp.folder)
    record.note_folders(make_folder(gimp.plugin.parent))
    record.note_plugin(gimp.plugin)
    installation = module.installation(
        checkout.version,
        places.python,
        folder=str(places.state) if sandbox else None,
        user_styles=str(places.user_styles),
        installer=system.INSTALLER,
        repair=_repair(places, checkout),
    )
    try:
        with tempfile.TemporaryDirectory(prefix="download-", dir=places.data) as name:
            vendor = Path(name) / "vendor"
            # Several wheels can share a folder: their compiled modules carry their Python's name.
            for python in () if places.bridged else pyzmq_pythons(gimp):
                with zipfile.ZipFile(fetch_pyzmq(places, python)) as wheel:
                    wheel.extractall(vendor)
            module.assemble(gimp.plugin, checkout.folder, installation, None if places.bridged else vendor)
    except module.AssembleError as error:
        raise InstallError(str(error), f"Get a fresh clone and run {system.INSTALLER} again.") from error
    except OSError as error:
        raise from_os_error(error) from error


def faults(gimp: Gimp, version: str | None) -> list[str]:
    """Return what is wrong with the plug-in in ``gimp``'s folder, in sentences; ``version`` is the installed one's."""
    folder = gimp.plugin
    try:
        installation = json.loads((folder / "installation.json").read_text(encoding="utf-8"))
        expected = json.loads((folder / "contents.json").read_text(encoding="utf-8"))
        made_by = str(installation["version"])
        bad = [
            name
            for name, size in expected.items()
            if not (folder / name).is_file() or (folder / name).stat().st_size != size
        ]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return [f"The plug-in in {folder} is incomplete, or of a version that kept no list of its files ({error})."]
    found = []
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        found.append(f"The plug-in in {folder} is damaged or half copied: {bad[0]}{more} is missing or changed.")
    if version is not None and made_by != version:
        found.append(f"The plug-in in {folder} is a copy of version {made_by}; {version} is installed.")
    entry = folder / f"{folder.name}.py"
    if entry.is_file() and not os.access(entry, os.X_OK):
        found.append(f"GIMP ignores the plug-in, because {entry} is not executable.")
    lacking = [python for python in gimp.pythons if not list((folder / "vendor").glob(_compiled(python)))]
    if lacking:
        found.append(f"The plug-in in {folder} has no pyzmq for this GIMP's Python {' and '.join(lacking)}.")
    return found


def _compiled(python: str) -> str:
    """Return the pattern of pyzmq's compiled module for ``python``."""
    major, minor = (int(part) for part in python.split("."))
    return "zmq/backend/cython/_zmq*abi3*" if (major, minor) >= (3, 12) else f"zmq/backend/cython/_zmq*{major}{minor}-*"


def tell_registered(gimp: Gimp, record: Record) -> bool:
    """Ask ``gimp`` whether it knows the plug-in and tell the answer; returns False for a GIMP that says no.

    It is not asked again while neither it nor the plug-in has changed since it said yes.
    """
    if gimp.program is None:
        console.good(f"{gimp.folder}: plug-in installed (this GIMP is not on PATH, so it cannot be asked)")
        return True
    asked = digest(gimp.plugin, gimp.version, str(gimp.program))
    registered, text = (True, "") if record.known.get(str(gimp.plugin)) == asked else is_registered(gimp)
    if registered:
        record.known[str(gimp.plugin)] = asked
        console.good(f"GIMP {gimp.version} knows the plug-in ({gimp.plugin})")
    else:
        record.known.pop(str(gimp.plugin), None)
        console.warn(f"GIMP {gimp.version} does not know the plug-in, although it is in {gimp.plugin}. GIMP says:")
        for line in text.splitlines():
            console.detail("  " + line)
    return registered


def remove(places: Places, folder: Path) -> bool:
    """Remove a plug-in folder and the settings that GIMP keeps for it; returns whether there was one."""
    had_one = folder.is_dir() or folder.is_symlink()
    if folder.is_symlink():
        folder.unlink()
    elif had_one:
        shutil.rmtree(folder)
    for leftover in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(leftover)
    for settings in (folder.parent.parent / "plug-in-settings").glob("*plug-in-neural-style*"):
        settings.unlink()
    return had_one
