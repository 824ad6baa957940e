"""Who may talk to the server, how one is found and started, and that there is only ever one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import zmq

from server import protocol
from server.client.client import Client, Disconnected, ServerError
from server.client.reaching import reach
from server.client.wires import Wanted
from server.discovery import EXIT_ALREADY_RUNNING, load_keys, read_connection, server_lives
from server.frames import decode, encode
from server.protocol import CLIENT_MESSAGES, SERVER_MESSAGES, Message
from tests.server.conftest import ROOT, Server, dealer, hello, until


def test_only_the_authorised_key_gets_an_answer(server: Server) -> None:
    peers = {
        "right": dealer(server, load_keys(server.folder, "client")),
        "other": dealer(server, zmq.curve_keypair()),
        "none": dealer(server, None),
    }
    try:
        for peer in peers.values():
            with contextlib.suppress(zmq.Again):  # a stranger that is refused already has nobody to send to
                peer.send_multipart(hello(), zmq.NOBLOCK)
        assert peers["right"].poll(5000)
        assert decode(peers["right"].recv_multipart(), SERVER_MESSAGES).type == "welcome"
        assert not peers["other"].poll(700) and not peers["none"].poll(300)
    finally:
        for peer in peers.values():
            peer.close()


def test_a_plain_connection_learns_nothing_and_harms_nothing(server: Server) -> None:
    connection = read_connection(server.folder)
    assert connection is not None
    with socket.create_connection(("127.0.0.1", urlsplit(connection.address).port or 0), timeout=5) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\n\r\n" + os.urandom(4096))
        peer.settimeout(1)
        received = b""
        try:
            while chunk := peer.recv(4096):
                received += chunk
        except (TimeoutError, ConnectionError):
            pass  # closed or silent, either is right
    assert len(received) <= 64 and b"neural" not in received  # at most ZeroMQ's own greeting
    with server.connect() as client:
        assert client.status()["clients"] == 1


def test_bad_messages_are_answered_and_the_server_goes_on(server: Server) -> None:
    peer = dealer(server, load_keys(server.folder, "client"))
    try:
        for frames in (
            [b"x"],
            [protocol.TAG, b"{}"],
            [b"neural-style/9", b"{}"],
            [protocol.TAG, b"[" * 1000, b"", b""],
            [protocol.TAG, b'{"type":"submit","job":"j"}'],
        ):
            peer.send_multipart(frames)
            assert peer.poll(5000)
            answer = decode(peer.recv_multipart(), SERVER_MESSAGES)
            assert answer.type == "error" and answer.fields["sentence"] and answer.fields["remedy"]
        peer.send_multipart(encode(Message("status"), CLIENT_MESSAGES))
        assert peer.poll(5000)  # who has not said hello is not served
        assert decode(peer.recv_multipart(), SERVER_MESSAGES).fields["code"] == "lease-expired"
    finally:
        peer.close()
    with server.connect() as client:
        assert client.status()["clients"] == 1


def test_files_are_private(server: Server) -> None:
    assert server.folder.stat().st_mode & 0o777 == 0o700
    for path in server.folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    secrets = [(server.folder / "keys" / f"{name}.key_secret").read_text() for name in ("client", "server")]
    keys = [line.split('"')[1] for text in secrets for line in text.splitlines() if '-key = "' in line]
    assert len(keys) == 4 and not any(key in server.log() for key in keys)


@pytest.mark.parametrize("part", ["", "keys", "keys/client.key_secret", "keys/server.key_secret"])
def test_keys_that_others_could_read_are_refused(tmp_path: Path, part: str) -> None:
    server = Server(tmp_path / "a folder")
    server.end()
    (server.folder / part).chmod(0o755)
    with pytest.raises(ServerError) as caught:
        Client.connect(server.folder, timeout=60)
    assert "chmod -R go-rwx" in str(caught.value) and str(server.folder) in str(caught.value)
    assert not server_lives(server.folder)


def test_one_server_a_folder(server: Server) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "server", "--folder", str(server.folder)],
        cwd=ROOT,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert second.returncode == EXIT_ALREADY_RUNNING and "already running" in second.stderr
    with server.connect() as client:
        assert client.welcome["pid"] == server.process.pid


def test_a_server_is_started_on_demand_once_for_all(folder: Path) -> None:
    with pytest.raises(ServerError) as caught:
        Client.connect(folder, start=False)
    assert caught.value.code == "server-absent"
    clients: list[Client] = []
    threads = [threading.Thread(target=lambda: clients.append(Client.connect(folder, timeout=60))) for _ in range(3)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(clients) == 3 and len({client.welcome["pid"] for client in clients}) == 1
    assert time.monotonic() - begin < 30
    for client in clients:
        client.close()


def test_the_server_sees_nothing_of_gimp_s_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/gimp/lib")
    monkeypatch.setenv("PYTHONPATH", "/gimp/python")
    with Client.connect(folder, timeout=60) as client:
        environment = Path(f"/proc/{client.welcome['pid']}/environ").read_bytes()
        assert b"/gimp/" not in environment
        assert b"libtorch" not in Path(f"/proc/{client.welcome['pid']}/maps").read_bytes()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/no/such/python"], "No such file"),
        ([sys.executable, "-c", "import no_such_module"], "no_such_module"),
        ([sys.executable, "-c", "raise SystemExit(3)"], "status 3"),
    ],
)
def test_a_server_that_cannot_start_says_why(folder: Path, command: list[str], said: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ServerError, match=said) as caught:
        Client.connect(folder, server_command=command, timeout=60)
    assert caught.value.code == "server-start-failed" and caught.value.remedy
    assert time.monotonic() - begin < 30


def test_a_server_that_never_gets_ready_is_not_waited_for_for_ever(folder: Path) -> None:
    with pytest.raises(ServerError) as caught:
        Client.connect(folder, server_command=["sleep", "3"], timeout=1)
    assert caught.value.code == "server-start-failed"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError) as caught:
        Client.connect(tmp_path / "file" / "state")
    assert caught.value.code == "folder-unusable"
    assert str(tmp_path / "file") in caught.value.sentence and "Errno" not in caught.value.sentence


def test_a_stale_connection_file_is_taken_over(folder: Path) -> None:
    server = Server(folder)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    stale = json.loads((folder / "connection.json").read_text())
    with Client.connect(folder, timeout=60) as client:
        assert client.welcome["pid"] != stale["pid"]
    server.end()


def test_a_server_that_does_not_answer_is_told(server: Server) -> None:
    server.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ServerError) as caught:
            Client.connect(server.folder, timeout=1)
        assert caught.value.code == "server-silent"
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_sigterm_ends_it_cleanly(server: Server) -> None:
    with server.connect() as client:
        server.process.send_signal(signal.SIGTERM)
        event = client.next_event(60)
        assert isinstance(event, Disconnected) and "stopped" in event.sentence
        with pytest.raises(ServerError):
            client.status()
    assert server.process.wait(60) == 0
    assert not (server.folder / "connection.json").exists() and not server_lives(server.folder)


def test_the_last_words_of_a_server_can_be_received_when_it_is_gone(server: Server) -> None:
    wanted = Wanted(server.folder, None, None, False, 60.0)
    wire, welcome = reach(wanted, hello())
    try:
        assert decode(welcome, SERVER_MESSAGES).type == "welcome"
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
        until(lambda: wire.wait(0.1) or wire.lost, 60)
        frames = wire.receive()
        assert frames is not None and decode(frames, SERVER_MESSAGES).type == "goodbye"
        assert wire.receive() is None
    finally:
        wire.close()


def test_an_idle_server_ends_itself(tmp_path: Path) -> None:
    server = Server(tmp_path / "state", "--server-idle", "1")
    with server.connect():
        time.sleep(1.5)
        assert server.process.poll() is None  # not while someone is there
    until(lambda: server.process.poll() is not None, 60)
    server.end()
