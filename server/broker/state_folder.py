"""The server's side of its folder: keys made and kept private, the lock, the connection file, the log."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO

from zmq.auth.certs import create_certificates

from server.broker.addresses import is_loopback
from server.broker.client_socket import RateLimitedLog
from server.discovery import Connection, ServerError, check_private, load_keys, read_connection
from stylecore import system
from stylecore.errors import fault

log = logging.getLogger("state_folder")

#: A client that looks whether a server lives holds the lock for an instant; so long is waited for it.
_LOCK_PATIENCE = 1.0


def prepare(folder: Path) -> None:
    """Make the folder (0700) if it is not there; refuse one that others can use.

    Raises:
        ServerError: ``folder-unusable`` or ``keys-unsafe``.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ServerError(*fault("folder-unusable", error)) from None
    check_private(folder, folder)


def lock(folder: Path) -> IO[bytes]:
    """Return the open file whose lock says that this process is the folder's one server.

    Raises:
        ServerError: ``server-running`` if another process is.
    """
    try:
        handle = open(folder / "lock", "ab")  # noqa: SIM115  # open as long as the server lives
    except OSError as error:
        raise ServerError(*fault("folder-unusable", error)) from None
    deadline = time.monotonic() + _LOCK_PATIENCE
    while True:
        if system.try_lock(handle):
            return handle
        # A server that is ready is no passing look: give up at once, so as not to inherit when it is stopped.
        if time.monotonic() > deadline or _ready(folder):
            handle.close()
            raise ServerError(*fault("server-running", folder=folder))
        time.sleep(0.02)


def _ready(folder: Path) -> bool:
    """Return whether the connection file is of a process that runs."""
    connection = read_connection(folder)
    return connection is not None and system.lives(connection.pid)


def keys(folder: Path) -> tuple[bytes, bytes]:
    """Return the server's public and secret key; makes both key pairs the first time. Call it with the lock held.

    The client's public key is the one entry of ``keys/authorised``; the key of another machine's client goes there too.

    Raises:
        ServerError: ``keys-unsafe``, ``keys-missing`` or ``folder-unusable``.
    """
    place = folder / "keys"
    if not place.exists():
        try:
            temporary = Path(tempfile.mkdtemp(prefix=".keys-", dir=folder))  # 0700
            try:
                previous = os.umask(0o077)
                try:
                    create_certificates(temporary, "server")
                    create_certificates(temporary, "client")
                    (temporary / "authorised").mkdir()
                    shutil.copy(temporary / "client.key", temporary / "authorised" / "client.key")
                finally:
                    os.umask(previous)
                temporary.rename(place)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        except OSError as error:
            raise ServerError(*fault("folder-unusable", error)) from None
    load_keys(folder, "client")
    return load_keys(folder, "server")


def write_connection(folder: Path, connection: Connection) -> None:
    """Write the connection file (0600), whole or not at all.

    Raises:
        ServerError: ``folder-unusable``.
    """
    try:
        write_private(folder / "connection.json", json.dumps(asdict(connection), indent=2) + "\n")
    except OSError as error:
        raise ServerError(*fault("folder-unusable", error)) from None


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read (0600), whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)  # 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        system.replace(name, path)
    except OSError:
        os.unlink(name)
        raise


def is_written(folder: Path, connection: Connection) -> bool:
    """Return whether the connection file says this, and only to this user."""
    try:
        check_private(folder / "connection.json", folder)
        return bool(json.loads((folder / "connection.json").read_text("utf-8")) == asdict(connection))
    except (OSError, ValueError, ServerError):
        return False


def holds(folder: Path, handle: IO[bytes]) -> bool:
    """Return whether the folder's lock file is still the one that this process has locked."""
    try:
        return os.path.samestat(os.stat(folder / "lock"), os.fstat(handle.fileno()))
    except OSError:
        return False


def remove_connection(folder: Path) -> None:
    """Remove the connection file, so that nobody connects to a server that is ending."""
    system.remove(folder / "connection.json")


def check_remote(folder: Path, listen: tuple[str, int]) -> None:
    """Refuse to listen beyond this computer while no key was made for a client elsewhere.

    Raises:
        ServerError: ``no-remote-keys``.
    """
    if not is_loopback(listen[0]) and not any(
        path.name != "client.key" for path in (folder / "keys" / "authorised").glob("*.key")
    ):
        raise ServerError(*fault("no-remote-keys", listen[0]))


def start_log(folder: Path, level: str, *, to_terminal: bool) -> None:
    """Log to ``server.log`` (0600, three older files of 1 MB are kept), and to the terminal if there is one.

    Raises:
        ServerError: ``folder-unusable``, or ``keys-unsafe`` if others can read a log that is there.
    """
    for path in folder.glob("*.log*"):
        check_private(path, folder)
    previous = os.umask(0o077)
    try:
        handlers: list[logging.Handler] = [
            logging.handlers.RotatingFileHandler(folder / "server.log", maxBytes=1_000_000, backupCount=3, encoding="utf-8")
        ]
    except OSError as error:
        raise ServerError(*fault("folder-unusable", error)) from None
    finally:
        os.umask(previous)
    if to_terminal:
        handlers.append(logging.StreamHandler())
    logging.basicConfig(
        level=level.upper(), handlers=handlers, force=True, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


class StateFolder:
    """A server's hold on its folder, which is its own from the making of this until :meth:`leave`: the lock, and the
    connection file by which clients find it.

    Raises:
        ServerError: ``server-running`` if it is another's, ``folder-unusable``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[bytes] | None = lock(folder)
        self._connection: Connection | None = None
        self._unwritable = RateLimitedLog("the connection file cannot be written (%d time(s))")
        self._rewritten = RateLimitedLog("the connection file was gone or changed; written again %d time(s)")
        remove_connection(folder)  # of one that was killed: nobody shall try it while this one gets ready

    def announce(self, connection: Connection) -> None:
        """Write the connection file: clients may come.

        Raises:
            ServerError: ``folder-unusable``.
        """
        write_connection(self._folder, connection)
        self._connection = connection

    def keep(self) -> bool:
        """See to it that clients can find this server; False, once, if the folder has been taken away."""
        if self._lock is None or self._connection is None:
            return True
        if not holds(self._folder, self._lock):
            log.warning("the server's folder was taken away: no new clients will come")
            self._lock.close()
            self._lock = None
            return False
        if not is_written(self._folder, self._connection):
            self._rewritten.happened()
            try:
                write_connection(self._folder, self._connection)
            except ServerError:
                self._unwritable.happened()  # the disk is full: next time
        return True

    def hide(self) -> None:
        """Remove the connection file, so that nobody new comes; the folder is still this server's."""
        if self._lock is not None:
            remove_connection(self._folder)
            self._connection = None

    def leave(self) -> None:
        """Leave the folder to the next server."""
        self.hide()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
