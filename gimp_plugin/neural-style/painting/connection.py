"""The connection to the painting server, made without holding up the dialog."""

from __future__ import annotations

import threading

from common import installation
from server.client.client import Client

#: Seconds in which a server has to be there: on a busy computer it may start slowly, and the dialog can be used meanwhile.
_PATIENCE = 45.0


def open_client() -> Client:
    """Return a client of the running server, which is started if there is none.

    Raises:
        server.client.client.ServerError: there is no way to a server, and why.
        PluginError: the plug-in's installation file cannot be read.
    """
    made_for = installation.read()
    return Client.connect(
        made_for.folder, server_command=made_for.server_command, bridge_command=made_for.bridge_command, timeout=_PATIENCE
    )


class Connection:
    """A client on its way: a thread connects while the dialog stays usable."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.error: Exception | None = None
        self._closed = False
        self._lock = threading.Lock()
        threading.Thread(target=self._connect, name="neural-style-connect", daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether it is decided: ``client`` or ``error`` is set."""
        return self.client is not None or self.error is not None

    def _connect(self) -> None:
        try:
            client = open_client()
        except Exception as error:  # whatever it is: the dialog, which waits for one or the other, shows it
            self.error = error
            return
        with self._lock:
            self.client = client
            unwanted = self._closed
        if unwanted:
            client.close()

    def close(self) -> None:
        """Leave the server; its jobs of ours are cancelled."""
        with self._lock:
            self._closed = True
            client = self.client
        if client is not None:
            client.close()
