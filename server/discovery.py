"""Where the server of this user is: its folder, its keys, its connection file, and how to start it.

Needs the standard library and pyzmq only, because the plug-in uses it inside GIMP.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stylecore import system
from stylecore.errors import StyleError, fault

_LARGEST_FILE = 16 * 1024  # of a connection file

#: Exit status of a server that found another one running.
EXIT_ALREADY_RUNNING = 75
#: Set by GIMP, its AppImage or its Flatpak for GIMP's own libraries; another Python must not see them.
FOREIGN_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSAFEPATH",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "GI_TYPELIB_PATH",
    "GIO_MODULE_DIR",
    "GIO_EXTRA_MODULES",
    "GTK_PATH",
)
#: Closing this file of the server's folder after writing makes a systemd unit start the server (installer/gimps/units.py).
WISH = "wanted"
#: What every Flatpak has inside its sandbox.
FLATPAK_MARK = Path("/.flatpak-info")


class ServerError(StyleError):
    """The server cannot be reached or started, or does not answer."""


def default_folder() -> Path:
    """Return the folder of the connection file, keys, lock and log: ``$NEURAL_STYLE_FOLDER``, or the user's for states."""
    named = os.environ.get("NEURAL_STYLE_FOLDER")
    return Path(named) if named else system.user_folder("state")


def check_private(path: Path, folder: Path) -> None:
    """Raise :class:`ServerError` ``keys-unsafe`` unless ``path`` belongs to this user and nobody else can use it."""
    if exposure := system.exposure(path):
        raise ServerError(*fault("keys-unsafe", exposure, folder=shlex.quote(str(folder))))


def load_keys(folder: Path, name: str) -> tuple[bytes, bytes]:
    """Return the public and secret key ``name`` (``'client'`` or ``'server'``) of the folder.

    Raises:
        ServerError: ``keys-unsafe`` if other users could read it, ``keys-missing`` if it cannot be read.
    """
    from zmq.auth.certs import load_certificate  # a plug-in whose pyzmq is damaged can still say so

    path = folder / "keys" / f"{name}.key_secret"
    try:
        for part in (folder, folder / "keys", path):
            check_private(part, folder)
        public, secret = load_certificate(path)
    except (OSError, ValueError) as error:
        raise ServerError(*fault("keys-missing", error)) from None
    if secret is None or len(secret) != 40 or len(public) != 40:
        raise ServerError(*fault("keys-missing", f"“{path}” is damaged"))
    return public, secret


@dataclass(frozen=True)
class Connection:
    """What the connection file says: where the server listens, and the public key that proves it is the one."""

    address: str
    public_key: str
    pid: int
    version: str
    protocol: int


def server_lives(folder: Path) -> bool:
    """Return whether a server holds the folder's lock."""
    return system.is_locked(folder / "lock")


def read_connection(folder: Path) -> Connection | None:
    """Return what the folder's connection file says, or None if there is none or it is of no live server."""
    try:
        path = folder / "connection.json"
        if system.exposure(path) or path.stat().st_size > _LARGEST_FILE:
            return None  # somebody else's; the server writes its own again
        data = json.loads(path.read_text("utf-8"))
        connection = Connection(
            str(data["address"]),
            str(data["public_key"]),
            int(data["pid"]),
            str(data["version"]),
            int(data.get("protocol", 1)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return connection if _usable(connection) and server_lives(folder) else None


def _usable(connection: Connection) -> bool:
    return connection.address.startswith("tcp://") and len(connection.public_key) == 40 and connection.public_key.isascii()


def read_exported(path: Path) -> tuple[Connection, tuple[bytes, bytes]]:
    """Return the connection and the client's public and secret key of a file made by ``server export-client``.

    Raises:
        ServerError: ``bad-connection-file``, or ``keys-unsafe`` if others could read it.
    """
    try:
        if os.path.isdir(path):
            raise ValueError("it is a folder")
        check_private(path, path)
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError("it is too large")
        data = json.loads(path.read_text("utf-8"))
        connection = Connection(
            str(data["address"]), str(data["public_key"]), 0, str(data["version"]), int(data["protocol"])
        )
        public, secret = str(data["client_public_key"]).encode("ascii"), str(data["client_secret_key"]).encode("ascii")
        if not _usable(connection) or len(public) != 40 or len(secret) != 40:
            raise ValueError("it is damaged")
    except OSError as error:
        raise ServerError(*fault("bad-connection-file", f"“{path}”: {error.strerror}")) from None
    except (ValueError, KeyError, TypeError) as error:
        detail = f"“{path}” lacks {error}" if isinstance(error, KeyError) else f"“{path}”: {error}"
        raise ServerError(*fault("bad-connection-file", detail)) from None
    return connection, (public, secret)


def in_sandbox() -> bool:
    """Return whether this program runs in a sandbox that keeps it from starting the server.

    The user's Python is not in there, and another one lacks the packages: it would end without a clear word.
    """
    return FLATPAK_MARK.exists() or os.environ.get("SNAP_NAME") == "gimp"


def ask_for_server(folder: Path) -> None:
    """Ask the user's session to start the server of ``folder``: by writing a file, which its systemd watches.

    Raises:
        ServerError: ``sandboxed`` if nobody watches (the file is made by the installer, and only then).
    """
    try:
        with open(folder / WISH, "r+", encoding="utf-8") as wish:  # closing it is what is noticed
            wish.write("wanted\n")
    except OSError:
        raise ServerError(*fault("sandboxed")) from None


def own_environment() -> dict[str, str]:
    """Return the variables for a program of ours in another Python than this, which may be GIMP's."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    if "PATH" in kept:
        kept["PATH"] = system.own_path(kept["PATH"])
    return kept


def module_command(module: str) -> tuple[list[str], Path]:
    """Return how this Python runs a module of this copy of the program, and in which folder."""
    return [sys.executable, "-m", module], Path(__file__).resolve().parent.parent


def start_server(folder: Path, command: Sequence[str] | None = None) -> subprocess.Popen[bytes]:
    """Start a server for ``folder``, detached from this program, and return its process without waiting for it.

    Raises:
        ServerError: it cannot be started, and why.
    """
    if in_sandbox():
        raise ServerError(*fault("sandboxed"))
    directory: Path | str = os.path.abspath(os.sep)
    if command is None:
        command, directory = module_command("server")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(folder, folder)
        words = os.open(folder / "server-start.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise ServerError(*fault("folder-unusable", error)) from None
    try:
        return system.start_apart(
            [*command, "--folder", str(folder.resolve()), "--auto"],
            outlives=True,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            cwd=directory,
            env=own_environment(),
        )
    except OSError as error:
        raise ServerError(*fault("server-start-failed", f"{error.strerror} ({command[0]}).")) from None
    finally:
        os.close(words)


def last_words(folder: Path, status: int | None) -> str:
    """Return the last thing that a server said which failed to start."""
    try:
        lines = (folder / "server-start.log").read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    if lines:
        return lines[-1].strip()[:500]
    return "it said nothing." if status is None else f"it ended with status {status} and said nothing."


def start_failure(folder: Path, said: str) -> ServerError:
    """Return the error for a server that did not start; on a full disk it could not even say why."""
    try:
        with open(folder / "server-start.log", "ab") as words:
            words.write(b" " * 4096)
            words.flush()
            os.fsync(words.fileno())
    except OSError as error:
        error.filename = error.filename or str(folder)  # writing, which is what failed, does not name it
        return ServerError(*fault("folder-unusable", error))
    return ServerError(*fault("server-start-failed", said))
