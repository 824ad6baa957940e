"""A connection to the server, as a client has it: messages go out, events and answers come in.

Needs the standard library and pyzmq only. A background thread owns the socket, shows the server every second that this
program is still there, and fills a queue of events, so that nothing here blocks a user interface.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from server import protocol
from server.discovery import Connection, ServerError
from server.events import LAST_EVENTS, PLAIN_EVENTS, Disconnected, Event, PictureArrived, Progress
from server.frames import decode, encode
from server.protocol import Message
from stylecore.errors import ProtocolError, fault


class Channel:
    """One connection, until it is closed or lost; the server is greeted, and its answer to come.

    Args:
        connection: where the server is.
        keys: this client's, public and secret.
        client_name: what the server calls it.
    """

    def __init__(self, connection: Connection, keys: tuple[bytes, bytes], client_name: str) -> None:
        public, secret = keys
        #: What the server said of itself last: ``version``, ``pid``, ``device`` and ``memory`` (empty before its first
        #: engine), and ``why`` that is the processor: an error's parts, or nothing.
        self.welcome: dict[str, Any] = {}
        self._context = zmq.Context(1)
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 200)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.setsockopt(zmq.RCVHWM, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, -1)
        self._socket.setsockopt(zmq.MAXMSGSIZE, protocol.MAX_FRAME_BYTES)
        self._socket.curve_publickey = public
        self._socket.curve_secretkey = secret
        self._socket.curve_serverkey = connection.public_key.encode("ascii", "replace")
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_DISCONNECTED
            | zmq.EVENT_CLOSED
            | zmq.EVENT_CONNECT_RETRIED
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        )
        self._changed = threading.Condition()
        self._outbox: deque[list[bytes | memoryview]] = deque()
        self._events: deque[Event] = deque()
        self._replies: deque[Message] = deque()
        #: Answers that nobody has taken yet, by their questions' names: seconds, and whether they are known.
        self.estimates: dict[str, tuple[float, bool]] = {}
        self._open: dict[str, int] = {}  # job → bytes of its pictures
        self._lost: ServerError | None = None
        self._closing = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._socket.connect(connection.address)
        self._thread = threading.Thread(target=self._run, name="neural-style-client", daemon=True)
        self.send("hello", client=client_name[:200], version=protocol.VERSION)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether the connection is over, though it was not closed here."""
        return self._lost is not None

    def send(self, kind: str, **fields: Any) -> None:
        """Send a message of :data:`server.protocol.CLIENT_MESSAGES` without pictures."""
        self.post(encode(Message(kind, fields), protocol.CLIENT_MESSAGES))

    def send_job(self, job: str, frames: list[bytes | memoryview], size: int) -> None:
        """Send a job with so many bytes of pictures; it has events from now on until one of them is its last.

        Raises:
            ServerError: the connection is lost.
        """
        with self._changed:
            if self._lost is not None:
                raise self._lost
            self._open[job] = size
        self.send("heartbeat", sending=size)
        self.post(frames)

    def post(self, frames: list[bytes | memoryview]) -> None:
        """Send a message's frames."""
        self._outbox.append(frames)
        self._wake()

    def _wake(self) -> None:
        # A full pipe means that the thread has been woken already; a closed one, that it is over.
        with contextlib.suppress(OSError):
            self._wake_writer.send(b"w")

    def reply(self, kind: str, timeout: float) -> Message:
        """Wait for an answer of this type.

        Raises:
            ServerError: it does not come within ``timeout`` seconds, or the connection is lost.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._lost is not None or any(reply.type == kind for reply in self._replies), timeout
            )
            for reply in self._replies:
                if reply.type == kind:
                    self._replies.remove(reply)
                    return reply
            raise self._lost or ServerError(*fault("server-silent:within", seconds=f"{timeout:.0f}"))

    def next_event(self, timeout: float) -> Event | None:
        """Return the next event, waiting at most ``timeout`` seconds for it; None if there is none."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._events), timeout)
            return self._events.popleft() if self._events else None

    def close(self) -> None:
        """Say goodbye and end the connection."""
        if self._thread.is_alive():
            if self._lost is None:
                self.send("bye")
            self._closing = True
            self._wake()
            self._thread.join(2.0)

    def _run(self) -> None:
        """Own the socket: the background thread."""
        poller = zmq.Poller()
        for source in (self._socket, self._monitor, self._wake_reader):
            poller.register(source, zmq.POLLIN)
        beat = heard = turned = time.monotonic()
        try:
            while self._lost is None:
                try:
                    while self._outbox:
                        self._socket.send_multipart(self._outbox.popleft(), zmq.NOBLOCK, copy=False)
                except zmq.Again:  # its queue has no end, so there is nobody to send to any more
                    self._take_in()
                    known = self._monitor.poll(0)
                    self._lose(recv_monitor_message(self._monitor)["event"] if known else zmq.EVENT_DISCONNECTED)
                if self._closing or self._lost is not None:
                    break
                ready = dict(poller.poll(max(0, int((beat - time.monotonic()) * 1000))))
                if self._wake_reader.fileno() in ready:
                    self._wake_reader.recv(4096)
                if self._take_in():
                    heard = time.monotonic()
                if self._monitor in ready:
                    self._take_in()  # the server's last words may have come with the end of the connection
                    self._lose(recv_monitor_message(self._monitor)["event"])
                now = time.monotonic()
                heard += max(0.0, now - turned - protocol.HEARTBEAT_SECONDS)  # this program did not run, so heard nothing
                turned = now
                patience = protocol.SILENT_SECONDS + 2 * sum(self._open.values()) / protocol.SLOWEST_BYTES_PER_SECOND
                if now > heard + patience:
                    self._lose(ServerError(*fault("server-silent:for", seconds=f"{patience:.0f}")))
                if now >= beat and self._lost is None:
                    self._outbox.append(encode(Message("heartbeat", {"sending": 0}), protocol.CLIENT_MESSAGES))
                    beat = now + protocol.HEARTBEAT_SECONDS
        except Exception as error:  # the thread's last chance to tell anyone
            self._lose(ServerError(*fault("internal-error", f"{type(error).__name__}: {error}")))
        finally:
            self._socket.disable_monitor()
            self._monitor.close(0)
            self._socket.close()
            self._wake_reader.close()
            self._wake_writer.close()
            self._context.term()

    def _take_in(self) -> bool:
        """Receive what has come; return whether anything has."""
        any_came = False
        while self._socket.poll(0):
            any_came = True
            self._receive(self._socket.recv_multipart())
        return any_came

    def _receive(self, frames: list[bytes]) -> None:
        try:
            message = decode(frames, protocol.SERVER_MESSAGES)
        except ProtocolError as error:
            self._lose(ServerError(*error.fault))
            return
        fields = message.fields
        if message.type == "goodbye":
            self._lose(ServerError(**fields))
        elif message.type == "picture":
            self._push(PictureArrived(fields["job"], fields["purpose"], message.pictures[0]))
        elif message.type == "error" and not fields["job"]:
            self._lose(ServerError(**{name: value for name, value in fields.items() if name != "job"}))
        elif message.type == "estimate":
            self.estimates[fields["job"]] = fields["seconds"], fields["known"]
        elif message.type in PLAIN_EVENTS:
            self._push(PLAIN_EVENTS[message.type](**fields))
        elif message.type != "heartbeat":
            if message.type == "welcome":
                greeted, self.welcome = bool(self.welcome), dict(fields)
                if greeted:  # another one: an engine has told its device
                    return
            with self._changed:
                self._replies.append(message)
                self._changed.notify_all()

    def _push(self, event: Event) -> None:
        with self._changed:
            if isinstance(event, LAST_EVENTS):
                self._open.pop(event.job, None)
            newest = self._events[-1] if self._events else None
            if isinstance(event, Progress) and isinstance(newest, Progress) and newest.job == event.job:
                self._events.pop()  # a program that is busy wants the latest only
            self._events.append(event)
            self._changed.notify_all()

    def _lose(self, reason: ServerError | int) -> None:
        """The connection is over: tell every job that was not, or nobody in particular."""
        if isinstance(reason, int):
            refused = reason == zmq.EVENT_HANDSHAKE_FAILED_AUTH
            reason = ServerError(*fault("connection-lost:key" if refused else "connection-lost"))
        with self._changed:
            if self._lost is not None:
                return
            self._lost = reason
            self._changed.notify_all()
            jobs = list(self._open) or [""]
        for job in jobs:
            self._push(Disconnected(job, *reason.fault))
