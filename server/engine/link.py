"""The broker's side of an engine process: its start, its link, its pulse, its end, and why it ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq

from server import protocol
from server.engine.reports import REPORTS
from server.frames import encode, examine
from server.protocol import Examined, Message
from stylecore.errors import Fault, fault

# A Unix socket's path must fit into sockaddr_un; deeper folders get a private temporary one instead.
_LONGEST_PATH = 90


def temporary_folder() -> Path:
    """Return where temporary files are.

    Python is not asked: it tries to write a file there, which fails where the disk is full.
    """
    return Path(os.environ.get("TMPDIR") or "/tmp")


class EngineLink:
    """An engine process that has been started; ``device`` and ``memory`` are known once it is ``ready``.

    The process holds the reading end of a pipe whose other end is here: when the broker is gone, however it went,
    the pipe closes and the engine ends itself. Its pulse comes by another pipe; see :mod:`server.engine.heartbeat`.

    Args:
        context: for the socket.
        folder: for the socket's file and the log; private.
        number: which of the server's engines this is, from 0.
        options: command-line options for the process.
        program: the module that it runs.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(
        self,
        context: zmq.Context[Any],
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
        self._log = folder / (f"engine-{number}.log" if number else "engine.log")
        self._temporary: Path | None = None
        self._path = path = folder / f"engine-{os.getpid()}-{number}.socket"
        if len(os.fsencode(path)) > _LONGEST_PATH:
            self._temporary = Path(tempfile.mkdtemp(prefix="neural-style-", dir=temporary_folder()))
            self._path = path = self._temporary / "engine.socket"
        self.socket: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.pulse, far_end = os.pipe()
        os.set_blocking(self.pulse, False)
        self._pulse_rest = b""
        try:
            try:
                self.socket.bind(f"ipc://{path}")
            except zmq.ZMQError as error:
                raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from None
            self.process = self._start(program, far_end, f"ipc://{path}", options)
        except OSError:
            self._let_go()
            raise
        finally:
            os.close(far_end)

    def _start(self, program: str, pulse: int, address: str, options: Sequence[str]) -> subprocess.Popen[bytes]:
        package = Path(__file__).resolve().parents[2]
        try:
            handle = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        except OSError:  # the disk is full: paint, if without a log
            handle = os.open(os.devnull, os.O_WRONLY)
        try:
            return subprocess.Popen(
                [sys.executable, "-m", program, "--link", address, "--pulse", str(pulse), *options],
                stdin=subprocess.PIPE,
                stdout=handle,
                stderr=handle,
                cwd=package,
                pass_fds=(pulse,),
            )
        finally:
            os.close(handle)

    def send(self, kind: str, **fields: Any) -> None:
        """Send a message of :data:`server.protocol.CLIENT_MESSAGES`."""
        self.forward(encode(Message(kind, fields), protocol.CLIENT_MESSAGES))

    def forward(self, frames: Sequence[Any]) -> None:
        """Send a client's message as it came."""
        self.socket.send_multipart(frames, copy=False)

    def receive(self) -> tuple[Examined, list[Any]] | None:
        """Return the engine's next report and its frames, or None if there is none now."""
        try:
            frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        self.heard = time.monotonic()
        views: list[Any] = [frame.buffer for frame in frames]
        return examine(views, REPORTS), views

    def read_heartbeat(self) -> None:
        """Take what came of the pulse."""
        try:
            text = self._pulse_rest + os.read(self.pulse, 65536)
        except BlockingIOError:
            return
        *lines, self._pulse_rest = text.split(b"\n")
        if lines:
            self.heard = time.monotonic()
            self.step, self.expected = (float(word) for word in lines[-1].split())

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
        if status is not None and status < 0:
            try:
                name = signal.Signals(-status).name
            except ValueError:
                name = str(-status)
            if -status == signal.SIGKILL:
                return fault("engine-died:killed")
            return fault("engine-died:crashed", signal=name)
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
        self._let_go()

    def _let_go(self) -> None:
        self.socket.close(0)
        os.close(self.pulse)
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
