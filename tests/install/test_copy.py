"""The installer's copy beside the environment stands alone: any Python runs it, without checkout and packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from installer import main, places
from server.cli import doctor
from tests.install.conftest import own_environment


@pytest.fixture
def own(home: Path) -> places.Places:
    """The places of a home that has nothing but the copy."""
    found = places.find({"HOME": str(home)})
    places.make_folder(found.data)
    main._copy_installer(found)
    return found


def run(own: places.Places, *arguments: str) -> str:
    """What the copy says, by a Python that has the standard library only."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", own.installer_copy / "installer" / "__main__.py", *arguments],
        env={**own_environment(own.home), "PATH": os.devnull},
        cwd=own.home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def test_it_looks_at_the_gimps_and_takes_itself_away(own: places.Places) -> None:
    folder = own.gimp / "3.0"
    folder.mkdir(parents=True)
    (gimp,) = json.loads(run(own, "--gimps-json"))["gimps"]
    assert gimp["folder"] == str(folder) and not gimp["installed"]
    assert "Neural Style is removed." in run(own, "--uninstall")
    assert not own.data.exists() and folder.is_dir()


def test_the_doctor_finds_it(own: places.Places, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**own_environment(own.home), "PATH": os.devnull}.items():
        monkeypatch.setenv(name, value)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "GIMP3_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    (own.gimp / "3.0").mkdir(parents=True)
    (said,) = doctor._gimps()
    assert (said.check, said.state) == ("GIMP 3.0", "bad") and "The plug-in is not in" in said.sentence


def test_a_second_copy_replaces_the_first(own: places.Places) -> None:
    (own.installer_copy / "installer" / "former.py").touch()
    main._copy_installer(own)
    assert not (own.installer_copy / "installer" / "former.py").exists()
    assert {path.name for path in own.installer_copy.iterdir()} == {"installer", "stylecore"}
