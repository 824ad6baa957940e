"""``python -m server.bridge``: the helper process of a client whose Python cannot load pyzmq, as GIMP's own often cannot.

It is connected to the client by its standard input and output (:mod:`server.client.pipe_frames`), finds or starts the
server, has the keys, and passes messages on as they are: the client's heartbeats, too, so that the server sees a client
that hangs. The end of file at one side ends the bridge, and so the other side.

Everything is imported before the first byte is read: on Windows an import can wait for ever while another thread reads a
pipe that is the standard input. Needs the standard library and pyzmq only.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import time
from collections import deque

import zmq.auth.certs  # noqa: F401  (used later, by server.discovery)

from server.client.pipe_frames import LOST, MESSAGE, OPEN, READY, Pipe, PipeError, json_frames, read_json
from server.client.reaching import reach
from server.client.socket_wire import SocketWire
from server.client.wires import Wanted
from server.discovery import ServerError
from server.protocol import PROTOCOL
from stylecore.errors import StyleError, fault

#: What the client said last has so long to be sent when it has left.
_LEAVING_SECONDS = 0.7


class Bridge:
    """Passes on what one client and one server say to each other, until either is gone."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._inbox: deque[list[bytes]] = deque()
        self._wire: SocketWire | None = None
        self._left = False  # the client has closed its end

    def run(self) -> None:
        """Serve the client; the reason of an end that it did not wish is told to it."""
        try:
            self._pipe.write(READY)
            self._connect()
        except EOFError:  # the client is gone
            return
        except StyleError as error:
            self._tell(error)
        except PipeError as error:
            self._tell(ServerError(*fault("internal-error", f"the bridge was sent {error}")))
        except Exception as error:  # the last chance to tell anyone
            self._tell(ServerError(*fault("internal-error", f"{type(error).__name__}: {error}")))

    def _connect(self) -> None:
        kind, frames = self._pipe.read()
        if kind != OPEN:
            raise PipeError(f"a message of kind {kind!r} first")
        opening = read_json(frames)
        if opening.get("bridge") != PROTOCOL:
            raise ServerError(*fault("version-mismatch", f"protocols {opening.get('bridge')} and {PROTOCOL}"))
        wanted = Wanted.from_json(opening)
        kind, hello = self._pipe.read()
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        self._wire, welcome = reach(wanted, hello)
        try:
            self._pipe.write(MESSAGE, welcome)
            self._relay(self._wire)
        finally:
            self._wire.close()

    def _relay(self, wire: SocketWire) -> None:
        """Pass messages on, until the client has left; raises what ended the connection to the server."""
        while True:
            while self._inbox:
                wire.send(self._inbox.popleft())
            if self._left and not self._inbox:
                return
            wire.wait(60.0)
            over = wire.lost  # asked first: the server's last words may have come with the end
            while (frames := wire.receive()) is not None:
                self._pipe.write(MESSAGE, frames)
            if over is not None:
                raise over

    def _read(self) -> None:
        """Take in what the client says: a background thread, which ends the process when the client has gone."""
        with contextlib.suppress(EOFError, PipeError):
            while True:
                _, frames = self._pipe.read()
                self._inbox.append(frames)
                self._wake()
        self._left = True
        self._wake()
        if self._wire is not None:
            time.sleep(_LEAVING_SECONDS)  # the other thread ends the process sooner, unless it cannot
        os._exit(0)

    def _wake(self) -> None:
        if self._wire is not None:
            self._wire.wake()

    def _tell(self, error: StyleError) -> None:
        code, sentence, remedy, details = error.fault
        parts = {"code": code, "sentence": sentence, "remedy": remedy, "details": dict(details)}
        with contextlib.suppress(EOFError):
            self._pipe.write(LOST, json_frames(parts))


def main() -> None:
    """Entry of ``python -m server.bridge``: serve the client at the standard input and output, then end the process."""
    # What anything else prints must not get between the messages, and no program started from here may hold the pipes.
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    Bridge(Pipe(io.FileIO(source, "r"), io.FileIO(sink, "w"))).run()
    os._exit(0)  # the thread that waits for the client cannot be ended


if __name__ == "__main__":
    main()
