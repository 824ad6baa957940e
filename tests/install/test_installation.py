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
    """An installation over what a killed one has left: half an environment, half a download."""
    installation = Installation(tmp_path_factory.mktemp("installation"))
    (installation.data / "venv" / "bin").mkdir(parents=True)
    (installation.data / "venv" / "bin" / "python").symlink_to("/usr/bin/python-that-was-replaced")
    (installation.data / "download-killed").mkdir()
    text = installation.install_sh("--packages-of", sys.executable)
    assert "Starting afresh" in text and "Environment ready" in text
    assert not (installation.data / "download-killed").exists()
    yield installation
    installation.install_sh("--uninstall")


def test_second_run_takes_seconds_and_the_project_stays_clean(installed: Installation) -> None:
    started = time.monotonic()
    text = installed.install_sh()
    assert "is up to date" in text
    assert time.monotonic() - started < 60
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
    client = installed.project / "server" / "client" / "client.py"
    client.write_text(client.read_text(encoding="utf-8") + "\nNEWER = 1\n", encoding="utf-8")
    text = installed.install_sh()
    assert "Updating Neural Style" in text
    done = subprocess.run(
        [installed.data / "venv/bin/python", "-I", "-c", "import server.client.client as c; print(c.NEWER)"],
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

        if series == gimp_places.SERIES[-1]:
            (plugin / "neural-style.py").write_text("this is no Python\n")
            assert f"GIMP {place.version} knows the plug-in" in installed.install_sh(environment=environment)  # mended
        # Undo it in the record that all homes of this test share, as --uninstall does.
        record = json.loads((installed.data / "record.json").read_text(encoding="utf-8"))
        assert str(plugin) in record["plugins"]
        assert str(profile) in record["gimp_folders"]
    finally:
        place.remove_shared_folder(shared)


def test_uninstall_ends_the_server_and_leaves_nothing(installed: Installation) -> None:
    line = [installed.home / ".local/bin/neural-style", "style", *_samples(installed), "-o", installed.pictures / "x.png"]
    subprocess.run([*line, "--size", "64", "--iterations", "2"], env=installed.environment, capture_output=True, check=True)
    assert (installed.home / ".local/state/gimp-neural-style/connection.json").exists()  # the server is running
    assert "server was running; it has ended" in installed.install_sh("--uninstall")
    left = [path.relative_to(installed.home).as_posix() for path in installed.home.rglob("*")]
    assert left == [".local", ".local/share"]  # not even a folder, but for those that were there
    assert "Nothing is installed." in installed.install_sh("--uninstall")


def _samples(installed: Installation) -> tuple[Path, Path]:
    samples = installed.project / "samples"
    return sorted((samples / "content").glob("*.jpg"))[0], sorted((samples / "styles").glob("*.jpg"))[0]
