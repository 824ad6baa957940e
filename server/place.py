"""A server's hold on its folder: the lock, and the connection file by which clients find it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import IO

from server import folder as places
from server.finding import Connection, ServerError
from server.gate import Seldom

log = logging.getLogger("place")


class Place:
    """The folder is this server's own from the making of this until :meth:`leave`.

    Raises:
        ServerError: ``server-running`` if it is another's, ``folder-unusable``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[bytes] | None = places.lock(folder)
        self._connection: Connection | None = None
        self._unwritable = Seldom("the connection file cannot be written (%d time(s))")
        self._rewritten = Seldom("the connection file was gone or changed; written again %d time(s)")
        places.remove_connection(folder)  # of one that was killed: nobody shall try it while this one gets ready

    def announce(self, connection: Connection) -> None:
        """Write the connection file: clients may come.

        Raises:
            ServerError: ``folder-unusable``.
        """
        places.write_connection(self._folder, connection)
        self._connection = connection

    def keep(self) -> bool:
        """See to it that clients can find this server; False, once, if the folder has been taken away."""
        if self._lock is None or self._connection is None:
            return True
        if not places.holds(self._folder, self._lock):
            log.warning("the server's folder was taken away: no new clients will come")
            self._lock.close()
            self._lock = None
            return False
        if not places.is_written(self._folder, self._connection):
            self._rewritten.happened()
            try:
                places.write_connection(self._folder, self._connection)
            except ServerError:
                self._unwritable.happened()  # the disk is full: next time
        return True

    def hide(self) -> None:
        """Remove the connection file, so that nobody new comes; the folder is still this server's."""
        if self._lock is not None:
            places.remove_connection(self._folder)
            self._connection = None

    def leave(self) -> None:
        """Leave the folder to the next server."""
        self.hide()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
