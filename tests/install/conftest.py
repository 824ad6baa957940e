"""Fixtures of the installer's tests: a home folder of one's own, and running the real ``install.sh`` in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from installer import release
from server.protocol import VERSION

REPOSITORY = Path(__file__).resolve().parents[2]

#: Variables that would send files of the run elsewhere than into the test's home.
FOREIGN = (
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "GIMP3_DIRECTORY",
    "SUDO_USER",
    "NEURAL_STYLE_FOLDER",
    "NEURAL_STYLE_INSTALLATION",
    "NEURAL_STYLE_WHEELS",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "PIP_CACHE_DIR",
)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def own_environment(home: Path) -> dict[str, str]:
    """This process's environment with another home; without rustup's shims, which write into any home pip runs in."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    path = os.pathsep.join(part for part in environment["PATH"].split(os.pathsep) if "cargo" not in part)
    # pip's own configuration (a mirror, a certificate) is the machine's business and stays in force.
    configuration = Path.home() / ".config" / "pip" / "pip.conf"
    if configuration.is_file() and "PIP_CONFIG_FILE" not in environment:
        environment["PIP_CONFIG_FILE"] = str(configuration)
    return {**environment, "HOME": str(home), "PATH": path, "LC_ALL": "C.UTF-8"}


def ran(
    line: Sequence[str | Path], environment: Mapping[str, str], folder: Path | None, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a program and return how it ended, and what it said, both streams together."""
    return subprocess.run(
        line,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )


def output_of(
    line: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    folder: Path | None = None,
    status: int = 0,
    timeout: int = 600,
) -> str:
    """Run a program and return what it says; it has to end with that status."""
    done = ran(line, environment, folder, timeout)
    assert done.returncode == status, done.stdout
    return done.stdout


def build(folder: Path, version: str = VERSION) -> Path:
    """A new folder ``out`` in ``folder`` with wheel and source archive, built from a copy, and so without pip or a network.

    With another ``version``, it is what this copy would have been then.
    """
    copy = folder / "project"
    for path in release.files(REPOSITORY):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / path, copy / path)
    protocol = copy / "server" / "protocol.py"
    protocol.write_text(protocol.read_text("utf-8").replace(f'VERSION = "{VERSION}"', f'VERSION = "{version}"'), "utf-8")
    code = "from setuptools import build_meta as b; b.build_sdist('../out'); b.build_wheel('../out')"
    (folder / "out").mkdir()
    done = subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "out"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and source archive of this copy of the project."""
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "a home with späces"
    folder.mkdir()
    return folder


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Run:
    """Run install.sh in the test's home; ``variables`` are added to the environment (None removes one)."""

    def execute(
        *arguments: str,
        variables: dict[str, str | None] | None = None,
        timeout: float = 300,
        script: Path = REPOSITORY / "install.sh",
    ) -> subprocess.CompletedProcess[str]:
        environment: dict[str, str | None] = {**own_environment(home), **(variables or {})}
        left = {name: value for name, value in environment.items() if value is not None}
        return ran(["/bin/bash", script, *arguments], left, tmp_path, timeout)

    return execute


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount small memory disks; skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk {len(mounted)}"
        folder.mkdir()
        done = (
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
            )
            if os.geteuid() == 0
            else None
        )
        if done is None or done.returncode:
            pytest.skip(f"no disk can be mounted here ({done.stderr.strip() if done else 'not root'})")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the fresh systems out unless they are asked for: they take minutes and gigabytes."""
    if collection_path.name == "test_fresh_systems.py" and not _fresh_systems(config):
        return True
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give ``fresh_system`` the systems that were asked for."""
    if "fresh_system" in metafunc.fixturenames:
        metafunc.parametrize("fresh_system", _fresh_systems(metafunc.config))


def _fresh_systems(config: pytest.Config) -> list[str]:
    return config.getoption("--fresh-systems") or (["12", "13", "testing"] if config.getoption("--all") else [])
