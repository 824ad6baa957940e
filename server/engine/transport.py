"""What connects an engine process with its broker: two sockets, one for all that is said, one for the engine's heartbeat.

They are files of the server's folder where ZeroMQ can use such; elsewhere (Windows) ports of this computer, encrypted, with
keys that only these two have. The broker tells the engine by its standard input, which nobody else can read.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zmq

from server.engine.authenticator import Authenticator
from stylecore import system

#: With ``tcp`` for a value, ports are used where files could be.
VARIABLE = "NEURAL_STYLE_ENGINE_LINK"
# A Unix socket's path must fit into sockaddr_un; deeper folders get a private temporary one instead.
_LONGEST_PATH = 85


@dataclass(frozen=True)
class Address:
    """What an engine has to know: where its broker listens, and the keys in Z85 (``''``: not encrypted)."""

    link: str
    heartbeat: str
    broker_key: str = ""
    public_key: str = ""
    secret_key: str = ""


def uses_files() -> bool:
    """Return whether the sockets are files."""
    return bool(zmq.has("ipc")) and os.environ.get(VARIABLE) != "tcp"


def temporary_folder() -> Path:
    """Return where temporary files are.

    Python is not asked: it tries to write a file there, which fails where the disk is full.
    """
    return Path(os.environ.get("TMPDIR") or "/tmp")


class BrokerEnd:
    """The broker's two sockets, ``link`` and ``heartbeat``, and the ``address`` for the engine.

    Args:
        context: for the sockets.
        authenticator: the context's.
        folder: for the sockets' files; private.
        number: which of the server's engines it is for.

    Raises:
        OSError: nothing can listen.
    """

    def __init__(self, context: zmq.Context[Any], authenticator: Authenticator, folder: Path, number: int) -> None:
        self._authenticator = authenticator
        self._paths: list[Path] = []
        self._temporary: Path | None = None
        self._domain = ""
        self.link: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self.link.setsockopt(zmq.SNDHWM, 0)
        self.heartbeat: zmq.Socket[bytes] = context.socket(zmq.PULL)
        for each in self._sockets:
            each.setsockopt(zmq.LINGER, 0)
        try:
            self.address = self._bind_files(folder, number) if uses_files() else self._bind_ports()
        except OSError:  # ZMQError is one
            self.close()
            raise

    @property
    def _sockets(self) -> Sequence[zmq.Socket[bytes]]:
        return self.link, self.heartbeat

    def _bind_files(self, folder: Path, number: int) -> Address:
        self._paths = [folder / f"engine-{os.getpid()}-{number}{part}.socket" for part in ("", "-beat")]
        if len(os.fsencode(self._paths[-1])) > _LONGEST_PATH:
            self._temporary = Path(tempfile.mkdtemp(prefix="neural-style-", dir=temporary_folder()))
            self._paths = [self._temporary / f"{name}.socket" for name in ("engine", "beat")]
        for each, path in zip(self._sockets, self._paths, strict=True):
            try:
                each.bind(f"ipc://{path}")
            except zmq.ZMQError as error:
                raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from None
        link, heartbeat = (f"ipc://{path}" for path in self._paths)
        return Address(link, heartbeat)

    def _bind_ports(self) -> Address:
        (own, own_secret), (public, secret) = zmq.curve_keypair(), zmq.curve_keypair()
        self._domain = f"engine-{secrets.token_hex(8)}"
        self._authenticator.admit(self._domain, lambda key: key == public)
        for each in self._sockets:
            each.curve_server = True
            each.curve_publickey, each.curve_secretkey = own, own_secret
            each.zap_domain = self._domain.encode()
            each.bind("tcp://127.0.0.1:*")
        link, heartbeat = (each.getsockopt_string(zmq.LAST_ENDPOINT) for each in self._sockets)
        return Address(link, heartbeat, own.decode(), public.decode(), secret.decode())

    def close(self) -> None:
        """Listen no more, and leave no files."""
        for each in self._sockets:
            each.close(0)
        self._authenticator.forget(self._domain)
        for path in self._paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


def told(address: Address) -> bytes:
    """Return what the broker writes to an engine's standard input, first of all."""
    return json.dumps(asdict(address)).encode() + b"\n"


def read_address() -> Address:
    """Return what the broker has written to this process's standard input, and take no more of it than that.

    Raises:
        EOFError: the broker is gone.
    """
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            raise EOFError
        line += byte
    return Address(**json.loads(line))


def connect_link(context: zmq.Context[Any], address: Address) -> zmq.Socket[bytes]:
    """Return an engine's socket for all that is said."""
    link = _secured(context.socket(zmq.PAIR), address)
    link.setsockopt(zmq.SNDHWM, 0)
    link.setsockopt(zmq.LINGER, 2000)
    link.connect(address.link)
    return link


def connect_heartbeat(address: Address) -> zmq.Socket[bytes]:
    """Return an engine's socket for its heartbeat, in a context of its own, which nothing waits for at the end."""
    beat = _secured(zmq.Context().socket(zmq.PUSH), address)
    beat.setsockopt(zmq.SNDHWM, 4)  # of a broker that is busy, only the present matters
    beat.setsockopt(zmq.LINGER, 0)
    beat.connect(address.heartbeat)
    return beat


def _secured(connecting: zmq.Socket[bytes], address: Address) -> zmq.Socket[bytes]:
    if address.broker_key:
        connecting.curve_serverkey = address.broker_key.encode()
        connecting.curve_publickey = address.public_key.encode()
        connecting.curve_secretkey = address.secret_key.encode()
    return connecting


def remove_stale_files(folder: Path) -> None:
    """Remove what servers that were killed have left; another one may still finish what it has, with engines of its own."""
    if not uses_files():
        return
    for path in folder.glob("engine-*-*.socket"):
        with contextlib.suppress(OSError):
            if not _answers(path):
                path.unlink()
    for path in temporary_folder().glob("neural-style-*/engine.socket"):  # of deep folders
        with contextlib.suppress(OSError):
            if system.is_ours(path) and not _answers(path):
                shutil.rmtree(path.parent)


def _answers(path: Path) -> bool:
    """Return whether somebody listens at a socket.

    Its file says nothing of that, nor does the number of the process in its name: that may be another process's by now, or
    a dead one's whose parent has not asked for its end.
    """
    if sys.platform == "win32":
        return True  # there are no such files
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(os.fspath(path))
        except ConnectionRefusedError:
            return False
    return True
