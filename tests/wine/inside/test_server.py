"""The server on Windows: started by a client, over ports with keys, and its ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import zmq

from server.client import wires
from server.client.client import Cancelled, Client, Failed, Progress
from server.discovery import load_keys, read_connection, server_lives
from server.frames import encode
from server.protocol import CLIENT_MESSAGES, Message
from stylecore import system
from tests.server.conftest import ENDLESS, ROOT, finishes, hello, quick, submit, until, wait_for


@pytest.fixture(params=wires.WIRES)
def wire(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(wires.VARIABLE, request.param)
    yield request.param


def processes_of(folder: Path) -> list[psutil.Process]:
    """The server's process and its engines'."""
    connection = read_connection(folder)
    assert connection is not None
    broker = psutil.Process(connection.pid)
    engines = [child for child in broker.children(recursive=True) if "server.engine.process" in child.cmdline()]
    assert engines
    return [broker, *engines]


def test_a_client_starts_it_another_finds_it_and_it_paints(folder: Path, wire: str) -> None:
    with Client.connect(folder, timeout=120) as first:
        with Client.connect(folder, start=False, timeout=60) as second:
            assert second.welcome["pid"] == first.welcome["pid"]
            finishes(second, quick(second))
        job = submit(first, settings=ENDLESS)
        wait_for(first, Progress, job=job, seconds=120)
        first.cancel(job)
        wait_for(first, Cancelled, job=job)
        finishes(first, quick(first))
        first.shutdown()
    until(lambda: not server_lives(folder), 20)


def test_it_goes_on_when_the_client_that_started_it_has_ended(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from server.client.client import Client; "
        "Client.connect(Path(sys.argv[1]), timeout=120)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True, timeout=180)
    assert server_lives(folder)
    with Client.connect(folder, start=False, timeout=60) as client:
        client.shutdown()


def test_a_stranger_gets_nothing(folder: Path) -> None:
    with Client.connect(folder, timeout=120):
        connection = read_connection(folder)
        assert connection is not None
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        answers = []
        for keys in (zmq.curve_keypair(), load_keys(folder, "client")):
            peer = context.socket(zmq.DEALER)
            peer.curve_serverkey = connection.public_key.encode()
            peer.curve_publickey, peer.curve_secretkey = keys
            peer.connect(connection.address)
            peer.send_multipart(encode(Message("hello", {"client": "x", "version": "1"}), CLIENT_MESSAGES))
            answers.append(bool(peer.poll(5000)))
            peer.close(0)
        context.destroy(0)
    assert answers == [False, True] and hello()


def test_a_killed_engine_is_told(folder: Path, wire: str) -> None:
    with Client.connect(folder, timeout=120) as client:
        job = submit(client, settings=ENDLESS)
        wait_for(client, Progress, job=job, seconds=120)
        for process in processes_of(folder)[1:]:
            process.kill()
        assert wait_for(client, Failed, job=job).code == "engine-died"
        finishes(client, quick(client))


def test_a_killed_server_leaves_no_process(folder: Path, wire: str) -> None:
    with Client.connect(folder, timeout=120) as client:
        job = submit(client, settings=ENDLESS)
        wait_for(client, Progress, job=job, seconds=120)
        broker, *engines = processes_of(folder)
        broker.kill()
        until(lambda: not any(system.lives(process.pid) for process in (broker, *engines)), 10)
    with Client.connect(folder, timeout=120) as client:
        finishes(client, quick(client))


def test_the_command_line_paints_and_ends_it(folder: Path, tmp_path: Path) -> None:
    result = tmp_path / "Größe.png"
    samples = ROOT / "samples"
    style = ["style", str(samples / "content/harbour.jpg"), str(samples / "styles/starlit-oil.jpg"), "-o", str(result)]
    for command in ([*style, "--size", "64", "--iterations", "2"], ["status"], ["server", "stop"]):
        done = subprocess.run(
            [sys.executable, "-m", "server.cli.main", *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=300,
        )
        assert done.returncode == 0, done.stdout
    assert result.stat().st_size > 1000
    assert not server_lives(folder)
