"""Make the Python environment that the tests run in, in the tests' cache folder; nothing to do when it is up to date.

    python3 -m tests.environment

It holds what the project and its tests depend on, torch chosen as the installer chooses it, but not the project: the
tests import the checkout they belong to, so that one environment serves them all.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import sys
import tempfile
from pathlib import Path

from installer.common import console
from installer.common.errors import InstallError
from installer.common.processes import answer, pip
from installer.environment import torch_build
from installer.environment.environment import read_checkout
from tests.gimp.common import REPOSITORY, cache_folder


def requirements(project: str) -> list[str]:
    """Everything that the text of a pyproject.toml names as a dependency, for the tests and for clusters too."""
    # tomllib came with Python 3.11, and 3.10 must do.
    lists = re.findall(r"^(?:dependencies|cluster|tests) = \[(.*?)\]$", project, re.MULTILINE | re.DOTALL)
    return re.findall(r'"(.+?)"', "\n".join(lists))


def make(venv: Path) -> None:
    """Make or update the environment ``venv``.

    Raises:
        InstallError: it cannot be made; with what to do.
    """
    checkout = read_checkout(REPOSITORY)
    needed = requirements((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    python = venv / "bin" / "python"
    digest = hashlib.sha256("\n".join([sys.version, *needed]).encode()).hexdigest()
    stamp = venv / "neural-style-tests"
    if stamp.is_file() and stamp.read_text() == digest and answer([python, "-c", ""], 30)[0] == 0:
        return
    console.step(f"Preparing the tests' Python environment in {venv} (once)")
    stamp.unlink(missing_ok=True)
    if answer([python, "-m", "pip", "--version"], 60)[0] != 0 or not _same_python(python):
        shutil.rmtree(venv, ignore_errors=True)
        code, text = answer([sys.executable, "-m", "venv", venv], 300)
        if code:
            raise InstallError(
                "Python's venv module could not make an environment.",
                f"On Debian or Ubuntu: apt install python3.{sys.version_info.minor}-venv; then run tests/run again.",
                text[-1500:],
            )
    with tempfile.TemporaryDirectory(prefix="download-", dir=venv.parent) as folder:
        if torch_build.works(python) is None:
            torch_build.install(python, list(checkout.torch_requirements), torch_build.choose("auto"), Path(folder))
        pip(python, ["install", *needed], temporary=Path(folder), show=console.detail)
    stamp.write_text(digest)
    console.good("The tests' Python environment is ready")


def _same_python(python: Path) -> bool:
    code, text = answer([python, "-c", "import sys; print(sys.version)"], 30)
    return code == 0 and text.strip() == sys.version.strip()


def main() -> int:
    """Make it, one run at a time; returns the exit status."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            make(cache / "venv")
        except InstallError as error:
            console.fail(error)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
