"""Where there is no Python, the script fetches one with uv, whose sum it knows. Only the network is a stand-in: ``curl``.

What it "fetches" is an archive of the tests', with a uv that "installs" the tests' own Python.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from installer.common import places
from tests.install.conftest import REPOSITORY, Run

SCRIPTS = {name: (REPOSITORY / name).read_text("utf-8") for name in ("install.sh", "install.cmd")}
(UV,) = set(re.findall(r'^(?:set ")?uv=([\d.]+)"?$', "\n".join(SCRIPTS.values()), re.MULTILINE))
CURL = """#!/bin/bash
while [ $# -gt 0 ]; do
    case "$1" in --output) file=$2; shift ;; https://*) echo "$1" >>"{log}" ;; esac
    shift
done
[ -f "{served}" ] || { echo "curl: (6) Could not resolve host" >&2; exit 6; }
cp "{served}" "$file"
"""
#: Its Python is where a real uv puts one, and named so.
UV_PROGRAM = """#!/bin/bash
[ "$*" = "python install --no-config --no-bin 3.13" ] || exit 2
folder="$UV_PYTHON_INSTALL_DIR/cpython-3.13.7-here/bin"
mkdir -p "$folder" && printf '#!/bin/sh\\nexec "%s" "$@"\\n' "{python}" >"$folder/python3" && chmod +x "$folder/python3"
"""
SYSTEMS = {
    ("Linux", "x86_64"): "x86_64-unknown-linux-gnu",
    ("Linux", "aarch64"): "aarch64-unknown-linux-gnu",
    ("Darwin", "arm64"): "aarch64-apple-darwin",
}


class Bare:
    """A system without a Python, and a copy of what the installer needs to start."""

    def __init__(self, folder: Path, home: Path, run: Run) -> None:
        self.home, self._run = home, run
        self.programs, self.log, self.served = folder / "bin", folder / "curl.log", folder / "served.tar.gz"
        self.programs.mkdir()
        for name in ("mkdir", "rm", "rmdir", "cp", "cat", "chmod", "sha256sum", "tar", "gzip"):
            (self.programs / name).symlink_to(shutil.which(name) or pytest.skip(f"no {name}"))
        self.be("Linux", "x86_64")
        self.program("curl", CURL.replace("{log}", str(self.log)).replace("{served}", str(self.served)))
        self.project = folder / "the project"
        for name in ("installer", "stylecore"):
            shutil.copytree(REPOSITORY / name, self.project / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(REPOSITORY / "install.sh", self.project)

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def be(self, system: str, machine: str) -> None:
        self.program("uname", f'#!/bin/bash\ncase "$1" in -s) echo {system} ;; -m) echo {machine} ;; esac\n')

    def serve(self, *, expected: bool) -> None:
        """Have uv's archive to be fetched; with ``expected``, it is the one that the script knows."""
        program = UV_PROGRAM.replace("{python}", sys.executable).encode()
        with tarfile.open(self.served, "w:gz") as file:
            for built in SYSTEMS.values():
                entry = tarfile.TarInfo(f"uv-{built}/uv")
                entry.size, entry.mode = len(program), 0o755
                file.addfile(entry, io.BytesIO(program))
        if expected:
            sum_ = hashlib.sha256(self.served.read_bytes()).hexdigest()
            (self.project / "install.sh").write_text(re.sub(r"\bsum=[0-9a-f]{64}", f"sum={sum_}", SCRIPTS["install.sh"]))

    def install(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run(*arguments, script=self.project / "install.sh", variables={"PATH": str(self.programs)})

    def fetched(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def bare(tmp_path: Path, home: Path, run: Run) -> Bare:
    return Bare(tmp_path, home, run)


@pytest.mark.parametrize(("system", "machine"), SYSTEMS, ids="-".join)
def test_it_is_fetched_once_and_lies_with_all_that_is_ours(bare: Bare, system: str, machine: str) -> None:
    bare.be(system, machine)
    bare.serve(expected=True)
    for _ in range(2):
        done = bare.install("--gimps-json")
        assert done.returncode == 0, done.stdout
        assert json.loads(done.stdout.splitlines()[-1])["gimps"] == []
    (url,) = bare.fetched()
    assert url == f"https://github.com/astral-sh/uv/releases/download/{UV}/uv-{SYSTEMS[system, machine]}.tar.gz"
    own = places.find({"HOME": str(bare.home)}, system.lower())
    assert [path.name for path in own.data.iterdir()] == ["python"] and own.own_python.is_dir()


def test_one_with_another_sum_is_not_run(bare: Bare) -> None:
    bare.serve(expected=False)
    done = bare.install()
    assert done.returncode == 1 and "is not what it should be (SHA-256 " in done.stdout
    assert not [path for path in bare.home.rglob("*") if path.is_file()]


def test_without_a_network_it_says_what_to_install(bare: Bare) -> None:
    done = bare.install()
    assert done.returncode == 1 and "Could not resolve host" in done.stdout
    assert "Python 3 was not found" in done.stdout and "sudo apt install python3" in done.stdout
    assert len(bare.fetched()) == 1
    bare.be("Darwin", "arm64")
    done = bare.install()
    assert "https://www.python.org/downloads/macos/" in done.stdout and "apt" not in done.stdout
    assert not [path for path in bare.home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("asked", ["--uninstall", "--doctor", "--offline=wheels", "--help"])
def test_it_is_not_fetched_for_what_needs_no_network(bare: Bare, asked: str) -> None:
    bare.serve(expected=True)
    assert bare.install(asked).returncode == 1
    assert bare.fetched() == []
