"""The broker's side of an engine process: its start, its link, its end, and why it ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq

from server import protocol
from server.protocol import Message

# A Unix socket's path must fit into sockaddr_un; deeper folders get a private temporary one instead.
_LONGEST_PATH = 90

#: What an engine may report: what the server may say to a client, and how its own start went.
REPORTS: dict[str, dict[str, protocol.Check]] = {
    **protocol.SERVER_MESSAGES,
    "ready": {"device": protocol.SERVER_MESSAGES["welcome"]["device"],
              "memory": protocol.SERVER_MESSAGES["welcome"]["memory"]},
    "failed": protocol.SERVER_MESSAGES["error"],
}


class EngineLink:
    """An engine process that has been started; ``device`` and ``memory`` are known once it is ``ready``.

    The process holds the reading end of a pipe whose other end is here: when the broker is gone, however it went,
    the pipe closes and the engine ends itself.
    """

    def __init__(self, context: zmq.Context[Any], folder: Path, options: Sequence[str]) -> None:
        self.ready = False
        self.device = ""
        self.memory: dict[str, Any] = {}
        self._log = folder / "engine.log"
        self._temporary: Path | None = None
        path = folder / "engine.socket"
        if len(os.fsencode(path)) > _LONGEST_PATH:
            self._temporary = Path(tempfile.mkdtemp(prefix="neural-style-"))
            path = self._temporary / "engine.socket"
        self.socket: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.bind(f"ipc://{path}")
        package = Path(__file__).resolve().parent.parent
        handle = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server.engine_process", "--link", f"ipc://{path}", *options],
                stdin=subprocess.PIPE, stdout=handle, stderr=handle, cwd=package)
        finally:
            os.close(handle)

    def send(self, kind: str, **fields: Any) -> None:
        """Send a message of :data:`server.protocol.CLIENT_MESSAGES`."""
        self.forward(protocol.encode(Message(kind, fields), protocol.CLIENT_MESSAGES))

    def forward(self, frames: Sequence[Any]) -> None:
        """Send a client's message as it came."""
        self.socket.send_multipart(frames, copy=False)

    def receive(self) -> tuple[Message, list[Any]] | None:
        """Return the engine's next report and its frames, or None if there is none now."""
        try:
            frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        views = [frame.buffer for frame in frames]
        return protocol.decode(views, REPORTS), views

    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self.process.poll() is None

    def reason(self) -> str:
        """Return in words why the process ended."""
        status = self.process.returncode
        if status is not None and status < 0:
            try:
                name = signal.Signals(-status).name
            except ValueError:
                name = str(-status)
            if -status == signal.SIGKILL:
                return "the system ended it (SIGKILL), often because memory ran out"
            return f"it crashed ({name})"
        try:
            lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            lines = []
        said = f": {lines[-1].strip()[:300]}" if lines else ""
        return f"it ended with status {status}{said}"

    def end(self) -> None:
        """End the process now and clean up after it."""
        if self.process.poll() is None:
            self.process.kill()  # it holds nothing that needs a farewell
        self.process.wait()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        self.socket.close(0)
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
