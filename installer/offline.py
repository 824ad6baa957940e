"""Installing without a network: filling a folder with all that an installation downloads, and using it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from installer.common import console, remedies, system
from installer.common.errors import InstallError
from installer.common.places import make_folder, program_of
from installer.common.processes import OFFLINE, answer, pip
from installer.environment import torch_build
from installer.environment.environment import Checkout
from installer.gimps import plugins

#: What builds the project's own package.
BUILD_TOOLS = ("setuptools>=77", "wheel")


def use(folder: Path) -> None:
    """Let pip take everything from ``folder`` from now on.

    Raises:
        InstallError: it holds no wheels.
    """
    folder = folder.absolute()
    if not any(folder.glob("*.whl")):
        raise InstallError(
            f"There are no wheels in {folder}.", f"Fill it with {system.DOWNLOAD} on a computer with a network."
        )
    os.environ[OFFLINE] = str(folder)


def download(checkout: Checkout, folder: Path, build: str) -> None:
    """Fill ``folder`` with the wheels for a computer like this one: same system, same version of Python.

    Raises:
        InstallError: something cannot be downloaded.
    """
    make_folder(folder)
    with tempfile.TemporaryDirectory(prefix="neural-style-", dir=folder) as name:
        python = program_of(Path(name) / "venv", "python")
        code, text = answer([sys.executable, "-m", "venv", Path(name) / "venv"], 300)
        if code:
            raise InstallError(
                "Python's venv module could not make an environment.", f"{remedies.get_venv()}.", text[-1500:]
            )
        rest = [need for need in checkout.requirements if need not in checkout.torch_requirements]
        fetch(
            python,
            list(checkout.torch_requirements),
            folder,
            Path(name),
            torch_build.ways(python, torch_build.choose(build))[0][1],
        )
        # The folder itself is searched too, so that nothing brings a second PyTorch of another build.
        fetch(python, [*checkout.torch_requirements, *rest, *BUILD_TOOLS], folder, Path(name))
        for version in (*plugins.OLDER, plugins.STABLE_ABI):
            options = ["--only-binary=:all:", "--no-deps", "--python-version", version]
            fetch(python, [*options, "pyzmq>=26"], folder, Path(name))
    size = sum(path.stat().st_size for path in folder.glob("*.whl"))
    console.good(f"{len(list(folder.glob('*.whl')))} wheels, {size / 1e6:.0f} MB, are in {folder}")
    console.detail(f"On the other computer: {system.INSTALLER} --offline {folder.name}")


def fetch(python: Path, what: list[str], folder: Path, temporary: Path, environment: dict[str, str] | None = None) -> None:
    """Download the requirements ``what`` into ``folder`` with the pip of ``python``.

    Raises:
        InstallError: they cannot be had.
    """
    pip(
        python,
        ["download", "--find-links", folder, "-d", folder, *what],
        temporary=temporary,
        show=console.detail,
        environment=environment,
    )
