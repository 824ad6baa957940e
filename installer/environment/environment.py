"""The virtual environment of the server and the command line."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installer.common import console, remedies, system
from installer.common.errors import InstallError, disk_full
from installer.common.places import Places, make_folder
from installer.common.processes import answer, clean_environment, pip
from installer.environment import damage, gpu_check, torch_build

PACKAGES = ("stylecore", "server")
#: What the wheel carries besides, in a folder beside them (setup.py).
CARRIED = ("installer", "gimp_plugin", "samples")
#: What says how they are built.
_BUILD_FILES = ("pyproject.toml", "setup.py")

#: Holds the project's version, the only place where it stands.
VERSION_FILE = "server/protocol.py"

#: What the environment itself needs, without PyTorch: packages, the server's log, the plug-in.
OTHER_BYTES = 400_000_000

#: Characters of the longest file name within the environment: PyTorch 2.14 has 137, and a later one may have more.
LONGEST_NAME = 150
#: Characters that a whole file name may have on Windows unless it is told to take more.
MOST_CHARACTERS = 259


@dataclass(frozen=True)
class Checkout:
    """The copy of the project that is being installed; in a wheel, the folder that it carries."""

    folder: Path
    version: str
    requirements: tuple[str, ...]
    torch_requirements: tuple[str, ...]
    code_digest: str
    needs_digest: str


def read_checkout(folder: Path) -> Checkout:
    """Read what there is to install in ``folder``.

    Raises:
        InstallError: it is not a complete checkout.
    """
    packages = folder if (folder / PACKAGES[0]).is_dir() else folder.parent
    try:
        project = (folder / "pyproject.toml").read_text(encoding="utf-8")
        protocol = (packages / VERSION_FILE).read_text(encoding="utf-8")
        code = hashlib.sha256(project.encode())
        rooms = (*(packages / name for name in PACKAGES), *(folder / name for name in CARRIED))
        files = [path for room in rooms for path in sorted(room.rglob("*")) if path.is_file()]
        for path in files:
            name = path.relative_to(packages)
            if "__pycache__" not in name.parts and not any(part.startswith(".") for part in name.parts):
                code.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    except FileNotFoundError as error:
        raise InstallError(
            f"This copy of the project is incomplete: {error.filename} is missing.", "Get a fresh clone and try again."
        ) from error
    # tomllib came with Python 3.11, and 3.10 must do.
    version = re.search(r'^VERSION = "(.+)"', protocol, re.MULTILINE)
    dependencies = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    if version is None or dependencies is None or not files:
        raise InstallError(f"{folder} is no complete copy of the project.", "Get a fresh clone and try again.")
    needs = re.findall(r'^\s*"(.+?)"', dependencies.group(1), re.MULTILINE)
    return Checkout(
        folder=folder,
        version=version.group(1),
        requirements=tuple(needs),
        torch_requirements=tuple(need for need in needs if re.match(r"torch(vision)?\b", need)),
        code_digest=code.hexdigest(),
        needs_digest=hashlib.sha256("\n".join(needs).encode()).hexdigest(),
    )


def check_interpreter() -> None:
    """Check that this interpreter can run the server.

    Raises:
        InstallError: it is a 32-bit one or the Microsoft Store's, or of a Mac that PyTorch has no builds for.
    """
    if system.is_from_store(Path(sys.base_prefix)):
        raise InstallError(
            "This Python is the Microsoft Store's, whose files are in a place of their own, where GIMP's plug-in does not "
            "find them.",
            f"Get Python from https://www.python.org/downloads/windows/ and run {system.INSTALLER} again.",
        )
    if sys.maxsize < 2**32:
        raise InstallError("PyTorch needs a 64-bit Python; this one has 32 bits.", "Install a 64-bit system or Python.")
    if (unfit := system.unfit_mac(sys.platform, platform.machine(), platform.mac_ver()[0])) is not None:
        raise InstallError(*unfit)


def check_python() -> None:
    """Check that this interpreter can make the environment.

    Raises:
        InstallError: it cannot run the server, or its venv module is missing or incomplete.
    """
    check_interpreter()
    try:
        import ensurepip  # noqa: F401  (Debian and Ubuntu package it apart, and venv fails half way without it)
        import venv  # noqa: F401
    except ImportError as error:
        raise InstallError(
            f"Python's venv module is missing ({sys.executable}).",
            f"{remedies.get_venv()}; then run {system.INSTALLER} again.",
        ) from error


def check_names(folder: Path) -> None:
    """Check that the names of an environment's files in ``folder`` are not too long for this system.

    Raises:
        InstallError: they are.
    """
    longest = len(f"{folder}/") + LONGEST_NAME
    if longest > MOST_CHARACTERS and not system.takes_long_names():
        raise InstallError(
            f"The folder {folder} has too long a name: with PyTorch's files in it there are {longest} characters, and this "
            f"Windows allows {MOST_CHARACTERS}.",
            "Let it allow more, in a command line as administrator: reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\"
            f"FileSystem /v LongPathsEnabled /t REG_DWORD /d 1 /f; then run {system.INSTALLER} again.",
        )


def read_stamp(places: Places) -> dict[str, Any] | None:
    """Return what the environment says is in it, or None if it is absent, incomplete or broken."""
    try:
        stamp = json.loads(places.stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    # The system's Python may have been replaced under the environment since.
    code, text = answer([places.python, "-I", "-c", "import sys; print(sys.version_info[:2])"], 30)
    return stamp if code == 0 and isinstance(stamp, dict) and text.strip() == stamp.get("python") else None


def _write_stamp(places: Places, checkout: Checkout, torch: str, build: str) -> None:
    code, python = answer([places.python, "-I", "-c", "import sys; print(sys.version_info[:2])"], 30)
    if code:
        raise InstallError("The new Python environment does not start.", f"Run {system.INSTALLER} again.", python)
    stamp = {
        "version": checkout.version,
        "code": checkout.code_digest,
        "needs": checkout.needs_digest,
        "python": python.strip(),
        "torch": torch,
        "build": build,
    }
    new = places.stamp.with_suffix(".new")
    new.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
    new.replace(places.stamp)


def is_current(places: Places, checkout: Checkout, build: str) -> bool:
    """Return whether the environment is complete and holds this very checkout (and the build asked for)."""
    stamp = read_stamp(places)
    return (
        stamp is not None
        and (stamp["code"], stamp["needs"]) == (checkout.code_digest, checkout.needs_digest)
        and build in ("auto", stamp["build"])
    )


def needs_nothing(places: Places, checkout: Checkout, build: str) -> bool:
    """Return whether the environment is complete, holds this very checkout, and nothing of it is damaged."""
    return is_current(places, checkout, build) and not damage.damaged(places)


def check_space(folder: Path, needed: int) -> None:
    """Check the free space of the disk that holds (or will hold) ``folder``.

    Raises:
        InstallError: there is less than ``needed`` bytes.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        error = disk_full(folder)
        raise InstallError(
            f"There is not enough space on the disk that holds {folder}: {free / 1e9:.1f} GB are free, "
            f"{needed / 1e9:.1f} GB are needed.",
            error.remedy,
        )


@contextlib.contextmanager
def _temporary(places: Places) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="download-", dir=places.data))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(places: Places) -> None:
    """Remove the downloads of a run that was killed."""
    for folder in places.data.glob("download-*"):
        shutil.rmtree(folder, ignore_errors=True)


def make(places: Places, checkout: Checkout, build: str, lender: Path | None = None) -> bool:
    """Make or update the environment; returns whether anything had to be done.

    A first installation that fails is removed again; an update that fails before it has changed anything leaves the
    former version in use. ``lender`` is a Python whose PyTorch to use instead of installing one.

    Raises:
        InstallError: it cannot be made.
    """
    broken = damage.damaged(places) if read_stamp(places) is not None else []
    if any(map(damage.is_foundation, broken)):
        console.step(f"Damaged: {', '.join(broken)}")
        places.stamp.unlink()
    elif broken:
        _mend(places, checkout, broken)
    if is_current(places, checkout, build):
        return bool(broken)
    check_python()
    check_names(places.venv)
    stamp = read_stamp(places)
    with _temporary(places) as temporary:
        if stamp is not None and build in ("auto", stamp["build"]):
            _update(places, checkout, stamp, temporary)
        else:
            if places.venv.exists():
                console.step("Starting afresh: the environment that is here is unfinished, damaged or of another kind")
                shutil.rmtree(places.venv)
            try:
                _build(places, checkout, build, temporary, lender)
            except BaseException:  # Ctrl-C too: it goes on its way, but leaves nothing half made
                shutil.rmtree(places.venv, ignore_errors=True)
                if places.venv.exists():
                    console.warn(f"{places.venv}, which is unfinished, cannot be removed; the next run begins with that.")
                raise
    return True


def _build(places: Places, checkout: Checkout, build: str, temporary: Path, lender: Path | None) -> None:
    started = time.monotonic()
    console.step(f"Making a Python environment in {places.venv}")
    chosen = torch_build.OWN if lender is not None else torch_build.choose(build)
    check_space(places.data, torch_build.bytes_needed(chosen) + OTHER_BYTES)
    make_folder(places.venv.parent)
    code, text = answer([sys.executable, "-m", "venv", places.venv], 300)
    if code:
        if "No space left" in text:
            raise disk_full(places.venv, text)
        raise InstallError(
            "Python's venv module could not make an environment.",
            f"{remedies.get_venv()}; then run {system.INSTALLER} again.",
            text[-1500:],
        )
    if lender is not None:
        torch_build.borrow(places.python, lender)
    else:
        console.step("Installing PyTorch (the longest part: minutes, depending on the network)")
    torch = torch_build.install(places.python, list(checkout.torch_requirements), chosen, temporary)
    console.step(f"Installing Neural Style {checkout.version}")
    _install_package(places, checkout, temporary, ["install"])
    _write_stamp(places, checkout, torch, chosen)
    console.good(f"Environment ready: torch {torch}, {time.monotonic() - started:.0f} s")
    if build != "cpu":  # who asked for the processor need not be told
        gpu_check.tell(places.python)


def _update(places: Places, checkout: Checkout, stamp: dict[str, Any], temporary: Path) -> None:
    was = stamp["version"]
    console.step(f"Updating Neural Style {was}" + (f" to {checkout.version}" if was != checkout.version else ""))
    check_space(places.data, OTHER_BYTES)
    torch = stamp["torch"]
    try:
        if stamp["needs"] != checkout.needs_digest:
            torch = torch_build.install(places.python, list(checkout.torch_requirements), stamp["build"], temporary)
            _install_package(places, checkout, temporary, ["install"])
            gpu_check.tell(places.python)
        _install_package(places, checkout, temporary, ["install", "--no-deps", "--force-reinstall"])
    except BaseException as error:  # Ctrl-C too: it goes on its way, but what is left is looked at, and told
        still_good = torch_build.works(places.python) and _imports(places)
        if not still_good:
            places.stamp.unlink(missing_ok=True)
            console.warn("The version that was installed no longer works; the next run makes the environment anew.")
        elif isinstance(error, InstallError):
            error.remedy += " Until then the version that was installed goes on working."
        raise
    _write_stamp(places, checkout, torch, stamp["build"])
    console.good(f"Updated to {checkout.version}")


def adopt(places: Places, checkout: Checkout, build: str) -> None:
    """Make do with the environment that this program runs in, which pip, pipx or uv has made.

    Its PyTorch stays, unless another ``build`` is asked for, or the registry's does not serve the GPU that is here.

    Raises:
        InstallError: that PyTorch does not work, or another one cannot be installed.
    """
    check_interpreter()
    torch = torch_build.works(places.python)
    wanted = torch_build.choose_instead(places.python, build)
    if torch is None and wanted is None:
        wanted = torch_build.choose(build)
    if wanted is not None:
        console.step("Installing another build of PyTorch (minutes, depending on the network)")
        check_space(places.venv, torch_build.bytes_needed(wanted))
        with _temporary(places) as temporary:
            torch = torch_build.install(places.python, list(checkout.torch_requirements), wanted, temporary, anew=True)
        if places.stamp.is_file():
            _write_stamp(places, checkout, torch, wanted)
    console.good(f"Neural Style {checkout.version} with torch {torch}, in {places.venv}")
    if build != "cpu":
        gpu_check.tell(places.python)


def _mend(places: Places, checkout: Checkout, broken: list[str]) -> None:
    """Install packages (``name==version``) anew that are damaged."""
    console.step(f"Damaged: {', '.join(broken)}; installing anew")
    with _temporary(places) as temporary:
        others = [package for package in broken if not package.startswith("gimp_neural_style==")]
        if others:
            command = ["install", "--force-reinstall", "--no-deps", *others]
            pip(places.python, command, temporary=temporary, show=console.detail)
        if others != broken:
            _install_package(places, checkout, temporary, ["install", "--no-deps", "--force-reinstall"])


def _imports(places: Places) -> bool:
    code, _ = answer([places.python, "-I", "-c", "import server.cli.main, server.client.client"], 60, clean_environment())
    return code == 0


def _install_package(places: Places, checkout: Checkout, temporary: Path, command: list[str]) -> None:
    """Install the project from a copy, because building leaves files in the folder that is built."""
    copy = temporary / "project"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for name in (*_BUILD_FILES, "README.md", "LICENSE"):
        shutil.copyfile(checkout.folder / name, copy / name)
    for room in (*PACKAGES, *CARRIED):
        shutil.copytree(
            checkout.folder / room,
            copy / room,
            copy_function=shutil.copyfile,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
    pip(places.python, [*command, os.fspath(copy)], temporary=temporary, show=console.detail)
    if not _imports(places):
        raise InstallError(
            "Neural Style is installed but does not start.",
            f"This copy of the project may be incomplete: get a fresh clone and run {system.INSTALLER} again.",
            answer([places.python, "-I", "-c", "import server.cli.main"], 60, clean_environment())[1][-1500:],
        )


def describe_machine() -> str:
    """Return one line about this machine for reports."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
