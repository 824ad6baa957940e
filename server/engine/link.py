"""The broker's side of an engine process: its start, its link, its pulse, its end, and why it ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq

from server import protocol
from server.engine import lifeline, transport
from server.engine.authenticator import Authenticator
from server.engine.reports import REPORTS
from server.frames import encode, examine
from server.protocol import Examined, Message
from stylecore import system
from stylecore.errors import Fault, fault


class EngineLink:
    """An engine process that has been started; ``device`` and ``memory`` are known once it is ``ready``.

    It ends with the broker, however that goes (:mod:`server.engine.lifeline`). Its pulse comes by a socket of its own; see
    :mod:`server.engine.heartbeat`.

    Args:
        context: for the sockets.
        authenticator: the context's.
        folder: for the sockets' files and the log; private.
        number: which of the server's engines this is, from 0.
        options: command-line options for the process.
        program: the module that it runs.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(
        self,
        context: zmq.Context[Any],
        authenticator: Authenticator,
        folder: Path,
        number: int,
        options: Sequence[str],
        program: str = "server.engine.process",
    ) -> None:
        self.number = number
        self.ready = False
        self.device = ""
        self.memory: dict[str, Any] = {}
        self.devices = 0  # how many there are of its kind, which other engines could use
        self.started = self.heard = self.idle_since = time.monotonic()
        #: Seconds that its present step has taken, and that it should take; 0 when it has nothing to do.
        self.step, self.expected = 0.0, 0.0
        self.told_slow = False
        self._unsent: deque[Sequence[Any]] = deque()
        self._log = folder / (f"engine-{number}.log" if number else "engine.log")
        self._end = transport.BrokerEnd(context, authenticator, folder, number)
        self.socket, self.pulse = self._end.link, self._end.heartbeat
        try:
            self.process = self._start(program, options)
        except OSError:
            self._end.close()
            raise

    def _start(self, program: str, options: Sequence[str]) -> subprocess.Popen[bytes]:
        package = Path(__file__).resolve().parents[2]
        try:
            handle = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        except OSError:  # the disk is full: paint, if without a log
            handle = os.open(os.devnull, os.O_WRONLY)
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", program, *options],
                stdin=subprocess.PIPE,
                stdout=handle,
                stderr=handle,
                cwd=package,
                creationflags=system.without_window(),
            )
        finally:
            os.close(handle)
        assert process.stdin is not None
        try:
            lifeline.hold(process)
            process.stdin.write(transport.told(self._end.address))
            process.stdin.flush()
        except BrokenPipeError:  # it has ended, which is noticed like any end
            return process
        except OSError:
            process.kill()
            raise
        return process

    def send(self, kind: str, **fields: Any) -> None:
        """Send a message of :data:`server.protocol.CLIENT_MESSAGES`."""
        self.forward(encode(Message(kind, fields), protocol.CLIENT_MESSAGES))

    def forward(self, frames: Sequence[Any]) -> None:
        """Send a client's message as it came, now or as soon as the engine has called.

        To wait for that would be to wait forever for one that has just died.
        """
        self._unsent.append(frames)
        self._send_unsent()

    def _send_unsent(self) -> None:
        with contextlib.suppress(zmq.Again):  # nobody is there
            while self._unsent:
                self.socket.send_multipart(self._unsent[0], zmq.NOBLOCK, copy=False)
                self._unsent.popleft()

    def receive(self) -> tuple[Examined, list[Any]] | None:
        """Return the engine's next report and its frames, or None if there is none now."""
        self._send_unsent()
        try:
            frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        self.heard = time.monotonic()
        views: list[Any] = [frame.buffer for frame in frames]
        return examine(views, REPORTS), views

    def read_heartbeat(self) -> None:
        """Take what came of the pulse."""
        beat = b""
        with contextlib.suppress(zmq.Again):
            while True:
                beat = self.pulse.recv(zmq.NOBLOCK)
        if beat:
            self.heard = time.monotonic()
            self.step, self.expected = (float(word) for word in beat.split())

    def discount_sleep(self, seconds: float) -> None:
        """Leave out of account so many seconds, in which this process did not run and could hear nothing."""
        self.heard += seconds
        self.started += seconds

    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self.process.poll() is None

    def reason(self) -> Fault:
        """Return why the process ended."""
        status = self.process.returncode
        if name := system.crash(status):
            return fault("engine-died:killed") if name == system.KILLED else fault("engine-died:crashed", signal=name)
        try:
            lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            lines = []
        said = f": {lines[-1].strip()[:300]}" if lines else ""
        return fault("engine-died:status", status=status, said=said)

    def end(self) -> None:
        """End the process now and clean up after it."""
        if self.process.poll() is None:
            self.process.kill()  # it holds nothing that needs a farewell
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in a driver: it goes when that lets it
            self.process.wait(2.0)
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        self._end.close()
