"""How a server is reached: found, started if there is none, an older one replaced, and greeted.

Needs the standard library and pyzmq only. The client does this in its own process, or the bridge for it.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from server import protocol
from server.client.channel import ending
from server.client.socket_wire import SocketWire
from server.client.wires import Frames, Wanted
from server.discovery import (
    EXIT_ALREADY_RUNNING,
    Connection,
    ServerError,
    ask_for_server,
    in_sandbox,
    last_words,
    load_keys,
    read_connection,
    read_exported,
    server_lives,
    start_failure,
    start_server,
)
from server.frames import decode, encode
from server.protocol import Message
from stylecore import system
from stylecore.errors import ProtocolError, StyleError, fault

Greeted = tuple[SocketWire, list[bytes]]


def reach(wanted: Wanted, hello: Frames) -> Greeted:
    """Return a wire to the wanted server, and the frames of its welcome, which answers ``hello``.

    Raises:
        ServerError: no server could be reached in time, and why.
    """
    deadline = time.monotonic() + wanted.timeout
    if wanted.connection_file is not None:
        return _greeted(*read_exported(wanted.connection_file), hello, wanted.timeout)
    folder = wanted.folder
    process: subprocess.Popen[bytes] | None = None
    killed = False
    asked: float | None = None
    while True:
        connection = read_connection(folder)
        if connection is not None:
            greeted = _greet(folder, connection, hello, deadline, replace=wanted.start)
            if greeted is not None:
                return greeted
        elif not server_lives(folder):
            if not wanted.start:
                raise ServerError(*fault("server-absent"))
            if in_sandbox():
                # Nobody hears it while a former server is being cleared away, so it is said again.
                if asked is None or time.monotonic() - asked > 0.5:
                    ask_for_server(folder)
                    asked = time.monotonic()
            elif process is None:
                process = start_server(folder, wanted.server_command)
            elif process.poll() is not None:
                # One that was there first has ended meanwhile; or this one was killed, which can be chance.
                by_chance = process.returncode == EXIT_ALREADY_RUNNING or (system.crash(process.returncode) and not killed)
                if not by_chance:
                    raise start_failure(folder, last_words(folder, process.returncode))
                killed = killed or bool(system.crash(process.returncode))
                process = None
        if time.monotonic() > deadline:
            if process is not None:
                words = last_words(folder, None)
                late = f"it was not ready within {wanted.timeout:.0f} seconds. {words[:1].upper()}{words[1:]}"
                raise start_failure(folder, late)
            if asked is not None and not server_lives(folder):
                raise ServerError(*fault("sandboxed"))
            raise ServerError(*fault("server-silent:within", seconds=f"{wanted.timeout:.0f}"))
        time.sleep(0.03)


def _greet(folder: Path, connection: Connection, hello: Frames, deadline: float, *, replace: bool) -> Greeted | None:
    """Return the greeted wire; None if the server is gone, or is old and was asked to go."""
    keys = load_keys(folder, "client")
    older = protocol.is_older(connection.version, protocol.VERSION) or connection.protocol < protocol.PROTOCOL
    try:
        if replace and older:
            _retire(folder, connection, keys, deadline)
            return None
        return _greeted(connection, keys, hello, max(deadline - time.monotonic(), 0.5))
    except StyleError as error:
        if error.code != "connection-lost":
            raise
        if read_connection(folder) != connection:
            return None
        if server_lives(folder) and time.monotonic() < deadline:
            time.sleep(0.1)  # the file is not what the server wrote; it will notice and write it anew
            return None
        raise


def _greeted(connection: Connection, keys: tuple[bytes, bytes], hello: Frames, timeout: float) -> Greeted:
    wire = SocketWire(connection, keys)
    try:
        return wire, _welcome(wire, hello, timeout)
    except BaseException:  # it goes on its way, but no connection stays that nobody has
        wire.close()
        raise


def _welcome(wire: SocketWire, hello: Frames, timeout: float) -> list[bytes]:
    """Return the frames of the answer to ``hello``.

    Raises:
        ServerError: it is a refusal, or there is none.
    """
    wire.send(hello)
    patience = min(timeout, protocol.SILENT_SECONDS)
    deadline = time.monotonic() + patience
    while True:
        while (frames := wire.receive()) is not None:
            try:
                message = decode(frames, protocol.SERVER_MESSAGES)
            except ProtocolError as error:
                raise ServerError(*error.fault) from None
            if message.type == "welcome":
                return frames
            if (refusal := ending(message)) is not None:
                raise refusal
        if wire.lost is not None:
            raise wire.lost
        left = deadline - time.monotonic()
        if left <= 0:
            raise ServerError(*fault("server-silent:within", seconds=f"{patience:.0f}"))
        wire.wait(left)


def _retire(folder: Path, connection: Connection, keys: tuple[bytes, bytes], deadline: float) -> None:
    """Ask an older server, which may speak an older protocol, to finish what it has, and leave its place.

    Nothing else is said before: what it does not understand it may answer by ending the connection.
    """
    tag = protocol.MAGIC + str(connection.protocol).encode()
    wish = encode(Message("retire", {}), protocol.CLIENT_MESSAGES, tag)
    wire: SocketWire | None = None
    try:
        while read_connection(folder) == connection:
            if time.monotonic() > deadline:
                found = f"{connection.version} and {protocol.VERSION}"
                raise ServerError(*fault("version-mismatch", found))
            if wire is None or wire.lost:
                if wire is not None:
                    wire.close()
                wire = SocketWire(connection, keys)
                wire.send(wish)
            wire.wait(0.03)
            while wire.receive() is not None:
                pass  # nothing that an older protocol says is understood
    finally:
        if wire is not None:
            wire.close()
