"""What a connection runs over: ZeroMQ in this process, or the bridge, a helper process that speaks it.

Needs the standard library only. The bridge is taken where this Python, as often GIMP's own, loads no pyzmq;
``$NEURAL_STYLE_WIRE`` forces either.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from server.discovery import ServerError
from stylecore.errors import fault

#: Names the wire that must be used, one of :data:`WIRES`.
VARIABLE = "NEURAL_STYLE_WIRE"
ZEROMQ, BRIDGE = WIRES = ("zeromq", "bridge")

Frames = Sequence[bytes | memoryview]


class Wire(Protocol):
    """Carries messages, as frames, to a server and from it.

    One thread uses it, but for :meth:`wake`. Nothing here raises: a wire that is over says so in ``lost``.
    """

    #: Why the connection is over, once it is; what came before may still have to be received.
    lost: ServerError | None

    def send(self, frames: Frames) -> None:
        """Send a message; it may be on its way for long, but this does not wait for that."""

    def receive(self) -> list[bytes] | None:
        """Return the next message that has come, or None."""

    def wait(self, seconds: float) -> None:
        """Wait so long at most until there may be something to receive, it is lost, or :meth:`wake` is called."""

    def wake(self) -> None:
        """End the other thread's :meth:`wait`, now or when it begins."""

    def close(self) -> None:
        """Send what is still to be sent, if that is quickly done, and end the connection."""


@dataclass(frozen=True)
class Wanted:
    """Which server is wanted, and what may be done to reach it.

    Args:
        folder: the server's.
        connection_file: of a server on another computer; then no other is looked for.
        server_command: how one is started; None: this Python with ``-m server``.
        start: whether one is started where none lives, and an older one replaced.
        timeout: seconds until it must have answered.
    """

    folder: Path
    connection_file: Path | None
    server_command: tuple[str, ...] | None
    start: bool
    timeout: float

    def as_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold; :meth:`from_json` reads it."""
        file = self.connection_file
        return {
            "folder": str(self.folder),
            "connection_file": None if file is None else str(file),
            "server_command": self.server_command,
            "start": self.start,
            "timeout": self.timeout,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Wanted:
        """Return what :meth:`as_json` wrote.

        Raises:
            ValueError: it did not write this.
        """
        try:
            file, command = value["connection_file"], value["server_command"]
            return cls(
                Path(value["folder"]),
                None if file is None else Path(file),
                None if command is None else tuple(str(word) for word in command),
                bool(value["start"]),
                float(value["timeout"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not which server is wanted: {error!r}") from None


def chosen() -> str:
    """Return which of :data:`WIRES` this process uses.

    Raises:
        ServerError: ``bad-wire``; the variable names none of them.
    """
    forced = os.environ.get(VARIABLE)
    if forced:
        if forced not in WIRES:
            raise ServerError(*fault("bad-wire", forced, variable=VARIABLE))
        return forced
    try:
        import zmq

        # One without encryption (an odd build of a distribution's) is of no use here.
        return ZEROMQ if zmq.has("curve") else BRIDGE
    except Exception:  # ImportError where there is none; of a damaged one, or one for another Python, anything
        return BRIDGE
