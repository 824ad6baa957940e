"""A connection to the server, as a client has it: messages go out, events and answers come in.

Needs the standard library only. A background thread owns the wire (:mod:`server.client.wires`), shows the server every
second that this program is still there, and fills a queue of events, so that nothing here blocks a user interface.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from server import protocol
from server.client.wires import Wire
from server.discovery import ServerError
from server.events import LAST_EVENTS, PLAIN_EVENTS, Disconnected, Event, PictureArrived, Progress
from server.frames import decode, encode
from server.protocol import Message
from stylecore.errors import ProtocolError, fault


def ending(message: Message) -> ServerError | None:
    """Return the error that ends the whole connection, if the server's message is one."""
    if message.type == "goodbye" or (message.type == "error" and not message.fields["job"]):
        return ServerError(**{name: value for name, value in message.fields.items() if name != "job"})
    return None


class Channel:
    """One connection, until it is closed or lost.

    Args:
        wire: what it runs over; from now on this alone uses it.
        welcome: the frames of the server's first answer, which came over it.
    """

    def __init__(self, wire: Wire, welcome: list[bytes]) -> None:
        #: What the server said of itself last: ``version``, ``pid``, ``device`` and ``memory`` (empty before its first
        #: engine), and ``why`` that is the processor: an error's parts, or nothing.
        self.welcome: dict[str, Any] = {}
        self._wire = wire
        self._changed = threading.Condition()
        self._outbox: deque[list[bytes | memoryview]] = deque()
        self._events: deque[Event] = deque()
        self._replies: deque[Message] = deque()
        #: Answers that nobody has taken yet, by their questions' names: seconds, and whether they are known.
        self.estimates: dict[str, tuple[float, bool]] = {}
        self._open: dict[str, int] = {}  # job → bytes of its pictures
        self._lost: ServerError | None = None
        self._closing = False
        self._receive(welcome)
        self._thread = threading.Thread(target=self._run, name="neural-style-client", daemon=True)
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
        self._wire.wake()

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
            self._wire.wake()
            self._thread.join(2.0)

    def _run(self) -> None:
        """Own the wire: the background thread."""
        heard = turned = time.monotonic()
        beat = heard + protocol.HEARTBEAT_SECONDS
        try:
            while self._lost is None:
                while self._outbox:
                    self._wire.send(self._outbox.popleft())
                if self._closing:
                    break
                self._wire.wait(max(0.0, beat - time.monotonic()))
                over = self._wire.lost  # asked first: the server's last words may have come with the end
                if self._take_in():
                    heard = time.monotonic()
                if over is not None:
                    self._lose(over)
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
            self._wire.close()

    def _take_in(self) -> bool:
        """Receive what has come; return whether anything has."""
        any_came = False
        while (frames := self._wire.receive()) is not None:
            any_came = True
            self._receive(frames)
        return any_came

    def _receive(self, frames: list[bytes]) -> None:
        try:
            message = decode(frames, protocol.SERVER_MESSAGES)
        except ProtocolError as error:
            self._lose(ServerError(*error.fault))
            return
        fields = message.fields
        if (reason := ending(message)) is not None:
            self._lose(reason)
        elif message.type == "picture":
            self._push(PictureArrived(fields["job"], fields["purpose"], message.pictures[0]))
        elif message.type == "estimate":
            self.estimates[fields["job"]] = fields["seconds"], fields["known"]
        elif message.type in PLAIN_EVENTS:
            self._push(PLAIN_EVENTS[message.type](**fields))
        elif message.type == "welcome":  # said again when an engine has told its device
            self.welcome = dict(fields)
        elif message.type != "heartbeat":
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

    def _lose(self, reason: ServerError) -> None:
        """The connection is over: tell every job that was not, or nobody in particular."""
        with self._changed:
            if self._lost is not None:
                return
            self._lost = reason
            self._changed.notify_all()
            jobs = list(self._open) or [""]
        for job in jobs:
            self._push(Disconnected(job, *reason.fault))
