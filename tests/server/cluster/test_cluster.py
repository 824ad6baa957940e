"""Many pictures on a real Ray cluster of two nodes on this machine, one of which is lost."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.cli.test_batch import write
from tests.server.cli.test_cli import one_thread, run
from tests.server.conftest import ROOT, until

STYLE = ["style.png", "--iterations", "8", "--precision", "float32"]
#: Ray reads it once in a process, so all clusters of these tests have it.
TOKEN = secrets.token_hex(32)
NODE = {"num_cpus": 1, "object_store_memory": 100_000_000}


@contextlib.contextmanager
def ray_cluster(processors: int) -> Iterator[Any]:
    """A cluster whose head has so many processors, without more nodes. It looks for lost ones every half second, not three.

    Strangers on this machine have no token for it.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "RAY_health_check_period_ms": "500",
            "RAY_health_check_initial_delay_ms": "500",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": TOKEN,
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONPATH": str(ROOT),
        }.items():
            patch.setenv(name, value)
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": processors, "include_dashboard": False})
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one processor each; the second may be lost."""
    with ray_cluster(1) as cluster:
        cluster.add_node(**NODE)
        yield cluster


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A style, and a folder of 20 pictures and one file that is none."""
    write(tmp_path / "style.png", 90, side=32)
    (tmp_path / "photos").mkdir()
    for number in range(20):
        write(tmp_path / "photos" / f"{number}.png", number * 10, side=48)
    (tmp_path / "photos" / "bad.png").write_text("not a picture")
    return tmp_path


def start(files: Path, cluster: Any, *arguments: str) -> subprocess.Popen[str]:
    command = ["style", "photos", *STYLE, "-o", "out", "--cluster", cluster.address, *arguments]
    return subprocess.Popen(
        [sys.executable, "-m", "server.cli.main", *command],
        cwd=files,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=one_thread,
    )


def painted(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.png") if path.name[0] != "."}  # not those that are being written


def test_all_arrive_and_equal_the_local_ones_though_a_node_is_lost(files: Path, cluster: Any) -> None:
    interrupted = start(files, cluster)
    until(lambda: len(painted(files / "out")) >= 3 or interrupted.poll() is not None, 60)
    interrupted.send_signal(signal.SIGINT)
    said, errors = interrupted.communicate(timeout=60)
    kept = painted(files / "out")
    assert interrupted.returncode == 130 and "Interrupted" in said and 3 <= len(kept) < 10, errors
    assert " s left" in errors and "Traceback" not in errors

    going_on = start(files, cluster, "--json")
    until(lambda: len(painted(files / "out")) >= 10 or going_on.poll() is not None, 60)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    assert len(painted(files / "out")) < 17 and going_on.poll() is None
    said, errors = going_on.communicate(timeout=60)
    report = json.loads(said)
    assert going_on.returncode == 1 and len(report["skipped"]) == len(kept), errors
    assert len(report["painted"]) == 20 - len(kept)
    assert [Path(each["picture"]).name for each in report["failed"]] == ["bad.png"]
    assert errors == ""

    local = run(files, "style", "photos", *STYLE, "-o", "local", "--local")
    assert local.returncode == 1, local.stderr
    assert len(painted(files / "out")) == 20 == len(painted(files / "local"))
    for name in painted(files / "local"):
        assert (files / "out" / name).read_bytes() == (files / "local" / name).read_bytes()


def test_sequences_of_frames_go_side_by_side_and_equal_the_local_ones(tmp_path: Path, cluster: Any) -> None:
    write(tmp_path / "style.png", 90, side=32)
    for number in range(4):
        (tmp_path / f"shot {number % 2}").mkdir(exist_ok=True)
        write(tmp_path / f"shot {number % 2}" / f"{number}.png", number * 10, side=48)
    frames = ["style", "shot*/*.png", *STYLE, "--frames"]
    for name, where in {"out": ["--cluster", cluster.address], "local": ["--local"]}.items():
        done = run(tmp_path, *frames, "-o", name, *where)
        assert done.returncode == 0, done.stderr
    assert len(painted(tmp_path / "local")) == 4
    for name in painted(tmp_path / "local"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def test_without_ray_it_is_said_what_to_install(files: Path) -> None:
    arguments = ["style", "photos", *STYLE, "-o", "out", "--cluster", "auto"]
    code = f"import sys; sys.modules['ray'] = None; from server.cli.main import main; sys.exit(main({arguments!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=files,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and "needs Ray" in done.stderr and "pip install" in done.stderr
    one = run(files, "style", "photos/1.png", *STYLE, "-o", "out.png", "--cluster", "auto")
    assert one.returncode == 2 and "--cluster is for a folder" in one.stderr
