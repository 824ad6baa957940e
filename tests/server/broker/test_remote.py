"""Clients on other computers, strangers, and other users of this one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import zmq

from server import protocol
from server.broker.addresses import listening_address, split_address
from server.cli import main
from server.client.client import Client, Finished, ServerError
from server.discovery import read_connection
from server.frames import decode
from server.protocol import SERVER_MESSAGES
from tests.server.conftest import ROOT, Server, dealer, hello, picture, submit, until, wait_for

#: How a ZMTP 3.0 connection begins that wants CURVE, and one that wants nothing.
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00"
CURVE, NULL = (GREETING + name.ljust(20, b"\0") + bytes(32) for name in (b"CURVE", b"NULL"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server that listens at every address of this computer, and the connection file of a client elsewhere."""
    place = tmp_path_factory.mktemp("remote")
    file, port = place / "studio pc.json", free_port()
    assert (
        main.main(
            ["server", "export-client", str(file), "--address", f"127.0.0.1:{port}", "--folder", str(place / "state")]
        )
        == 0
    )
    server = Server(place / "state", "--listen", f"0.0.0.0:{port}")
    yield server, file
    server.end()


def test_an_exported_file_is_all_that_a_client_elsewhere_needs(remote: tuple[Server, Path], tmp_path: Path) -> None:
    server, file = remote
    assert file.stat().st_mode & 0o777 == 0o600
    with Client.connect(tmp_path / "no server here", connection_file=file) as client:
        assert client.welcome["pid"] == server.process.pid
        submit(client, content=picture(32), settings={"iterations": 2})
        wait_for(client, Finished)
        assert client.status()["listens_at"].startswith("tcp://0.0.0.0:")
    assert not (tmp_path / "no server here").exists()


def test_the_command_line_and_the_environment_take_it(remote: tuple[Server, Path]) -> None:
    server, file = remote
    for options, variable in ((["--connection", str(file)], {}), ([], {"NEURAL_STYLE_CONNECTION": str(file)})):
        done = subprocess.run(
            [sys.executable, "-m", "server.cli.main", "status", *options],
            cwd=ROOT,
            timeout=60,
            capture_output=True,
            text=True,
            env={**os.environ, **variable},
        )
        assert f"process {server.process.pid}," in done.stdout, done.stderr


def test_a_key_that_was_taken_back_opens_nothing(remote: tuple[Server, Path], tmp_path: Path) -> None:
    server, first = remote
    address = json.loads(first.read_text())["address"]
    file = tmp_path / "guest.json"
    assert main.main(["server", "export-client", str(file), "--address", address, "--folder", str(server.folder)]) == 0
    with Client.connect(connection_file=file) as client:  # while the server runs
        assert client.status()
    (server.folder / "keys" / "authorised" / "guest.key").unlink()
    with pytest.raises(ServerError) as caught:
        Client.connect(connection_file=file, timeout=30)
    assert "does not know this program's key" in str(caught.value) and caught.value.remedy


@pytest.mark.parametrize("harm", ["loose", "absent", "garbage", "cut"])
def test_a_connection_file_that_cannot_be_used_says_why(remote: tuple[Server, Path], tmp_path: Path, harm: str) -> None:
    file = tmp_path / "file.json"
    if harm != "absent":
        file.write_bytes(remote[1].read_bytes())
        file.chmod(0o644 if harm == "loose" else 0o600)
    if harm == "garbage":
        file.write_bytes(b"\xff\x00")
    elif harm == "cut":
        file.write_text(json.dumps({"address": "tcp://127.0.0.1:1"}))
    with pytest.raises(ServerError) as caught:
        Client.connect(connection_file=file)
    assert caught.value.code == ("keys-unsafe" if harm == "loose" else "bad-connection-file")
    assert str(file) in str(caught.value) and caught.value.remedy


def test_nobody_listens_beyond_this_computer_without_a_key_to_give(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "--folder", str(tmp_path / "state"), "--listen", "0.0.0.0:0"],
        cwd=ROOT,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "export-client" in done.stderr


@pytest.mark.parametrize("address", ["no such host.invalid:1", "127.0.0.1:99999", "127.0.0.1:x", ":5", "203.0.113.1:5"])
def test_an_address_that_cannot_be_used_says_so(tmp_path: Path, address: str) -> None:
    state = tmp_path / "state"
    main.main(["server", "export-client", str(tmp_path / "f.json"), "--address", "a:1", "--folder", str(state)])
    done = subprocess.run(
        [sys.executable, "-m", "server", "--folder", str(state), "--listen", address],
        cwd=ROOT,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "address" in done.stderr and "Name one like" in done.stderr


def test_addresses_as_people_write_them() -> None:
    assert split_address("tcp://gpu.example:7860") == ("gpu.example", 7860)
    assert split_address("[::1]:7860") == ("::1", 7860) and split_address("::1") == ("::1", 0)
    assert listening_address("127.0.0.1") == ("127.0.0.1", 0)


# Strangers.


def reach(server: Server) -> socket.socket:
    connection = read_connection(server.folder)
    assert connection is not None
    return socket.create_connection(("127.0.0.1", urlsplit(connection.address).port or 0), timeout=5)


def heard_from(peer: socket.socket, seconds: float) -> bytes:
    """What the server says until it hangs up or the time is over."""
    received, deadline = b"", time.monotonic() + seconds
    try:
        while (left := deadline - time.monotonic()) > 0:
            peer.settimeout(left)
            if not (chunk := peer.recv(4096)):
                break
            received += chunk
    except (TimeoutError, ConnectionError):
        pass  # silent or closed, either is right
    return received


@pytest.mark.parametrize("kind", ["plain", "no key", "wrong key"])
def test_a_stranger_gets_no_answer_and_one_line_in_the_log(tmp_path: Path, kind: str) -> None:
    server = Server(tmp_path / "state")
    try:
        with server.connect() as client:
            assert client.status()["clients"] == 1  # somebody who may is not in the log
        broker = psutil.Process(server.process.pid)
        memory = broker.memory_info().rss
        if kind == "plain":
            with reach(server) as peer:
                peer.sendall(b"GET / HTTP/1.1\r\n\r\n" + os.urandom(4096))
                received = heard_from(peer, 1)
                assert len(received) <= 64 and protocol.VERSION.encode() not in received  # ZeroMQ's greeting at most
        else:
            stranger = dealer(server, zmq.curve_keypair() if kind == "wrong key" else None)
            stranger.setsockopt(zmq.SNDTIMEO, 0)
            with contextlib.suppress(zmq.Again):  # its own queue is full
                for _ in range(2000):
                    stranger.send_multipart(hello())
            assert not stranger.poll(1000)
            stranger.close()
        until(lambda: "no authorised key" in server.log(), 60)
        time.sleep(0.5)
        assert server.log().count("no authorised key") == 1
        assert broker.memory_info().rss < memory + 3_000_000
    finally:
        server.end()


def test_strangers_cannot_make_the_server_hold_much(server: Server) -> None:
    """Half a frame of a claimed gigabyte, and many connections that send as much as they can before the handshake."""
    broker = psutil.Process(server.process.pid)
    before = broker.memory_info().rss
    giant = CURVE + b"\x06" + struct.pack(">Q", 1 << 30)
    large = CURVE + b"\x06" + struct.pack(">Q", protocol.FRAME_BYTES)
    peers = [reach(server) for _ in range(21)]
    try:
        for peer, text in zip(peers, [giant] + [large] * 20, strict=True):
            peer.settimeout(1)
            try:
                peer.sendall(text)
                for _ in range(64):
                    peer.sendall(bytes(1 << 20))
            except (TimeoutError, ConnectionError):
                pass  # dropped or not read any more, either is right
        assert broker.memory_info().rss < before + 40_000_000
        until(lambda: all(heard_from(peer, 0.1) is not None and closed(peer) for peer in peers), 60)
    finally:
        for peer in peers:
            peer.close()
    with server.connect() as client:
        assert client.status()["clients"] == 1


def closed(peer: socket.socket) -> bool:
    peer.settimeout(0.05)
    try:
        return peer.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_this_computer_gets_nothing() -> None:
    place = Path(tempfile.mkdtemp(prefix="neural-style-test-"))
    place.chmod(0o755)  # the server's folder is the only barrier
    server = Server(place / "state")
    folder = server.folder
    port = urlsplit(json.loads((folder / "connection.json").read_text())["address"]).port
    program = f"""
import encodings.idna, os, socket
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for path in {[str(folder), str(folder / "keys"), str(folder / "connection.json"), str(folder / "server.log")]}:
    try:
        print(os.listdir(path) if os.path.isdir(path) else open(path).read())
    except OSError as error:
        print(type(error).__name__)
peer = socket.create_connection(("127.0.0.1", {port}))
peer.sendall({NULL!r})
peer.settimeout(1.5)
received = b""
try:
    while chunk := peer.recv(4096):
        received += chunk
except (TimeoutError, ConnectionError):
    pass
print(b"neural" in received or b"{protocol.VERSION}" in received)
"""
    try:
        done = subprocess.run([sys.executable, "-c", program], cwd="/", timeout=60, capture_output=True, text=True)
        assert done.stdout.split() == ["PermissionError"] * 4 + ["False"], done
    finally:
        server.end()
        shutil.rmtree(place)


def test_the_server_s_answer_to_a_friend_is_what_strangers_lack(server: Server) -> None:
    from server.discovery import load_keys

    peer = dealer(server, load_keys(server.folder, "client"))
    try:
        peer.send_multipart(hello())
        assert peer.poll(5000)
        assert decode(peer.recv_multipart(), SERVER_MESSAGES).fields["version"] == protocol.VERSION
    finally:
        peer.close()
