#!/usr/bin/env python3
"""Assemble the complete plug-in folder that GIMP loads (standard library only).

The plug-in is ``gimp_plugin/neural-style`` plus copies of the light modules it shares with the server, a private
pyzmq, the gallery of styles and ``installation.json``. The installer and the tests inside GIMP both make it here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: The folder's name, and the base name of the entry file: GIMP loads ``X/X.py`` and nothing else.
NAME = "neural-style"
ENTRY = f"{NAME}.py"
#: Lists the files of an assembled folder.
CONTENTS = "contents.json"

#: The tutorial, made by ``gimp_plugin.help``.
HELP_PAGE = "help/tutorial.html"

#: What travels to GIMP: the modules of these folders, which import neither torch nor numpy, and none of the other folders.
SHARED_FOLDERS = ("stylecore", "server", "server/client")


class AssembleError(Exception):
    """The plug-in folder cannot be made; the message is a sentence for people."""


def installation(
    version: str,
    python: str | os.PathLike[str],
    *,
    folder: str | None = None,
    user_styles: str | None = None,
    installer: str | None = None,
    repair: Sequence[str | os.PathLike[str]] | None = None,
) -> dict[str, Any]:
    """Return the contents of ``installation.json`` for a server that runs under the interpreter ``python``.

    ``folder`` is where the server keeps its connection file and keys (None: its default), ``user_styles`` the folder
    of the artist's own styles, ``installer`` how the user calls what mends all this (None: the script in the project's
    folder), ``repair`` how the plug-in itself does (None: it does not).
    """
    return {
        "version": version,
        "installer": installer,
        "server_command": [os.fspath(python), "-m", "server"],
        "bridge_command": [os.fspath(python), "-m", "server.bridge"],
        "command_line": [os.fspath(python), "-m", "server.cli.main"],
        "repair_command": None if repair is None else [os.fspath(word) for word in repair],
        "folder": folder,
        "user_styles": user_styles,
    }


def package_folder(repository: Path) -> Path:
    """Return where the packages are that the plug-in shares: in the project's folder, or beside a wheel's."""
    return repository if (repository / SHARED_FOLDERS[0]).is_dir() else repository.parent


def assemble(destination: Path, repository: Path, installation: Mapping[str, Any], vendor: Path | None = None) -> None:
    """Make the plug-in folder ``destination``, replacing one that is there.

    The folder is built beside ``destination`` and moved into place when it is complete, so GIMP never sees half of
    it and a failure leaves the former one as it was.

    Args:
        destination: The folder to make, ``<GIMP's configuration>/plug-ins/neural-style``; parents are created.
        repository: The checkout, an unpacked source archive or the folder that the wheel carries, to copy from.
        installation: What goes into ``installation.json``; see :func:`installation`.
        vendor: pyzmq for GIMP's Python, as a wheel file or as a folder with its unpacked contents.

    Raises:
        AssembleError: something is missing in ``repository``, or ``destination`` is not named after the plug-in.
        OSError: the folder cannot be written.
    """
    if destination.name != NAME:
        raise AssembleError(f"GIMP finds the plug-in only in a folder named “{NAME}”, not “{destination.name}”.")
    source = repository / "gimp_plugin" / NAME
    styles = sorted((repository / "samples" / "styles").glob("*.jpg"))
    packages = package_folder(repository)
    needed = (source / ENTRY, packages / "stylecore" / "settings.py", packages / "server" / "client" / "client.py")
    missing = [path for path in needed if not path.is_file()]
    if missing or not styles:
        what = missing[0] if missing else repository / "samples" / "styles" / "*.jpg"
        raise AssembleError(f"This copy of the project is incomplete: {what} is missing. Get a fresh clone.")

    plugins = destination.parent
    plugins.mkdir(parents=True, exist_ok=True)
    for leftover in plugins.glob(f".{NAME}-*"):  # of a run that was killed
        _remove(leftover)
    # A leading dot and a name that differs from the files inside: GIMP, were it started now, would load nothing here.
    new = Path(tempfile.mkdtemp(prefix=f".{NAME}-new-", dir=plugins))
    try:
        _fill(new, source, packages, styles, installation, vendor)
        _swap(new, destination)
    finally:
        _remove(new)


def remove(destination: Path) -> bool:
    """Remove a plug-in folder made by :func:`assemble`; returns whether there was one."""
    for leftover in destination.parent.glob(f".{NAME}-*"):
        _remove(leftover)
    return _remove(destination)


def _fill(
    new: Path, source: Path, packages: Path, styles: list[Path], installation: Mapping[str, Any], vendor: Path | None
) -> None:
    shutil.copytree(source, new, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"))
    new.chmod(0o755)  # mkdtemp made it 0700, or copytree as read-only as the checkout
    for folder in SHARED_FOLDERS:
        (new / folder).mkdir()
        for path in (packages / folder).glob("*.py"):
            if path.name != "__main__.py":  # the server's own
                shutil.copyfile(path, new / folder / path.name)
    (new / "gallery").mkdir()
    for style in styles:
        shutil.copyfile(style, new / "gallery" / style.name)
    _add_pictures(new / HELP_PAGE, source.parents[1] / "docs")
    if vendor is not None:
        _unpack(vendor, new / "vendor")
    (new / "installation.json").write_text(json.dumps(dict(installation), indent=2) + "\n", encoding="utf-8")
    # By this the doctor sees whether a copy is whole: bytes of each file, by its name.
    files = {path.relative_to(new).as_posix(): path.stat().st_size for path in sorted(new.rglob("*")) if path.is_file()}
    (new / CONTENTS).write_text(json.dumps(files, indent=0) + "\n", encoding="utf-8")
    (new / ENTRY).chmod(0o755)  # GIMP ignores an entry without the x bit, silently


def _add_pictures(page: Path, docs: Path) -> None:
    """Put the pictures that the tutorial shows beside it, where this copy of the project has them."""
    for name in re.findall(r'src="(pictures/[^"/]+)"', page.read_text(encoding="utf-8")):
        if (docs / name).is_file():
            (page.parent / "pictures").mkdir(exist_ok=True)
            shutil.copyfile(docs / name, page.parent / name)


def _unpack(vendor: Path, destination: Path) -> None:
    if vendor.is_dir():
        shutil.copytree(vendor, destination, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    elif zipfile.is_zipfile(vendor):
        with zipfile.ZipFile(vendor) as wheel:
            wheel.extractall(destination)
    else:
        raise AssembleError(f"{vendor} is neither a wheel nor a folder.")
    if not (destination / "zmq" / "__init__.py").is_file():
        raise AssembleError(f"{vendor} does not contain pyzmq.")


def _swap(new: Path, destination: Path) -> None:
    """Move ``new`` to ``destination``, whose former contents come back if that fails."""
    old = destination.with_name(new.name.replace("-new-", "-old-"))
    had_one = os.path.lexists(destination)
    if had_one:
        destination.rename(old)
    try:
        new.rename(destination)
    except OSError:
        if had_one:
            old.rename(destination)
        raise
    _remove(old)


def _remove(path: Path) -> bool:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        return False
    return True


def main(arguments: list[str] | None = None) -> int:
    """Run as a script."""
    parser = argparse.ArgumentParser(description="Assemble the plug-in folder that GIMP loads.")
    parser.add_argument("destination", type=Path, help=f"the folder to make; its name must be {NAME}")
    parser.add_argument("--repository", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--vendor", type=Path, help="pyzmq: a wheel file, or a folder with its unpacked contents")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="interpreter that runs the server")
    parser.add_argument("--version", default="development")
    parser.add_argument("--folder", help="the server's folder (default: its own default)")
    parser.add_argument("--user-styles", help="folder of the artist's own styles")
    options = parser.parse_args(arguments)
    made_for = installation(options.version, options.python, folder=options.folder, user_styles=options.user_styles)
    try:
        assemble(options.destination, options.repository, made_for, options.vendor)
    except (AssembleError, OSError) as error:
        print(f"assemble: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
