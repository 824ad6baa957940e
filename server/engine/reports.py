"""What an engine process says to the broker, and how each field is checked."""

from __future__ import annotations

from typing import Any

import zmq

from server import protocol
from server.field_checks import Check
from server.frames import encode
from server.protocol import Message, Picture

#: What an engine may report: what the server may say to a client, how its own start went, and what a job used.
REPORTS: dict[str, dict[str, Check]] = {
    **protocol.SERVER_MESSAGES,
    "ready": {
        "device": protocol.SERVER_MESSAGES["welcome"]["device"],
        "memory": protocol.SERVER_MESSAGES["welcome"]["memory"],
        "devices": protocol.SERVER_MESSAGES["progress"]["scale"],
        "why": protocol.SERVER_MESSAGES["welcome"]["why"],
    },
    "failed": protocol.SERVER_MESSAGES["error"],
    "used": {
        "job": protocol.SERVER_MESSAGES["error"]["job"],
        "peak": protocol.AMOUNT,
        "memory": protocol.SERVER_MESSAGES["welcome"]["memory"],
        "arithmetic": protocol.SERVER_MESSAGES["welcome"]["device"],
    },
}


def report(link: zmq.Socket[bytes], kind: str, *pictures: Picture, **fields: Any) -> None:
    """Send a report of :data:`server.engine.reports.REPORTS` to the broker."""
    # All frames are made before the first is sent: where memory ends between two, half a message must not be on its way.
    frames = [zmq.Frame(part, copy=False) for part in encode(Message(kind, fields, pictures), REPORTS)]
    link.send_multipart(frames, copy=False)
