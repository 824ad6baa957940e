"""Servers of the tests' own, each with a folder of its own; a test ends only what it started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
import pytest
import zmq

from server import protocol
from server.client.client import Cancelled, Client, Disconnected, Event, Failed, Finished, PictureArrived
from server.discovery import read_connection, server_lives
from server.frames import encode
from server.protocol import CLIENT_MESSAGES, Message, Picture
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from tests.device import name as device_name

ROOT = Path(__file__).resolve().parents[2]
#: What servers of the tests paint on.
DEVICE = device_name()
LAST = (Finished, Failed, Cancelled, Disconnected)
E = TypeVar("E", bound=Event)


def picture(side: int = 64, *, channels: int = 3, kind: str = "u8", seed: int = 0, height: int | None = None) -> Picture:
    """A picture with something to see: soft stripes and a little noise."""
    height = side if height is None else height
    y, x, c = np.ogrid[:height, :side, :channels]
    noise = np.random.default_rng(seed).integers(40, size=(height, side, channels))
    values = np.where(c < 3, ((x * (3 + seed) + y * 5 + c * 40) % 200 + noise) / 255, 1.0)
    samples = {
        "u8": (values * 255).round().astype(np.uint8),
        "u16": (values * 65535).round().astype(np.uint16),
        "f32": values.astype(np.float32),
    }[kind]
    return Picture(side, height, channels, kind, samples.tobytes())


def submit(client: Client, **more: Any) -> str:
    """A small job, with what else a request or ``Client.submit`` takes.

    :data:`ENDLESS` settings make it a larger one, that does not end before a test does.
    """
    settings = {"quality": "draft", "precision": "float32", **more.pop("settings", {})}
    endless = settings.get("iterations") == ENDLESS["iterations"]
    content = more.pop("content", None) or picture(160 if endless else 64)
    also = {name: more.pop(name) for name in ("mask", "start", "anew", "strength_map") if name in more}
    styles = more.pop("styles", None) or [Style(picture(seed=7))]
    return client.submit(PaintRequest(content, styles, Settings(**settings), **also), **more)


ENDLESS = {"iterations": 2000, "total_variation": 0.0}
#: Settings of a job that waits for its turn; one of few steps goes ahead of a long one.
PATIENT = {"quality": "best", "iterations": 10}


def wait_for(client: Client, kind: type[E] | tuple[type[E], ...], seconds: float = 60.0, job: str | None = None) -> E:
    """The next event of this kind, or one of these (of this job); fails the test if the job ends without it."""
    deadline = time.monotonic() + seconds
    seen = []
    while time.monotonic() < deadline:
        event = client.next_event(0.2)
        if event is None or (job is not None and event.job != job):
            continue
        seen.append(event)
        if isinstance(event, kind):
            return event
        assert not isinstance(event, LAST), f"{event} came before a {kind}"
    raise AssertionError(f"no {kind} within {seconds} s; seen: {seen[-5:]}")


def until(condition: Callable[[], Any], seconds: float) -> float:
    """Wait until the condition holds; returns how long it took."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() < begin + seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - begin


class Server:
    """A server process with a folder of its own."""

    def __init__(
        self, folder: Path, *options: str, environment: Mapping[str, str] | None = None, device: str | None = None
    ) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "server", "--folder", str(folder), "--threads", "1"),
                *("--device", device or DEVICE, "--auto", *options),
            ],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        until(lambda: (folder / "connection.json").exists() or self.process.poll() is not None, 60)

    def connect(self, name: str = "test") -> Client:
        return Client.connect(self.folder, start=False, timeout=60, client_name=name)

    def engine(self) -> psutil.Process | None:
        children = psutil.Process(self.process.pid).children()
        return children[0] if children else None

    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        if self.process.stderr is not None:
            self.process.stderr.close()


def hello() -> list[bytes | memoryview]:
    return encode(Message("hello", {"client": "stranger", "version": protocol.VERSION}), CLIENT_MESSAGES)


def dealer(server: Server, keys: tuple[bytes, bytes] | None) -> zmq.Socket[bytes]:
    """A bare socket connected to the server, for saying what no client says."""
    connection = read_connection(server.folder)
    assert connection is not None
    peer = zmq.Context.instance().socket(zmq.DEALER)
    peer.setsockopt(zmq.LINGER, 0)
    if keys is not None:
        peer.curve_serverkey = connection.public_key.encode()
        peer.curve_publickey, peer.curve_secretkey = keys
    peer.connect(connection.address)
    return peer


@pytest.fixture(scope="session", autouse=True)
def users_own_folder_left_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What engines keep for each other goes into a folder of the tests', not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NEURAL_STYLE_FOLDER", raising=False)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("xdg")))
        yield


@pytest.fixture(scope="package", autouse=True)
def thin_everywhere(thin_weights: Path) -> Iterator[None]:
    """Let every process that these tests start paint with a network of few channels (:mod:`tests.thin_network`)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURAL_STYLE_WEIGHTS", str(thin_weights))
        yield


@pytest.fixture(scope="package", autouse=True)
def one_thread_here() -> Iterator[None]:
    """Let what paints in this process do it on one thread, as the tests' servers do."""
    with pytest.MonkeyPatch.context() as patch:
        core = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        patch.setattr(os, "sched_getaffinity", lambda _process: {core}, raising=False)
        yield


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test."""
    server = Server(tmp_path / "state")
    yield server
    server.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for a module, so that its engine loads once."""
    server = Server(tmp_path_factory.mktemp("shared") / "state")
    yield server
    server.end()


@pytest.fixture
def client(shared: Server) -> Iterator[Client]:
    """A client of the module's server."""
    with shared.connect() as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which a client may start a server; the one that it started is ended."""
    folder = tmp_path / "state"
    yield folder

    def ended() -> bool:
        # One that several clients started at once may have waited for its turn, and takes it now.
        with contextlib.suppress(ProcessLookupError, FileNotFoundError, json.JSONDecodeError):
            os.kill(json.loads((folder / "connection.json").read_text())["pid"], signal.SIGTERM)
        return not server_lives(folder)

    if server_lives(folder):
        until(ended, 60)


#: Servers with this environment have the faults that tests/server/faults brings on.
FAULTS = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent / "faults"), str(ROOT)])}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("faults") / "state", "--hung", "5", environment=FAULTS)
    yield server
    server.end()


def quick(client: Client) -> str:
    return submit(client, content=picture(32), settings={"iterations": 2}, previews=False)


def finishes(client: Client, job: str) -> None:
    assert wait_for(client, PictureArrived, job=job).kind == "final"
    wait_for(client, Finished, job=job)


#: A client program that says when its job paints, and why it ends.
PAINTER = """
import sys, time
from pathlib import Path
from server.client.client import Client, Disconnected, Failed, Progress
from tests.server.conftest import ENDLESS, submit
client = Client.connect(Path(sys.argv[1]), start=False)
submit(client, settings=ENDLESS)
told = False
while True:
    event = client.next_event(1)
    if isinstance(event, Progress) and not told:
        told = print("painting", flush=True) is None
    elif isinstance(event, (Disconnected, Failed)):
        sys.exit(f"{event.sentence} {event.remedy}")
"""
