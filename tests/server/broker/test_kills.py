"""``kill -9`` at a few random moments; benchmarks/kills.py does it as often as wanted."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest

from benchmarks import kills
from server.client.client import Client
from stylecore.errors import StyleError

pytestmark = pytest.mark.before_a_release  # what they find in a few rounds, tests of single faults find each time


@pytest.mark.parametrize("target", ["broker", "engine"])
def test_after_kill_9_the_next_job_works_and_nothing_is_left(tmp_path: Path, target: str) -> None:
    folder = tmp_path / "state"
    try:
        row = kills.one_round(folder, target, random.Random(target))
        assert not row["error"] and row["orphans_gone_after"] < kills.ORPHAN_SECONDS
    finally:
        end(folder)


def test_clients_connect_while_servers_are_killed(tmp_path: Path) -> None:
    """Whatever a dying server leaves, half a greeting, a stale file, a lock, nobody hangs, and all come to one server."""
    folder, dice = tmp_path / "state", random.Random(1)
    try:
        for _ in range(12):
            found: list[object] = []

            def connect(found: list[object] = found) -> None:
                try:
                    with Client.connect(folder, timeout=60) as client:
                        found.append(client.welcome["pid"])
                except StyleError as error:
                    found.append(error)

            begin = time.monotonic()
            threads = [threading.Thread(target=connect) for _ in range(3)]
            for thread in threads:
                thread.start()
            time.sleep(dice.random() * 0.6)
            end(folder)
            for thread in threads:
                thread.join()
            assert len(found) == 3 and all(isinstance(each, int) for each in found), found
            assert time.monotonic() - begin < 45
    finally:
        end(folder)


def end(folder: Path) -> None:
    for process in kills.of_folder(folder)["broker"]:
        process.kill()
