"""How servers begin and end: at once, after a grace period, for a newer one; and how many engines they have."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from server import protocol
from server.cli.status import words
from server.client.client import Client, Disconnected, Failed, Finished, Note, PictureArrived, Progress, Queued, Starting
from server.discovery import read_connection, server_lives
from tests.server.conftest import ENDLESS, PATIENT, ROOT, Server, picture, submit, until, wait_for


def test_two_engines_paint_two_pictures_at_once(tmp_path: Path) -> None:
    """Two engines on the CPU, in place of two GPUs."""
    server = Server(tmp_path / "state", "--engines", "2")
    try:
        with server.connect("first") as first, server.connect("second") as second:
            endless = submit(first, settings=ENDLESS, previews=False)
            wait_for(first, Progress, job=endless)
            assert len(first.status()["engines"]) == 1  # the second is started when it is needed
            quick = submit(second, content=picture(32), settings={"iterations": 2}, previews=False)
            assert wait_for(second, Starting, job=quick).text == "Loading the network"
            wait_for(second, Finished, job=quick)
            report = first.status()
            assert sorted(engine["state"] for engine in report["engines"]) == ["busy", "idle"]
            assert len({engine["pid"] for engine in report["engines"]}) == 2 == report["engines_at_most"]
            third = submit(second, settings=ENDLESS, previews=False)
            wait_for(second, Progress, job=third)
            waiting = submit(second, content=picture(32), settings=PATIENT, previews=False)
            assert wait_for(second, Queued, job=waiting).position == 2
            text = words(second.status())
            assert text.count("busy on CPU") == 2 and "number 1 in the queue" in text and "2 clients" not in text
            os.kill(next(e["pid"] for e in report["engines"] if e["state"] == "idle"), signal.SIGKILL)
            assert wait_for(second, Failed, job=third).code == "engine-died"
            wait_for(second, Finished, job=waiting)  # by a new engine; the first goes on
            assert [job["job"] for job in first.status()["jobs"]] == [endless]
            first.stop(endless)
            wait_for(first, Finished, job=endless)
    finally:
        server.end()


def test_asked_to_end_it_keeps_what_is_painted(tmp_path: Path) -> None:
    server = Server(tmp_path / "state", "--grace", "1.5")
    try:
        with server.connect() as client, server.connect("late") as late:
            job = submit(client, settings=ENDLESS, previews=False)
            wait_for(client, Progress)
            waiting = submit(late, settings=PATIENT, previews=False)
            wait_for(late, Queued)
            server.process.send_signal(signal.SIGTERM)
            assert wait_for(late, Failed, job=waiting).code == "server-stopping"
            note = wait_for(client, Note, job=job)
            assert note.code == "server-stopping-soon" and "kept" in note.words
            refused = submit(late, previews=False)
            assert wait_for(late, Failed, job=refused).code == "server-stopping"
            assert wait_for(client, PictureArrived, 60, job=job).kind == "final"
            assert wait_for(client, Finished, job=job).stopped
            assert "being stopped" in wait_for(client, Disconnected, 60).sentence
        assert server.process.wait(60) == 0 and not server_lives(server.folder)
    finally:
        server.end()


def test_asked_twice_it_ends_at_once(tmp_path: Path) -> None:
    server = Server(tmp_path / "state", "--grace", "90")
    try:
        with server.connect() as client:
            job = submit(client, settings=ENDLESS, previews=False)
            wait_for(client, Progress)
            server.process.terminate()
            wait_for(client, Note, job=job)
            server.process.terminate()
            assert wait_for(client, Disconnected, 60, job=job).remedy  # the first time it had ninety seconds
        assert server.process.wait(60) == 0
    finally:
        server.end()


NEWER = """
import sys
from pathlib import Path
from server.client.client import Client
from server.events import LAST_EVENTS
from server.protocol import Picture
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
with Client.connect(Path(sys.argv[1]), timeout=90) as client:
    small = Picture(32, 32, 3, "u8", bytes(range(256)) * 12)
    client.submit(PaintRequest(small, [Style(small)], Settings(quality="draft", iterations=2)))
    while not isinstance(event := client.next_event(1), LAST_EVENTS):
        continue
    print(client.welcome["version"], client.welcome["pid"], type(event).__name__)
    client.shutdown()
    while client.next_event(5):
        continue
"""


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A newer version, of another protocol: it and this one understand nothing of each other but the wish to make room."""
    number = protocol.PROTOCOL + 1
    newer = tmp_path / "newer"
    for package in ("server", "stylecore"):
        shutil.copytree(ROOT / package, newer / package, ignore=shutil.ignore_patterns("__pycache__"))
    text = (newer / "server" / "protocol.py").read_text()
    text, versions = re.subn(r'^VERSION = ".*"$', 'VERSION = "99.0"', text, flags=re.MULTILINE)
    text, protocols = re.subn(r"^PROTOCOL = \d+$", f"PROTOCOL = {number}", text, flags=re.MULTILINE)
    assert versions == protocols == 1
    (newer / "server" / "protocol.py").write_text(text)
    return newer


def run_newer(newer: Path, program: str, folder: Path) -> list[str]:
    """Run a program of the newer version; returns the words that it said."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        cwd=newer,
        timeout=180,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(newer)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_newer_version_replaces_the_server_and_no_job_is_lost(folder: Path, newer: Path) -> None:
    old = Server(folder)
    try:
        with old.connect() as client:
            job = submit(client, settings=ENDLESS, previews=False)
            wait_for(client, Progress)
            version, pid, outcome = run_newer(newer, NEWER, folder)
            assert version == "99.0" and int(pid) != old.process.pid and outcome == "Finished"
            assert wait_for(client, Progress, 60).job == job  # the old one still paints
            client.stop(job)
            wait_for(client, Finished, job=job)
            assert wait_for(client, Disconnected, 60).sentence
        assert old.process.wait(60) == 0
    finally:
        old.end()


#: A program of the newer version on a busy machine: half a second goes by after each thing that it says.
DELAYED = """
import sys
import time
from pathlib import Path
from server.client.client import Client
from server.client.socket_wire import SocketWire
send = SocketWire.send
def send_and_wait(*arguments):
    send(*arguments)
    time.sleep(0.5)
SocketWire.send = send_and_wait
with Client.connect(Path(sys.argv[1])) as client:
    print(client.welcome["version"])
    client.shutdown()
    while client.next_event(5):
        continue
"""


def test_a_busy_machine_does_not_keep_a_newer_version_out(folder: Path, newer: Path) -> None:
    old = Server(folder)
    try:
        assert run_newer(newer, DELAYED, folder) == ["99.0"]
        assert old.process.wait(30) == 0
    finally:
        old.end()


def test_an_older_client_uses_a_newer_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "VERSION", "0.0.1")
    with server.connect() as client:
        assert client.welcome["version"] != "0.0.1"


def test_hello_comes_within_a_second_of_a_cold_start(tmp_path: Path) -> None:
    """The processor's seconds, since other tests run beside it; benchmarks/transport.py measures what a user waits."""
    with Client.connect(tmp_path / "state", timeout=60) as client:
        took = psutil.Process(client.welcome["pid"]).cpu_times()
        client.shutdown()
        wait_for(client, Disconnected)
    assert took.user + took.system < 1
    until(lambda: not server_lives(tmp_path / "state"), 60)


def test_idle_engines_are_retired_and_come_back(tmp_path: Path) -> None:
    server = Server(tmp_path / "state", "--engine-idle", "0.5")
    try:
        with server.connect() as client:
            for _ in range(2):
                submit(client, content=picture(32), settings={"iterations": 2}, previews=False)
                wait_for(client, Finished)
                until(lambda: not client.status()["engines"], 60)
                assert server.engine() is None
            assert "none, started with the next job" in words(client.status())
        assert server.log().count("retired") == 2
    finally:
        server.end()


def test_log_level_and_rotation(tmp_path: Path) -> None:
    server = Server(tmp_path / "state", "--log-level", "warning")
    server.end()
    assert server.log() == ""
    (server.folder / "server.log").write_bytes(b"x" * 1_000_000)
    server = Server(tmp_path / "state")
    try:
        assert "listens" in server.log() and len(server.log()) < 1000
        assert (server.folder / "server.log.1").stat().st_size == 1_000_000
        assert (server.folder / "server.log.1").stat().st_mode & 0o077 == 0
    finally:
        server.end()


def test_a_log_that_others_can_read_is_refused(tmp_path: Path) -> None:
    server = Server(tmp_path / "state")
    server.end()
    (server.folder / "server.log").chmod(0o644)
    done = subprocess.run(
        [sys.executable, "-m", "server", "--folder", str(server.folder)],
        cwd=ROOT,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "server.log" in done.stderr and "chmod" in done.stderr


def test_status_is_for_people_and_for_programs(server: Server) -> None:
    with server.connect() as client:
        job = submit(client, settings=ENDLESS, previews=False)
        wait_for(client, Progress)
        said = [
            subprocess.run(
                [sys.executable, "-m", "server.cli.main", "status", "--folder", str(server.folder), *more],
                cwd=ROOT,
                timeout=60,
                capture_output=True,
                text=True,
            ).stdout
            for more in ([], ["--json"])
        ]
    report = json.loads(said[1])
    assert report["jobs"][0]["job"] == job and report["engines"][0]["state"] == "busy"
    assert report["engines"][0]["memory"]["total"] > 0 and report["seconds_up"] > 0
    for part in (f"process {server.process.pid}, up for", "busy on CPU", "GB free", f"Job {job[:8]} of test: paints"):
        assert part in said[0]
    connection = read_connection(server.folder)
    assert connection is not None and connection.protocol == protocol.PROTOCOL


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose sockets have their place in it: a deep one's are elsewhere."""
    with tempfile.TemporaryDirectory(prefix="ns-") as name:
        yield Path(name)


def test_a_killed_servers_socket_is_removed_before_anyone_has_asked_for_its_end(short_folder: Path) -> None:
    folder = short_folder / "state"
    killed = Server(folder)
    with killed.connect() as client:
        client.prepare()
        until(lambda: list(folder.glob("engine-*.socket")), 60)
    left = list(folder.glob("engine-*.socket"))
    killed.process.kill()  # and not waited for: its number still is a process's
    os.waitid(os.P_PID, killed.process.pid, os.WEXITED | os.WNOWAIT)
    server = Server(folder)
    try:
        assert left
        until(lambda: server_lives(folder) and not any(each.exists() for each in left), 60)
    finally:
        server.end()
        killed.end()
