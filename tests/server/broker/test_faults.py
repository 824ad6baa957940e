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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from server import protocol
from server.client.client import Cancelled, Client, Disconnected, Failed, Finished, Note, Progress
from server.discovery import server_lives
from stylecore.errors import StyleError
from tests.server.conftest import ENDLESS, PAINTER, ROOT, Server, finishes, picture, quick, submit, until, wait_for

TOLD_SECONDS = 5.0
#: What a test's machine may need more, when it has other work.
BUSY_SECONDS = 5.0


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
    steady: bool = False  # it happens among steps of which it is known how long they take: a scale's first may take long


#: It goes on in smaller pieces, and says so, or it cannot and fails.
OUT_OF_MEMORY = "memory-ran-out or out-of-memory"
#: How a job may end without memory.
GONE = ("out-of-memory", "engine-died", "engine-hung")
ENGINE_FAULTS = [
    Row("is killed", signalled(signal.SIGKILL), "engine-died", "the system ended it"),
    Row("segfaults", signalled(signal.SIGSEGV), "engine-died", "SIGSEGV"),
    Row("freezes as a whole", signalled(signal.SIGSTOP), "engine-hung", "has not answered"),
    Row("hangs in a kernel", signalled(signal.SIGUSR2), "engine-slow", "Cancel", steady=True),
    # The C library ends a process that has none for a thread's own data.
    Row("has no main memory", no_more_memory, f"{OUT_OF_MEMORY} or engine-died", "", mended=memory_again),
    Row("has no device memory", signalled(signal.SIGUSR1), OUT_OF_MEMORY),
]


@pytest.mark.parametrize("row", ENGINE_FAULTS, ids=lambda row: f"the engine {row.fault}")
def test_when_the_engine(faulty: Server, row: Row) -> None:
    with faulty.connect("hit") as hit, faulty.connect("other") as other:
        # The growth of the later scales is what runs out of memory.
        job = submit(hit, content=picture(256), settings={"iterations": 2000}, previews=False)
        progress = wait_for(hit, Progress, job=job)
        while row.steady and (progress.scale < progress.scales or progress.step < 4):
            progress = wait_for(hit, Progress, job=job)
        waiting = quick(other)
        begin = time.monotonic()
        row.happens(faulty)
        told = bad_news(hit, job)
        assert row.mended is not None or time.monotonic() - begin < TOLD_SECONDS + BUSY_SECONDS
        assert told.code in row.code and row.says in f"{told.sentence} {told.remedy}" and told.sentence
        if isinstance(told, Failed):
            assert told.remedy
        elif told.code == "engine-slow":
            failed = wait_for(hit, Failed, 60, job=job)
            assert failed.code == "engine-hung" and failed.remedy
        elif row.mended is None:
            hit.stop(job)
            finishes(hit, job)
        else:  # there may be too little even for smaller pieces, or for the next word of the engine
            hit.stop(job)
            ended = wait_for(hit, (Finished, Failed), job=job)
            assert isinstance(ended, Finished) or (ended.code in GONE and ended.remedy), ended
        if row.mended is None:
            finishes(other, waiting)
        else:  # which may have begun, and ended, before there was memory again
            row.mended(faulty)
            ended = wait_for(other, (Finished, Failed), job=waiting)
            assert isinstance(ended, Finished) or (ended.code in GONE and ended.remedy), ended
        finishes(hit, quick(hit))


def test_a_cancel_ends_an_engine_that_hangs(faulty: Server) -> None:
    with faulty.connect() as client:
        job = submit(client, settings=ENDLESS, previews=False)
        wait_for(client, Progress)
        hung = engine_of(faulty)
        hung.send_signal(signal.SIGUSR2)
        client.cancel(job)
        wait_for(client, Cancelled, 20)
        assert not hung.is_running() or hung.status() == psutil.STATUS_ZOMBIE
        finishes(client, quick(client))


def test_an_engine_killed_while_it_loads_is_tried_again(tmp_path: Path) -> None:
    server = Server(tmp_path / "state")
    try:
        with server.connect() as client:
            job = quick(client)
            until(server.engine, 60)
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
            assert time.monotonic() - begin < TOLD_SECONDS + BUSY_SECONDS
            assert "has not answered" in told.sentence and told.remedy
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
        assert time.monotonic() - begin < protocol.SILENT_SECONDS and told.sentence and told.remedy
        until(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE, 60)
    server.end()
    with Client.connect(folder, timeout=60) as client:
        finishes(client, quick(client))


def test_a_machine_that_sleeps_loses_no_job(faulty: Server) -> None:
    """Everything stops for longer than a lease, and wakes in any order: the job goes on."""
    child = subprocess.Popen(
        [sys.executable, "-c", PAINTER, str(faulty.folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
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
            until(lambda: client.status()["jobs"][0]["fraction"] > before["fraction"], 60)
            after = client.status()["jobs"][0]
        assert after["state"] == "running" and after["job"] == before["job"]
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
    with Client.connect(faulty.folder, start=True, timeout=60) as client:  # there is one: none is started
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
            until(lambda: server.process.poll() is not None, 60)
        assert server.process.returncode == 0 and not server_lives(moved)
    finally:
        server.end()


@pytest.mark.parametrize("deep", [False, True])
def test_a_full_disk_stops_nothing(tmp_path: Path, deep: bool) -> None:
    """Nothing can be written under log and state, as on a full disk: jobs are painted all the same.

    Also where the folder's name is too long for a socket's.
    """
    server = Server(tmp_path / ("state" * 20 if deep else "state"))
    try:
        psutil.Process(server.process.pid).rlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        before = server.log()
        with server.connect() as client:
            finishes(client, quick(client))
            engine_of(server).kill()
            until(lambda: client.status()["engine"] == "none", 60)
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
        with pytest.raises(StyleError) as caught:
            Client.connect(disk / "state", timeout=60)
        told = str(caught.value)
        assert "No space left" in told and "Free some disk space" in told and str(disk) in told and "Errno" not in told
        (disk / "full").unlink()
        (disk / "more").unlink()
        with Client.connect(disk / "state", timeout=60) as client:
            client.shutdown()
            wait_for(client, Disconnected)
        until(lambda: not server_lives(disk / "state"), 60)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_no_deadline_depends_on_the_clock_on_the_wall() -> None:
    """A clock that jumps cannot be had without root and harm to others, so the source is looked at."""
    for path in sorted((ROOT / "server").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                wall = node.value.id in ("time", "datetime") and node.attr in ("time", "time_ns", "now", "utcnow")
                assert not wall, f"{path.name}:{node.lineno}"
