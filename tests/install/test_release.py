"""What is released is complete: the wheel, the source archive, and the zip; and all say the same version."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from pathlib import Path

from gimp_plugin import assemble
from installer import release
from installer.environment.environment import PACKAGES, read_checkout
from server import protocol
from stylecore import system
from tests.install.conftest import REPOSITORY, Run


def package_files() -> set[str]:
    """Every file of the packages that git knows or a user would copy."""
    return {str(path) for path in release.files(REPOSITORY) if path.parts[0] in PACKAGES}


def carried_files() -> set[str]:
    """Every file that the wheel carries besides, for ``neural-style install``."""
    folders = ("installer", "gimp_plugin/neural-style", "samples/content", "samples/styles")
    names = {path.as_posix() for path in release.files(REPOSITORY) if not path.name.startswith(".")}
    found = {name for name in names if name.startswith(folders)}
    assert {"installer/main.py", "gimp_plugin/neural-style/neural-style.py", "samples/content/harbour.jpg"} <= found
    pictures = {f"docs/pictures/{name}" for name in ("dialog.jpg", "dialog-light.png", "painting.jpg")}  # of the help page
    programs = {f"gimp_plugin/{name}.py" for name in ("assemble", "catalogues", "help")}
    return found | pictures | programs | {"pyproject.toml", "setup.py"}


def test_the_wheel_holds_every_file_of_the_packages(built: Path) -> None:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
        metadata = wheel.read(f"{info}/METADATA").decode()
        entries = wheel.read(f"{info}/entry_points.txt").decode()
    carried = {f"{system.CARRIED}/{name}" for name in carried_files()}
    assert {name for name in names if not name.startswith(info)} == package_files() | carried
    assert f"\nVersion: {protocol.VERSION}\n" in metadata
    assert "neural-style = server.cli.main:main" in entries
    assert f"{info}/licenses/LICENSE" in names


def test_the_source_archive_builds_the_same(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert package_files() | carried_files() | {"README.md", "LICENSE"} <= names


def test_the_version_stands_in_one_place() -> None:
    assert read_checkout(REPOSITORY).version == protocol.VERSION
    assert not re.search(r'^version = "', (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    first = re.search(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None and first.group(1) == protocol.VERSION, "say in CHANGELOG.md what this version brings"


def test_the_zip_is_enough_to_install_from(tmp_path: Path, run: Run) -> None:
    made = release.make(tmp_path / "release")
    assert made.read_bytes() == release.make(tmp_path / "again").read_bytes()
    assert made.stat().st_size < 12_000_000
    # As unzip does it, with the modes.
    with zipfile.ZipFile(made) as archive:
        for entry in archive.infolist():
            archive.extract(entry, tmp_path / "unpacked")
            (tmp_path / "unpacked" / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
    (folder,) = (tmp_path / "unpacked").iterdir()
    assert folder.name == f"gimp-neural-style-{protocol.VERSION}"
    assert (folder / "install.sh").stat().st_mode & 0o111
    assert read_checkout(folder).code_digest == read_checkout(REPOSITORY).code_digest
    done = run("--doctor", script=folder / "install.sh")  # the installer starts, and all its modules are there
    assert "is not installed for this user" in done.stdout
    again = run("--doctor", script=folder / "install.command")  # what a Mac's user clicks on
    assert again.returncode == done.returncode == 1 and "is not installed for this user" in again.stdout
    installation = assemble.installation(protocol.VERSION, sys.executable)
    assemble.assemble(tmp_path / "plug-ins" / "neural-style", folder, installation)
    assert (tmp_path / "plug-ins" / "neural-style" / "locale").is_dir()
