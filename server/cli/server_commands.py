"""The commands about the server: what it is doing, a key for another computer, and its end."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from server.cli.terminal.output import say, write_json
from server.client.client import Client, default_folder
from server.discovery import read_connection, server_lives
from stylecore import system
from stylecore.errors import StyleError, fault


def status(options: argparse.Namespace) -> int:
    """Tell what the server is doing; returns the exit status."""
    from server.cli.status import words

    with Client.connect(
        options.folder, start=False, timeout=5.0, client_name="status", connection_file=options.connection
    ) as client:
        report = client.status()
    if options.json:
        write_json(report, indent=2)
    else:
        say(words(report))
    return 0


def export(options: argparse.Namespace) -> int:
    """Make a key for a client of another computer."""
    from server.broker.remote_clients import export_client

    folder = (options.folder or default_folder()).absolute()
    address = export_client(folder, options.file, options.address)
    say(
        f"{options.file.absolute()}: a key for one client, which reaches this computer at {address}.\n"
        f"Copy it there by a private way (it is a secret), then: neural-style status --connection {options.file.name}\n"
        f"Here, start the server with: neural-style server --listen {address.removeprefix('tcp://')}\n"
        f"To lock that client out again, remove {folder / 'keys' / 'authorised' / (options.file.stem + '.key')}"
    )
    return 0


def stop(options: argparse.Namespace) -> int:
    """End the server, by force if it does not answer."""
    folder = options.folder or default_folder()
    if not server_lives(folder):
        say("No painting server is running.")
        return 0
    try:
        with Client.connect(folder, start=False, timeout=5.0, client_name="stop") as client:
            client.shutdown()
            ended = _gone(folder, 10.0)
    except StyleError as error:
        if error.code in ("keys-unsafe", "keys-missing") or not server_lives(folder):
            raise
        ended = False
    connection = read_connection(folder)
    for by_force in (False, True):
        # It holds the lock and wrote the file with its number: it is ours, and it does not answer.
        if not ended and connection is not None and server_lives(folder):
            system.end_process(connection.pid, by_force=by_force)
            ended = _gone(folder, 5.0)
    if not ended and server_lives(folder):
        raise StyleError(*fault("server-silent"))
    say("The painting server has ended.")
    return 0


def _gone(folder: Path, seconds: float) -> bool:
    """Wait until the folder's server has ended; False if it still lives after so long."""
    deadline = time.monotonic() + seconds
    while server_lives(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True
