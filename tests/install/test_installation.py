"""A whole installation in a new home: install, ask the real GIMPs, again, paint, examine, uninstall.

PyTorch is that of the tests' own environment (``--packages-of``), because downloading gigabytes anew in every run
helps nobody; everything else is what a user gets.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.gimp import places as gimp_places
from tests.gimp.common import GimpUnavailable
from tests.install.conftest import REPOSITORY, output_of, own_environment

pytestmark = pytest.mark.slow


class Installation:
    """A home with an installation from a copy of the project, both at paths with spaces."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "a home with späces"
        self.home.mkdir()
        self.project = folder / "the project's copy"
        shutil.copytree(
            REPOSITORY,
            self.project,
            ignore=shutil.ignore_patterns(
                ".git", "__pycache__", "output", "build", "*.egg-info", ".*_cache", ".venv", ".hypothesis"
            ),
        )
        self.pictures = folder / "my pictures"
        self.pictures.mkdir()
        self.data = self.home / ".local/share/gimp-neural-style"
        self.environment = own_environment(self.home)

    def install_sh(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """Run install.sh and return what it says; it has to end well."""
        line = ["/bin/bash", self.project / "install.sh", *arguments]
        return output_of(line, environment or self.environment, folder=self.pictures)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("installation"))
    text = installation.install_sh("--packages-of", sys.executable)
    assert "Environment ready" in text
    yield installation
    installation.install_sh("--uninstall")
    assert list(installation.home.iterdir()) == []  # not even a folder


def test_second_run_takes_seconds_and_the_project_stays_clean(installed: Installation) -> None:
    started = time.monotonic()
    text = installed.install_sh()
    assert "is up to date" in text
    assert time.monotonic() - started < 10
    assert not (installed.project / "build").exists()
    assert not list(installed.project.glob("*.egg-info"))
    assert not list(installed.project.rglob("__pycache__"))
    program = installed.home / ".local/bin/neural-style"
    assert os.access(program, os.X_OK)
    # Who has lost the project's folder has the installer all the same, for a GIMP that came later.
    done = subprocess.run([program, "install"], env=installed.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "with torch" in done.stdout, done.stdout + done.stderr
    assert "is up to date" in installed.install_sh() and os.access(program, os.X_OK)


def test_upgrade_brings_the_new_code(installed: Installation) -> None:
    client = installed.project / "server" / "client.py"
    client.write_text(client.read_text(encoding="utf-8") + "\nNEWER = 1\n", encoding="utf-8")
    text = installed.install_sh()
    assert "Updating Neural Style" in text
    done = subprocess.run(
        [installed.data / "venv/bin/python", "-I", "-c", "import server.client as c; print(c.NEWER)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"


def test_demo_paints(installed: Installation) -> None:
    text = installed.install_sh("--demo", "--size", "96")
    result = installed.pictures / "neural-style-demo.png"
    beside = installed.pictures / "neural-style-demo-side-by-side.png"
    assert str(result) in text
    assert str(beside) in text
    with Image.open(result) as picture, Image.open(beside) as both:
        assert max(picture.size) == 96
        assert both.width > 2 * picture.width
        assert picture.convert("L").getextrema()[1] - picture.convert("L").getextrema()[0] > 50


def test_doctor_is_content_and_then_finds_what_is_broken(installed: Installation) -> None:
    assert "Everything works." in installed.install_sh("--doctor")
    keys = installed.home / ".local/state/gimp-neural-style/keys"
    keys.chmod(0o755)
    program = installed.home / ".local/bin/neural-style"
    done = subprocess.run(
        [program, "doctor", "--json"], env=installed.environment, capture_output=True, text=True, check=False
    )
    keys.chmod(0o700)
    assert done.returncode == 1
    bad = [each for each in json.loads(done.stdout)["findings"] if each["state"] == "bad"]
    assert "Keys" in [each["check"] for each in bad]
    assert all(each["remedy"] for each in bad)
    report = json.loads(installed.install_sh("--doctor", "--json"))
    assert report["good"]
    assert {"PyTorch", "Network weights", "Keys", "Test picture"} <= {each["check"] for each in report["findings"]}


@pytest.mark.gimp
@pytest.mark.parametrize("series", gimp_places.SERIES)
def test_each_gimp_gets_the_plugin_and_knows_it(
    installed: Installation, series: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if request.config.getoption("--no-gimp"):
        pytest.skip("--no-gimp")
    try:
        place = gimp_places.find(series)
    except GimpUnavailable as error:
        if request.config.getoption("--require-gimp"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    shared = place.make_shared_folder()  # GIMP may live in a root file system, and has to see the user's home
    try:
        home = shared / "home of mine"
        home.mkdir()
        environment = {
            **installed.environment,
            "HOME": str(home),
            "TMPDIR": str(shared),
            "XDG_DATA_HOME": str(installed.data.parent),
        }
        if place.root is not None:
            (tmp_path / "bin").mkdir()
            program = tmp_path / "bin" / "gimp-console"
            command = shlex.join(place.command("env", "PATH=/usr/bin:/bin", "TMPDIR=/tmp"))
            program.write_text(f'#!/bin/sh\nexec {command} gimp-console "$@"\n')
            program.chmod(0o755)
            environment["PATH"] = f"{program.parent}{os.pathsep}{environment['PATH']}"
        text = installed.install_sh(environment=environment)
        assert f"GIMP {place.version} knows the plug-in" in text, text
        profile = home / ".config" / "GIMP" / series
        assert (profile / "gimprc").exists() or (profile / "pluginrc").exists(), "GIMP made its folder itself"
        plugin = profile / "plug-ins" / "neural-style"
        known = json.loads((plugin / "installation.json").read_text(encoding="utf-8"))
        assert known["server_command"] == [str(installed.data / "venv/bin/python"), "-m", "server"]
        subprocess.run([*known["command_line"], "--help"], check=True, capture_output=True, cwd=tmp_path)
        assert Path(known["repair_command"][0]).name == "install.sh" and os.access(known["repair_command"][0], os.X_OK)
        assert not (home / ".cache").exists(), "a GIMP that was only asked left its caches"

        (plugin / "neural-style.py").write_text("this is no Python\n")
        assert f"GIMP {place.version} knows the plug-in" in installed.install_sh(environment=environment)  # mended
        # Undo it in the record that all homes of this test share, as --uninstall does.
        record = json.loads((installed.data / "record.json").read_text(encoding="utf-8"))
        assert str(plugin) in record["plugins"]
        assert str(profile) in record["gimp_folders"]
    finally:
        place.remove_shared_folder(shared)


def test_uninstall_leaves_only_what_is_the_users(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    (installation.home / "Documents").mkdir()
    # What a killed installation leaves, over which a whole one is made: half an environment, half a download.
    (installation.data / "venv" / "bin").mkdir(parents=True)
    (installation.data / "venv" / "bin" / "python").symlink_to("/usr/bin/python-that-was-replaced")
    (installation.data / "download-killed").mkdir()
    assert "Starting afresh" in installation.install_sh("--packages-of", sys.executable)
    assert not (installation.data / "download-killed").exists()
    (installation.data / "styles").mkdir(exist_ok=True)
    (installation.data / "styles" / "my painting.jpg").write_bytes(b"mine")
    program = installation.home / ".local/bin/neural-style"
    subprocess.run(
        [
            program,
            "style",
            *_samples(installation),
            "-o",
            installation.pictures / "x.png",
            "--size",
            "64",
            "--iterations",
            "2",
        ],
        env=installation.environment,
        capture_output=True,
        check=True,
    )
    assert (installation.home / ".local/state/gimp-neural-style/connection.json").exists()  # the server is running

    # A painting that could not be saved where it was wanted.
    kept = installation.home / ".local/state/gimp-neural-style/kept/result.png"
    kept.parent.mkdir()
    kept.write_bytes(b"painted")

    text = installation.install_sh("--uninstall")
    assert "server was running; it has ended" in text
    assert str(installation.data / "styles") in text and str(kept.parent) in text
    left = {path.relative_to(installation.home) for path in installation.home.rglob("*") if path.is_file()}
    assert left == {Path(".local/share/gimp-neural-style/styles/my painting.jpg"), kept.relative_to(installation.home)}

    (installation.data / "styles" / "my painting.jpg").unlink()
    kept.unlink()
    installation.install_sh("--uninstall")
    assert [path for path in installation.home.rglob("*") if not path.is_dir()] == []


def _samples(installation: Installation) -> tuple[Path, Path]:
    samples = installation.project / "samples"
    return sorted((samples / "content").glob("*.jpg"))[0], sorted((samples / "styles").glob("*.jpg"))[0]
