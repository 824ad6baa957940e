"""Broker and engine without sockets that are files, as on Windows: encrypted, over ports of this computer."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from server.client.client import Client, Failed, Progress
from server.engine import transport
from server.engine.authenticator import Authenticator
from server.engine.heartbeat import send_beat
from server.engine.link import EngineLink
from stylecore.errors import ProtocolError
from tests.server.conftest import ENDLESS, Server, finishes, quick, submit, until, wait_for

WITHOUT_FILES = {transport.VARIABLE: "tcp"}
_REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_DISCONNECTED


@pytest.fixture(scope="module")
def without_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("ports") / "state", environment=WITHOUT_FILES)
    yield server
    server.end()


@pytest.fixture
def end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[transport.BrokerEnd, zmq.Context[Any]]]:
    """A broker's end of a link, in this process, and a context for the other."""
    monkeypatch.setenv(transport.VARIABLE, "tcp")
    context: zmq.Context[Any] = zmq.Context()
    elsewhere: zmq.Context[Any] = zmq.Context()
    authenticator = Authenticator(context)
    end = transport.BrokerEnd(context, authenticator, tmp_path, 0)
    yield end, elsewhere
    end.close()
    elsewhere.destroy(0)
    authenticator.stop()
    context.destroy(0)


def test_it_paints_and_leaves_no_file(without_files: Server) -> None:
    with without_files.connect() as client:
        finishes(client, quick(client))
    assert not list(without_files.folder.glob("*.socket"))


def test_a_killed_engine_is_told_and_the_next_job_works(without_files: Server) -> None:
    with without_files.connect() as client:
        job = submit(client, settings=ENDLESS)
        wait_for(client, Progress, job=job)
        engine = without_files.engine()
        assert engine is not None
        engine.kill()
        assert next(_failures(client, job)).code == "engine-died"
        finishes(client, quick(client))


def _failures(client: Client, job: str) -> Iterator[Failed]:
    while True:
        event = client.next_event(60)
        assert event is not None
        if isinstance(event, Failed) and event.job == job:
            yield event


@pytest.mark.parametrize("way", ["", "tcp"])
def test_the_broker_does_not_wait_for_an_engine_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv(transport.VARIABLE, way)
    context: zmq.Context[Any] = zmq.Context()
    authenticator = Authenticator(context)
    link = EngineLink(context, authenticator, tmp_path, 0, [], program="this")  # says its say, and ends
    try:
        until(lambda: not link.alive(), 20)
        sending = threading.Thread(target=lambda: link.send("cancel", job="1"), daemon=True)
        sending.start()
        sending.join(10)
        assert not sending.is_alive()
    finally:
        link.end()
        authenticator.stop()
        context.destroy(0)


def test_what_is_sent_before_an_engine_has_called_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(transport.VARIABLE, "")
    context: zmq.Context[Any] = zmq.Context()
    authenticator = Authenticator(context)
    link = EngineLink(context, authenticator, tmp_path, 0, [], program="this")
    engine: zmq.Socket[bytes] | None = None
    try:
        link.forward([b"first"])
        link.forward([b"second"])
        engine = transport.connect_link(context, link._end.address)
        engine.send(b"not a report")
        said: list[bytes] = []
        end = time.monotonic() + 60
        while len(said) < 2 and time.monotonic() < end:
            with contextlib.suppress(ProtocolError):
                link.receive()
            if engine.poll(100):
                said.append(engine.recv())
        assert said == [b"first", b"second"]
    finally:
        if engine is not None:
            engine.close(0)
        link.end()
        authenticator.stop()
        context.destroy(0)


def test_its_engine_ends_with_the_broker(tmp_path: Path) -> None:
    server = Server(tmp_path / "state", environment=WITHOUT_FILES)
    try:
        with server.connect() as client:
            finishes(client, quick(client))
            engine = server.engine()
            assert engine is not None
            server.process.kill()
            until(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE, 60)
    finally:
        server.end()


def test_nobody_but_the_engine_gets_in(end: tuple[transport.BrokerEnd, zmq.Context[Any]]) -> None:
    broker, context = end
    address = broker.address
    assert address.link.startswith("tcp://127.0.0.1:") and address.heartbeat.startswith("tcp://127.0.0.1:")
    for keys in (None, zmq.curve_keypair()):
        for where, kind in ((address.link, zmq.PAIR), (address.heartbeat, zmq.PUSH)):
            stranger = context.socket(kind)
            stranger.setsockopt(zmq.LINGER, 0)
            if keys is not None:  # it knows even the broker's public key, which is told to nobody
                stranger.curve_serverkey = address.broker_key.encode()
                stranger.curve_publickey, stranger.curve_secretkey = keys
            seen = stranger.get_monitor_socket(_REFUSED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
            stranger.connect(where)
            with contextlib.suppress(zmq.Again):  # it may have been refused already
                stranger.send(b"a stranger's", zmq.NOBLOCK)
            assert seen.poll(60_000), "neither let in nor refused"
            assert recv_monitor_message(seen)["event"] != zmq.EVENT_HANDSHAKE_SUCCEEDED
            stranger.disable_monitor()
            stranger.close(0)
    link, beat = transport.connect_link(context, address), transport.connect_heartbeat(address)
    link.send(b"the engine's")
    assert broker.link.poll(60_000) and broker.link.recv() == b"the engine's"
    broker.link.send(b"the broker's")
    assert link.poll(60_000) and link.recv() == b"the broker's"
    send_beat(beat, 1.5, 2.0)
    assert broker.heartbeat.poll(60_000) and broker.heartbeat.recv() == b"1.500 2.000"
    link.close(0)
    beat.context.destroy(0)


def test_keys_are_judged_by_domain_and_after_a_mistake(caplog: pytest.LogCaptureFixture) -> None:
    context: zmq.Context[Any] = zmq.Context()
    authenticator = Authenticator(context)
    public, secret = zmq.curve_keypair()
    asked = threading.Event()

    def mistaken(_key: bytes) -> bool:
        asked.set()
        raise OSError("the disk is gone")

    authenticator.admit("broken", mistaken)
    authenticator.admit("good", lambda key: key == public)
    try:
        for domain, lets_in in (("broken", False), ("unknown", False), ("good", True)):
            server = context.socket(zmq.PULL)
            server.curve_server, server.zap_domain = True, domain.encode()
            server.curve_publickey, server.curve_secretkey = own = zmq.curve_keypair()
            server.bind("tcp://127.0.0.1:*")
            peer = context.socket(zmq.PUSH)
            peer.curve_serverkey, peer.curve_publickey, peer.curve_secretkey = own[0], public, secret
            seen = peer.get_monitor_socket(_REFUSED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
            peer.connect(server.getsockopt_string(zmq.LAST_ENDPOINT))
            assert seen.poll(60_000)
            assert (recv_monitor_message(seen)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED) == lets_in, domain
            peer.disable_monitor()
            peer.close(0)
            server.close(0)
        assert asked.is_set() and "a key cannot be judged" in caplog.text
    finally:
        authenticator.stop()
        context.destroy(0)
