"""The server's socket to its clients: who gets in, how much a stranger may send, and what the log says of it.

CURVE authenticates both ends before a message is read. A peer without an authorised key gets no answer at all; the most
it can make the server hold is one frame until the handshake's time is over.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq
from zmq.auth.certs import load_certificate
from zmq.utils.monitor import recv_monitor_message

from server import protocol
from server.discovery import ServerError
from server.engine.authenticator import Authenticator
from server.frames import encode, examine, job_of
from server.protocol import Examined, Message
from stylecore.errors import ProtocolError, fault

log = logging.getLogger("gate")

#: What the authenticator calls the clients.
_DOMAIN = b"clients"
#: A peer that has not shown its key after this long is dropped.
HANDSHAKE_MS = 3000
#: A connection that is open but dead (its machine is gone, its process frozen) is dropped after this long.
_PING_MS, _DEAD_MS = 2000, 30_000
#: Messages of one client that wait unread, and so what they hold, are few; the rest waits at the client.
_UNREAD = 16
#: Of things that strangers can cause at will, one line in so many seconds.
_LINE_SECONDS = 10.0


class RateLimitedLog:
    """Logs what can happen very often: the first at once, then one line with their number every few seconds."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._count = 0
        self._next = 0.0

    def happened(self) -> None:
        """Note that it happened, and log it if it is time for a line."""
        self._count += 1
        self.due()

    def due(self) -> None:
        """Log what was held back, if it is time."""
        now = time.monotonic()
        if self._count and now >= self._next:
            log.warning(self._text, self._count)
            self._count, self._next = 0, now + _LINE_SECONDS


class _Authorised:
    """The public keys in a folder; a key that is added or removed counts from the next connection on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_at = -1
        self._keys: set[bytes] = set()

    def accepts(self, key: bytes) -> bool:
        """Return whether the Z85 key is of somebody who may come in; called by the authenticator's thread."""
        try:
            changed = self._folder.stat().st_mtime_ns
            if changed != self._read_at:
                self._keys = {load_certificate(path)[0] for path in self._folder.glob("*.key")}
                self._read_at = changed
        except (OSError, ValueError) as error:
            log.warning("the authorised keys cannot be read: %s", error)
        return key in self._keys


@dataclass(frozen=True)
class Received:
    """A client's message: who sent it, what it says, and its frames, for passing on."""

    identity: bytes
    message: Examined
    frames: list[Any]


@dataclass(frozen=True)
class Unreadable:
    """A message that breaks the rules: who sent it, the job it names (or ``''``), and why it was refused."""

    identity: bytes
    job: str
    error: ProtocolError


class Gate:
    """The ROUTER socket.

    Args:
        context: for the sockets.
        authenticator: the context's.
        authorised: the folder of the public keys that may come in.
        keys: the server's own public and secret key.
        listen: where to listen beside a free port of 127.0.0.1: a numeric address and a port.

    Raises:
        ServerError: ``bad-address`` if nothing can listen there.
    """

    def __init__(
        self,
        context: zmq.Context[Any],
        authenticator: Authenticator,
        authorised: Path,
        keys: tuple[bytes, bytes],
        listen: tuple[str, int] | None = None,
    ) -> None:
        authenticator.admit(_DOMAIN.decode(), _Authorised(authorised).accepts)
        self.socket: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
        for option, value in (
            (zmq.ROUTER_MANDATORY, 1),
            (zmq.LINGER, 500),
            (zmq.CURVE_SERVER, 1),
            (zmq.ZAP_DOMAIN, _DOMAIN),
            (zmq.MAXMSGSIZE, protocol.MAX_FRAME_BYTES),
            (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
            (zmq.RCVHWM, _UNREAD),
            (zmq.SNDHWM, 10_000),
            (zmq.HEARTBEAT_IVL, _PING_MS),
            (zmq.HEARTBEAT_TIMEOUT, _DEAD_MS),
        ):
            self.socket.setsockopt(option, value)
        self.socket.curve_publickey, self.socket.curve_secretkey = keys
        self._monitor = self.socket.get_monitor_socket(
            zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_ACCEPT_FAILED
        )
        # Not every kind of failure has an event of its own, but all who came and were not let in have failed.
        self._arrivals: deque[float] = deque()
        self._outside = 0
        self._strangers = RateLimitedLog("%d connection(s) refused: no authorised key")
        self._full = RateLimitedLog("%d connection(s) not taken: too many are open")
        self._slow = RateLimitedLog("%d message(s) dropped: a client does not take them")
        #: Clients to whom something should have been sent, but whose connection is gone.
        self.gone: set[bytes] = set()
        #: Addresses it listens at, for connection files.
        self.address = self._bind(("127.0.0.1", 0))
        self.remote_address = self._bind(listen) if listen is not None else ""

    def _bind(self, where: tuple[str, int]) -> str:
        host, port = where
        shown = f"[{host}]" if ":" in host else host
        self.socket.setsockopt(zmq.IPV6, int(":" in host))
        try:
            self.socket.bind(f"tcp://{shown}:{port or '*'}")
        except zmq.ZMQError as error:
            self.close()
            raise ServerError(*fault("bad-address", f"{shown}:{port}: {os.strerror(error.errno or 0)}")) from None
        return self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def watch(self) -> None:
        """Log what strangers tried."""
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            if event == zmq.EVENT_ACCEPTED:
                self._arrivals.append(time.monotonic())
            elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._outside -= 1
            else:
                self._full.happened()
        while self._arrivals and time.monotonic() > self._arrivals[0] + HANDSHAKE_MS / 1000 + 0.5:
            self._arrivals.popleft()
            self._outside += 1
            if self._outside > 0:
                self._outside = 0
                self._strangers.happened()
        for each in (self._strangers, self._full, self._slow):
            each.due()

    @property
    def sources(self) -> list[zmq.Socket[Any]]:
        """What to poll."""
        return [self.socket, self._monitor]

    def receive(self) -> Received | Unreadable | None:
        """Return the next message of an authorised client, or None if there is none now."""
        try:
            identity, *frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        views: list[Any] = [frame.buffer for frame in frames]
        try:
            return Received(identity.bytes, examine(views, protocol.CLIENT_MESSAGES), views)
        except ProtocolError as error:
            return Unreadable(identity.bytes, job_of(views), error)

    def send(self, identity: bytes, kind: str, **fields: Any) -> None:
        """Send a message of the server's own."""
        self.pass_on(identity, encode(Message(kind, fields), protocol.SERVER_MESSAGES))

    def refuse(self, identity: bytes, job: str, code: str, detail: object = "", *, kind: str = "error") -> None:
        """Send an error of :data:`stylecore.errors.ERRORS`."""
        self.send(identity, kind, job=job, **fault(code, detail)._asdict())

    def pass_on(self, identity: bytes, frames: list[Any]) -> None:
        """Send frames as they are."""
        try:
            self.socket.send_multipart([identity, *frames], zmq.NOBLOCK, copy=False)
        except zmq.Again:
            self._slow.happened()  # its lease is about to end
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self.gone.add(identity)

    def close(self) -> None:
        """Stop listening."""
        self.socket.disable_monitor()
        self._monitor.close(0)
        self.socket.close()
