"""The fault table: what goes wrong → what the client that it hits sees, within five seconds → what the next job does.

Each row hits a job that paints while another client's job waits. Whatever happens, the other's job is painted, the next
job works, and what is told has a sentence and a remedy.
"""

from __future__ import annotations

import ast
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import zmq

from server import protocol
from server.client import (
    Accepted,
    Cancelled,
    Client,
    Disconnected,
    Failed,
    Finished,
    Note,
    PictureArrived,
    Progress,
)
from server.errors import ServiceError
from server.finding import load_keys, server_lives
from server.protocol import CLIENT_MESSAGES, SERVER_MESSAGES, TAG, Message
from tests.server.conftest import ENDLESS, ROOT, Server, dealer, hello, picture, submit, until, wait_for

TOLD_SECONDS = 5.0
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


def bad_news(client: Client, job: str) -> Failed | Note:
    """What the client is told first that is no progress."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        event = client.next_event(0.2)
        if isinstance(event, Failed | Note) and event.job == job:
            return event
    raise AssertionError("nothing was told")


def engine_of(server: Server) -> psutil.Process:
    engine = server.engine()
    assert engine is not None
    return engine


def no_more_memory(server: Server) -> None:
    """Main memory cannot be had any more: the engine's address space may not grow."""
    engine = engine_of(server)
    _, hard = engine.rlimit(psutil.RLIMIT_AS)
    engine.rlimit(psutil.RLIMIT_AS, (engine.memory_info().vms + 2**20, hard))


def memory_again(server: Server) -> None:
    engine = engine_of(server)
    _, hard = engine.rlimit(psutil.RLIMIT_AS)
    engine.rlimit(psutil.RLIMIT_AS, (hard, hard))


def signalled(number: int) -> Callable[[Server], None]:
    return lambda server: engine_of(server).send_signal(number)


@dataclass(frozen=True)
class Row:
    fault: str
    happens: Callable[[Server], None]
    code: str
    says: str = ""
    mended: Callable[[Server], None] | None = None


#: It goes on in smaller pieces, and says so, or it cannot and fails.
OUT_OF_MEMORY = "memory-ran-out or out-of-memory"
ENGINE_FAULTS = [
    Row("is killed", signalled(signal.SIGKILL), "engine-died", "SIGKILL"),
    Row("segfaults", signalled(signal.SIGSEGV), "engine-died", "SIGSEGV"),
    Row("freezes as a whole", signalled(signal.SIGSTOP), "engine-hung", "has not answered"),
    Row("hangs in a kernel", signalled(signal.SIGUSR2), "engine-slow", "Cancel"),
    Row("has no main memory", no_more_memory, OUT_OF_MEMORY, "", mended=memory_again),
    Row("has no device memory", signalled(signal.SIGUSR1), OUT_OF_MEMORY),
]


@pytest.mark.parametrize("row", ENGINE_FAULTS, ids=lambda row: f"the engine {row.fault}")
def test_when_the_engine(faulty: Server, row: Row) -> None:
    with faulty.connect("hit") as hit, faulty.connect("other") as other:
        # The growth of the later scales is what runs out of memory.
        job = submit(hit, content=picture(256), settings={"iterations": 2000}, previews=False)
        wait_for(hit, Progress, job=job)
        waiting = quick(other)
        begin = time.monotonic()
        row.happens(faulty)
        told = bad_news(hit, job)
        assert row.mended is not None or time.monotonic() - begin < TOLD_SECONDS + 1  # what waits for a test's machine
        assert told.code in row.code and row.says in told.sentence and told.sentence
        if isinstance(told, Failed):
            assert told.remedy
        elif told.code == "engine-slow":
            failed = wait_for(hit, Failed, 20, job=job)
            assert failed.code == "engine-hung" and failed.remedy
        else:
            hit.stop(job)
            finishes(hit, job)
        if row.mended is not None:
            row.mended(faulty)
        finishes(other, waiting)
        finishes(hit, quick(hit))


def test_a_cancel_ends_an_engine_that_hangs(faulty: Server) -> None:
    with faulty.connect() as client:
        job = submit(client, settings=ENDLESS, previews=False)
        wait_for(client, Progress)
        hung = engine_of(faulty)
        hung.send_signal(signal.SIGUSR2)
        client.cancel(job)
        wait_for(client, Cancelled, 5)
        assert not hung.is_running() or hung.status() == psutil.STATUS_ZOMBIE
        finishes(client, quick(client))


def test_an_engine_killed_while_it_loads_is_tried_again(tmp_path: Path) -> None:
    server = Server(tmp_path / "state")
    try:
        with server.connect() as client:
            job = quick(client)
            until(server.engine, 5)
            engine_of(server).kill()
            finishes(client, job)
    finally:
        server.end()


# The broker.


def test_a_frozen_broker_is_told_and_goes_on_when_it_wakes(faulty: Server) -> None:
    with faulty.connect() as client:
        job = submit(client, settings=ENDLESS, previews=False)
        wait_for(client, Progress)
        faulty.process.send_signal(signal.SIGSTOP)
        try:
            begin = time.monotonic()
            told = wait_for(client, Disconnected, job=job)
            assert time.monotonic() - begin < TOLD_SECONDS + 0.5 and "does not answer" in told.sentence and told.remedy
        finally:
            faulty.process.send_signal(signal.SIGCONT)
    with faulty.connect() as client:
        finishes(client, quick(client))


def test_a_killed_broker_is_told_and_the_next_job_starts_another(folder: Path) -> None:
    server = Server(folder)
    with server.connect() as client:
        job = submit(client, settings=ENDLESS, previews=False)
        wait_for(client, Progress)
        engine = engine_of(server)
        begin = time.monotonic()
        server.process.kill()
        told = wait_for(client, Disconnected, job=job)
        assert time.monotonic() - begin < 2 and told.sentence and told.remedy
        until(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE, 5)
    server.end()
    with Client.connect(folder, timeout=20) as client:
        finishes(client, quick(client))


def test_a_machine_that_sleeps_loses_no_job(faulty: Server) -> None:
    """Everything stops for longer than a lease, and wakes in any order: the job goes on."""
    child = subprocess.Popen([sys.executable, "-c", PAINTER, str(faulty.folder)], cwd=ROOT, stdout=subprocess.PIPE,
                             text=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "painting\n"
        sleepers = [psutil.Process(child.pid), faulty.process, engine_of(faulty)]
        for process in sleepers:
            process.send_signal(signal.SIGSTOP)
        time.sleep(protocol.LEASE_SECONDS + 2)
        for process in sleepers:
            process.send_signal(signal.SIGCONT)
            time.sleep(0.7)
        with faulty.connect() as client:
            before = client.status()["jobs"][0]
            time.sleep(2)
            after = client.status()["jobs"][0]
        assert after["state"] == "running" and after["job"] == before["job"] and after["fraction"] > before["fraction"]
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.mark.parametrize("fault", ["deleted", "garbage", "open to others", "of another server"])
def test_the_connection_file_comes_back(faulty: Server, fault: str) -> None:
    file = faulty.folder / "connection.json"
    good = file.read_text()
    if fault == "deleted":
        file.unlink()
    elif fault == "garbage":
        file.write_bytes(b"\xff{" * 100)
    elif fault == "open to others":
        file.chmod(0o644)
    else:
        file.write_text(good.replace('"tcp://127.0.0.1:', '"tcp://127.0.0.1:1'))
    with Client.connect(faulty.folder, start=True, timeout=10) as client:  # there is one: none is started
        assert client.welcome["pid"] == faulty.process.pid
        finishes(client, quick(client))
    assert file.read_text() == good and file.stat().st_mode & 0o077 == 0


def test_a_folder_that_is_taken_away_ends_the_server_after_its_jobs(folder: Path) -> None:
    server = Server(folder)
    try:
        with server.connect() as client:
            job = submit(client, settings={"iterations": 60}, previews=False)
            wait_for(client, Progress)
            moved = folder.rename(folder.with_name("moved"))
            finishes(client, job)
            until(lambda: server.process.poll() is not None, 10)
        assert server.process.returncode == 0 and not server_lives(moved)
    finally:
        server.end()


def test_a_full_disk_stops_nothing(tmp_path: Path) -> None:
    """Nothing can be written under log and state, as on a full disk: jobs are painted all the same."""
    server = Server(tmp_path / "state")
    try:
        psutil.Process(server.process.pid).rlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        before = server.log()
        with server.connect() as client:
            finishes(client, quick(client))
            engine_of(server).kill()
            until(lambda: client.status()["engine"] == "none", 5)
            (server.folder / "connection.json").unlink()  # cannot be written again
            time.sleep(0.6)
            finishes(client, quick(client))
        assert server.log() == before
        psutil.Process(server.process.pid).rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        with server.connect() as client:  # there is room again
            finishes(client, quick(client))
        assert "finished" in server.log()
    finally:
        server.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_server_that_starts_on_a_full_disk_says_so(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False).returncode:
        pytest.skip("this system does not let root mount")
    try:
        (disk / "full").write_bytes(bytes(60 * 1024))
        with pytest.raises(OSError, match="No space left"):
            (disk / "more").write_bytes(bytes(60 * 1024))
        with pytest.raises(ServiceError) as caught:
            Client.connect(disk / "state", timeout=10)
        assert "No space left" in str(caught.value) and "Free the disk" in str(caught.value)
        (disk / "full").unlink()
        (disk / "more").unlink()
        with Client.connect(disk / "state", timeout=20) as client:
            client.shutdown()
            wait_for(client, Disconnected)
        until(lambda: not server_lives(disk / "state"), 10)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_no_deadline_depends_on_the_clock_on_the_wall() -> None:
    """A clock that jumps cannot be had without root and harm to others, so the source is looked at."""
    for path in sorted((ROOT / "server").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                wall = node.value.id in ("time", "datetime") and node.attr in ("time", "time_ns", "now", "utcnow")
                assert not wall, f"{path.name}:{node.lineno}"


# Clients that misbehave: the one that does is told or dropped, the others notice nothing.

PAINTER = """
import sys, time
from pathlib import Path
from server.client import Client, Disconnected, Progress
from tests.server.conftest import ENDLESS, submit
client = Client.connect(Path(sys.argv[1]), start=False)
submit(client, settings=ENDLESS)
told = False
while True:
    event = client.next_event(1)
    if isinstance(event, Progress) and not told:
        told = print("painting", flush=True) is None
    elif isinstance(event, Disconnected):
        sys.exit(f"{event.sentence} {event.remedy}")
"""


def test_a_client_that_pauses_loses_its_job_and_is_told_when_it_wakes(faulty: Server) -> None:
    child = subprocess.Popen([sys.executable, "-c", PAINTER, str(faulty.folder)], cwd=ROOT, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stderr is not None
    try:
        assert child.stdout.readline() == "painting\n"
        child.send_signal(signal.SIGSTOP)
        with faulty.connect("other") as other:
            finishes(other, quick(other))  # waits for the lease to end, no longer
            assert not other.status()["jobs"]
        child.send_signal(signal.SIGCONT)
        said = child.stderr.readline()
        assert "heard nothing" in said and "Run the filter again" in said
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def submission() -> list[bytes | memoryview]:
    fields = {"job": "bad", "weights": [1.0], "guided": False, "settings": {}, "until": "full", "previews": True,
              "preview_every": 1.0}
    return protocol.encode(Message("submit", fields, (picture(32), picture(32))), CLIENT_MESSAGES)


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
        assert peer.poll(5000) and protocol.decode(peer.recv_multipart(), SERVER_MESSAGES).type == "welcome"
        peer.send_multipart(frames)
        assert peer.poll(5000)
        answer = protocol.decode(peer.recv_multipart(), SERVER_MESSAGES)
        assert answer.fields["code"] == code and answer.fields["remedy"]
        peer.send_multipart(protocol.encode(Message("status"), CLIENT_MESSAGES))  # the connection is as good as before
        assert peer.poll(5000) and protocol.decode(peer.recv_multipart(), SERVER_MESSAGES).type == "status"
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
        assert peer.poll(5000) and peer.recv_multipart()
        peer.send_multipart([TAG, b"{}", bytes(200_000_000)])
        assert not peer.poll(1500)
        assert psutil.Process(faulty.process.pid).memory_info().rss < before + 30_000_000
    finally:
        peer.close()
    with faulty.connect() as client:
        until(lambda: client.status()["clients"] == 1, protocol.LEASE_SECONDS + 2)


def test_half_a_message_is_none(faulty: Server) -> None:
    peer = dealer(faulty, load_keys(faulty.folder, "client"))
    peer.send_multipart(hello())
    assert peer.poll(5000) and peer.recv_multipart()
    for frame in submission()[:-1]:
        peer.send(frame, zmq.SNDMORE)
    time.sleep(0.3)
    peer.close()
    with faulty.connect() as client:
        until(lambda: client.status()["clients"] == 1, protocol.LEASE_SECONDS + 2)
        assert not client.status()["jobs"]


@pytest.mark.parametrize("frames", [[b"x", b"y"], protocol.encode(Message("status"), CLIENT_MESSAGES)],
                         ids=["garbage", "questions"])
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
    assert sent > 2000 and slowest < 2.0
    assert psutil.Process(faulty.process.pid).memory_info().rss < before + 50_000_000
    assert len(faulty.log()) - log_before < 5000


def test_more_clients_than_there_is_room_for_are_told(server: Server) -> None:
    keys = load_keys(server.folder, "client")
    peers = [dealer(server, keys) for _ in range(65)]
    try:
        for peer in peers[:-1]:
            peer.send_multipart(hello())
        for peer in peers[:-1]:
            assert peer.poll(5000) and protocol.decode(peer.recv_multipart(), SERVER_MESSAGES).type == "welcome"
        peers[-1].send_multipart(hello())
        assert peers[-1].poll(5000)
        answer = protocol.decode(peers[-1].recv_multipart(), SERVER_MESSAGES)
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
