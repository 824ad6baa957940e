"""The wire over the bridge (:mod:`server.bridge`), a helper process that speaks ZeroMQ for this one.

Needs the standard library only. A thread reads what comes and another one writes: pipes cannot be polled everywhere.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from server.client.pipe_frames import LOST, MESSAGE, OPEN, READY, Pipe, PipeError, json_frames, read_json
from server.client.wires import Frames, Wanted
from server.discovery import ServerError, module_command, own_environment
from server.protocol import PROTOCOL
from stylecore import system
from stylecore.errors import fault

#: The bridge has this many seconds more to tell that no server could be reached.
_MARGIN_SECONDS = 5.0
#: A bridge that is left has so long to send what is still to be sent; then it is ended.
_LEAVING_SECONDS = 1.5


def open_bridge(command: Sequence[str] | None, wanted: Wanted, hello: Frames) -> tuple[BridgeWire, list[bytes]]:
    """Start a bridge to the wanted server; return the wire over it, and the frames of the server's answer to ``hello``.

    Args:
        command: how the bridge is started; None: by this Python.
        wanted: see :class:`server.client.wires.Wanted`.
        hello: the first message.

    Raises:
        ServerError: there is no way to a server, and why.
    """
    wire = BridgeWire(command)
    try:
        return wire, wire.reach(wanted, hello)
    except BaseException:  # it goes on its way, but no bridge stays that nobody has
        wire.close()
        raise


class BridgeWire:
    """A :class:`server.client.wires.Wire` over a bridge of its own, which is started by ``command``.

    Raises:
        ServerError: ``bridge-failed``; it cannot be started.
    """

    def __init__(self, command: Sequence[str] | None) -> None:
        self.lost: ServerError | None = None
        self._ready = False
        self._woken = False
        self._closing = False
        self._changed = threading.Condition()
        self._inbox: deque[list[bytes]] = deque()
        self._outbox: deque[tuple[bytes, Frames]] = deque()
        self._words = _file_for_words()
        self._process = _start(command, self._words)
        self._sink = cast(io.RawIOBase, self._process.stdin)
        self._pipe = Pipe(cast(io.RawIOBase, self._process.stdout), self._sink)
        self._reader = threading.Thread(target=self._read, name="neural-style-bridge-reader", daemon=True)
        self._writer = threading.Thread(target=self._write, name="neural-style-bridge-writer", daemon=True)
        self._reader.start()
        self._writer.start()

    def reach(self, wanted: Wanted, hello: Frames) -> list[bytes]:
        """Let the bridge find the server and say ``hello`` to it; return the frames of the answer.

        Raises:
            ServerError: there is no answer, and why.
        """
        self._post(OPEN, json_frames({"bridge": PROTOCOL, **wanted.as_json()}))
        self.send(hello)
        with self._changed:
            self._changed.wait_for(lambda: self._inbox or self.lost is not None, wanted.timeout + _MARGIN_SECONDS)
            if self._inbox:
                return self._inbox.popleft()
            raise self.lost or ServerError(
                *fault("bridge-failed", f"it was not ready within {wanted.timeout:.0f} seconds.")
            )

    def send(self, frames: Frames) -> None:
        """Send a message."""
        self._post(MESSAGE, frames)

    def _post(self, kind: bytes, frames: Frames) -> None:
        with self._changed:
            self._outbox.append((kind, frames))
            self._changed.notify_all()

    def receive(self) -> list[bytes] | None:
        """Return the next message that has come, or None."""
        with self._changed:
            return self._inbox.popleft() if self._inbox else None

    def wait(self, seconds: float) -> None:
        """Wait so long at most until there may be something to receive, it is lost, or :meth:`wake` is called."""
        with self._changed:
            self._changed.wait_for(lambda: self._inbox or self._woken or self.lost is not None, seconds)
            self._woken = False

    def wake(self) -> None:
        """End the other thread's :meth:`wait`."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """End the bridge; what is still to be sent has a moment."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        try:
            self._process.wait(_LEAVING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(1.0)
        self._writer.join(1.0)
        if not self._reader.is_alive():
            self._pipe.close()
        if self._words is not None:
            self._words.close()

    def _write(self) -> None:
        """Write what is to be sent, then close the pipe: a background thread."""
        # This EOFError is of a bridge that is gone, which the other thread notices and tells.
        with contextlib.suppress(EOFError), self._sink:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._outbox or self._closing or self.lost is not None)
                    if self.lost is not None or not self._outbox:
                        return
                    kind, frames = self._outbox.popleft()
                self._pipe.write(kind, frames)

    def _read(self) -> None:
        """Take in what the bridge says, until its end: a background thread."""
        lost = None
        try:
            while lost is None:
                kind, frames = self._pipe.read()
                if kind == LOST:
                    parts = read_json(frames)
                    lost = ServerError(parts["code"], parts["sentence"], parts["remedy"], parts["details"])
                with self._changed:
                    self._ready = self._ready or kind == READY
                    if kind == MESSAGE:
                        self._inbox.append(frames)
                    self._changed.notify_all()
        except EOFError:
            lost = self._end(_last_line(self._words) if self._has_ended() else "")
        except (PipeError, LookupError, TypeError) as error:
            lost = self._end(f"it wrote what cannot be understood ({error}).")
        with self._changed:
            self.lost = lost
            self._changed.notify_all()

    def _has_ended(self) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        return self._process.returncode is not None

    def _end(self, said: str) -> ServerError:
        """Return the error of a bridge that ended, or whose pipe did, without a reason; the last words are its."""
        if self._ready:
            return ServerError(*(fault("bridge-died:said", said) if said else fault("bridge-died")))
        status = self._process.returncode
        return ServerError(*fault("bridge-failed", said or f"it ended with status {status} and said nothing."))


def _start(command: Sequence[str] | None, words: IO[bytes] | None) -> subprocess.Popen[bytes]:
    directory: Path | str = os.path.abspath(os.sep)
    if command is None:
        command, directory = module_command("server.bridge")
    try:
        return system.start_apart(  # Ctrl+C in the terminal of GIMP is not for the bridge, which ends with GIMP
            [*command],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if words is None else words,
            cwd=directory,
            env=own_environment(),
        )
    except OSError as error:
        if words is not None:
            words.close()
        raise ServerError(*fault("bridge-failed", f"{error.strerror} ({command[0]}).")) from None


def _file_for_words() -> IO[bytes] | None:
    """Return a file for what the bridge says last if it cannot go on; None on a full disk, which is no reason to fail."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return None


def _last_line(words: IO[bytes] | None) -> str:
    if words is None:
        return ""
    words.seek(0)
    lines = words.read(1 << 20).decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:500] if lines else ""
