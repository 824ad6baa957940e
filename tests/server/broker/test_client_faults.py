"""Clients that misbehave: the one that does is told or dropped, the others notice nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import zmq

from server import protocol
from server.client.client import Accepted, Cancelled, Failed
from server.discovery import load_keys
from server.frames import decode, encode
from server.protocol import CLIENT_MESSAGES, SERVER_MESSAGES, TAG, Message
from tests.server.conftest import (
    ENDLESS,
    PAINTER,
    PATIENT,
    ROOT,
    Server,
    dealer,
    finishes,
    hello,
    picture,
    quick,
    submit,
    until,
    wait_for,
)


def test_a_client_that_pauses_loses_its_job_and_is_told_when_it_wakes(faulty: Server) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", PAINTER, str(faulty.folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stderr is not None
    try:
        assert child.stdout.readline() == "painting\n"
        child.send_signal(signal.SIGSTOP)
        with faulty.connect("other") as other:
            finishes(other, submit(other, settings=PATIENT, previews=False))  # waits for the lease to end, no longer
            assert not other.status()["jobs"]
        child.send_signal(signal.SIGCONT)
        said = child.stderr.readline()
        assert "heard nothing" in said and "Try again" in said
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def submission() -> list[bytes | memoryview]:
    fields = {
        "job": "bad",
        "weights": [1.0],
        "guided": False,
        "settings": {},
        "until": "full",
        "previews": True,
        "preview_every": 1.0,
    }
    return encode(Message("submit", fields, (picture(32), picture(32))), CLIENT_MESSAGES)


def header(text: bytes) -> list[bytes | memoryview]:
    frames = submission()
    return [frames[0], text, *frames[2:]]


MISBEHAVIOUR: dict[str, tuple[list[bytes | memoryview], str]] = {
    "garbage": ([os.urandom(5000), os.urandom(70_000), b""], "bad-message"),
    "an older protocol": ([b"neural-style/0", *submission()[1:]], "version-mismatch"),
    "a newer protocol": ([b"neural-style/2", *submission()[1:]], "version-mismatch"),
    "a giant header": (header(b'{"type":"submit","job":"' + b"x" * 900_000 + b'"}'), "bad-message"),
    "a deep header": (header(b"[" * 60_000), "bad-message"),
    "a picture cut short": ([*submission()[:-1], b"short"], "bad-picture"),
    "a picture too long": ([*submission()[:-1], bytes(32 * 32 * 3 + 1)], "bad-picture"),
    "a picture left out": (submission()[:-1], "bad-message"),
    "a picture of 10^12 pixels": (header(b'{"type":"submit","pictures":[[1000000,1000000,3,"u8"]]}'), "picture-too-large"),
    "many parts": ([*submission(), *[b"x"] * 5000], "bad-message"),
}


@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_a_client_that_sends(faulty: Server, what: str) -> None:
    frames, code = MISBEHAVIOUR[what]
    peer = dealer(faulty, load_keys(faulty.folder, "client"))
    try:
        peer.send_multipart(hello())
        assert peer.poll(60_000) and decode(peer.recv_multipart(), SERVER_MESSAGES).type == "welcome"
        peer.send_multipart(frames)
        assert peer.poll(60_000)
        answer = decode(peer.recv_multipart(), SERVER_MESSAGES)
        assert answer.fields["code"] == code and answer.fields["remedy"]
        peer.send_multipart(encode(Message("status"), CLIENT_MESSAGES))  # the connection is as good as before
        assert peer.poll(60_000) and decode(peer.recv_multipart(), SERVER_MESSAGES).type == "status"
    finally:
        peer.close()


def test_after_all_that_the_server_paints(faulty: Server) -> None:
    with faulty.connect() as client:
        finishes(client, quick(client))


def test_a_frame_over_the_limit_drops_who_sent_it(faulty: Server) -> None:
    peer = dealer(faulty, load_keys(faulty.folder, "client"))
    before = psutil.Process(faulty.process.pid).memory_info().rss
    try:
        peer.send_multipart(hello())
        assert peer.poll(60_000) and peer.recv_multipart()
        peer.send_multipart([TAG, b"{}", bytes(200_000_000)])
        assert not peer.poll(1500)
        assert psutil.Process(faulty.process.pid).memory_info().rss < before + 30_000_000
    finally:
        peer.close()
    with faulty.connect() as client:
        until(lambda: client.status()["clients"] == 1, 60)


def test_half_a_message_is_none(faulty: Server) -> None:
    peer = dealer(faulty, load_keys(faulty.folder, "client"))
    peer.send_multipart(hello())
    assert peer.poll(60_000) and peer.recv_multipart()
    for frame in submission()[:-1]:
        peer.send(frame, zmq.SNDMORE)
    time.sleep(0.3)
    peer.close()
    with faulty.connect() as client:
        until(lambda: client.status()["clients"] == 1, 60)
        assert not client.status()["jobs"]


@pytest.mark.parametrize("frames", [[b"x", b"y"], encode(Message("status"), CLIENT_MESSAGES)], ids=["garbage", "questions"])
def test_many_small_messages_keep_nobody_waiting(faulty: Server, frames: list[bytes]) -> None:
    flood = dealer(faulty, load_keys(faulty.folder, "client"))
    flood.setsockopt(zmq.SNDTIMEO, 100)
    before = psutil.Process(faulty.process.pid).memory_info().rss
    log_before = len(faulty.log())
    with faulty.connect("other") as other:
        job = quick(other)
        flood.send_multipart(hello())
        deadline, slowest, sent = time.monotonic() + 4, 0.0, 0
        while time.monotonic() < deadline:
            try:
                for _ in range(500):
                    flood.send_multipart(frames)
                    sent += 1
            except zmq.Again:
                pass  # the server takes no more for now, which is right
            asked = time.monotonic()
            other.status()
            slowest = max(slowest, time.monotonic() - asked)
        finishes(other, job)
    flood.close()
    assert sent > 2000 and slowest < protocol.LEASE_SECONDS
    assert psutil.Process(faulty.process.pid).memory_info().rss < before + 50_000_000
    assert len(faulty.log()) - log_before < 5000


def test_more_clients_than_there_is_room_for_are_told(server: Server) -> None:
    keys = load_keys(server.folder, "client")
    peers = [dealer(server, keys) for _ in range(65)]
    try:
        for peer in peers[:-1]:
            peer.send_multipart(hello())
        for peer in peers[:-1]:
            assert peer.poll(60_000) and decode(peer.recv_multipart(), SERVER_MESSAGES).type == "welcome"
        peers[-1].send_multipart(hello())
        assert peers[-1].poll(60_000)
        answer = decode(peers[-1].recv_multipart(), SERVER_MESSAGES)
        assert answer.fields["code"] == "server-busy" and answer.fields["remedy"]
    finally:
        for peer in peers:
            peer.close()


def test_a_full_queue_says_so(faulty: Server) -> None:
    with faulty.connect() as client:
        endless = submit(client, content=picture(32), settings=ENDLESS, previews=False)
        jobs = [quick(client) for _ in range(32)]
        failed = wait_for(client, Failed, job=jobs[-1])
        assert failed.code == "queue-full" and "32 jobs" in failed.sentence and failed.remedy
        client.cancel(jobs[0])
        wait_for(client, Cancelled, job=jobs[0])
        again = quick(client)  # there is room again
        assert wait_for(client, Accepted, job=again).job == again
        for job in [endless, *jobs[1:-1], again]:
            client.cancel(job)
