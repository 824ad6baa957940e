"""The fault table for engines on a Ray cluster: what goes wrong there is told as if it were here; the next job works."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from server.client.client import Cancelled, Client, Failed, Note, PictureArrived, Progress
from tests.server.cluster.test_cluster import NODE, ray_cluster
from tests.server.conftest import ENDLESS, PAINTER, ROOT, Server, finishes, quick, submit, wait_for


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that paints nothing, and a node with one processor."""
    with ray_cluster(0) as cluster:
        cluster.add_node(**NODE)
        yield cluster


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cluster: Any) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("pool") / "state", "--cluster", cluster.address)
    yield server
    server.end()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.connect() as client:
        yield client


def engines(node: Any) -> list[psutil.Process]:
    """The engine processes on a node; Ray's workers may come and go meanwhile."""
    (raylet,) = node.all_processes["raylet"]
    found = []
    for process in psutil.Process(raylet.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found += [process] * ("server.engine.process" in process.cmdline())
    return found


def test_a_job_is_seen_changed_stopped_and_cancelled_as_on_this_computer(client: Client) -> None:
    job = submit(client, settings=ENDLESS)
    wait_for(client, Progress, job=job)
    assert wait_for(client, PictureArrived, job=job).kind == "preview"
    client.update(job, {"strength": 80.0})
    client.snapshot(job)
    while wait_for(client, PictureArrived, job=job).kind != "snapshot":
        pass
    client.stop(job)
    finishes(client, job)
    job = submit(client, settings=ENDLESS, previews=False)
    wait_for(client, Progress, job=job)
    client.cancel(job)
    wait_for(client, Cancelled, 20, job=job)
    finishes(client, quick(client))


def test_a_killed_client_s_job_ends(server: Server, client: Client) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", PAINTER, str(server.folder)], cwd=ROOT, text=True, stdout=subprocess.PIPE
    )
    assert child.stdout is not None and child.stdout.readline() == "painting\n"
    child.kill()
    child.wait()
    child.stdout.close()
    finishes(client, quick(client))


def test_a_killed_engine_is_told_and_the_next_job_gets_another(client: Client, cluster: Any) -> None:
    (node,) = cluster.worker_nodes
    job = submit(client, settings=ENDLESS, previews=False)
    wait_for(client, Progress, job=job)
    (engine,) = engines(node)
    engine.send_signal(signal.SIGKILL)
    failed = wait_for(client, Failed, 60, job=job)
    assert failed.code == "engine-died" and "the system ended it" in failed.sentence and failed.remedy
    finishes(client, quick(client))


def test_a_job_goes_on_from_its_last_saved_image_when_its_machine_is_lost(client: Client, cluster: Any) -> None:
    (node,) = cluster.worker_nodes
    job = submit(client, settings=ENDLESS, previews=False)
    other = cluster.add_node(**NODE)
    progress = wait_for(client, Progress, job=job)
    while progress.scale < progress.scales or progress.step < 40:  # it is saved with its first steps at the last scale
        progress = wait_for(client, Progress, job=job)
    cluster.remove_node(node, allow_graceful=False)
    told = wait_for(client, Note, 60, job=job)
    assert told.code == "machine-lost" and "last saved image" in told.sentence
    assert wait_for(client, Progress, job=job).scales == 1
    assert engines(other)
    client.stop(job)
    finishes(client, job)
