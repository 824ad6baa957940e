"""The wire that is ZeroMQ in this process, encrypted with CURVE. Needs the standard library and pyzmq only."""

from __future__ import annotations

import contextlib
import socket

import zmq
from zmq.utils.monitor import recv_monitor_message

from server import protocol
from server.client.wires import Frames
from server.discovery import Connection, ServerError
from stylecore.errors import fault


class SocketWire:
    """A :class:`server.client.wires.Wire` to the server at ``connection``, with this client's ``keys``: public, secret."""

    def __init__(self, connection: Connection, keys: tuple[bytes, bytes]) -> None:
        public, secret = keys
        self.lost: ServerError | None = None
        self._context = zmq.Context(1)
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 200)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.setsockopt(zmq.RCVHWM, 0)
        # Never again in effect. With -1 ZeroMQ throws away what has come and is not received yet: the server's last words.
        self._socket.setsockopt(zmq.RECONNECT_IVL, 3_600_000)
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
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._poller = zmq.Poller()
        for source in (self._socket, self._monitor, self._wake_reader):
            self._poller.register(source, zmq.POLLIN)
        self._socket.connect(connection.address)

    def send(self, frames: Frames) -> None:
        """Send a message."""
        if self.lost is not None:
            return
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
        except zmq.Again:  # its queue has no end, so there is nobody to send to any more
            known = self._monitor.poll(0)
            self._lose(recv_monitor_message(self._monitor)["event"] if known else zmq.EVENT_DISCONNECTED)

    def receive(self) -> list[bytes] | None:
        """Return the next message that has come, or None."""
        return self._socket.recv_multipart() if self._socket.poll(0) else None

    def wait(self, seconds: float) -> None:
        """Wait so long at most until there may be something to receive, it is lost, or :meth:`wake` is called."""
        if self.lost is not None:
            return
        ready = dict(self._poller.poll(max(0, int(seconds * 1000))))
        if self._wake_reader.fileno() in ready:
            self._wake_reader.recv(4096)
        if self._monitor in ready:
            self._lose(recv_monitor_message(self._monitor)["event"])

    def wake(self) -> None:
        """End the other thread's :meth:`wait`."""
        # A full pipe means that the thread has been woken already; a closed one, that it is over.
        with contextlib.suppress(OSError):
            self._wake_writer.send(b"w")

    def close(self) -> None:
        """End the connection; what is still to be sent has a moment."""
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close()
        self._wake_reader.close()
        self._wake_writer.close()
        self._context.term()

    def _lose(self, event: int) -> None:
        if self.lost is None:
            refused = event == zmq.EVENT_HANDSHAKE_FAILED_AUTH
            self.lost = ServerError(*fault("connection-lost:key" if refused else "connection-lost"))
