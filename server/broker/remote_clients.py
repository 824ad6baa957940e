"""A key for a client on another computer: ``neural-style server export-client``."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import zmq

from server import protocol
from server.broker import state_folder as places
from server.broker.addresses import shown, split_address
from server.discovery import ServerError, read_connection, server_lives
from stylecore.errors import fault
from stylecore.files.replacing import cannot_write


def export_client(folder: Path, file: Path, address: str) -> str:
    """Make a key pair, let its holder in, and write the connection file for it (0600); returns the address in it.

    Args:
        folder: the server's.
        file: the connection file to make; its name without the ending becomes the name of the key.
        address: ``HOST:PORT`` at which the client reaches the server.

    A server that runs lets the new client in at once. Removing the key from ``keys/authorised`` locks it out again.

    Raises:
        ServerError: ``bad-address``, ``bad-connection-file``, ``folder-unusable`` or ``keys-unsafe``.
        StyleError: ``cannot-write`` if the connection file cannot be made.
    """
    host, port = split_address(address)
    if not port:
        raise ServerError(*fault("bad-address", f"“{address}”, which has no port"))
    if file.exists():
        raise ServerError(*fault("bad-connection-file", f"“{file}” is there already"))
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", file.stem).strip("-") or "client"
    places.prepare(folder)
    if server_lives(folder):
        server_public = _public_key_of_running(folder)
    else:
        with places.lock(folder):
            server_public = places.keys(folder)[0].decode()
    public, secret = (key.decode() for key in zmq.curve_keypair())
    authorised = folder / "keys" / "authorised"
    if name == "client" or (authorised / f"{name}.key").exists():
        raise ServerError(*fault("bad-connection-file", f"there is a key called “{name}” already; use another file name"))
    try:
        places.write_private(
            file.absolute(),
            json.dumps(
                {
                    "address": shown(host, port),
                    "public_key": server_public,
                    "version": protocol.VERSION,
                    "protocol": protocol.PROTOCOL,
                    "client_public_key": public,
                    "client_secret_key": secret,
                },
                indent=2,
            )
            + "\n",
        )
    except OSError as error:
        raise cannot_write(file, error) from None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".new-", dir=authorised)
        with os.fdopen(handle, "w", encoding="ascii") as key:
            key.write(f'metadata\n    name = "{name}"\ncurve\n    public-key = "{public}"\n')
        os.replace(temporary, authorised / f"{name}.key")
    except OSError as error:
        raise ServerError(*fault("folder-unusable", error)) from None
    return shown(host, port)


def _public_key_of_running(folder: Path) -> str:
    connection = read_connection(folder)
    if connection is None:
        raise ServerError(*fault("server-silent"))
    return connection.public_key
